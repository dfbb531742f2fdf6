"""Simulated micro-electrode recordings on the way to the subthalamic nucleus."""

import numpy as np
from scipy.special import expit
from sklearn.utils import Bunch

from ._checks import check_count, check_names, check_number
from ._heart import as_generator, check_weights
from ._neurons import (
    ARTIFACTS,
    SATURATION,
    add_spikes,
    draw_background,
    draw_templates,
    draw_trains,
)

RANGE = (-5.0, 10.0)  # mm from the target, where no distances are given
BORDER_WIDTH = 0.2  # mm, of the logistic change at a border
LEVELS = 3  # the highest annotation; 0 is the lowest

_DESCR = """\
Simulated micro-electrode recordings around the subthalamic nucleus (STN).

data      (n, 1, n_times) float32, microvolt   target     (n,) activity, 0 to 3
distance  (n,) mm to the target                inside     (n,) whether in the STN
artifact  (n,) kind                            groups     (n,) subject
spike_times, spike_units: for each row the times in s and the units
"""


def make_mer(
    n_samples=20,
    *,
    n_subjects=5,
    distance=None,
    n_units=4,
    bursts=0.3,
    artifacts=tuple(ARTIFACTS),
    weights=None,
    annotation_noise=0.2,
    n_times=71_680,
    fs=24_000.0,
    random_state=None,
):
    r"""Simulate micro-electrode recordings around the subthalamic nucleus (STN).

    In surgery for deep brain stimulation an electrode comes down to its target in the
    STN; near it the background gets louder and cells fire more. Each row is one
    recording at one place of one subject's track.

    - Activity of a place: 0 to 0.25 outside the STN and 0.6 to 1 inside, logistic at
      the borders (0.2 mm), which are 3 to 5 mm above and 1 to 3 mm below the target.
    - Background: the sum over many distant neurons, Gaussian, 300 to 6000 Hz over a
      1/f floor of a tenth of its power. Its RMS is 6 to 12 microvolt at activity 0 and
      1.8 to 2.5 times that at 1, both the subject's: on average some 1.5 to 1.9 times
      louder inside than outside.
    - Units: a subject has `n_units` templates, biphasic, some 1 ms long. One is heard
      with probability 0.3 at activity 0 and 0.9 at 1, and is 5 to 12 times as high as
      the background's RMS at activity 0. It fires with 5 to 15 Hz at activity 0 and 20
      to 40 Hz at 1. Intervals are independent: the refractory period of 2 ms and an
      exponential time beyond. A share `bursts` of them has 3 ms as the mean of that.
    - Artefacts: "mains" (50, 150 and 250 Hz), "clicks" (2 to 6 a second, and one more),
      "drift" (0.2 to 2 Hz, of an electrode that moves) or "none". The amplifier
      saturates at 40 times the background's RMS at activity 0: clicks reach it.
    - Annotation: 3 times the activity, plus the observer's error, rounded to 0 ... 3.

    The numbers are round ones, chosen so that recordings look like those of patients;
    they are fitted to none.

    Parameters
    ----------
    n_samples : int, default=20
        Number of recordings.
    n_subjects : int, default=5
        Number of subjects. Rows go round: the first is of subject 0, the second of 1.
    distance : float or array-like of shape (n_samples,), default=None
        Distance to the target in mm, positive above it, from -20 to 20. None draws
        from -5 to 10, uniformly.
    n_units : int, default=4
        Units of a subject; a recording has some of them.
    bursts : float, default=0.3
        Share of the intervals that belong to bursts, 0 to 0.6. It leaves the rates as
        they are.
    artifacts : sequence of str, default=("none", "mains", "clicks", "drift")
        Kinds to draw from.
    weights : sequence of float, default=None
        Probability of each kind, scaled to sum to 1. None makes them equal.
    annotation_noise : float, default=0.2
        Standard deviation of the observer's error, in steps of the annotation.
    n_times : int, default=71680
        Samples of a recording; the default is 2.99 s, 280 frames of 256.
    fs : float, default=24000.0
        Sampling rate in Hz, 8000 to 100000.
    random_state : int, RandomState, Generator or None, default=None
        Seed. None is a fresh one at each call; numpy's global state is never used. A
        recording has its own seed: ``make_mer(3)`` is the beginning of
        ``make_mer(100)``. The kinds of artefact, the annotation noise and `distance`
        (given or drawn) do not change each other's random numbers.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_samples, 1, n_times), float32
            Recordings in microvolt.
        target : ndarray of shape (n_samples,), int
            Annotated activity, 0 to 3.
        distance : ndarray of shape (n_samples,)
            Distance to the target in mm.
        inside : ndarray of shape (n_samples,), bool
            Whether the place is within the borders of the STN.
        activity : ndarray of shape (n_samples,)
            Activity of the place, 0 to 1, which the annotation is of.
        artifact : ndarray of shape (n_samples,), str
            Kind of artefact.
        groups : ndarray of shape (n_samples,), int
            Subject.
        borders : ndarray of shape (n_subjects, 2)
            Distance of the upper and the lower border of the STN in mm.
        background_rms : ndarray of shape (n_samples,)
            Expected RMS of the background in microvolt.
        rates : ndarray of shape (n_samples, n_units)
            Expected firing rate in Hz, 0 for a unit that is not heard.
        spike_times : list of n_samples ndarrays
            Times of the troughs of the spikes in s, sorted.
        spike_units : list of n_samples ndarrays, int
            Unit of each spike.
        fs : float
            Sampling rate in Hz.
        unit : str
            "uV".
        DESCR : str
            What the arrays are.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> from sksynth.datasets import make_mer
    >>> mer = make_mer(3, n_subjects=1, distance=[8.0, 4.0, 1.0], random_state=0)
    >>> mer.data.shape, mer.target.tolist(), mer.inside.tolist()
    ((3, 1, 71680), [0, 1, 2], [False, True, True])
    >>> mer.background_rms.round(1).tolist()  # microvolt
    [10.3, 14.9, 20.0]
    """
    n_samples = check_count("n_samples", n_samples)
    n_subjects = check_count("n_subjects", n_subjects)
    distance = _check_distance(distance, n_samples)
    n_units = check_count("n_units", n_units)
    bursts = check_number("bursts", bursts, 0, 0.6)
    artifacts = check_names("artifacts", artifacts, allowed=tuple(ARTIFACTS))
    weights = check_weights(weights, len(artifacts))
    annotation_noise = check_number("annotation_noise", annotation_noise, 0)
    n_times = check_count("n_times", n_times)
    fs = check_number("fs", fs, 8000, 100_000)
    subject_rng, row_rng = as_generator(random_state).spawn(2)

    subjects = [_Subject(n_units, rng) for rng in subject_rng.spawn(n_subjects)]
    groups = np.arange(n_samples) % n_subjects
    data = np.empty((n_samples, 1, n_times), dtype=np.float32)
    places, spikes = [], []
    for row, rng in enumerate(row_rng.spawn(n_samples)):
        place_rng, *signal_rngs = rng.spawn(4)
        subject = subjects[groups[row]]
        given = None if distance is None else distance[row]
        place = subject.place(given, artifacts, weights, annotation_noise, place_rng)
        data[row, 0], found = _record(subject, place, bursts, n_times, fs, signal_rngs)
        places.append(place)
        spikes.append(found)
    columns = {name: np.array([place[name] for place in places]) for name in places[0]}
    del columns["amplitudes"]
    return Bunch(
        data=data,
        **columns,
        groups=groups,
        borders=np.array([subject.borders for subject in subjects]),
        spike_times=[times for times, _ in spikes],
        spike_units=[units for _, units in spikes],
        fs=fs,
        unit="uV",
        DESCR=_DESCR,
    )


class _Subject:
    """What the recordings of one track share."""

    def __init__(self, n_units, rng):
        self.borders = rng.uniform([3, -3], [5, -1])  # mm, upper and lower
        self.rms = rng.uniform(6, 12)  # uV, of the background at activity 0
        self.gain = rng.uniform(1.8, 2.5)  # of it at activity 1
        self.templates = draw_templates(n_units, rng)

    def place(self, distance, artifacts, weights, annotation_noise, rng):
        """Condition and expected values of a recording, and heights of its spikes."""
        n_units = len(self.templates)
        drawn = rng.uniform(*RANGE)  # also where it is not used: the rest stays as is
        distance = drawn if distance is None else distance
        upper, lower = self.borders
        within = expit((upper - distance) / BORDER_WIDTH)
        within *= expit((distance - lower) / BORDER_WIDTH)
        outside, inside = rng.uniform(0, 0.25), rng.uniform(0.6, 1)
        activity = outside + (inside - outside) * within
        heard = rng.random(n_units) < 0.3 + 0.6 * activity
        rates = 5 + 15 * activity + (10 + 10 * activity) * rng.random(n_units)
        amplitudes = self.rms * rng.uniform(5, 12, n_units)
        score = LEVELS * activity + annotation_noise * rng.standard_normal()
        steps = weights.cumsum()
        kind = np.searchsorted(steps, rng.random() * steps[-1], side="right")
        return {
            "target": int(np.clip(np.rint(score), 0, LEVELS)),
            "distance": distance,
            "inside": bool(lower < distance < upper),
            "activity": activity,
            "artifact": artifacts[kind],
            "background_rms": self.rms * (1 + (self.gain - 1) * activity),
            "rates": np.where(heard, rates, 0),
            "amplitudes": amplitudes,
        }


def _record(subject, place, bursts, n_times, fs, rngs):
    """Recording (n_times,) in microvolt; times and units of its spikes."""
    background_rng, spike_rng, artifact_rng = rngs
    signal = place["background_rms"] * draw_background(n_times, fs, background_rng)
    heard = np.flatnonzero(place["rates"])
    rates, duration = place["rates"][heard], n_times / fs
    times, units = draw_trains(rates, duration, bursts, spike_rng)
    units = heard[units]
    amplitudes = place["amplitudes"]
    add_spikes(signal, times, units, subject.templates, amplitudes, fs, spike_rng)
    artifact = ARTIFACTS[place["artifact"]](n_times, fs, artifact_rng)
    signal += subject.rms * artifact
    limit = SATURATION * subject.rms
    inside = (times >= 0) & (times < duration)
    return signal.clip(-limit, limit), (times[inside], units[inside])


def _check_distance(distance, n_samples):
    if distance is None:
        return None
    if isinstance(distance, str):
        raise TypeError(f"distance must be numbers in mm; got {distance!r}")
    values = np.ravel(distance).tolist() if np.iterable(distance) else [distance]
    values = [check_number("distance", value, -20, 20) for value in values]
    if not np.iterable(distance):
        return np.repeat(values, n_samples)
    if np.shape(distance) != (n_samples,):
        raise ValueError(
            f"distance must be a number or have shape ({n_samples},); got shape "
            f"{np.shape(distance)}"
        )
    return np.array(values)
