import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from sksynth.datasets import _atrium, _waves, egm, make_egm

FS = 250.0
SMALL = {"n_electrodes": 18, "n_leads": 8, "n_times": 25, "random_state": 0}
SINUS = {**SMALL, "classes": ["SR"]}


@pytest.fixture(scope="module")
def recording():
    """Unfiltered electrograms, four simulations of each rhythm, 3 s, without noise."""
    return make_egm(
        8,
        n_electrodes=128,
        n_times=750,
        fs=FS,
        band_pass=False,
        snr=None,
        random_state=0,
    )


@pytest.fixture
def brief(monkeypatch):
    """Less time before and after the window, and a beat in any of 250 ms."""
    monkeypatch.setattr(_waves, "CYCLE", (100.0, 150.0))
    monkeypatch.setattr(_waves, "WARM_UP", {"SR": 100.0, "AF": 400.0})
    monkeypatch.setattr(_waves, "EDGE", 60.0)


def steepness(signals):
    """Fall of the signals in mV/ms: a unipolar electrogram falls as a front passes."""
    return np.maximum(-np.gradient(signals, axis=-1) * FS / 1000, 0)


def activations(signal):
    """Times in ms at which fronts pass an electrode."""
    fall = steepness(signal)
    peaks, _ = find_peaks(fall, height=0.35 * fall.max(), distance=int(0.09 * FS))
    before, at, after = fall[peaks - 1], fall[peaks], fall[peaks + 1]
    part = 0.5 * (before - after) / (before - 2 * at + after)  # of a parabola
    return (peaks + part) * 1000 / FS


def cycles(signals):
    return [np.diff(activations(signal)) for signal in signals]


def first_beat(signals):
    """Time in ms at which a beat of sinus rhythm passes each electrode."""
    found = [activations(signal) for signal in signals]
    start = min(times[times > 250].min() for times in found) - 1
    return np.array([times[times > start].min() for times in found])


def along_surface(positions, site):
    """Vectors (n, 2) from a site in mm: around the cylinder, and upwards."""
    angle = np.arctan2(positions[:, 1], positions[:, 0]) - np.arctan2(site[1], site[0])
    around = np.angle(np.exp(1j * angle)) * _atrium.RADIUS
    return np.column_stack([around, positions[:, 2] - site[2]])


def test_shapes_types_and_rhythms(brief):
    found = make_egm(
        3, classes=["AF", "SR"], n_electrodes=7, n_leads=5, n_times=20, random_state=0
    )
    assert found.data.shape == (3, 7, 20) and found.bspm.shape == (3, 5, 20)
    assert found.data.dtype == found.bspm.dtype == np.float32
    assert np.isfinite(found.data).all() and np.isfinite(found.bspm).all()
    assert found.target.tolist() == ["AF", "SR", "AF"]
    assert found.target_names == ["AF", "SR"]
    assert found.positions.shape == (7, 3) and found.lead_positions.shape == (5, 3)
    assert found.forward.shape == (5, 7)
    assert (found.fs, found.unit) == (100.0, "mV")
    np.testing.assert_array_equal(np.isnan(found.site).any(axis=1), [True, False, True])


@settings(max_examples=40)
@given(
    n_samples=st.integers(1, 60),
    weights=st.lists(st.floats(0, 5), min_size=2, max_size=2),
)
def test_counts_follow_the_weights_and_fewer_rows_are_the_first_of_more(
    n_samples, weights
):
    if sum(weights) == 0:
        return
    weights = np.array(weights) / sum(weights)
    labels = egm._labels(n_samples, ["SR", "AF"], weights)
    for name, weight in zip(["SR", "AF"], weights, strict=True):
        assert abs((labels == name).sum() - weight * n_samples) < 1
        assert weight or name not in labels
    more = egm._labels(n_samples + 13, ["SR", "AF"], weights)
    np.testing.assert_array_equal(more[:n_samples], labels)


def test_the_velocity_seen_by_the_electrodes_is_that_of_the_tissue(recording):
    sinus = recording.target == "SR"
    for signals, site, velocity in zip(
        recording.data[sinus], recording.site[sinus], recording.velocity[sinus],
        strict=True,
    ):  # fmt: skip
        away = np.linalg.norm(along_surface(recording.positions, site), axis=1)
        far = (away > 12) & (away < 38)  # the front is straight; no fronts meet
        slope, _ = np.polyfit(away[far], first_beat(signals)[far], 1)
        assert 0.3 < 1 / slope < 1.2  # m/s, of human atria
        assert 1 / slope == pytest.approx(velocity, rel=0.12)
        assert velocity == pytest.approx(0.7, rel=0.1)
    assert np.ptp(recording.velocity[sinus]) > 0.03


@pytest.mark.parametrize("velocity", [0.4, 1.1])
def test_the_velocity_asked_for_is_had(velocity):
    found = make_egm(
        2, classes=["SR"], velocity=velocity, n_electrodes=128, n_times=260, fs=FS,
        band_pass=False, random_state=1,
    )  # fmt: skip
    measured = []
    for signals, site in zip(found.data, found.site, strict=True):
        away = np.linalg.norm(along_surface(found.positions, site), axis=1)
        far = (away > 12) & (away < 38)
        slope, _ = np.polyfit(away[far], first_beat(signals)[far], 1)
        measured.append(1 / slope)
    np.testing.assert_allclose(measured, velocity, rtol=0.2)


def test_beats_start_near_the_sinus_node_or_where_asked(brief):
    node = _atrium.on_cylinder(*_waves.SINUS_NODE)
    assert node[0] < 0 < node[1] and node[2] > 0  # to the right, to the back, above
    rng = np.random.default_rng(0)
    for spread in (0.0, 4.0, 10.0):
        sites = [_waves.draw_site(rng, spread) for _ in range(300)]
        away = np.linalg.norm(_atrium.on_cylinder(*np.transpose(sites)) - node, axis=1)
        assert (away <= spread + 1e-9).all()
        if spread:  # evenly over a disc: its median distance is spread / sqrt(2)
            assert np.median(away) == pytest.approx(spread / np.sqrt(2), rel=0.1)
    # the disc of 10 mm goes beyond the rim, which must not gather what lies there
    rows = np.array([_waves.draw_site(rng, 10.0)[0] for _ in range(2000)])
    rim = _atrium.SHAPE[0] - 1
    assert rows.max() < rim
    radius = 10.0 / _atrium.SPACING
    strip = 2 * np.sqrt(radius**2 - (rim - 0.5 - _waves.SINUS_NODE[0]) ** 2)
    away = (rim - _waves.SINUS_NODE[0]) / radius  # of the rim, in radii
    cap = radius**2 * (np.arccos(away) - away * np.sqrt(1 - away**2))
    share = strip / (np.pi * radius**2 - cap)  # within a node of the rim: 8 %
    assert np.mean(rows > rim - 1) == pytest.approx(share, abs=0.02)
    anywhere = np.array([_waves.draw_site(rng, None) for _ in range(300)])
    np.testing.assert_allclose(np.ptp(anywhere, axis=0), _atrium.SHAPE, rtol=0.05)
    far = np.array([_waves.draw_site(rng, 500.0) for _ in range(300)])
    assert (far >= 0).all() and (far < _atrium.SHAPE).all()
    site = make_egm(1, site_spread=0, **SINUS).site
    np.testing.assert_allclose(site, node[None])
    other = make_egm(1, site_spread=None, **SINUS).site
    assert np.linalg.norm(other - node) > 10


def test_sinus_waves_run_away_from_their_site(recording):
    sinus = recording.target == "SR"
    for signals, site in zip(recording.data[sinus], recording.site[sinus], strict=True):
        times = first_beat(signals)
        vectors = along_surface(recording.positions, site)
        away = np.linalg.norm(vectors, axis=1)
        assert away[times.argmin()] < 12  # electrodes are some 6 mm apart
        cosines = []
        for k in np.flatnonzero((away > 15) & (away < 32)):
            near = along_surface(recording.positions, recording.positions[k])
            near[:, 0] = np.where(np.abs(near[:, 0]) < 15, near[:, 0], np.inf)
            chosen = np.hypot(*near.T) < 11
            chosen &= away < 40
            design = np.column_stack([near[chosen], np.ones(chosen.sum())])
            gradient = np.linalg.lstsq(design, times[chosen], rcond=None)[0][:2]
            cosines.append(gradient @ vectors[k] / np.hypot(*gradient) / away[k])
        assert np.mean(cosines) > 0.95
        assert np.min(cosines) > 0.5


def test_sinus_cycles_last_600_to_900_ms(recording):
    for signals in recording.data[recording.target == "SR"]:
        found = np.concatenate(cycles(signals))
        assert 595 < found.min() and found.max() < 905
    starts = _waves.Clock("SR", 5000, FS, 0.7)
    for rng in np.random.default_rng(0).spawn(20):
        intervals = np.diff(_waves.draw_beats(rng, starts)) * starts.dt
        assert 599 < intervals.min() and intervals.max() < 901
        assert 0.005 < intervals.std() / intervals.mean() < 0.045


def test_cycles_of_fibrillation_last_150_to_250_ms_and_vary(recording):
    variation = []
    for signals in recording.data[recording.target == "AF"]:
        found = cycles(signals)
        assert 150 < np.median(np.concatenate(found)) < 250
        variation.append(np.median([times.std() for times in found]))
    assert min(variation) > 1.5  # ms
    assert max(variation) > 8


def test_fibrillation_is_faster_than_sinus_rhythm_in_the_spectrum(recording):
    fall = gaussian_filter1d(steepness(recording.data), 0.05 * FS, axis=2)
    fall = (fall - fall.mean(axis=2, keepdims=True)) * np.hanning(750)
    hertz = np.fft.rfftfreq(8192, 1 / FS)
    power = np.abs(np.fft.rfft(fall, 8192)) ** 2
    power = power.mean(axis=1) * (hertz > 0.5)
    dominant = hertz[power.argmax(axis=1)]
    fast = recording.target == "AF"
    assert 4 < dominant[fast].min() and dominant[fast].max() < 9
    assert 1.0 < dominant[~fast].min() and dominant[~fast].max() < 1.8


def test_fibrillation_lasts_to_the_end_of_the_window(recording):
    fall = steepness(recording.data[recording.target == "AF"])
    last = fall[..., -int(0.25 * FS) :].max(axis=(1, 2))
    assert (last > 0.3 * fall.max(axis=(1, 2))).all()


def test_unipolar_electrograms_are_biphasic_and_of_a_few_millivolt(recording):
    swing = np.ptp(recording.data, axis=2)
    assert 1 < np.median(swing) < 8
    inner = np.abs(recording.positions[:, 2]) < 12
    for signals in recording.data[recording.target == "SR"]:
        assert (signals[inner].max(axis=1) > 0.5).mean() > 0.8
        assert (signals[inner].min(axis=1) < -0.5).mean() > 0.8


def test_the_body_surface_is_the_forward_matrix_times_the_electrograms(recording):
    A, data = recording.forward, recording.data.astype(float)
    np.testing.assert_allclose(recording.bspm, A @ data, atol=1e-7)
    np.testing.assert_allclose(A.sum(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(recording.bspm.mean(axis=1), 0, atol=1e-8)
    assert recording.bspm.std() > 1e-3  # mV


def test_the_forward_matrix_has_inverse_distances_and_hears_the_near_side_more():
    electrodes = _atrium.electrode_positions(6)
    leads = _atrium.lead_positions(9)
    A = _atrium.forward_matrix(electrodes, leads)
    M = np.empty((9, 6))
    for i in range(9):
        for j in range(6):
            M[i, j] = 1 / np.sqrt(((leads[i] - electrodes[j]) ** 2).sum())
    for row in M:
        row /= row.sum()
    for column in M.T:
        column -= column.sum() / 9
    np.testing.assert_allclose(A, M, atol=1e-15)
    # a potential that all electrodes share is none
    np.testing.assert_allclose(A @ np.ones(6), 0, atol=1e-15)


@pytest.mark.parametrize("n", [2, 7, 64, 128, 512, 600])
def test_electrodes_are_as_many_as_asked_apart_and_2_mm_off_the_tissue(n):
    positions = _atrium.electrode_positions(n)
    assert positions.shape == (n, 3)
    radius = np.hypot(positions[:, 0], positions[:, 1])
    np.testing.assert_allclose(radius, _atrium.RADIUS + 2)
    assert np.abs(positions[:, 2]).max() < 24
    apart = _atrium.distances(positions, positions) + 1e9 * np.eye(n)
    area = 2 * np.pi * (_atrium.RADIUS + 2) * 48 / n
    assert apart.min() > 0.4 * np.sqrt(area)
    assert abs(positions[:, 2].mean()) < 2
    leads = _atrium.lead_positions(n) - _atrium.TORSO_CENTRE
    np.testing.assert_allclose((leads[:, :2] / [160, 110]) ** 2 @ [1, 1], 1)


@pytest.mark.parametrize("snr", [-5.0, 0, 20])
@pytest.mark.parametrize("band_pass", [False, True])
def test_noise_has_the_ratio_and_the_band_asked_for(snr, band_pass):
    clean = np.random.default_rng(0).uniform(size=(8, 400)) - 0.3
    rng = np.random.default_rng(1)
    noise = egm._noise(clean, 100.0, band_pass, snr, rng)
    ratio = 10 * np.log10((clean**2).mean() / (noise**2).mean())
    assert ratio == pytest.approx(snr, abs=1e-9)
    assert np.abs(np.corrcoef(noise) - np.eye(8)).max() < 0.3
    hertz = np.fft.rfftfreq(400, 0.01)
    power = (np.abs(np.fft.rfft(noise)) ** 2).mean(axis=0)
    inside = power[(hertz > 3) & (hertz < 30)].sum() / power.sum()
    assert inside > 0.9 if band_pass else 0.45 < inside < 0.65  # 27 of 50 Hz


def test_noise_is_added_to_the_leads_alone(brief):
    clean, noisy = (make_egm(2, **SINUS, snr=snr) for snr in (None, 10))
    np.testing.assert_array_equal(noisy.data, clean.data)
    noise = noisy.bspm.astype(float) - clean.bspm
    ratio = (clean.bspm.astype(float) ** 2).mean((1, 2)) / (noise**2).mean((1, 2))
    np.testing.assert_allclose(10 * np.log10(ratio), 10, atol=0.01)
    assert np.abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.5


def test_the_band_pass_is_that_of_the_specification():
    options = {**SINUS, "n_times": 500, "fs": FS, "snr": None}
    raw = make_egm(1, **options, band_pass=False).data[0].astype(float)
    found = make_egm(1, **options, band_pass=True).data[0]
    sos = butter(2, [3, 30], "bandpass", fs=FS, output="sos")
    expected = sosfiltfilt(sos, raw - raw.mean(axis=1, keepdims=True))
    middle = np.s_[:, 125:-125]
    np.testing.assert_allclose(found[middle], expected[middle], atol=2e-3)
    assert np.abs(found.mean(axis=1)).max() < 0.02


def test_the_sampling_rate_changes_the_samples_and_not_the_signal():
    slow, fast = (
        make_egm(
            1, **{**SINUS, "n_times": n, "fs": fs, "band_pass": False}, snr=None
        ).data
        for n, fs in ((100, 100.0), (496, 500.0))
    )
    # the tissue runs at other steps, so the two differ a little
    fast = sosfiltfilt(butter(4, 35, fs=500, output="sos"), fast)[:, :, 50:-50:5]
    slow = sosfiltfilt(butter(4, 35, fs=100, output="sos"), slow)[:, :, 10:90]
    assert np.corrcoef(slow.ravel(), fast.ravel())[0, 1] > 0.98


def test_a_seed_gives_the_same_simulations_and_another_seed_others(brief):
    first, again, other = (
        make_egm(2, **{**SMALL, "random_state": seed}) for seed in (3, 3, 4)
    )
    for name in ("data", "bspm", "target", "velocity", "site"):
        np.testing.assert_array_equal(first[name], again[name])
    for row in (0, 1):
        assert not np.allclose(first.data[row], other.data[row], atol=0.1)


def test_without_a_seed_each_call_differs(brief):
    calls = [make_egm(1, **{**SINUS, "random_state": None}).site for _ in range(2)]
    assert not np.allclose(*calls)


def test_generators_and_random_states_are_seeds_that_move_on(brief):
    for make in (np.random.default_rng, np.random.RandomState):
        rng = make(0)
        first, second = (
            make_egm(1, **{**SINUS, "random_state": rng}).site for _ in range(2)
        )
        assert not np.allclose(first, second)
        again = make_egm(1, **{**SINUS, "random_state": make(0)}).site
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("seed", [None, 0])
def test_numpys_global_state_is_neither_used_nor_changed(seed, brief):
    before = np.random.get_state()
    make_egm(2, **{**SMALL, "random_state": seed})
    for old, new in zip(before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_simulation_does_not_depend_on_those_beside_it(brief, monkeypatch):
    many, few = (make_egm(n, **SMALL) for n in (5, 3))
    monkeypatch.setattr(_waves, "ROWS_AT_ONCE", 2)
    chunks = make_egm(5, **SMALL)
    for name in ("data", "bspm", "velocity", "site"):
        np.testing.assert_allclose(few[name], many[name][:3], atol=1e-4)
        np.testing.assert_allclose(chunks[name], many[name], atol=1e-4)
    assert not np.allclose(many.data[0], many.data[2], atol=0.1)


def test_a_fibrillation_that_never_starts_is_an_error(brief, monkeypatch):
    def rest(rng):
        return np.zeros(_atrium.SHAPE), np.ones(_atrium.SHAPE)

    monkeypatch.setattr(_waves, "draw_spirals", rest)
    monkeypatch.setattr(_waves, "TRIES", 2)
    with pytest.raises(RuntimeError, match="in any of 2 draws"):
        make_egm(1, **SMALL, classes=["AF"])


def test_a_fibrillation_that_ends_early_is_begun_anew(brief, monkeypatch):
    start, calls, deaths = _waves._start_waves, [], [1]

    def dying(rngs, rows, clock):
        started = start(rngs, rows, clock)
        calls.append(rows.tolist())
        for row in deaths:  # this simulation is at rest
            u, h, *others = started[row]
            started[row] = (0 * u, 0 * h + 1, *others)
        deaths.clear()
        return started

    monkeypatch.setattr(_waves, "_start_waves", dying)
    found = make_egm(2, **SMALL, classes=["AF"])
    assert calls[:2] == [[0, 1], [1]]
    assert (found.data.std(axis=(1, 2)) > 0.1).all()


def test_a_fibrillation_too_short_for_the_window_is_an_error(brief, monkeypatch):
    zero = np.zeros(_atrium.SHAPE)
    state = (zero, zero + 1, zero + 1, zero + 50, zero + 80, 0.5)  # at rest
    monkeypatch.setattr(
        _waves, "_start_waves", lambda rngs, rows, clock: dict.fromkeys(rows, state)
    )
    monkeypatch.setattr(_waves, "TRIES", 3)
    with pytest.raises(RuntimeError, match="in 3 draws: shorten n_times"):
        make_egm(1, **SMALL, classes=["AF"])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_samples", 0, ValueError),
        ("n_samples", 2.0, TypeError),
        ("classes", ["SR", "VT"], ValueError),
        ("classes", "SR", TypeError),
        ("weights", [1, 1, 1], ValueError),
        ("weights", [0, 0], ValueError),
        ("weights", "even", TypeError),
        ("n_electrodes", 0, ValueError),
        ("n_electrodes", True, TypeError),
        ("n_leads", 1, ValueError),
        ("n_times", 0, ValueError),
        ("n_times", 1e2, TypeError),
        ("fs", 60, ValueError),
        ("fs", 1001, ValueError),
        ("fs", "100", TypeError),
        ("velocity", 0.2, ValueError),
        ("velocity", 1.3, ValueError),
        ("velocity", np.nan, ValueError),
        ("site_spread", -1, ValueError),
        ("site_spread", np.inf, ValueError),
        ("site_spread", "far", TypeError),
        ("band_pass", 1, TypeError),
        ("snr", np.inf, ValueError),
        ("snr", 1e6, ValueError),
        ("snr", "20 dB", TypeError),
        ("random_state", "seed", TypeError),
    ],
)
def test_an_invalid_argument_is_named_before_anything_is_simulated(
    name, value, error, monkeypatch
):
    monkeypatch.setattr(egm, "SIMULATE", None)
    with pytest.raises(error, match=name) as caught:
        make_egm(**{name: value})
    assert (str(value) if np.isscalar(value) else str(value[0])) in str(caught.value)


def test_one_sample_of_one_electrode_is_enough(brief):
    found = make_egm(2, n_electrodes=1, n_leads=2, n_times=1, random_state=0)
    assert found.data.shape == (2, 1, 1) and np.isfinite(found.data).all()


def test_a_low_rate_is_allowed_without_the_band_pass(brief):
    found = make_egm(1, **{**SINUS, "fs": 40.0, "n_times": 40}, band_pass=False)
    assert found.data.std() > 0.05
