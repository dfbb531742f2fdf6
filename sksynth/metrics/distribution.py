"""How far two sets of signals are apart as distributions."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from sksynth._arrays import blocks, check_arrays, check_integer, check_positive
from sksynth._neighbors import centre_and_scale, squared_distance_blocks

_NAMES = ("X_real", "X_synthetic")
_CHUNK = 2**18  # sorted amplitudes compared at once


def maximum_mean_discrepancy(
    X_real, X_synthetic, *, bandwidth=None, n_kernels=5, biased=False
):
    r"""Squared maximum mean discrepancy (MMD) with a sum of Gaussian kernels.

    .. math::
        k(x, y) = \sum_{i=0}^{4} \exp\left(-\frac{|x - y|^2}{b_i}\right),
        \quad b_i = 2^{i-2} b

    and MMD² = mean k(real, real) + mean k(synthetic, synthetic) - 2 mean k(real,
    synthetic). 0 is ideal, and ``2 * n_kernels`` the most.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the sets may differ in size.
    bandwidth : float, default=None
        The b of the kernels, in the squared unit of X times numbers a row. None takes
        the mean squared distance between two different rows of both sets together. It
        then differs from one comparison to the next, and a single row far from all
        others makes it so wide that nothing differs any more: give one bandwidth, found
        on real rows, to compare several generators.
    n_kernels : int, default=5
        Kernels, of which number ``n_kernels // 2`` (from 0) has bandwidth b and each
        has twice the bandwidth of the one before.
    biased : bool, default=False
        True takes the mean over all pairs, those of a row with itself included: never
        negative, and too large, by up to ``2 * n_kernels / n`` for two sets of n rows.
        False leaves those pairs out: right on average, so often below 0 where the sets
        come from one distribution.

    Returns
    -------
    mmd : float
        The squared discrepancy.

    Raises
    ------
    ValueError
        If channels or times differ, a number is not finite, a set has fewer than 2
        rows (1 if biased), or bandwidth or n_kernels is not above 0.

    Notes
    -----
    Distances are taken in blocks, in float32 where both sets are: time grows with the
    square of the number of rows, memory does not.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf and A. Smola,
       "A kernel two-sample test", JMLR 13:723-773, 2012: equations 3 (unbiased) and
       5 (biased).

    Examples
    --------
    With one kernel of bandwidth 1 and two points at distance 1, 2 - 2 exp(-1):

    >>> from sksynth.metrics import maximum_mean_discrepancy
    >>> mmd = maximum_mean_discrepancy(
    ...     [[0.0]], [[1.0]], bandwidth=1, n_kernels=1, biased=True
    ... )
    >>> round(mmd, 4)
    1.2642
    """
    X, Y = check_arrays(
        X_real, X_synthetic, names=_NAMES, min_samples=1 if biased else 2
    )
    n_kernels = check_integer(n_kernels, "n_kernels", 1)
    if bandwidth is not None:
        bandwidth = check_positive(bandwidth, "bandwidth")
    centre, scale = centre_and_scale(X, Y)
    scale = float(scale)
    if bandwidth is not None:
        bandwidth = bandwidth / scale / scale  # in the unit of the blocks, as below
    else:
        if all((b == X[0]).all() for Z in (X, Y) for b in blocks(Z)):
            return 0.0  # no distance to take a bandwidth from
        bandwidth = _mean_squared_distance(X, Y, centre, scale)
    # of the widest kernel
    widest = bandwidth * 2.0 ** (n_kernels - 1 - n_kernels // 2)
    n_x, n_y = len(X), len(Y)
    within_x, within_y = (
        _kernel_sum(Z, Z, centre, scale, widest, n_kernels, symmetric=True)
        for Z in (X, Y)
    )
    between = _kernel_sum(X, Y, centre, scale, widest, n_kernels) / (n_x * n_y)
    if biased:
        within = within_x / n_x**2 + within_y / n_y**2
        return max(within - 2 * between, 0.0)  # rounding apart it is not below 0
    within = (within_x - n_kernels * n_x) / (n_x * (n_x - 1))
    within += (within_y - n_kernels * n_y) / (n_y * (n_y - 1))
    return within - 2 * between


def _mean_squared_distance(X, Y, centre, scale):
    """Between two different rows of X and Y together: 2 / (n - 1) sum |z - mean|^2.

    In the unit of ``scale``, since the squares of tiny numbers are 0.
    """
    total = sum(_squares(b, centre, scale) for Z in (X, Y) for b in blocks(Z))
    return 2 * total / (len(X) + len(Y) - 1)


def _squares(rows, centre, scale):
    deviation = (rows.reshape(len(rows), -1) - centre.astype(np.float64)) / scale
    return float(np.einsum("ij,ij->", deviation, deviation))


def _kernel_sum(X, Y, centre, scale, widest, n_kernels, symmetric=False):
    """Sum of the kernels over all pairs of rows of X and Y."""
    total = 0.0
    for rows, columns, block in squared_distance_blocks(
        X, Y, centre=centre, scale=scale, symmetric=symmetric
    ):
        kernel = block.astype(np.float64)
        kernel /= -widest
        np.exp(kernel, out=kernel)
        part = kernel.sum()
        for _ in range(n_kernels - 1):  # half the bandwidth: the square
            np.square(kernel, out=kernel)
            part += kernel.sum()
        total += part * (2 if symmetric and rows != columns else 1)
    return float(total)


def marginal_difference(X_real, X_synthetic):
    r"""Wasserstein-1 distance between the amplitudes of two sets, channel by channel.

    The amplitudes of all rows and times of a channel are two samples of numbers, with
    the quantile functions F and G; :math:`\int_0^1 |F(q) - G(q)| dq`. 0 is ideal. An
    offset of c costs \|c\|.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the sets may differ in size.

    Returns
    -------
    difference : ndarray of shape (n_channels,)
        In the unit of X.

    Raises
    ------
    ValueError
        If channels or times differ or a number is not finite.

    References
    ----------
    .. [1] S. S. Vallender, "Calculation of the Wasserstein distance between
       probability distributions on the line", Theory Probab Appl 18(4):784-786, 1974.

    Examples
    --------
    >>> from sksynth.metrics import marginal_difference
    >>> marginal_difference([[0, 0, 4, 4]], [[4, 0, 0, 4], [1, 5, 5, 1]])
    array([0.5])
    """
    X, Y = check_arrays(X_real, X_synthetic, names=_NAMES)
    pairs = ((X[:, channel], Y[:, channel]) for channel in range(X.shape[1]))
    return np.array([_wasserstein(x, y) for x, y in pairs])


def _wasserstein(x, y):
    """Mean distance of the quantiles of two arrays of numbers."""
    if len(x) < len(y):
        x, y = y, x  # steps through y, inside a chunk of x, are then no more
    x, y = x.flatten(), y.flatten()
    x.sort()
    y.sort()
    total = 0.0
    for start in range(0, len(x), _CHUNK):
        stop = min(start + _CHUNK, len(x))
        # quantiles in units of 1 / (n_x n_y), where either sample steps
        steps_x = np.arange(start, stop + 1) * len(y)
        first, last = steps_x[0] // len(x) + 1, -(-steps_x[-1] // len(x))
        steps_y = np.arange(first, last) * len(x)
        steps = np.sort(np.concatenate([steps_x, steps_y]), kind="stable")
        of_x, of_y = x[steps[:-1] // len(y)], y[steps[:-1] // len(x)]
        total += np.abs(np.subtract(of_x, of_y, dtype=np.float64)) @ np.diff(steps)
    return total / (len(x) * len(y))


def autocorrelation_difference(X_real, X_synthetic, *, n_lags=None):
    r"""Mean absolute difference of the autocorrelations of two sets, by channel.

    The autocorrelation of a signal :math:`x` of mean 0 at lag k is
    :math:`\sum_t x_t x_{t+k} / \sum_t x_t^2`. It is averaged over the signals of a set;
    the absolute differences of the two averages are averaged over the lags. 0 is ideal.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the sets may differ in size.
    n_lags : int, default=None
        Lags 1 to `n_lags`, in samples, less than ``n_times``; None is ``n_times // 4``,
        at least 1.

    Returns
    -------
    difference : ndarray of shape (n_channels,)
        Without unit. A constant signal has autocorrelation 0 here.

    Raises
    ------
    ValueError
        If channels or times differ, a number is not finite, or `n_lags` is not between
        1 and ``n_times - 1``.

    Examples
    --------
    Lag 1 of +1, -1, +1, -1 is -3/4; of +1, +1, -1, -1 it is 1/4:

    >>> from sksynth.metrics import autocorrelation_difference
    >>> autocorrelation_difference([[1, -1, 1, -1]], [[1, 1, -1, -1]], n_lags=1)
    array([1.])
    """
    X, Y = check_arrays(X_real, X_synthetic, names=_NAMES)
    n_times = X.shape[2]
    if n_times < 2:
        raise ValueError(f"autocorrelation needs n_times >= 2; got {n_times}")
    n_lags = max(1, n_times // 4) if n_lags is None else n_lags
    n_lags = check_integer(n_lags, "n_lags", 1, n_times - 1)
    real, synthetic = (
        sum(_autocorrelation(b, n_lags).sum(axis=0) for b in blocks(Z)) / len(Z)
        for Z in (X, Y)
    )
    return np.abs(real - synthetic).mean(axis=-1)


def _autocorrelation(signals, n_lags):
    """Autocorrelation (n, n_channels, n_lags) of signals, from lag 1 on."""
    signals = signals.astype(np.float64)
    signals -= signals[..., :1].copy()  # a constant is then exactly 0
    signals -= signals.mean(axis=-1, keepdims=True)
    n_padded = next_fast_len(signals.shape[-1] + n_lags, real=True)
    spectrum = rfft(signals, n_padded)
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    products = irfft(power, n_padded)[..., : n_lags + 1]
    variance = products[..., :1]
    return products[..., 1:] / np.where(variance > 0, variance, 1)


def skewness_difference(X_real, X_synthetic):
    """Absolute difference of the skewness of the amplitudes, channel by channel.

    Skewness is the third central moment of all numbers of a channel over the cube of
    their standard deviation (of the sample, without correction). 0 is ideal.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the sets may differ in size.

    Returns
    -------
    difference : ndarray of shape (n_channels,)
        Without unit. A constant channel has skewness 0 here.

    Raises
    ------
    ValueError
        If channels or times differ or a number is not finite.

    Examples
    --------
    The skewness of 0, 0, 0, 4 is 2 / sqrt(3), that of -1, 1 is 0:

    >>> from sksynth.metrics import skewness_difference
    >>> skewness_difference([[0, 0, 0, 4]], [[-1, 1, -1, 1]]).round(4)
    array([1.1547])
    """
    X, Y = check_arrays(X_real, X_synthetic, names=_NAMES)
    return np.abs(_standard_moment(X, 3) - _standard_moment(Y, 3))


def kurtosis_difference(X_real, X_synthetic):
    """Absolute difference of the kurtosis of the amplitudes, channel by channel.

    Kurtosis is the fourth central moment of all numbers of a channel over the fourth
    power of their standard deviation (of the sample, without correction). 0 is ideal.

    Parameters
    ----------
    X_real, X_synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the sets may differ in size.

    Returns
    -------
    difference : ndarray of shape (n_channels,)
        Without unit. A constant channel has the kurtosis of a normal distribution, 3,
        here.

    Raises
    ------
    ValueError
        If channels or times differ or a number is not finite.

    Examples
    --------
    The kurtosis of 0, 0, 0, 4 is 7 / 3, that of -1, 1 is 1:

    >>> from sksynth.metrics import kurtosis_difference
    >>> kurtosis_difference([[0, 0, 0, 4]], [[-1, 1, -1, 1]]).round(4)
    array([1.3333])
    """
    X, Y = check_arrays(X_real, X_synthetic, names=_NAMES)
    return np.abs(_standard_moment(X, 4) - _standard_moment(Y, 4))


_OF_NORMAL = {3: 0.0, 4: 3.0}  # skewness and kurtosis


def _standard_moment(X, order):
    """Central moment (n_channels,) over that power of the standard deviation."""
    size = X.shape[0] * X.shape[2]
    origin = X[0, :, :1].astype(np.float64)  # a constant is then exactly 0
    mean = sum((b - origin).sum(axis=(0, 2)) for b in blocks(X))[:, None] / size
    variance, moment = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for block in blocks(X):
        deviation = block - origin
        deviation -= mean
        square = np.square(deviation)
        variance += square.sum(axis=(0, 2)) / size
        power = square * (deviation if order == 3 else square)
        moment += power.sum(axis=(0, 2)) / size
    is_constant = variance == 0
    standard = moment / np.where(is_constant, 1, variance) ** (order / 2)
    return np.where(is_constant, _OF_NORMAL[order], standard)
