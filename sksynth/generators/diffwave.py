"""Diffusion with a dilated or a state-space network as an estimator."""

from sklearn.utils._param_validation import StrOptions

from sksynth.generators._diffusion import DiffusionGenerator
from sksynth.generators._training import AT_LEAST_ONE
from sksynth.nn.diffwave import MIXERS, DiffWaveNetwork


class DiffWave(DiffusionGenerator):
    """Diffusion with a stack of gated residual blocks, convolutional or state-space.

    The network of DiffWave [1]_ (``mixer="conv"``), or that of SSSD-ECG
    [2]_ with diagonal state spaces [3]_ (``mixer="s4"``), whose blocks see the
    whole signal. All blocks work at one rate. By default it is trained and sampled as
    in [4]_, with the solver of [5]_: some 18 passes through the network. In
    training, a row of a class of m rows is drawn with a weight of m ** -0.5.

    Anchored sampling (``strength`` s below 1) interpolates between the anchors as SMOTE
    does, adds noise of the level at the share s of the sampler's levels, and denoises
    from there [8]_: 0 is SMOTE, and small strengths cost few steps.

    Parameters
    ----------
    mixer : {"conv", "s4"}, default="conv"
        What mixes the times: dilated convolutions, or state spaces.
    n_layers : int, default=6
        Residual blocks.
    width : int, default=96
        Features of a block.
    state_dim : int, default=64
        States a feature of ``mixer="s4"``.
    patch_size : int, default=4
        Times that are one position of the blocks. 1 has the finest view of details and
        takes up to as many times longer.
    schedule : str, default="lognormal"
        Noise levels that training draws from: "lognormal" [4]_, "cosine" or
        "linear", or as published by "diffwave", "sssd-ecg" or "time-diffusion".
    prediction : {"v", "noise", "clean"}, default="v"
        What the network predicts. "v" [6]_ is the preconditioning of [4]_ for
        signals of deviation 1.
    min_snr : float, default=None
        Weight the squared error of the clean signals by the signal-to-noise ratio, at
        most this number (5, say). None weights each level as ``prediction`` does.
    label_dropout : float in [0, 1), default=0.1
        Share of the training rows whose label is dropped, so that ``guidance`` can
        compare with and without.
    guidance : float, default=1.0
        1 draws from the classes as learnt; more exaggerates what is typical of the
        class, at the cost of variety and of twice the time, and needs a
        ``label_dropout`` above 0. Without y it has no effect [7]_.
    sampler : {"dpm-solver", "heun", "ddim", "ancestral"}, default="dpm-solver"
        How ``sample`` goes from noise to signals. Only "ancestral" adds fresh noise at
        each step, and wants 100 steps or more.
    n_steps : int or None, default=18
        Steps of the sampler, each a pass through the network ("heun" takes two). None
        is as many as the schedule has levels.
    lead_names : sequence of str, default=None
        Names of the channels of a 12-lead electrocardiogram. Leads I and II and the
        chest leads are then generated; III, aVR, aVL and aVF follow from I and II
        exactly, as they must.
    scaler : {"standard", "maxabs"} or None, default="standard"
        Scaling before training; undone by ``sample``.
    max_epochs : int or None, default=None
        Passes through the training rows. None takes as many as make about 1500 updates
        of the weights: noise has no epochs, so a small data set needs as many.
    batch_size : int, default=64
        Rows a step, in training and in sampling.
    lr : float, default=4e-3
        Highest learning rate of AdamW: it warms up, then falls along a cosine.
    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device name.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Precision of training. ``"auto"`` is bf16 autocast where the hardware has it.
        Sampling is in float32, unless this is "bf16".
    compile : bool, default=False
        Train through ``torch.compile``.
    callbacks : list of skorch callbacks, default=None
        For example :class:`sksynth.training.EarlyStopping`.
    random_state : int, RandomState or None, default=None
        Fixes the weights and the training. No global generator is touched.
    verbose : int, default=0
        1 prints about twenty lines of progress, 2 one an epoch; ``sample`` prints up
        to twenty.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network with its noise levels.
    history_ : dict of list of float
        Mean squared error of the prediction, one number an epoch: ``train_loss``, and
        ``valid_loss`` where rows are held out.
    n_iter_ : int
        Epochs trained.
    rms_ : float
        Root mean square of the scaled signals, which are divided by it, too: about 1
        with ``scaler="standard"``.
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
    .. [1] Kong, Ping, Huang, Zhao and Catanzaro, "DiffWave: a versatile diffusion
       model for audio synthesis", ICLR 2021.
    .. [2] Alcaraz and Strodthoff, "Diffusion-based conditional ECG generation with
       structured state space models", Comput Biol Med 163:107115, 2023.
    .. [3] Gu, Gupta, Goel and Re, "On the parameterization and initialization of
       diagonal state space models", NeurIPS 2022.
    .. [4] Karras, Aittala, Aila and Laine, "Elucidating the design space of
       diffusion-based generative models", NeurIPS 2022.
    .. [5] Lu et al., "DPM-Solver++: fast solver for guided sampling of diffusion
       probabilistic models", 2022.
    .. [6] Salimans and Ho, "Progressive distillation for fast sampling of diffusion
       models", ICLR 2022.
    .. [7] Ho and Salimans, "Classifier-free diffusion guidance", 2022.
    .. [8] Meng et al., "SDEdit: guided image synthesis and editing with stochastic
       differential equations", ICLR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import DiffWave
    >>> X = np.random.default_rng(0).normal(size=(20, 2, 32))
    >>> y = np.repeat(["af", "sinus"], 10)
    >>> diffwave = DiffWave(n_layers=2, width=8, max_epochs=2, random_state=0)
    >>> diffwave.fit(X, y).sample(3, y="af", random_state=0).shape
    (3, 2, 32)
    """

    _parameter_constraints: dict = {
        **DiffusionGenerator._parameter_constraints,
        "mixer": [StrOptions(set(MIXERS))],
        "n_layers": [AT_LEAST_ONE],
        "width": [AT_LEAST_ONE],
        "state_dim": [AT_LEAST_ONE],
        "patch_size": [AT_LEAST_ONE],
    }

    def __init__(
        self,
        *,
        mixer="conv",
        n_layers=6,
        width=96,
        state_dim=64,
        patch_size=4,
        schedule="lognormal",
        prediction="v",
        min_snr=None,
        label_dropout=0.1,
        guidance=1.0,
        sampler="dpm-solver",
        n_steps=18,
        lead_names=None,
        scaler="standard",
        max_epochs=None,
        batch_size=64,
        lr=4e-3,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.mixer = mixer
        self.n_layers = n_layers
        self.width = width
        self.state_dim = state_dim
        self.patch_size = patch_size
        self.schedule = schedule
        self.prediction = prediction
        self.min_snr = min_snr
        self.label_dropout = label_dropout
        self.guidance = guidance
        self.sampler = sampler
        self.n_steps = n_steps
        self.lead_names = lead_names
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

    def _make_backbone(self, signal_shape, n_conditions):
        return DiffWaveNetwork(
            *signal_shape,
            n_conditions,
            mixer=self.mixer,
            n_layers=self.n_layers,
            width=self.width,
            state_dim=self.state_dim,
            patch_size=self.patch_size,
        )

    def _sample(self, condition, noise, anchor=None):
        with self.network_.network.kept_kernels(self._signal_shape[1]):
            return super()._sample(condition, noise, anchor)
