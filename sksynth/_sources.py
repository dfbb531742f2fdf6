"""Signals that are read as they are needed: from a memory map or a data set of torch.

They take the place of arrays in ``fit``: each batch is read, scaled, and let go.
"""

import math
import mmap

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch.utils.data import Dataset, IterableDataset

from sksynth._arrays import check_kind

ROW = "a signal (n_times,) or (n_channels, n_times), or a tuple that begins with one"


class RowSource:
    """Rows that are read when they are asked for.

    ``source[rows]``, for a slice or an array of integers, is an array (or a tensor) of
    these rows, and the caller's to change.

    Parameters
    ----------
    read : callable
        ``read(rows)`` reads them.
    n_rows : int
        Rows there are, one at least.
    """

    def __init__(self, read, n_rows):
        self._read = read
        first = read(slice(0, 1))
        self.shape = (n_rows, *first.shape[1:])
        self.ndim = len(self.shape)
        self.dtype = first.dtype
        self.device = first.device  # of numpy's arrays: "cpu"

    @classmethod
    def of(cls, X):
        """Source of the rows of X; None if X is no memory map and no data set."""
        if isinstance(X, Dataset):
            return cls(*_reader_of_dataset(X))
        mapping = X
        while isinstance(mapping, np.ndarray):
            mapping = mapping.base
        if isinstance(mapping, mmap.mmap) and X.ndim and len(X):
            return cls(_reader_of_map(X, mapping), len(X))
        return None

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self._read(rows)

    def index_select(self, dim, rows):
        """Rows of a tensor of integers; ``dim`` is 0, as in torch's function."""
        return self[rows.cpu().numpy()]

    def map(self, function):
        """Source of ``function(rows)`` for whatever rows are read."""
        return RowSource(lambda rows: function(self[rows]), len(self))

    def spread(self, n_rows=1000):
        """Array of about so many rows, evenly spread."""
        return self[:: max(1, len(self) // n_rows)]

    def checked(self, check):
        """Source whose rows have all passed ``check``, in the dtype it gives.

        ``check(rows, reset)`` is called for the first row with ``reset``, then for all.
        """
        dtype = check(self[:1], reset=True).dtype
        source = self.map(lambda rows: rows.astype(dtype, copy=False))
        size = max(1, 2**20 // max(1, math.prod(self.shape[1:])))
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            try:
                check(source[rows], reset=False)
            except ValueError as error:
                raise ValueError(
                    f"rows {rows.start} to {rows.stop - 1} of X: {error}"
                ) from None
        return source


def of_rows(function, X):
    """``function(X)``, for a source row by row as they are read."""
    return X.map(function) if isinstance(X, RowSource) else function(X)


def _reader_of_map(X, mapping):
    """Read rows of a memory map, and give its pages back where that loses nothing.

    Pages of a read-only map are those of the file; what was written to a map is in its
    pages, and these stay.
    """
    X = np.asarray(X)
    with memoryview(mapping) as view:
        can_drop = view.readonly and hasattr(mmap, "MADV_DONTNEED")

    n_in_a_run = max(1, 2**23 // max(1, X[0].nbytes))

    def read(rows):
        # The system maps up to some 100 kB around a row that is read. So rows far from
        # each other come a few at a time, and in the order of the file.
        is_slice = isinstance(rows, slice)
        is_run = is_slice and rows.step in (None, 1)
        source, order = (X[rows], None) if is_slice else (X, np.argsort(rows))
        n_rows = len(source) if is_slice else len(rows)
        copied = np.empty((n_rows, *X.shape[1:]), X.dtype)
        for part in gen_batches(n_rows, n_in_a_run if is_run else min(64, n_in_a_run)):
            if is_slice:
                copied[part] = source[part]
            else:
                copied[order[part]] = source[rows[order[part]]]
            if can_drop:
                mapping.madvise(mmap.MADV_DONTNEED)
        return copied

    return read


def _reader_of_dataset(dataset):
    """Read rows of a map-style data set; with their number."""
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise TypeError(
            "a data set must be map-style, with __len__ and __getitem__; got "
            f"{type(dataset).__name__}"
        )
    n_rows = len(dataset)
    if not n_rows:
        raise ValueError(f"the {type(dataset).__name__} has no rows")
    shape = _signal_of(dataset[0], 0).shape

    def read(rows):
        places = range(n_rows)[rows] if isinstance(rows, slice) else rows.tolist()
        if hasattr(dataset, "__getitems__"):
            items = dataset.__getitems__(list(places))
        else:
            items = [dataset[place] for place in places]
        pairs = zip(items, places, strict=True)
        signals = [_signal_of(item, place) for item, place in pairs]
        for signal, place in zip(signals, places, strict=True):
            if signal.shape != shape:
                raise ValueError(
                    f"row {place} of the data set has shape {signal.shape}; row 0 has "
                    f"{shape}"
                )
        return np.stack(signals)

    return read, n_rows


def _signal_of(item, place):
    """Array of the signal in an item of a data set."""
    signal = item[0] if isinstance(item, tuple) and item else item
    if isinstance(signal, torch.Tensor):
        signal = signal.numpy(force=True)
    check_kind(signal, f"row {place} of the data set")
    signal = np.asarray(signal) if np.iterable(signal) else np.empty(0, object)
    if signal.ndim not in (1, 2) or signal.dtype.kind not in "biufc":
        raise TypeError(
            f"a row of a data set must be {ROW}; row {place} is a "
            f"{type(item).__name__}: {str(item)[:60]}"
        )
    return signal
