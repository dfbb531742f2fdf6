"""Variational autoencoder of complex spectra as an estimator."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names

from sksynth._arrays import SIGNAL_SHAPES, check_kind
from sksynth.generators._convolutional import ConvolutionalGenerator
from sksynth.generators._training import AT_LEAST_ONE
from sksynth.mrs import fid_to_spectrum, spectrum_to_fid
from sksynth.nn.spectrum_vae import SpectrumVAENetwork

_SMOOTHED = 1 / 64  # of the points: width over which deviations are averaged


class SpectrumVAE(ConvolutionalGenerator):
    """Variational autoencoder of spectra, complex or real.

    Complex spectra in, complex spectra out, with the three ways to sample of the MR
    spectroscopy study [1]_: ``"random"`` draws latents from the prior (of the class),
    ``"interpolation"`` between those of two training spectra of the same class, and
    ``"hybrid"`` moves from there towards the prior. They are anchored sampling with a
    strength of 1, 0, and ``hybrid_strength``: with m and d ** 2 the mean and variance
    of the prior, m + sqrt(1 - s ** 2) * (z - m) + s * d * noise. ``sample`` takes
    ``anchors`` and a ``strength`` as well: those of few real transients, for example.

    A decoder has means alone, so spectra would come out too clean. Here each point has
    a noise level of its own, learnt with the network [2]_, and samples have noise of
    the level and colour of what the latents do not hold of the training spectra, class
    by class (four rows of all classes count in each, so that of a rare class is much
    like that of all; targets other than one label a row share one noise). The points
    are scaled by their deviation, so that residual water, which varies most, does not
    drown the rest.

    Parameters
    ----------
    sampling : {"random", "interpolation", "hybrid"}, default="random"
        Where the latents of samples come from.
    hybrid_strength : float in [0, 1], default=0.3
        Strength of ``"hybrid"``.
    noise : {"learned"} or None, default="learned"
        Noise of samples; None draws mean spectra.
    domain : {"spectrum", "fid"}, default="spectrum"
        ``"fid"``: the rows of X are FIDs. They become spectra
        (:func:`sksynth.mrs.fid_to_spectrum`) inside.
    latent_dim : int, default=32
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
    scaler : {"standard", "maxabs"} or None, default="standard"
        Scaling of each point before training, the same for real and imaginary part;
        undone by ``sample``.
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
    codes_ : ndarray of shape (n_rows, latent_dim), float32
        Latents of the training spectra, between which ``"interpolation"`` draws.
    code_conditions_ : ndarray of shape (n_rows, n_conditions), float32
        Their encoded targets.
    is_complex_ : bool
        Whether X was complex.
    history_ : dict of list of float
        Losses in nats a row, one number an epoch: ``train_loss``,
        ``train_reconstruction``, ``train_kl``, and the same with ``valid_`` where rows
        are held out.
    n_iter_ : int
        Epochs trained.
    classes_ : ndarray
        Labels seen by ``fit``, if y holds one label a row.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: points, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    See Also
    --------
    sksynth.mrs.align_transients : Registration before ``fit``.

    References
    ----------
    .. [1] D. M. J. van de Sande et al., "Data-driven synthesis of magnetic resonance
       spectroscopy data using a variational autoencoder", arXiv:2603.00736, 2026.
    .. [2] Rybkin, Daniilidis and Levine, "Simple and effective VAE training with
       calibrated decoders", ICML 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import SpectrumVAE
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(20, 64)) + 1j * rng.normal(size=(20, 64))
    >>> vae = SpectrumVAE(sampling="hybrid", max_epochs=2, random_state=0).fit(X)
    >>> X_new = vae.sample(3, random_state=0)
    >>> X_new.shape, X_new.dtype
    ((3, 64), dtype('complex128'))
    """

    sampling_parameters = ("sampling", "hybrid_strength", "noise")

    _parameter_constraints: dict = {
        **ConvolutionalGenerator._parameter_constraints,
        "sampling": [StrOptions({"random", "interpolation", "hybrid"})],
        "hybrid_strength": [Interval(Real, 0, 1, closed="both")],
        "noise": [StrOptions({"learned"}), None],
        "domain": [StrOptions({"spectrum", "fid"})],
        "latent_dim": [AT_LEAST_ONE],
        "width": [Interval(Integral, 2, None, closed="left")],
        "hidden_dim": [AT_LEAST_ONE],
        "n_stages": [Interval(Integral, 0, None, closed="left"), None],
        "beta": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        sampling="random",
        hybrid_strength=0.3,
        noise="learned",
        domain="spectrum",
        latent_dim=32,
        width=32,
        hidden_dim=256,
        n_stages=None,
        beta=1.0,
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
        self.sampling = sampling
        self.hybrid_strength = hybrid_strength
        self.noise = noise
        self.domain = domain
        self.latent_dim = latent_dim
        self.width = width
        self.hidden_dim = hidden_dim
        self.n_stages = n_stages
        self.beta = beta
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

    def _check_X(self, X, *, reset):
        check_kind(X, "X")
        is_complex = np.asarray(X).dtype.kind == "c"
        if not reset and is_complex != self.is_complex_:
            words = {True: "complex", False: "real"}
            raise ValueError(
                f"X must be {words[self.is_complex_]}, as seen by fit; got "
                f"{words[is_complex]} numbers"
            )
        domain = self.domain if reset else self.domain_
        if not is_complex and domain == "fid":
            raise ValueError("X must be complex where domain='fid'; got real numbers")
        if not is_complex:
            X = super()._check_X(X, reset=reset)
        else:
            X = self._check_complex(X, reset)
        if reset:
            self.is_complex_, self.domain_ = bool(is_complex), domain
        return X

    def _check_complex(self, X, reset):
        _check_feature_names(self, X, reset=reset)
        X = np.asarray(X)
        if X.dtype not in (np.complex64, np.complex128):
            X = X.astype(np.complex128)
        if X.ndim not in (2, 3) or 0 in X.shape:
            raise ValueError(f"X must have shape {SIGNAL_SHAPES}; got {X.shape}")
        if not np.isfinite(X).all():
            raise ValueError("Input X contains NaN or infinity.")
        if reset:
            self.input_shape_, self.n_features_in_ = X.shape[1:], X.shape[1]
        elif X.shape[1:] != self.input_shape_:
            raise ValueError(
                "X must have the shape seen by fit, "
                f"{('n_samples', *self.input_shape_)}; got {X.shape}"
            )
        return X

    @property
    def _spectrum_shape(self):
        """Channels (real parts, then imaginary ones) and points."""
        *channels, n_points = self.input_shape_
        n_channels = channels[0] if channels else 1
        return n_channels * (2 if self.is_complex_ else 1), n_points

    def _as_signals(self, X):
        if self.domain_ == "fid" and np.iscomplexobj(X):
            X = fid_to_spectrum(X)
        X = super()._as_signals(X)
        if self.is_complex_:
            X = np.concatenate([X.real, X.imag], axis=1)
        return X.reshape(len(X), -1, 1)  # each number is a channel

    def _from_signals(self, signals):
        X = signals.reshape(len(signals), *self._spectrum_shape)
        if not self.is_complex_:
            return X
        n_channels = X.shape[1] // 2
        X = X[:, :n_channels] + 1j * X[:, n_channels:]
        return spectrum_to_fid(X) if self.domain_ == "fid" else X

    def _make_scaler(self, signals):
        """Share the scale of a point between its parts and, in part, its neighbours."""
        scaler = super()._make_scaler(signals)
        if self.scaler is None:
            return scaler
        n_parts = 2 if self.is_complex_ else 1
        n_channels, n_points = self._spectrum_shape
        square = scaler.scale.reshape(n_parts, -1, n_points) ** 2
        width = max(1, round(_SMOOTHED * n_points))
        own = square.mean(axis=0)
        shared = uniform_filter1d(own, width, mode="nearest")
        shared = np.maximum(shared, own / width)  # rounding beside a large number
        shared = np.tile(np.sqrt(shared), (n_parts, 1)).reshape(-1, 1)
        scaler.scale = np.where(shared > 0, shared, scaler.scale)
        return scaler

    def _make_network(self, signal_shape, n_conditions):
        return SpectrumVAENetwork(
            self._spectrum_shape,
            n_conditions,
            is_complex=self.is_complex_,
            latent_dim=self.latent_dim,
            beta=self.beta,
            width=self.width,
            hidden_dim=self.hidden_dim,
            n_stages=self.n_stages,
            n_noises=self._n_noises,
        )

    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        codes = self._over_rows(
            lambda net, *row: net.encode(*row)[0], signals, condition
        )
        self.codes_ = codes.cpu().numpy()
        self.code_conditions_ = condition.cpu().numpy()

    def _between(self, anchor, condition):
        # what the latents do not hold of spectra is noise, which is drawn anew
        return super()._between(anchor, condition)[0], 0.0

    def _sample(self, condition, noise, anchor=None):
        if anchor is not None or self.sampling == "random":
            return super()._sample(condition, noise, anchor)
        network = self.network_
        mean, std = network.prior_of(condition)
        start = self._between_codes(condition, noise)
        strength = self.hybrid_strength if self.sampling == "hybrid" else 0.0
        white = std * noise.normal(network.latent_dim)
        z = mean + (1 - strength**2) ** 0.5 * (start - mean) + strength * white
        mean = network.decode(z, condition)
        return self._with_noise(mean, condition, strength, noise)

    def _between_codes(self, condition, noise):
        """Points between two latents of the same targets each, (batch, latent_dim)."""
        codes = torch.from_numpy(self.codes_).to(condition)
        own = torch.from_numpy(self.code_conditions_).to(condition)
        first, second, weight = noise.uniform(3).unbind(1)
        is_own = (condition[:, None] == own).all(dim=2)
        order = is_own.sort(dim=1, descending=True, stable=True).indices
        n_own = is_own.sum(dim=1)
        if (n_own == 0).any():
            raise ValueError(
                f"sampling={self.sampling!r} draws between training spectra of the "
                "same target, and there are none; use sampling='random'"
            )
        ends = [
            codes[order.gather(1, (u * n_own).long()[:, None])[:, 0]]
            for u in (first, second)
        ]
        return torch.lerp(*ends, weight[:, None])

    def _with_noise(self, signals, condition, strength, noise):
        if self.noise is None:
            return signals
        return signals + self._noise(signals, condition, noise)
