import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksynth import _arrays
from sksynth.metrics import (
    detect_spikes,
    firing_rate,
    interspike_intervals,
    spike_count,
)
from sksynth.metrics.spikes import Detector

FS = 24_000
DATA = os.environ.get(
    "SKSYNTH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"
)


def slow_spikes(x, threshold, gap):
    """Sample by sample."""
    size = sorted(abs(x))
    middle = len(x) // 2
    median = size[middle] if len(x) % 2 else (size[middle - 1] + size[middle]) / 2
    limit, last, found = threshold * median / 0.6745, -gap, []
    for t in range(len(x)):
        above = abs(x[t]) > limit and (t == 0 or abs(x[t - 1]) <= limit)
        if above and t - last >= gap:
            found.append(t)
            last = t
    return found


@given(
    seed=st.integers(0, 1_000), n_times=st.integers(1, 200), gap=st.integers(1, 40),
    threshold=st.sampled_from([0.5, 1.0, 2.0]),
)  # fmt: skip
def test_spikes_are_those_of_a_loop_over_samples(seed, n_times, gap, threshold):
    X = np.random.default_rng(seed).standard_t(2, (3, 2, n_times))
    found = detect_spikes(
        X, fs=1_000, threshold=threshold, band=None, refractory=gap / 1_000
    )
    assert found.shape == X.shape and found.dtype == bool
    for signals, spikes in zip(X, found, strict=True):
        for x, row in zip(signals, spikes, strict=True):
            assert np.flatnonzero(row).tolist() == slow_spikes(x, threshold, gap)
    count = spike_count(
        X, fs=1_000, threshold=threshold, band=None, refractory=gap / 1_000
    )
    np.testing.assert_array_equal(count, found.sum(axis=2))


def test_a_refractory_time_is_of_whole_samples_up_to_rounding():
    assert Detector(100, 24_000, 4, None, 1e-3).gap == 24
    assert Detector(100, 24_000, 4, None, 1.01e-3).gap == 25
    assert Detector(100, 24_000, 4, None, 51 / 24_000).gap == 51  # + 7e-15
    assert Detector(100, 1_000, 4, None, 1e-9).gap == 1


def test_the_threshold_is_in_standard_deviations_of_gaussian_noise():
    x = np.random.default_rng(0).normal(scale=7, size=(1, 400_000))
    found = spike_count(x, fs=FS, threshold=3, band=None, refractory=1e-9)[0, 0]
    # rises of white noise: above now, not above before; above has a share of 0.0027
    assert found == pytest.approx(400_000 * 0.0027 * (1 - 0.0027), rel=0.08)


def test_spikes_of_either_polarity_are_found_behind_the_filter():
    """A slow swing and a high tone, both larger than the spikes, are no noise."""
    t = np.arange(FS)
    x = np.random.default_rng(0).normal(size=FS)
    centres = np.arange(600, FS - 600, 1_200)
    for k, centre in enumerate(centres):
        x += (-1) ** k * 6 * np.exp(-(((t - centre) / 4) ** 2) / 2)
    x += 50 * np.sin(2 * np.pi * 10 * t / FS) + 30 * np.sin(2 * np.pi * 11_900 * t / FS)
    found = np.flatnonzero(detect_spikes([x], fs=FS, threshold=6)[0, 0])
    assert len(found) == len(centres)
    assert (np.abs(found - centres) < 0.5e-3 * FS).all()
    assert spike_count([x], fs=FS, threshold=6, band=None)[0, 0] == 0


def test_constant_signals_have_no_spikes_and_gains_do_not_matter():
    constants = np.repeat(np.geomspace(0.1, 1e6, 50)[:, None], 5_000, axis=1)
    assert spike_count(constants, fs=FS).max() == 0
    X = np.random.default_rng(0).standard_t(3, (2, 1, 5_000))
    found = detect_spikes(X, fs=FS)
    assert found.sum() > 5
    np.testing.assert_array_equal(detect_spikes(-1_000 * X + 3, fs=FS), found)


def test_the_spikes_of_the_recording_of_quiroga_are_found():
    path = Path(DATA) / "spikes" / "C_Easy1_noise01_short.npz"
    if not path.is_file():
        pytest.skip(f"no file {path}: set SKSYNTH_DATA to the parent of its folder")
    with np.load(path) as file:
        x, start, fs = file["x"], file["spike_sample"], int(file["fs"])
    found = np.flatnonzero(detect_spikes([x], fs=fs)[0, 0])
    peaks = start + 22  # samples; the published files have the starts
    apart = np.abs(found[:, None] - peaks)
    near = apart < 1e-3 * fs
    assert near.any(axis=0).mean() > 0.95  # of 521 spikes
    assert near.any(axis=1).mean() > 0.8
    rate = firing_rate(detect_spikes([x], fs=fs), fs=fs)[0, 0]
    assert rate == len(found) / 10


def test_rates_and_intervals_are_those_of_spikes_put_there():
    spikes = np.zeros((2, 2, 480), dtype=bool)  # 20 ms
    spikes[0, 0, [0, 24, 479]] = spikes[1, 0, [5]] = spikes[1, 1, [100, 340]] = True
    np.testing.assert_allclose(firing_rate(spikes, fs=FS), [[150, 0], [50, 100]])
    intervals, signals = interspike_intervals(spikes, fs=FS)
    np.testing.assert_allclose(intervals, [1e-3, 455 / FS, 10e-3])
    np.testing.assert_array_equal(signals, [[0, 0], [0, 0], [1, 1]])


def test_silence_has_no_intervals():
    intervals, signals = interspike_intervals(np.zeros((2, 1, 9), dtype=bool), fs=FS)
    assert intervals.shape == (0,) and signals.shape == (0, 2)


def test_no_interval_is_shorter_than_the_refractory_time():
    X = np.random.default_rng(0).standard_t(3, (4, 2, 9_600))
    for refractory in (1e-3, 5e-3):
        spikes = detect_spikes(X, fs=FS, threshold=2, refractory=refractory)
        intervals, _ = interspike_intervals(spikes, fs=FS)
        assert refractory <= intervals.min() < 1.5 * refractory


@pytest.mark.parametrize(
    ("error", "argument", "message"),
    [
        (ValueError, {"fs": -1}, "fs must be finite and above 0; got -1"),
        (TypeError, {"threshold": "4"}, "threshold must be a number; got '4'"),
        (ValueError, {"threshold": 0}, "threshold must be .* above 0; got 0"),
        (ValueError, {"refractory": 0}, "refractory must be .* above 0; got 0"),
        (ValueError, {"fs": 6_000}, r"high < fs / 2 = 3000 Hz; got \(300.0, 3000.0\)"),
        (ValueError, {"band": (0, 3_000)}, r"0 < low < .* got \(0, 3000\)"),
        (ValueError, {"band": 300}, "band must be .low, high. in Hz; got 300"),
        (ValueError, {"X": np.ones((2, 15))}, "n_times >= 16; got 15"),
        (ValueError, {"X": np.ones(99)}, "X must have shape"),
    ],
)
@pytest.mark.parametrize("function", [detect_spikes, spike_count])
def test_invalid_arguments_are_named_with_what_is_allowed(
    function, error, argument, message
):
    with pytest.raises(error, match=message):
        function(**{"X": np.ones((2, 99)), "fs": FS, **argument})


@pytest.mark.parametrize("function", [firing_rate, interspike_intervals])
def test_spikes_are_bool_and_of_three_dimensions(function):
    with pytest.raises(TypeError, match="of type bool; got int"):
        function(np.zeros((1, 1, 9), dtype=int), fs=FS)
    with pytest.raises(ValueError, match=r"shape \(n_samples, .* got \(9,\)"):
        function(np.zeros(9, dtype=bool), fs=FS)
    with pytest.raises(ValueError, match="fs must be"):
        function(np.zeros((1, 1, 9), dtype=bool), fs=0)


def test_the_extra_memory_is_that_of_the_answer_and_of_a_block(monkeypatch):
    defaults = {"n_numbers": 2**14}
    monkeypatch.setattr(_arrays.row_slices, "__kwdefaults__", defaults)
    X = np.random.default_rng(0).normal(size=(400, 1, 4_800)).astype(np.float32)
    detect_spikes(X[:1], fs=FS)
    tracemalloc.start()
    answer = detect_spikes(X, fs=FS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < answer.nbytes + X.nbytes / 3
