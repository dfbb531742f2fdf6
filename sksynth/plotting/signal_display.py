"""Real and synthetic signals beside each other."""

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sksynth.plotting._matplotlib import import_pyplot


class SignalDisplay:
    """A few real and a few synthetic signals of each class.

    One column of axes a class; real signals above, synthetic ones below, on common
    axes. Channels are drawn one under the other.

    Parameters
    ----------
    real, synthetic : ndarray of shape (n, n_channels, n_times) or (n, n_times)
        Signals; the two may differ in number.
    y_real, y_synthetic : array-like of labels, default=None
        Their classes; None is one class.
    fs : float, default=None
        Sampling rate in Hz; None draws samples on the time axis.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2, n_classes)
        Real in the first row, synthetic in the second.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sksynth.datasets import make_ecg
    >>> from sksynth.plotting import SignalDisplay
    >>> X, y = make_ecg(60, random_state=0)
    >>> X_new, y_new = make_ecg(60, random_state=1)
    >>> SignalDisplay(X, X_new, y_real=y, y_synthetic=y_new, fs=180).plot().axes_.shape
    (2, 4)
    """

    def __init__(self, real, synthetic, *, y_real=None, y_synthetic=None, fs=None):
        self.real = real
        self.synthetic = synthetic
        self.y_real = y_real
        self.y_synthetic = y_synthetic
        self.fs = fs

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, n_signals=5, fs=None, random_state=None
    ):
        """Sample from a fitted generator and draw its signals under those of X.

        Parameters
        ----------
        estimator : fitted generator
            Samples ``n_signals`` a class.
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Real signals.
        y : array-like of shape (n_samples,), default=None
            Their labels; None for a generator fitted without.
        n_signals : int, default=5
            Signals a class and row.
        fs : float, default=None
            Sampling rate in Hz.
        random_state : int, RandomState or None, default=None
            Chooses the signals.

        Returns
        -------
        display : SignalDisplay
            The drawn display.
        """
        if y is None:
            synthetic = estimator.sample(n_signals, random_state=random_state)
            y_new = None
        else:
            y_new = np.repeat(np.unique(y), n_signals)
            synthetic = estimator.sample(len(y_new), y=y_new, random_state=random_state)
        display = cls(X, synthetic, y_real=y, y_synthetic=y_new, fs=fs)
        return display.plot(n_signals=n_signals)

    def plot(self, *, n_signals=5, figsize=None):
        """Draw the signals.

        Parameters
        ----------
        n_signals : int, default=5
            Signals a class and row: spread evenly over those given.
        figsize : tuple of float, default=None
            Size of the figure in inches.

        Returns
        -------
        display : SignalDisplay
            This display.
        """
        rows = [
            ("real", *_labelled(self.real, self.y_real)),
            ("synthetic", *_labelled(self.synthetic, self.y_synthetic)),
        ]
        classes = np.unique(np.concatenate([y for _, _, y in rows]))
        most = np.quantile(rows[0][1], [0.005, 0.995], axis=(0, 2))
        step = 1.2 * np.ptp(most, axis=0).max()  # between channels
        self.figure_, self.axes_ = import_pyplot().subplots(
            2,
            len(classes),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
            figsize=figsize or (2.6 * len(classes) + 0.6, 5),
        )
        for axes, (name, X, y) in zip(self.axes_, rows, strict=True):
            axes[0].set_ylabel(name)
            for ax, label in zip(axes, classes, strict=True):
                members = np.flatnonzero(y == label)
                chosen = members[_spread(len(members), n_signals)]
                _draw(ax, X[chosen], step, self.fs)
        for ax, label in zip(self.axes_[0], classes, strict=True):
            ax.set_title(str(label))
        for ax in self.axes_[1]:
            ax.set_xlabel("sample" if self.fs is None else "time (s)")
        return self


def _labelled(X, y):
    """Signals with an axis of channels, and a label for each."""
    X = np.asarray(X)
    X = X[:, None] if X.ndim == 2 else X
    if X.ndim != 3:
        raise ValueError(f"signals must have 2 or 3 dimensions; got shape {X.shape}")
    y = np.full(len(X), "") if y is None else np.asarray(y)
    check_consistent_length(X, y)
    return X, y


def _spread(n, n_chosen):
    return np.unique(np.linspace(0, n - 1, min(n, n_chosen)).astype(int)) if n else []


def _draw(ax, signals, step, fs):
    times = np.arange(signals.shape[2]) / (fs or 1)
    for channel in range(signals.shape[1]):
        offset = -channel * step
        colour = f"C{channel}"
        ax.plot(times, signals[:, channel].T + offset, color=colour, lw=0.8, alpha=0.8)
