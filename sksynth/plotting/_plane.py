"""Rows as points of a plane, and the colours of their classes."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from sksynth._arrays import check_integer
from sksynth.plotting._matplotlib import import_pyplot

# scikit-learn's t-SNE counts in float32, and NaN there ends the whole process
TINY, HUGE = 1e-30, 1e15
METHODS = {"pca": "PCA", "tsne": "t-SNE"}


def check_plane(method, n_rows):
    if method not in METHODS:
        raise ValueError(f"method must be one of {list(METHODS)}; got {method!r}")
    check_integer(n_rows, "n_rows", 2)


def to_plane(rows, method, rng):
    """Two numbers for each of the rows (n, n_numbers)."""
    seed = int(rng.randint(2**31))
    size = np.ptp(rows, axis=0).max()
    if size < TINY:  # equal rows have no axes
        return np.zeros((len(rows), 2))
    if not size < HUGE:
        raise ValueError(
            f"the rows are too far apart for a picture, {size:g} in the unit of the "
            "real ones; look for outliers"
        )
    if method == "pca":
        points = PCA(min(2, *rows.shape), svd_solver="full").fit_transform(rows)
        return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    n_components = min(50, *rows.shape)
    rows = PCA(n_components, svd_solver="full").fit_transform(rows)
    perplexity = min(30, (len(rows) - 1) / 3)
    init = "pca" if n_components > 1 else "random"
    return TSNE(perplexity=perplexity, init=init, random_state=seed).fit_transform(rows)


def class_colours(labels):
    """Classes in their order, each with a colour."""
    colours = import_pyplot().get_cmap("tab20").colors
    for i, label in enumerate(np.unique(labels)):
        yield label, colours[(2 * i + i // 10) % 20]  # the strong colours first
