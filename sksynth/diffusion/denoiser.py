"""A network that learns to tell signal from noise, whatever it predicts."""

import torch
from torch import nn

from sksynth._shares import of_batch
from sksynth.diffusion.schedules import signal_and_noise, to_step

# prediction -> (target of the network, clean signals from its output, weight that
# makes its squared error that of the clean signals); x = alpha * clean + s * noise
PREDICTIONS = {
    "v": (
        lambda clean, noise, alpha, s: alpha * noise - s * clean,
        lambda output, x, alpha, s: alpha * x - s * output,
        lambda snr: 1 / (snr + 1),
    ),
    "noise": (
        lambda clean, noise, alpha, s: noise,
        lambda output, x, alpha, s: (x - s * output) / alpha,
        lambda snr: 1 / snr,
    ),
    "clean": (
        lambda clean, noise, alpha, s: clean,
        lambda output, x, alpha, s: output,
        lambda snr: torch.ones_like(snr),
    ),
}


class Denoiser(nn.Module):
    """Joins a network and a table of noise levels: losses to train, signals to sample.

    The network is called as ``network(x, step, condition)`` with noisy signals of unit
    variance (batch, n_channels, n_times), the place of their noise level in the table
    as a share (batch,), and conditions (batch, n_conditions). Where there are
    conditions, they have one column more than the ``condition`` given here, which says
    whether they are known: in training they are dropped now and then, so that the
    network learns the unconditional task too (Ho and Salimans, 2021).

    Parameters
    ----------
    network : nn.Module
        Whatever predicts signals from noisy signals.
    sigmas : Tensor of shape (n_levels,)
        Rising noise levels; training draws from them.
    prediction : {"v", "noise", "clean"}
        What the network predicts. ``"v"`` (Salimans and Ho, 2022) is, for signals of
        deviation 1, the preconditioning of Karras et al. (2022) and its loss.
    min_snr : float or None
        Weight the squared error of the clean signals by the signal-to-noise ratio, at
        most this number (Hang et al., 2023). None weights the output's error by 1.
    label_dropout : float
        Share of the training rows whose condition is dropped.
    """

    def __init__(
        self, network, sigmas, *, prediction="v", min_snr=None, label_dropout=0.1
    ):
        super().__init__()
        angles = sigmas.atan()
        self.network = network
        self.prediction = prediction
        self.min_snr = min_snr
        self.label_dropout = label_dropout
        self.register_buffer("sigmas", sigmas.float())
        self.register_buffer("alphas", angles.cos().float() * sigmas.isfinite())
        self.register_buffer("noises", angles.sin().float())

    def forward(self, x, condition):
        """Loss of a batch of clean signals: a mean squared error, weighted by row."""
        to_target, _, weight_of = PREDICTIONS[self.prediction]
        n_levels = len(self.sigmas)
        if self.training:
            like = {"device": x.device, "dtype": x.dtype}
            level, noise, uniform = (
                of_batch(draw, len(x))
                for draw in (
                    lambda n: torch.randint(n_levels, (n,), device=x.device),
                    lambda n: torch.randn(n, *x.shape[1:], **like),
                    lambda n: torch.rand(n, 1, device=x.device),
                )
            )
            known = uniform >= self.label_dropout
        else:
            x, condition, level, noise, known = self._to_validate(x, condition)
        alpha = self.alphas[level][:, None, None]
        s = self.noises[level][:, None, None]
        output = self._call(
            alpha * x + s * noise, level / (n_levels - 1), condition, known
        )
        error = (output - to_target(x, noise, alpha, s)).square().mean(dim=(1, 2))
        if self.min_snr is not None:
            # no weight of 0: a sampler starts at noise alone
            snr = (self.sigmas[level] ** -2).clamp(min=1e-2)
            error = error * snr.clamp(max=self.min_snr) * weight_of(snr)
        return {"loss": error.mean()}

    def _to_validate(self, x, condition, n_draws=8):
        """Rows, levels and noise that are the same each time, so that losses compare.

        Every row is seen at ``n_draws`` levels, spread evenly over the table.
        """
        n_levels, shape = len(self.sigmas), x.shape[1:]

        def levels(n):
            # steps of the golden ratio: rows differ, their draws are spread evenly
            shift = torch.arange(n, device=x.device)[:, None] * 0.618034 % 1
            place = torch.arange(n_draws, device=x.device) + shift
            return (place * (n_levels / n_draws)).long().clamp(max=n_levels - 1)

        def noises(n):
            torch_rng = torch.Generator().manual_seed(0)
            return torch.randn(n, n_draws, *shape, generator=torch_rng).to(x)

        level, noise = (
            of_batch(draw, len(x)).flatten(0, 1) for draw in (levels, noises)
        )
        x, condition = (t.repeat_interleave(n_draws, 0) for t in (x, condition))
        return x, condition, level, noise, x.new_ones(len(x), 1)

    def denoise(self, x, sigma, condition, guidance=1.0):
        """Clean signals estimated from ``x`` at one noise level.

        ``guidance`` moves away from what the network would say without the condition
        (Ho and Salimans, 2021): 1 is the conditional model itself, 0 the unconditional
        one. Both are evaluated in one batch.
        """
        to_clean = PREDICTIONS[self.prediction][1]
        alpha, s = signal_and_noise(sigma)
        step = to_step(sigma, self.sigmas) / (len(self.sigmas) - 1)
        step = step.to(x).expand(len(x))
        known = x.new_ones(len(x), 1)
        if guidance == 1 or condition.shape[1] == 0:
            return to_clean(self._call(x, step, condition, known), x, alpha, s)
        twice = (torch.cat([part, part]) for part in (x, step, condition))
        output = self._call(*twice, torch.cat([known, 0 * known]))
        with_label, without = output.chunk(2)
        return to_clean(torch.lerp(without, with_label, guidance), x, alpha, s)

    def _call(self, x, step, condition, known):
        if condition.shape[1]:
            condition = torch.cat([condition * known, known.to(condition)], dim=1)
        return self.network(x, step, condition).to(x.dtype)
