import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks
from scipy.stats import skew
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import f1_score

from sksynth.datasets import _recorder, make_ecg_rhythms, rhythms

CLEAN = {"noise": 0, "drift": 0}
CLASSES = rhythms.CLASSES
LEADS = _recorder.LEADS
SINUS = ("SBRAD", "SR", "STACH", "SARRH")


def slope(X):
    """Size of the change of all leads from sample to sample, (n, n_times)."""
    return np.sqrt((np.gradient(X, axis=2) ** 2).sum(axis=1))


def r_peaks(X, fs=100.0):
    """Seconds of the QRS complexes of each strip, between samples."""
    found = []
    for row in slope(X):
        smooth = np.convolve(row, np.hanning(int(0.08 * fs)), mode="same")
        at = find_peaks(smooth, height=0.5 * smooth.max(), distance=0.22 * fs)[0]
        at = at[(at > 0) & (at < len(row) - 1)]
        left, here, right = smooth[at - 1], smooth[at], smooth[at + 1]
        found.append((at + (left - right) / 2 / (left - 2 * here + right)) / fs)
    return found


def long_strips(name, n_samples=30, seconds=60, **options):
    options = {"n_subjects": n_samples, "random_state": 0, **CLEAN, **options}
    return make_ecg_rhythms(
        n_samples, classes=[name], n_times=100 * seconds, **options
    )[0]


def rr_intervals(name, **options):
    return [np.diff(peaks) for peaks in r_peaks(long_strips(name, **options))]


def atrial_waves(monkeypatch, name, **options):
    """Strips of AFIB or AFLT, and their f or flutter waves alone."""
    with_waves = long_strips(name, **options)
    table = {"AFIB": "FIBRILLATION", "AFLT": "FLUTTER"}[name]
    still = np.array(getattr(rhythms, table))
    still[..., -3:] = 0
    monkeypatch.setattr(rhythms, table, still)
    return with_waves, with_waves - long_strips(name, **options)


def test_shapes_types_and_classes():
    X, y, groups = make_ecg_rhythms(
        30, n_times=250, fs=125, n_subjects=4, return_groups=True
    )
    assert X.shape == (30, 12, 250)
    assert X.dtype == np.float32
    assert np.isfinite(X).all()
    assert set(y) == set(CLASSES)
    assert set(groups) == {0, 1, 2, 3}
    assert len(make_ecg_rhythms(3, n_times=5)) == 2


def test_the_shortest_strip_has_one_sample():
    assert make_ecg_rhythms(1, n_times=1)[0].shape == (1, 12, 1)


@settings(max_examples=15)
@given(
    n_samples=st.integers(1, 60),
    weights=st.lists(st.floats(0.01, 5), min_size=1, max_size=7),
)
def test_class_counts_follow_the_weights_up_to_rounding(n_samples, weights):
    classes = CLASSES[::-1][: len(weights)]
    _, y = make_ecg_rhythms(n_samples, classes=classes, weights=weights, n_times=5)
    assert len(y) == n_samples
    for name, weight in zip(classes, weights, strict=True):
        assert abs((y == name).sum() - n_samples * weight / sum(weights)) < 1


def test_subjects_have_equally_many_strips_of_each_class():
    _, y, groups = make_ecg_rhythms(145, n_times=5, n_subjects=6, return_groups=True)
    for rows in (y == y, *(y == name for name in CLASSES)):
        assert np.ptp(np.bincount(groups[rows], minlength=6)) <= 1


def test_a_seed_gives_the_same_strips_and_another_seed_others():
    first, again, other = (make_ecg_rhythms(14, random_state=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.allclose(first[0], other[0])


def test_without_a_seed_each_call_differs():
    assert not np.allclose(make_ecg_rhythms(7)[0], make_ecg_rhythms(7)[0])


def test_generators_and_random_states_are_seeds_that_move_on():
    for make in (np.random.default_rng, np.random.RandomState):
        rng = make(0)
        first, second = (make_ecg_rhythms(7, random_state=rng)[0] for _ in range(2))
        assert not np.allclose(first, second)
        again = make_ecg_rhythms(7, random_state=make(0))[0]
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("seed", [None, 0])
def test_numpys_global_state_is_neither_used_nor_changed(seed):
    before = np.random.get_state()
    make_ecg_rhythms(7, random_state=seed)
    for old, new in zip(before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_size_of_the_internal_blocks_does_not_matter(monkeypatch):
    X, _ = make_ecg_rhythms(60, random_state=0)
    monkeypatch.setattr(rhythms, "SAMPLES_AT_ONCE", 7 * 1600)
    np.testing.assert_allclose(make_ecg_rhythms(60, random_state=0)[0], X, atol=1e-5)


def test_memory_beside_the_answer_does_not_grow_with_the_rows():
    extra = []
    for n_samples in (300, 900):
        tracemalloc.start()
        X, _ = make_ecg_rhythms(n_samples)
        extra.append(tracemalloc.get_traced_memory()[1] - X.nbytes)
        tracemalloc.stop()
    assert extra[1] < 1.2 * extra[0]
    assert extra[1] < 60e6


def test_leads_are_those_of_the_textbook():
    X = long_strips("SR", n_samples=100, seconds=10)
    top, bottom = np.median(X.max(axis=2), axis=0), np.median(X.min(axis=2), axis=0)
    positive = dict(zip(LEADS, top > -bottom, strict=True))
    assert positive["I"] and positive["II"] and positive["V5"] and positive["V6"]
    assert not positive["aVR"] and not positive["V1"]
    assert 0.6 < top[LEADS.index("II")] < 1.6  # mV
    assert np.abs(X).max() < 6


class Still:
    """A random generator without chance."""

    def standard_normal(self, shape):
        return np.zeros(shape)


def test_beats_are_those_of_a_naive_double_loop():
    fs, rng = 200.0, np.random.default_rng(0)
    times = np.arange(-600, 1400) / fs
    y = np.array(["SR", "AFIB", "SBRAD"])
    hearts = rhythms._draw_hearts(3, rng)
    strips = rhythms._draw_strips(y, hearts.pace, times, rng)
    got = rhythms._ventricles(times, fs, y, hearts, strips, Still())
    expected = np.zeros_like(got, dtype=float)
    for row in range(3):
        for peak, stretch, breath in zip(
            strips.peak[row], strips.stretch[row], strips.breath[row], strict=True
        ):
            if not times[0] + 1 < peak < times[-1] - 1:
                continue
            for wave in range(7):
                if wave < 2 and y[row] == "AFIB":
                    continue
                scale = 1 if wave in (2, 3, 4) else stretch  # QRS keeps its duration
                event = peak + scale * hearts.time[row, wave]
                width = scale * hearts.width[row, wave]
                dipole = hearts.dipole[row, wave]
                dipole = dipole + np.cross(breath * hearts.sway[row], dipole)
                shape = np.exp(-0.5 * ((times - event) / width) ** 2)
                expected[row] += dipole[:, None] * shape
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize("name", ["SBRAD", "SR", "AFIB", "STACH", "SARRH", "SVTAC"])
def test_mean_heart_rates_lie_in_the_range_of_the_rhythm(name):
    low, high = rhythms.RHYTHMS[name].rate
    rates = [60 / rr.mean() for rr in rr_intervals(name, n_samples=60, seconds=30)]
    slack = 0.06 if name == "AFIB" else 0.02
    assert (1 - slack) * low < min(rates) and max(rates) < (1 + slack) * high
    assert np.ptp(rates) > 0.4 * (high - low)
    assert abs(np.median(rates) - (low + high) / 2) < 0.15 * (high - low)


@pytest.mark.parametrize("name", ["SBRAD", "SR", "STACH", "SVTAC", "AFLT"])
def test_regular_rhythms_are_regular(name):
    most = {"SBRAD": 0.06, "SR": 0.05}.get(name, 0.025)
    variation = [rr.std() / rr.mean() for rr in rr_intervals(name, seconds=30)]
    assert max(variation) < most


def test_fibrillation_is_irregular_without_memory():
    intervals = rr_intervals("AFIB", seconds=120)
    variation = [rr.std() / rr.mean() for rr in intervals]
    assert 0.12 < min(variation) and max(variation) < 0.32
    memory = [
        [np.corrcoef(rr[:-lag], rr[lag:])[0, 1] for lag in (1, 2, 3, 5)]
        for rr in intervals
    ]
    # about 200 intervals in each of 30 strips: standard error 0.013
    assert np.abs(np.mean(memory, axis=0)).max() < 0.05


def respiration(peaks):
    """Frequency (Hz) and relative size of the sine that best fits the RR intervals."""
    rr, at = np.diff(peaks), peaks[1:]
    best = (0.0, 0.0)
    for hertz in np.arange(0.12, 0.4, 0.005):
        angle = 2 * np.pi * hertz * at
        basis = np.stack([np.ones(len(rr)), np.sin(angle), np.cos(angle)], axis=1)
        mean, *parts = np.linalg.lstsq(basis, rr, rcond=None)[0]
        best = max(best, (np.hypot(*parts) / mean, hertz))
    return best[::-1]


@pytest.mark.parametrize("name", ["SR", "SARRH"])
def test_breathing_changes_rr_by_the_part_that_is_promised(name):
    found = [respiration(p) for p in r_peaks(long_strips(name))]
    hertz, size = np.array(found).T
    low, high = rhythms.RHYTHMS[name].breathing
    assert 0.75 * low < size.min() and size.max() < 1.15 * high
    assert np.median(size) == pytest.approx((low + high) / 2, rel=0.25)
    if name == "SARRH":
        assert 0.13 < hertz.min() and hertz.max() < 0.35


def mean_beats(X):
    """Mean of each strip from 0.4 s before R to 0.5 s after it, (n, 12, 90)."""
    beats = []
    for strip, peaks in zip(X, r_peaks(X), strict=True):
        at = np.rint(peaks * 100).astype(int)
        at = at[(at > 40) & (at < X.shape[2] - 50)]
        beats.append(np.mean([strip[:, i - 40 : i + 50] for i in at], axis=0))
    return np.array(beats)


def p_size(name):
    """Median over strips of the P wave of lead II in mV, 0.32 to 0.08 s before R."""
    window = mean_beats(long_strips(name, seconds=40))[:, 1, 8:32]
    return np.median(window.max(axis=1) - window[:, :3].mean(axis=1))


def test_sinus_rhythms_have_a_p_wave_and_fibrillation_none():
    for name in ("SBRAD", "SR", "SARRH"):
        assert 0.08 < p_size(name) < 0.25
    assert p_size("AFIB") < 0.04


@pytest.mark.parametrize("name", ["STACH", "SVTAC"])
def test_p_waves_of_tachycardias_are_there_or_not(monkeypatch, name):
    as_made = long_strips(name, seconds=10)[:, 1]  # lead II
    has_p = rhythms.RHYTHMS[name]._replace(p_waves=True)
    monkeypatch.setitem(rhythms.RHYTHMS, name, has_p)
    difference = long_strips(name, seconds=10)[:, 1] - as_made
    if name == "STACH":
        assert not difference.any()
    else:  # what a P wave would add
        assert 0.08 < np.median(difference.max(axis=1)) < 0.3


def test_f_waves_lie_between_4_and_9_hz_wander_and_are_largest_in_v1_to_v3(
    monkeypatch,
):
    X, waves = atrial_waves(monkeypatch, "AFIB")
    v1 = waves[:, LEADS.index("V1")]
    hertz = np.fft.rfftfreq(v1.shape[1], 0.01)
    power = (np.abs(np.fft.rfft(waves)) ** 2).sum(axis=1)
    band = power[:, (hertz > 4) & (hertz < 9)].sum(axis=1) / power.sum(axis=1)
    assert np.median(band) > 0.65
    assert band.min() > 0.5
    size = np.median(waves.std(axis=2), axis=0)
    assert {LEADS[i] for i in size.argsort()[-3:]} == {"V1", "V2", "V3"}
    assert 0.02 < size.max() < 0.1  # mV
    # size wanders: seconds differ more than those of a steady wave
    seconds = v1.reshape(len(v1), -1, 100).std(axis=2)
    assert np.median(seconds.std(axis=1) / seconds.mean(axis=1)) > 0.15
    # and the line is broad: the frequency wanders too
    line = power.max(axis=1) / power.sum(axis=1)
    assert np.median(line) < 0.3


def test_between_beats_fibrillation_has_waves_where_bradycardia_is_flat():
    def rest(name):
        """Power of V1 in mV**2 from 0.5 s after R to 0.2 s before the next."""
        X, found = long_strips(name), []
        for strip, peaks in zip(X, r_peaks(X), strict=True):
            for start, end in zip(peaks[:-1], peaks[1:], strict=True):
                quiet = strip[6, int(100 * start) + 50 : int(100 * end) - 25]
                if len(quiet) > 20:
                    found.append(np.var(quiet))
        return np.median(found)

    assert rest("AFIB") > 10 * rest("SBRAD")


def test_flutter_is_a_line_of_4_to_6_hz_and_rr_a_multiple_of_its_cycle(monkeypatch):
    X, waves = atrial_waves(monkeypatch, "AFLT", n_samples=60)
    hertz = np.fft.rfftfreq(waves.shape[2], 0.01)
    power = np.abs(np.fft.rfft(waves[:, 1])) ** 2
    rate = hertz[power.argmax(axis=1)]
    assert 3.98 < rate.min() and rate.max() < 6.02
    rr = np.array([np.diff(peaks).mean() for peaks in r_peaks(X)])
    multiple = rr * rate
    assert set(np.rint(multiple)) == {2, 3, 4}
    np.testing.assert_allclose(multiple, np.rint(multiple), atol=0.05)
    most = np.bincount(np.rint(multiple).astype(int))
    assert most[2] > most[3] and most[4] > most[3]


def test_flutter_waves_point_down_in_the_inferior_leads_and_up_in_v1(monkeypatch):
    _, waves = atrial_waves(monkeypatch, "AFLT", seconds=10)
    assert np.abs(waves.mean(axis=2)).max() < 0.02  # they have no level of their own
    lean = dict(zip(LEADS, np.median(skew(waves, axis=2), axis=0), strict=True))
    assert max(lean["II"], lean["III"], lean["aVF"]) < -0.3
    assert lean["V1"] > 0.3
    swing = dict(zip(LEADS, np.median(np.ptp(waves, axis=2), axis=0), strict=True))
    assert 0.2 < swing["II"] < 0.6  # mV
    assert swing["I"] < 0.5 * swing["II"]


def test_flutter_falls_slowly_and_rises_fast(monkeypatch):
    _, waves = atrial_waves(monkeypatch, "AFLT", seconds=10)
    assert (np.diff(waves[:, 1]) < 0).mean() > 0.55


def test_a_subject_has_flutter_at_one_rate(monkeypatch):
    _, waves = atrial_waves(monkeypatch, "AFLT", n_samples=60, n_subjects=6)
    _, _, groups = make_ecg_rhythms(
        60, classes=["AFLT"], n_subjects=6, random_state=0, n_times=6000,
        return_groups=True, **CLEAN,
    )  # fmt: skip
    rate = np.abs(np.fft.rfft(waves[:, 1])).argmax(axis=1) / 60
    within = np.mean([rate[groups == subject].std() for subject in range(6)])
    assert within < 0.2 < np.std(rate)


def test_beats_of_a_subject_resemble_each_other():
    X, _, groups = make_ecg_rhythms(
        80, classes=["SR"], n_subjects=10, random_state=0, return_groups=True
    )
    beats = mean_beats(X).reshape(80, -1)
    alike = np.corrcoef(beats)
    same = groups[:, None] == groups
    np.fill_diagonal(alike, np.nan)
    assert np.nanmedian(alike[same]) > 0.97
    assert np.nanmedian(alike[~same]) < 0.92
    neighbour = np.nanargmax(alike, axis=1)
    assert (groups[neighbour] == groups).mean() > 0.9


def test_beats_of_a_strip_differ_a_little_without_breathing_too():
    fs, rng = 500.0, np.random.default_rng(0)
    times, y = np.arange(-1500, 11500) / fs, np.array(["SR"] * 20)
    hearts = rhythms._draw_hearts(20, rng)
    strips = rhythms._draw_strips(y, hearts.pace, times, rng)
    for sway, low, high in ((0, 0.015, 0.05), (1, 0.02, 0.15)):
        swaying = hearts._replace(sway=sway * hearts.sway)
        dipole = rhythms._ventricles(times, fs, y, swaying, strips, rng)
        height = dipole[:, 1, 1500:11500].reshape(20, 10, -1).max(axis=2)  # of 2 s
        variation = height.std(axis=1) / height.mean(axis=1)
        assert low < np.median(variation) < high


def test_beats_fill_a_strip_from_its_first_to_its_last_second():
    for name in CLASSES:
        X = long_strips(name, seconds=10)
        for peaks in r_peaks(X):
            longest = 1.3 * np.diff(peaks).max() + 0.1
            assert peaks[0] < longest and 10 - peaks[-1] < longest


def test_one_subject_in_eight_has_a_flat_or_inverted_t():
    t = mean_beats(long_strips("SR", n_samples=200, seconds=10))[:, 1, 60:80]
    rest = t[:, -1:]
    inverted = (t - rest).max(axis=1) < (rest - t).max(axis=1)
    assert 0.05 < inverted.mean() < 0.2


def test_a_seed_means_the_same_hearts_at_both_sites():
    strips = [make_ecg_rhythms(28, site=s, random_state=0, **CLEAN) for s in (0, 1)]
    np.testing.assert_array_equal(strips[0][1], strips[1][1])
    peaks = [r_peaks(X) for X, _ in strips]
    offsets = [
        np.abs(first[:, None] - second).min(axis=1).max()
        for first, second in zip(*peaks, strict=True)
        if len(first) == len(second)
    ]
    assert len(offsets) > 24
    assert np.median(offsets) < 0.02  # s
    assert not np.allclose(strips[0][0], strips[1][0], atol=0.1)


def features(X):
    """Statistics of RR, the mean spectrum of II and V2, what precedes the QRS."""
    rows = []
    for strip, peaks in zip(X, r_peaks(X), strict=True):
        rr = np.diff(peaks)
        rr = np.array([1.0, 1.0, 1.0]) if len(rr) < 3 else rr
        change = np.abs(np.diff(rr)).mean()
        spectrum = np.abs(np.fft.rfft(strip[[1, 7]]))[:, :160].reshape(80, 4).mean(1)
        at = [i for i in np.rint(100 * peaks).astype(int) if i > 30]
        before = np.mean([strip[[1, 6], i - 30 : i - 5 : 2] for i in at], axis=0)
        spread = [rr.mean(), rr.min(), rr.max(), rr.std() / rr.mean(), change]
        rows.append(np.r_[spread, np.log(spectrum + 1e-3), before.ravel()])
    return np.array(rows)


def test_rhythms_can_be_learnt_across_subjects_from_many_rows_better_than_few():
    X, y, groups = make_ecg_rhythms(
        1400, n_subjects=140, random_state=0, return_groups=True
    )
    table, train = features(X), groups < 100
    few = np.concatenate([np.flatnonzero(train & (y == c))[:10] for c in CLASSES])

    def score(rows):
        forest = ExtraTreesClassifier(100, random_state=0).fit(table[rows], y[rows])
        return f1_score(y[~train], forest.predict(table[~train]), average="macro")

    assert 0.9 < score(np.flatnonzero(train)) < 0.99
    assert score(few) < score(np.flatnonzero(train)) - 0.03


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_samples", 0, ValueError),
        ("n_samples", 2.0, TypeError),
        ("classes", ["SR", "PACE"], ValueError),
        ("classes", "SR", TypeError),
        ("weights", [0.5, 0.5], ValueError),
        ("weights", [0] * 7, ValueError),
        ("weights", "even", TypeError),
        ("n_times", 0, ValueError),
        ("n_times", 1e3, TypeError),
        ("fs", 49, ValueError),
        ("fs", np.inf, ValueError),
        ("n_subjects", 0, ValueError),
        ("site", 2, ValueError),
        ("site", -1, ValueError),
        ("site", "Rennes", TypeError),
        ("site", True, TypeError),
        ("noise", -0.1, ValueError),
        ("drift", "a", TypeError),
        ("random_state", "seed", TypeError),
    ],
)
def test_an_invalid_argument_is_named_with_its_value(name, value, error):
    with pytest.raises(error, match=name) as caught:
        make_ecg_rhythms(**{name: value})
    assert (str(value) if np.isscalar(value) else str(value[0])) in str(caught.value)
