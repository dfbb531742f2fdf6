"""Simulated heartbeats of four classes: Gaussian waves of a rotating 3-D dipole."""

import numpy as np
from scipy.spatial.transform import Rotation

from ._checks import check_count, check_names, check_number
from ._heart import (
    DOWER,
    ECTOPIC_QRS,
    N_CONDUCTED,
    P_WAVES,
    QRS_WAVES,
    T_WAVES,
    as_generator,
    check_weights,
    draw_labels,
    draw_subjects,
)

CLASSES = ("N", "S", "V", "F")

PREMATURITY = {"S": (0.55, 0.9), "V": (0.5, 0.8), "F": (0.88, 1.0)}  # part of sinus RR
MIN_RR = 0.3  # s
MAINS = 60.0  # Hz
PLASTIC = 1.324717957244746  # root of x**3 = x + 1: evenly spread points in 2-D
ROWS_AT_ONCE = 1024  # bounds the memory of the (rows, waves, times) arrays


def make_ecg(
    n_samples=100,
    *,
    classes=CLASSES,
    weights=None,
    n_leads=2,
    n_times=128,
    fs=180.0,
    before=0.25,
    heart_rate=75.0,
    qrs_width=0.09,
    noise=0.02,
    drift=0.05,
    n_subjects=20,
    return_groups=False,
    random_state=None,
):
    """Simulate single heartbeats of a multi-lead ECG with their AAMI classes.

    A beat is a sum of Gaussian events on the phase circle of the heart's cycle: the
    model of McSharry et al. [1]_ in closed form, for the angular speed is constant
    within a beat and its relaxation to the baseline is left out. Each event moves a
    3-D dipole, which a lead field projects on the leads [2]_ [3]_. QRS events keep
    their duration when the RR interval changes; P and T events scale with its square
    root. The beats before and after are simulated too, as far as they reach into the
    window.

    - N, normal: P, narrow QRS, T.
    - S, supraventricular: early (RR 0.55 to 0.9 of the sinus interval); P absent,
      inverted or deformed, and closer to the QRS; narrow QRS.
    - V, ventricular: early with a compensatory pause; no P; wide QRS along an axis of
      the subject's own; T against it.
    - F, fusion: a mixture of N and V, with P, barely early.

    Subjects differ in wave sizes, widths and times, electrical axis, heart rate and
    ectopic focus; beats of one subject resemble each other.

    Parameters
    ----------
    n_samples : int, default=100
        Number of beats.
    classes : sequence of {"N", "S", "V", "F"}, default=("N", "S", "V", "F")
        Classes to simulate.
    weights : sequence of float, default=None
        Proportion of each class, in the order of `classes`, scaled to sum to 1. The
        counts are exact up to rounding. None makes the classes equally frequent.
    n_leads : int, default=2
        Number of leads: the first of MLII, V1, V5, V2, V4, V3, V6, I, III, aVR, aVL,
        aVF; from the 13th on, leads of unit gain in directions spread over a sphere.
    n_times : int, default=128
        Samples of a beat.
    fs : float, default=180.0
        Sampling rate in Hz.
    before : float, default=0.25
        Seconds before the R peak, which is at index ``round(before * fs)``, as in
        :func:`load_mitbih`. It must lie in the window.
    heart_rate : float, default=75.0
        Median sinus rate of the subjects in beats per minute, 30 to 180.
    qrs_width : float, default=0.09
        Median duration of a normal QRS in seconds, 0.05 to 0.15. Ventricular beats
        last about twice as long.
    noise : float, default=0.02
        Root mean square of the measurement noise in mV: white noise and, above 120
        Hz sampling rate, a tenth of its power mains hum of 60 Hz.
    drift : float, default=0.05
        Root mean square of the baseline drift in mV (0.1 to 0.5 Hz).
    n_subjects : int, default=20
        Number of subjects. Each has as many beats, also within a class, as the others
        up to rounding.
    return_groups : bool, default=False
        Whether to return the subject of each beat too.
    random_state : int, RandomState, Generator or None, default=None
        Seed. None is a fresh one at each call; numpy's global state is never used.
        `noise` and `drift` do not change the beats that a seed gives.

    Returns
    -------
    X : ndarray of shape (n_samples, n_leads, n_times), float32
        Beats in mV.
    y : ndarray of shape (n_samples,), str
        Class of each beat.
    groups : ndarray of shape (n_samples,), int
        Subject of each beat, 0 to ``n_subjects - 1``. Only if `return_groups`.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    References
    ----------
    .. [1] P. E. McSharry, G. D. Clifford, L. Tarassenko and L. A. Smith, "A dynamical
       model for generating synthetic electrocardiogram signals", IEEE Trans Biomed
       Eng 50(3):289-294, 2003.
    .. [2] R. Sameni, G. D. Clifford, C. Jutten and M. B. Shamsollahi, "Multichannel
       ECG and noise modeling: application to maternal and fetal ECG signals", EURASIP
       J Adv Signal Process 2007:043407, 2007.
    .. [3] G. E. Dower, H. B. Machado and J. A. Osborne, "On deriving the
       electrocardiogram from vectorcardiographic leads", Clin Cardiol 3(2):87-95,
       1980.

    Examples
    --------
    >>> from sksynth.datasets import make_ecg
    >>> X, y = make_ecg(100, weights=[0.9, 0.03, 0.06, 0.01], random_state=0)
    >>> X.shape
    (100, 2, 128)
    >>> {name: int((y == name).sum()) for name in "NSVF"}
    {'N': 90, 'S': 3, 'V': 6, 'F': 1}
    """
    n_samples = check_count("n_samples", n_samples)
    classes = check_names("classes", classes, allowed=CLASSES)
    weights = check_weights(weights, len(classes))
    n_leads = check_count("n_leads", n_leads)
    n_times = check_count("n_times", n_times)
    fs = check_number("fs", fs, 0, strict=True)
    before = check_number("before", before, 0)
    if round(before * fs) >= n_times:
        span = f"{n_times} samples at {fs:g} Hz"
        raise ValueError(f"before must lie in the window of {span}; got {before}")
    heart_rate = check_number("heart_rate", heart_rate, 30, 180)
    qrs_width = check_number("qrs_width", qrs_width, 0.05, 0.15)
    noise = check_number("noise", noise, 0)
    drift = check_number("drift", drift, 0)
    n_subjects = check_count("n_subjects", n_subjects)
    rng = as_generator(random_state)
    order_rng, subject_rng, beat_rng, noise_rng = rng.spawn(4)

    y, groups = draw_labels(n_samples, classes, weights, n_subjects, order_rng)
    times = (np.arange(n_times) - round(before * fs)) / fs  # s after the R peak
    subjects = draw_subjects(n_subjects, heart_rate, qrs_width, subject_rng)
    *waves, p_gain, sinus_rr = (part[groups] for part in subjects)
    beat = _beat(waves, p_gain, y, fs, beat_rng)
    earlier, later = _intervals(y, sinus_rr, times, beat_rng)
    neighbour = [part[:, :N_CONDUCTED] for part in waves]  # conducted beats
    leads = _lead_vectors(n_leads)
    X = np.empty((n_samples, n_leads, n_times), dtype=np.float32)
    for first in range(0, n_samples, ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        X[rows] = _render(
            times,
            leads,
            [part[rows] for part in beat],
            [part[rows] for part in neighbour],
            earlier[rows],
            later[rows],
        )
    _add_noise(X, times, noise, drift, fs, noise_rng)
    return (X, y, groups) if return_groups else (X, y)


def _beat(waves, p_gain, y, fs, rng):
    """Waves of each row's beat: the subject's, mixed and changed by its class."""
    time, width, dipole = (part.copy() for part in waves)
    n = len(y)
    early, fused = y == "S", y == "F"

    ectopic = np.where(y == "V", 1.0, np.where(fused, rng.uniform(0.2, 0.8, n), 0.0))
    gain = np.empty(time.shape)
    gain[:, :N_CONDUCTED] = (1 - ectopic)[:, None]
    gain[:, N_CONDUCTED:] = ectopic[:, None]
    gain[fused, P_WAVES] = 1
    gain[early, P_WAVES] = p_gain[early, None]
    gain *= 1 + rng.normal(0, 0.07, gain.shape)
    dipole *= gain[:, :, None]
    dipole = _wobble(dipole, rng)

    time[early, P_WAVES] *= rng.uniform(0.6, 0.85, (early.sum(), 1))
    aberrant = 1 + np.abs(rng.normal(0, 0.12, (early.sum(), 1)))
    time[early, QRS_WAVES] *= aberrant
    width[early, QRS_WAVES] *= aberrant
    overlap = (1 + ectopic[fused, None]) / 2  # two wavefronts meet and end sooner
    time[fused, ECTOPIC_QRS] *= overlap
    width[fused, ECTOPIC_QRS] *= overlap
    time[:, P_WAVES] += rng.normal(0, 0.004, (n, 1))
    time += rng.uniform(-0.5, 0.5, (n, 1)) / fs  # the R peak lies between two samples
    return time, width, dipole


def _wobble(dipole, rng):
    """Turn each row's heart a little, as breathing does."""
    turn = Rotation.from_rotvec(rng.normal(0, 0.06, (len(dipole), 3))).as_matrix()
    return dipole @ turn.swapaxes(1, 2)


def _intervals(y, sinus_rr, times, rng):
    """RR intervals in s, nearest first: (n, k) before the beat and (n, m) after it."""
    n = len(y)
    n_earlier = 2 + int(np.ceil((0.5 - times[0]) / MIN_RR))
    n_later = 1 + int(np.ceil((0.5 + times[-1]) / MIN_RR))
    beat = np.arange(-n_earlier, n_later)
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    breath = np.sin(2 * np.pi * 0.25 * beat * sinus_rr[:, None] + phase)  # 0.25 Hz
    rr = sinus_rr[:, None] * (1 + 0.04 * breath + rng.normal(0, 0.02, breath.shape))
    earlier, later = rr[:, :n_earlier][:, ::-1], rr[:, n_earlier:]

    sinus = earlier[:, 0].copy()
    for name, (low, high) in PREMATURITY.items():
        rows = y == name
        earlier[rows, 0] *= rng.uniform(low, high, rows.sum())
    earlier = np.maximum(earlier, MIN_RR)
    paused = np.isin(y, ["V", "F"])  # the sinus node keeps its time
    later[paused, 0] += (sinus - earlier[:, 0])[paused]
    return earlier, np.maximum(later, MIN_RR)


def _render(times, leads, beat, neighbour, earlier, later):
    """Beats and their neighbours (n, n_leads, n_times) in mV."""
    X = _gaussians(times, leads, *beat, np.zeros(len(earlier)), earlier[:, 0])
    for sign, intervals in ((-1, earlier), (1, later)):
        peak = np.zeros(len(intervals))
        for k in range(intervals.shape[1] - 1):
            peak = peak + sign * intervals[:, k]
            rr = intervals[:, k + 1] if sign < 0 else intervals[:, k]  # before the beat
            seen = (peak > times[0] - 0.5 * np.sqrt(rr)) & (peak < times[-1] + 0.3)
            if seen.any():
                waves = (part[seen] for part in neighbour)
                X[seen] += _gaussians(times, leads, *waves, peak[seen], rr[seen])
    return X


def _gaussians(times, leads, time, width, dipole, peak, rr):
    """Events of a beat, at phases ``2 pi (t - peak) / rr``, on the leads.

    Eq. (1) of McSharry et al. gives ``-a d exp(-d**2 / (2 b**2))`` for the slope, d the
    phase after the event: integrated at constant speed, ``exp(-d**2 / (2 b**2))``.
    """
    stretch = np.ones(time.shape)
    stretch[:, P_WAVES] = stretch[:, T_WAVES] = np.sqrt(rr)[:, None]
    stretch[:, N_CONDUCTED + 3 :] = np.sqrt(rr)[:, None]
    speed = 2 * np.pi / rr[:, None]  # rad / s
    event = (speed * time * stretch).astype(np.float32)  # rad, (n, n_waves)
    spread = (speed * width * stretch).astype(np.float32)
    phase = (speed * (times - peak[:, None])).astype(np.float32)  # (n, n_times)
    distance = (phase[:, None] - event[:, :, None]) / spread[:, :, None]
    amplitude = (dipole @ leads.T).astype(np.float32)  # (n, n_waves, n_leads)
    return amplitude.swapaxes(1, 2) @ np.exp(-0.5 * distance * distance)


def _lead_vectors(n_leads):
    """Rows of Dower's matrix, then points spread over a sphere: (n_leads, 3)."""
    known = np.array(list(DOWER.values()))[:n_leads]
    n_more = n_leads - len(known)
    rank = np.arange(n_more)
    height = (0.5 + rank / PLASTIC) % 1 * 2 - 1
    angle = 2 * np.pi * (rank / PLASTIC**2 % 1)
    radius = np.sqrt(1 - height**2)
    more = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return np.concatenate([known, more])


def _add_noise(X, times, noise, drift, fs, rng):
    """Add white noise, mains hum and baseline drift to X in place."""
    rows = X.shape[:2] + (1,)
    hum = 0.1 if fs > 2 * MAINS else 0.0  # part of the noise power
    frequency = rng.uniform(0.1, 0.5, (len(X), 1, 1))  # Hz, of breathing and movement
    for size, hertz in ((drift, frequency), (noise * np.sqrt(hum), MAINS)):
        phase = rng.uniform(0, 2 * np.pi, rows)
        if size:
            angle = (2 * np.pi * hertz * times + phase).astype(np.float32)
            X += np.float32(np.sqrt(2) * size) * np.sin(angle)
    if noise:
        white = rng.standard_normal(X.shape, dtype=np.float32)
        X += np.float32(noise * np.sqrt(1 - hum)) * white
