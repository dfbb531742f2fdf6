"""Simulated 12-lead strips of seven heart rhythms, as two sites would record them."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.fft import next_fast_len

from ._checks import check_count, check_names, check_number
from ._heart import (
    N_CONDUCTED,
    P_WAVES,
    T_WAVES,
    as_generator,
    check_weights,
    draw_labels,
    draw_subjects,
)
from ._recorder import SITES, complete, draw_recordings, record


class Rhythm(NamedTuple):
    """Ranges (low, high) of a rhythm's properties."""

    rate: tuple  # a minute; of the atria in flutter, else of the ventricles
    breathing: tuple  # amplitude of the RR intervals' respiratory part, 1 = RR
    scatter: tuple  # standard deviation of the log of RR from beat to beat
    p_waves: bool


RHYTHMS = {
    "SBRAD": Rhythm((42, 60), (0.015, 0.05), (0.005, 0.015), True),
    "SR": Rhythm((60, 100), (0.01, 0.04), (0.005, 0.012), True),
    "AFIB": Rhythm((65, 150), (0, 0), (0.14, 0.28), False),
    "STACH": Rhythm((100, 150), (0.003, 0.012), (0.002, 0.006), True),
    "AFLT": Rhythm((240, 360), (0, 0), (0, 0), False),
    "SARRH": Rhythm((58, 95), (0.11, 0.26), (0.01, 0.02), True),
    "SVTAC": Rhythm((150, 220), (0, 0.004), (0.001, 0.004), False),
}
CLASSES = tuple(RHYTHMS)
BLOCKS, BLOCK_ODDS = (2, 3, 4), (0.45, 0.15, 0.40)  # flutter waves for each QRS

# Flutter wave, typical form: phase (part of the cycle), width (rad), dipole (mV).
FLUTTER = np.array(
    [
        [-0.16, 0.65, 0.01, -0.16, -0.11],  # slow fall
        [0.00, 0.40, 0.03, -0.20, -0.16],  # trough in II, III and aVF; crest in V1
        [0.20, 0.50, 0.00, 0.05, 0.03],  # fast rise, beyond the baseline
    ]
)
FIBRILLATION = np.array([0.020, 0.034, 0.055])  # mV: largest in V1 to V3
MIN_RR = 0.25  # s
MARGIN = 3.0  # s on both sides that the filters see; the outer second has no beats
SAMPLES_AT_ONCE = 100_000  # of a lead: bounds the memory


class Hearts(NamedTuple):
    """Subjects, or the subject of each strip: arrays of n rows."""

    time: np.ndarray  # (n, 7), s after R at an RR of 1 s
    width: np.ndarray  # (n, 7), s
    dipole: np.ndarray  # (n, 7, 3), mV
    pace: np.ndarray  # 0 to 1, slow to fast in every rhythm
    sway: np.ndarray  # (n, 3), rad: the heart's turn with a deep breath
    f_rate: np.ndarray  # Hz, of fibrillatory waves
    f_dipole: np.ndarray  # (n, 3), mV
    flutter: np.ndarray  # gain of flutter waves
    av_delay: np.ndarray  # part of the flutter cycle from the trough to R


class Strips(NamedTuple):
    """Course of the heart's beat in each of n strips."""

    peak: np.ndarray  # (n, n_beats), s
    stretch: np.ndarray  # (n, n_beats), of P and T
    breath: np.ndarray  # (n, n_beats), -1 to 1
    breathing: np.ndarray  # Hz
    cycle: np.ndarray  # s, of the atria


class Atria(NamedTuple):
    """Course of the fibrillatory waves in each of n strips."""

    wander: np.ndarray  # (n, 2, 3): Hz of deviation, Hz and phase (rad) of its course
    size: np.ndarray  # (n, 3, 2): Hz and phase of the size's course along x, y, z
    phase: np.ndarray  # (n, 3), rad


def make_ecg_rhythms(
    n_samples=100,
    *,
    classes=CLASSES,
    weights=None,
    n_times=1000,
    fs=100.0,
    n_subjects=50,
    site=0,
    noise=0.02,
    drift=0.05,
    return_groups=False,
    random_state=None,
):
    """Simulate 12-lead ECG strips of seven heart rhythms.

    A beat is a sum of Gaussian events that move a 3-D dipole, as in :func:`make_ecg`
    [1]_; a lead field projects it on the leads [2]_. Beats follow each other as the
    rhythm says, and the atria of two rhythms have waves of their own.

    - SR, sinus rhythm: 60 to 100 beats a minute, RR intervals that breathing changes by
      1 to 4 %.
    - SBRAD, STACH, sinus bradycardia and tachycardia: 42 to 60 and 100 to 150 a minute.
    - SARRH, sinus arrhythmia: 58 to 95 a minute, RR changes by 11 to 26 % with
      breathing.
    - AFIB, atrial fibrillation: independent RR intervals with a coefficient of
      variation of 0.14 to 0.28, mean rate 65 to 150; no P, but f waves of 4 to 9 Hz
      whose frequency and size wander [3]_.
    - AFLT, atrial flutter: no P, but a saw of 4 to 6 Hz, negative in II, III and aVF;
      every second, third or fourth wave is conducted, so that RR is a fixed multiple of
      the flutter cycle.
    - SVTAC, supraventricular tachycardia: regular, 150 to 220 a minute, narrow QRS, no
      P.

    Subjects differ in wave sizes, widths and times, electrical axis, rates, atrial
    waves and, one in eight, a flat or inverted T; strips of one subject resemble each
    other. The frequency of breathing is 0.15 to 0.33 Hz.

    Site 0 filters little (0.05 to 150 Hz, mains of 50 Hz). Site 1 filters more (0.5 to
    35 Hz, mains of 60 Hz), has 1.5 times the noise, 2 times the drift, and gains and
    electrodes that vary three to four times as much. A seed means the same hearts at
    both sites: take two seeds to simulate two groups of patients.

    Parameters
    ----------
    n_samples : int, default=100
        Number of strips.
    classes : sequence of str, default=all seven
        Rhythms to simulate.
    weights : sequence of float, default=None
        Proportion of each class, in the order of `classes`, scaled to sum to 1. The
        counts are exact up to rounding. None makes the classes equally frequent.
    n_times : int, default=1000
        Samples of a strip.
    fs : float, default=100.0
        Sampling rate in Hz, at least 50.
    n_subjects : int, default=50
        Number of subjects. Each has as many strips, also within a class, as the others
        up to rounding.
    site : {0, 1}, default=0
        Which site records the strips.
    noise : float, default=0.02
        Root mean square of the noise of leads I, II and V1 to V6 at site 0, before its
        filters, in mV: white noise and, above a rate of twice its frequency, mains hum
        (at site 0 a tenth, at site 1 three tenths of the power).
    drift : float, default=0.05
        Root mean square of the baseline drift of the same leads at site 0, before its
        filters, in mV: breathing, and slower movements of 0.05 to 0.15 Hz.
    return_groups : bool, default=False
        Whether to return the subject of each strip too.
    random_state : int, RandomState, Generator or None, default=None
        Seed. None is a fresh one at each call; numpy's global state is never used.
        `noise`, `drift` and `site` do not change the hearts that a seed gives.

    Returns
    -------
    X : ndarray of shape (n_samples, 12, n_times), float32
        Leads I, II, III, aVR, aVL, aVF, V1 to V6 in mV. The limb leads obey Einthoven's
        and Goldberger's equations, with their noise.
    y : ndarray of shape (n_samples,), str
        Class of each strip.
    groups : ndarray of shape (n_samples,), int
        Subject of each strip, 0 to ``n_subjects - 1``. Only if `return_groups`.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    References
    ----------
    .. [1] P. E. McSharry, G. D. Clifford, L. Tarassenko and L. A. Smith, "A dynamical
       model for generating synthetic electrocardiogram signals", IEEE Trans Biomed
       Eng 50(3):289-294, 2003.
    .. [2] G. E. Dower, H. B. Machado and J. A. Osborne, "On deriving the
       electrocardiogram from vectorcardiographic leads", Clin Cardiol 3(2):87-95,
       1980.
    .. [3] M. Stridh and L. Sörnmo, "Spatiotemporal QRST cancellation techniques for
       analysis of atrial fibrillation", IEEE Trans Biomed Eng 48(1):105-111, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.datasets import make_ecg_rhythms
    >>> X, y = make_ecg_rhythms(20, classes=["SR", "AFIB"], weights=[3, 1])
    >>> X.shape
    (20, 12, 1000)
    >>> {name: int((y == name).sum()) for name in ("SR", "AFIB")}
    {'SR': 15, 'AFIB': 5}
    >>> bool(np.allclose(X[:, 2], X[:, 1] - X[:, 0]))  # III = II - I
    True
    """
    n_samples = check_count("n_samples", n_samples)
    classes = check_names("classes", classes, allowed=CLASSES)
    weights = check_weights(weights, len(classes))
    n_times = check_count("n_times", n_times)
    fs = check_number("fs", fs, 50)
    n_subjects = check_count("n_subjects", n_subjects)
    site = SITES[_check_site(site)]
    noise = check_number("noise", noise, 0)
    drift = check_number("drift", drift, 0)
    rng = as_generator(random_state)
    order_rng, subject_rng, strip_rng, beat_rng, site_rng, noise_rng = rng.spawn(6)

    y, groups = draw_labels(n_samples, classes, weights, n_subjects, order_rng)
    first = int(np.ceil(MARGIN * fs))
    n_seen = next_fast_len(n_times + 2 * first, real=True)
    times = (np.arange(n_seen) - first) / fs  # s after the first sample of the strip
    hearts = _draw_hearts(n_subjects, subject_rng)
    hearts = Hearts(*(part[groups] for part in hearts))
    strips = _draw_strips(y, hearts.pace, times, strip_rng)
    atria = _draw_atria(n_samples, strip_rng)
    recordings = draw_recordings(site, strips.breathing, site_rng)

    X = np.empty((n_samples, 12, n_times), dtype=np.float32)
    step = max(1, SAMPLES_AT_ONCE // n_seen)
    for start in range(0, n_samples, step):
        rows = slice(start, start + step)
        block = [
            type(part)(*(array[rows] for array in part))
            for part in (hearts, strips, atria, recordings)
        ]
        dipole = _ventricles(times, fs, y[rows], *block[:2], beat_rng)
        _add_atria(dipole, times, y[rows], *block[:3])
        measured = record(dipole, times, block[3], site, noise, drift, noise_rng)
        X[rows] = complete(measured[:, :, first : first + n_times])
    return (X, y, groups) if return_groups else (X, y)


def _check_site(site):
    if not isinstance(site, Integral) or isinstance(site, bool):
        raise TypeError(f"site must be 0 or 1; got {site!r}")
    if site not in range(len(SITES)):
        raise ValueError(f"site must be 0 or 1; got {site}")
    return int(site)


def _draw_hearts(n, rng):
    time, width, dipole, *_ = draw_subjects(n, 60.0, 0.09, rng)
    time, width, dipole = (part[:, :N_CONDUCTED] for part in (time, width, dipole))
    odd = rng.random(n) < 1 / 8  # flat or inverted T
    t_gain = np.where(odd, rng.uniform(-0.6, 0.1, n), rng.lognormal(0, 0.25, n))
    dipole[:, T_WAVES] *= t_gain[:, None, None]
    return Hearts(
        time,
        width,
        dipole,
        pace=rng.beta(2, 2, n),
        sway=rng.normal(0, 0.05, (n, 3)),
        f_rate=rng.uniform(5, 8, n),
        f_dipole=FIBRILLATION * rng.lognormal(0, 0.35, (n, 3)),
        flutter=rng.lognormal(0, 0.25, n),
        av_delay=rng.uniform(0, 1, n),
    )


def _draw_strips(y, pace, times, rng):
    n = len(y)
    names, index = np.unique(y, return_inverse=True)
    limits = np.array([RHYTHMS[name][:3] for name in names], dtype=float)[index]
    pace = np.abs(pace + rng.normal(0, 0.07, n))
    place = np.stack([1 - np.abs(1 - pace), rng.random(n), rng.random(n)], axis=1)
    low, high = limits[:, :, 0], limits[:, :, 1]
    rate, depth, scatter = (low + (high - low) * place).T[:, :, None]

    cycle = 60 / rate
    block = rng.choice(BLOCKS, (n, 1), p=BLOCK_ODDS)
    rr = cycle * np.where(y == "AFLT", block.T, 1).T
    n_beats = int(1.1 * (times[-1] - times[0]) / rr.min()) + 10
    cycles = np.arange(n_beats) * rr  # s
    breathing = rng.uniform(0.15, 0.33, (n, 1))  # Hz
    phase = 2 * np.pi * rng.random((n, 2))
    breath = np.sin(2 * np.pi * breathing * cycles + phase[:, :1])
    slow = np.sin(2 * np.pi * 0.1 * cycles + phase[:, 1:])  # of blood pressure, 0.1 Hz
    chance = np.exp(scatter * rng.standard_normal(cycles.shape) - scatter**2 / 2)
    interval = np.maximum(rr * (1 + depth * (breath + 0.3 * slow)) * chance, MIN_RR)
    peak = times[0] - rng.random((n, 1)) * rr + interval.cumsum(axis=1)
    peak += rng.normal(0, 0.003, peak.shape)  # conduction varies
    stretch = np.sqrt(0.7 * rr + 0.3 * interval)  # QT lags behind RR
    return Strips(peak, stretch, breath, breathing[:, 0], cycle[:, 0])


def _draw_atria(n, rng):
    turns = rng.uniform(0, 2 * np.pi, (n, 8))
    deviation = rng.uniform(0.2, 0.5, (n, 2))
    course = rng.uniform([0.1, 0.7], [0.3, 1.3], (n, 2))
    wander = np.stack([deviation, course, turns[:, :2]], axis=2)
    size = np.stack([rng.uniform(0.1, 0.6, (n, 3)), turns[:, 2:5]], axis=2)
    return Atria(wander, size, turns[:, 5:])


def _ventricles(times, fs, y, hearts, strips, rng):
    """Dipole of all beats, P waves too, (n, 3, n_times) in mV."""
    seen = (strips.peak > times[0] + 1) & (strips.peak < times[-1] - 1)
    row, beat = np.nonzero(seen)
    peak, stretch = strips.peak[seen][:, None], strips.stretch[seen][:, None]
    chance = rng.standard_normal((len(row), N_CONDUCTED + 1))
    scale = np.ones((len(row), N_CONDUCTED))
    scale[:, P_WAVES] = scale[:, T_WAVES] = stretch
    time, width = hearts.time[row] * scale, hearts.width[row] * scale
    has_p = np.array([RHYTHMS[name].p_waves for name in y])[row]
    gain = 1 + 0.04 * chance[:, :N_CONDUCTED]
    gain[:, P_WAVES] *= has_p[:, None]
    dipole = hearts.dipole[row] * gain[:, :, None]
    turn = hearts.sway[row] * (strips.breath[seen][:, None] + 0.2 * chance[:, -1:])
    dipole += np.cross(turn[:, None], dipole)  # a small rotation

    first = max((time - 5 * width).min(), -1) * fs  # the margin allows 1 s
    last = min((time + 5 * width).max(), 1) * fs
    reach = np.arange(int(first), int(last) + 1)
    sample = np.rint((peak - times[0]) * fs) + reach  # (n_beats, m)
    after = times[0] + sample / fs - peak
    distance = (after[:, None] - time[:, :, None]) / width[:, :, None]
    waves = np.exp(-0.5 * distance.astype(np.float32) ** 2)
    signal = dipole.astype(np.float32).swapaxes(1, 2) @ waves  # (n_beats, 3, m)
    total = np.zeros((len(y), 3, len(times)), dtype=np.float32)
    axis = (3 * row[:, None] + np.arange(3))[:, :, None]
    index = axis * len(times) + sample[:, None].astype(np.intp)
    np.add.at(total.reshape(-1), index.ravel(), signal.ravel())
    return total


def _add_atria(dipole, times, y, hearts, strips, atria):
    """Add flutter and fibrillatory waves to the rows that have them, in place."""
    for name, wave in (("AFLT", _flutter), ("AFIB", _fibrillation)):
        rows = y == name
        if rows.any():
            parts = (hearts, strips, atria)
            parts = (type(part)(*(array[rows] for array in part)) for part in parts)
            dipole[rows] += wave(times, *parts)


def _flutter(times, hearts, strips, atria):
    """Events on the flutter cycle's circle, R at a fixed phase: (n, 3, n_times)."""
    cycles = (times - strips.peak[:, :1]) / strips.cycle[:, None]
    cycles = cycles + hearts.av_delay[:, None]
    total = np.zeros((len(cycles), 3, len(times)), dtype=np.float32)
    for phase, width, *size in FLUTTER:
        angle = (2 * np.pi * (cycles - phase)).astype(np.float32)
        kappa = 1 / width**2  # near its top exp(kappa (cos - 1)) is a Gaussian
        event = np.exp(np.float32(kappa) * (np.cos(angle) - 1))
        total += np.array(size, dtype=np.float32)[:, None] * event[:, None]
    return total * hearts.flutter.astype(np.float32)[:, None, None]


def _fibrillation(times, hearts, strips, atria):
    """Saw of three harmonics, its frequency and size modulated [3]: (n, 3, n_times)."""
    angle = 2 * np.pi * hearts.f_rate[:, None] * times
    for deviation, hertz, phase in atria.wander.transpose(1, 2, 0)[..., None]:
        angle += deviation / hertz * np.sin(2 * np.pi * hertz * times + phase)
    angle = (angle[:, None] + atria.phase[:, :, None]).astype(np.float32)
    hertz, phase = atria.size.transpose(2, 0, 1)[..., None]
    size = 1 + 0.5 * np.sin((2 * np.pi * hertz * times + phase).astype(np.float32))
    size *= hearts.f_dipole.astype(np.float32)[:, :, None]
    return size * sum(np.sin(order * angle) / order for order in (1, 2, 3))
