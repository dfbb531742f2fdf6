import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth.diffusion.samplers import SAMPLERS
from sksynth.diffusion.schedules import (
    SCHEDULES,
    cosine_sigmas,
    karras_sigmas,
    linear_sigmas,
    trailing_sigmas,
)

sample_ddim, sample_ancestral, sample_heun, sample_dpm_solver = (
    SAMPLERS[name] for name in ("ddim", "ancestral", "heun", "dpm-solver")
)
DETERMINISTIC = [sample_ddim, sample_heun, sample_dpm_solver]
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
SPACINGS = {
    "from noise alone": lambda n_steps: trailing_sigmas(cosine_sigmas(60), n_steps),
    "from a finite level": lambda n_steps: karras_sigmas(n_steps, 0.01, 80.0),
}
spacings = pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)


def factors(sigma):
    """Factors of signal and noise, by another road than the package's."""
    if sigma == math.inf:
        return 0.0, 1.0
    return (1 + sigma**2) ** -0.5, sigma * (1 + sigma**2) ** -0.5


def gaussian(mean, std):
    """The exact denoiser of signals N(mean, std ** 2)."""

    def denoise(x, sigma):
        alpha, s = factors(sigma)
        gain = alpha * std**2 / (alpha**2 * std**2 + s**2)
        return mean + gain * (x - alpha * mean)

    return denoise


def curved(x, sigma):
    return torch.sin(1.5 * x + 0.3 * x.roll(1, -1) + math.atan(sigma))


def normal(shape=(2, 3, 5), seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize(
    ("sampler", "order"), zip(DETERMINISTIC, [1, 2, 2], strict=True)
)
@pytest.mark.parametrize("std", [0.3, 0.7, 2.0])
def test_the_error_on_a_gaussian_falls_by_the_order_of_the_sampler(sampler, order, std):
    first, last = 10.0, 0.1
    start = torch.tensor([1.3], dtype=torch.float64)
    deviation = [math.hypot(factors(v)[0] * std, factors(v)[1]) for v in (first, last)]
    exact = start * deviation[1] / deviation[0]
    errors = []
    for n_steps in (200, 400):
        places = np.append(0, np.resize([1, 2], n_steps).cumsum())  # unequal steps
        sigmas = torch.from_numpy(first * (last / first) ** (places / places[-1]))
        errors.append((sampler(gaussian(0, std), start, sigmas) - exact).abs().item())
    assert errors[0] < 0.05 / 200 ** (order - 1)
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.05)


def with_levels_of(table, make, n_steps, **options):
    """A scheduler of diffusers that knows the table in double precision."""
    scheduler = make(
        num_train_timesteps=len(table),
        clip_sample=False,
        prediction_type="sample",
        timestep_spacing="trailing",
        **options,
    )
    scheduler.alphas_cumprod = 1 / (1 + table**2)
    scheduler.set_timesteps(n_steps)
    return scheduler


@pytest.mark.parametrize("eta", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("n_steps", [1, 8, 40])
def test_steps_of_ddim_are_those_of_diffusers(eta, zero_snr, n_steps, schedulers):
    table = linear_sigmas(40, 1e-4, 0.2, zero_snr)
    scheduler = with_levels_of(table, schedulers.DDIMScheduler, n_steps)
    x, draw = normal()(), normal(seed=1)
    for time in scheduler.timesteps.tolist():
        clean = curved(x, table[time].item())
        x = scheduler.step(clean, time, x, eta, variance_noise=draw()).prev_sample
    sigmas = trailing_sigmas(table, n_steps)
    result = sample_ddim(curved, normal()(), sigmas, normal(seed=1), eta=eta)
    torch.testing.assert_close(result, x, rtol=0, atol=1e-8)


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("n_steps", [1, 8, 40])
def test_ancestral_steps_are_those_of_diffusers(zero_snr, n_steps, schedulers):
    table = linear_sigmas(40, 1e-4, 0.2, zero_snr)
    scheduler = with_levels_of(
        table, schedulers.DDPMScheduler, n_steps, variance_type="fixed_small"
    )
    x, generator = normal()(), torch.Generator().manual_seed(1)
    for time in scheduler.timesteps.tolist():
        clean = curved(x, table[time].item())
        x = scheduler.step(clean, time, x, generator=generator).prev_sample
    sigmas = trailing_sigmas(table, n_steps)
    result = sample_ancestral(curved, normal()(), sigmas, normal(seed=1))
    torch.testing.assert_close(result, x, rtol=0, atol=1e-8)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("karras", [False, True])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 8, 20])
def test_steps_of_dpm_solver_are_those_of_diffusers(karras, n_steps, schedulers):
    scheduler = schedulers.DPMSolverMultistepScheduler(
        num_train_timesteps=40,
        beta_end=0.2,
        solver_order=2,
        algorithm_type="dpmsolver++",
        solver_type="midpoint",
        lower_order_final=False,  # only the step to 0 is of first order
        final_sigmas_type="zero",
        prediction_type="sample",
        timestep_spacing="trailing",
        use_karras_sigmas=karras,
    )
    scheduler.set_timesteps(n_steps)
    scheduler.set_begin_index(0)
    sigmas = scheduler.sigmas.double()
    x = normal()()
    for time, sigma in zip(scheduler.timesteps, sigmas.tolist(), strict=False):
        x = scheduler.step(curved(x, sigma), time, x).prev_sample
    result = sample_dpm_solver(curved, normal()(), sigmas)
    torch.testing.assert_close(result, x, rtol=0, atol=1e-5)


@given(sigma_next=st.floats(1e-2, 100), growth=st.floats(1.05, 1e3) | st.just(math.inf))
def test_an_ancestral_step_has_mean_and_variance_of_the_posterior(sigma_next, growth):
    sigma = sigma_next * growth
    ab, ab_prev = (factors(v)[0] ** 2 for v in (sigma, sigma_next))
    alpha = ab / ab_prev
    beta = 1 - alpha
    x, clean = normal()(), normal(seed=1)()
    expected = (
        math.sqrt(ab_prev) * beta / (1 - ab) * clean
        + math.sqrt(alpha) * (1 - ab_prev) / (1 - ab) * x
    )
    variance = beta * (1 - ab_prev) / (1 - ab)
    levels = torch.tensor([sigma, sigma_next], dtype=torch.float64)
    mean, one_off = (
        sample_ancestral(
            lambda x, _: clean, x, levels, lambda v=v: torch.full_like(x, v)
        )
        for v in (0.0, 1.0)
    )
    torch.testing.assert_close(mean, expected, rtol=0, atol=1e-8)
    deviation = torch.full_like(x, math.sqrt(variance))
    torch.testing.assert_close(one_off - mean, deviation, rtol=0, atol=1e-8)


@every_sampler
def test_noise_becomes_samples_of_a_gaussian(sampler):
    draw = normal((20_000,))
    sigmas = trailing_sigmas(cosine_sigmas(1000), 500)
    sample = sampler(gaussian(0.8, 0.5), draw(), sigmas, draw)
    assert sample.mean() == pytest.approx(0.8, abs=4 * 0.5 / math.sqrt(20_000))
    assert sample.std() == pytest.approx(0.5, abs=0.5 * 4 / math.sqrt(40_000) + 2e-3)


@every_sampler
@spacings
@given(n_steps=st.integers(1, 60), seed=st.integers(0, 100))
def test_a_denoiser_that_knows_the_signal_returns_it(sampler, spacing, n_steps, seed):
    clean = normal(seed=seed)()
    x = normal(seed=seed + 1)()
    sample = sampler(lambda x, sigma: clean, x, spacing(n_steps), normal(seed=2))
    assert torch.equal(sample, clean)


@pytest.mark.parametrize("sampler", DETERMINISTIC)
@spacings
@given(n_steps=st.integers(2, 60), data=st.data())
def test_the_noise_of_a_known_signal_stays_on_the_way(sampler, spacing, n_steps, data):
    clean, noise = normal()(), normal(seed=1)()
    sigmas = spacing(n_steps)[: data.draw(st.integers(2, n_steps))]
    (alpha, s), (alpha_next, s_next) = factors(sigmas[0]), factors(sigmas[-1])
    x = alpha * clean + s * noise
    sample = sampler(lambda x, sigma: clean, x, sigmas)  # without draw
    torch.testing.assert_close(sample, alpha_next * clean + s_next * noise)


@every_sampler
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 2, 50])
def test_samples_are_finite_from_the_end_of_every_schedule(sampler, schedule, n_steps):
    sigmas = trailing_sigmas(schedule(), n_steps)
    draw = normal(dtype=torch.float32)
    sample = sampler(curved, draw(), sigmas, draw)
    assert sample.isfinite().all()
    assert sample.dtype == torch.float32


@every_sampler
@spacings
@pytest.mark.parametrize("n_steps", [1, 2, 7])
def test_denoisers_are_called_once_a_step_and_twice_by_heun(sampler, spacing, n_steps):
    calls = []

    def denoise(x, sigma):
        calls.append(sigma)
        return curved(x, sigma)

    *levels, last = spacing(n_steps).tolist()
    sampler(denoise, normal()(), spacing(n_steps), normal())
    assert last == 0
    if sampler is not sample_heun:
        assert calls == levels
        return
    expected = levels[:1]
    for before, now in zip(levels[:-1], levels[1:], strict=True):
        expected += [now, now] if before < math.inf else [now]
    assert calls == expected


@pytest.mark.parametrize("n_steps", [1, 2, 7])
def test_ancestral_sampling_draws_at_all_steps_but_the_last(n_steps):
    draws, draw = [], normal()
    sigmas = karras_sigmas(n_steps, 0.01, 80.0)
    sample_ancestral(curved, draw(), sigmas, lambda: draws.append(1) or draw())
    assert len(draws) == n_steps - 1


@every_sampler
@spacings
def test_samplers_move_neither_global_random_state_nor_their_arguments(
    sampler, spacing
):
    x, sigmas = normal()(), spacing(5)
    x_before, sigmas_before = x.clone(), sigmas.clone()
    state = torch.get_rng_state()
    sampler(curved, x, sigmas, normal(seed=1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, x_before)
    assert torch.equal(sigmas, sigmas_before)
