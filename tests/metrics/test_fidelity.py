import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import get_window
from scipy.stats import pearsonr

from sksynth import _arrays
from sksynth.metrics import (
    log_spectral_distance,
    nearest_match,
    paired_correlation,
    paired_rmse,
    power_spectrum_distance,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3, 70)).cumsum(axis=2)
Y = RNG.normal(size=(6, 3, 70)).cumsum(axis=2)
for Z in (X, Y):
    Z.flags.writeable = False
PAIRED = [log_spectral_distance, paired_correlation, paired_rmse]
ALL = [*PAIRED, nearest_match, power_spectrum_distance]


def slow_welch(x, fs, nperseg):
    """Mean periodogram of half overlapping segments, written out."""
    window = get_window("hann", nperseg)
    starts = range(0, len(x) - nperseg + 1, nperseg - nperseg // 2)
    total = 0
    for start in starts:
        segment = x[start : start + nperseg]
        spectrum = np.fft.rfft(window * (segment - segment.mean()))
        total = total + np.abs(spectrum) ** 2 / (fs * (window**2).sum())
    power = total / len(starts)
    power[1 : -1 if nperseg % 2 == 0 else None] *= 2
    return power, np.fft.rfftfreq(nperseg, 1 / fs)


def slow_lsd(x, y, fs, band, nperseg):
    (p, f), (q, _) = slow_welch(x, fs, nperseg), slow_welch(y, fs, nperseg)
    chosen = [i for i in range(len(f)) if band[0] <= f[i] <= band[1] and f[i] > 0]
    return np.sqrt(np.mean([(10 * np.log10(p[i] / q[i])) ** 2 for i in chosen]))


@pytest.mark.parametrize("nperseg", [70, 32, 31, 3])
def test_log_spectral_distance_equals_a_slow_loop_over_welch_segments(nperseg):
    expected = [
        [slow_lsd(x, y, 100, (0, 40), nperseg) for x, y in zip(a, b, strict=True)]
        for a, b in zip(X, Y, strict=True)
    ]
    found = log_spectral_distance(X, Y, fs=100, band=(1e-9, 40), nperseg=nperseg)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_both_ends_of_a_band_belong_to_it():
    band = (12.5, 25.0)  # with 32 samples at 100 Hz, frequencies 4 and 8 x 3.125 Hz
    expected = slow_lsd(X[0, 0], Y[0, 0], 100, band, 32)
    found = log_spectral_distance(X, Y, fs=100, band=band, nperseg=32)
    np.testing.assert_allclose(found[0, 0], expected)


def test_the_default_takes_all_frequencies_but_0_and_segments_of_256():
    short = [[slow_lsd(x, y, 1, (0, 1), 70) for x, y in zip(X[0], Y[0], strict=True)]]
    np.testing.assert_allclose(log_spectral_distance(X[:1], Y[:1]), short)
    long = RNG.normal(size=(2, 1, 600))
    expected = slow_lsd(long[0, 0], long[1, 0], 1, (0, 1), 256)
    np.testing.assert_allclose(log_spectral_distance(long[:1], long[1:]), [[expected]])


@given(
    gain=st.floats(1e-2, 1e2),
    sign=st.sampled_from([-1, 1]),
    dtype=st.sampled_from("fd"),
)
def test_a_gain_costs_its_decibels(gain, sign, dtype):
    noise = np.random.default_rng(1).normal(size=(3, 2, 300)).astype(dtype)
    expected = abs(20 * np.log10(gain))
    atol = 1e-9 if dtype == "d" else 1e-4
    louder = (sign * gain * noise + 5).astype(dtype)
    for found in (
        log_spectral_distance(louder, noise),
        log_spectral_distance(noise, louder),
        power_spectrum_distance(louder, noise),
    ):
        np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-4 / gain)


def test_spectral_distances_are_0_for_equal_sets_and_at_most_120_decibels():
    np.testing.assert_array_equal(log_spectral_distance(X, X), 0)
    np.testing.assert_allclose(power_spectrum_distance(X, X[::-1]), 0, atol=1e-12)
    constant = np.full((1, 1, 64), 5.1)
    noise = RNG.normal(size=(1, 1, 64))
    np.testing.assert_array_equal(log_spectral_distance(constant, 3 * constant), 0)
    quiet = log_spectral_distance(constant, noise)
    assert 90 < quiet[0, 0] <= 120
    np.testing.assert_allclose(log_spectral_distance(1e-9 * noise, noise), quiet)


def test_power_spectrum_distance_compares_the_mean_spectra():
    spectra = [
        np.mean([slow_welch(x[1], 10, 20)[0] for x in Z], axis=0) for Z in (X, Y)
    ]
    decibels = 10 * np.log10(spectra[0] / spectra[1])[1:]
    found = power_spectrum_distance(X, Y, fs=10, nperseg=20)
    assert found.shape == (3,)
    np.testing.assert_allclose(found[1], np.sqrt((decibels**2).mean()))
    # half of the rows twice as loud: mean power 2.5 times, by 10 log10 2.5 dB
    noise = RNG.normal(size=(1, 1, 100))
    mixed = np.concatenate([noise, 2 * noise])
    found = power_spectrum_distance(mixed, noise)
    np.testing.assert_allclose(found, 10 * np.log10(2.5))


def test_a_band_sees_only_its_own_frequencies():
    t = np.arange(1000) / 100
    low, high = np.sin(2 * np.pi * 5 * t), np.sin(2 * np.pi * 30 * t)
    noise = 1e-3 * RNG.normal(size=1000)
    a, b = (low + high + noise)[None], (low + 3 * high + noise)[None]
    options = {"fs": 100, "nperseg": 250}
    below = log_spectral_distance(a, b, band=(0, 12), **options)
    around = log_spectral_distance(a, b, band=(29.9, 30.1), **options)
    assert below < 0.1
    np.testing.assert_allclose(around, 20 * np.log10(3), rtol=1e-3)


def test_paired_correlation_equals_scipy():
    expected = [
        [pearsonr(x, y)[0] for x, y in zip(a, b, strict=True)]
        for a, b in zip(X, Y, strict=True)
    ]
    np.testing.assert_allclose(paired_correlation(X, Y), expected, atol=1e-12)


@given(
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-100, 100),
    sign=st.sampled_from([-1, 1]),
)
def test_correlation_ignores_gain_and_offset(gain, offset, sign):
    found = paired_correlation(sign * gain * X + offset, X)
    np.testing.assert_allclose(found, sign, atol=1e-7)
    assert np.abs(found).max() <= 1


def test_a_constant_channel_correlates_0():
    flat = np.full((6, 3, 70), 0.1)
    np.testing.assert_array_equal(paired_correlation(flat, X), 0)
    np.testing.assert_array_equal(paired_correlation(flat, flat), 0)


def test_paired_rmse_equals_a_slow_loop():
    expected = [
        [
            np.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / 70)
            for x, y in zip(a, b, strict=True)
        ]
        for a, b in zip(X, Y, strict=True)
    ]
    np.testing.assert_allclose(paired_rmse(X, Y), expected, rtol=1e-12)
    np.testing.assert_allclose(paired_rmse(X, X + 3), 3)


def slow_match(X, Y, measure, allowed):
    """Best allowed row of Y for each row of X, by a double loop."""
    index, value = [], []
    for i, x in enumerate(X):
        best = None
        for j, y in enumerate(Y):
            if not allowed(i, j):
                continue
            if measure == "rmse":
                cost = np.sqrt(((x - y) ** 2).mean())
            else:
                pairs = zip(x, y, strict=True)
                cost = -np.mean([pearsonr(a, b)[0] for a, b in pairs])
            if best is None or cost < best[0]:
                best = cost, j
        index.append(best[1])
        value.append(abs(best[0]) if measure == "rmse" else -best[0])
    return index, value


@pytest.mark.parametrize("measure", ["rmse", "correlation"])
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("exclude_self", [False, True])
def test_nearest_match_equals_a_double_loop(measure, labelled, exclude_self):
    rng = np.random.default_rng(3)
    A = rng.normal(size=(14, 2, 20)).cumsum(axis=2)
    B = A if exclude_self else rng.normal(size=(17, 2, 20)).cumsum(axis=2)
    y = np.resize(["N", "V", "N"], 14)
    y_reference = y if exclude_self else np.resize(["V", "N", "S"], 17)
    labels = {"y": y, "y_reference": y_reference} if labelled else {}

    def allowed(i, j):
        same_class = y[i] == y_reference[j] or not labelled
        return same_class and not (exclude_self and i == j)

    index, value = nearest_match(
        A, B, measure=measure, exclude_self=exclude_self, **labels
    )
    expected_index, expected = slow_match(A, B, measure, allowed)
    np.testing.assert_array_equal(index, expected_index)
    np.testing.assert_allclose(value, expected, atol=1e-12)


def test_the_match_of_a_copy_is_the_copied_row():
    order = np.array([4, 0, 5, 1])
    for measure, ideal in [("rmse", 0), ("correlation", 1)]:
        index, value = nearest_match(X[order], X, measure=measure)
        np.testing.assert_array_equal(index, order)
        np.testing.assert_allclose(value, ideal, atol=1e-12)


def test_labels_may_be_left_out_once_where_the_sets_are_the_same():
    y = ["a", "b"] * 3
    left_out = nearest_match(X, X, y=y, exclude_self=True)
    given_twice = nearest_match(X, X, y=y, y_reference=y, exclude_self=True)
    np.testing.assert_array_equal(left_out, given_twice)


@pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
def test_forms_of_the_arrays_do_not_matter(measure):
    found = measure(X, Y)
    np.testing.assert_allclose(measure(X.tolist(), np.asfortranarray(Y)), found)
    single = measure(X[:, 0], Y[:, 0])
    np.testing.assert_array_equal(single, measure(X[:, :1], Y[:, :1]))
    in_float32 = measure(X.astype(np.float32), Y.astype(np.float32))
    np.testing.assert_allclose(in_float32, found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
def test_blocks_of_rows_do_not_matter(measure, monkeypatch):
    found = measure(X, Y)
    defaults = {"n_numbers": 300}
    monkeypatch.setattr(_arrays.row_slices, "__kwdefaults__", defaults)
    monkeypatch.setattr(_arrays.blocks, "__kwdefaults__", defaults)
    np.testing.assert_allclose(measure(X, Y), found, rtol=1e-12)


@pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
def test_wrong_arrays_are_refused_by_name_and_shape(measure):
    with pytest.raises(ValueError, match=r"\(6, 3, 70\) and \(6, 3, 69\)"):
        measure(X, Y[:, :, 1:])
    with pytest.raises(ValueError, match=r"must have shape .*; got \(6,\)"):
        measure(X, Y[:, 0, 0])
    with pytest.raises(ValueError, match=r"n_samples >= 1; got shape \(0, 3, 70\)"):
        measure(X[:0], Y)
    with pytest.raises(ValueError, match=r"Input X\w* contains NaN"):
        measure(X, np.where(Y == Y[2, 1, 5], np.nan, Y))
    with pytest.raises(ValueError, match="Complex data not supported"):
        measure(X, Y + 1j)


@pytest.mark.parametrize("measure", PAIRED, ids=lambda f: f.__name__)
def test_paired_sets_have_as_many_rows(measure):
    with pytest.raises(ValueError, match="must be equal; got 6 and 5"):
        measure(X, Y[:5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fs": 0}, "fs must be finite and above 0; got 0"),
        ({"fs": np.inf}, "fs must be finite and above 0; got inf"),
        ({"band": (0, 30)}, r"low < high <= fs / 2 = 0.5 Hz; got \(0, 30\)"),
        ({"fs": 100, "band": (30, 10)}, r"got \(30, 10\)"),
        ({"fs": 100, "band": 30}, r"band must be \(low, high\) in Hz; got 30"),
        ({"fs": 100, "band": (30.1, 30.2)}, "holds none of the frequencies"),
        ({"nperseg": 71}, "nperseg must be at least 2 and at most 70; got 71"),
    ],
)
def test_options_of_spectra_are_checked(options, message):
    for measure in (log_spectral_distance, power_spectrum_distance):
        with pytest.raises(ValueError, match=message):
            measure(X, Y, **options)


def test_options_of_a_wrong_type_are_refused():
    with pytest.raises(TypeError, match="fs must be a number; got '100'"):
        log_spectral_distance(X, Y, fs="100")
    with pytest.raises(TypeError, match="band must hold two numbers"):
        log_spectral_distance(X, Y, band=("0", "1"))
    with pytest.raises(TypeError, match="nperseg must be an integer; got 8.0"):
        log_spectral_distance(X, Y, nperseg=8.0)
    with pytest.raises(ValueError, match="a spectrum needs n_times >= 2; got 1"):
        log_spectral_distance([[1.0]], [[1.0]])


def test_matches_that_cannot_be_are_refused():
    y = np.array(["N", "N", "N", "V", "V", "S"])
    with pytest.raises(
        ValueError, match=r"one of \['rmse', 'correlation'\]; got 'dtw'"
    ):
        nearest_match(X, Y, measure="dtw")
    with pytest.raises(ValueError, match="go together; got y_reference=None"):
        nearest_match(X, Y, y=y)
    with pytest.raises(ValueError, match="go together; got y=None"):
        nearest_match(X, Y, y_reference=y)
    with pytest.raises(ValueError, match="no row of class .*'S'.* classes are .*'V'"):
        nearest_match(X, Y[:5], y=y, y_reference=y[:5])
    with pytest.raises(ValueError, match="no other row of class .*'S'"):
        nearest_match(X, X, y=y, exclude_self=True)
    with pytest.raises(ValueError, match="same rows as X and X_reference; got others"):
        nearest_match(X, Y, exclude_self=True)
    with pytest.raises(ValueError, match="y_reference equal to y; got others"):
        nearest_match(X, X, y=y, y_reference=y[::-1], exclude_self=True)
    with pytest.raises(
        ValueError, match=r"y must have shape \(n_samples,\); got \(6, 1\)"
    ):
        nearest_match(X, Y, y=y[:, None], y_reference=y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        nearest_match(X, Y, y=y[:4], y_reference=y)
