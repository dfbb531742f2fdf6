"""The stages of MerGen: their trainings, and the way to signals."""

import math
import pickle
from numbers import Integral, Real

import joblib
import numpy as np
import torch
from sklearn.utils import gen_batches

from sksynth._context import ContextEncoder
from sksynth._random import reseed
from sksynth._shares import are_alike
from sksynth.generators._mer_conditions import (
    LocalMetrics,
    TrainingConditions,
    cluster,
)
from sksynth.generators._mergen_networks import STAGES, MergenNetworks
from sksynth.generators._stages import Checkpoint
from sksynth.generators._training import epochs_of, pair_of
from sksynth.metrics import local_metrics
from sksynth.nn.mel_vqvae import StandardLogMel
from sksynth.spectral import LogMel
from sksynth.training.callbacks import plain_callbacks

N_UPDATES = {"vqvae": 1000, "top": 1000, "bottom": 1000, "vocoder": 1600}
N_UPDATES_AGAINST = 20_000  # of a vocoder with discriminators
N_FRAMES_AT_ONCE = 4096  # of spectrograms that become signals


class MergenTraining(MergenNetworks):
    """What :class:`MerGen` is made of; only a base of it."""

    _fits_from_source = False  # spectrograms of all rows are in memory anyway

    def _inspect(self, X):
        for name, kind in (("upsampling", Integral), ("vocoder_weights", Real)):
            values = getattr(self, name)
            is_kind = [isinstance(v, kind) and not isinstance(v, bool) for v in values]
            if not values or not all(is_kind):
                what = "integers" if kind is Integral else "numbers"
                raise ValueError(f"{name} must be {what}; got {values}")
        if min(self.upsampling) < 2:
            raise ValueError(f"upsampling must be from 2; got {self.upsampling}")
        is_weight = [0 <= weight < math.inf for weight in self.vocoder_weights]
        if len(is_weight) != 4 or not all(is_weight):
            raise ValueError(
                "vocoder_weights must be four numbers from 0; got "
                f"{self.vocoder_weights}"
            )
        if self.prior_width % self.n_heads:
            raise ValueError(
                f"prior_width must be a multiple of n_heads; got {self.prior_width} "
                f"and {self.n_heads}"
            )
        for name in ("encoder_layers", "decoder_layers"):
            pair_of(name, getattr(self, name))
        if self.prior_epochs is not None:
            pair_of("prior_epochs", self.prior_epochs)
        unknown = set(self.stages or ()) - set(STAGES)
        if unknown:
            raise ValueError(f"stages must be of {list(STAGES)}; got {sorted(unknown)}")
        if self.n_clusters is not None and self.n_clusters > len(X):
            raise ValueError(
                f"n_clusters={self.n_clusters} needs as many rows; got {len(X)}"
            )
        if not self._is_adversarial and not any(self.vocoder_weights):
            raise ValueError(
                "a vocoder without discriminators needs one of its vocoder_weights "
                f"above 0; got {self.vocoder_weights}"
            )
        LogMel(*self._mel_sizes)  # refuses sizes that do not fit
        # refuses a rate that is too low
        local_metrics(
            np.zeros((1, 1, 16 * self._window)), fs=self.fs, window=self._window
        )

    def _n_subtasks(self):
        epochs = [self._epochs(stage, None) for stage in self._asked_stages()]
        return None if None in epochs else sum(epochs)

    def _asked_stages(self):
        if self.stages is not None:
            return [stage for stage in STAGES if stage in self.stages]
        return [s for s in STAGES if s != "vocoder" or self.inverter == "melgan"]

    def _epochs(self, stage, n_rows):
        """Epochs of a stage; None if they depend on the number of rows, not given."""
        given = {"vqvae": self.max_epochs, "vocoder": self.vocoder_epochs}
        if self.prior_epochs is not None:
            both = pair_of("prior_epochs", self.prior_epochs)
            given |= dict(zip(("top", "bottom"), both, strict=True))
        if given.get(stage) is not None or n_rows is None:
            return given.get(stage)
        n_updates = N_UPDATES[stage]
        if stage == "vocoder" and self._is_adversarial:
            n_updates = N_UPDATES_AGAINST
        return epochs_of(n_updates, n_rows, self._batch(stage))

    def _needs(self, stage):
        """Stages that must be there before it."""
        is_alone = stage == "vqvae" or (
            stage == "vocoder" and self.vocoder_input == "real"
        )
        return () if is_alone else ("vqvae",)

    def _batch(self, stage):
        return max(1, self.batch_size // 4) if stage == "vocoder" else self.batch_size

    @property
    def _is_adversarial(self):
        return self.discriminator_width is not None

    def _lr(self, stage):
        return self.vocoder_lr if stage == "vocoder" else self.lr

    def _fit(self, signals, condition, context=None):
        self.context_ = ContextEncoder(context, len(signals))
        context = self.context_.encode(context, len(signals))
        checkpoint = Checkpoint(self.checkpoint)
        x = self._padded(signals)
        metrics = self._measure(x)
        self.local_ = LocalMetrics(metrics)
        log_mel = LogMel(*self._mel_sizes).to(x.device)
        clusters = self._cluster(log_mel, x)
        self.lenders_ = TrainingConditions(
            condition.cpu().numpy(),
            context,
            clusters,
            self.local_.transform(metrics),
            self.conditioning,
        )
        self.clusters_ = (
            clusters.argmax(axis=1) if clusters.size else np.zeros(len(x), int)
        )
        seeds = torch.randint(2**31 - 1, (1 + len(STAGES),)).tolist()
        reseed(seeds.pop(), x.device)
        network = self._make_network(signals.shape[1:], condition.shape[1])
        self._fit_fronts(network.to(x.device), x)
        self._train_stages(network, checkpoint, seeds, x, condition)
        self.network_ = network.requires_grad_(False).eval()

    def _fit_fronts(self, network, x):
        fronts = network["vqvae"].front, network["vocoder"].front
        fronts[0].fit(x[rows] for rows in gen_batches(len(x), self.batch_size))
        fronts[1].load_state_dict(fronts[0].state_dict())
        limit = network["vocoder"].generator.limit
        limit.copy_(x.abs().amax(dim=(0, 2))[:, None].clamp(min=1.0))

    def _train_stages(self, network, checkpoint, seeds, x, condition):
        """Train, or take from the checkpoint, all stages that are asked."""
        asked = self._asked_stages()
        network.eval()  # a codebook that trains would move with what it encodes
        self.history_, trained, data = {}, [], None
        vars(self).pop("n_iter_", None)
        for number, (stage, seed) in enumerate(zip(STAGES, seeds, strict=True), 1):
            key = None
            if self.checkpoint is not None:
                data = data or self._digests(x, condition)
                key = self._key(stage, network, data, seed)
            curves = checkpoint.load(stage, key, network[stage])
            if not are_alike(int(curves is None)):
                raise RuntimeError(
                    f"the stage {stage!r} is in the checkpoint={self.checkpoint} of "
                    "some processes alone: they need one folder for all"
                )
            if curves is None and stage in asked:
                missing = set(self._needs(stage)) - set(trained)
                if missing:
                    raise ValueError(
                        f"stage {stage!r} needs {sorted(missing)}, which neither "
                        f"stages={self.stages} nor checkpoint={self.checkpoint} have"
                    )
                self._announce(f"training {number} of {len(STAGES)}: {stage}")
                reseed(seed, x.device)
                curves = self._train_stage(stage, network, x, condition)
                checkpoint.save(stage, key, network[stage], curves)
            if curves is not None:
                trained.append(stage)
                self._note(stage, curves)
        self.stages_ = tuple(trained)

    def _train_stage(self, stage, network, x, condition):
        """Losses of the training of one stage."""
        tensors, options = {"condition": condition}, {}
        features = torch.from_numpy(self.lenders_.training_matrix()).to(x.device)
        if stage == "vocoder":
            tensors["x"] = x
            if self.vocoder_conditions:
                tensors["features"] = features
            if self.vocoder_input == "decoded":
                tensors["bands"] = self._decoded(network["vqvae"], x).clone()
            options = {"betas": (0.5, 0.9) if self._is_adversarial else (0.8, 0.99)}
        elif stage == "vqvae":
            front = network["vqvae"].front
            mel = self._through(front, lambda net, rows: net(rows), x)
            tensors["mel"] = mel.clone()  # outside of inference mode
            tensors["features"] = features
        else:
            tokens = self._tokens(network["vqvae"], x)
            n_steps = features.shape[1]
            top, middle, bottom = tokens.split([n_steps, 2 * n_steps, 4 * n_steps], 1)
            low = network["bottom"].interleave(middle, bottom)
            is_top = stage == "top"
            tensors["tokens"] = top if is_top else low
            tensors["context"] = features if is_top else top
        net = self._train(
            network[stage],
            self._epochs(stage, len(x)),
            batch_size=self._batch(stage),
            lr=self._lr(stage),
            **options,
            **tensors,
        )
        network[stage].eval()
        return net.curves()

    def _note(self, stage, curves):
        if stage == "vqvae":
            self.n_iter_ = len(curves["train_loss"])
            self.history_ |= curves
            return
        for name, values in curves.items():
            self.history_[name.replace("_", f"_{stage}_", 1)] = values

    def _key(self, stage, network, data, seed):
        """What the result of a stage depends on, in short."""
        signals, features = data
        own = repr(network[stage]), self._epochs(stage, len(self.lenders_.own))
        own += self._batch(stage), self._lr(stage), self.precision
        own += (self._key_of_callbacks(),)
        if self._needs(stage):  # the weights it was trained with, and no others
            state = network["vqvae"].state_dict()
            own += (joblib.hash({name: t.cpu().numpy() for name, t in state.items()}),)
        seed = None if self.random_state is None else seed
        uses_features = stage in ("vqvae", "top") or (
            stage == "vocoder" and self.vocoder_conditions
        )
        return joblib.hash((signals, features if uses_features else None, own, seed))

    def _key_of_callbacks(self):
        """Their classes and parameters, without what they noted in a training."""
        callbacks = plain_callbacks(self.callbacks or [])
        own = [(type(c).__qualname__, c.get_params()) for c in callbacks]
        try:
            return joblib.hash(own)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ValueError(
                f"checkpoint={self.checkpoint} needs callbacks that can be pickled; "
                f"got {self.callbacks}: {error}"
            ) from None

    def _digests(self, x, condition):
        """In short: signals and their labels, and the condition matrix."""
        signals = x.cpu().numpy(), condition.cpu().numpy(), self._mel_sizes
        return joblib.hash(signals), joblib.hash(self.lenders_.training_matrix())

    def _decoded(self, vqvae, x):
        """Spectrograms in decades, as far as the tokens hold them."""

        def decode(net, rows):
            return net.front.inverse(net.decode(net.encode(net.front(rows))))

        return self._through(vqvae, decode, x)

    def _tokens(self, vqvae, x):
        """Tokens of padded signals, level after level."""
        return self._through(
            vqvae, lambda net, rows: torch.cat(net.encode(net.front(rows)), dim=1), x
        )

    def _padded(self, signals):
        """Whole windows: signals go on with their mirror image."""
        n_times = signals.shape[2]
        wanted = self._n_steps(n_times) * self._window
        if wanted == n_times:
            return signals
        index = np.pad(np.arange(n_times), (0, wanted - n_times), mode="symmetric")
        return signals[..., torch.from_numpy(index).to(signals.device)]

    def _measure(self, x):
        """Metrics of the windows of scaled signals, in the unit of X."""
        parts = []
        for rows in gen_batches(len(x), 64):
            signals = self.scaler_.inverse_transform(x[rows].cpu().numpy())
            parts.append(local_metrics(signals, fs=self.fs, window=self._window))
        return np.concatenate(parts)

    def _cluster(self, log_mel, x):
        """One-hot clusters of the rows; no columns without ``n_clusters``."""
        if self.n_clusters is None:
            return np.zeros((len(x), 0), dtype=np.float32)
        front = StandardLogMel(log_mel, x.shape[1]).to(x.device)
        mel = self._through(front, lambda net, rows: net.raw(rows), x)
        return cluster(mel.cpu().numpy(), self.n_clusters)

    def _signals(self, spectrogram, noise, features=None):
        """Scaled signals (batch, n_channels, n_times) of standard spectrograms.

        ``features`` are their condition matrices; None does without.
        """
        vqvae, vocoder = self.network_["vqvae"], self.network_["vocoder"]
        log_mel = vqvae.front.log_mel
        bands = vqvae.front.inverse(spectrogram)
        n_channels = self._signal_shape[0]
        phase = None
        if self.inverter == "griffin-lim":
            shape = n_channels, log_mel.n_fft // 2 + 1, bands.shape[2]
            phase = 2 * math.pi * noise.uniform(*shape)
        signals = []
        for rows in gen_batches(len(bands), max(1, N_FRAMES_AT_ONCE // bands.shape[2])):
            mel = bands[rows].unflatten(1, (n_channels, -1)).flatten(0, 1)
            if phase is not None:
                x = log_mel.griffin_lim(mel, phase[rows].flatten(0, 1))
            else:
                known = None if features is None else features[rows]
                x = vocoder.vocode(bands[rows], known).flatten(0, 1)
                if self.n_refine:
                    x = log_mel.refine(mel, x, n_iter=self.n_refine)
            signals.append(x.unflatten(0, (-1, n_channels)))
        return torch.cat(signals)
