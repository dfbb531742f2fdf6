import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth.spectral import LogMel, istft, mel_filter_bank, n_frames, stft
from sksynth.spectral import mel as mel_scale


@given(
    n_times=st.integers(1, 70),
    n_channels=st.integers(1, 3),
    n_fft=st.sampled_from([2, 4, 8, 16]),
    overlap=st.sampled_from([2, 4]),
)
def test_the_inverse_gives_signals_of_any_length_back(
    n_times, n_channels, n_fft, overlap
):
    hop = max(1, n_fft // overlap)
    x = torch.randn(2, n_channels, n_times, dtype=torch.float64)
    z = stft(x, n_fft, hop)
    frames = n_frames(n_times, hop)
    assert z.shape == (2, n_channels, n_fft // 2 + 1, frames)
    torch.testing.assert_close(istft(z, n_fft, hop, n_times), x, rtol=0, atol=1e-12)


def test_the_transform_is_that_of_scipy():
    x = np.random.default_rng(0).normal(size=(1, 1, 64))
    _, _, expected = scipy.signal.stft(
        x[0, 0], window="boxcar", nperseg=8, noverlap=6, boundary=None
    )
    inside = stft(torch.from_numpy(x), 8, 2)[0, 0, :, 2:-2].numpy()
    np.testing.assert_allclose(inside, expected * 8**0.5, atol=1e-12)


@given(n_fft=st.sampled_from([4, 8, 16]), cut=st.integers(1, 2))
def test_bands_sum_to_the_signal(n_fft, cut):
    x = torch.randn(3, 2, 50, dtype=torch.float64)
    z = stft(x, n_fft, n_fft // 4)
    low, high = z.clone(), z.clone()
    low[:, :, cut:] = 0
    high[:, :, :cut] = 0
    total = sum(istft(band, n_fft, n_fft // 4, 50) for band in (low, high))
    torch.testing.assert_close(total, x, rtol=0, atol=1e-12)


def test_a_constant_is_in_the_lowest_row_alone():
    z = stft(torch.full((1, 1, 21), 3.0), 8, 2)
    torch.testing.assert_close(z[:, :, 0].real, torch.full((1, 1, 11), 3 * 8**0.5))
    assert z[:, :, 1:].abs().max() < 1e-5


def test_both_are_differentiable():
    x = torch.randn(1, 1, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: istft(stft(x, 4, 1), 4, 1, 12), x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_does_not_lower_the_precision(dtype):
    x = torch.randn(2, 1, 40)
    with torch.autocast("cpu", torch.bfloat16):
        z = stft(x.to(dtype), 8, 2)
        y = istft(z, 8, 2, 40)
    assert z.dtype == torch.complex64
    torch.testing.assert_close(y, x.to(dtype).float(), rtol=0, atol=1e-6)


def normal(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def test_a_hann_window_is_that_of_scipy_and_frames_may_stay_within_the_signal():
    x = np.random.default_rng(0).normal(size=(2, 1, 64))
    _, _, expected = scipy.signal.stft(
        x[:, 0], window="hann", nperseg=16, noverlap=12, boundary=None, padded=False
    )
    found = stft(torch.from_numpy(x), 16, 4, hann=True, padding=None)[:, 0].numpy()
    assert found.shape == (2, 9, (64 - 16) // 4 + 1)
    # scipy divides by the sum of the window, ours by the root of its length
    np.testing.assert_allclose(found, expected * 8 / 16**0.5, atol=1e-12)


@given(n_times=st.integers(16, 70), padding=st.sampled_from(["replicate", "constant"]))
def test_the_inverse_of_a_hann_window_gives_signals_back(n_times, padding):
    x = normal(2, 1, n_times)
    z = stft(x, 16, 4, hann=True, padding=padding)
    found = istft(z, 16, 4, n_times, hann=True)
    torch.testing.assert_close(found, x, rtol=0, atol=1e-12)


def slaney(mel):
    """Hz: steps of 66.67 Hz, then factors of 1.0711703, as the toolbox has them."""
    assert 6.4 ** (1 / 27) == pytest.approx(1.0711703, abs=5e-8)
    return 200 / 3 * mel if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


@pytest.mark.parametrize("mel", [0.5, 3, 14.9, 15, 16, 30, 51])
def test_the_mel_scale_is_that_of_slaney(mel):
    hertz = slaney(mel)
    assert mel_scale._hertz_to_mel(hertz) == pytest.approx(mel)
    found = mel_scale._mel_to_hertz(torch.tensor(mel, dtype=torch.float64))
    assert found == pytest.approx(hertz)
    assert mel_scale._hertz_to_mel(440.0) == pytest.approx(6.6)
    assert mel_scale._hertz_to_mel(6400.0) == pytest.approx(42)  # 27 steps above 1 kHz


@pytest.mark.parametrize(
    ("n_mels", "n_fft", "fs", "f_min", "f_max"),
    [
        (80, 1024, 24_000, 0, None),
        (40, 512, 16_000, 20, 7_600),
        (12, 256, 8_000, 0, 900),
    ],
)
def test_the_filter_bank_equals_a_loop_over_triangles(n_mels, n_fft, fs, f_min, f_max):
    found = mel_filter_bank(n_mels, n_fft, fs, f_min=f_min, f_max=f_max)
    assert found.shape == (n_mels, n_fft // 2 + 1) and found.dtype == torch.float64

    def mel(f):
        return 3 * f / 200 if f < 1000 else 15 + 27 * math.log(f / 1000, 6.4)

    first, last = mel(f_min), mel(f_max or fs / 2)
    expected = np.zeros(found.shape)
    for m in range(n_mels):
        low, centre, high = (
            slaney(first + (last - first) * (m + k) / (n_mels + 1)) for k in range(3)
        )
        for k in range(n_fft // 2 + 1):
            f = k * fs / n_fft
            if low < f <= centre:
                height = (f - low) / (centre - low)
            elif centre < f < high:
                height = (high - f) / (high - centre)
            else:
                continue
            expected[m, k] = height * 2 / (high - low)
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_filters_have_an_area_of_1_over_the_frequencies():
    bank = mel_filter_bank(30, 16_384, 24_000)
    area = bank.sum(dim=1) * 24_000 / 16_384
    torch.testing.assert_close(area, torch.ones_like(area), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"n_mels": 0}, "n_mels must be at least 1; got 0"),
        ({"f_min": -1}, "0 <= f_min < f_max <= fs / 2 = 4000 Hz; got -1"),
        ({"f_max": 4_001}, "got 0.0 and 4001"),
        ({"f_min": 400, "f_max": 400}, "got 400 and 400"),
        ({"n_mels": 40}, r"n_mels=40 filters are too many .* 125 Hz apart: .*\[0, "),
        ({"n_fft": 63}, "n_fft must be even and at least 4; got 63"),
        ({"n_fft": 2, "hop": 2}, "n_fft must be even and at least 4; got 2"),
        ({"hop": 34}, "hop must be even, .* at most n_fft / 2 = 32; got 34"),
        ({"hop": 15}, "hop must be even, .*; got 15"),
        ({"hop": 0}, "hop must be even, at least 2 .*; got 0"),
        ({"floor": 0}, "floor must be finite and above 0; got 0"),
    ],
)
def test_parameters_out_of_range_are_named_with_what_is_allowed(argument, message):
    with pytest.raises(ValueError, match=message):
        LogMel(**{"fs": 8_000, "n_fft": 64, "hop": 16, "n_mels": 5, **argument})


def test_the_published_size_has_280_frames_of_80_bands():
    assert LogMel()(torch.zeros(1, 71_680)).shape == (1, 80, 280)


def test_log_mel_equals_a_loop_over_frames():
    x = np.random.default_rng(0).normal(size=(2, 160))
    log_mel = LogMel(8_000, 64, 16, 6, 100.0, 3_500.0, floor=0.03)
    found = log_mel(torch.from_numpy(x))
    assert found.shape == (2, 6, 10) and found.dtype == torch.float64
    bank = mel_filter_bank(6, 64, 8_000, f_min=100.0, f_max=3_500.0).float().numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    mirrored = np.pad(x, ((0, 0), (24, 24)), mode="reflect")
    for row in range(2):
        for t in range(10):
            spectrum = np.fft.rfft(window * mirrored[row, 16 * t : 16 * t + 64])
            mel = np.maximum(bank.astype(float) @ np.abs(spectrum), 0.03)
            np.testing.assert_allclose(found[row, :, t], np.log10(mel), atol=1e-9)
    assert 0.1 < (found < math.log10(0.03) + 1e-9).double().mean() < 0.5


def test_a_gain_adds_its_logarithm_and_silence_is_the_floor():
    x = normal(3, 1_024)
    log_mel = LogMel(n_fft=256, hop=64, n_mels=20)
    torch.testing.assert_close(log_mel(-10 * x), log_mel(x) + 1, rtol=0, atol=1e-4)
    assert (log_mel(torch.zeros(1, 1_024)) == -5).all()


def test_log_mel_is_differentiable():
    log_mel = LogMel(8_000, 16, 4, 3)
    x = normal(2, 24).requires_grad_()
    assert torch.autograd.gradcheck(log_mel, x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_does_not_lower_the_precision_of_log_mel(dtype):
    x = normal(2, 1_024).to(dtype)
    log_mel = LogMel(n_fft=256, hop=64, n_mels=20)
    expected = log_mel(x.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = log_mel(x)
        magnitudes = log_mel.magnitudes(found)
    assert found.dtype == magnitudes.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(magnitudes, log_mel.magnitudes(expected))


def test_filters_move_with_the_module_and_are_not_saved():
    log_mel = LogMel()
    assert not log_mel.state_dict() and not list(log_mel.parameters())
    assert dict(log_mel.named_buffers()).keys() == {"bank"}
    assert log_mel.double().bank.dtype == torch.float64


def test_magnitudes_have_the_bands_asked_for_and_are_never_negative():
    x = normal(2, 2_048).cumsum(dim=1) / 50  # 50 dB from low to high frequencies
    log_mel = LogMel(n_fft=512, hop=128, n_mels=40)
    expected = log_mel(x)
    found = log_mel.magnitudes(expected)
    assert found.shape == (2, 257, 16) and (found >= 0).all()
    bands = (log_mel.bank.double() @ found).log10()
    error = (bands - expected).abs()  # decades
    assert error.mean() < 1e-3 and error.max() < 0.1
    assert (found[:, 0] == 0).all()  # no filter reaches 0 Hz


def small(**options):
    return LogMel(8_000, 256, 64, 40, **options)


def tones(n_times):
    time = torch.arange(n_times, dtype=torch.float64) / 8_000
    return torch.stack([torch.sin(2 * torch.pi * f * time) for f in (250, 1_000)])


def start(log_mel, n_rows, n_frames, seed=0):
    shape = (n_rows, log_mel.n_fft // 2 + 1, n_frames)
    rng = torch.Generator().manual_seed(seed)
    return 2 * torch.pi * torch.rand(shape, generator=rng, dtype=torch.float64)


def test_griffin_lim_keeps_a_signal_whose_transform_it_gets():
    """Right magnitudes and phases are a fixed point."""
    log_mel, x = small(), normal(2, 1_024)
    z = stft(x[:, None], 256, 64, hann=True, padding="constant")[:, 0]
    for n_iter in (0, 5):
        found = log_mel._match(z.abs(), z.angle(), n_iter, 0.99)
        torch.testing.assert_close(found, x, rtol=0, atol=1e-10)


@given(seed=st.integers(0, 100))
def test_no_step_without_momentum_makes_the_magnitudes_worse(seed):
    log_mel, phase = small(), start(small(), 3, 17, seed)
    magnitudes = phase.flip(0, 1)  # of no signal
    errors = []
    for n_iter in range(6):
        x = log_mel._match(magnitudes, phase, n_iter, 0.0)
        z = stft(x[:, None], 256, 64, hann=True, padding="constant")[:, 0]
        # each frequency but the first and the last stands for two
        error = 2 * (z.abs() - magnitudes) ** 2
        error[:, [0, -1]] /= 2
        errors.append(error.sum(dim=(1, 2)))
    change = torch.diff(torch.stack(errors), dim=0)
    assert (change <= 1e-9).all() and (change < -1e-3).any()


def test_griffin_lim_makes_signals_of_the_length_level_and_frequency_asked_for():
    log_mel, x = small(), tones(4_096)
    expected = log_mel(x)
    found = log_mel.griffin_lim(expected, start(log_mel, 2, 64))
    assert found.shape == x.shape
    middle = found[:, 512:-512]
    level = middle.square().mean(dim=1).sqrt()
    torch.testing.assert_close(
        level, torch.full_like(level, 0.5**0.5), rtol=0.1, atol=0
    )
    peak = torch.fft.rfft(middle).abs().argmax(dim=1) * 8_000 / middle.shape[1]
    assert (peak - torch.tensor([250, 1_000])).abs().max() < 20  # Hz; bands are 60 wide


def test_griffin_lim_does_better_with_steps_and_better_still_with_momentum():
    log_mel, x = small(), normal(2, 4_096)
    expected, phase = log_mel(x), start(log_mel, 2, 64)

    def error(n_iter, momentum):
        found = log_mel.griffin_lim(expected, phase, n_iter=n_iter, momentum=momentum)
        return (log_mel(found) - expected)[:, :, 4:-4].abs().mean()

    first, slow, fast = error(0, 0), error(30, 0), error(30, 0.99)
    assert slow < 0.4 * first
    assert fast < 0.9 * slow


def test_frames_of_the_result_stand_where_those_asked_for_do():
    """A click in frame 20 of silence is where it was, to half a frame."""
    x = torch.zeros(1, 4_096, dtype=torch.float64)
    x[0, 20 * 64 + 32] = 1
    log_mel = small()
    found = log_mel.griffin_lim(log_mel(x), start(log_mel, 1, 64), n_iter=200)
    energy = found.square()[0]
    centre = (energy * torch.arange(4_096)).sum() / energy.sum()
    assert abs(centre - (20 * 64 + 32)) < 32


def test_a_row_of_griffin_lim_depends_on_its_own_phases_alone():
    log_mel, x = small(), normal(3, 1_024)
    phase = start(log_mel, 3, 16)
    many = log_mel.griffin_lim(log_mel(x), phase, n_iter=3)
    one = log_mel.griffin_lim(log_mel(x[1:2]), phase[1:2], n_iter=3)
    torch.testing.assert_close(one, many[1:2])
    assert not torch.allclose(
        log_mel.griffin_lim(log_mel(x), phase.flip(0), n_iter=3), many, atol=0.1
    )


def test_shapes_and_numbers_that_do_not_fit_are_named():
    log_mel = small()
    for x in (torch.zeros(1_024), torch.zeros(1, 1_000), torch.zeros(1, 64)):
        with pytest.raises(ValueError, match=r"multiple of 64 and above 96; got \("):
            log_mel(x)
    with pytest.raises(ValueError, match=r"\(batch, 40, n_frames\); got \(2, 39, 5\)"):
        log_mel.magnitudes(torch.zeros(2, 39, 5))
    mel, phase = torch.zeros(1, 40, 16), torch.zeros(1, 129, 16)
    with pytest.raises(
        ValueError, match=r"phase .* \(1, 129, 16\); got \(1, 129, 15\)"
    ):
        log_mel.griffin_lim(mel, phase[:, :, 1:])
    with pytest.raises(ValueError, match="n_iter must not be negative; got -1"):
        log_mel.griffin_lim(mel, phase, n_iter=-1)
    with pytest.raises(ValueError, match="momentum must not be negative; got -0.5"):
        log_mel.griffin_lim(mel, phase, momentum=-0.5)


def test_filters_are_numbers_also_where_the_default_device_is_meta():
    with torch.device("meta"):
        found = small()
    assert torch.equal(found.bank, small().bank)


def test_phases_of_a_signal_are_those_that_griffin_lim_finds_again():
    """From the right phases and magnitudes nothing moves, but at the ends."""
    log_mel, x = small(), normal(2, 4_096)
    expected = log_mel(x)
    log_mel.magnitudes = lambda _: 16 * magnitudes_of(x)
    found = log_mel.refine(expected, x, n_iter=3)[:, 1_024:-1_024]
    torch.testing.assert_close(found, x[:, 1_024:-1_024], rtol=0, atol=1e-9)


def magnitudes_of(x):
    """Of frames of 256 samples that stand where those of :func:`small` do."""
    x = torch.nn.functional.pad(x[:, None], (96, 96), mode="reflect")
    return stft(x, 256, 64, hann=True, padding=None)[:, 0].abs()


def test_refined_signals_have_the_bands_asked_for_better_than_griffin_lim():
    log_mel, x = small(), normal(4, 4_096)
    expected = log_mel(x)
    begin = log_mel.griffin_lim(expected, start(log_mel, 4, 64), n_iter=4)

    def error(x):
        return (log_mel(x) - expected)[:, :, 4:-4].abs().mean()

    fixed = log_mel.griffin_lim(expected, start(log_mel, 4, 64), n_iter=40)
    free = log_mel.refine(expected, begin, n_iter=40)
    assert free.shape == x.shape
    assert error(free) < 0.7 * error(fixed)
    with torch.autocast("cpu", torch.bfloat16):
        same = log_mel.refine(expected, begin, n_iter=40)
    assert torch.equal(same, free)


def test_refinement_starts_from_the_phases_of_the_signal():
    """A click comes out where the signal has one, within its frame."""
    x = torch.zeros(2, 4_096, dtype=torch.float64)
    x[0, 2_000] = x[1, 2_010] = 1
    log_mel = small()
    found = log_mel.refine(log_mel(x), x, n_iter=8)
    assert found.abs().argmax(dim=1).tolist() == [2_000, 2_010]
    one = log_mel.refine(log_mel(x[1:]), x[1:], n_iter=8)
    torch.testing.assert_close(one, found[1:])


def test_what_refinement_cannot_take_is_named():
    log_mel, mel = small(), torch.zeros(1, 40, 16)
    with pytest.raises(
        ValueError, match=r"x must have shape \(1, 1024\); got \(1, 9\)"
    ):
        log_mel.refine(mel, torch.zeros(1, 9))
    with pytest.raises(ValueError, match="n_iter must not be negative; got -1"):
        log_mel.refine(mel, torch.zeros(1, 1_024), n_iter=-1)
