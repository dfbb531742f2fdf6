"""Convolutional variational autoencoder as an estimator."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sksynth.generators._channel_order import channel_order, check_channel_graph
from sksynth.generators._convolutional import ConvolutionalGenerator
from sksynth.generators._training import AT_LEAST_ONE
from sksynth.nn.conv_vae import ConvVAENetwork


class ConvVAE(ConvolutionalGenerator):
    """Convolutional variational autoencoder for signals of many channels.

    A signal is an image of channels times times, and convolutions with strides go over
    both. Fitted without y this is the VAE-S of the electrogram study, with labels its
    VAE-C [1]_; here the labels enter the prior of the latent, too. The noise level is
    learnt [2]_. Against samples that are smoother than the signals, as the means of a
    decoder are, samples have noise of the level and colour of what the latents do not
    hold of the training signals, class by class (four rows of all classes count in
    each, so that of a rare class is much like that of all; targets other than one
    label a row share one noise); and a part of the loss can compare
    spectrograms. Rows of a class of m rows are drawn in training
    with a weight of m ** -0.5.

    Convolution takes channels for neighbours that follow each other. Electrodes of a
    catheter or a sheet are neighbours in two or three dimensions: ``channel_graph``
    says where they are, and the network sees them in an order in which its strides join
    neighbours. Samples come in the order of X.

    Anchored sampling is that of :class:`VAE`; a strength of s has s times the noise.

    Parameters
    ----------
    latent_dim : int, default=64
        Size of the latent space.
    width : int, default=32
        Features of the first convolution; the second one has twice, the others four
        times as many.
    hidden_dim : int, default=256
        Width of the dense layers next to the latent space.
    n_stages : int or None, default=None
        Convolutions of stride 2 in the encoder, and in the decoder. None is 4, or more
        until no more than 128 positions are left.
    beta : float, default=1.0
        Weight of the KL divergence in the loss; 1 is the evidence lower bound.
    spectral_weight : float, default=0.0
        Weight of the mean absolute difference of log spectrograms, in nats a number of
        the signal. 0 leaves it out.
    noise : {"learned"} or None, default="learned"
        Noise of samples; None draws mean signals.
    channel_graph : array-like or None, default=None
        Positions of the channels, (n_channels, n_axes), or which are neighbours, a
        symmetric matrix (n_channels, n_channels).
    scaler : {"standard", "maxabs"} or None, default="standard"
        Scaling before training; undone by ``sample``.
    max_epochs : int, default=200
        Passes through the training rows.
    batch_size : int, default=32
        Rows a step, in training and in sampling.
    lr : float, default=2e-3
        Highest learning rate of AdamW: it warms up, then falls along a cosine.
    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device name.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Precision of training. ``"auto"`` is bf16 autocast where the hardware has it.
        Sampling is in float32.
    compile : bool, default=False
        Train through ``torch.compile``.
    callbacks : list of skorch callbacks, default=None
        For example :class:`sksynth.training.EarlyStopping`.
    random_state : int, RandomState or None, default=None
        Fixes the weights and the training. No global generator is touched.
    verbose : int, default=0
        1 prints about twenty lines of progress (``sample``, too), 2 one an epoch.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network.
    history_ : dict of list of float
        Losses in nats a row, one number an epoch: ``train_loss``,
        ``train_reconstruction``, ``train_kl``, ``train_spectral`` if that has a weight,
        and the same with ``valid_`` where rows are held out.
    n_iter_ : int
        Epochs trained.
    channel_order_ : ndarray of int, shape (n_channels,) or None
        Channels in the order the network sees them; None without ``channel_graph``.
    classes_ : ndarray
        Labels seen by ``fit``, if y holds one label a row.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: columns, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    See Also
    --------
    VAE : Dense; for tables and short signals.

    References
    ----------
    .. [1] The electrogram study, arXiv 2512.14537, 2025.
    .. [2] Rybkin, Daniilidis and Levine, "Simple and effective VAE training with
       calibrated decoders", ICML 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import ConvVAE
    >>> X = np.random.default_rng(0).normal(size=(20, 6, 40))
    >>> y = np.repeat(["af", "sinus"], 10)
    >>> places = [[column, row] for row in range(2) for column in range(3)]
    >>> vae = ConvVAE(channel_graph=places, max_epochs=2, random_state=0).fit(X, y)
    >>> vae.sample(3, y="af", random_state=0).shape
    (3, 6, 40)
    """

    sampling_parameters = ("noise",)

    _parameter_constraints: dict = {
        **ConvolutionalGenerator._parameter_constraints,
        "latent_dim": [AT_LEAST_ONE],
        "width": [Interval(Integral, 2, None, closed="left")],
        "hidden_dim": [AT_LEAST_ONE],
        "n_stages": [Interval(Integral, 0, None, closed="left"), None],
        "beta": [Interval(Real, 0, None, closed="left")],
        "spectral_weight": [Interval(Real, 0, None, closed="left")],
        "noise": [StrOptions({"learned"}), None],
        "channel_graph": ["array-like", None],
    }

    def __init__(
        self,
        *,
        latent_dim=64,
        width=32,
        hidden_dim=256,
        n_stages=None,
        beta=1.0,
        spectral_weight=0.0,
        noise="learned",
        channel_graph=None,
        scaler="standard",
        max_epochs=200,
        batch_size=32,
        lr=2e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.latent_dim = latent_dim
        self.width = width
        self.hidden_dim = hidden_dim
        self.n_stages = n_stages
        self.beta = beta
        self.spectral_weight = spectral_weight
        self.noise = noise
        self.channel_graph = channel_graph
        self.scaler = scaler
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _inspect(self, X):
        self.channel_order_ = None
        if self.channel_graph is not None:
            n_channels = super()._as_signals(X).shape[1]
            graph = check_channel_graph(self.channel_graph, n_channels)
            self.channel_order_ = channel_order(graph)

    def _as_signals(self, X):
        X = super()._as_signals(X)
        return X if self.channel_order_ is None else X[:, self.channel_order_]

    def _from_signals(self, signals):
        if self.channel_order_ is None:
            return signals
        return signals[:, np.argsort(self.channel_order_)]

    def _make_network(self, signal_shape, n_conditions):
        return ConvVAENetwork(
            signal_shape,
            n_conditions,
            latent_dim=self.latent_dim,
            beta=self.beta,
            width=self.width,
            hidden_dim=self.hidden_dim,
            n_stages=self.n_stages,
            spectral_weight=self.spectral_weight,
            n_noises=self._n_noises,
        )

    def _with_noise(self, signals, condition, strength, noise):
        if self.noise is None:
            return signals
        return signals + strength * self._noise(signals, condition, noise)
