import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksynth import _arrays
from sksynth.metrics import (
    band_power,
    curve_length,
    local_metrics,
    root_mean_square,
    spike_count,
    teager_energy,
    zero_crossings,
)

FS = 24_000
SIMPLE = [root_mean_square, zero_crossings, curve_length, teager_energy]
NOISE = np.random.default_rng(0).normal(size=(5, 2, 4_096))
NOISE.flags.writeable = False


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        # -2 3 1 0 -1 -4
        (root_mean_square, (31 / 6) ** 0.5),
        (zero_crossings, 2),  # up to 3, and from 0 down to -1
        (curve_length, 5 + 2 + 1 + 1 + 3),
        (teager_energy, ((9 + 2) + (1 - 0) + (0 + 1) + (1 - 0)) / 4),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, int])
def test_metrics_are_those_worked_out_by_hand(measure, expected, dtype):
    x = np.array([-2, 3, 1, 0, -1, -4], dtype=dtype)
    found = measure(np.stack([[x, 2 * x]] * 3))
    assert found.shape == (3, 2)
    assert found[0, 0] == pytest.approx(expected, rel=1e-15)
    again = {teager_energy: 4, zero_crossings: 1}.get(measure, 2)
    np.testing.assert_allclose(found[:, 1], again * found[:, 0])


@given(
    amplitude=st.floats(0.1, 100), hertz=st.floats(20, 5_000), phase=st.floats(0, 6.28)
)
def test_metrics_of_a_sine_are_known_in_closed_form(amplitude, hertz, phase):
    time = np.arange(FS) / FS  # 1 s
    x = amplitude * np.sin(2 * np.pi * hertz * time + phase)
    assert root_mean_square([x])[0, 0] == pytest.approx(amplitude / 2**0.5, rel=0.02)
    assert abs(zero_crossings([x])[0, 0] - 2 * hertz) <= 1
    energy = (amplitude * np.sin(2 * np.pi * hertz / FS)) ** 2
    assert teager_energy([x])[0, 0] == pytest.approx(energy, rel=1e-6)
    # every cycle goes up and down twice, but for what the samples miss of its ends
    loss = 1 - (np.pi * hertz / FS) ** 2 / 2
    length = curve_length([x])[0, 0] / (4 * amplitude * hertz)
    assert loss - 0.06 < length < 1.06


def test_an_offset_counts():
    assert root_mean_square([[3.0, 5.0]])[0, 0] == 17**0.5
    assert zero_crossings([[3.0, 5.0]])[0, 0] == 0


def test_zero_counts_as_positive():
    assert zero_crossings([[1, 0, 2, 0]])[0, 0] == 0
    assert zero_crossings([[-1, 0, -2, 0]])[0, 0] == 3


def test_single_precision_is_no_reason_to_be_imprecise():
    x = np.full((1, 1, 200_000), 4_097, dtype=np.float32)
    assert root_mean_square(x)[0, 0] == 4_097
    x[..., ::2] = 0
    assert float(curve_length(x)[0, 0]) == 199_999 * 4_097
    x = np.array([[4_097, 4_098, 4_097]], dtype=np.float32)
    assert teager_energy(x)[0, 0] == 8_195


def test_one_sample_has_no_change_and_two_no_teager_energy():
    assert zero_crossings([[1.0]])[0, 0] == curve_length([[1.0]])[0, 0] == 0
    with pytest.raises(ValueError, match="n_times >= 3; got 2"):
        teager_energy([[1.0, 2.0]])


def test_power_of_sines_is_in_their_bands():
    time = np.arange(FS) / FS
    parts = [2 * np.sin(2 * np.pi * 50 * time), 6 * np.sin(2 * np.pi * 2_000 * time)]
    found = band_power(
        [[parts[0] + parts[1] + 7, parts[1]]], fs=FS, bands=[(20, 80), (80, 3_000)],
        nperseg=4_800,
    )  # fmt: skip
    np.testing.assert_allclose(found, [[[2, 18], [0, 18]]], atol=1e-3)


def test_neighbouring_bands_add_up_to_the_variance():
    bands = [(0, 375), (375, 3_000), (3_000, 12_000)]  # 375 is a frequency of nperseg
    found = band_power(NOISE, fs=FS, bands=bands, nperseg=128)
    np.testing.assert_allclose(found.sum(axis=2), NOISE.var(axis=2), rtol=0.05)
    # white noise, but for what is lost with the mean of each segment
    np.testing.assert_allclose(found.mean(axis=(0, 1))[1:], [7 / 32, 3 / 4], rtol=0.05)
    whole = band_power(NOISE, fs=FS, bands=[(0, 12_000)], nperseg=128)
    np.testing.assert_allclose(found.sum(axis=2), whole[..., 0])


def test_half_the_sampling_rate_is_in_the_last_band():
    found = band_power([np.resize([1.0, -1.0], 256)], fs=FS, bands=[(1_000, 12_000)])
    assert found[0, 0, 0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("error", "argument", "message"),
    [
        (ValueError, {"bands": []}, r"pairs of frequencies in Hz; got \[\]"),
        (
            ValueError,
            {"bands": [(5, 3)]},
            r"low < high <= fs / 2 = 50 Hz; got \(5, 3\)",
        ),
        (ValueError, {"bands": [(5, 51)]}, r"got \(5, 51\)"),
        (ValueError, {"bands": [5, 20]}, "band must be .low, high. in Hz; got 5"),
        (TypeError, {"bands": ["ab"]}, "band must hold two numbers; got 'ab'"),
        (ValueError, {"bands": [(11, 12)]}, "holds none of the .* 5 Hz apart"),
        (ValueError, {"bands": 3}, "pairs of frequencies in Hz; got 3"),
        (ValueError, {"fs": 0}, "fs must be finite and above 0; got 0"),
        (ValueError, {"nperseg": 101}, "nperseg must be .* at most 100; got 101"),
    ],
)
def test_invalid_bands_are_named_with_what_is_allowed(error, argument, message):
    options = {"fs": 100, "bands": [(5, 20)], "nperseg": 20, **argument}
    with pytest.raises(error, match=message):
        band_power(np.ones((2, 100)), **options)


@pytest.mark.parametrize("measure", [*SIMPLE, local_metrics])
def test_signals_must_be_finite_real_and_of_two_or_three_dimensions(measure):
    options = {"fs": FS, "window": 20} if measure is local_metrics else {}
    for X, message in (
        (np.ones(5), "must have shape"),
        (np.ones((0, 1, 20)), "n_samples >= 1"),
        (np.full((1, 1, 20), np.nan), "NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            measure(X, **options)


def test_local_metrics_are_the_metrics_of_the_windows():
    found = local_metrics(NOISE, fs=FS, window=512, threshold=2)
    assert found.shape == (5, 2, 5, 8)
    windows = NOISE.reshape(5, 2, 8, 512)
    for window in range(8):
        for place, measure in ((0, root_mean_square), (1, zero_crossings),
                               (3, curve_length), (4, teager_energy)):  # fmt: skip
            np.testing.assert_allclose(
                found[:, :, place, window], measure(windows[:, :, window]), rtol=1e-12
            )
    total = spike_count(NOISE, fs=FS, threshold=2)
    assert total.min() > 3
    np.testing.assert_array_equal(found[:, :, 2].sum(axis=2), total)


def test_the_published_length_has_seventy_windows():
    assert local_metrics(np.zeros((1, 71_680)), fs=FS).shape == (1, 1, 5, 70)


def test_spikes_of_a_window_are_those_above_the_noise_of_the_whole_signal():
    x = 0.1 * NOISE[0, :1].copy()
    centres = np.arange(2 * 1_024 + 40, 3 * 1_024, 48)  # 21 spikes in the third window
    around = np.arange(-12, 13)
    x[0, centres[:, None] + around] -= 3 * np.exp(-((around / 3) ** 2) / 2)
    counts = local_metrics(x[None], fs=FS)[0, 0, 2]
    assert abs(counts[2] - len(centres)) <= 1
    assert counts[[0, 1, 3]].max() <= 2
    # by the noise of the busy window itself they would be part of the noise
    assert spike_count(x[None, :, 2_048:3_072], fs=FS)[0, 0] < 15


def test_local_metrics_name_what_is_wrong():
    with pytest.raises(ValueError, match="multiple of window=1024; got 1000"):
        local_metrics(np.ones((1, 1_000)), fs=FS)
    with pytest.raises(ValueError, match="window must be at least 3; got 2"):
        local_metrics(np.ones((1, 1_000)), fs=FS, window=2)
    with pytest.raises(ValueError, match=r"fs / 2 = 2000 Hz; got \(300.0, 3000.0\)"):
        local_metrics(np.ones((1, 1_024)), fs=4_000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_rows_change_nothing(monkeypatch, dtype):
    X = NOISE.astype(dtype)
    whole = local_metrics(X, fs=FS)
    defaults = {"n_numbers": 2 * X[0].size}  # of five rows
    monkeypatch.setattr(_arrays.row_slices, "__kwdefaults__", defaults)
    np.testing.assert_array_equal(local_metrics(X, fs=FS), whole)
    alone = local_metrics(X[3:4], fs=FS)
    np.testing.assert_array_equal(alone, whole[3:4])
