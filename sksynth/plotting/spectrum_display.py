"""Power spectra of real and synthetic signals on common axes."""

from numbers import Real

import numpy as np
from scipy.signal import welch
from sklearn.utils import check_array, gen_batches

from sksynth._arrays import check_kind
from sksynth.plotting._matplotlib import import_pyplot
from sksynth.plotting._text import plain

FLOOR = 1e-12  # of the largest mean power: 120 dB under it; log10(0) has no picture
NUMBERS_AT_ONCE = 2**22  # bounds the memory of the estimates


class SpectrumDisplay:
    """Mean power spectrum of each channel, real against synthetic.

    One axes a channel. The line is the mean power over the rows (Welch [1]_, Hann
    windows that overlap by half, mean of each window removed), the band holds the
    middle 80 % of the rows, frequency by frequency; both in dB. A gain of 10 lifts a
    curve by 20 dB.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the two may differ in number.
    fs : float, default=None
        Sampling rate in Hz; None draws cycles per sample.
    channel_names : list of str, default=None
        Titles of the axes; None numbers the channels.
    nperseg : int, default=None
        Length of a window in samples; None is 256, or all of a shorter signal.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_frequencies,)
        In Hz, or cycles per sample; set by ``plot``, as all that follow.
    real_, synthetic_ : ndarray of shape (3, n_channels, n_frequencies)
        Mean, lower and upper edge of the band, in dB of unit**2/Hz; not under 120 dB
        below the largest mean.
    axes_ : ndarray of matplotlib Axes of shape (n_channels,)
        One a channel.
    figure_ : matplotlib Figure
        The figure.

    References
    ----------
    .. [1] P. D. Welch, "The use of fast Fourier transform for the estimation of power
       spectra", IEEE Transactions on Audio and Electroacoustics 15(2), 70-73 (1967).

    Examples
    --------
    A wave of 8 Hz, and one of ten times the amplitude:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sksynth.plotting import SpectrumDisplay
    >>> wave = np.sin(2 * np.pi * 8 * np.arange(64) / 64)[None]
    >>> display = SpectrumDisplay(wave, 10 * wave, fs=64).plot()
    >>> display.frequencies_[display.real_[0, 0].argmax()].item()
    8.0
    >>> round((display.synthetic_ - display.real_)[0, 0].max().item(), 6)
    20.0
    """

    def __init__(self, real, synthetic, *, fs=None, channel_names=None, nperseg=None):
        self.real = real
        self.synthetic = synthetic
        self.fs = fs
        self.channel_names = channel_names
        self.nperseg = nperseg

    def plot(self, *, n_columns=4, figsize=None):
        """Estimate the spectra and draw them.

        Parameters
        ----------
        n_columns : int, default=4
            Axes beside each other, at most.
        figsize : tuple of float, default=None
            Size of the figure in inches.

        Returns
        -------
        display : SpectrumDisplay
            This display.

        Raises
        ------
        ValueError
            If the shapes, ``fs``, ``nperseg`` or ``channel_names`` do not fit.
        """
        real, synthetic = (
            _signals(self.real, "real"),
            _signals(self.synthetic, "synthetic"),
        )
        if real.shape[1:] != synthetic.shape[1:]:
            raise ValueError(
                "real and synthetic signals must have the same channels and times; "
                f"got shapes {real.shape} and {synthetic.shape}"
            )
        names = _names(self.channel_names, real.shape[1])
        fs, nperseg = _rate(self.fs), _window(self.nperseg, real.shape[2])
        self.frequencies_, power_real = _powers(real, fs, nperseg)
        _, power_synthetic = _powers(synthetic, fs, nperseg)
        self.real_, self.synthetic_ = _decibels(power_real), _decibels(power_synthetic)
        n_columns = min(n_columns, len(names))
        n_rows = -(-len(names) // n_columns)
        self.figure_, axes = import_pyplot().subplots(
            n_rows,
            n_columns,
            sharex=True,
            squeeze=False,
            layout="constrained",
            figsize=figsize or (3.2 * n_columns + 0.6, 2.4 * n_rows + 0.4),
        )
        for ax in axes.flat[len(names) :]:
            ax.remove()
        self.axes_ = axes.flat[: len(names)]
        for channel, (ax, name) in enumerate(zip(self.axes_, names, strict=True)):
            self._draw(ax, channel)
            ax.set_title(plain(name))
        for ax in self.axes_[-n_columns:]:
            ax.set_xlabel("cycles per sample" if self.fs is None else "frequency (Hz)")
            ax.xaxis.set_tick_params(labelbottom=True)
        for ax in axes[:, 0]:
            ax.set_ylabel("power (dB)")
        self.axes_[0].legend()
        return self

    def _draw(self, ax, channel):
        for name, colour, spectra in (
            ("real", "C0", self.real_),
            ("synthetic", "C1", self.synthetic_),
        ):
            mean, low, high = spectra[:, channel]
            ax.fill_between(self.frequencies_, low, high, color=colour, alpha=0.2, lw=0)
            ax.plot(self.frequencies_, mean, color=colour, lw=1.2, label=name)


def _signals(X, name):
    dtype = [np.float64, np.float32]
    check_kind(X, name)
    X = check_array(X, dtype=dtype, ensure_2d=False, allow_nd=True, input_name=name)
    if X.ndim not in (2, 3) or 0 in X.shape:
        raise ValueError(f"signals must have 2 or 3 dimensions; got shape {X.shape}")
    return X[:, None] if X.ndim == 2 else X


def _names(names, n_channels):
    if names is None:
        return [f"channel {channel}" for channel in range(n_channels)]
    names = [str(name) for name in names]
    if len(names) != n_channels:
        raise ValueError(
            f"channel_names must hold {n_channels} names, one a channel; got {names}"
        )
    return names


def _rate(fs):
    if fs is None:
        return 1.0
    if not isinstance(fs, Real) or not 0 < fs < np.inf:
        raise ValueError(f"fs must be a finite number of Hz above 0; got {fs!r}")
    return float(fs)


def _window(nperseg, n_times):
    if nperseg is None:
        return min(256, n_times)
    if not 2 <= nperseg <= n_times:
        raise ValueError(
            f"nperseg must be between 2 and the {n_times} samples of a signal; "
            f"got {nperseg!r}"
        )
    return nperseg


def _powers(X, fs, nperseg):
    """Frequencies (n_frequencies,), Welch power (n, n_channels, n_frequencies)."""
    parts = []
    for rows in gen_batches(len(X), max(1, NUMBERS_AT_ONCE // X[0].size)):
        frequencies, power = welch(X[rows], fs=fs, nperseg=nperseg, axis=-1)
        parts.append(power)
    return frequencies, np.concatenate(parts)


def _decibels(power):
    """Mean power and the middle 80 % of the rows, in dB, (3, n_channels, n_freq)."""
    mean = power.mean(axis=0, dtype=np.float64)
    spectra = np.stack([mean, *np.quantile(power, [0.1, 0.9], axis=0)])
    floor = max(FLOOR * mean.max(), np.finfo(np.float64).tiny)
    return 10 * np.log10(np.maximum(spectra, floor))
