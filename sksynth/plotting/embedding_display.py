"""Real and synthetic signals as points of a plane."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length

from sksynth._arrays import channel_moments, check_kind
from sksynth._random import as_rng
from sksynth.plotting._matplotlib import import_pyplot
from sksynth.plotting._plane import METHODS, check_plane, class_colours, to_plane
from sksynth.plotting._text import plain

KINDS = ("real", "synthetic")


class EmbeddingDisplay:
    """Real and synthetic signals, each a point: by PCA or by t-SNE.

    As many real as synthetic rows are drawn at random and standardised with the mean
    and deviation of the real ones, channel by channel. PCA is fitted on both kinds
    together; t-SNE [1]_ is of their first 50 principal components. What lies apart in
    the plane of PCA is apart; t-SNE keeps neighbours, and neither the distances nor the
    sizes of its clouds mean anything.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, n_channels, n_times) or (n, n_times)
        Signals, two of each at least.
    y_real, y_synthetic : array-like of labels, default=None
        Their classes, both or neither.
    method : {"pca", "tsne"}, default="pca"
        How the plane is found.
    n_rows : int, default=300
        Rows of each kind, at most.
    random_state : int, RandomState or None, default=None
        Chooses the rows and seeds t-SNE.

    Attributes
    ----------
    real_points_, synthetic_points_ : ndarray of shape (n, 2)
        The points; found by the first ``plot`` and kept.
    ax_ : matplotlib Axes
        Where they are drawn.
    figure_ : matplotlib Figure
        Its figure.

    References
    ----------
    .. [1] L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", Journal of
       Machine Learning Research 9, 2579-2605 (2008).

    Examples
    --------
    Two signals on either side of zero, and copies of them: the points agree.

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sksynth.plotting import EmbeddingDisplay
    >>> X = np.array([[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]])
    >>> display = EmbeddingDisplay(X, X, random_state=0).plot()
    >>> np.allclose(display.real_points_, display.synthetic_points_)
    True
    """

    def __init__(
        self,
        real,
        synthetic,
        *,
        y_real=None,
        y_synthetic=None,
        method="pca",
        n_rows=300,
        random_state=None,
    ):
        self.real = real
        self.synthetic = synthetic
        self.y_real = y_real
        self.y_synthetic = y_synthetic
        self.method = method
        self.n_rows = n_rows
        self.random_state = random_state

    def plot(self, *, by="kind", ax=None, figsize=None):
        """Draw the points.

        Parameters
        ----------
        by : {"kind", "class"}, default="kind"
            What the colours mean: real or synthetic, or the class; then real rows are
            dots and synthetic ones crosses.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        figsize : tuple of float, default=None
            Size of the new figure in inches.

        Returns
        -------
        display : EmbeddingDisplay
            This display.

        Raises
        ------
        TypeError
            If ``n_rows`` is no integer.
        ValueError
            If the method, ``by``, the shapes or the labels do not fit.
        """
        if by not in ("kind", "class"):
            raise ValueError(f"by must be 'kind' or 'class'; got {by!r}")
        if by == "class" and self.y_real is None:
            raise ValueError("by='class' needs y_real and y_synthetic; got None")
        if not hasattr(self, "real_points_"):
            self._embed()
        if ax is None:
            ax = import_pyplot().subplots(layout="constrained", figsize=figsize)[1]
        groups = self._by_kind() if by == "kind" else self._by_class()
        for points, marker, colour, label in groups:
            ax.scatter(
                *points.T, s=12, marker=marker, color=colour, alpha=0.6, label=label
            )
        name = METHODS[self.method]
        ax.set(xlabel=f"{name} 1", ylabel=f"{name} 2", xticks=[], yticks=[])
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _by_kind(self):
        yield self.real_points_, "o", "C0", "real"
        yield self.synthetic_points_, "o", "C1", "synthetic"

    def _by_class(self):
        y_real, y_synthetic = self._labels
        for label, colour in class_colours(np.concatenate(self._labels)):
            real = self.real_points_[y_real == label]
            synthetic = self.synthetic_points_[y_synthetic == label]
            yield real, "o", colour, plain(label, 16)
            yield synthetic, "x", colour, None
        none = np.empty((0, 2))
        yield none, "o", "grey", "real"  # for the legend
        yield none, "x", "grey", "synthetic"

    def _embed(self):
        check_plane(self.method, self.n_rows)
        rng = as_rng(self.random_state)
        real, synthetic, *labels = self._checked()
        n = min(len(real), len(synthetic), self.n_rows)
        rows = [np.sort(rng.choice(len(X), n, False)) for X in (real, synthetic)]
        self._labels = [
            y[r] for y, r in zip(labels, rows, strict=True) if y is not None
        ]
        real, synthetic = real[rows[0]], synthetic[rows[1]]
        mean, deviation = (moments[:, None] for moments in channel_moments(real))
        both = (np.concatenate([real, synthetic]) - mean) / deviation
        points = to_plane(both.reshape(2 * n, -1), self.method, rng)
        self.real_points_, self.synthetic_points_ = points[:n], points[n:]

    def _checked(self):
        """Signals (n, n_channels, n_times) of both kinds, and their labels."""
        if (self.y_real is None) != (self.y_synthetic is None):
            raise ValueError("y_real and y_synthetic are given both or neither")
        signals, labels = [], []
        for name, X, y in zip(
            KINDS,
            (self.real, self.synthetic),
            (self.y_real, self.y_synthetic),
            strict=True,
        ):
            check_kind(X, name)
            X = check_array(X, ensure_2d=False, allow_nd=True, input_name=name)
            if X.ndim not in (2, 3) or len(X) < 2:
                raise ValueError(
                    f"{name} signals must have 2 or 3 dimensions and 2 rows or more; "
                    f"got shape {X.shape}"
                )
            signals.append(X[:, None] if X.ndim == 2 else X)
            labels.append(None if y is None else np.asarray(y))
            if y is not None:
                check_consistent_length(X, labels[-1])
        if signals[0].shape[1:] != signals[1].shape[1:]:
            raise ValueError(
                "real and synthetic signals must have the same channels and times; "
                f"got shapes {signals[0].shape} and {signals[1].shape}"
            )
        return *signals, *labels
