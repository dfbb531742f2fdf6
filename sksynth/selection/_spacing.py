"""Refuse candidates that are nearly equal to better ones."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches

from sksynth.selection._references import nearest_rmse

_BLOCK = 64  # candidates whose mutual distances are taken at once


def walk_down(rows, order, earlier, *, n_keep, spacing, earlier_spacing):
    """Take rows in a given order unless they are near one taken before.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_channels, n_times)
        Candidates.
    order : ndarray of shape (n_eligible,)
        Those that may be taken, best first.
    earlier : ndarray of shape (n_earlier, n_channels, n_times) or None
        Rows taken by walks before this one.
    n_keep : int
        Rows to take at most.
    spacing, earlier_spacing : float
        RMSE at or below which two rows are duplicates, and a row and an earlier one.

    Returns
    -------
    chosen : ndarray of int
        Rows taken, best first.
    is_duplicate : ndarray of shape (n_rows,)
        Rows refused. What the walk did not reach is neither.
    """
    is_duplicate = np.zeros(len(rows), dtype=bool)
    if spacing < 0 or len(order) == 0:
        return order[:n_keep], is_duplicate
    chosen = np.empty(0, dtype=int)
    for part in gen_batches(len(order), _BLOCK):
        some = order[part]
        block = rows[some]
        is_free = np.ones(len(some), dtype=bool)
        if len(chosen):
            is_free &= nearest_rmse(block, rows[chosen])[0] > spacing
        if earlier is not None:
            is_free &= nearest_rmse(block, earlier)[0] > earlier_spacing
        flat = block.reshape(len(block), -1).astype(np.float64)
        is_apart = cdist(flat, flat) > spacing * np.sqrt(flat.shape[1])
        taken = _take(is_free, is_apart, n_keep - len(chosen))
        is_near = ~(is_free & is_apart[taken].all(axis=0))
        is_near[taken] = False
        is_duplicate[some[is_near]] = True
        chosen = np.concatenate([chosen, some[taken]])
        if len(chosen) == n_keep:
            break
    return chosen, is_duplicate


def _take(is_free, is_apart, n_most):
    """Indices of free rows that are apart from all taken before, in order."""
    is_free, taken = is_free.copy(), []
    while len(taken) < n_most and is_free.any():
        taken.append(int(is_free.argmax()))
        is_free[taken[-1]] = False
        is_free &= is_apart[taken[-1]]
    return np.array(taken, dtype=int)
