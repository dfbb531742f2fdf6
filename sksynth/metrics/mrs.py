"""Quality of edited MR spectra, by the definitions of the field, and what GABA is."""

import numpy as np
from sklearn.utils import check_array

from sksynth._arrays import check_kind
from sksynth.mrs import check_ppm, detrended, in_window

GABA = (2.8, 3.2)  # ppm
GLX = (3.6, 3.9)
SIGNAL_FREE = (9.8, 10.8)


def spectral_snr(spectra, ppm, *, signal=GABA, noise=SIGNAL_FREE):
    r"""Signal-to-noise ratio of a peak: height over two standard deviations of noise.

    .. math:: \frac{\max_{signal} x}{2 \sigma}, \quad
              \sigma^2 = \frac{1}{n - 1} \sum_{noise} (x - p)^2

    with the parabola p fitted to the n points of the noise window, as in the challenge
    on edited spectroscopy of ISBI 2023 [1]_. Higher is better. Smoothing raises it,
    too.

    Parameters
    ----------
    spectra : array-like of shape (n, n_points), real or complex
        Difference spectra (or others), whose real part counts.
    ppm : array-like of shape (n_points,)
        Shift of each point in ppm, in either direction.
    signal, noise : (float, float), default=(2.8, 3.2) and (9.8, 10.8)
        Windows in ppm, ends included.

    Returns
    -------
    snr : ndarray of shape (n,)
        Without a unit; infinite where the noise window holds a parabola.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a number is not finite or a window not on the axis.

    References
    ----------
    .. [1] R. P. Berto et al., "Results of the 2023 ISBI challenge to reduce GABA-edited
       MRS acquisition time", MAGMA, 2024, doi:10.1007/s10334-024-01156-9.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import spectral_snr
    >>> ppm = np.linspace(0, 12, 1201)
    >>> spectrum = 8 * np.exp(-(((ppm - 3) / 0.05) ** 2))
    >>> spectrum[ppm > 9] = np.resize([1, -1], (ppm > 9).sum())  # sd 1
    >>> spectral_snr([spectrum], ppm).round(1)
    array([4.])
    """
    spectra, ppm = _check_spectra(spectra, ppm)
    inside = in_window(ppm, signal, "signal")
    height = spectra[:, inside].max(axis=1)
    with np.errstate(divide="ignore"):
        return height / (2 * _noise_sd(spectra, ppm, noise))


def linewidth(spectra, ppm, *, window=GABA):
    """Width at half height of the largest peak in a window, in ppm.

    Each spectrum is scaled to 0 ... 1 in the window, and half is 0.5. The width reaches
    from the first point above half, seen from the end of high ppm, to the last one: as
    the challenge of ISBI 2023 has it, a second peak above half counts in, too. Where no
    point on that side of the maximum is above half, the window ends the line.

    Parameters
    ----------
    spectra : array-like of shape (n, n_points), real or complex
        Difference spectra (or others), whose real part counts.
    ppm : array-like of shape (n_points,)
        Shift of each point in ppm, in either direction.
    window : (float, float), default=(2.8, 3.2)
        In ppm, ends included.

    Returns
    -------
    width : ndarray of shape (n,)
        In ppm; times the Larmor frequency in MHz it is in Hz.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a number is not finite, the window is not on the axis or
        a spectrum is constant there.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import linewidth
    >>> ppm = np.linspace(0, 5, 5001)
    >>> line = np.exp(-4 * np.log(2) * ((ppm - 3) / 0.0801) ** 2)  # FWHM 0.0801
    >>> linewidth([line], ppm).round(3)
    array([0.08])
    """
    spectra, ppm = _check_spectra(spectra, ppm)
    inside = in_window(ppm, window, "window")
    x, shift = _scaled(spectra[:, inside]), ppm[inside]
    if shift[0] < shift[-1]:
        x, shift = x[:, ::-1], shift[::-1]
    high = x > 0.5
    point = np.arange(len(shift))
    before = high & (point < x.argmax(axis=1)[:, None])
    first = before.argmax(axis=1)  # 0, the edge, where there is none
    last = point[-1] - high[:, ::-1].argmax(axis=1)
    return shift[first] - shift[last]


def shape_score(spectra, reference, ppm):
    """Shape score of GABA and Glx against a reference, at most 1.

    ``0.6 r(2.8-3.2 ppm) + 0.4 r(3.6-3.9 ppm)`` with Pearson's r, which the scaling to
    0 ... 1 of the published definition (ISBI 2023) does not change. 1 is ideal.

    Parameters
    ----------
    spectra, reference : array-like of shape (n, n_points), real or complex
        Difference spectra and their references, row by row; the real parts count.
    ppm : array-like of shape (n_points,)
        Shift of each point in ppm, in either direction.

    Returns
    -------
    score : ndarray of shape (n,)
        Between -1 and 1; r is 0 where a spectrum is constant.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a number is not finite or a window not on the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import shape_score
    >>> ppm = np.linspace(0, 5, 501)
    >>> y = np.exp(-((ppm - 3) / 0.1) ** 2) + np.exp(-((ppm - 3.75) / 0.1) ** 2)
    >>> x = np.where(ppm < 3.4, 5 * y, -y)  # Glx has the wrong sign
    >>> shape_score([y, x], [y, y], ppm).round(6)
    array([1. , 0.2])
    """
    spectra, ppm = _check_spectra(spectra, ppm)
    reference = _check_reference(reference, spectra)
    score = np.zeros(len(spectra))
    for share, window in ((0.6, GABA), (0.4, GLX)):
        inside = in_window(ppm, window, "the window of the score")
        a, b = (X[:, inside] for X in (spectra, reference))
        a, b = (X - X.mean(axis=1, keepdims=True) for X in (a, b))
        size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        r = (a * b).sum(axis=1) / np.where(size > 0, size, np.inf)
        score += share * np.clip(r, -1, 1)
    return score


def spectral_mse(spectra, reference, ppm, *, window=(2.5, 4.0)):
    """Mean squared difference from a reference, each scaled to 0 ... 1 in a window.

    0 is ideal. Gain and offset do not count.

    Parameters
    ----------
    spectra, reference : array-like of shape (n, n_points), real or complex
        Difference spectra and their references, row by row; the real parts count.
    ppm : array-like of shape (n_points,)
        Shift of each point in ppm, in either direction.
    window : (float, float), default=(2.5, 4.0)
        In ppm, ends included.

    Returns
    -------
    mse : ndarray of shape (n,)
        Without a unit.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a number is not finite, the window is not on the axis or
        a spectrum is constant there.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import spectral_mse
    >>> ppm = np.array([2.5, 3.0, 3.5, 4.0])
    >>> spectral_mse([[0, 2, 0, 1]], [[1, 5, 1, 1]], ppm)
    array([0.0625])
    """
    spectra, ppm = _check_spectra(spectra, ppm)
    reference = _check_reference(reference, spectra)
    inside = in_window(ppm, window, "window")
    difference = _scaled(spectra[:, inside]) - _scaled(reference[:, inside])
    return (difference**2).mean(axis=1)


def _check_spectra(spectra, ppm, name="spectra"):
    """Real parts (n, n_points), float64, and shifts (n_points,)."""
    check_kind(spectra, name)
    spectra = np.asarray(spectra)
    if spectra.dtype.kind == "c":
        spectra = spectra.real
    if spectra.ndim != 2:
        raise ValueError(f"{name} must have shape (n, n_points); got {spectra.shape}")
    spectra = check_array(spectra, dtype=np.float64, input_name=name)
    return spectra, check_ppm(ppm, spectra.shape[1])


def _check_reference(reference, spectra):
    reference = np.asarray(reference)
    if reference.shape != spectra.shape:
        raise ValueError(
            f"reference must have the shape of spectra, {spectra.shape}; got "
            f"{reference.shape}"
        )
    if reference.dtype.kind == "c":
        reference = reference.real
    return check_array(reference, dtype=np.float64, input_name="reference")


def _scaled(X):
    """Rows from 0 to 1."""
    low = X.min(axis=1, keepdims=True)
    span = X.max(axis=1, keepdims=True) - low
    if (span == 0).any():
        rows = np.flatnonzero(span == 0).tolist()
        raise ValueError(f"spectra {rows} are constant in the window: not scalable")
    return (X - low) / span


def _noise_sd(spectra, ppm, window):
    inside = in_window(ppm, window, "noise")
    residual = detrended(spectra[:, inside], ppm[inside])
    return np.sqrt((residual**2).sum(axis=1) / (inside.sum() - 1))
