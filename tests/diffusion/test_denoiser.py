import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sksynth.diffusion.denoiser import PREDICTIONS, Denoiser
from sksynth.diffusion.schedules import SCHEDULES, signal_and_noise, to_step

LEVELS = torch.tensor([0.05, 0.3, 1.0, 2.0, 9.0, 30.0, math.inf], dtype=torch.float64)
predictions = pytest.mark.parametrize("prediction", PREDICTIONS)


class Stub(nn.Module):
    """A network that answers with a function, and keeps what it was asked."""

    def __init__(self, function=None):
        super().__init__()
        self.function = function or (lambda x, step, condition: torch.zeros_like(x))
        self.calls = []

    def forward(self, x, step, condition):
        self.calls.append((x, step, condition))
        return self.function(x, step, condition)


def curved(x, step, condition):
    shift = condition.sum(1) + step
    return torch.sin(2 * x + shift[:, None, None])


def make(function=None, sigmas=LEVELS, **options):
    return Denoiser(Stub(function), sigmas, **options)


def finite_for(prediction):
    return LEVELS[:-1] if prediction == "noise" else LEVELS


def signals(n_rows=6, n_conditions=2, seed=0):
    torch.manual_seed(seed)
    x = torch.randn(n_rows, 3, 5, dtype=torch.float64)
    return x, torch.randn(n_rows, n_conditions, dtype=torch.float64)


def target_of(prediction, clean, noise, alpha, s):
    if prediction == "v":
        return alpha * noise - s * clean
    return clean if prediction == "clean" else noise


def clean_of(prediction, output, x, alpha, s):
    """The clean signal, solved from the definition of the output."""
    if prediction == "v":  # x = alpha clean + s noise, v = alpha noise - s clean
        unmix = torch.tensor([[alpha, s], [-s, alpha]], dtype=x.dtype).inverse()
        return unmix[0, 0] * x + unmix[0, 1] * output
    return output if prediction == "clean" else (x - s * output) / alpha


@predictions
@given(sigma=st.floats(1e-3, 1e3))
def test_a_perfect_network_gives_the_clean_signals(prediction, sigma):
    clean, condition = signals()
    noise = signals(seed=1)[0]
    alpha, s = math.cos(math.atan(sigma)), math.sin(math.atan(sigma))
    target = target_of(prediction, clean, noise, alpha, s)
    denoiser = make(lambda *_: target, prediction=prediction)
    result = denoiser.denoise(alpha * clean + s * noise, sigma, condition)
    torch.testing.assert_close(result, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("prediction", ["v", "clean"])
def test_clean_signals_are_estimated_from_noise_alone(prediction):
    clean, condition = signals()
    output = -clean if prediction == "v" else clean
    denoiser = make(lambda *_: output, prediction=prediction)
    noise = signals(seed=1)[0]
    assert torch.equal(denoiser.denoise(noise, math.inf, condition), clean)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_factors_are_those_of_the_samplers(schedule):
    sigmas = SCHEDULES[schedule]()
    denoiser = make(sigmas=sigmas)
    expected = torch.tensor([signal_and_noise(sigma) for sigma in sigmas.tolist()])
    torch.testing.assert_close(denoiser.alphas, expected[:, 0])
    torch.testing.assert_close(denoiser.noises, expected[:, 1])
    assert (denoiser.alphas == 0).equal(sigmas.isinf())


def what_was_asked(denoiser, clean, condition):
    """Loss of a batch, and what the network saw: levels, noisy signals and noise."""
    loss = denoiser(clean, condition)["loss"]
    ((x, step, _),) = denoiser.network.calls
    places = (step * (len(denoiser.sigmas) - 1)).double()
    level = places.round().long()
    torch.testing.assert_close(places, level.double(), rtol=0, atol=1e-5)
    sigma = denoiser.sigmas[level].double()
    alpha, s = sigma.atan().cos(), sigma.atan().sin()
    clean = clean.repeat_interleave(len(x) // len(clean), 0)
    noise = (x - alpha[:, None, None] * clean) / s[:, None, None]
    return loss, x, noise, sigma.tolist(), alpha.tolist(), s.tolist()


@predictions
@pytest.mark.parametrize("min_snr", [None, 0.5, 5.0])
def test_the_loss_is_the_naive_loop_over_rows(prediction, min_snr):
    sigmas = finite_for(prediction)
    denoiser = make(curved, sigmas, prediction=prediction, min_snr=min_snr)
    clean, condition = signals(40)
    loss, x, noise, sigma, alpha, s = what_was_asked(denoiser, clean, condition)
    _, step, condition = denoiser.network.calls[0]
    output = curved(x, step, condition)
    rows = []
    for i in range(40):
        target = target_of(prediction, clean[i], noise[i], alpha[i], s[i])
        snr = max(sigma[i] ** -2, 1e-2)
        divisor = {"v": snr + 1, "noise": snr, "clean": 1}[prediction]
        weight = 1 if min_snr is None else min(snr, min_snr) / divisor
        rows.append(weight * (output[i] - target).square().mean())
    assert len(set(sigma)) == len(sigmas)  # all levels are there
    torch.testing.assert_close(loss, torch.stack(rows).mean(), rtol=1e-4, atol=0)


@predictions
@given(sigma=st.floats(1e-2, 9.9), gamma=st.floats(0.02, 100))
def test_weighted_errors_are_those_of_the_clean_signals(prediction, sigma, gamma):
    sigmas = torch.full((2,), sigma, dtype=torch.float64)
    denoiser = make(curved, sigmas, prediction=prediction, min_snr=gamma)
    clean, condition = signals()
    torch.manual_seed(3)
    loss = denoiser(clean, condition)["loss"]
    ((x, step, known),) = denoiser.network.calls
    alpha, s = signal_and_noise(sigma)
    estimate = clean_of(prediction, curved(x, step, known), x, alpha, s)
    expected = min(sigma**-2, gamma) * (estimate - clean).square().mean()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)


def test_the_loss_of_v_is_that_of_karras_for_signals_of_deviation_1():
    denoiser = make(curved, LEVELS[:-1])  # by default
    clean, condition = signals(40)
    loss, x, noise, sigma, *_ = what_was_asked(denoiser, clean, condition)
    sigma = torch.tensor(sigma)[:, None, None]
    noisy = clean + sigma * noise
    c_in, c_skip = 1 / (1 + sigma**2).sqrt(), 1 / (1 + sigma**2)
    c_out, weight = sigma / (1 + sigma**2).sqrt(), (1 + sigma**2) / sigma**2
    torch.testing.assert_close(c_in * noisy, x, rtol=0, atol=1e-5)
    raw = -curved(x, *denoiser.network.calls[0][1:])
    error = (c_skip * noisy + c_out * raw - clean).square()
    torch.testing.assert_close(loss, (weight * error).mean(), rtol=1e-4, atol=0)


def test_training_draws_all_levels_alike_and_standard_normal_noise():
    denoiser = make()
    clean, condition = torch.randn(7000, 3, 5).double(), torch.zeros(7000, 0)
    _, _, noise, sigma, *_ = what_was_asked(denoiser, clean, condition)
    counts = [sigma.count(level) for level in denoiser.sigmas.tolist()]
    assert min(counts) > 880 and max(counts) < 1120  # four deviations
    assert noise.mean().abs() < 0.015
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert (noise * clean).mean().abs() < 0.015


def test_validation_sees_every_row_at_levels_spread_evenly_and_repeats_itself():
    denoiser = make(curved, SCHEDULES["lognormal"](), label_dropout=0.9).eval()
    clean, condition = signals(100)
    state = torch.get_rng_state()
    loss, _, noise, *_ = what_was_asked(denoiser, clean, condition)
    assert torch.equal(denoiser(clean, condition)["loss"], loss)
    assert torch.equal(torch.get_rng_state(), state)
    _, step, seen = denoiser.network.calls[0]
    level = (step * 999).round().long().view(100, 8)
    assert torch.equal(level // 125, torch.arange(8).expand(100, 8))
    assert (level.flatten() // 20).bincount(minlength=50).sub(16).abs().max() <= 2
    labels = torch.cat([condition, torch.ones(100, 1)], 1)
    assert torch.equal(seen, labels.repeat_interleave(8, 0))
    assert noise.std() == pytest.approx(1, abs=0.02)
    assert len(noise[:, 0, 0].unique()) == 800


@pytest.mark.parametrize(
    "options", [{"label_dropout": 0.0}, {"label_dropout": 0.5}, {}]
)
def test_a_share_of_the_rows_loses_its_condition(options):
    denoiser, share = make(**options), options.get("label_dropout", 0.1)
    condition = torch.randn(20_000, 3)
    denoiser(torch.randn(20_000, 1, 1), condition)
    seen = denoiser.network.calls[0][2]
    assert seen.shape == (20_000, 4)
    known = seen[:, 3].bool()
    assert torch.equal(
        seen[known], torch.cat([condition, torch.ones(20_000, 1)], 1)[known]
    )
    assert not seen[~known].any()
    spread = math.sqrt(share * (1 - share) / 20_000)
    assert (~known).double().mean() == pytest.approx(share, abs=4 * spread)


def test_sampling_drops_no_condition_and_tells_the_place_of_the_level():
    denoiser = make(label_dropout=0.9)
    x, condition = signals(50)
    for sigma in (0.01, 0.7, 2.0, 50.0, math.inf):
        denoiser.denoise(x, sigma, condition)
        _, step, seen = denoiser.network.calls[-1]
        assert torch.equal(seen, torch.cat([condition, torch.ones(50, 1)], 1))
        place = to_step(sigma, LEVELS).item() / 6
        torch.testing.assert_close(
            step, torch.full((50,), place).to(x), rtol=1e-6, atol=0
        )
    torch.testing.assert_close(step, torch.ones_like(step))


@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_without_conditions_nothing_is_appended_and_one_batch_evaluated(guidance):
    denoiser = make()
    x, condition = signals(n_conditions=0)
    denoiser(x, condition)
    denoiser.denoise(x, 1.0, condition, guidance)
    assert [len(x) for x, *_ in denoiser.network.calls] == [6, 6]
    assert all(seen.shape == (6, 0) for *_, seen in denoiser.network.calls)


@predictions
@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.0, 2.0, 7.5])
def test_guidance_goes_on_from_the_unconditional_estimate(prediction, guidance):
    denoiser = make(curved, prediction=prediction)
    x, condition = signals()
    result = denoiser.denoise(x, 0.8, condition, guidance)
    assert [len(x) for x, *_ in denoiser.network.calls] == [6 if guidance == 1 else 12]
    alpha, s = signal_and_noise(0.8)
    step = (to_step(0.8, LEVELS) / 6).expand(6)
    with_label, without = (
        clean_of(prediction, curved(x, step, seen), x, alpha, s)
        for seen in (torch.cat([condition, x.new_ones(6, 1)], 1), x.new_zeros(6, 3))
    )
    expected = without + guidance * (with_label - without)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


def test_a_restored_denoiser_has_the_levels_it_was_trained_with():
    trained, restored = make(curved), make(curved, SCHEDULES["lognormal"]()[:7])
    assert set(trained.state_dict()) == {"sigmas", "alphas", "noises"}
    restored.load_state_dict(trained.state_dict())
    x, condition = signals()
    for sigma in (0.2, math.inf):
        results = (d.denoise(x, sigma, condition) for d in (trained, restored))
        assert torch.equal(*results)
    torch.manual_seed(5)
    loss = trained(x, condition)["loss"]
    torch.manual_seed(5)
    assert torch.equal(restored(x, condition)["loss"], loss)


@predictions
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_under_bf16_the_precision_is_that_of_the_signals(prediction, guidance):
    layer = nn.Conv1d(3, 3, 1)
    denoiser = make(lambda x, *_: layer(x), prediction=prediction)
    x, condition = (part.float() for part in signals())
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
        assert denoiser.denoise(x, 0.5, condition, guidance).dtype == torch.float32
        assert denoiser(x, condition)["loss"].dtype == torch.float32
