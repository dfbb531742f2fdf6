"""MR spectroscopy: FIDs and spectra, their ppm axis, registration, noise.

FIDs and spectra are complex arrays with time or frequency last. The k-th value of a FID
is at time ``k / fs``; a resonance at `ppm` turns in it as
``exp(2 pi i (ppm - center) larmor t)``, so that ppm increases along a spectrum. FIDs of
the other sign are conjugated first.
"""

from numbers import Real
from typing import NamedTuple

import numpy as np
import scipy.fft

from ._arrays import check_integer, check_kind, check_positive

WATER = 4.68  # ppm, at body temperature

__all__ = [
    "Noise",
    "align_transients",
    "estimate_noise",
    "fid_to_spectrum",
    "ppm_axis",
    "spectrum_to_fid",
]

_GRID = 0.1  # part of 1 / t_max: frequencies at which registration starts
_NEWTON_STEPS = 8
_PASSES = 3  # registrations: the mean gets sharper, the band holds the same lines


class Noise(NamedTuple):
    """Noise of spectra: `sd` of (n,) and `autocorrelation` of (n_lags + 1,)."""

    sd: np.ndarray
    autocorrelation: np.ndarray


def ppm_axis(n_points, fs, larmor, *, center=WATER):
    """Chemical shift of each point of a spectrum.

    Parameters
    ----------
    n_points : int
        Points of the spectrum.
    fs : float
        Sampling rate of the FID in Hz, which is the width of the spectrum.
    larmor : float
        Larmor frequency in MHz: 127.7 for protons at 3 T.
    center : float, default=4.68
        Shift of the frequency 0 in ppm, usually that of water.

    Returns
    -------
    ppm : ndarray of shape (n_points,)
        Increasing shifts in ppm: ``center + f / larmor``, f in Hz.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> from sksynth.mrs import ppm_axis
    >>> ppm_axis(4, 1000, 125, center=5)
    array([1., 3., 5., 7.])
    """
    n_points = check_integer(n_points, "n_points", 1)
    fs, larmor = check_positive(fs, "fs"), check_positive(larmor, "larmor")
    if not isinstance(center, Real) or not np.isfinite(center):
        raise ValueError(f"center must be a finite number; got {center!r}")
    return center + np.fft.fftshift(np.fft.fftfreq(n_points, 1 / fs)) / larmor


def fid_to_spectrum(fids):
    """Spectra of FIDs: discrete Fourier transform, frequency 0 in the middle.

    The transform is unitary: it keeps the energy, and white noise of a FID has the same
    standard deviation in its spectrum. The first point is not halved.

    Parameters
    ----------
    fids : array-like of shape (..., n_points), complex
        FIDs.

    Returns
    -------
    spectra : ndarray of shape (..., n_points)
        Spectra of the same dtype, at the shifts of :func:`ppm_axis`.

    Raises
    ------
    TypeError, ValueError
        If `fids` is not complex or not finite.

    See Also
    --------
    spectrum_to_fid : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.mrs import fid_to_spectrum
    >>> fid_to_spectrum(np.array([[1, 1j, -1, -1j]])).round(6) + 0
    array([[0.+0.j, 0.+0.j, 0.+0.j, 2.+0.j]])
    """
    fids = check_complex(fids, "fids")
    return scipy.fft.fftshift(scipy.fft.fft(fids, norm="ortho"), axes=-1)


def spectrum_to_fid(spectra):
    """FIDs of spectra: the inverse of :func:`fid_to_spectrum`.

    Parameters
    ----------
    spectra : array-like of shape (..., n_points), complex
        Spectra.

    Returns
    -------
    fids : ndarray of shape (..., n_points)
        FIDs of the same dtype.

    Raises
    ------
    TypeError, ValueError
        If `spectra` is not complex or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.mrs import fid_to_spectrum, spectrum_to_fid
    >>> fid = np.array([[1, 0.5j, -0.25]])
    >>> bool(np.allclose(spectrum_to_fid(fid_to_spectrum(fid)), fid))
    True
    """
    spectra = check_complex(spectra, "spectra")
    return scipy.fft.ifft(scipy.fft.ifftshift(spectra, axes=-1), norm="ortho")


def align_transients(
    fids, fs, *, reference=None, band=None, max_frequency=20.0, t_max=0.2
):
    r"""Spectral registration: take frequency and phase offsets out of transients.

    For each transient :math:`d` the offsets :math:`f, \varphi` minimise

    .. math:: \sum_{t < t_{max}} \left| d(t) e^{-i (2 \pi f t + \varphi)} - r(t)
              \right|^2

    with the reference r, in the time domain [1]_. The best frequency of a grid starts
    Newton's method, all transients at once; three passes.

    Parameters
    ----------
    fids : array-like of shape (n_transients, n_points), complex
        Transients of one scan.
    fs : float
        Sampling rate in Hz.
    reference : array-like of shape (n_points,), complex, default=None
        What the transients are aligned to. None is their mean, taken anew in each of
        three passes; each transient then is compared with the mean of the
        others, for its own noise would hold it where it is. At least two are needed.
    band : (float, float), default=None
        Lowest and highest frequency in Hz, 0 in the middle of the spectrum, that are
        compared; None is all. Transients with editing ON and OFF differ by design: they
        need a band in which they do not, such as that of creatine and choline, 2.85 to
        3.35 ppm. Otherwise the difference shifts one against the other.
    max_frequency : float, default=20.0
        Largest offset that is searched for, in Hz, less than ``fs / 2``.
    t_max : float, default=0.2
        Seconds of the FID that are fitted: later ones hold mostly noise.

    Returns
    -------
    aligned : ndarray of shape (n_transients, n_points)
        Aligned transients, of the dtype of `fids`.
    frequency, phase : ndarray of shape (n_transients,)
        Offsets that were taken out, in Hz and in degrees (-180 to 180), at time 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid or the shapes do not fit.

    References
    ----------
    .. [1] J. Near et al., "Frequency and phase drift correction of magnetic resonance
       spectroscopy data by spectral registration in the time domain", Magn Reson Med
       73(1):44-50, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.mrs import align_transients
    >>> t = np.arange(512) / 1000
    >>> fid = np.exp(-t / 0.1 + 2j * np.pi * 40 * t)
    >>> moved = fid * np.exp(1j * (2 * np.pi * 3 * t + np.pi / 6))
    >>> aligned, frequency, phase = align_transients([moved], 1000, reference=fid)
    >>> frequency.round(6), phase.round(6)
    (array([3.]), array([30.]))
    >>> bool(np.allclose(aligned, fid))
    True
    """
    fids = check_complex(fids, "fids")
    if fids.ndim != 2:
        raise ValueError(
            f"fids must have shape (n_transients, n_points); got {fids.shape}"
        )
    n, n_points = fids.shape
    fs, t_max = check_positive(fs, "fs"), check_positive(t_max, "t_max")
    max_frequency = check_positive(max_frequency, "max_frequency")
    if max_frequency >= fs / 2:
        raise ValueError(
            f"max_frequency must be less than fs / 2 = {fs / 2:g}; got {max_frequency}"
        )
    n_used = min(n_points, round(t_max * fs))
    if n_used < 2:
        raise ValueError(f"t_max must span 2 points or more; got {t_max} s at {fs} Hz")
    time = np.arange(n_points) / fs
    if reference is not None:
        reference = check_complex(reference, "reference")
        if reference.shape != (n_points,):
            expected = f"shape ({n_points},), as a row of fids"
            raise ValueError(f"reference must have {expected}; got {reference.shape}")
        reference = _filtered(reference[None], fs, band)[:, :n_used]
    elif n < 2:
        raise ValueError("one transient cannot be aligned without a reference")
    offsets = np.zeros((n, 2))  # Hz, rad
    for _ in range(_PASSES):
        moved = _filtered(_shifted(fids, offsets, time), fs, band)[:, :n_used]
        if reference is not None:
            offsets += _register(moved, reference, time[:n_used], max_frequency)
        else:
            others = (moved.sum(axis=0) - moved) / (n - 1)
            found = _register(moved, others, time[:n_used], max_frequency)
            offsets += found * (n - 1) / n  # from the mean of all, not of the others
    frequency, phase = offsets.T
    phase = np.angle(np.exp(1j * phase), deg=True)
    return _shifted(fids, offsets, time).astype(fids.dtype), frequency, phase


def _filtered(fids, fs, band):
    """FIDs of the part of the spectrum in a band of (low, high) Hz."""
    if band is None:
        return fids
    hertz = np.fft.fftshift(np.fft.fftfreq(fids.shape[1], 1 / fs))
    inside = in_window(hertz, band, "band", unit="Hz")
    return spectrum_to_fid(fid_to_spectrum(fids) * inside)


def _shifted(fids, offsets, time):
    """Take offsets (n, 2), in Hz and rad, out of FIDs."""
    angle = 2 * np.pi * offsets[:, :1] * time + offsets[:, 1:]
    return fids * np.exp(-1j * angle)


def _register(fids, reference, time, max_frequency):
    """Offsets (n, 2) in Hz and rad that maximise the overlap with the reference."""
    product = fids.conj() * reference
    step = _GRID / time[-1]  # Hz
    n_side = int(np.ceil(max_frequency / step))
    grid = np.linspace(-max_frequency, max_frequency, 2 * n_side + 1)
    overlap = product @ np.exp(2j * np.pi * time[:, None] * grid)
    best = np.abs(overlap).argmax(axis=1)
    frequency = grid[best]
    phase = -np.angle(np.take_along_axis(overlap, best[:, None], axis=1)[:, 0])

    t = 2 * np.pi * time
    for _ in range(_NEWTON_STEPS):
        turned = product * np.exp(1j * (frequency[:, None] * t + phase[:, None]))
        slope_f, slope_p = -(turned.imag @ t), -turned.imag.sum(axis=1)
        bend_ff, bend_fp = turned.real @ t**2, turned.real @ t
        bend_pp = turned.real.sum(axis=1)
        determinant = bend_ff * bend_pp - bend_fp**2
        sound = (determinant > 0) & (bend_pp > 0)  # the overlap is concave there
        determinant = np.where(sound, determinant, np.inf)
        df = (bend_pp * slope_f - bend_fp * slope_p) / determinant
        dp = (bend_ff * slope_p - bend_fp * slope_f) / determinant
        part = np.minimum(1, step / np.maximum(np.abs(df), 1e-300))
        frequency, phase = frequency + part * df, phase + part * dp
    frequency = np.clip(frequency, -max_frequency, max_frequency)
    return np.stack([frequency, phase], axis=1)


def estimate_noise(spectra, ppm, *, window=(9.8, 10.8), n_lags=8):
    """Level and colour of the noise, from a window without signal.

    A parabola in ppm is taken out of the window first, real and imaginary part: what
    the tails of strong lines leave there is no noise.

    Parameters
    ----------
    spectra : array-like of shape (n, n_points), complex
        Spectra, such as single transients.
    ppm : array-like of shape (n_points,)
        Shift of each point in ppm.
    window : (float, float), default=(9.8, 10.8)
        Shifts without signal, in ppm.
    n_lags : int, default=8
        Lags of the autocorrelation, in points of the spectrum.

    Returns
    -------
    noise : Noise
        A named tuple: `sd`, ndarray of shape (n,), is the standard deviation of the
        real part, which is that of the imaginary part, in the unit of the spectra;
        `autocorrelation`, complex ndarray of shape (n_lags + 1,), is the mean of
        ``r[j + lag] * conj(r[j])`` over points and spectra, divided by that of lag 0.
        White noise has 1 at lag 0 and about 0 at the others; filters of the FID and
        zeros after it raise them.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid or the window holds too few points.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.mrs import estimate_noise, ppm_axis
    >>> rng = np.random.default_rng(0)
    >>> parts = rng.normal(0, 10, (2, 40, 2048))
    >>> ppm = ppm_axis(2048, 2000, 127.7)
    >>> noise = estimate_noise(parts[0] + 1j * parts[1], ppm)
    >>> bool(abs(noise.sd.mean() - 10) < 0.3)
    True
    """
    spectra = check_complex(spectra, "spectra")
    if spectra.ndim != 2:
        raise ValueError(f"spectra must have shape (n, n_points); got {spectra.shape}")
    n_lags = check_integer(n_lags, "n_lags", 0)
    ppm = check_ppm(ppm, spectra.shape[1])
    inside = in_window(ppm, window, "window", at_least=n_lags + 4)
    residual = detrended(spectra[:, inside], ppm[inside])
    m = residual.shape[1]
    sd = np.sqrt((np.abs(residual) ** 2).sum(axis=1) / (2 * (m - 3)))
    products = np.array(
        [
            (residual[:, lag:] * residual[:, : m - lag].conj()).mean()
            for lag in range(n_lags + 1)
        ]
    )
    if products[0] == 0:
        raise ValueError(f"window {window} holds no noise at all")
    return Noise(sd, products / products[0].real)


def detrended(spectra, ppm):
    """Spectra (n, m) without their parabola in ppm."""
    x = (ppm - ppm.mean()) / np.ptp(ppm)
    basis = np.linalg.qr(np.vander(x, 3))[0]
    return spectra - (spectra @ basis) @ basis.T


def check_complex(X, name):
    """Finite complex64 or complex128 array of at least one dimension."""
    check_kind(X, name)
    X = np.asarray(X)
    if X.dtype.kind != "c":
        raise TypeError(f"{name} must be complex; got dtype {X.dtype}")
    if X.ndim == 0 or 0 in X.shape:
        raise ValueError(f"{name} must not be empty; got shape {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return X


def check_ppm(ppm, n_points):
    """Float shifts (n_points,), increasing or decreasing throughout."""
    ppm = np.asarray(ppm, dtype=np.float64)
    if ppm.shape != (n_points,):
        expected = f"shape ({n_points},), as the last axis of the spectra"
        raise ValueError(f"ppm must have {expected}; got {ppm.shape}")
    steps = np.diff(ppm)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError("ppm must be finite and increase or decrease throughout")
    return ppm


def in_window(axis, window, name, *, at_least=4, unit="ppm"):
    """Mask of the points of an axis in a window of (low, high), both included."""
    try:
        low, high = (float(edge) for edge in window)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not low < high:
        raise ValueError(f"{name} must be (low, high) in {unit}; got {window!r}")
    inside = (low <= axis) & (axis <= high)
    first, last = axis.min(), axis.max()
    if inside.sum() < at_least or low < first or high > last:
        raise ValueError(
            f"{name} {low:g} to {high:g} {unit} must lie on the axis, {first:.4g} to "
            f"{last:.4g}, and hold {at_least} of its points or more; it holds "
            f"{inside.sum()}"
        )
    return inside
