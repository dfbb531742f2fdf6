import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import cumulative_trapezoid
from scipy.signal import find_peaks
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import f1_score

from sksynth.datasets import _heart, ecg, make_ecg

CLEAN = {"noise": 0, "drift": 0}
FS = 360.0


def magnitude(X):
    """Root sum of squares over the leads, (n, n_times)."""
    return np.sqrt((X**2).sum(axis=1))


def slope(X):
    """Size of the change of all leads from sample to sample, (n, n_times)."""
    return magnitude(np.gradient(X, axis=2))


def peaks(row, fs=FS):
    """Samples of the QRS complexes of one row of `slope`."""
    return find_peaks(row, height=0.3 * row.max(), distance=int(0.22 * fs))[0]


def qrs_duration(X, r_index, fs=FS, level=0.1):
    """Seconds from the first to the last steep sample around the R peak."""
    near = int(0.12 * fs)
    steep = slope(X)[:, r_index - near : r_index + near]
    steep = steep > level * steep.max(axis=1, keepdims=True)
    return (2 * near - steep[:, ::-1].argmax(axis=1) - steep.argmax(axis=1)) / fs


def test_shapes_types_and_classes():
    X, y, groups = make_ecg(50, n_leads=3, n_times=90, fs=125, return_groups=True)
    assert X.shape == (50, 3, 90)
    assert X.dtype == np.float32
    assert np.isfinite(X).all()
    assert set(y) == set("NSVF")
    assert set(groups) == set(range(20))
    assert len(make_ecg(5)) == 2


@settings(deadline=None, max_examples=60)
@given(
    n_samples=st.integers(1, 300),
    weights=st.lists(st.floats(0.01, 5), min_size=1, max_size=4),
)
def test_class_counts_follow_the_weights_up_to_rounding(n_samples, weights):
    classes = ("V", "N", "F", "S")[: len(weights)]
    _, y = make_ecg(
        n_samples, classes=classes, weights=weights, n_leads=1, n_times=2, before=0
    )
    assert len(y) == n_samples
    for name, weight in zip(classes, weights, strict=True):
        assert abs((y == name).sum() - n_samples * weight / sum(weights)) < 1


def test_a_row_that_is_left_over_goes_to_the_class_with_the_largest_remainder():
    _, y = make_ecg(11, classes=["N", "S", "V"], weights=[0.31, 0.33, 0.36])
    assert [(y == name).sum() for name in "NSV"] == [3, 4, 4]  # of 3.41, 3.63, 3.96


def test_a_weight_of_0_leaves_a_class_out():
    _, y = make_ecg(40, weights=[1, 0, 3, 0])
    assert {name: (y == name).sum() for name in "NSVF"} == dict(
        zip("NSVF", (10, 0, 30, 0), strict=True)
    )


def test_subjects_have_equally_many_beats_of_each_class():
    _, y, groups = make_ecg(403, n_subjects=7, weights=[6, 1, 2, 1], return_groups=True)
    for rows in (y == y, *(y == name for name in "NSVF")):
        counts = np.bincount(groups[rows], minlength=7)
        assert np.ptp(counts) <= 1


def test_rows_come_in_random_order():
    _, y, groups = make_ecg(200, random_state=0, return_groups=True)
    assert (y[1:] == y[:-1]).mean() < 0.5
    assert (np.diff(groups) == 1).mean() < 0.5


def test_a_seed_gives_the_same_beats_and_another_seed_others():
    first, again, other = (make_ecg(8, random_state=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.allclose(first[0], other[0])


def test_without_a_seed_each_call_differs():
    assert not np.allclose(make_ecg(8)[0], make_ecg(8)[0])


def test_generators_and_random_states_are_seeds_that_move_on():
    for make in (np.random.default_rng, np.random.RandomState):
        rng = make(0)
        first, second = (
            make_ecg(4, random_state=rng)[0],
            make_ecg(4, random_state=rng)[0],
        )
        assert not np.allclose(first, second)
        np.testing.assert_array_equal(first, make_ecg(4, random_state=make(0))[0])


@pytest.mark.parametrize("seed", [None, 0])
def test_numpys_global_state_is_neither_used_nor_changed(seed):
    before = np.random.get_state()
    make_ecg(8, random_state=seed)
    for old, new in zip(before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_size_of_the_internal_blocks_does_not_matter(monkeypatch):
    X, _ = make_ecg(50, random_state=0)
    monkeypatch.setattr(ecg, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(make_ecg(50, random_state=0)[0], X, atol=1e-6)


def test_noise_and_drift_have_the_size_asked_for_and_leave_the_beats_alone():
    options = {"random_state": 0, "n_times": 400, "before": 1.0, "n_samples": 300}
    clean, y = make_ecg(**options, **CLEAN)
    noisy, y_noisy = make_ecg(**options, noise=0.1, drift=0)
    drifting, _ = make_ecg(**options, noise=0, drift=0.3)
    both, _ = make_ecg(**options, noise=0.1, drift=0.3)
    np.testing.assert_array_equal(y, y_noisy)
    assert np.std(noisy - clean) == pytest.approx(0.1, rel=0.02)
    assert np.std(drifting - clean) == pytest.approx(0.3, rel=0.1)
    np.testing.assert_allclose(both - drifting, noisy - clean, atol=1e-5)


def test_noise_is_white_with_a_tenth_of_mains_and_drift_is_slow():
    options = {"random_state": 0, "n_times": 1800, "n_samples": 50}  # 10 s
    clean, _ = make_ecg(**options, **CLEAN)
    hertz = np.fft.rfftfreq(1800, 1 / 180)

    def power(**kind):
        spectrum = np.abs(np.fft.rfft(make_ecg(**options, **kind)[0] - clean)) ** 2
        return spectrum.mean(axis=(0, 1)) / spectrum.mean(axis=(0, 1)).sum()

    noise = power(noise=0.1, drift=0)
    assert noise[hertz == 60].sum() == pytest.approx(0.1, abs=0.01)
    assert noise[hertz < 30].sum() == pytest.approx(0.3, abs=0.02)
    assert power(noise=0, drift=0.1)[hertz < 0.7].sum() > 0.95


@pytest.mark.parametrize("heart_rate", [50, 75, 120])
def test_the_heart_rate_is_the_one_asked_for(heart_rate):
    X, _ = make_ecg(
        80,
        classes=["N"],
        heart_rate=heart_rate,
        n_leads=12,
        n_times=3600,
        fs=FS,
        n_subjects=80,
        random_state=0,
        **CLEAN,
    )
    rates = [60 * FS / np.diff(peaks(row)).mean() for row in slope(X)]
    assert np.median(rates) == pytest.approx(heart_rate, rel=0.05)
    assert 0.05 < np.std(np.log(rates)) < 0.15  # between subjects
    within = [np.std(np.diff(peaks(row)) / FS) for row in slope(X)]
    assert 0.02 < np.median(within) * heart_rate / 60 < 0.06


@pytest.mark.parametrize("qrs_width", [0.07, 0.09, 0.12])
@pytest.mark.parametrize("heart_rate", [50, 100])
def test_a_normal_qrs_is_as_wide_as_asked_at_any_rate(qrs_width, heart_rate):
    X, _ = make_ecg(
        200,
        classes=["N"],
        qrs_width=qrs_width,
        heart_rate=heart_rate,
        n_leads=12,
        n_times=256,
        fs=FS,
        n_subjects=100,
        random_state=0,
        **CLEAN,
    )
    assert np.median(qrs_duration(X, 90)) == pytest.approx(qrs_width, rel=0.06)


def test_ventricular_beats_are_wide_and_supraventricular_ones_narrow():
    X, y = make_ecg(
        800, n_leads=12, n_times=256, fs=FS, n_subjects=100, random_state=0, **CLEAN
    )
    width = {
        name: np.median(qrs_duration(X[y == name], 90, level=0.2))  # above V's T wave
        for name in "NSVF"
    }
    assert 0.06 < width["N"] < 0.1
    assert width["N"] <= width["S"] < 1.2 * width["N"]
    assert 0.12 < width["V"] < 0.18
    assert width["V"] / width["N"] == pytest.approx(2, abs=0.2)
    assert 1.1 * width["N"] < width["F"] < 0.75 * width["V"]


def test_the_r_peak_is_at_the_index_that_before_tells():
    for before, fs in ((0.25, 180), (0.4, 250), (0.2, 360)):
        X, _ = make_ecg(
            60,
            classes=["N"],
            n_leads=12,
            before=before,
            fs=fs,
            n_times=int(0.7 * fs),
            random_state=0,
            **CLEAN,
        )
        off = magnitude(X).argmax(axis=1) - round(before * fs)
        assert np.abs(off).max() <= np.ceil(0.012 * fs)
        assert abs(np.mean(off)) < 0.01 * fs


def rr_around(name):
    """Seconds of the three RR intervals around a beat: two before it, one after."""
    X, _ = make_ecg(
        60,
        classes=[name],
        n_leads=12,
        before=2.5,
        n_times=1600,
        fs=FS,
        n_subjects=60,
        random_state=0,
        **CLEAN,
    )
    found = []
    for row in slope(X):
        at = peaks(row)
        here = np.abs(at - 900).argmin()
        found.append(np.diff(at[here - 2 : here + 2]) / FS)
    return np.array(found).T


def test_early_beats_are_early_and_only_ventricular_ones_make_a_full_pause():
    ratio, pause = {}, {}
    for name in "NSVF":
        usual, before, after = rr_around(name)
        ratio[name] = np.median(before / usual)
        pause[name] = np.median((before + after) / usual)
    assert ratio["N"] == pytest.approx(1, abs=0.05)
    assert ratio["S"] == pytest.approx(0.725, abs=0.05)
    assert ratio["V"] == pytest.approx(0.65, abs=0.05)
    assert 0.85 < ratio["F"] < 1
    assert pause["S"] < 1.8
    for name in "NVF":
        assert pause[name] == pytest.approx(2, abs=0.08)


def test_normal_and_fused_beats_have_a_p_wave_and_ventricular_ones_none():
    X, y = make_ecg(
        400, n_leads=12, n_times=256, fs=FS, heart_rate=40, random_state=0, **CLEAN
    )
    p = magnitude(X)[:, 20:50].max(axis=1)  # 0.19 to 0.11 s before R
    assert np.median(p[y == "V"]) < 0.05 < 0.15 < np.median(p[y == "N"])
    assert np.median(p[y == "F"]) > 0.15
    assert (p[y == "S"] < 0.05).mean() > 0.1  # in some subjects


def test_the_t_wave_of_a_ventricular_beat_is_against_its_qrs():
    X, _ = make_ecg(100, classes=["V"], n_times=256, fs=FS, random_state=0, **CLEAN)
    qrs, t = X[:, 0, 70:110].sum(axis=1), X[:, 0, 150:210].sum(axis=1)
    clear = np.abs(qrs) > 10  # mV x samples: the QRS is not isoelectric in this lead
    assert clear.sum() > 50
    assert (np.sign(qrs) == -np.sign(t))[clear].mean() > 0.95


def test_a_fused_beat_lies_between_the_subjects_normal_and_ventricular_beats():
    X, y, groups = make_ecg(
        1200, n_leads=3, n_subjects=10, random_state=0, return_groups=True, **CLEAN
    )
    qrs = X[:, :, 35:58].reshape(len(X), -1)
    for subject in range(10):
        n, v, f = (qrs[(groups == subject) & (y == c)].mean(axis=0) for c in "NVF")
        assert 0.1 < (f - n) @ (v - n) / ((v - n) @ (v - n)) < 0.9


def test_amplitudes_are_those_of_a_heart_in_millivolt():
    X, _ = make_ecg(
        200, classes=["N"], n_subjects=200, n_leads=12, random_state=0, **CLEAN
    )
    r = X[:, 0].max(axis=1)
    assert 0.7 < np.median(r) < 1.6
    assert np.percentile(r, 95) < 3
    assert np.median(X[:, 1].min(axis=1)) < -0.4  # rS in V1
    assert np.abs(X).max() < 6


def test_limb_leads_obey_einthoven_and_goldberger():
    X, _ = make_ecg(20, n_leads=12, random_state=0, **CLEAN)
    lead = dict(zip(ecg.DOWER, X.swapaxes(0, 1), strict=True))
    one, two = lead["I"], lead["MLII"]
    np.testing.assert_allclose(lead["III"], two - one, atol=1e-5)
    np.testing.assert_allclose(lead["aVR"], -(one + two) / 2, atol=1e-5)
    np.testing.assert_allclose(lead["aVL"], one - two / 2, atol=1e-5)
    np.testing.assert_allclose(lead["aVF"], two - one / 2, atol=1e-5)


@pytest.mark.parametrize("n_leads", [1, 2, 8, 12, 15])
def test_fewer_leads_are_the_first_of_more(n_leads):
    many, _ = make_ecg(6, n_leads=40, random_state=0, **CLEAN)
    few, _ = make_ecg(6, n_leads=n_leads, random_state=0, **CLEAN)
    np.testing.assert_allclose(few, many[:, :n_leads], atol=1e-5)


def test_all_leads_are_projections_of_one_dipole():
    X, _ = make_ecg(10, n_leads=40, random_state=0, **CLEAN)
    for beat in X:
        assert np.linalg.matrix_rank(beat, tol=1e-3) == 3
    extra = ecg._lead_vectors(400)[12:]
    np.testing.assert_allclose(np.linalg.norm(extra, axis=1), 1)
    assert np.linalg.norm(extra.mean(axis=0)) < 0.05  # spread over the whole sphere


def test_beats_are_the_integral_of_the_dynamical_model():
    rr, peak = 0.81, 0.05
    times = np.linspace(-0.35, 0.55, 9001)
    scale = np.where(np.isin(np.arange(7), [2, 3, 4]), 1, np.sqrt(rr))
    event = 2 * np.pi / rr * _heart.CONDUCTED[:, 0] * scale  # rad
    b = 2 * np.pi / rr * _heart.CONDUCTED[:, 1] * scale  # rad
    d = 2 * np.pi / rr * (times[:, None] - peak) - event
    # McSharry et al., eq. (1): z' = -sum a d exp(-d^2 / (2 b^2)), a = omega z_max / b^2
    size = _heart.CONDUCTED[:, 2:] @ np.array(ecg.DOWER["MLII"])
    a = 2 * np.pi / rr * size / b**2
    slope = -(a * d * np.exp(-0.5 * (d / b) ** 2)).sum(axis=1)
    integral = cumulative_trapezoid(slope, times, initial=0)
    got = ecg._gaussians(
        times,
        np.array([ecg.DOWER["MLII"]]),
        _heart.CONDUCTED[None, :, 0],
        _heart.CONDUCTED[None, :, 1],
        _heart.CONDUCTED[None, :, 2:],
        np.array([peak]),
        np.array([rr]),
    )
    np.testing.assert_allclose(got[0, 0], integral, atol=2e-4)


def test_classes_can_be_learnt_across_subjects_but_not_perfectly():
    X, y, groups = make_ecg(2000, random_state=0, return_groups=True)
    train = groups < 14
    forest = ExtraTreesClassifier(60, random_state=0)
    X = X[:, :, ::2].reshape(len(X), -1)
    predicted = forest.fit(X[train], y[train]).predict(X[~train])
    assert 0.7 < f1_score(y[~train], predicted, average="macro") < 0.97


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_samples", 0, ValueError),
        ("n_samples", 2.0, TypeError),
        ("n_samples", True, TypeError),
        ("classes", ["N", "Q"], ValueError),
        ("classes", "NSVF", TypeError),
        ("weights", [0.5, 0.5], ValueError),
        ("weights", [0, 0, 0, 0], ValueError),
        ("weights", [1, 1, 1, -1], ValueError),
        ("weights", [1, 1, 1, np.nan], ValueError),
        ("weights", 0.5, TypeError),
        ("weights", "even", TypeError),
        ("n_leads", 0, ValueError),
        ("n_times", -1, ValueError),
        ("fs", 0, ValueError),
        ("fs", np.inf, ValueError),
        ("before", -0.1, ValueError),
        ("before", 128 / 180, ValueError),
        ("heart_rate", 20, ValueError),
        ("heart_rate", 200, ValueError),
        ("qrs_width", 0.3, ValueError),
        ("noise", -0.1, ValueError),
        ("drift", "a", TypeError),
        ("n_subjects", 0, ValueError),
        ("random_state", "seed", TypeError),
    ],
)
def test_an_invalid_argument_is_named(name, value, error):
    with pytest.raises(error, match=name):
        make_ecg(**{name: value})


def test_importing_the_data_sets_loads_no_heavy_package():
    code = "import sys, sksynth.datasets; print(*sys.modules)"
    run = [sys.executable, "-c", code]
    loaded = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert not {"torch", "skorch", "wfdb", "matplotlib"} & set(loaded.split())
