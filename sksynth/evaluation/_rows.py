"""Which rows a report compares, and which of them are the same."""

from dataclasses import dataclass

import numpy as np

NUMBERS_AT_ONCE = 2**22


@dataclass
class Rows:
    """Rows of equal number and, where there are labels, of equal classes in order."""

    parts: tuple  # of index arrays, one for each set of signals
    labels: np.ndarray  # (n,), of each of the parts

    def __len__(self):
        return len(self.labels)


def halves_and_synthetic(y_real, y_synthetic, limit, rng):
    """Two halves of the real rows and as many synthetic ones, class by class.

    A class counts as often as the rarer side has it: half of its real rows, or its
    synthetic ones. Of more than ``limit`` rows the most frequent classes give up first.
    """
    found = _members(y_real), _members(y_synthetic)
    wanted = {
        label: min(len(found[0][label]) // 2, len(found[1][label]))
        for label in found[0].keys() & found[1].keys()
    }
    counts = at_most(wanted, limit)
    real = {label: _drawn(found[0][label], 2 * n, rng) for label, n in counts.items()}
    synthetic = {label: _drawn(found[1][label], n, rng) for label, n in counts.items()}
    parts = (
        {label: rows[0::2] for label, rows in real.items()},
        {label: rows[1::2] for label, rows in real.items()},
        synthetic,
    )
    return _joined(parts, counts)


def as_many(labels, limit, rng, classes=None):
    """As many rows of each of several sets, class by class, at most ``limit``."""
    found = [_members(y) for y in labels]
    shared = set.intersection(*(set(members) for members in found))
    if classes is not None:
        shared &= set(classes)
    wanted = {label: min(len(members[label]) for members in found) for label in shared}
    counts = at_most(wanted, limit)
    parts = [
        {label: _drawn(members[label], n, rng) for label, n in counts.items()}
        for members in found
    ]
    return _joined(parts, counts)


def at_most(counts, limit):
    """Counts cut to one common number, the largest for which the sum is allowed.

    Sorted by label; those of 0 are left out.
    """
    counts = {label: counts[label] for label in sorted(counts) if counts[label]}
    if sum(counts.values()) <= limit:
        return counts
    rest, ascending = limit, sorted(counts.values())
    while ascending[0] <= rest // len(ascending):
        rest -= ascending.pop(0)
    cut = max(1, rest // len(ascending))
    return {label: min(n, cut) for label, n in counts.items()}


def _members(y):
    labels, first = np.unique(y, return_inverse=True)
    order = np.argsort(first, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(first, minlength=len(labels)))[:-1])
    return dict(zip(labels.tolist(), parts, strict=True))


def _drawn(rows, n, rng):
    return rng.permutation(rows)[:n]


def _joined(parts, counts):
    none = np.empty(0, dtype=np.intp)
    return Rows(
        tuple(np.concatenate([none, *part.values()]) for part in parts),
        np.repeat(np.array(list(counts)), list(counts.values())),
    )


def count_copies(X_synthetic, X_real, rng):
    """Synthetic rows that equal a real row, and that equal an earlier synthetic row.

    Equal in single precision, sample by sample; all rows are looked at. The bits of a
    row are summed with random odd factors, modulo 2**64, and rows of equal sums are
    then compared themselves.
    """
    factors = rng.randint(2**62, size=X_real[0].size, dtype=np.uint64) * 2 + 1
    new, old = _sums(X_synthetic, factors), _sums(X_real, factors)
    order = np.argsort(old, kind="stable")
    places = np.minimum(np.searchsorted(old[order], new), len(old) - 1)
    partners = order[places]
    hits = np.flatnonzero(old[partners] == new)
    n_copies = _n_equal(X_synthetic, hits, X_real, partners[hits])
    _, first, inverse = np.unique(new, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse] != np.arange(len(new)))
    n_repeats = _n_equal(X_synthetic, again, X_synthetic, first[inverse[again]])
    return n_copies, n_repeats


def _sums(X, factors):
    sums = np.empty(len(X), dtype=np.uint64)
    for rows in _blocks(len(X), X[0].size):
        bits = _single(X[rows]).view(np.uint32).astype(np.uint64)
        sums[rows] = (bits * factors).sum(axis=1)
    return sums


def _n_equal(X, rows_X, Y, rows_Y):
    return sum(
        int((_single(X[rows_X[b]]) == _single(Y[rows_Y[b]])).all(axis=1).sum())
        for b in _blocks(len(rows_X), X[0].size)
    )


def _single(X):
    """Flat rows in single precision; a negative zero becomes a positive one."""
    with np.errstate(over="ignore"):
        return X.reshape(len(X), -1).astype(np.float32) + np.float32(0)


def _blocks(n_rows, row_size):
    step = max(1, NUMBERS_AT_ONCE // row_size)
    return (slice(i, i + step) for i in range(0, n_rows, step))
