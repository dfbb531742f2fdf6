"""How near signals are to a reference: row by row, to the nearest row, on average."""

import numpy as np

from sksynth._arrays import (
    blocks,
    check_arrays,
    check_labels,
    row_slices,
)
from sksynth._neighbors import Correlation, Distance, best_rows, standardised

from ._spectra import Welch

_LOUDEST_TO_FLOOR = 1e-12  # 120 dB


def log_spectral_distance(X, X_reference, *, fs=1.0, band=None, nperseg=None):
    r"""Log-spectral distance of paired signals, in dB.

    With the Welch power spectra P of a signal and Q of its reference at F frequencies,

    .. math:: \sqrt{\frac 1 F \sum_f \left(10 \log_{10} \frac{P_f}{Q_f}\right)^2} .

    0 is ideal. A gain of g costs :math:`|20 \log_{10} g|` dB, at any polarity.

    Parameters
    ----------
    X, X_reference : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals and their references: row i is compared with row i.
    fs : float, default=1.0
        Sampling rate in Hz. It only gives `band` its unit.
    band : (float, float), default=None
        Lowest and highest frequency in Hz, both included; None takes all but 0,
        where what Welch's method leaves is leakage of its window. The electrogram study
        has 0 to 30 Hz.
    nperseg : int, default=None
        Samples of a segment of Welch's method (Hann window, half overlap, mean of each
        segment removed); None is 256, or ``n_times`` where that is less.

    Returns
    -------
    distance : ndarray of shape (n, n_channels)
        In dB, between 0 and 120: power more than 120 dB under the strongest of the two
        spectra counts as 120 dB under it. So a constant channel is at 0 dB from
        another constant one.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or `band` holds no frequency.

    References
    ----------
    .. [1] A. H. Gray and J. D. Markel, "Distance measures for speech processing",
       IEEE Trans Acoust Speech Signal Process 24(5):380-391, 1976.
    .. [2] P. D. Welch, "The use of fast Fourier transform for the estimation of power
       spectra", IEEE Trans Audio Electroacoust 15(2):70-73, 1967.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import log_spectral_distance
    >>> X = np.random.default_rng(0).normal(size=(1, 2, 500))
    >>> log_spectral_distance(10 * X, X).round(6)
    array([[20., 20.]])
    """
    X, X_reference = check_arrays(X, X_reference, paired=True)
    spectra = Welch(X.shape[2], fs, band, nperseg)
    distance = np.empty(X.shape[:2])
    for rows in row_slices(len(X), X[0].size):
        power, power_reference = spectra(X[rows]), spectra(X_reference[rows])
        distance[rows] = _decibels_apart(power, power_reference)
    return distance


def power_spectrum_distance(X_real, X_synthetic, *, fs=1.0, band=None, nperseg=None):
    """Log-spectral distance between the mean power spectra of two sets, in dB.

    0 is ideal. It sees what the sets have on average, not the diversity in them.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the sets may differ in size.
    fs, band, nperseg
        As in :func:`log_spectral_distance`.

    Returns
    -------
    distance : ndarray of shape (n_channels,)
        In dB, between 0 and 120, as in :func:`log_spectral_distance`.

    Raises
    ------
    ValueError
        If channels or times differ, a number is not finite, or `band` holds no
        frequency.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import power_spectrum_distance
    >>> X = np.random.default_rng(0).normal(size=(30, 1, 500))
    >>> power_spectrum_distance(X, -0.1 * X[::-1]).round(6)
    array([20.])
    """
    X, Y = check_arrays(X_real, X_synthetic, names=("X_real", "X_synthetic"))
    spectra = Welch(X.shape[2], fs, band, nperseg)
    means = (sum(spectra(b).sum(axis=0) for b in blocks(Z)) / len(Z) for Z in (X, Y))
    return _decibels_apart(*means)


def paired_correlation(X, X_reference):
    """Pearson's correlation in time of paired signals, channel by channel.

    1 is ideal: the same signal up to a positive gain and an offset.

    Parameters
    ----------
    X, X_reference : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals and their references: row i is compared with row i.

    Returns
    -------
    correlation : ndarray of shape (n, n_channels)
        Between -1 and 1; 0 where a channel is constant, since r is not defined there.

    Raises
    ------
    ValueError
        If the shapes differ or a number is not finite.

    Examples
    --------
    >>> from sksynth.metrics import paired_correlation
    >>> paired_correlation([[1, 2, 3], [1, 2, 3], [1, 2, 3]],
    ...                    [[5, 7, 9], [3, 2, 1], [4, 4, 4]])
    array([[ 1.], [-1.], [ 0.]])
    """
    X, X_reference = check_arrays(X, X_reference, paired=True)
    correlation = np.empty(X.shape[:2])
    for rows in row_slices(len(X), X[0].size):
        a, b = standardised(X[rows]), standardised(X_reference[rows])
        correlation[rows] = np.einsum("nct,nct->nc", a, b)
    return np.clip(correlation, -1, 1, out=correlation)


def paired_rmse(X, X_reference):
    """Root mean squared difference in time of paired signals, channel by channel.

    0 is ideal.

    Parameters
    ----------
    X, X_reference : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals and their references: row i is compared with row i.

    Returns
    -------
    rmse : ndarray of shape (n, n_channels)
        In the unit of X.

    Raises
    ------
    ValueError
        If the shapes differ or a number is not finite.

    Examples
    --------
    >>> from sksynth.metrics import paired_rmse
    >>> paired_rmse([[0, 0, 0, 0]], [[3, -3, 3, -3]])
    array([[3.]])
    """
    X, X_reference = check_arrays(X, X_reference, paired=True)
    rmse = np.empty(X.shape[:2])
    for rows in row_slices(len(X), X[0].size):
        difference = X[rows].astype(np.float64)
        difference -= X_reference[rows]
        square = np.einsum("nct,nct->nc", difference, difference)
        rmse[rows] = np.sqrt(square / X.shape[2])
    return rmse


def nearest_match(
    X, X_reference, *, measure="rmse", y=None, y_reference=None, exclude_self=False
):
    """For each signal the most similar reference, and how similar it is.

    The reference of a synthetic signal that has no partner: its nearest real row, of
    the same class where labels are given.

    Parameters
    ----------
    X : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals.
    X_reference : array-like of shape (n_reference, n_channels, n_times) or 2-D
        Signals to look among.
    measure : {"rmse", "correlation"}, default="rmse"
        Least RMSE over all channels and times (the Euclidean distance over the square
        root of their number), or largest Pearson's r, mean over the channels (a
        constant channel has r = 0).
    y, y_reference : array-like of shape (n,) and (n_reference,), default=None
        Labels; a match then is of the same class.
    exclude_self : bool, default=False
        X and X_reference are the same rows (and y_reference is y, or left out), and
        row i may not match row i: real against the nearest other real row.

    Returns
    -------
    index : ndarray of shape (n,), int
        Row of X_reference; one of them where several are equally near.
    value : ndarray of shape (n,)
        RMSE in the unit of X, or mean correlation.

    Raises
    ------
    ValueError
        If channels or times differ, one set has labels and the other none, a class of
        y is missing in y_reference, or no other row is left to match.

    Notes
    -----
    The search goes through all pairs, in blocks: time grows with ``n * n_reference``,
    memory does not.

    Examples
    --------
    >>> from sksynth.metrics import nearest_match
    >>> real = [[0, 0], [1, 2], [10, 20]]
    >>> nearest_match([[9, 20], [0, 1]], real)
    (array([2, 0]), array([0.70710678, 0.70710678]))
    >>> nearest_match([[9, 20]], real, y=["N"], y_reference=["N", "N", "V"])[0]
    array([1])
    """
    X, X_reference = check_arrays(X, X_reference)
    if measure not in _MEASURES:
        raise ValueError(f"measure must be one of {[*_MEASURES]}; got {measure!r}")
    if exclude_self and not _are_equal(X, X_reference):
        raise ValueError(
            "exclude_self=True needs the same rows as X and X_reference; got others"
        )
    groups = _rows_by_class(X, X_reference, y, y_reference, exclude_self)
    costs, factor = _MEASURES[measure](X, X_reference)
    index, value = np.empty(len(X), dtype=np.intp), np.empty(len(X))
    for rows, columns in groups:
        best, found = best_rows(
            X, X_reference, costs, exclude_self=exclude_self, rows=rows, columns=columns
        )
        index[rows], value[rows] = found[:, 0], factor * best[:, 0]
    return index, value


def _by_rmse(X, X_reference):
    return Distance(X, X_reference), 1 / np.sqrt(X[0].size)


def _by_correlation(X, X_reference):
    return Correlation(), -1.0


_MEASURES = {  # the cost of a match, and the factor from it to the value
    "rmse": _by_rmse,
    "correlation": _by_correlation,
}


def _are_equal(X, Y):
    return len(X) == len(Y) and all(
        np.array_equal(X[rows], Y[rows]) for rows in row_slices(len(X), X[0].size)
    )


def _rows_by_class(X, X_reference, y, y_reference, exclude_self):
    """Rows of X and rows of X_reference that may match them, a pair for each class."""
    if exclude_self and y_reference is None:
        y_reference = y
    if (y is None) != (y_reference is None):
        missing = "y" if y is None else "y_reference"
        raise ValueError(f"y and y_reference go together; got {missing}=None")
    if y is None:
        y, y_reference = np.zeros(len(X)), np.zeros(len(X_reference))
    y = check_labels(y, len(X))
    y_reference = check_labels(y_reference, len(X_reference), "y_reference")
    if exclude_self and not np.array_equal(y, y_reference):
        raise ValueError("exclude_self=True needs y_reference equal to y; got others")
    groups = []
    for label in np.unique(y).tolist():
        rows, columns = np.flatnonzero(y == label), np.flatnonzero(y_reference == label)
        if len(columns) <= exclude_self:
            other = "other " if exclude_self else ""
            raise ValueError(
                f"X_reference has no {other}row of class {label!r} to match; its "
                f"classes are {np.unique(y_reference).tolist()}"
            )
        groups.append((rows, columns))
    return groups


def _decibels_apart(power, power_reference):
    """Root mean squared difference of two log spectra over the last axis."""
    loudest = np.maximum(power, power_reference).max(axis=-1, keepdims=True)
    floor = np.where(loudest > 0, _LOUDEST_TO_FLOOR * loudest, 1)
    ratio = np.maximum(power, floor) / np.maximum(power_reference, floor)
    return np.sqrt(np.square(10 * np.log10(ratio)).mean(axis=-1))
