import tracemalloc

import numpy as np
import pytest
from scipy.signal import welch
from scipy.stats import kurtosis, norm, spearmanr

from sksynth.datasets import _neurons, make_mer

FS = 24_000.0
KINDS = ["none", "mains", "clicks", "drift"]
MANY = {"n_samples": 1_200, "n_subjects": 60, "n_times": 8, "fs": 8_000}
MANY["random_state"] = 0
SHORT = {"n_times": 2_000, "random_state": 0}


@pytest.fixture(scope="module")
def clean():
    """Ten places of each of eight subjects, without artefacts."""
    return make_mer(80, n_subjects=8, artifacts=["none"], random_state=0)


@pytest.fixture(scope="module")
def many():
    """Conditions of many places, of signals too short to look at."""
    return make_mer(**MANY)


def rms(data):
    return np.sqrt((data[:, 0].astype(float) ** 2).mean(axis=1))


def test_shapes_types_and_names():
    found = make_mer(3, n_subjects=2, n_units=5, n_times=500, fs=8_000, random_state=0)
    assert found.data.shape == (3, 1, 500) and found.data.dtype == np.float32
    assert np.isfinite(found.data).all()
    for name in ("target", "distance", "inside", "activity", "artifact", "groups"):
        assert found[name].shape == (3,)
    assert found.target.dtype.kind == found.groups.dtype.kind == "i"
    assert found.inside.dtype == bool and found.artifact.dtype.kind == "U"
    assert found.background_rms.shape == (3,) and found.rates.shape == (3, 5)
    assert found.groups.tolist() == [0, 1, 0] and found.borders.shape == (2, 2)
    assert len(found.spike_times) == len(found.spike_units) == 3
    assert (found.fs, found.unit) == (8_000.0, "uV")


def test_the_background_has_the_level_asked_for_and_is_gaussian():
    noise = np.array([_neurons.draw_background(71_680, FS, rng) for rng in rngs(20)])
    assert (noise**2).mean() == pytest.approx(1, rel=0.02)
    assert abs(kurtosis(noise, axis=1)).max() < 0.15
    # its loudest parts are those of a Gaussian, too
    assert (np.abs(noise) > 4).mean() == pytest.approx(2 * norm.sf(4), rel=0.4)


def rngs(n):
    return np.random.default_rng(0).spawn(n)


@pytest.mark.parametrize("fs", [8_000.0, 24_000.0, 40_000.0])
def test_the_background_is_a_band_over_a_floor_that_falls_as_1_over_f(fs):
    noise = np.array(
        [_neurons.draw_background(int(4 * fs), fs, rng) for rng in rngs(20)]
    )
    hertz, power = welch(noise, fs, nperseg=int(fs))  # 1 Hz apart
    power = power.mean(axis=0)
    f = hertz[1:]
    band = 1 / ((1 + (300 / f) ** 4) * (1 + (f / 6_000) ** 4))
    floor = 1 / f / (1 + (10 / f) ** 4)
    expected = 0.9 * band / band.sum() + 0.1 * floor / floor.sum()
    edges = [5, 20, 40, 80, 150, 300, 600, 1_500, 2_500, 3_900, 8_000, 11_000, 20_000]
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        here = (f >= low) & (f < high)
        if high < fs / 2:
            assert power[1:][here].sum() == pytest.approx(expected[here].sum(), rel=0.1)
    octaves = [power[n : 2 * n].mean() for n in (15, 30)]
    assert octaves[0] / octaves[1] == pytest.approx(2, rel=0.15)  # 1/f


def test_the_ends_of_the_background_do_not_meet():
    noise = [_neurons.draw_background(500, FS, rng) for rng in rngs(1_000)]
    first, second, last = np.array(noise)[:, [0, 1, -1]].T
    assert np.corrcoef(first, second)[0, 1] > 0.4
    assert abs(np.corrcoef(first, last)[0, 1]) < 0.15


def test_spikes_are_biphasic_without_area_and_some_1_ms_long():
    templates = _neurons.draw_templates(200, np.random.default_rng(0))
    time = np.arange(-_neurons.BEFORE, _neurons.AFTER, 1e-6)
    shapes = _neurons.waveforms(time[None], templates)
    trough = shapes.min(axis=1)
    assert ((trough < -0.7) & (trough > -1.01)).all()
    assert (np.abs(time[shapes.argmin(axis=1)]) < 0.05e-3).all()
    assert (np.abs(shapes.sum(axis=1)) < 1e-3 * np.abs(shapes).sum(axis=1)).all()
    assert (np.abs(shapes[:, [0, -1]]) < 0.01).all()  # nothing is cut off
    later = shapes.argmax(axis=1) - shapes.argmin(axis=1)
    assert (later > 0).all()  # the positive phase comes second
    length = 1e-6 * (np.abs(shapes) > 0.1).sum(axis=1)
    assert 0.6e-3 < length.min() and length.max() < 1.3e-3


def test_spikes_are_added_where_they_are_and_not_at_the_nearest_sample(monkeypatch):
    monkeypatch.setattr(_neurons, "AMPLITUDE_JITTER", 0)
    rng = np.random.default_rng(0)
    templates = _neurons.draw_templates(2, rng)
    times, units = np.array([-0.0003, 0.00312, 0.00333, 0.0199]), np.array([0, 1, 0, 1])
    found = np.zeros(480)  # 20 ms: spikes overlap, and are cut by both ends
    sizes = np.array([3.0, 2.0])
    _neurons.add_spikes(found, times, units, templates, sizes, FS, rng)
    expected = sum(
        sizes[unit] * _neurons.waveforms(np.arange(480) / FS - time, templates[unit])
        for time, unit in zip(times, units, strict=True)
    )
    np.testing.assert_allclose(found, expected, atol=0.02)  # tails beyond 1.9 ms


def test_no_unit_fires_within_its_refractory_period():
    found = make_mer(
        60, bursts=0.6, distance=1.0, n_units=3, n_times=48_000, random_state=0
    )
    shortest = []
    for times, units in zip(found.spike_times, found.spike_units, strict=True):
        assert (np.diff(times) >= 0).all()
        assert 0 <= times.min() and times.max() < 2
        gaps = [np.diff(times[units == unit]) for unit in range(3)]
        shortest.append(np.concatenate(gaps).min())
    assert 2e-3 <= min(shortest) < 2.1e-3


@pytest.mark.parametrize("bursts", [0.0, 0.3, 0.6])
def test_units_fire_at_the_rate_asked_for_in_bursts_or_not(bursts):
    rates = np.array([5.0, 15.0, 40.0])
    times, units = _neurons.draw_trains(rates, 2_000, bursts, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(units) / 2_000, rates, rtol=0.05)
    for unit, rate in enumerate(rates):
        gaps = np.diff(times[units == unit]) - 2e-3
        long = (1 / rate - 2e-3 - bursts * 3e-3) / (1 - bursts)
        for gap in (1e-3, 4e-3, 20e-3, 60e-3):
            expected = bursts * np.exp(-gap / 3e-3) + (1 - bursts) * np.exp(-gap / long)
            assert (gaps > gap).mean() == pytest.approx(expected, abs=0.015)


def test_trains_begin_and_end_as_they_go_on():
    parts = [
        _neurons.draw_trains(np.full(40, 20.0), 0.5, 0.3, rng)[0] for rng in rngs(100)
    ]
    counts, _ = np.histogram(np.concatenate(parts), np.linspace(0, 0.5, 6))
    np.testing.assert_allclose(counts, 40 * 100 * 20 * 0.1, rtol=0.06)


def test_recorded_spikes_are_those_of_the_annotation(clean):
    """The mean of the recording around the spikes of a unit is its template."""
    for row in np.flatnonzero(clean.inside)[:8]:
        signal = clean.data[row, 0]
        found = clean.rates[row] > 0
        times, units = clean.spike_times[row], clean.spike_units[row]
        assert set(units) <= set(np.flatnonzero(found))
        for unit in np.unique(units):
            samples = np.rint(times[units == unit] * FS).astype(int)
            samples = samples[(samples > 30) & (samples < len(signal) - 60)]
            if len(samples) < 30:
                continue
            mean = signal[samples[:, None] + np.arange(-30, 60)].mean(axis=0)
            assert abs(mean.argmin() - 30) <= 1
            assert mean.min() < -3.5 * clean.background_rms[row] / 2.5
            assert mean[30:54].max() > 0.2 * -mean.min()  # within 1 ms


def test_activity_is_that_of_the_place(many):
    upper, lower = many.borders[many.groups].T
    assert upper.min() > 3 and upper.max() < 5 and lower.min() > -3 and lower.max() < -1
    inside = (many.distance > lower) & (many.distance < upper)
    np.testing.assert_array_equal(many.inside, inside)
    nearest = np.minimum(abs(many.distance - lower), abs(many.distance - upper))
    away = nearest > 1  # mm
    assert many.activity[away & ~inside].max() < 0.26
    assert 0.59 < many.activity[away & inside].min() and many.activity.max() <= 1
    assert many.distance.min() > -5 and many.distance.max() < 10
    assert np.ptp(many.distance) > 14.8


def test_firing_rates_are_5_to_15_and_20_to_40_hz(many):
    heard = many.rates > 0
    activity = np.repeat(many.activity[:, None], 4, axis=1)
    rates = many.rates[heard]
    assert (rates >= 5 + 15 * activity[heard]).all()
    assert (rates <= 15 + 25 * activity[heard]).all()
    for low, high in ((0, 0.1), (0.7, 0.8)):
        chosen = (many.activity > low) & (many.activity < high)
        share = 0.3 + 0.6 * many.activity[chosen].mean()
        assert heard[chosen].mean() == pytest.approx(share, abs=0.05)


def test_counts_of_spikes_follow_the_rates(clean):
    expected = clean.rates * clean.data.shape[2] / FS
    found = np.array([np.bincount(units, minlength=4) for units in clean.spike_units])
    assert (found[expected == 0] == 0).all()
    assert found.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert spearmanr(found[expected > 0], expected[expected > 0])[0] > 0.8


def test_the_level_rises_on_entry_of_the_nucleus(clean):
    level = rms(clean.data)
    ratio, background = [], []
    for subject in range(8):
        here = clean.groups == subject
        inside, outside = here & clean.inside, here & ~clean.inside
        ratio.append(np.median(level[inside]) / np.median(level[outside]))
        background.append(
            clean.background_rms[inside].mean() / clean.background_rms[outside].mean()
        )
    assert 1.3 < min(background) and max(background) < 2.1
    assert 1.2 < min(ratio) and max(ratio) < 3
    # spikes make recordings louder than their background
    assert (level > 0.95 * clean.background_rms).all()
    assert 6 < clean.background_rms.min() and clean.background_rms.max() < 30


def test_annotations_are_the_rounded_activity_but_for_the_observer(many):
    exact = make_mer(**MANY, annotation_noise=0)
    np.testing.assert_array_equal(exact.target, np.rint(3 * exact.activity))
    for name in ("data", "distance", "artifact", "rates"):
        np.testing.assert_array_equal(exact[name], many[name])
    assert set(many.target) == {0, 1, 2, 3}
    rough = make_mer(**MANY, annotation_noise=3)
    assert set(rough.target) == {0, 1, 2, 3}
    error = many.target - 3 * many.activity
    # of the observer 0.2, of rounding sqrt(1 / 12)
    assert np.std(error) == pytest.approx(np.hypot(0.2, 12**-0.5), rel=0.1)
    assert (many.target != exact.target).mean() > 0.05


def test_artefacts_are_of_their_kind_and_leave_the_rest_as_it_is():
    found = {
        kind: make_mer(12, n_times=48_000, artifacts=[kind], random_state=0)
        for kind in KINDS
    }
    none = found["none"]
    scale = none.background_rms[:, None] / (1 + 1.5 * none.activity[:, None])  # about
    spectra, largest = {}, {}
    for kind in KINDS[1:]:
        assert set(found[kind].artifact) == {kind}
        for name in ("target", "distance", "rates"):
            np.testing.assert_array_equal(found[kind][name], none[name])
        added = (found[kind].data - none.data)[:, 0].astype(float)
        spectra[kind] = np.abs(np.fft.rfft(added, axis=1)) ** 2  # 0.5 Hz apart
        largest[kind] = np.abs(added / scale).max(axis=1)
    lines = spectra["mains"][:, [100, 300, 500]].sum(axis=1)
    np.testing.assert_allclose(lines, spectra["mains"].sum(axis=1), rtol=1e-6)
    assert (spectra["mains"][:, 100] > spectra["mains"][:, 500]).mean() > 0.8
    slow = spectra["drift"][:, :8].sum(axis=1) / spectra["drift"].sum(axis=1)
    assert slow.min() > 0.95
    assert largest["mains"].max() < 6 and 3 < largest["drift"].min()
    assert 20 < largest["clicks"].min() and largest["clicks"].max() < 60


def test_the_amplifier_saturates_at_clicks():
    found = make_mer(30, n_subjects=1, artifacts=["clicks"], random_state=0)
    largest = np.abs(found.data).max()
    ends = (np.abs(found.data[:, 0]) == largest).sum(axis=1)
    assert (ends > 0).mean() > 0.5  # most recordings have a click above the limit
    quiet = found.background_rms / (1 + 1.5 * found.activity)
    assert largest == pytest.approx(40 * np.median(quiet), rel=0.15)


def test_clicks_are_2_to_6_a_second_and_one():
    steps = []
    for rng in rngs(200):
        artifact = _neurons.clicks(int(2 * FS), FS, rng)
        steps.append((np.abs(np.diff(artifact)) > 20).sum())
    assert 0 <= min(steps) and np.mean(steps) == pytest.approx(1 + 2 * 4, rel=0.1)


def test_kinds_of_artefact_are_drawn_with_their_weights(many):
    _, counts = np.unique(many.artifact, return_counts=True)
    np.testing.assert_allclose(counts, 300, rtol=0.15)
    found = make_mer(
        600,
        artifacts=["mains", "none", "drift"],
        weights=[3, 1, 0],
        n_times=1,
        fs=8_000,
        random_state=0,
    )
    assert (found.artifact == "mains").mean() == pytest.approx(0.75, abs=0.05)
    assert "drift" not in found.artifact


def test_distances_given_are_those_of_the_recordings():
    track = np.linspace(10, -5, 7)
    drawn, given, same = (
        make_mer(7, **SHORT, distance=distance) for distance in (None, track, 2)
    )
    np.testing.assert_array_equal(given.distance, track)
    np.testing.assert_array_equal(same.distance, np.full(7, 2.0))
    assert same.inside.all()
    np.testing.assert_array_equal(given.artifact, drawn.artifact)
    again = make_mer(7, **SHORT, distance=drawn.distance)
    np.testing.assert_array_equal(again.data, drawn.data)


def test_recordings_differ_with_subjects_and_share_what_a_subject_has(many):
    level = [many.background_rms[many.groups == subject] for subject in range(60)]
    lowest = np.array([values.min() for values in level])
    assert lowest.std() > 1
    one = make_mer(2, n_subjects=1, **SHORT)
    two = make_mer(2, n_subjects=2, **SHORT)
    np.testing.assert_array_equal(one.borders, two.borders[:1])
    np.testing.assert_array_equal(one.data[0], two.data[0])
    assert not np.allclose(one.data[1], two.data[1])


def test_fewer_recordings_are_the_beginning_of_more():
    many, few = (make_mer(n, **SHORT) for n in (7, 3))
    for name in ("data", "target", "distance", "artifact", "rates", "background_rms"):
        np.testing.assert_array_equal(few[name], many[name][:3])
    for name in ("spike_times", "spike_units"):
        for a, b in zip(few[name], many[name][:3], strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(np.unique(many.distance)) == 7


def test_a_seed_gives_the_same_recordings_and_another_seed_others():
    first, again, other = (
        make_mer(2, n_times=500, random_state=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.data, again.data)
    assert not np.allclose(first.data, other.data, atol=1)


def test_without_a_seed_each_call_differs():
    calls = [make_mer(1, n_times=500).data for _ in range(2)]
    assert not np.allclose(*calls)


def test_generators_and_random_states_are_seeds_that_move_on():
    for make in (np.random.default_rng, np.random.RandomState):
        rng = make(0)
        first, second = (
            make_mer(1, n_times=500, random_state=rng).data for _ in range(2)
        )
        assert not np.allclose(first, second)
        again = make_mer(1, n_times=500, random_state=make(0)).data
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("seed", [None, 0])
def test_numpys_global_state_is_neither_used_nor_changed(seed):
    before = np.random.get_state()
    make_mer(2, n_times=500, random_state=seed)
    for old, new in zip(before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_memory_is_that_of_the_recordings_and_of_one_at_work():
    make_mer(1, n_times=20_000, random_state=0)
    tracemalloc.start()
    found = make_mer(60, n_times=20_000, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.data.nbytes + 20 * 20_000 * 8


@pytest.mark.parametrize(
    ("error", "argument", "message"),
    [
        (ValueError, {"n_samples": 0}, "n_samples must be at least 1; got 0"),
        (TypeError, {"n_subjects": 1.5}, "n_subjects must be an int; got 1.5"),
        (ValueError, {"n_units": 0}, "n_units must be at least 1; got 0"),
        (ValueError, {"n_times": -1}, "n_times must be at least 1; got -1"),
        (ValueError, {"bursts": 0.7}, "bursts must be .* at most 0.6; got 0.7"),
        (ValueError, {"fs": 7_999}, "fs must be .*at least 8000.* got 7999"),
        (ValueError, {"fs": float("nan")}, "fs must be finite.* got nan"),
        (ValueError, {"annotation_noise": -1}, "annotation_noise .* 0; got -1"),
        (ValueError, {"artifacts": ["hum"]}, r"artifacts must be among .*\['hum'\]"),
        (ValueError, {"artifacts": []}, "artifacts must hold one or more"),
        (ValueError, {"weights": [1, 2]}, r"weights must be 4 numbers .*\[1.0, 2.0\]"),
        (TypeError, {"weights": "1"}, "weights must be a sequence of numbers"),
        (ValueError, {"distance": [1, 2]}, r"shape \(3,\); got shape \(2,\)"),
        (ValueError, {"distance": [[1, 2, 3]]}, r"got shape \(1, 3\)"),
        (ValueError, {"distance": [1, 2, 21]}, "distance must be .* 20; got 21"),
        (TypeError, {"distance": "near"}, "distance must be numbers in mm; got 'near'"),
        (TypeError, {"random_state": "seed"}, "random_state must be .* got 'seed'"),
    ],
)
def test_invalid_arguments_are_named_with_what_is_allowed(error, argument, message):
    with pytest.raises(error, match=message):
        make_mer(**{"n_samples": 3, **argument})
