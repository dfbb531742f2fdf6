"""Tokens of two frequency bands, and a masked prior over them, as an estimator."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sksynth.base import BaseGenerator
from sksynth.generators._tokens import check_tokens
from sksynth.generators._training import (
    AT_LEAST_ONE,
    check_guidance,
    epochs_of,
    pair_of,
)
from sksynth.nn.token_priors import CascadedPrior
from sksynth.nn.vqvae import TwoBandVQVAE
from sksynth.spectral import n_frames


class TimeVQVAE(BaseGenerator):
    """Vector quantisation of two frequency bands, with a masked prior over the tokens.

    Signals go through a short-time Fourier transform. The lowest frequency and all
    others are two bands [1]_; each has an encoder, a codebook and a decoder. Then a
    bidirectional transformer learns to fill in masked tokens of the low band, a second
    one those of the high band given the low one [2]_. ``sample`` fills in whole grids
    of tokens, in some ten passes through each transformer. In training, a row of a
    class of m rows is drawn with a weight of m ** -0.5.

    Anchored sampling (``strength`` s below 1) interpolates between the anchors as SMOTE
    does, forgets the share s of the tokens of the result, and fills them in again. What
    the tokens do not hold of the interpolation comes back with a weight of
    sqrt(1 - s^2): a strength of 0 is SMOTE.

    Parameters
    ----------
    n_fft : int or None, default=None
        Samples a window of the transform; an even number. None is 8, or 16 for signals
        of 500 samples or more. Windows are ``n_fft // 4`` apart.
    n_tokens : int or pair of int or None, default=None
        Tokens in time of the low and of the high band, about. None is one for eight
        frames (8 to 64) and one for two (at most 128).
    rows_apart : bool, default=False
        Whether each frequency of the high band has tokens of its own, as in [1]_:
        ``n_fft // 2`` times as many.
    n_codes : int, default=256
        Size of each codebook.
    code_dim : int, default=16
        Numbers a code.
    width : int, default=128
        Features of the encoders and decoders; a quarter inside a residual block.
    n_blocks : int, default=2
        Residual blocks of each of them.
    prior_width : int or pair of int, default=128
        Features of the transformers; one number, or one for each band.
    prior_layers : int or pair of int, default=2
        Layers of the transformers.
    n_heads : int or pair of int, default=4
        Heads of their attention, which divide their width.
    dropout : float in [0, 1), default=0.1
        Share of their features that is left out in training.
    label_dropout : float in [0, 1), default=0.1
        Share of the training rows whose label is dropped, so that ``guidance`` can
        compare with and without.
    guidance : float, default=1.0
        1 draws from the classes as learnt; more exaggerates what is typical of the
        class, takes twice the time, and needs a ``label_dropout`` above 0 [3]_.
    temperature : float, default=1.0
        Divides the logits of the tokens: below 1 there is less variety.
    choice_temperature : float or pair of float, default=4.0
        Randomness in which drawn tokens are kept first; one number, or one for each
        band.
    n_steps : int, default=10
        Passes through each transformer.
    scaler : {"standard", "maxabs"} or None, default="standard"
        Scaling before training; undone by ``sample``.
    max_epochs : int or None, default=None
        Passes of the encoders, codebooks and decoders through the training rows. None
        takes as many as make about 1500 updates of the weights.
    prior_epochs : int or None, default=None
        Passes of the transformers through the tokens. None makes about 3000 updates.
    batch_size : int, default=64
        Rows a step, in training and in sampling.
    lr : float, default=2e-3
        Highest learning rate of AdamW: it warms up, then falls along a cosine.
    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device name.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Precision of training. ``"auto"`` is bf16 autocast where the hardware has it.
        The transform, codebooks and ``sample`` are in float32.
    compile : bool, default=False
        Train through ``torch.compile``.
    callbacks : list of skorch callbacks, default=None
        For example :class:`sksynth.training.EarlyStopping`; they serve both trainings,
        so what they watch must be in both: a ``loss``.
    random_state : int, RandomState or None, default=None
        Fixes the weights and the training. No global generator is touched.
    verbose : int, default=0
        1 prints about twenty lines of progress a training, 2 one an epoch; ``sample``
        prints up to twenty.

    Attributes
    ----------
    network_ : torch.nn.ModuleDict
        ``"tokenizer"`` and ``"prior"``.
    n_tokens_ : tuple of int
        Tokens of the low and of the high band.
    history_ : dict of list of float
        One number an epoch. Of the transformers: ``train_loss`` and its parts
        ``train_grid0`` and ``train_grid1``, cross-entropies in nats a token of the low
        and of the high band. Of the rest: ``train_tokens_loss``, ``train_tokens_low``
        and ``train_tokens_high`` (mean squared errors of the scaled bands),
        ``train_tokens_low_usage`` and ``train_tokens_high_usage`` (perplexity of
        the codes of a batch over their number, mean over the batches). The same with
        ``valid_`` where rows are held out.
    n_iter_ : int
        Epochs of the transformers.
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
    make_published : The published sizes, by name.

    References
    ----------
    .. [1] Lee, Malacarne and Aune, "Vector quantized time series generation with a
       bidirectional prior model", AISTATS 2023.
    .. [2] Chang et al., "MaskGIT: masked generative image transformer", CVPR 2022.
    .. [3] Ho and Salimans, "Classifier-free diffusion guidance", 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import TimeVQVAE
    >>> X = np.random.default_rng(0).normal(size=(20, 2, 32))
    >>> y = np.repeat(["af", "sinus"], 10)
    >>> vqvae = TimeVQVAE(max_epochs=2, prior_epochs=2, random_state=0).fit(X, y)
    >>> vqvae.sample(3, y="af", random_state=0).shape
    (3, 2, 32)
    >>> vqvae.encode(X).shape
    (20, 18)
    """

    sampling_parameters = ("guidance", "temperature", "choice_temperature", "n_steps")
    _n_updates = 1500, 3000  # of the tokenizer and the prior, by default

    _parameter_constraints: dict = {
        **BaseGenerator._parameter_constraints,
        "n_fft": [Interval(Integral, 2, None, closed="left"), None],
        "n_tokens": [AT_LEAST_ONE, tuple, list, None],
        "rows_apart": ["boolean"],
        "n_codes": [Interval(Integral, 2, None, closed="left")],
        "code_dim": [AT_LEAST_ONE],
        "width": [AT_LEAST_ONE],
        "n_blocks": [Interval(Integral, 0, None, closed="left")],
        "prior_width": [AT_LEAST_ONE, tuple, list],
        "prior_layers": [AT_LEAST_ONE, tuple, list],
        "n_heads": [AT_LEAST_ONE, tuple, list],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_dropout": [Interval(Real, 0, 1, closed="left")],
        "guidance": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "choice_temperature": [Interval(Real, 0, None, closed="left"), tuple, list],
        "n_steps": [AT_LEAST_ONE],
        "max_epochs": [AT_LEAST_ONE, None],
        "prior_epochs": [AT_LEAST_ONE, None],
    }

    def __init__(
        self,
        *,
        n_fft=None,
        n_tokens=None,
        rows_apart=False,
        n_codes=256,
        code_dim=16,
        width=128,
        n_blocks=2,
        prior_width=128,
        prior_layers=2,
        n_heads=4,
        dropout=0.1,
        label_dropout=0.1,
        guidance=1.0,
        temperature=1.0,
        choice_temperature=4.0,
        n_steps=10,
        scaler="standard",
        max_epochs=None,
        prior_epochs=None,
        batch_size=64,
        lr=2e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.n_fft = n_fft
        self.n_tokens = n_tokens
        self.rows_apart = rows_apart
        self.n_codes = n_codes
        self.code_dim = code_dim
        self.width = width
        self.n_blocks = n_blocks
        self.prior_width = prior_width
        self.prior_layers = prior_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.label_dropout = label_dropout
        self.guidance = guidance
        self.temperature = temperature
        self.choice_temperature = choice_temperature
        self.n_steps = n_steps
        self.scaler = scaler
        self.max_epochs = max_epochs
        self.prior_epochs = prior_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def encode(self, X):
        """Tokens of signals.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.

        Returns
        -------
        tokens : ndarray of int64, shape (n_samples, n_low + n_high)
            Those of the low band, then those of the high one (``n_tokens_``), each in
            the order of time; with ``rows_apart`` frequency by frequency.
        """
        check_is_fitted(self, "container_")
        X = self._check_X(X, reset=False)
        signals = self.scaler_.transform(self._as_signals(X))
        network = self._network_to_sample()["tokenizer"]
        return self._tokens(network, torch.from_numpy(signals)).cpu().numpy()

    def decode(self, tokens):
        """Signals of tokens, in the form of the X of ``fit``.

        Parameters
        ----------
        tokens : array-like of int, shape (n_samples, n_low + n_high)
            As from :meth:`encode`.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples rows
            Signals.

        Raises
        ------
        ValueError
            If the number of columns is not that of the tokens, or a token is none of
            the codes, or no integer.
        """
        check_is_fitted(self, "container_")
        network = self._network_to_sample()["tokenizer"]
        n_codes = len(network.bands[0].codebook.usage)
        tokens = check_tokens(tokens, sum(self.n_tokens_), n_codes)
        scaled = self._through(
            network,
            lambda net, rows: net.decode(rows.split(net.n_tokens, 1)),
            torch.from_numpy(tokens),
        )
        signals = self.scaler_.inverse_transform(scaled.cpu().numpy())
        return self.container_.restore(self._from_signals(signals))

    @property
    def n_tokens_(self):
        """Tokens of the low and of the high band."""
        check_is_fitted(self, "network_")
        return self.network_["tokenizer"].n_tokens

    def _inspect(self, X):
        if self.n_fft is not None and self.n_fft % 2:
            raise ValueError(f"n_fft must be even; got {self.n_fft}")
        if self.n_tokens is not None:
            self._pair("n_tokens")
        pairs = zip(self._pair("prior_width"), self._pair("n_heads"), strict=True)
        self._pair("prior_layers")
        self._pair("choice_temperature", Real, 0)
        for width, n_heads in pairs:
            if width % n_heads:
                raise ValueError(
                    f"prior_width must be a multiple of n_heads; got {width} and "
                    f"{n_heads}"
                )
        check_guidance(self.guidance, self.label_dropout)

    def _pair(self, name, *kind):
        return pair_of(name, getattr(self, name), *kind)

    def _n_subtasks(self):
        if self.max_epochs is None or self.prior_epochs is None:
            return None
        return self.max_epochs + self.prior_epochs

    def _make_network(self, signal_shape, n_conditions):
        n_channels, n_times = signal_shape
        n_fft = self.n_fft or (16 if n_times >= 500 else 8)
        hop = max(1, n_fft // 4)
        frames = n_frames(n_times, hop)
        default = min(max(8, frames // 8), 64), min(max(8, frames // 2), 128)
        tokenizer = TwoBandVQVAE(
            n_channels,
            n_times,
            n_fft=n_fft,
            hop=hop,
            n_tokens=default if self.n_tokens is None else self._pair("n_tokens"),
            rows_apart=self.rows_apart,
            n_codes=self.n_codes,
            code_dim=self.code_dim,
            width=self.width,
            n_blocks=self.n_blocks,
        )
        names = {"width": "prior_width", "n_layers": "prior_layers"}
        pairs = {k: self._pair(v) for k, v in {**names, "n_heads": "n_heads"}.items()}
        prior = CascadedPrior(
            [(self.n_codes, n) for n in tokenizer.n_tokens],
            n_conditions,
            sizes=[{k: v[band] for k, v in pairs.items()} for band in (0, 1)],
            dropout=self.dropout,
            label_dropout=self.label_dropout,
        )
        return nn.ModuleDict({"tokenizer": tokenizer, "prior": prior})

    def _fit(self, signals, condition):
        network = self._make_network(tuple(signals.shape[1:]), condition.shape[1])
        first, second = (
            given or epochs_of(n, len(signals), self.batch_size)
            for given, n in zip(
                (self.max_epochs, self.prior_epochs), self._n_updates, strict=True
            )
        )
        self._announce("training 1 of 2: encoders, codebooks, decoders")
        net = self._train(network["tokenizer"], first, x=signals, condition=condition)
        curves = {
            name.replace("_", "_tokens_", 1): values
            for name, values in net.curves().items()
        }
        tokens = self._tokens(network["tokenizer"], signals)
        self._announce("training 2 of 2: transformers")
        net = self._train(network["prior"], second, tokens=tokens, condition=condition)
        self.history_ = {**net.curves(), **curves}
        self.n_iter_ = len(net.history)
        self.network_ = network.requires_grad_(False).eval()

    def _tokens(self, tokenizer, signals):
        """Tokens of scaled signals, both bands side by side."""
        return self._through(
            tokenizer, lambda net, x: torch.cat(net.encode(x), dim=1), signals
        )

    def _check_sampling(self):
        self._pair("choice_temperature", Real, 0)
        check_guidance(self.guidance, self.network_["prior"].priors[0].label_dropout)

    def _sample(self, condition, noise, anchor=None):
        tokenizer, prior = self.network_["tokenizer"], self.network_["prior"]
        known, lost = {}, 0.0
        if anchor is not None:
            start = anchor.interpolate()
            if anchor.strength == 0:
                return start
            grids = tokenizer.encode(start)
            kept = (1 - anchor.strength**2) ** 0.5
            lost = kept * (start - tokenizer.decode(grids))
            known = prior.forget(grids, anchor.strength, noise.uniform)
        tokens = prior.decode(
            condition,
            noise.uniform,
            n_steps=self.n_steps,
            guidance=self.guidance,
            temperature=self.temperature,
            choice_temperature=self._pair("choice_temperature", Real, 0),
            **known,
        )
        return tokenizer.decode(tokens) + lost
