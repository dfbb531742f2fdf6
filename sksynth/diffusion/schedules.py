"""Noise levels: those that training draws from, and those that a sampler visits.

A noise level ``sigma`` is the deviation of the noise relative to the signal. Noisy
signals are kept at unit variance, ``x = alpha * clean + s * noise`` with
``alpha = 1 / sqrt(1 + sigma ** 2)`` and ``s = sigma * alpha``: the cosine and the sine
of ``arctan(sigma)``. So ``sigma`` may be infinite, which is noise alone.
"""

import math

import torch


def signal_and_noise(sigma):
    """Factors ``alpha`` of the signal and ``s`` of the noise at a level, as floats."""
    angle = math.atan(sigma)
    return math.cos(angle) if math.isfinite(sigma) else 0.0, math.sin(angle)


def lognormal_sigmas(n_levels=1000, mean=-1.2, std=1.2):
    """Quantiles of a log-normal distribution of the noise level.

    Karras et al. (2022), table 1: ``ln(sigma)`` is normal. Training sees most of the
    levels at which the shape of a signal is decided.
    """
    middle = (torch.arange(n_levels, dtype=torch.float64) + 0.5) / n_levels
    return (mean + std * torch.special.ndtri(middle)).exp()


def cosine_sigmas(n_levels=1000):
    """Angles at equal distances, up to noise alone (Nichol and Dhariwal, 2021)."""
    share = torch.arange(1, n_levels, dtype=torch.float64) / n_levels
    return torch.cat([(share * math.pi / 2).tan(), share.new_tensor([math.inf])])


def linear_sigmas(n_levels, beta_first, beta_last, zero_snr=False):
    """Variances ``beta`` that grow linearly (Ho et al., 2020).

    With ``zero_snr`` the table is rescaled so that its last level is noise alone (Lin
    et al., 2024, algorithm 1); the others usually leave some of the signal, although
    sampling starts without.
    """
    beta = torch.linspace(beta_first, beta_last, n_levels, dtype=torch.float64)
    alpha_bar = (1 - beta).cumprod(0)
    if zero_snr:
        root = alpha_bar.sqrt()
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        alpha_bar = root.square()  # 0 at the end, where sigma is infinite
    return ((1 - alpha_bar) / alpha_bar).sqrt()


# name -> function that makes the table of increasing levels, in float64
SCHEDULES = {
    "lognormal": lognormal_sigmas,
    "cosine": cosine_sigmas,
    "linear": lambda: linear_sigmas(1000, 1e-4, 0.02),
    # as published, by the methods' own names
    "diffwave": lambda: linear_sigmas(50, 1e-4, 0.05),
    "sssd-ecg": lambda: linear_sigmas(200, 1e-4, 0.02),
    "time-diffusion": lambda: linear_sigmas(1000, 1e-4, 0.01, zero_snr=True),
}


def karras_sigmas(n_steps, sigma_min, sigma_max):
    """Falling levels for ``n_steps`` steps, the last of which ends at 0.

    Karras et al. (2022), equation 5, with rho = 7.
    """
    share = torch.linspace(1, 0, n_steps, dtype=torch.float64)
    levels = karras_level(share, sigma_min, sigma_max)
    return torch.cat([levels, levels.new_zeros(1)])


def karras_level(share, sigma_min, sigma_max):
    """Level at a share of the way from ``sigma_min`` to ``sigma_max``."""
    low, high = sigma_min ** (1 / 7), sigma_max ** (1 / 7)
    return (low + share * (high - low)) ** 7


def trailing_sigmas(sigmas, n_steps):
    """Falling levels for ``n_steps`` steps: every so many-th of a table, from its end.

    Lin et al. (2024), section 3.3: the first step starts at the noisiest level. The
    last one ends at 0.
    """
    n_levels = len(sigmas)
    if n_steps > n_levels:
        raise ValueError(
            f"n_steps={n_steps} is more than the {n_levels} levels of the schedule"
        )
    counts = n_levels - torch.arange(n_steps, dtype=torch.float64) * n_levels / n_steps
    levels = sigmas[counts.round().long() - 1]
    return torch.cat([levels, levels.new_zeros(1)])


def to_step(sigma, sigmas):
    """Place of levels in a table, from 0 to ``len(sigmas) - 1``, fractions between."""
    angles = sigmas.double().atan()
    angle = torch.as_tensor(sigma, dtype=torch.float64, device=angles.device).atan()
    angle = angle.clamp(angles[0], angles[-1])
    above = torch.searchsorted(angles, angle).clamp(1, len(angles) - 1)
    low, high = angles[above - 1], angles[above]
    return above - 1 + (angle - low) / (high - low)


def to_sigma(step, sigmas):
    """Level at a place of a table; the inverse of :func:`to_step`."""
    angles = sigmas.double().atan()
    step = torch.as_tensor(step, dtype=torch.float64, device=angles.device)
    below = step.floor().long().clamp(0, len(angles) - 2)
    return torch.lerp(angles[below], angles[below + 1], step - below).tan()
