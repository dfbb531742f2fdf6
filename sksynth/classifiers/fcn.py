"""Fully convolutional classifier of signals."""

from numbers import Integral

from sklearn.utils._param_validation import Interval

from sksynth.classifiers._base import BaseSignalClassifier
from sksynth.nn.fcn import FCNNetwork


class FCNClassifier(BaseSignalClassifier):
    """Fully convolutional network, a strong and simple baseline for time series.

    Of Wang, Yan and Oates [1]_: three convolutions (8, 5 and 3 samples wide), each with
    batch normalisation and ReLU, the mean over time, and one dense layer. So it takes
    signals of any length, and its features do not say when something happened.
    Channels are standardised inside, by the training signals. Loss is the
    cross-entropy, each row once an epoch. Weights, and the running statistics of the
    batch normalisation with them, are averaged over the steps.

    Parameters
    ----------
    n_filters : int, default=128
        Channels of the first and the third convolution; the second has twice as many.
    class_weight : {"balanced"}, dict or None, default=None
        Weights of the classes in the loss, as in scikit-learn. ``"balanced"`` is
        n_samples / (n_classes * rows of the class).
    validation_fraction : float in (0, 1) or None, default=None
        Share of each class that is held out. Training then stops when the loss of
        these rows has not fallen by 1e-5 for 10 epochs, and the weights of the best
        epoch come back. An :class:`sksynth.training.EarlyStopping` among ``callbacks``
        takes its place. None trains for ``max_epochs``.
    max_epochs : int, default=30
        Passes through the training rows.
    batch_size : int, default=32
        Rows a step.
    lr : float, default=4e-3
        Highest learning rate of AdamW: it warms up, then falls along a cosine.
    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device name.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Precision of training. ``"auto"`` is bf16 autocast where the hardware has it.
        Predictions are in float32.
    compile : bool, default=False
        Train through ``torch.compile``.
    callbacks : list of skorch callbacks, default=None
        For example :class:`sksynth.training.EarlyStopping`.
    random_state : int, RandomState or None, default=None
        Fixes the weights and the training. No global generator is touched.
    verbose : int, default=0
        1 prints about twenty lines of progress, 2 one an epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels seen by ``fit``, sorted.
    network_ : torch.nn.Module
        The trained network.
    history_ : dict of list of float
        One number an epoch: ``train_loss`` (in nats, with dropout), ``train_accuracy``
        and, where rows are held out, ``valid_loss`` and ``valid_accuracy``.
    fine_tuning_history_ : dict of list of float
        The same of ``fine_tune``, once it was called.
    n_iter_ : int
        Epochs trained by ``fit``.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: channels, or times of one channel.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    Notes
    -----
    The setting behind the published Frechet distances and inception scores of
    Time-VQVAE [2]_::

        FCNClassifier(lr=1e-3, max_epochs=1000, batch_size=256)

    References
    ----------
    .. [1] Wang, Yan and Oates, "Time series classification from scratch with deep
       neural networks: a strong baseline", IJCNN 2017.
    .. [2] Lee, Malacarne and Aune, "Vector quantized time series generation with a
       bidirectional prior model", AISTATS 2023.

    Examples
    --------
    Slow sines and fast ones:

    >>> import numpy as np
    >>> from sksynth.classifiers import FCNClassifier
    >>> phase = np.linspace(0, 6, 40)[:, None]
    >>> cycles = np.tile([2, 8], 20)[:, None]
    >>> X = np.sin(2 * np.pi * cycles * np.arange(128) / 128 + phase)
    >>> y = np.tile(["slow", "fast"], 20)
    >>> fcn = FCNClassifier(n_filters=16, max_epochs=20, random_state=0).fit(X, y)
    >>> fcn.predict(X[:3]).tolist()
    ['slow', 'fast', 'slow']
    >>> fcn.features(X[:3]).shape
    (3, 16)
    """

    _parameter_constraints: dict = {
        **BaseSignalClassifier._parameter_constraints,
        "n_filters": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_filters=128,
        class_weight=None,
        validation_fraction=None,
        max_epochs=30,
        batch_size=32,
        lr=4e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.n_filters = n_filters
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _make_network(self, signal_shape, n_classes):
        return FCNNetwork(signal_shape, n_classes, n_filters=self.n_filters)
