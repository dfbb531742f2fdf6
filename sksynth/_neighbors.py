"""Nearest rows and pairwise squared distances, in blocks: no n x n matrix in memory.

Products of float32 blocks propose a few candidates a row; their distances are then
taken by differences, in float64. Where the rounding of float32 leaves open whether the
right ones were proposed, the row is searched again in float64.
"""

import numpy as np

from sksynth._arrays import check_integer, row_slices

_BLOCK = 2**23  # numbers of a block of rows: 32 MiB in float32
_MOST_ROWS = 1024  # of a block, where rows are short: 1024 x 1024 distances
_SPARE = 4  # candidates beyond those asked for


def nearest(X, Y, *, n_neighbors=1, exclude_self=False):
    """Nearest rows of Y for each row of X, by the Euclidean distance.

    Parameters
    ----------
    X, Y : ndarray of shape (n, d) or (n, n_channels, n_times)
        Checked rows, float32 or float64.
    n_neighbors : int, default=1
        Rows of Y to find, k.
    exclude_self : bool, default=False
        X and Y are the same rows, and row i is no neighbour of row i.

    Returns
    -------
    distances : ndarray of shape (n_X, k), float64
        Sorted; 0 for equal rows.
    indices : ndarray of shape (n_X, k)
        Of rows at equal distances any may come first.
    """
    return best_rows(
        X, Y, Distance(X, Y), n_best=n_neighbors, exclude_self=exclude_self
    )


def best_rows(X, Y, measure, *, n_best=1, exclude_self=False, rows=None, columns=None):
    """Rows of Y with the lowest cost for rows of X, and these costs.

    Parameters
    ----------
    X, Y : ndarray of shape (n, ...)
        Checked rows.
    measure : Distance or Correlation
        What is to be small.
    n_best : int, default=1
        Rows of Y to find for a row of X.
    exclude_self : bool, default=False
        Row i of Y is never found for row i of X.
    rows, columns : ndarray of int, default=None
        Which rows of X are asked for and which of Y may be found, ascending; None is
        all.

    Returns
    -------
    costs, indices : ndarray of shape (n_rows, n_best)
        Exact costs, the lowest first, and the rows of Y they belong to.
    """
    rows = np.arange(len(X)) if rows is None else rows
    columns = np.arange(len(Y)) if columns is None else columns
    if exclude_self and len(X) != len(Y):
        raise ValueError(
            "exclude_self=True needs the same rows twice; got "
            f"{len(X)} and {len(Y)} rows"
        )
    check_integer(n_best, "n_neighbors", 1, len(columns) - exclude_self)
    costs = np.empty((len(rows), n_best))
    indices = np.empty((len(rows), n_best), dtype=np.intp)
    for part in _slices(len(rows), X[0].size):
        some = rows[part]
        found = _search(X, Y, measure, some, columns, n_best, exclude_self, np.float32)
        costs[part], indices[part], is_sure = found
        if not is_sure.all():
            unsure = part.start + np.flatnonzero(~is_sure)
            found = _search(
                X, Y, measure, rows[unsure], columns, n_best, exclude_self, np.float64
            )
            costs[unsure], indices[unsure], _ = found
    return costs, indices


def _slices(n_samples, row_size):
    return row_slices(n_samples, max(row_size, _BLOCK // _MOST_ROWS), n_numbers=_BLOCK)


def _search(X, Y, measure, rows, columns, n_best, exclude_self, dtype):
    """Best of `columns` for one block of `rows`, and which rows are beyond doubt."""
    n_kept = min(n_best + _SPARE, len(columns) - exclude_self)
    costs = np.full((len(rows), 0), np.inf, dtype=dtype)
    indices = np.empty((len(rows), 0), dtype=np.intp)
    A = measure.prepare(X[rows], dtype)
    for part in _slices(len(columns), Y[0].size):
        some = columns[part]
        block = measure.costs(A, measure.prepare(Y[some], dtype))
        if exclude_self:
            block[rows[:, None] == some] = np.inf
        costs, indices = _keep_lowest(costs, indices, block, some, n_kept)
    exact = np.stack([measure.exact(X[rows], Y[index]) for index in indices.T], axis=1)
    order = np.lexsort((indices, exact))[:, :n_best]
    best = np.take_along_axis(exact, order, axis=1)
    is_sure = np.full(len(rows), n_kept == len(columns) - exclude_self)
    is_sure |= best[:, -1] <= measure.lower_bound(A, costs.max(axis=1))
    return best, np.take_along_axis(indices, order, axis=1), is_sure


def _keep_lowest(costs, indices, block, columns, n_kept):
    """The `n_kept` lowest of the costs so far and those of a further block."""
    if block.shape[1] > n_kept:
        order = np.argpartition(block, n_kept - 1, axis=1)[:, :n_kept]
        block = np.take_along_axis(block, order, axis=1)
        further = columns[order]
    else:
        further = np.broadcast_to(columns, block.shape)
    costs = np.concatenate([costs, block], axis=1)
    indices = np.concatenate([indices, further], axis=1)
    if costs.shape[1] > n_kept:
        order = np.argpartition(costs, n_kept - 1, axis=1)[:, :n_kept]
        costs = np.take_along_axis(costs, order, axis=1)
        indices = np.take_along_axis(indices, order, axis=1)
    return costs, indices


def _relative_error(A):
    """Of a sum of products of rows of A, in the precision of A."""
    return np.finfo(A.dtype).eps * (4 + np.sqrt(A.shape[1]))


class Distance:
    """Euclidean distance; the cost of a block is its square, in units of ``scale``."""

    def __init__(self, X, Y):
        self.centre, self.scale = centre_and_scale(X, Y)

    def prepare(self, rows, dtype):
        """Flat rows (n, d), moved and scaled so that no digits are lost."""
        return prepared(rows, self.centre, self.scale, dtype)

    def costs(self, A, B):
        """Squared distances (n_A, n_B) of prepared rows."""
        return squared_distances(A, B)

    def exact(self, a, b):
        """Distances (n,) of rows of X and Y, by differences."""
        difference = _flat(a).astype(np.float64)
        difference -= _flat(b)
        difference /= self.scale
        return self.scale * np.sqrt(np.einsum("ij,ij->i", difference, difference))

    def lower_bound(self, A, costs):
        """What a row that costs at least `costs` is distant, in spite of rounding."""
        error = _relative_error(A)  # of |a|^2 + |b|^2 <= 3 |a|^2 + 2 |a - b|^2
        square = np.einsum("ij,ij->i", A, A, dtype=np.float64)
        bound = (costs - 3 * error * square) / (1 + 2 * error)
        return self.scale * np.sqrt(np.maximum(bound, 0))


class Correlation:
    """Pearson's r in time, mean over the channels; the cost is ``-r``."""

    def prepare(self, rows, dtype):
        """Flat rows (n, d) whose product is the mean r."""
        rows = standardised(rows)
        rows /= np.sqrt(rows.shape[1])
        return _flat(rows).astype(dtype, copy=False)

    def costs(self, A, B):
        """Negative mean correlations (n_A, n_B) of prepared rows."""
        block = A @ B.T
        return np.negative(block, out=block)

    def exact(self, a, b):
        """Negative mean correlations (n,) of rows of X and Y."""
        return -np.clip(
            np.einsum("ijk,ijk->ij", standardised(a), standardised(b)), -1, 1
        ).mean(axis=1)

    def lower_bound(self, A, costs):
        """What a row that costs at least `costs` costs, in spite of rounding."""
        return costs - _relative_error(A)


def standardised(signals):
    """Signals in float64 with mean 0 and norm 1 in time; constant channels are 0."""
    signals = signals.astype(np.float64)
    signals -= signals[..., :1].copy()  # a constant is then exactly 0
    signals -= signals.mean(axis=-1, keepdims=True)
    largest = np.abs(signals).max(axis=-1, keepdims=True)
    signals /= np.where(largest > 0, largest, 1)
    norm = np.sqrt(np.einsum("...t,...t->...", signals, signals))[..., None]
    signals /= np.where(norm > 0, norm, 1)
    return signals


def centre_and_scale(X, Y):
    """Mean row of X and Y (d,), and a power of 2 near the largest distance from it.

    A row taken from all rows changes no distance, but saves the digits that an offset
    would cost; the division by a power of 2 costs none. The centre has no more digits
    than X and Y both have, so that it is the same number for both.
    """
    total = X.sum(axis=0, dtype=np.float64) + Y.sum(axis=0, dtype=np.float64)
    centre = (total / (len(X) + len(Y))).ravel()
    centre = centre.astype(min(X.dtype, Y.dtype, key=lambda t: t.itemsize))
    largest = 0.0
    for Z in (X, Y):
        for part in _slices(len(Z), Z[0].size):
            deviation = prepared(Z[part], centre, 1.0, Z.dtype)
            largest = max(largest, float(deviation.max()), -float(deviation.min()))
    scale = 2.0 ** min(np.frexp(largest)[1], 1000) if largest > 0 else 1.0
    return centre, scale


def prepared(rows, centre, scale, dtype):
    """Flat rows (n, d), less the centre, over the scale, in the dtype asked for."""
    flat = _flat(rows)
    # in the dtype of the rows: the difference of float64 rows may need all its digits
    flat = np.subtract(flat, centre, dtype=flat.dtype)
    flat /= scale
    return flat.astype(dtype, copy=False)


def squared_distances(A, B):
    """Squared distances (n_A, n_B) of flat rows, by |a|^2 + |b|^2 - 2 ab."""
    block = A @ B.T
    block *= -2
    block += np.einsum("ij,ij->i", A, A, dtype=np.float64)[:, None]
    block += np.einsum("ij,ij->i", B, B, dtype=np.float64)
    return np.maximum(block, 0, out=block)


def squared_distance_blocks(X, Y, *, centre, scale, symmetric=False):
    """Squared distances of all rows of X and Y, block by block.

    Parameters
    ----------
    X, Y : ndarray of shape (n, ...)
        Checked rows; float32 blocks if both are, else float64.
    centre, scale : ndarray of shape (d,) and float
        From `centre_and_scale`.
    symmetric : bool, default=False
        Y is X: only blocks on and above the diagonal, with zeros on the diagonal.

    Yields
    ------
    rows, columns : slice
        Rows of X and of Y.
    block : ndarray of shape (n_rows, n_columns)
        Squared distances in units of ``scale ** 2``.
    """
    dtype = np.result_type(X, Y)
    for rows in _slices(len(X), X[0].size):
        A = prepared(X[rows], centre, scale, dtype)
        for columns in _slices(len(Y), Y[0].size):
            if symmetric and columns.start < rows.start:
                continue
            block = squared_distances(A, prepared(Y[columns], centre, scale, dtype))
            if symmetric and columns == rows:
                np.fill_diagonal(block, 0)
            yield rows, columns, block


def _flat(rows):
    return rows.reshape(len(rows), -1)
