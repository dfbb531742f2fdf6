"""What the diffusion generators share: the process around the network."""

import math
import warnings
from abc import abstractmethod
from numbers import Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sksynth._arrays import blocks
from sksynth._leads import LimbLeads
from sksynth._sources import of_rows
from sksynth.base import BaseGenerator
from sksynth.diffusion.denoiser import PREDICTIONS, Denoiser
from sksynth.diffusion.samplers import SAMPLERS
from sksynth.diffusion.schedules import (
    SCHEDULES,
    karras_level,
    karras_sigmas,
    signal_and_noise,
    to_sigma,
    trailing_sigmas,
)
from sksynth.generators._training import AT_LEAST_ONE, check_guidance, epochs_of

_ALONG_TABLE = ("ddim", "ancestral")  # samplers that visit levels of the schedule


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
        "lead_names": [list, tuple, np.ndarray, None],
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
        return epochs_of(self._n_updates, n_rows, self.batch_size)

    def _inspect(self, X):
        table = SCHEDULES[self.schedule]()
        self._check_dials(table, self.label_dropout)
        if self.prediction == "noise" and not math.isfinite(table[-1]):
            raise ValueError(
                f"schedule={self.schedule!r} ends at noise alone, where the noise says "
                "nothing of the signal: choose prediction='v' or 'clean'"
            )
        if self.lead_names is not None:
            self._compare_leads(super()._as_signals(X))

    def _check_dials(self, table, label_dropout):
        """Refuse values of ``sampling_parameters`` that the training cannot serve."""
        if self.sampler in _ALONG_TABLE and (self.n_steps or 0) > len(table):
            raise ValueError(
                f"sampler={self.sampler!r} takes at most the {len(table)} levels of "
                f"the schedule as n_steps; got {self.n_steps}"
            )
        check_guidance(self.guidance, label_dropout)

    def _compare_leads(self, X):
        """Warn if X itself does not obey what its samples will."""
        leads = self._limb_leads
        for name, error in leads.errors(X).items():
            if error > 0.05 * X[:, leads.derived[name]].std():
                warnings.warn(
                    f"lead {name} of X differs from what leads I and II make of it by "
                    f"{error:.3g} (root mean square); samples will not",
                    stacklevel=2,
                )
                return

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

    def _fit(self, signals, condition):
        # the levels are in units of a signal's deviation, whatever the scaler
        square = sum(float(rows.square().sum()) for rows in blocks(signals))
        rms = math.sqrt(square / math.prod(signals.shape)) or 1.0
        self.rms_ = rms
        super()._fit(of_rows(lambda rows: rows / rms, signals), condition)

    def _check_sampling(self):
        self._check_dials(self.network_.sigmas, self.network_.label_dropout)

    def _sample(self, condition, noise, anchor=None):
        table = self.network_.sigmas.double().cpu()
        shape = self._signal_shape
        x = noise.normal(*shape)
        strength = 1.0
        if anchor is not None:
            start, strength = anchor.interpolate(), anchor.strength
            if strength == 0:
                return start
        sigmas = self._sigmas(table, strength)
        if anchor is not None:
            alpha, s = signal_and_noise(sigmas[0].item())
            x = alpha * start / self.rms_ + s * x

        def denoise(x, sigma):
            return self.network_.denoise(x, sigma, condition, self.guidance)

        bf16 = self.precision == "bf16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            sample = SAMPLERS[self.sampler]
            x = sample(denoise, x, sigmas, lambda: noise.normal(*shape))
        return self.rms_ * x

    def _sigmas(self, table, strength):
        """Levels that the sampler visits, from a share ``strength`` of them down."""
        n_steps = len(table) if self.n_steps is None else self.n_steps
        if self.sampler in _ALONG_TABLE:
            sigmas = trailing_sigmas(table, n_steps)
            if strength == 1:
                return sigmas
            start = to_sigma(strength * (len(table) - 1), table)
            return torch.cat([start[None], sigmas[sigmas < start]])
        low = max(self._sigma_range[0], table[0].item())
        high = min(self._sigma_range[1], table[-1].item())
        n_left = math.ceil(strength * n_steps - 1e-9)  # 0.55 * 100 is above 55
        return karras_sigmas(n_left, low, karras_level(strength, low, high))

    def save(self, path):
        """Write the fitted generator to one file.

        The file is that of :meth:`sksynth.base.BaseGenerator.save`.

        Parameters
        ----------
        path : str or Path
            File to write.
        """
        check_is_fitted(self, "network_")
        for name in ("prediction", "label_dropout", "min_snr"):
            asked, trained = getattr(self, name), getattr(self.network_, name)
            if asked != trained:
                raise ValueError(
                    f"parameters were changed after fit: {name}={asked!r}, but the "
                    f"network was trained with {trained!r}"
                )
        super().save(path)
