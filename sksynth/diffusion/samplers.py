"""From noise to signals: solvers of the reverse process for any denoiser.

A sampler is a pure function of

- ``denoise(x, sigma)``, which estimates the clean signals in ``x``;
- ``x``, a tensor at noise level ``sigmas[0]`` and unit variance (see
  :mod:`sksynth.diffusion.schedules`): standard normal noise for a pure sample;
- ``sigmas``, falling noise levels; the first may be infinite, the last 0;
- ``draw()``, standard normal noise of the shape of ``x``, which two of them need.

It calls ``denoise`` once a step, except for Heun's method, which calls it twice.
"""

import math
from itertools import pairwise

from sksynth.diffusion.schedules import signal_and_noise


def sample_ddim(denoise, x, sigmas, draw=None, *, eta=0.0):
    """Denoising diffusion implicit model: first order, deterministic with eta = 0.

    Song, Meng and Ermon (2021), equations 12 and 16. ``eta`` is the share of fresh
    noise; with 1 and all steps it is ancestral sampling.
    """
    for sigma, sigma_next in pairwise(sigmas.tolist()):
        (alpha, s), (alpha_next, s_next) = map(signal_and_noise, (sigma, sigma_next))
        clean = denoise(x, sigma)
        fresh = eta * s_next / s * math.sqrt(max(0.0, 1 - (alpha / alpha_next) ** 2))
        kept = math.sqrt(max(0.0, s_next**2 - fresh**2)) / s  # of the noise in x
        x = kept * x + (alpha_next - kept * alpha) * clean
        if fresh:
            x = x + fresh * draw()
    return x


def sample_ancestral(denoise, x, sigmas, draw):
    """Draws from the posterior of the next level given this one and the clean signal.

    Ho et al. (2020), algorithm 2 and equation 7, with the smaller variance.
    """
    return sample_ddim(denoise, x, sigmas, draw, eta=1.0)


def sample_heun(denoise, x, sigmas, draw=None):
    """Heun's method: second order, two calls of ``denoise`` a step.

    Karras et al. (2022), algorithm 1 without churn. A step from noise alone, or to
    level 0, is one of :func:`sample_ddim`.
    """
    for sigma, sigma_next in pairwise(sigmas.tolist()):
        (alpha, s), (alpha_next, s_next) = map(signal_and_noise, (sigma, sigma_next))
        clean = denoise(x, sigma)
        noise = (x - alpha * clean) / s
        x_next = alpha_next * clean + s_next * noise
        if sigma_next > 0 and math.isfinite(sigma):
            noise_next = (x_next - alpha_next * denoise(x_next, sigma_next)) / s_next
            slope = (noise + noise_next) / 2  # of x / alpha, as sigma changes
            x_next = alpha_next * (x / alpha + (sigma_next - sigma) * slope)
        x = x_next
    return x


def sample_dpm_solver(denoise, x, sigmas, draw=None):
    """DPM-Solver++(2M): second order, one call of ``denoise`` a step.

    Lu et al. (2022), algorithm 2. The first step, and one to level 0, are of first
    order, as :func:`sample_ddim`.
    """
    before = h_before = None
    for sigma, sigma_next in pairwise(sigmas.tolist()):
        (_, s), (alpha_next, s_next) = map(signal_and_noise, (sigma, sigma_next))
        clean = target = denoise(x, sigma)
        if sigma_next > 0 and math.isfinite(sigma):
            h = math.log(sigma / sigma_next)  # the growth of the log signal-to-noise
            if h_before is not None:
                target = clean + (clean - before) * (h / h_before / 2)
            before, h_before = clean, h
        ratio = sigma_next / sigma  # 0 from noise alone
        x = s_next / s * x + alpha_next * (1 - ratio) * target
    return x


SAMPLERS = {
    "dpm-solver": sample_dpm_solver,
    "heun": sample_heun,
    "ddim": sample_ddim,
    "ancestral": sample_ancestral,
}
