"""Residual convolutional classifier of signals."""

import warnings
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

from sksynth._estimator import outside
from sksynth.classifiers._base import BaseSignalClassifier
from sksynth.nn.cnn1d import CNN1DNetwork, blocks_for


class CNN1DClassifier(BaseSignalClassifier):
    """Residual convolutional network, for signals of any channels and classes.

    That of Kachuee et al. [1]_ as the ECG augmentation study [2]_ has it: a
    convolution; blocks of a dilated convolution, ReLU, the same convolution again, the
    input added, ReLU and max-pooling; dense layers with ReLU and dropout. Channels are
    standardised inside, by the training signals. Loss is the cross-entropy, each row
    once an epoch. Weights are averaged over the steps.

    A block halves the signal, and n blocks need 2 ** (n + 2) - 3 samples. Shorter
    signals get as many blocks as they have room for, with a warning.

    Parameters
    ----------
    n_blocks : int, default=5
        Residual blocks.
    n_filters : int, default=16
        Channels of the convolutions.
    kernel_size : int, default=7
        Samples that a convolution spans; odd. In a block they are 5 samples apart.
    n_layers : int, default=3
        Dense layers before the last one.
    hidden_dim : int, default=256
        Their width.
    dropout : float in [0, 1), default=0.25
        Share of the outputs of each dense layer that training sets to 0.
    tied : bool, default=True
        Whether the two convolutions of a block share their weights.
    class_weight : {"balanced"}, dict or None, default=None
        Weights of the classes in the loss, as in scikit-learn. ``"balanced"`` is
        n_samples / (n_classes * rows of the class).
    validation_fraction : float in (0, 1) or None, default=None
        Share of each class that is held out. Training then stops when the loss of
        these rows has not fallen by 1e-5 for 10 epochs, and the weights of the best
        epoch come back. An :class:`sksynth.training.EarlyStopping` among ``callbacks``
        takes its place. None trains for ``max_epochs``.
    max_epochs : int, default=40
        Passes through the training rows.
    batch_size : int, default=32
        Rows a step.
    lr : float, default=2e-3
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
    n_blocks_ : int
        Residual blocks of the network.
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
    The setting of the study [2]_, whose signals were 12 leads of 1000 samples::

        CNN1DClassifier(lr=1.584e-4, max_epochs=1000).fit(
            X, y, X_valid=X_valid, y_valid=y_valid
        )

    Over 1000 epochs the cosine is close to a constant; warm-up and averaged weights
    are additions of this class. Other settings of the code of the study:
    ``n_blocks=6, n_filters=32, lr=3.234e-4`` for the runs with one generator, and
    ``n_blocks=7, n_filters=32, kernel_size=5, n_layers=1, hidden_dim=16, lr=4.475e-4``
    to tell real signals from synthetic ones.

    References
    ----------
    .. [1] Kachuee, Fazeli and Sarrafzadeh, "ECG heartbeat classification: a deep
       transferable representation", ICHI 2018.
    .. [2] Núñez, Arjona and Béjar, "Synthetic ECG generation for data augmentation and
       transfer learning in arrhythmia classification", arXiv:2411.18456, 2024.

    Examples
    --------
    Slow sines and fast ones:

    >>> import numpy as np
    >>> from sksynth.classifiers import CNN1DClassifier
    >>> phase = np.linspace(0, 6, 40)[:, None]
    >>> cycles = np.tile([2, 8], 20)[:, None]
    >>> X = np.sin(2 * np.pi * cycles * np.arange(128) / 128 + phase)
    >>> y = np.tile(["slow", "fast"], 20)
    >>> classifier = CNN1DClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> classifier.predict(X[:3]).tolist()
    ['slow', 'fast', 'slow']
    >>> classifier.features(X[:3]).shape
    (3, 256)
    """

    _parameter_constraints: dict = {
        **BaseSignalClassifier._parameter_constraints,
        "n_blocks": [Interval(Integral, 0, None, closed="left")],
        "n_filters": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 0, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "tied": ["boolean"],
    }

    def __init__(
        self,
        *,
        n_blocks=5,
        n_filters=16,
        kernel_size=7,
        n_layers=3,
        hidden_dim=256,
        dropout=0.25,
        tied=True,
        class_weight=None,
        validation_fraction=None,
        max_epochs=40,
        batch_size=32,
        lr=2e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.n_blocks = n_blocks
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.n_layers = n_layers
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.tied = tied
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
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd; got {self.kernel_size}")
        n_times = signal_shape[1]
        self.n_blocks_ = min(self.n_blocks, blocks_for(n_times))
        if self.n_blocks_ < self.n_blocks:
            warnings.warn(
                f"signals of {n_times} samples have room for {self.n_blocks_} of the "
                f"{self.n_blocks} blocks, which need {2 ** (self.n_blocks + 2) - 3}",
                stacklevel=outside(),
            )
        return CNN1DNetwork(
            signal_shape,
            n_classes,
            n_blocks=self.n_blocks_,
            n_filters=self.n_filters,
            kernel_size=self.kernel_size,
            n_layers=self.n_layers,
            hidden_dim=self.hidden_dim,
            dropout=self.dropout,
            tied=self.tied,
        )
