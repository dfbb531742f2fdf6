"""Spikes in extracellular recordings: where they are, how many, how far apart."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from sksynth._arrays import by_rows, check_positive, check_signals

from ._spectra import check_band

SPIKE_BAND = (300.0, 3000.0)  # Hz


def detect_spikes(X, *, fs, threshold=4.0, band=SPIKE_BAND, refractory=1e-3):
    r"""Where signals cross a threshold that follows their own noise.

    Each signal is filtered (Butterworth of order 2, zero phase). Its noise is
    :math:`\sigma = \mathrm{median}(|x|) / 0.6745` [1]_, which spikes hardly raise as
    long as they are rare. A spike is where \|x\| rises above `threshold` times that,
    of either polarity, at least `refractory` after the spike before. The filter
    surrounds spikes with lobes: those of very high ones may count once more.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals of 16 samples or more.
    fs : float
        Sampling rate in Hz.
    threshold : float, default=4.0
        In standard deviations of the noise.
    band : (float, float) or None, default=(300.0, 3000.0)
        Band of the filter in Hz, 0 < low < high < fs / 2. None takes the signals as
        they are.
    refractory : float, default=0.001
        Time in s after a spike in which no other one is found.

    Returns
    -------
    spikes : ndarray of shape (n_samples, n_channels, n_times), bool
        True at the first sample above the threshold of each spike.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    References
    ----------
    .. [1] R. Q. Quiroga, Z. Nadasdy and Y. Ben-Shaul, "Unsupervised spike detection and
       sorting with wavelets and superparamagnetic clustering", Neural Comput
       16(8):1661-1687, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import detect_spikes
    >>> x = np.resize([1.0, -1.0], 100)  # sigma 1.48, threshold 5.93
    >>> x[[20, 22, 70]] = [9, 9, -6]     # the second is within 1 ms of the first
    >>> np.flatnonzero(detect_spikes([x], fs=10_000, band=None))
    array([20, 70])
    """
    X = check_signals(X, min_samples=1)
    detect = Detector(X.shape[2], fs, threshold, band, refractory)
    return by_rows(X, detect)


def spike_count(X, *, fs, threshold=4.0, band=SPIKE_BAND, refractory=1e-3):
    """Number of spikes that :func:`detect_spikes` finds in each signal.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals of 16 samples or more.
    fs, threshold, band, refractory
        As in :func:`detect_spikes`.

    Returns
    -------
    count : ndarray of shape (n_samples, n_channels), int
        Spikes.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import spike_count
    >>> x = np.resize([1.0, -1.0], 100)
    >>> x[[20, 22, 70]] = [9, 9, -6]
    >>> spike_count([x], fs=10_000, band=None)
    array([[2]])
    """
    X = check_signals(X, min_samples=1)
    detect = Detector(X.shape[2], fs, threshold, band, refractory)
    return by_rows(X, lambda block: detect(block).sum(axis=2))


def firing_rate(spikes, *, fs):
    """Spikes a second.

    Parameters
    ----------
    spikes : array-like of shape (n_samples, n_channels, n_times), bool
        True at each spike, as :func:`detect_spikes` has it.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    rate : ndarray of shape (n_samples, n_channels)
        In Hz.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import firing_rate
    >>> spikes = np.zeros((1, 1, 500), dtype=bool)
    >>> spikes[0, 0, [100, 130, 400]] = True
    >>> firing_rate(spikes, fs=1000)
    array([[6.]])
    """
    spikes, fs = _check_spikes(spikes), check_positive(fs, "fs")
    return spikes.sum(axis=2) * fs / spikes.shape[2]


def interspike_intervals(spikes, *, fs):
    """Times between consecutive spikes of a signal.

    Parameters
    ----------
    spikes : array-like of shape (n_samples, n_channels, n_times), bool
        True at each spike, as :func:`detect_spikes` has it.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    intervals : ndarray of shape (n_intervals,)
        Of all signals, in s, in the order of samples, channels and times.
    signals : ndarray of shape (n_intervals, 2), int
        Sample and channel of each.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import interspike_intervals
    >>> spikes = np.zeros((2, 1, 500), dtype=bool)
    >>> spikes[0, 0, [100, 130, 400]] = spikes[1, 0, [7, 107]] = True
    >>> intervals, signals = interspike_intervals(spikes, fs=1000)
    >>> intervals
    array([0.03, 0.27, 0.1 ])
    >>> signals[:, 0]
    array([0, 0, 1])
    """
    spikes, fs = _check_spikes(spikes), check_positive(fs, "fs")
    *signals, samples = np.nonzero(spikes)
    signals = np.stack(signals, axis=1)
    same = (signals[1:] == signals[:-1]).all(axis=1)
    return np.diff(samples)[same] / fs, signals[1:][same]


class Detector:
    """What :func:`detect_spikes` does to signals of one length."""

    def __init__(self, n_times, fs, threshold, band, refractory):
        fs = check_positive(fs, "fs")
        self.threshold = check_positive(threshold, "threshold")
        refractory = check_positive(refractory, "refractory")
        # n samples are refractory if n / fs is, up to rounding
        self.gap = max(1, int(np.ceil(refractory * fs - 1e-6)))
        self.sos = None
        if band is not None:
            low, high = check_band(band, fs)
            if low == 0 or high == fs / 2:
                raise ValueError(
                    f"band must satisfy 0 < low < high < fs / 2 = {fs / 2:g} Hz; "
                    f"got {band}"
                )
            self.sos = butter(2, band, "bandpass", fs=fs, output="sos")
            if n_times < 16:  # sosfiltfilt goes on for 15 samples beyond the ends
                raise ValueError(f"the filter needs n_times >= 16; got {n_times}")

    def __call__(self, signals):
        """Spikes, bool, of signals (n, n_channels, n_times)."""
        x = signals
        if self.sos is not None:
            x = signals.astype(float)
            x -= x[..., :1].copy()  # what is constant stays 0 all through the filter
            x = sosfiltfilt(self.sos, x)
        x = np.abs(x)
        sigma = np.median(x, axis=-1, keepdims=True) / 0.6745
        rises = x > self.threshold * sigma
        rises[..., 1:] &= ~rises[..., :-1]
        return self._apart(rises.reshape(-1, rises.shape[-1])).reshape(rises.shape)

    def _apart(self, rises):
        """The first rise of each row, the first one `gap` or more after it, and so on.

        All rows go on together: as many steps as the busiest row has spikes.
        """
        rows, samples = np.nonzero(rises)
        order = rows * (rises.shape[1] + self.gap) + samples  # rows more than gap apart
        following = np.searchsorted(order, order + self.gap)
        chosen = np.zeros(len(order), dtype=bool)
        current = np.flatnonzero(np.diff(rows, prepend=-1))
        while current.size:
            chosen[current] = True
            after = following[current]
            inside = after < len(order)
            current, after = current[inside], after[inside]
            current = after[rows[after] == rows[current]]
        spikes = np.zeros_like(rises)
        spikes[rows[chosen], samples[chosen]] = True
        return spikes


def _check_spikes(spikes):
    spikes = np.asarray(spikes)
    if spikes.dtype != bool:
        raise TypeError(f"spikes must be of type bool; got {spikes.dtype}")
    if spikes.ndim != 3 or 0 in spikes.shape:
        raise ValueError(
            "spikes must have shape (n_samples, n_channels, n_times); got "
            f"{spikes.shape}"
        )
    return spikes
