"""Power spectra by Welch's method, and bands of frequencies."""

from numbers import Real

import numpy as np
from scipy.signal import welch

from sksynth._arrays import check_integer, check_positive


class Welch:
    """Power spectra of signals of one length, at the frequencies of a band."""

    def __init__(self, n_times, fs, band, nperseg):
        self.fs = check_positive(fs, "fs")
        if n_times < 2:
            raise ValueError(f"a spectrum needs n_times >= 2; got {n_times}")
        if nperseg is None:
            nperseg = min(256, n_times)
        self.nperseg = check_integer(nperseg, "nperseg", 2, n_times)
        frequencies = np.fft.rfftfreq(self.nperseg, 1 / self.fs)
        self.chosen = frequencies > 0
        if band is not None:
            low, high = check_band(band, self.fs)
            self.chosen = (low <= frequencies) & (frequencies <= high)
            if not self.chosen.any():
                raise ValueError(
                    f"band {band} holds none of the frequencies, which are "
                    f"{frequencies[1]:g} Hz apart with nperseg={self.nperseg}"
                )
        self.frequencies = frequencies[self.chosen]

    def __call__(self, signals):
        """Power (n, n_channels, n_frequencies) of signals (n, n_channels, n_times)."""
        signals = signals.astype(np.float64)
        signals -= signals[..., :1].copy()  # a constant has no power at all
        power = welch(signals, self.fs, nperseg=self.nperseg)[1]
        return power[..., self.chosen]


def check_band(band, fs):
    try:
        low, high = band
    except (TypeError, ValueError):
        raise ValueError(f"band must be (low, high) in Hz; got {band!r}") from None
    if not (isinstance(low, Real) and isinstance(high, Real)):
        raise TypeError(f"band must hold two numbers; got {band!r}")
    if not 0 <= low < high <= fs / 2:
        raise ValueError(
            f"band must satisfy 0 <= low < high <= fs / 2 = {fs / 2:g} Hz; got {band}"
        )
    return low, high
