"""Dense variational autoencoder as an estimator."""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.base import DensityMixin
from sklearn.utils import check_array, check_scalar, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sksynth._preprocessing import check_signals, correlation_in_time
from sksynth.base import BaseGenerator
from sksynth.nn.vae import VAENetwork


class VAE(DensityMixin, BaseGenerator):
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
        Number of hidden layers of encoder and decoder.
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
        **BaseGenerator._parameter_constraints,
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
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

    def encode(self, X, y=None):
        """Posterior means of the latents of X.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had some.

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim)
            Latents.
        """
        signals, condition = self._scaled(X, y)
        return self._run(lambda net, *row: net.encode(*row)[0], signals, condition)

    def decode(self, Z, y=None):
        """Mean signals of latents, in the form of the X of ``fit``.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latents.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had some.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples rows
            Signals.
        """
        check_is_fitted(self, "container_")
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        dim = self.network_.latent_dim
        if Z.shape[1] != dim:
            raise ValueError(
                f"Z must have {dim} columns (latent_dim); got {Z.shape[1]}"
            )
        condition = self._asked_condition(y, len(Z))
        scaled = self._run(lambda net, *row: net.decode(*row), Z, condition)
        return self.container_.restore(self.scaler_.inverse_transform(scaled))

    def interpolate(self, X_start, X_end, *, n_steps=10, y=None):
        """Signals on straight lines through the latent space.

        Parameters
        ----------
        X_start, X_end : array-like like the X of ``fit``, of the same length
            Ends of the lines.
        n_steps : int, default=10
            Signals a line, its two ends (as reconstructed) included.
        y : label or array-like of shape (n_samples,), default=None
            Targets of the lines; needed if ``fit`` had some.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples * n_steps rows
            Signals, line after line.
        """
        check_scalar(n_steps, "n_steps", Integral, min_val=2)
        start, end = self.encode(X_start, y), self.encode(X_end, y)
        if len(start) != len(end):
            raise ValueError(
                f"X_start and X_end must have the same length; got {len(start)} and "
                f"{len(end)}"
            )
        weight = np.linspace(0, 1, n_steps, dtype=start.dtype)[:, None]
        Z = start[:, None] * (1 - weight) + end[:, None] * weight
        if y is not None and np.ndim(y) > len(self.conditions_.shape):
            y = np.repeat(np.asarray(y), n_steps, axis=0)
        return self.decode(Z.reshape(-1, Z.shape[2]), y)

    def reconstruction_error(self, X, y=None):
        """Root mean squared error of each signal after encoding and decoding.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had some.

        Returns
        -------
        error : ndarray of shape (n_samples,)
            In the unit of X.
        """
        signals, condition = self._scaled(X, y)
        decoded = self._run(
            lambda net, x, c: net.decode(net.encode(x, c)[0], c), signals, condition
        )
        error = (decoded - signals) * self.scaler_.scale
        return np.sqrt(np.square(error).mean(axis=(1, 2)))

    def score_samples(self, X, y=None):
        """Lower bound of the log density of each signal.

        The evidence lower bound with 16 fixed draws of the latent, the same for each
        row. Fitted with labels and scored without, the bound is that of the mixture
        over the labels.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had measurements as targets.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats, in the unit of X.
        """
        signals = self._scaled_signals(X)
        labels = self.conditions_
        if y is not None or not labels.is_conditional:
            return self._evidence(signals, self._asked_condition(y, len(signals)))
        if labels.classes is None:
            raise ValueError("y is needed: fit had measurements as targets")
        bounds = [
            self._evidence(signals, np.tile(row, (len(signals), 1)))
            for row in labels.rows
        ]
        frequency = np.diff(labels.cumulative, prepend=0.0)
        return logsumexp(np.transpose(bounds), axis=1, b=frequency)

    def score(self, X, y=None):
        """Mean of :meth:`score_samples`.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets.

        Returns
        -------
        score : float
            Mean lower bound of the log density, in nats a signal.
        """
        return float(self.score_samples(X, y).mean())

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

    def _sample(self, condition, noise, anchor=None):
        network = self.network_
        mean, std = network.prior_of(condition)
        offset = std * noise.normal(network.latent_dim)  # from the mean of the prior
        strength, kept, lost = 1.0, 0.0, 0.0
        if anchor is not None:
            strength, kept = anchor.strength, (1 - anchor.strength**2) ** 0.5
            start, lost = self._between(anchor, condition)
            # preserves the variance
            offset = kept * (start - mean) + strength * offset
        signals = network.decode(mean + offset, condition) + kept * lost
        if self.is_table_:
            white = noise.normal(*network.signal_shape)
            level = network.log_scale.exp().view(network.signal_shape)
            signals = signals + strength * level * white
        return signals

    def _between(self, anchor, condition):
        """Latents between those of the anchors, and what the latents do not hold."""
        z_first, z_second = (
            self.network_.encode(x, condition)[0] for x in (anchor.first, anchor.second)
        )
        lost = torch.lerp(
            anchor.first - self.network_.decode(z_first, condition),
            anchor.second - self.network_.decode(z_second, condition),
            anchor.weight,
        )
        return torch.lerp(z_first, z_second, anchor.weight[:, :, 0]), lost

    def _scaled_signals(self, X):
        check_is_fitted(self, "container_")
        X = check_signals(self, X, reset=False)
        return self.scaler_.transform(self._as_signals(X))

    def _asked_condition(self, y, n_samples):
        if y is None and self.conditions_.is_conditional:
            raise ValueError("y is needed: this VAE was fitted with targets")
        return self._encode_condition(y, n_samples)

    def _scaled(self, X, y):
        signals = self._scaled_signals(X)
        return signals, self._asked_condition(y, len(signals))

    def _run(self, function, *arrays):
        """Rows of ``function(network, *tensors)`` as an array."""
        tensors = (torch.tensor(a) for a in arrays)
        rows = self._through(self._network_to_sample(), function, *tensors)
        return rows.cpu().numpy()

    def _evidence(self, signals, condition, n_draws=16):
        """Evidence lower bound of each row, (n_samples,), in float64."""
        network = copy.deepcopy(self.network_).cpu().double()
        torch_rng = torch.Generator().manual_seed(0)
        shape = (n_draws // 2, network.latent_dim)
        half = torch.randn(shape, generator=torch_rng, dtype=torch.float64)
        noise = torch.cat([half, -half])
        with torch.inference_mode():
            bounds = [
                network.lower_bound(
                    *(torch.tensor(a[rows]).double() for a in (signals, condition)),
                    noise,
                )
                for rows in gen_batches(len(signals), self.batch_size)
            ]
        shrinkage = self._signal_shape[1] * np.log(self.scaler_.scale).sum()
        return torch.cat(bounds).numpy() - shrinkage  # the volume of scaled rows
