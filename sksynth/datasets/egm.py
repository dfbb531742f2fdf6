"""Simulated atrial electrograms: excitable tissue, electrodes, body surface."""

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt
from sklearn.utils import Bunch

from ._atrium import (
    electrode_positions,
    forward_matrix,
    lead_positions,
    unipolar_matrix,
)
from ._checks import check_count, check_names, check_number
from ._heart import as_generator, check_weights
from ._waves import SIMULATE, Clock

RHYTHMS = tuple(SIMULATE)
BAND = (3.0, 30.0)  # Hz


def make_egm(
    n_samples=20,
    *,
    classes=RHYTHMS,
    weights=None,
    n_electrodes=512,
    n_leads=64,
    n_times=400,
    fs=100.0,
    velocity=0.7,
    site_spread=10.0,
    band_pass=True,
    snr=20.0,
    random_state=None,
):
    """Simulate electrograms of an atrium and the potentials of the body surface.

    The atrium is a cylinder of 32 x 64 nodes, 48 mm high and 96 mm around, of
    excitable tissue: the monodomain equation with the two-variable model of Mitchell
    and Schaeffer [1]_ as changed by Corrado and Niederer [2]_. Places differ a little
    in velocity and in the duration of their action potential.

    - SR, sinus rhythm: a site near the sinus node, above, to the right and to the back,
      excites the tissue each 600 to 900 ms (the mean of a simulation, which varies by
      3 % from beat to beat within these bounds).
    - AF, fibrillation: short action potentials, slow conduction and 2 to 5 spiral waves
      at the start, which drift, meet, die and leave wavelets; recovery times wander at
      random. Cycles last 150 to 250 ms. At one electrode their standard deviation is
      some 3 to 20 ms: in most simulations one or two waves that turn steadily drive the
      rest. Where the waves die out, the simulation is drawn again.

    Unipolar electrograms are sums over the nodes of transmembrane current by distance
    [3]_, 2 mm outside the tissue. The leads lie on an elliptical torso, and
    ``bspm = forward @ data``, plus noise. The forward matrix is A = M less the mean of
    its rows, with the inverse distances M, each row divided by its sum: potentials are
    referred to the mean of the torso.

    The grid is coarse: fronts rise within some 5 to 10 ms, slower than those of cells,
    so that they are wide enough for it. The band of 3 to 30 Hz sees little of this.

    Parameters
    ----------
    n_samples : int, default=20
        Number of simulations.
    classes : sequence of {"SR", "AF"}, default=("SR", "AF")
        Rhythms to simulate.
    weights : sequence of float, default=None
        Proportion of each rhythm, in the order of `classes`, scaled to sum to 1. The
        counts are exact up to rounding. None makes the rhythms equally frequent. Their
        order is fixed: it depends on the weights alone.
    n_electrodes : int, default=512
        Number of electrodes, in rings around the tissue from its lower to its upper
        end: 16 rings of 32 by default.
    n_leads : int, default=64
        Number of leads on the torso, at least 2: one would be its own reference.
    n_times : int, default=400
        Samples of an electrogram.
    fs : float, default=100.0
        Sampling rate in Hz, above 60 if `band_pass`, at most 1000. The tissue is
        seen at 500 Hz or more, and filtered before it is sampled.
    velocity : float, default=0.7
        Conduction velocity in m/s in sinus rhythm, 0.3 to 1.2. It is that of a planar
        wave: a wave is slower near the site where it starts. In fibrillation it is 0.5,
        whatever this argument says. Simulations differ by up to 10 %.
    site_spread : float or None, default=10.0
        Largest distance in mm from the sinus node at which the beats of a simulation
        start. None: anywhere in the tissue, as in paced rhythms.
    band_pass : bool, default=True
        Whether to filter the electrograms: the mean removed, Butterworth filter of
        order 2, 3 to 30 Hz, zero phase. The noise then has the same band (order 3).
        Without, they are low-passed as the sampling rate demands.
    snr : float, default=20.0
        Signal-to-noise ratio of `bspm` in dB, from -300 to 300, over the leads and
        times of each simulation. None adds no noise.
    random_state : int, RandomState, Generator or None, default=None
        Seed. None is a fresh one at each call; numpy's global state is never used. A
        simulation has its own seed: with the same rhythms, ``make_egm(3)`` is the
        beginning of ``make_egm(100)``.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_samples, n_electrodes, n_times), float32
            Electrograms in mV.
        bspm : ndarray of shape (n_samples, n_leads, n_times), float32
            Potentials of the body surface in mV.
        target : ndarray of shape (n_samples,), str
            Rhythm.
        target_names : list of str
            `classes`.
        positions : ndarray of shape (n_electrodes, 3)
            Electrodes in mm: to the left, to the back, upwards from the middle of the
            atrium, whose axis is upright.
        lead_positions : ndarray of shape (n_leads, 3)
            Leads, in the same way.
        forward : ndarray of shape (n_leads, n_electrodes)
            Matrix from electrograms to potentials of the body surface. Its columns sum
            to 0.
        velocity : ndarray of shape (n_samples,)
            Mean conduction velocity of the tissue in m/s.
        site : ndarray of shape (n_samples, 3)
            Where the beats start, in mm; NaN in fibrillation.
        fs : float
            Sampling rate in Hz.
        unit : str
            "mV".

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.
    RuntimeError
        If fibrillation does not last for `n_times` in any of 100 draws.

    References
    ----------
    .. [1] C. C. Mitchell and D. G. Schaeffer, "A two-current model for the dynamics of
       cardiac membrane", Bull Math Biol 65(5):767-793, 2003.
    .. [2] C. Corrado and S. A. Niederer, "A two-variable model robust to pacemaker
       behaviour for the dynamics of the cardiac action potential", Math Biosci
       281:46-54, 2016.
    .. [3] R. Plonsey and R. C. Barr, "Bioelectricity: a quantitative approach", 3rd
       ed., Springer, 2007, ch. 8.

    Examples
    --------
    >>> from sksynth.datasets import make_egm
    >>> egm = make_egm(2, n_electrodes=128, n_times=100, random_state=0)
    >>> egm.data.shape, egm.bspm.shape
    ((2, 128, 100), (2, 64, 100))
    >>> egm.target.tolist()
    ['SR', 'AF']
    """
    n_samples = check_count("n_samples", n_samples)
    classes = check_names("classes", classes, allowed=RHYTHMS)
    weights = check_weights(weights, len(classes))
    n_electrodes = check_count("n_electrodes", n_electrodes)
    n_leads = int(check_number("n_leads", check_count("n_leads", n_leads), 2))
    n_times = check_count("n_times", n_times)
    if not isinstance(band_pass, bool | np.bool_):
        raise TypeError(f"band_pass must be True or False; got {band_pass!r}")
    lowest = 2 * BAND[1] if band_pass else 0
    fs = check_number("fs", fs, lowest, 1000, strict=True)
    velocity = check_number("velocity", velocity, 0.3, 1.2)
    if site_spread is not None:
        site_spread = check_number("site_spread", site_spread, 0)
    snr = None if snr is None else check_number("snr", snr, -300, 300)
    rngs = [rng.spawn(2) for rng in as_generator(random_state).spawn(n_samples)]

    y = _labels(n_samples, classes, weights)
    electrodes, leads = electrode_positions(n_electrodes), lead_positions(n_leads)
    forward = forward_matrix(electrodes, leads)
    matrix = unipolar_matrix(electrodes).astype(np.float32)
    data = np.empty((n_samples, n_electrodes, n_times), dtype=np.float32)
    bspm = np.empty((n_samples, n_leads, n_times), dtype=np.float32)
    speed, site = np.empty(n_samples), np.empty((n_samples, 3))
    for name in classes:
        rows = np.flatnonzero(y == name)
        clock = Clock(name, n_times, fs, velocity, site_spread)
        tissue_rngs = [rngs[row][0] for row in rows]
        for part, signals, *where in SIMULATE[name](tissue_rngs, clock, matrix):
            speed[rows[part]], site[rows[part]] = where
            for row, signal in zip(rows[part], signals, strict=True):
                data[row] = _sample(signal, clock, band_pass)
    for row, (_, rng) in enumerate(rngs):
        clean = forward @ data[row].astype(float)
        bspm[row] = clean + _noise(clean, fs, band_pass, snr, rng)
    return Bunch(
        data=data,
        bspm=bspm,
        target=y,
        target_names=classes,
        positions=electrodes,
        lead_positions=leads,
        forward=forward,
        velocity=speed,
        site=site,
        fs=fs,
        unit="mV",
    )


def _labels(n_samples, classes, weights):
    """Each row is of the rhythm that lacks most, so that fewer rows are the first."""
    counts, labels = np.zeros(len(classes)), []
    for n in range(1, n_samples + 1):
        chosen = np.argmax(np.where(weights > 0, weights * n - counts, -np.inf))
        counts[chosen] += 1
        labels.append(classes[chosen])
    return np.array(labels)


def _sample(signal, clock, band_pass):
    """Electrograms (n_electrodes, n_times) from those by frame, filtered."""
    signal = signal.astype(float)
    n, edge = clock.frames_a_sample, clock.n_edge
    if band_pass:
        sos = butter(2, BAND, "bandpass", fs=clock.fs, output="sos")
        signal = sosfiltfilt(sos, signal - signal.mean(axis=1, keepdims=True))
        return signal[:, edge : edge + clock.n_window : n]
    signal = signal[:, edge % n :]  # so that the window starts at a sample
    signal = resample_poly(signal, 1, n, axis=1, padtype="line")
    first = edge // n
    return signal[:, first : first + clock.n_times]


def _noise(clean, fs, band_pass, snr, rng):
    """Noise (n_leads, n_times) of the power that the ratio asks for, in dB."""
    if snr is None:
        return 0.0
    n_leads, n_times = clean.shape
    if not band_pass:
        noise = rng.standard_normal(clean.shape)
    else:
        sos = butter(3, BAND, "bandpass", fs=fs, output="sos")
        n_edge = round(fs)  # 1 s
        noise = rng.standard_normal((n_leads, n_times + 2 * n_edge))
        noise = sosfiltfilt(sos, noise)[:, n_edge : n_edge + n_times]
    return noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2) / 10 ** (snr / 10))
