"""Recordings from their conditions: tokens of a mel spectrogram, and a vocoder."""

from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sksynth._arrays import check_integer, check_kind
from sksynth._context import ContextEncoder
from sksynth._events import with_callbacks
from sksynth._random import RowNoise
from sksynth.base import BaseGenerator
from sksynth.generators._mer_conditions import LocalMetrics, TrainingConditions
from sksynth.generators._mergen_training import MergenTraining
from sksynth.generators._segments import JOININGS, SegmentWriter, segments_of
from sksynth.generators._tokens import check_tokens
from sksynth.generators._training import AT_LEAST_ONE

_SHARE = Interval(Real, 0, 1, closed="left")


class MerGen(MergenTraining, BaseGenerator):
    """Recordings from their conditions: tokens of a mel spectrogram, and a vocoder.

    Built for micro-electrode recordings [1]_, of one or more channels. Four stages:

    - ``"vqvae"``: a vector-quantised auto-encoder of the log-mel spectrogram, with a
      top token for four frames, a middle one for two, a bottom one for each;
    - ``"top"``: a transformer that writes top tokens, given the condition matrix;
    - ``"bottom"``: one that writes middle and bottom tokens in turn, given the top;
    - ``"vocoder"``: MelGAN, from spectrograms to signals [2]_.

    The condition matrix has a row for each top token: y and ``context``, the same in
    all rows, and five metrics of the window of the token (RMS, zero crossings, spikes,
    curve length, Teager energy), measured from X.

    Parameters
    ----------
    fs : float, default=24000.0
        Sampling rate of X in Hz.
    n_fft : int, default=1024
        Samples a window of the spectrogram, even, at most 65536.
    n_mels : int, default=80
        Mel bands, at most 1024.
    upsampling : sequence of int, default=(8, 8, 2, 2)
        Factors of the vocoder's stages; their product is the samples from one frame to
        the next, an even number of at most ``n_fft // 2``.
    n_codes : int, default=256
        Size of each codebook.
    code_dim : int, default=32
        Numbers a code.
    width : int, default=96
        Features of the auto-encoder.
    n_blocks : int, default=3
        Residual blocks of each of its stacks.
    condition_weight : float, default=1.0
        Weight of the loss that pulls the top codes to the condition.
    conditioning : {"both", "global", "local"}, default="both"
        Parts of the condition matrix to use: y, ``context`` and clusters, the metrics,
        or both. With "local", y and ``context`` still choose the row that lends the
        metrics; with "global", metrics that are asked have no effect.
    n_clusters : int or None, default=None
        Cluster the training rows (Ward, by the mean and deviation of each band), and
        take the cluster as a further condition: kinds of artefact, for example. It is
        not asked for, but comes from the training row that lends what is not asked.
    local_dropout : float in [0, 1), default=0.15
        Share of the training rows whose metrics are taken away, so that ``sample`` can
        do without.
    prior_width : int, default=128
        Features of the transformers.
    encoder_layers, decoder_layers : int or pair of int, default=2
        Layers of their encoders and decoders; one number, or one for each.
    n_heads : int, default=4
        Heads of their attention, which divide ``prior_width``.
    dropout : float in [0, 1), default=0.1
        Share of their features that is left out in training.
    top_p : float in (0, 1], default=0.9
        Tokens are drawn from the smallest set of codes of this probability.
    temperature : float, default=1.0
        Divides the logits of the tokens: below 1 there is less variety.
    joining : {"continue", "parallel"}, default="continue"
        How recordings longer than those of ``fit`` are made. Each segment goes on from
        the last tokens of the one before, a seventh to a half of it; or all start with
        the same tokens, and are cross-faded, which is the published way and leaves a
        line in the spectrum of the envelope at the rate of the segments.
    inverter : {"melgan", "griffin-lim"}, default="melgan"
        From spectrograms to signals. Griffin-Lim needs no training.
    n_refine : int, default=0
        Steps of Griffin-Lim that start from the signal of the vocoder: 16 bring the
        spectrogram nearer to the one asked for, and make spikes less sharp.
    vocoder_width : int, default=64
        Features of the first layer of the vocoder; each stage halves them.
    discriminator_width : int or None, default=None
        Features of the first layer of its discriminators; published are 16. None
        trains the vocoder on ``vocoder_weights`` alone, in a few minutes; in
        trainings of some minutes discriminators made it worse.
    vocoder_weights : sequence of four float, default=(0.0, 1.0, 2.0, 1.0)
        Weights of losses of the vocoder that are not published: the log-mel difference,
        that of log-magnitudes at five resolutions, that of the RMS in a hop, and that
        of the sizes of spikes.
    vocoder_conditions : bool, default=True
        Show the vocoder the metrics of each window beside the spectrogram, whose
        windows are too long to say how many spikes there are; without metrics, the
        other conditions. Not published.
    vocoder_input : {"decoded", "real"}, default="decoded"
        Spectrograms that the vocoder learns from: those that the auto-encoder makes of
        the training rows, smoother than real ones, as ``sample`` will have them; or
        real ones, so that the vocoder needs no auto-encoder.
    stages : sequence of str or None, default=None
        Stages to train, the others being in ``checkpoint``. None is all; with
        ``inverter="griffin-lim"`` all but the vocoder.
    checkpoint : str, Path or None, default=None
        Folder that keeps each finished stage. A ``fit`` of the same data with the same
        parameters goes on from there, whatever ended the one before.
    scaler : {"standard", "maxabs"} or None, default="standard"
        Scaling before training; undone by ``sample``.
    max_epochs : int or None, default=None
        Epochs of the auto-encoder. None makes about 1000 updates of the weights.
    prior_epochs : int, pair of int or None, default=None
        Epochs of the two transformers. None makes about 1000 updates of each.
    vocoder_epochs : int or None, default=None
        Epochs of the vocoder, which sees 32 frames of each row in one. None makes
        about 1600 updates, or 20,000 with discriminators.
    batch_size : int, default=16
        Rows a step, in training and in sampling; a quarter of them for the vocoder.
    lr : float, default=1e-3
        Highest learning rate of AdamW; it warms up, then falls along a cosine.
    vocoder_lr : float, default=2e-3
        That of the vocoder and its discriminators.
    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device name.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Precision of training. ``"auto"`` is bf16 autocast where the hardware has it.
    compile : bool, default=False
        Train through ``torch.compile``.
    callbacks : list of skorch callbacks, default=None
        They serve the training of each stage.
    random_state : int, RandomState or None, default=None
        Fixes the weights and the training. No global generator is touched.
    verbose : int, default=0
        1 prints about twenty lines of progress a stage, 2 one an epoch; ``sample``
        prints up to twenty.

    Attributes
    ----------
    network_ : torch.nn.ModuleDict
        One module a stage.
    stages_ : tuple of str
        Stages that are trained.
    n_tokens_ : tuple of int
        Top, middle and bottom tokens of a signal.
    history_ : dict of list of float
        One number an epoch: ``train_loss``, ``train_mel`` (mean absolute error of the
        spectrogram, in deviations of a band), ``train_condition`` and ``train_*_usage``
        (perplexity of the codes over their number) of the auto-encoder;
        ``train_top_loss``, ``train_bottom_loss`` and its parts for the middle
        (``level0``) and bottom tokens (``level1``), in nats a token; and
        ``train_vocoder_*``, of which ``mel`` is in decades. The same with ``valid_``
        where rows are held out.
    n_iter_ : int
        Epochs of the auto-encoder.
    clusters_ : ndarray of shape (n_samples,)
        Cluster of each training row; without ``n_clusters`` all are 0.
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
    sksynth.metrics.local_metrics : The five metrics.

    Notes
    -----
    The metrics of the training rows are kept, and lend ``sample`` what is not asked;
    they are saved with the generator.

    References
    ----------
    .. [1] MerGen, arXiv 2503.16928, 2025.
    .. [2] Kumar et al., "MelGAN: generative adversarial networks for conditional
       waveform synthesis", NeurIPS 2019.

    Examples
    --------
    >>> from sksynth import MerGen
    >>> from sksynth.datasets import make_mer
    >>> mer = make_mer(6, n_times=4096, random_state=0)
    >>> few = {"max_epochs": 2, "prior_epochs": 2, "inverter": "griffin-lim"}
    >>> mergen = MerGen(**few, random_state=0).fit(mer.data, context=mer.distance)
    >>> mergen.sample(2, context=[1.5, 8.0], random_state=0).shape
    (2, 1, 4096)
    >>> mergen.sample(1, n_times=10_000, random_state=0).shape
    (1, 1, 10000)
    """

    sampling_parameters = ("top_p", "temperature", "joining", "n_refine")
    _helpers = {
        **BaseGenerator._helpers,
        "context_": ContextEncoder,
        "local_": LocalMetrics,
        "lenders_": TrainingConditions,
    }

    _parameter_constraints: dict = {
        **BaseGenerator._parameter_constraints,
        "fs": [Interval(Real, 0, None, closed="neither")],
        "n_fft": [Interval(Integral, 4, 2**16, closed="both")],
        "n_mels": [Interval(Integral, 1, 2**10, closed="both")],
        "upsampling": [tuple, list],
        "n_codes": [Interval(Integral, 2, None, closed="left")],
        "code_dim": [AT_LEAST_ONE],
        "width": [AT_LEAST_ONE],
        "n_blocks": [Interval(Integral, 0, None, closed="left")],
        "condition_weight": [Interval(Real, 0, None, closed="left")],
        "conditioning": [StrOptions({"both", "global", "local"})],
        "n_clusters": [AT_LEAST_ONE, None],
        "local_dropout": [_SHARE],
        "prior_width": [AT_LEAST_ONE],
        "encoder_layers": [AT_LEAST_ONE, tuple, list],
        "decoder_layers": [AT_LEAST_ONE, tuple, list],
        "n_heads": [AT_LEAST_ONE],
        "dropout": [_SHARE],
        "top_p": [Interval(Real, 0, 1, closed="right")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "joining": [StrOptions(set(JOININGS))],
        "inverter": [StrOptions({"melgan", "griffin-lim"})],
        "n_refine": [Interval(Integral, 0, None, closed="left")],
        "vocoder_width": [AT_LEAST_ONE],
        "discriminator_width": [AT_LEAST_ONE, None],
        "vocoder_weights": [tuple, list],
        "vocoder_conditions": ["boolean"],
        "vocoder_input": [StrOptions({"decoded", "real"})],
        "stages": [tuple, list, None],
        "checkpoint": [str, Path, None],
        "max_epochs": [AT_LEAST_ONE, None],
        "prior_epochs": [AT_LEAST_ONE, tuple, list, None],
        "vocoder_epochs": [AT_LEAST_ONE, None],
        "vocoder_lr": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        fs=24_000.0,
        n_fft=1024,
        n_mels=80,
        upsampling=(8, 8, 2, 2),
        n_codes=256,
        code_dim=32,
        width=96,
        n_blocks=3,
        condition_weight=1.0,
        conditioning="both",
        n_clusters=None,
        local_dropout=0.15,
        prior_width=128,
        encoder_layers=2,
        decoder_layers=2,
        n_heads=4,
        dropout=0.1,
        top_p=0.9,
        temperature=1.0,
        joining="continue",
        inverter="melgan",
        n_refine=0,
        vocoder_width=64,
        discriminator_width=None,
        vocoder_weights=(0.0, 1.0, 2.0, 1.0),
        vocoder_conditions=True,
        vocoder_input="decoded",
        stages=None,
        checkpoint=None,
        scaler="standard",
        max_epochs=None,
        prior_epochs=None,
        vocoder_epochs=None,
        batch_size=16,
        lr=1e-3,
        vocoder_lr=2e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.fs = fs
        self.n_fft = n_fft
        self.n_mels = n_mels
        self.upsampling = upsampling
        self.n_codes = n_codes
        self.code_dim = code_dim
        self.width = width
        self.n_blocks = n_blocks
        self.condition_weight = condition_weight
        self.conditioning = conditioning
        self.n_clusters = n_clusters
        self.local_dropout = local_dropout
        self.prior_width = prior_width
        self.encoder_layers = encoder_layers
        self.decoder_layers = decoder_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.top_p = top_p
        self.temperature = temperature
        self.joining = joining
        self.inverter = inverter
        self.n_refine = n_refine
        self.vocoder_width = vocoder_width
        self.discriminator_width = discriminator_width
        self.vocoder_weights = vocoder_weights
        self.vocoder_conditions = vocoder_conditions
        self.vocoder_input = vocoder_input
        self.stages = stages
        self.checkpoint = checkpoint
        self.scaler = scaler
        self.max_epochs = max_epochs
        self.prior_epochs = prior_epochs
        self.vocoder_epochs = vocoder_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.vocoder_lr = vocoder_lr
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, context=None):
        """Train on X and its conditions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Recordings. ndarray, nested list or DataFrame. A memory map or a map-style
            ``torch.utils.data.Dataset`` is read into memory first.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Labels or measurements: the annotated activity, for example. Samplers
            balance these.
        context : array-like of shape (n_samples,) or (n_samples, n_columns), or \
DataFrame, default=None
            Further conditions: columns of numbers (the distance to the target) or of
            text (the kind of artefact).

        Returns
        -------
        self : object
            The fitted generator. A fit that fails, or that Ctrl-C ends, leaves the
            generator as it was before; finished stages stay in ``checkpoint``.

        Raises
        ------
        ValueError
            If X, y or context has a wrong shape or is not finite, the device is not
            there, or a stage needs one that is not trained.
        FloatingPointError
            If a loss is not finite any more.
        """
        return self._fit_to(X, y, context=context)

    def sample(
        self,
        n_samples=1,
        *,
        y=None,
        context=None,
        local=None,
        n_times=None,
        random_state=None,
    ):
        """Draw recordings in the shape, dtype and container of the X given to ``fit``.

        What is not asked, a training row lends, of those with the same y (or, of
        measurements, one of the five nearest) and one of the five nearest contexts. The
        later segments of a long recording have the metrics of rows that are like it.

        Parameters
        ----------
        n_samples : int, default=1
            Number of recordings.
        y : label or array-like of shape (n_samples,), default=None
            What to draw: one target for all recordings, or one for each.
        context : row or array-like of shape (n_samples, n_columns), default=None
            Further conditions, like those of ``fit``: one row for all, or one each.
        local : array-like of shape (n_samples, n_channels, 5, n_windows) or "none", \
default=None
            Metrics of each window of ``4 * prod(upsampling)`` samples, as from
            :func:`sksynth.metrics.local_metrics` in the unit of X; the last of fewer
            windows than a recording has go on. None borrows them; "none" does without,
            which needs a ``local_dropout`` above 0.
        n_times : int, default=None
            Samples of a recording, any number. None is as many as in ``fit``; with
            another number the result is an array.
        random_state : int, RandomState or None, default=None
            An int gives the same recordings at each call, and ``sample(3)`` is then
            the beginning of ``sample(50)``.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples rows
            The recordings, in the unit of the X given to ``fit``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If a condition has a wrong shape or was not known to ``fit``, or a stage
            that is needed was not trained.
        """
        return self._ask(n_samples, y, context, local, n_times, random_state).collect()

    def iter_samples(
        self,
        n_samples,
        *,
        y=None,
        context=None,
        local=None,
        n_times=None,
        random_state=None,
        block_size=None,
        start=0,
        stop=None,
    ):
        """Draw recordings block by block, for more of them than memory holds.

        One after the other the blocks are ``sample(n_samples, ...)``, to the bit. With
        ``start`` and ``stop`` several workers make a part each, of the same whole.

        Parameters
        ----------
        n_samples : int
            Number of recordings of the whole draw.
        y, context, local, n_times, random_state
            As in :meth:`sample`, for the whole draw. Workers need the same int as
            ``random_state``.
        block_size : int, default=None
            Recordings a block; the last one may have fewer. None is ``batch_size``.
        start, stop : int, default=0 and None
            Rows of the draw to make, ``start`` included and ``stop`` not; None is all
            from ``start``. Where they are multiples of ``batch_size`` no row is made
            twice.

        Returns
        -------
        blocks : iterator of ndarray, list or DataFrame
            The recordings, as ``sample`` gives them; a DataFrame numbers its rows as
            they are numbered in the whole draw.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            As from :meth:`sample`, or for rows that the draw does not have; at once,
            not with the first block.
        """
        return self._ask(n_samples, y, context, local, n_times, random_state).blocks(
            block_size, start, stop
        )

    def _ask(self, n_samples, y, context, local, n_times, random_state):
        """The draw that the arguments of ``sample`` ask for."""
        seeds = self._start_sampling(n_samples, random_state)
        self._check_stages("vqvae", "top", "bottom", *self._inverting_stages())
        whole = self._signal_shape[1]
        if n_times is not None:
            check_integer(n_times, "n_times", 1)
        n_wanted = whole if n_times is None else n_times
        n_windows = max(-(-n_wanted // self._window), self._n_steps(whole))
        asked = self._asked(n_samples, y, context, local, n_windows, seeds)

        def draw(rows, noise, like):
            features = torch.from_numpy(asked(rows)).to(like)
            return self._sample(features, noise)[..., :n_wanted]

        own = self.container_
        container = own if n_wanted == whole else own.of_length(n_wanted)
        return self._drawing(n_samples, seeds, draw, container)

    def encode(self, X):
        """Tokens of recordings.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Recordings.

        Returns
        -------
        tokens : ndarray of int64, shape (n_samples, n_top + n_middle + n_bottom)
            Level after level (``n_tokens_``), each in the order of time.
        """
        check_is_fitted(self, "container_")
        self._check_stages("vqvae")
        X = self._check_X(X, reset=False)
        signals = torch.from_numpy(self.scaler_.transform(self._as_signals(X)))
        vqvae = self._network_to_sample()["vqvae"]
        return self._tokens(vqvae, self._padded(signals)).cpu().numpy()

    def decode(self, tokens):
        """Recordings of tokens, in the form of the X of ``fit``.

        The vocoder is told no conditions, unlike in :meth:`sample`.

        Parameters
        ----------
        tokens : array-like of int, shape (n_samples, n_top + n_middle + n_bottom)
            As from :meth:`encode`.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples rows
            Recordings. Griffin-Lim starts from the same phases each time.

        Raises
        ------
        ValueError
            If the number of columns is not that of the tokens, or a token is none of
            the codes, or no integer.
        """
        check_is_fitted(self, "container_")
        self._check_stages("vqvae", *self._inverting_stages())
        vqvae = self._network_to_sample()["vqvae"]
        n_codes = len(vqvae.codebooks[0].usage)
        tokens = check_tokens(tokens, sum(self.n_tokens_), n_codes)

        def draw(rows, noise, like):
            levels = torch.from_numpy(tokens[rows]).to(like.device)
            decoded = vqvae.decode(levels.split(self.n_tokens_, 1))
            return self._signals(decoded, noise)[..., : self._signal_shape[1]]

        seeds = RowNoise.seeds(0, len(tokens))
        return self._drawing(len(tokens), seeds, draw).collect()

    @property
    def n_tokens_(self):
        """Top, middle and bottom tokens of a signal."""
        check_is_fitted(self, "container_")
        n_steps = self._n_steps(self._signal_shape[1])
        return n_steps, 2 * n_steps, 4 * n_steps

    def _asked(self, n_samples, y, context, local, n_windows, seeds):
        """Function of a slice of the rows that gives their condition matrices."""
        own = None if y is None else self.conditions_.encode(y, n_samples)
        if context is not None:
            if not self.context_.labels:
                raise ValueError(
                    f"context={context!r} was asked of a generator fitted without"
                )
            context = self.context_.encode(context, n_samples)
        local = self._check_local(local, n_samples, n_windows)
        n_steps = self._n_steps(self._signal_shape[1])
        _, known = segments_of(n_windows, n_steps, self.joining)
        uniform = RowNoise.uniform_of_all(seeds, n_samples, "label", len(known))
        lenders = self.lenders_.lenders(
            own, context, uniform, self.conditions_.classes is not None
        )

        def matrix(rows):
            return self.lenders_.asked(
                None if own is None else own[rows],
                None if context is None else context[rows],
                local[rows] if isinstance(local, np.ndarray) else local,
                lenders[rows],
                known,
                n_windows,
            )

        return matrix

    def _check_local(self, local, n_samples, n_windows):
        """Standardised metrics; None to borrow them; a str to do without."""
        if isinstance(local, str):
            if local != "none":
                raise ValueError(
                    f'local must be an array, None or "none"; got {local!r}'
                )
            optional = self.network_["top"].context.optional
            if optional.n_optional and not optional.dropout:
                raise ValueError('local="none" needs a local_dropout above 0 at fit')
            return local
        if local is None:
            return None
        n_channels = self._signal_shape[0]
        check_kind(local, "local")
        local = check_array(local, allow_nd=True, input_name="local", dtype=float)
        if local.ndim == 3 and n_channels == 1:
            local = local[:, None]
        expected = (n_samples, n_channels, 5)
        if local.shape[:-1] != expected or local.shape[-1] > n_windows:
            raise ValueError(
                f"local must have shape {expected} + (n_windows,), n_windows at most "
                f"{n_windows}; got {local.shape}"
            )
        lacking = n_windows - local.shape[-1]
        local = np.pad(local, ((0, 0),) * 3 + ((0, lacking),), mode="edge")
        return self.local_.transform(local)

    def _sample(self, condition, noise, anchor=None):
        """Signals of condition matrices (batch, n_windows, n_features)."""
        options = {"top_p": self.top_p, "temperature": self.temperature}
        n_steps = self._n_steps(self._signal_shape[1])
        writer = SegmentWriter(self.network_, n_steps, **options)
        spectrogram = writer.write(condition, noise.uniform, self.joining)
        return self._signals(spectrogram, noise, condition)

    def _inverting_stages(self):
        """Stages that the inverter needs, which may be set after ``fit``."""
        if self.inverter not in ("melgan", "griffin-lim"):
            raise ValueError(
                f"inverter must be 'melgan' or 'griffin-lim'; got {self.inverter!r}"
            )
        return ("vocoder",) if self.inverter == "melgan" else ()

    def _check_stages(self, *needed):
        missing = [name for name in needed if name not in self.stages_]
        if missing:
            raise ValueError(
                f"the stages {missing} are not trained; trained are {self.stages_}"
            )
