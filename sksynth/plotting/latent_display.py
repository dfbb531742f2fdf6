"""Latents of signals as points of a plane."""

from inspect import signature

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sksynth._random import as_rng
from sksynth.plotting._matplotlib import import_pyplot
from sksynth.plotting._plane import METHODS, check_plane, class_colours, to_plane
from sksynth.plotting._text import plain


class LatentDisplay:
    """Latents of an autoencoder, each signal a point: by PCA or by t-SNE.

    Where the classes of a generator lie apart, it can be asked for either; where they
    overlap, its samples of one look like the other.

    Parameters
    ----------
    codes : array-like of shape (n, n_latents)
        Latents, 2 rows at least.
    y : array-like of labels, shape (n,), default=None
        Classes, which get a colour each.
    method : {"pca", "tsne"}, default="pca"
        How the plane is found. t-SNE keeps neighbours; neither its distances nor the
        sizes of its clouds mean anything.
    n_rows : int, default=1000
        Points at most; rows beyond are left out at random.
    random_state : int, RandomState or None, default=None
        Chooses the rows and seeds t-SNE.

    Attributes
    ----------
    points_ : ndarray of shape (n, 2)
        The points; found by the first ``plot`` and kept.
    ax_ : matplotlib Axes
        Where they are drawn.
    figure_ : matplotlib Figure
        Its figure.

    See Also
    --------
    EmbeddingDisplay : Real and synthetic signals, without a generator.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sksynth import VAE
    >>> from sksynth.plotting import LatentDisplay
    >>> X = np.random.default_rng(0).normal(size=(40, 8))
    >>> y = np.repeat(["sinus", "af"], 20)
    >>> vae = VAE(max_epochs=5, random_state=0).fit(X, y)
    >>> LatentDisplay.from_estimator(vae, X, y).points_.shape
    (40, 2)
    """

    def __init__(self, codes, *, y=None, method="pca", n_rows=1000, random_state=None):
        self.codes = codes
        self.y = y
        self.method = method
        self.n_rows = n_rows
        self.random_state = random_state

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        method="pca",
        n_rows=1000,
        random_state=None,
        ax=None,
        figsize=None,
    ):
        """Draw the latents of signals.

        Parameters
        ----------
        estimator : fitted generator
            Has ``encode``, which gives latents of shape (n, n_latents).
        X : array-like like the X of ``fit``
            Signals.
        y : array-like of labels, shape (n,), default=None
            Their classes: colours, and what ``encode`` is told if ``fit`` had labels.
        method, n_rows, random_state
            As in the constructor.
        ax, figsize
            As in ``plot``.

        Returns
        -------
        display : LatentDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If the estimator cannot encode, or ``n_rows`` is no integer.
        ValueError
            If its codes are no latents, but tokens, say, or a parameter does not fit.
        """
        if not hasattr(estimator, "encode"):
            name = type(estimator).__name__
            raise TypeError(f"estimator must have encode; {name} has not")
        check_is_fitted(estimator)
        check_plane(method, n_rows)
        takes_y = "y" in signature(estimator.encode).parameters
        told = {"y": y} if takes_y and estimator.conditions_.is_conditional else {}
        codes = np.asarray(estimator.encode(X, **told))
        if not np.issubdtype(codes.dtype, np.floating):
            raise ValueError(f"codes must be latents, real numbers; got {codes.dtype}")
        display = cls(
            codes, y=y, method=method, n_rows=n_rows, random_state=random_state
        )
        return display.plot(ax=ax, figsize=figsize)

    def plot(self, *, ax=None, figsize=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        figsize : tuple of float, default=None
            Size of the new figure in inches.

        Returns
        -------
        display : LatentDisplay
            This display.

        Raises
        ------
        TypeError
            If ``n_rows`` is no integer.
        ValueError
            If the method, ``n_rows``, the codes or the labels do not fit.
        """
        if not hasattr(self, "points_"):
            self._embed()
        if ax is None:
            ax = import_pyplot().subplots(layout="constrained", figsize=figsize)[1]
        style = {"s": 12, "alpha": 0.6}
        if self._y is None:
            ax.scatter(*self.points_.T, **style)
        else:
            for label, colour in class_colours(self._y):
                points = self.points_[self._y == label]
                ax.scatter(*points.T, color=colour, label=plain(label, 16), **style)
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")
        name = METHODS[self.method]
        ax.set(
            xlabel=f"{name} 1 of the latents", ylabel=f"{name} 2", xticks=[], yticks=[]
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _embed(self):
        check_plane(self.method, self.n_rows)
        codes = check_array(self.codes, ensure_min_samples=2, input_name="codes")
        y = None if self.y is None else np.asarray(self.y)
        if y is not None:
            if y.ndim != 1 or type_of_target(y).startswith("continuous"):
                raise ValueError(
                    "y must be one label a row, text, bool or whole numbers; got "
                    f"{y.dtype} of shape {y.shape}"
                )
            check_consistent_length(codes, y)
        rng = as_rng(self.random_state)
        n = min(len(codes), self.n_rows)
        rows = np.sort(rng.choice(len(codes), n, replace=False))
        self._y = None if y is None else y[rows]
        self.points_ = to_plane(codes[rows], self.method, rng)
