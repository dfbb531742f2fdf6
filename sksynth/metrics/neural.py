"""What neurophysiologists measure in extracellular recordings."""

import numpy as np

from sksynth._arrays import by_rows, check_integer, check_signals

from ._spectra import Welch, check_band
from .spikes import SPIKE_BAND, Detector


def root_mean_square(X):
    """Root of the mean square of each signal.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals.

    Returns
    -------
    rms : ndarray of shape (n_samples, n_channels)
        In the unit of X. The mean is not removed.

    Raises
    ------
    ValueError
        If the shape is wrong or a number is not finite.

    Examples
    --------
    >>> from sksynth.metrics import root_mean_square
    >>> root_mean_square([[1.0, -7.0, 5.0, 5.0]])
    array([[5.]])
    """
    return by_rows(check_signals(X, min_samples=1), _rms)


def zero_crossings(X):
    """Number of changes of sign of each signal; 0 counts as positive.

    A sine of f Hz has 2 f a second; noise of a higher frequency has more.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals. Their mean is not removed.

    Returns
    -------
    count : ndarray of shape (n_samples, n_channels), int
        Between 0 and ``n_times - 1``.

    Raises
    ------
    ValueError
        If the shape is wrong or a number is not finite.

    Examples
    --------
    >>> from sksynth.metrics import zero_crossings
    >>> zero_crossings([[1.0, -1.0, -2.0, 0.0, 3.0]])
    array([[2]])
    """
    return by_rows(check_signals(X, min_samples=1), _zero_crossings)


def curve_length(X):
    r"""Length of each curve along the axis of its values.

    It is :math:`\sum|x_t - x_{t-1}|`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals.

    Returns
    -------
    length : ndarray of shape (n_samples, n_channels)
        In the unit of X. It grows with the sampling rate where there is noise.

    Raises
    ------
    ValueError
        If the shape is wrong or a number is not finite.

    Examples
    --------
    >>> from sksynth.metrics import curve_length
    >>> curve_length([[1.0, 3.0, 2.0, 2.0]])
    array([[3.]])
    """
    return by_rows(check_signals(X, min_samples=1), _curve_length)


def teager_energy(X):
    r"""Mean of the energy of Teager and Kaiser [1]_.

    .. math:: x_t^2 - x_{t-1} x_{t+1}

    It is :math:`A^2 \sin^2 \omega` for a sine of amplitude A whose phase advances by
    omega a sample: spikes, large and fast, stand out.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals of 3 samples or more.

    Returns
    -------
    energy : ndarray of shape (n_samples, n_channels)
        In the squared unit of X; it may be negative.

    Raises
    ------
    ValueError
        If the shape is wrong, the signals are too short or a number is not finite.

    References
    ----------
    .. [1] J. F. Kaiser, "On a simple algorithm to calculate the 'energy' of a signal",
       Proc. ICASSP, 381-384, 1990.

    Examples
    --------
    >>> from sksynth.metrics import teager_energy
    >>> teager_energy([[1.0, 2.0, 0.0, 1.0]])  # the mean of 4 - 0 and 0 - 2
    array([[1.]])
    """
    X = check_signals(X, min_samples=1)
    if X.shape[2] < 3:
        raise ValueError(f"Teager energy needs n_times >= 3; got {X.shape[2]}")
    return by_rows(X, _teager_energy)


def band_power(X, *, fs, bands, nperseg=None):
    """Power of each signal in bands of frequencies.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals.
    fs : float
        Sampling rate in Hz.
    bands : sequence of (float, float)
        Lowest and highest frequency of each band in Hz. The lower end belongs to the
        band, the upper one does not unless it is ``fs / 2``, so that the powers of
        neighbouring bands add up. 0 Hz belongs to none.
    nperseg : int, default=None
        Samples of a segment of Welch's method (Hann window, half overlap, mean of each
        segment removed); None is 256, or ``n_times`` where that is less. Frequencies
        are ``fs / nperseg`` apart.

    Returns
    -------
    power : ndarray of shape (n_samples, n_channels, n_bands)
        Mean square of the part in the band, in the squared unit of X.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid or a band holds no frequency.

    Examples
    --------
    A sine of amplitude 2 has a power of 2:

    >>> import numpy as np
    >>> from sksynth.metrics import band_power
    >>> x = 2 * np.sin(2 * np.pi * 50 * np.arange(1000) / 1000)
    >>> band_power([x], fs=1000, bands=[(20, 80), (80, 500)], nperseg=500).round(3)
    array([[[2., 0.]]])
    """
    X = check_signals(X, min_samples=1)
    spectra = Welch(X.shape[2], fs, None, nperseg)
    fs, hertz = spectra.fs, spectra.frequencies
    if isinstance(bands, str) or not np.iterable(bands) or len(bands) == 0:
        raise ValueError(f"bands must hold pairs of frequencies in Hz; got {bands!r}")
    members = []
    for band in bands:
        low, high = check_band(band, fs)
        inside = (low <= hertz) & ((hertz < high) | (high == fs / 2))
        if not inside.any():
            raise ValueError(
                f"band {band} holds none of the frequencies, which are "
                f"{fs / spectra.nperseg:g} Hz apart with nperseg={spectra.nperseg}"
            )
        members.append(inside)
    spacing = fs / spectra.nperseg
    weights = spacing * np.array(members, dtype=float).T  # (n_frequencies, n_bands)
    return by_rows(X, lambda block: spectra(block) @ weights)


def local_metrics(
    X, *, fs, window=1024, threshold=4.0, band=SPIKE_BAND, refractory=1e-3
):
    """Five metrics in windows that follow each other: how a recording changes.

    They are the RMS, the number of zero crossings, the number of spikes, the curve
    length and the mean Teager energy of each window, which knows nothing of its
    neighbours; only the spikes are detected in the whole signal, whose noise sets
    their threshold.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals; ``n_times`` is a multiple of `window`.
    fs : float
        Sampling rate in Hz.
    window : int, default=1024
        Samples of a window, 3 or more. The default is 42.7 ms at 24 kHz.
    threshold, band, refractory
        As in :func:`detect_spikes`.

    Returns
    -------
    metrics : ndarray of shape (n_samples, n_channels, 5, n_windows)
        In this order, in the unit of X, without unit (two counts), in the unit of X and
        in its square.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import local_metrics
    >>> X = np.random.default_rng(0).normal(size=(2, 1, 5 * 1024))
    >>> found = local_metrics(X, fs=24_000)
    >>> found.shape
    (2, 1, 5, 5)
    >>> found[0, 0, 0].round(1)
    array([1., 1., 1., 1., 1.])
    """
    X = check_signals(X, min_samples=1)
    window = check_integer(window, "window", 3)
    if X.shape[2] % window:
        raise ValueError(
            f"n_times must be a multiple of window={window}; got {X.shape[2]}"
        )
    detect = Detector(X.shape[2], fs, threshold, band, refractory)

    def measure(block):
        x, spikes = (
            a.reshape(*a.shape[:2], -1, window) for a in (block, detect(block))
        )
        parts = (_rms(x), _zero_crossings(x), spikes.sum(axis=-1))
        return np.stack([*parts, _curve_length(x), _teager_energy(x)], axis=2)

    return by_rows(X, measure)


def _rms(x):
    return np.sqrt(np.square(x, dtype=float).mean(axis=-1))


def _zero_crossings(x):
    positive = x >= 0
    return (positive[..., 1:] != positive[..., :-1]).sum(axis=-1)


def _curve_length(x):
    return np.abs(np.diff(x)).sum(axis=-1, dtype=float)


def _teager_energy(x):
    x = x.astype(float)
    return (x[..., 1:-1] ** 2 - x[..., :-2] * x[..., 2:]).mean(axis=-1)
