import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from sksynth.diffusion.schedules import (
    SCHEDULES,
    cosine_sigmas,
    karras_level,
    karras_sigmas,
    linear_sigmas,
    lognormal_sigmas,
    signal_and_noise,
    to_sigma,
    to_step,
    trailing_sigmas,
)

TABLES = {name: make() for name, make in SCHEDULES.items()}
ZERO_SNR = {"cosine", "time-diffusion"}
names = pytest.mark.parametrize("name", SCHEDULES)


def alpha_bar(sigmas):
    return 1 / (1 + np.asarray(sigmas) ** 2)


@names
def test_levels_rise_strictly_and_in_single_precision_too(name):
    sigmas = TABLES[name]
    assert sigmas.dtype == torch.float64
    assert sigmas[0] > 0
    assert (sigmas.diff() > 0).all()
    assert (sigmas.float().diff() > 0).all()  # as denoisers keep them


@names
def test_only_schedules_that_end_in_noise_alone_have_an_infinite_level(name):
    assert TABLES[name][:-1].isfinite().all()
    assert TABLES[name][-1].isinf() == (name in ZERO_SNR)


@pytest.mark.parametrize(
    ("name", "n_levels", "beta_last", "last"),
    [
        ("linear", 1000, 0.02, 4.036e-5),
        ("diffwave", 50, 0.05, 0.2797),
        ("sssd-ecg", 200, 0.02, 0.1322),
    ],
)
def test_linear_variances_leave_the_published_share_of_the_signal(
    name, n_levels, beta_last, last
):
    expected = np.cumprod(1 - np.linspace(1e-4, beta_last, n_levels))
    np.testing.assert_allclose(alpha_bar(TABLES[name]), expected, rtol=1e-10)
    assert alpha_bar(TABLES[name][-1]) == pytest.approx(last, rel=1e-3)


@pytest.mark.parametrize(("n_levels", "beta_last"), [(1000, 0.01), (50, 0.05)])
def test_the_rescaled_variances_are_those_of_diffusers(n_levels, beta_last, schedulers):
    beta = torch.linspace(1e-4, beta_last, n_levels, dtype=torch.float64)
    beta = schedulers.scheduling_ddim.rescale_zero_terminal_snr(beta)
    sigmas = linear_sigmas(n_levels, 1e-4, beta_last, zero_snr=True)
    expected = (1 - beta).cumprod(0)
    np.testing.assert_allclose(alpha_bar(sigmas[:-1]), expected[:-1], rtol=1e-9)
    assert alpha_bar(sigmas[0]) == pytest.approx(1 - 1e-4, rel=1e-12)
    assert len(sigmas) == n_levels and sigmas[-1].isinf()


def test_time_diffusion_has_a_thousand_rescaled_levels_to_a_variance_of_a_hundredth():
    root = np.sqrt(np.cumprod(1 - np.linspace(1e-4, 0.01, 1000)))
    expected = root[0] * (root - root[-1]) / (root[0] - root[-1])
    np.testing.assert_allclose(
        alpha_bar(TABLES["time-diffusion"]), expected**2, rtol=1e-9
    )


@pytest.mark.parametrize("n_levels", [2, 7, 1000])
def test_cosine_angles_are_at_equal_distances(n_levels):
    angles = np.arange(1, n_levels + 1) * np.pi / 2 / n_levels
    np.testing.assert_allclose(cosine_sigmas(n_levels).atan(), angles, rtol=1e-10)


@pytest.mark.parametrize(("mean", "std"), [(-1.2, 1.2), (0.4, 0.7)])
def test_lognormal_levels_are_quantiles(mean, std):
    logs = lognormal_sigmas(1000, mean, std).log().numpy()
    assert logs.mean() == pytest.approx(mean, abs=1e-9)
    assert logs.std() == pytest.approx(std, rel=5e-3)
    expected = norm.ppf((np.arange(1000) + 0.5) / 1000, mean, std)
    np.testing.assert_allclose(logs, expected, rtol=0, atol=1e-10)


def test_the_default_lognormal_levels_are_those_of_karras():
    assert torch.equal(TABLES["lognormal"], lognormal_sigmas(1000, -1.2, 1.2))


@given(n_steps=st.integers(2, 50), low=st.floats(1e-3, 1), ratio=st.floats(1.1, 1e4))
def test_karras_levels_are_the_formula(n_steps, low, ratio):
    high = low * ratio
    result = karras_sigmas(n_steps, low, high).numpy()
    expected = [
        (high ** (1 / 7) + i / (n_steps - 1) * (low ** (1 / 7) - high ** (1 / 7))) ** 7
        for i in range(n_steps)
    ]
    np.testing.assert_allclose(result, [*expected, 0], rtol=1e-10)
    assert (np.diff(result) < 0).all()


def test_one_karras_step_goes_from_the_highest_level_to_0():
    assert karras_sigmas(1, 0.01, 80.0).tolist() == pytest.approx([80, 0], rel=1e-12)


def test_karras_levels_from_a_share_on_are_the_last_ones():
    whole = karras_sigmas(11, 0.01, 80.0)
    part = karras_sigmas(5, 0.01, karras_level(0.4, 0.01, 80.0))
    torch.testing.assert_close(part, whole[-6:])


@pytest.mark.parametrize("n_steps", [2, 10, 31])
def test_karras_levels_are_those_of_diffusers(n_steps, schedulers):
    scheduler = schedulers.EulerDiscreteScheduler(sigma_min=0.01, sigma_max=80.0)
    expected = scheduler._convert_to_karras(torch.ones(2), n_steps)
    result = karras_sigmas(n_steps, 0.01, 80.0)
    np.testing.assert_allclose(result[:-1], expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("n_levels", "n_steps"),
    [(1000, 1), (1000, 3), (1000, 7), (1000, 50), (1000, 400), (1000, 1000), (50, 4)],
)
def test_trailing_levels_are_those_of_diffusers(n_levels, n_steps, schedulers):
    scheduler = schedulers.DDIMScheduler(
        num_train_timesteps=n_levels, timestep_spacing="trailing"
    )
    scheduler.set_timesteps(n_steps)
    table = torch.arange(1, n_levels + 1, dtype=torch.float64)
    result = trailing_sigmas(table, n_steps)
    assert result[:-1].tolist() == (scheduler.timesteps + 1).tolist()
    assert result[-1] == 0


@given(n_levels=st.integers(1, 300), data=st.data())
def test_trailing_levels_fall_from_the_last_at_equal_distances(n_levels, data):
    n_steps = data.draw(st.integers(1, n_levels))
    result = trailing_sigmas(torch.arange(1.0, n_levels + 1), n_steps)
    assert len(result) == n_steps + 1
    assert result[0] == n_levels and result[-1] == 0
    assert (result.diff() < 0).all()
    assert (result.diff() + n_levels / n_steps).abs().max() < 1 + 1e-6


def test_more_steps_than_levels_are_refused():
    with pytest.raises(ValueError, match="n_steps=51 is more than the 50 levels"):
        trailing_sigmas(TABLES["diffwave"], 51)


@names
@given(share=st.floats(0, 1))
def test_steps_become_levels_and_steps_again(name, share):
    step = share * (len(TABLES[name]) - 1)
    sigma = to_sigma(step, TABLES[name])
    assert to_step(sigma, TABLES[name]).item() == pytest.approx(step, abs=1e-7)


@names
def test_places_in_the_table_are_whole_steps(name):
    table = TABLES[name]
    places = torch.arange(len(table), dtype=torch.float64)
    torch.testing.assert_close(to_step(table, table), places, rtol=0, atol=1e-9)
    angles = to_sigma(places, table).atan()  # the tangent of pi / 2 is 1.6e16
    torch.testing.assert_close(angles, table.atan(), rtol=1e-12, atol=0)


@names
def test_half_a_step_is_half_the_angle(name):
    angles = TABLES[name].atan()
    middle = ((angles[1:] + angles[:-1]) / 2).tan()
    expected = torch.arange(len(middle), dtype=torch.float64) + 0.5
    torch.testing.assert_close(to_step(middle, TABLES[name]), expected)
    torch.testing.assert_close(to_sigma(expected, TABLES[name]), middle)


@names
@given(sigmas=st.lists(st.floats(0, math.inf), min_size=2, max_size=20))
def test_steps_rise_with_the_level(name, sigmas):
    steps = to_step(torch.tensor(sorted(sigmas)).double(), TABLES[name])
    assert (steps.diff() >= 0).all()
    assert steps.min() >= 0 and steps.max() <= len(TABLES[name]) - 1


@names
def test_levels_outside_the_table_are_at_its_ends(name):
    table = TABLES[name]
    assert to_step(0.0, table) == to_step(table[0] / 2, table) == 0
    assert to_step(math.inf, table) == len(table) - 1
    if name not in ZERO_SNR:
        assert to_step(2 * table[-1], table) == len(table) - 1


@given(sigma=st.floats(0, 1e300))
def test_signal_and_noise_have_unit_variance_and_the_ratio_of_the_level(sigma):
    alpha, s = signal_and_noise(sigma)
    assert alpha**2 + s**2 == pytest.approx(1, rel=1e-14)
    assert alpha == pytest.approx(1 / math.hypot(1, sigma), rel=1e-9, abs=1e-16)
    assert s == pytest.approx(sigma / math.hypot(1, sigma), rel=1e-14)


def test_signal_and_noise_are_exact_at_both_ends():
    assert signal_and_noise(0.0) == (1.0, 0.0)
    assert signal_and_noise(math.inf) == (0.0, 1.0)
    assert signal_and_noise(torch.tensor(math.inf)) == (0.0, 1.0)
