"""Fit of the edited GABA signal, and of Glx beside it."""

import numpy as np

from sksynth._arrays import check_positive
from sksynth.mrs import in_window

from ._least_squares import bounded, fit, unbounded
from .mrs import _check_spectra, _noise_sd

WINDOW, WIDE_WINDOW = (2.79, 3.55), (2.79, 4.10)  # ppm; the latter holds Glx
CHOLINE = (3.16, 3.285)  # ppm; what its subtraction leaves
CHOLINE_WEIGHT = 1e-3  # of residuals
FWHM = (0.04, 0.5)  # ppm: limits of a fitted line
CENTER, WIDE_CENTER = (3.02, 0.15), (3.02, 0.05)  # ppm: start, limit on both sides
START_FWHM = np.array([0.16, 0.08, 0.08])  # ppm
NEAR = 0.08  # ppm: where a peak's height is looked for at the start
GLX_CENTERS = ((3.71, 0.02), (3.79, 0.02))
NOISES = ((8.0, 9.0), (9.0, 10.0))  # ppm
FULL_CIRCLE = 8 * (WIDE_WINDOW[1] - WIDE_WINDOW[0])  # ppm, period of the slow baseline


def gaba_fit(spectra, ppm, larmor, *, glx=False):
    r"""Fit a Gaussian to the edited GABA signal at 3 ppm.

    The model on 2.79 to 3.55 ppm is that of Gannet [1]_,

    .. math:: F(\delta) = a e^{b (\delta - c)^2} + s (\delta - c) + o, \quad b < 0 .

    The area counts the macromolecules that are edited with GABA (GABA+).

    Parameters
    ----------
    spectra : array-like of shape (n, n_points), real or complex
        Difference spectra ON - OFF, whose real part counts.
    ppm : array-like of shape (n_points,)
        Shift of each point in ppm, in either direction.
    larmor : float
        Larmor frequency in MHz, which turns widths into Hz.
    glx : bool, default=False
        Whether to fit Glx too: three Gaussians, at 3.02 (within 0.05 ppm), 3.71 and
        3.79 (within 0.02), on a linear and a slow sine and cosine baseline from 2.79 to
        4.10 ppm. What the subtraction leaves of choline, 3.16 to 3.285 ppm, has a
        weight of 0.001, and does not count in the fit errors.

    Returns
    -------
    result : dict of ndarray of shape (n,)
        `area` :math:`a \sqrt{\pi / -b}` in the unit of the spectra times ppm; `height`
        a; `center` c in ppm; `fwhm`, :math:`2 \nu \sqrt{\ln 2 / -b}` in Hz;
        `fit_error`, the standard deviation of the residuals in per cent of a; `snr`, a
        over twice the smaller of the standard deviations of 8 to 9 and 9 to 10 ppm
        after a parabola, NaN where the axis has not both. With `glx` also `glx_area`,
        of both its lines, and `glx_fit_error`, on 3.45 to 4.10 ppm in per cent of their
        sum's height.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a number is not finite, the window is not on the axis or a
        spectrum is constant there.

    Notes
    -----
    The FWHM is the true one. Gannet prints :math:`2 \nu \sqrt{1 / (2 |b|)}`, which is
    two standard deviations and 15 % less. Lines are 0.04 to 0.5 ppm wide and, without
    `glx`, within 0.15 ppm of 3.02; areas can be negative.

    References
    ----------
    .. [1] R. A. E. Edden et al., "Gannet: A batch-processing tool for the quantitative
       analysis of gamma-aminobutyric acid-edited MR spectroscopy spectra", J Magn Reson
       Imaging 40(6):1445-1452, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import gaba_fit
    >>> ppm = np.linspace(0, 12, 1201)
    >>> spectrum = 5 * np.exp(-100 * (ppm - 3.02) ** 2) + 0.3 * ppm
    >>> result = gaba_fit([spectrum], ppm, 127.7)
    >>> result["area"].round(4), result["fwhm"].round(3)
    (array([0.8862]), array([21.263]))
    """
    spectra, ppm = _check_spectra(spectra, ppm)
    larmor = check_positive(larmor, "larmor")
    window = WIDE_WINDOW if glx else WINDOW
    inside = in_window(ppm, window, "the window of the fit", at_least=16)
    delta = ppm[inside]
    peaks = (WIDE_CENTER, *GLX_CENTERS) if glx else (CENTER,)
    model = _Model(delta, peaks, periodic=glx)

    target = spectra[:, inside]
    scale = np.ptp(target, axis=1, keepdims=True)
    if not scale.all():
        rows = np.flatnonzero(scale[:, 0] == 0).tolist()
        raise ValueError(f"spectra {rows} are constant from {window} ppm")
    target = target / scale
    choline = (CHOLINE[0] <= delta) & (delta <= CHOLINE[1]) if glx else delta < -np.inf
    weight = np.where(choline, CHOLINE_WEIGHT, 1.0)
    parameters = fit(model, model.start(target), target, weight)

    residual = target - model(parameters)[0]
    height, fwhm, center = model.lines(parameters)  # (n, n_peaks)
    area = height * fwhm * np.sqrt(np.pi / np.log(2)) / 2
    scale = scale[:, 0]
    below = (delta <= WINDOW[1]) & ~choline
    result = {
        "area": area[:, 0] * scale,
        "height": height[:, 0] * scale,
        "center": center[:, 0],
        "fwhm": fwhm[:, 0] * larmor,
        "fit_error": 100 * residual[:, below].std(axis=1) / np.abs(height[:, 0]),
        "snr": _snr(spectra, ppm, height[:, 0] * scale),
    }
    if glx:
        above = delta >= 3.45
        total = np.abs(model.peaks(parameters)[0][:, :, 1:].sum(axis=2)).max(axis=1)
        result["glx_area"] = area[:, 1:].sum(axis=1) * scale
        result["glx_fit_error"] = 100 * residual[:, above].std(axis=1) / total
    return result


def _snr(spectra, ppm, height):
    if ppm.min() > NOISES[0][0] or ppm.max() < NOISES[1][1]:
        return np.full(len(spectra), np.nan)
    sd = np.minimum(*(_noise_sd(spectra, ppm, window) for window in NOISES))
    with np.errstate(divide="ignore"):
        return height / (2 * sd)


class _Model:
    """Gaussians on a baseline, for parameters (n, k).

    Each peak has a height, and a width and a place that are free numbers inside their
    limits; the baseline has a slope, an offset and, if periodic, a sine and a cosine.
    """

    def __init__(self, delta, peaks, *, periodic):
        self.delta = delta
        self.middle, self.reach = np.array(peaks).T
        slow = 2 * np.pi * delta / FULL_CIRCLE
        baseline = [delta - self.middle[0], np.ones_like(delta)]
        baseline += [np.sin(slow), np.cos(slow)] if periodic else []
        self.baseline = np.stack(baseline, axis=1)  # (m, n_terms)

    def start(self, target):
        """Broad peaks at their places, as high as what is near above the ends' line."""
        n, k = len(target), len(self.middle)
        ends = self.delta.argsort()[[0, -1]]
        low, high = target[:, ends].T
        slope = (high - low) / np.ptp(self.delta)
        line = low[:, None] + slope[:, None] * (self.middle - self.delta.min())
        start = np.zeros((n, 3 * k + self.baseline.shape[1]))
        above = target - low[:, None] - slope[:, None] * (self.delta - self.delta.min())
        near = np.abs(self.delta - self.middle[:, None]) < NEAR  # it may be a doublet
        highest = np.where(near, above[:, None], -np.inf).max(axis=2)  # (n, k)
        start[:, :k] = np.where(near.any(axis=1), highest, 0)
        start[:, k : 2 * k] = unbounded(START_FWHM[:k], *FWHM)
        start[:, 3 * k] = slope
        start[:, 3 * k + 1] = line[:, 0]
        return start

    def lines(self, parameters):
        """Heights, FWHM and centers in ppm, each (n, n_peaks)."""
        k = len(self.middle)
        height, width, place = (parameters[:, i * k : (i + 1) * k] for i in range(3))
        center = bounded(place, self.middle - self.reach, self.middle + self.reach)[0]
        return height, bounded(width, *FWHM)[0], center

    def peaks(self, parameters):
        """Values of each peak (n, m, n_peaks) and their derivatives by its numbers."""
        k = len(self.middle)
        _, width, place = (parameters[:, i * k : (i + 1) * k] for i in range(3))
        height, fwhm, center = (x[:, None] for x in self.lines(parameters))
        d_fwhm = bounded(width, *FWHM)[1][:, None]
        d_center = self.reach * (1 - np.tanh(place[:, None]) ** 2)
        distance = self.delta[:, None] - center
        steepness = 4 * np.log(2) / fwhm**2  # -b
        shape = np.exp(-steepness * distance**2)
        values = height * shape
        by_width = values * 2 * steepness * distance**2 / fwhm * d_fwhm
        by_place = values * 2 * steepness * distance * d_center
        return values, (shape, by_width, by_place)

    def __call__(self, parameters):
        values, derivatives = self.peaks(parameters)
        n, k = len(parameters), 3 * len(self.middle)
        values = values.sum(axis=2) + parameters[:, k:] @ self.baseline.T
        baseline = np.broadcast_to(self.baseline, (n, *self.baseline.shape))
        return values, np.concatenate([*derivatives, baseline], axis=2)
