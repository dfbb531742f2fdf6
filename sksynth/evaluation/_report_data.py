"""What a report is made of, checked."""

from dataclasses import dataclass

import numpy as np

from sksynth._arrays import channel_moments, check_labels, check_signals
from sksynth._preprocessing import is_discrete
from sksynth.evaluation._splits import refuse_complex
from sksynth.metrics import power_spectrum_distance

FEWEST_ROWS = 4  # two halves of two
FEWEST = {"real": FEWEST_ROWS, "synthetic": 2, "held_out": FEWEST_ROWS}


@dataclass
class Signals:
    """Signals (n, n_channels, n_times) and their labels (n,), or None."""

    X: np.ndarray
    y: np.ndarray | None

    @property
    def labels(self):
        """The labels; one class if none were given."""
        return np.zeros(len(self.X), dtype=int) if self.y is None else self.y


def checked_data(X, y):
    """Signals of each kind; held-out ones only if they were given."""
    if (y["real"] is None) != (y["synthetic"] is None):
        raise ValueError("y_real and y_synthetic must be given both or neither")
    if y["held_out"] is not None and (y["real"] is None or X["held_out"] is None):
        raise ValueError("y_held_out needs X_held_out, y_real and y_synthetic")
    data = {}
    for kind, fewest in FEWEST.items():
        if X[kind] is None and kind == "held_out":
            continue
        refuse_complex(X[kind], f"X_{kind}")
        signals = check_signals(X[kind], f"X_{kind}", min_samples=fewest)
        shape = data["real"].X.shape[1:] if data else signals.shape[1:]
        if signals.shape[1:] != shape:
            raise ValueError(
                f"X_{kind} must have the channels and times of X_real, {shape}; got "
                f"shape {signals.shape} as (n_samples, n_channels, n_times)"
            )
        data[kind] = Signals(signals, _labels(y[kind], len(signals), f"y_{kind}"))
    return data


def _labels(y, n_rows, name):
    if y is None:
        return None
    y = check_labels(y, n_rows, name)
    if not is_discrete(y):
        raise ValueError(f"{name} must hold class labels; got measurements {y[:3]}")
    return y


def checked_names(names, n_channels):
    """Names of the channels as text; numbers where there are none."""
    if names is None:
        return [f"channel {channel}" for channel in range(n_channels)]
    names = [str(name) for name in names]
    if len(names) != n_channels:
        raise ValueError(
            f"channel_names must hold {n_channels} names, one a channel; got {names}"
        )
    return names


def check_band(band, fs, n_times):
    """Refuse what the spectral measures would refuse."""
    zeros = np.zeros((1, 1, n_times))
    power_spectrum_distance(zeros, zeros, fs=fs, band=band)


def standard_units(X):
    """Function that scales signals by the mean and deviation of the channels of X."""
    mean, deviation = (m.astype(X.dtype)[:, None] for m in channel_moments(X))

    def scale(signals):
        return (signals - mean) / deviation

    return scale
