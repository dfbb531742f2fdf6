"""Fidelity and diversity apart: precision, recall, density and coverage."""

import numpy as np
from sklearn.utils import Bunch

from sksynth._arrays import check_arrays, check_integer, row_slices
from sksynth._neighbors import (
    Distance,
    nearest,
    prepared,
    squared_distance_blocks,
)
from sksynth.metrics.features import mapped


def precision_recall_density_coverage(
    X_real, X_synthetic, *, n_neighbors=5, features=None
):
    """How many synthetic rows are like real ones, and how many real ones are covered.

    A set is taken as the union of balls around its rows, each as large as the distance
    to the `n_neighbors`-th nearest other row of the set. Precision and recall are those
    of Kynkäänniemi et al. [1]_, density and coverage those of Naeem et al. [2]_, who
    count so that one outlying row spoils less. Higher is better for all four.

    Between two samples of one distribution, of n_real and n_synthetic rows, density is
    1 on average and coverage ``1 - (n_real - 1) ... (n_real - k) / ((n - 1) ... (n -
    k))``, n being their sum and k `n_neighbors` [2]_: 0.97 for sets of equal size and
    k = 5. Precision and recall have no such value: give those of one half of the real
    set against the other.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_channels, n_times) or (n_real, n_times)
        Real signals.
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals.
    n_neighbors : int, default=5
        Which neighbour sets the radius; less than the rows of either set.
    features : callable, default=None
        Takes signals (n, n_channels, n_times), returns numbers (n, n_features) between
        which distances are taken. None takes distances of the signals themselves, in
        which a channel of larger amplitude weighs more.

    Returns
    -------
    scores : :class:`~sklearn.utils.Bunch`
        Four floats:

        precision : fraction in [0, 1]
            Synthetic rows inside a ball of a real row: fidelity.
        recall : fraction in [0, 1]
            Real rows inside a ball of a synthetic row: diversity.
        density : float from 0 up
            Real balls that a synthetic row is in, over `n_neighbors`: fidelity.
        coverage : fraction in [0, 1]
            Real balls with a synthetic row inside: diversity.

    Raises
    ------
    ValueError
        If the sets differ in channels or times, or a set has not more rows than
        `n_neighbors`.
    TypeError
        If `n_neighbors` is no int, or `features` neither None nor callable.

    References
    ----------
    .. [1] T. Kynkäänniemi et al., "Improved precision and recall metric for assessing
       generative models", NeurIPS 2019.
    .. [2] M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative
       models", ICML 2020.

    Examples
    --------
    Two of four synthetic rows are near the real ones, and near two of these only:

    >>> from sksynth.metrics import precision_recall_density_coverage
    >>> real = [[0.0], [1.0], [10.0], [11.0]]
    >>> synthetic = [[0.4], [0.6], [50.0], [51.0]]
    >>> dict(precision_recall_density_coverage(real, synthetic, n_neighbors=1))
    {'precision': 0.5, 'recall': 0.0, 'density': 1.0, 'coverage': 0.5}
    """
    real, synthetic = check_arrays(
        X_real, X_synthetic, names=("X_real", "X_synthetic"), min_samples=2
    )
    k = check_integer(n_neighbors, "n_neighbors", 1, min(len(real), len(synthetic)) - 1)
    if features is not None:
        real, synthetic = mapped(features, real), mapped(features, synthetic)
    radii = [
        nearest(rows, rows, n_neighbors=k, exclude_self=True)[0][:, -1]
        for rows in (real, synthetic)
    ]
    n_balls = np.zeros(len(synthetic), dtype=np.int64)  # real ones around each row
    is_covered = np.zeros(len(real), dtype=bool)
    is_recalled = np.zeros(len(real), dtype=bool)
    for rows, columns, in_real, in_synthetic in _balls(real, synthetic, *radii):
        n_balls[columns] += in_real.sum(axis=0)
        is_covered[rows] |= in_real.any(axis=1)
        is_recalled[rows] |= in_synthetic.any(axis=1)
    return Bunch(
        precision=float((n_balls > 0).mean()),
        recall=float(is_recalled.mean()),
        density=float(n_balls.mean() / k),
        coverage=float(is_covered.mean()),
    )


def _balls(X, Y, radii_X, radii_Y):
    """Whether rows of Y are in the balls of rows of X, and the reverse, in blocks.

    Yields the slices of rows of X and of Y, and two arrays (n_rows, n_columns).
    """
    measure = Distance(X, Y)
    # of |a|^2 + |b|^2 - 2ab, relative to |a|^2 + |b|^2
    error = np.finfo(np.result_type(X, Y)).eps * (4 + np.sqrt(X[0].size))
    margin_X, margin_Y = (error * _squares(Z, measure) for Z in (X, Y))
    for rows, columns, block in squared_distance_blocks(
        X, Y, centre=measure.centre, scale=measure.scale
    ):
        margin = margin_X[rows, None] + margin_Y[columns]
        pair = X[rows], Y[columns], measure
        in_X = _closer(block, margin, radii_X[rows, None], *pair)
        in_Y = _closer(block, margin, radii_Y[None, columns], *pair)
        yield rows, columns, in_X, in_Y


def _closer(block, margin, radii, X, Y, measure):
    """Whether distances are at most the radii; those in doubt are taken exactly."""
    radii = np.broadcast_to(radii, block.shape)
    gap = block - np.square(radii / measure.scale)
    inside = gap <= 0
    i, j = np.nonzero(np.abs(gap) <= margin)
    for part in row_slices(len(i), X[0].size) if len(i) else ():
        pairs = i[part], j[part]
        distance = measure.exact(X[pairs[0]], Y[pairs[1]])
        inside[pairs] = distance <= radii[pairs] * (1 + 1e-12)
    return inside


def _squares(X, measure):
    """Squared norms (n,) of rows as the blocks of distances have them."""
    squares = np.empty(len(X))
    for rows in row_slices(len(X), X[0].size):
        flat = prepared(X[rows], measure.centre, measure.scale, X.dtype)
        squares[rows] = np.einsum("ij,ij->i", flat, flat, dtype=np.float64)
    return squares
