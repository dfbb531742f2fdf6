"""Dense variational autoencoder as an estimator."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from sksynth._preprocessing import correlation_in_time
from sksynth.generators._variational import VariationalGenerator
from sksynth.nn.vae import VAENetwork


class VAE(VariationalGenerator):
    """Dense variational autoencoder, for tables and short, aligned signals.

    The network is that of Kingma and Welling [1]_, with a learned noise level [2]_.
    Fitted with y, the condition enters the encoder, the decoder and the prior of the
    latent [3]_: each class has a region of the latent space to itself. Rows of a class
    of m rows are drawn in training with a weight of m ** -0.5.

    A row may be a table row or a signal (see ``rows``). In a table each column has its
    own scale and its own noise level, and samples have that noise. Signals are scaled
    by channel and drawn without noise, which would be white and theirs is not.

    Anchored sampling (``strength`` s below 1) starts at the point between the latents
    of the anchors and moves towards a draw from the prior N(m, d ** 2) of the class,
    preserving the variance: m + sqrt(1 - s ** 2) * (start - m) + s * d * noise. The
    decoded signal gets sqrt(1 - s ** 2) times what encoding and decoding lose of the
    anchors, interpolated alike: fine detail that no latent holds. So strength 0 bends
    SMOTE's straight lines along the signals that the decoder knows.

    Parameters
    ----------
    latent_dim : int, default=32
        Size of the latent space.
    hidden_dim : int, default=512
        Width of the hidden layer next to the signals; each further one has half of it.
    n_layers : int, default=2
        Number of hidden layers of encoder and decoder, at most 1000.
    beta : float, default=None
        Weight of the KL divergence in the loss. 1 is the evidence lower bound; higher
        values make pure samples better and reconstructions coarser, where the numbers
        of a row are strongly correlated. None is 1 for tables and 4 for signals.
    rows : {"auto", "table", "signals"}, default="auto"
        What a row is. ``"auto"`` is ``"signals"`` where numbers that follow each other
        in time are alike (16 or more of them, with a mean absolute correlation above
        0.5 over the rows).
    scaler : {"standard", "maxabs"} or None, default="standard"
        Scaling before training; undone by ``sample``.
    max_epochs : int, default=200
        Passes through the training rows. Fewer than about 1000 rows need more.
    batch_size : int, default=128
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
        ``train_reconstruction``, ``train_kl``, and the same with ``valid_`` where rows
        are held out.
    n_iter_ : int
        Epochs trained.
    classes_ : ndarray
        Labels seen by ``fit``, if y holds one label a row.
    is_table_ : bool
        Whether rows are table rows.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: columns, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    References
    ----------
    .. [1] Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] Rybkin, Daniilidis and Levine, "Simple and effective VAE training with
       calibrated decoders", ICML 2021.
    .. [3] Sohn, Lee and Yan, "Learning structured output representation using deep
       conditional generative models", NeurIPS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import VAE
    >>> X = np.random.default_rng(0).normal(size=(20, 2, 8))
    >>> y = np.repeat(["af", "sinus"], 10)
    >>> vae = VAE(max_epochs=2, random_state=0).fit(X, y)
    >>> vae.sample(3, y="af", random_state=0).shape
    (3, 2, 8)
    """

    _parameter_constraints: dict = {
        **VariationalGenerator._parameter_constraints,
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, 1000, closed="both")],
        "beta": [Interval(Real, 0, None, closed="left"), None],
        "rows": [StrOptions({"auto", "table", "signals"})],
    }

    def __init__(
        self,
        *,
        latent_dim=32,
        hidden_dim=512,
        n_layers=2,
        beta=None,
        rows="auto",
        scaler="standard",
        max_epochs=200,
        batch_size=128,
        lr=2e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.latent_dim = latent_dim
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.beta = beta
        self.rows = rows
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

    def _reads_as_table(self, X):
        """Whether the rows of X are table rows, by ``rows`` or by their correlation."""
        if self.rows != "auto":
            return self.rows == "table"
        signals = super()._as_signals(X)
        return signals.shape[2] < 16 or not correlation_in_time(signals) > 0.5

    def _inspect(self, X):
        self.is_table_ = self._reads_as_table(X)

    def _as_signals(self, X):
        if self.is_table_:
            return X.reshape(len(X), -1, 1)  # each number is a channel
        return super()._as_signals(X)

    def _make_network(self, signal_shape, n_conditions):
        return VAENetwork(
            signal_shape,
            n_conditions,
            latent_dim=self.latent_dim,
            hidden_dim=self.hidden_dim,
            n_layers=self.n_layers,
            beta=(1.0 if self.is_table_ else 4.0) if self.beta is None else self.beta,
            is_table=self.is_table_,
        )

    def _with_noise(self, signals, condition, strength, noise):
        if not self.is_table_:
            return signals
        shape = self.network_.signal_shape
        level = self.network_.log_scale.exp().view(shape)
        return signals + strength * level * noise.normal(*shape)
