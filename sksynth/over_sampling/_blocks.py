"""Draw candidates block by block and keep the best of each."""

import warnings

import numpy as np

from sksynth._preprocessing import name_of

_PATIENCE = 5  # blocks that must yield ``n_keep`` rows between them


def draw_best(keep, draw, n_rows, label=None):
    """Rows for a sampler: the best ``n_keep`` of each block of candidates.

    Blocks are judged one by one, so a smaller number of rows is the beginning of a
    larger one. Rows are spaced within a block; of a row of an earlier block, a new one
    is no copy. Where 5 b blocks hold fewer than b ``n_keep`` rows to keep, the
    best-ranked rows that the last five refused, but no copies, make up for it.

    Parameters
    ----------
    keep : KeepBest
        Fitted.
    draw : callable
        ``draw(n_candidates)`` gives fresh candidates of the class.
    n_rows : int
        Rows wanted.
    label : object, default=None
        Their class.

    Returns
    -------
    rows : ndarray of shape (n_rows, ...)
        Block after block, the best first.
    places : ndarray of shape (n_rows,)
        Where each row was in the stream of candidates.

    Raises
    ------
    ValueError
        If there are too few rows that are no copies.
    """
    rows, places = None, np.empty(n_rows, dtype=int)
    n_done = n_refused = n_blocks = 0
    spare = []  # (rank, place, row) of refused candidates that are no copies
    while n_done < n_rows:
        block = np.asarray(draw(keep.n_candidates))
        if rows is None:
            rows = np.empty((n_rows, *block.shape[1:]), dtype=block.dtype)
        found = keep._choose(block, block, label, rows[:n_done] if n_done else None)
        start = n_blocks * keep.n_candidates
        chosen = found.chosen[: n_rows - n_done]
        new = slice(n_done, n_done + len(chosen))
        rows[new], places[new] = block[chosen], start + chosen
        n_done, n_blocks = new.stop, n_blocks + 1
        spare += _refused(found, block, start, keep.n_keep)
        if n_blocks % _PATIENCE == 0:
            wanted = min(n_rows, n_blocks // _PATIENCE * keep.n_keep)
            spare.sort(key=lambda one: one[:2])
            for _, place, row in spare[: max(0, wanted - n_done)]:
                rows[n_done], places[n_done] = row, place
                n_done, n_refused = n_done + 1, n_refused + 1
            if n_done < wanted:
                raise ValueError(
                    f"{name_of(label)}: nearly all of {_PATIENCE * keep.n_candidates} "
                    "candidates are copies of real rows; take another generator or "
                    "min_distance_quantile=None"
                )
            spare = []
    if n_refused:
        warnings.warn(
            f"{name_of(label)}: {n_refused} of the {n_rows} rows were refused by the "
            "selection and fill up the number; the generator makes too few others",
            stacklevel=3,
        )
    return rows, places


def _refused(found, block, start, n_most):
    """The best-ranked refused rows of a block: rank, place in the stream, and row."""
    is_spare = np.isin(found.reason, ["far", "duplicate"])
    best = np.argsort(found.rank)
    best = best[is_spare[best]][:n_most]
    return [(int(found.rank[i]), start + int(i), block[i]) for i in best]
