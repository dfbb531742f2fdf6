"""What the diffusion generators share: the process around the network."""

import math
import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from sksynth._leads import LimbLeads
from sksynth.base import BaseGenerator
from sksynth.diffusion.denoiser import PREDICTIONS, Denoiser
from sksynth.diffusion.samplers import SAMPLERS
from sksynth.diffusion.schedules import (
    SCHEDULES,
    karras_level,
    karras_sigmas,
    signal_and_noise,
    trailing_sigmas,
)

AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")


class DiffusionGenerator(BaseGenerator):
    """Denoise step by step, with any network, noise schedule and sampler.

    A subclass writes ``_make_backbone``.
    """

    sampling_parameters = ("guidance", "sampler", "n_steps")
    _sigma_range = (0.01, 80.0)  # of steps spaced as Karras'
    _n_updates = 1500  # of the weights, where max_epochs is None

    _parameter_constraints: dict = {
        **BaseGenerator._parameter_constraints,
        "schedule": [StrOptions(set(SCHEDULES))],
        "prediction": [StrOptions(set(PREDICTIONS))],
        "min_snr": [Interval(Real, 0, None, closed="neither"), None],
        "label_dropout": [Interval(Real, 0, 1, closed="left")],
        "guidance": [Interval(Real, 0, None, closed="left")],
        "sampler": [StrOptions(set(SAMPLERS))],
        "n_steps": [AT_LEAST_ONE, None],
        "lead_names": ["array-like", None],
        "max_epochs": [AT_LEAST_ONE, None],
    }

    @abstractmethod
    def _make_backbone(self, signal_shape, n_conditions):
        """Network for a :class:`~sksynth.diffusion.denoiser.Denoiser` to train."""

    def _make_network(self, signal_shape, n_conditions):
        n_columns = n_conditions + 1 if n_conditions else 0
        return Denoiser(
            self._make_backbone(signal_shape, n_columns),
            SCHEDULES[self.schedule](),
            prediction=self.prediction,
            min_snr=self.min_snr,
            label_dropout=self.label_dropout,
        )

    def _n_epochs(self, n_rows):
        if self.max_epochs is not None:
            return self.max_epochs
        return math.ceil(self._n_updates / math.ceil(n_rows / self.batch_size))

    def _inspect(self, X):
        self._sigmas()  # refuses more steps than there are
        last = SCHEDULES[self.schedule]()[-1].item()
        if self.prediction == "noise" and not math.isfinite(last):
            raise ValueError(
                f"schedule={self.schedule!r} ends at noise alone, where the noise says "
                "nothing of the signal: choose prediction='v' or 'clean'"
            )
        if self.lead_names is not None:
            self._compare_leads(super()._as_signals(X))

    def _compare_leads(self, X):
        """Warn if X itself does not obey what its samples will."""
        errors = {
            name: np.sqrt(np.square(X[:, channel] - lead).mean())
            for name, channel, lead in self._limb_leads.derive(X)
        }
        worst = max(errors, key=errors.get)
        if errors[worst] > 0.05 * X.std():
            warnings.warn(
                f"lead {worst} of X differs from what leads I and II make of it by "
                f"{errors[worst]:.3g} (root mean square); samples will not",
                stacklevel=2,
            )

    @property
    def _limb_leads(self):
        n_channels = self.input_shape_[0] if len(self.input_shape_) == 2 else 1
        return LimbLeads(self.lead_names, n_channels)

    def _as_signals(self, X):
        X = super()._as_signals(X)
        return X if self.lead_names is None else X[:, self._limb_leads.kept]

    def _from_signals(self, signals):
        if self.lead_names is not None:
            signals = self._limb_leads.complete(signals)
        return super()._from_signals(signals)

    def _sample(self, condition, noise, anchor=None):
        shape = self._signal_shape
        x = noise.normal(*shape)
        sigmas = self._sigmas()
        if anchor is not None:
            start = anchor.interpolate()
            if anchor.strength == 0:
                return start
            sigmas = self._sigmas(anchor.strength)
            alpha, s = signal_and_noise(sigmas[0].item())
            x = alpha * start + s * x

        def denoise(x, sigma):
            return self.network_.denoise(x, sigma, condition, self.guidance)

        bf16 = self.precision == "bf16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            sample = SAMPLERS[self.sampler]
            return sample(denoise, x, sigmas, lambda: noise.normal(*shape))

    def _sigmas(self, strength=1.0):
        """Levels that the sampler visits; from a share of them on, with anchors."""
        table = SCHEDULES[self.schedule]()
        n_steps = len(table) if self.n_steps is None else self.n_steps
        n_left = max(1, math.ceil(strength * n_steps - 1e-9))
        if self.sampler in ("ddim", "ancestral"):
            return trailing_sigmas(table, n_steps)[n_steps - n_left :]
        low = max(self._sigma_range[0], table[0].item())
        high = min(self._sigma_range[1], table[-1].item())
        return karras_sigmas(n_left, low, karras_level(strength, low, high))
