"""Simulated transients of a GABA-edited scan: damped complex exponentials."""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from sksynth.mrs import WATER, ppm_axis

from ._checks import check_count, check_number
from ._heart import as_generator
from ._metabolites import (
    EDITS,
    MOLECULES,
    basis_fids,
    gaussian_decay,
    lorentzian_decay,
)

SCALE = 10.0  # height of a FID at time 0 for a proton of 1 mmol/kg, arbitrary units
N_HUMPS = 5  # of the baseline
N_WATERS = 3  # lines that the suppression leaves
WATER_JITTER = 0.03  # of the residual water, from transient to transient
ROWS_AT_ONCE = 256

_DESCR = """\
Simulated MEGA-PRESS transients, edited for GABA (editing pulse at 1.9 or 7.46 ppm).

data     (n, n_points) complex64 FIDs      target   (n,) "ON" or "OFF"
groups   (n,) scan                         ppm      (n_points,) axis of the spectra
"""


def make_mrs(
    n_scans=4,
    n_transients=40,
    *,
    n_points=2048,
    fs=2000.0,
    larmor=127.7,
    gaba=(0.2, 0.05),
    linewidth=(4.0, 6.0),
    macromolecules=1.0,
    baseline=0.5,
    residual_water=3.0,
    noise=(10.0, 3.0),
    frequency_offset=(7.0, 3.0),
    phase_offset=(5.0, 3.0),
    return_clean=False,
    random_state=None,
):
    r"""Simulate transients of GABA-edited magnetic resonance spectroscopy.

    A MEGA-PRESS scan [1]_ of the brain (TE 68 ms) takes transients with an editing
    pulse at 1.9 ppm (ON) and at 7.46 ppm (OFF) in turn. The difference of their means
    has GABA at 3.01 ppm with the macromolecules edited with it, glutamate and glutamine
    (Glx) at 3.75 ppm and inverted N-acetyl aspartate (NAA) at 2.01 ppm.

    Each group of protons is a multiplet of lines

    .. math:: s(t) = \sum_k a_k e^{2 \pi i (\delta_k - \delta_0) \nu t}
              e^{-\pi L t - (\pi G t)^2 / (4 \ln 2)}

    with published shifts and couplings [2]_ [3]_, first order in the couplings. During
    the echo a coupling J turns the lines of a multiplet; ON undoes the turns by
    partners that the editing pulse inverts, and dephases what it inverts itself. So the
    signs of all lines come from J, TE and the profile of the pulse (88 Hz wide,
    Gaussian). Strongly coupled protons, such as those of myo-inositol, are the least
    like measured ones; they cancel in the difference.

    Scans differ in concentrations, line width, baseline, residual water and in how much
    they drift. The defaults of noise and offsets are those of the ISBI 2023 challenge
    on edited spectroscopy.

    Parameters
    ----------
    n_scans : int, default=4
        Number of scans, one a subject.
    n_transients : int, default=40
        Transients of a scan, even: ON and OFF in turn.
    n_points : int, default=2048
        Points of a FID.
    fs : float, default=2000.0
        Sampling rate in Hz. Lines beyond ``fs / 2`` from water alias.
    larmor : float, default=127.7
        Larmor frequency in MHz, 10 or more; the default is 3 T.
    gaba : float or (float, float), default=(0.2, 0.05)
        Ratio of the concentrations of GABA and creatine, as `noise`.
    linewidth : (float, float), default=(4.0, 6.0)
        FWHM in Hz of the Lorentzian and of the Gaussian part of each line; scans vary
        around it by 10 %. 0 leaves a part out.
    macromolecules : float, default=1.0
        Amount of macromolecules; 1 makes up somewhat less than half of the edited
        signal at 3 ppm.
    baseline : float, default=0.5
        Size at time 0 of the smooth baseline (lines of 60 to 250 Hz), relative to
        the singlet of 8 mmol/kg of creatine.
    residual_water : float, default=3.0
        Size at time 0 of the water that is left, relative to the same. Its lines have
        random phases, and change by 3 % from transient to transient.
    noise : float or (float, float), default=(10.0, 3.0)
        Standard deviation of the real and of the imaginary part of the noise of a FID,
        which is white; the FID of a proton of 1 mmol/kg starts at 10 units, less the
        decay during TE. A pair is the middle and the half-width of a range from which
        each scan draws.
    frequency_offset : float or (float, float), default=(7.0, 3.0)
        Largest frequency offset of a scan in Hz, as `noise`; its transients draw
        uniformly between plus and minus this.
    phase_offset : float or (float, float), default=(5.0, 3.0)
        Largest phase offset in degrees, likewise.
    return_clean : bool, default=False
        Whether to return the transients without noise and offsets, too.
    random_state : int, RandomState, Generator or None, default=None
        Seed. None is a fresh one at each call; numpy's global state is never used.
        `noise`, the offsets and `return_clean` do not change the signals below them.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_scans * n_transients, n_points), complex64
            FIDs, scan after scan, in arbitrary units.
        target : ndarray of shape (n_scans * n_transients,), str
            "ON" or "OFF".
        groups : ndarray of shape (n_scans * n_transients,), int
            Scan, 0 to ``n_scans - 1``.
        ppm : ndarray of shape (n_points,)
            Shifts of the spectra of :func:`sksynth.mrs.fid_to_spectrum`; frequency 0 is
            water at 4.68 ppm.
        concentrations : DataFrame of n_scans rows
            Of NAA, Cr, Cho, GABA, Glu, Gln, mI and Lac in mmol/kg, and relative of MM.
        gaba_cr : ndarray of shape (n_scans,)
            True ratio of GABA and creatine.
        noise_sd : ndarray of shape (n_scans,)
            Standard deviation of the noise of each scan.
        frequency_offset, phase_offset : ndarray of shape (n_scans * n_transients,)
            In Hz and in degrees.
        clean : ndarray of the shape of `data`, complex64
            Only if `return_clean`.
        fs, larmor : float
            In Hz and MHz.
        DESCR : str
            Description.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    See Also
    --------
    sksynth.mrs.align_transients : Takes the offsets out.
    sksynth.metrics.gaba_fit : Area of the edited signal.

    References
    ----------
    .. [1] M. Mescher et al., "Simultaneous in vivo spectral editing and water
       suppression", NMR Biomed 11(6):266-272, 1998.
    .. [2] V. Govindaraju, K. Young and A. A. Maudsley, "Proton NMR chemical shifts and
       coupling constants for brain metabolites", NMR Biomed 13(3):129-153, 2000.
    .. [3] J. Near et al., "J-difference editing of gamma-aminobutyric acid (GABA):
       simulated and experimental multiplet patterns", Magn Reson Med 70(5):1183-1191,
       2013.

    Examples
    --------
    >>> from sksynth.datasets import make_mrs
    >>> from sksynth.mrs import fid_to_spectrum
    >>> scans = make_mrs(2, 40, noise=1.0, frequency_offset=0, random_state=0)
    >>> scans.data.shape, scans.data.dtype.name
    ((80, 2048), 'complex64')
    >>> on, off = (scans.data[scans.target == edit].mean(axis=0)
    ...            for edit in ("ON", "OFF"))
    >>> difference = fid_to_spectrum(on - off).real
    >>> near_naa = abs(scans.ppm - 2) < 0.3
    >>> float(scans.ppm[near_naa][difference[near_naa].argmin()].round(1))  # inverted
    2.0
    """
    n_scans = check_count("n_scans", n_scans)
    n_transients = check_count("n_transients", n_transients)
    if n_transients % 2:
        raise ValueError(f"n_transients must be even, ON and OFF; got {n_transients}")
    n_points = check_count("n_points", n_points)
    fs = check_number("fs", fs, 0, strict=True)
    larmor = check_number("larmor", larmor, 10)
    gaba = _check_range("gaba", gaba)
    linewidth = tuple(check_number("linewidth", w, 0) for w in _pair(linewidth))
    macromolecules = check_number("macromolecules", macromolecules, 0)
    baseline = check_number("baseline", baseline, 0)
    residual_water = check_number("residual_water", residual_water, 0)
    noise = _check_range("noise", noise)
    frequency_offset = _check_range("frequency_offset", frequency_offset)
    phase_offset = _check_range("phase_offset", phase_offset)
    streams = as_generator(random_state).spawn(5)
    scan_rng, water_rng, size_rng, offset_rng, noise_rng = streams

    time = np.arange(n_points) / fs
    concentrations = _draw_concentrations(n_scans, gaba, macromolecules, scan_rng)
    widths = np.multiply(linewidth, scan_rng.lognormal(0, 0.1, (n_scans, 1)))
    signals = np.einsum(  # (n_scans, 2, n_points)
        "sm,emt->set", concentrations, basis_fids(time, larmor, WATER)
    )
    signals *= lorentzian_decay(widths[:, :1, None], time)
    signals *= gaussian_decay(widths[:, 1:, None], time)
    signals += baseline * _draw_baselines(n_scans, time, larmor, scan_rng)[:, None]
    waters = residual_water * _draw_waters(n_scans, time, water_rng)

    groups = np.repeat(np.arange(n_scans), n_transients)
    edits = np.tile([0, 1], n_scans * n_transients // 2)
    n = len(groups)
    jitter = WATER_JITTER * size_rng.standard_normal((n, 2)) @ [1, 1j]
    sd = _draw_ranges(noise, n_scans, offset_rng)
    hertz = _draw_ranges(frequency_offset, n_scans, offset_rng)[groups]
    hertz = hertz * offset_rng.uniform(-1, 1, n)
    degrees = _draw_ranges(phase_offset, n_scans, offset_rng)[groups]
    degrees = degrees * offset_rng.uniform(-1, 1, n)

    data = np.empty((n, n_points), dtype=np.complex64)
    clean = np.empty_like(data) if return_clean else None
    for first in range(0, n, ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        fids = signals[groups[rows], edits[rows]]
        fids = fids + (1 + jitter[rows, None]) * waters[groups[rows]]
        fids *= SCALE
        if return_clean:
            clean[rows] = fids
        angle = 2 * np.pi * hertz[rows, None] * time + np.radians(degrees[rows, None])
        fids *= np.exp(1j * angle)
        parts = noise_rng.standard_normal((len(fids), n_points, 2))
        fids += sd[groups[rows], None] * parts.view(np.complex128)[..., 0]
        data[rows] = fids
    bunch = Bunch(
        data=data,
        target=np.array(EDITS)[edits],
        groups=groups,
        ppm=ppm_axis(n_points, fs, larmor),
        concentrations=concentrations,
        gaba_cr=(concentrations["GABA"] / concentrations["Cr"]).to_numpy(),
        noise_sd=sd,
        frequency_offset=hertz,
        phase_offset=degrees,
        fs=fs,
        larmor=larmor,
        DESCR=_DESCR,
    )
    if return_clean:
        bunch.clean = clean
    return bunch


def _pair(linewidth):
    if isinstance(linewidth, str) or not np.iterable(linewidth):
        raise TypeError(
            f"linewidth must be two numbers, Lorentzian and Gaussian; got {linewidth!r}"
        )
    linewidth = tuple(linewidth)
    if len(linewidth) != 2:
        raise ValueError(
            f"linewidth must be two numbers, Lorentzian and Gaussian; got {linewidth!r}"
        )
    return linewidth


def _check_range(parameter, value):
    """Middle and half-width of a range of numbers that are not negative."""
    if isinstance(value, str) or not np.iterable(value):
        return check_number(parameter, value, 0), 0.0
    pair = tuple(value)
    if len(pair) != 2:
        raise ValueError(
            f"{parameter} must be a number, or middle and half-width; got {value!r}"
        )
    middle, half_width = (check_number(parameter, part, 0) for part in pair)
    if half_width > middle:
        raise ValueError(f"{parameter} must not reach below 0; got {value!r}")
    return middle, half_width


def _draw_ranges(middle_and_half_width, n, rng):
    middle, half_width = middle_and_half_width
    return middle + half_width * rng.uniform(-1, 1, n)


def _draw_concentrations(n_scans, gaba, macromolecules, rng):
    typical = [molecule.concentration for molecule in MOLECULES.values()]
    spread = [molecule.spread for molecule in MOLECULES.values()]
    drawn = typical * rng.lognormal(0, spread, (n_scans, len(spread)))
    concentrations = pd.DataFrame(drawn, columns=list(MOLECULES))
    concentrations["MM"] *= macromolecules
    ratio = _draw_ranges(gaba, n_scans, rng)
    concentrations["GABA"] = ratio * concentrations["Cr"]
    return concentrations


def _creatine():
    """Height of the singlet of creatine at time 0, before `SCALE`."""
    return 3 * MOLECULES["Cr"].concentration


def _draw_baselines(n_scans, time, larmor, rng):
    """Broad lines anywhere from 0 to 4.2 ppm, whose sizes sum to creatine's."""
    shape = (n_scans, N_HUMPS, 1)
    hertz = (rng.uniform(0, 4.2, shape) - WATER) * larmor
    width = rng.uniform(60, 250, shape)
    size = rng.dirichlet(np.ones(N_HUMPS), n_scans)[:, :, None]
    size = size * np.exp(1j * rng.normal(0, 0.5, shape))
    lines = size * np.exp(2j * np.pi * hertz * time) * gaussian_decay(width, time)
    return _creatine() * lines.sum(axis=1)


def _draw_waters(n_scans, time, rng):
    """Lines within 8 Hz of water of any phase, whose sizes sum to creatine's."""
    shape = (n_scans, N_WATERS, 1)
    hertz = rng.uniform(-8, 8, shape)
    width = rng.uniform(4, 12, shape)
    size = rng.dirichlet(np.ones(N_WATERS), n_scans)[:, :, None]
    size = size * np.exp(2j * np.pi * rng.random(shape))
    lines = size * np.exp(2j * np.pi * hertz * time) * lorentzian_decay(width, time)
    return _creatine() * lines.sum(axis=1)
