"""Rows that were asked of a generator, made batch by batch."""

import numpy as np

from sksynth._arrays import check_integer


class Drawing:
    """A draw of so many rows, to be taken whole, in blocks, or in part.

    Each row is made in the same batch whatever is taken, and so is the same to the
    bit.

    Parameters
    ----------
    n_samples : int
        Rows of the whole draw.
    batch_size : int
        Rows that are made together, counted from row 0.
    make : callable
        ``make(rows)`` for a slice of the rows gives an array of them.
    wrap : callable
        ``wrap(array, start)`` puts rows from ``start`` on in the container to give.
    verbose : int, default=0
        Whether to print about twenty lines of progress.
    """

    def __init__(self, n_samples, batch_size, make, wrap, *, verbose=0):
        self.n_samples = n_samples
        self.batch_size = batch_size
        self.make = make
        self.wrap = wrap
        self.verbose = verbose

    def collect(self):
        """All rows."""
        return next(self.blocks(self.n_samples))

    def blocks(self, block_size=None, start=0, stop=None):
        """Iterator over blocks of the rows ``start:stop``; None is all in batches."""
        n = self.n_samples
        stop = n if stop is None else stop
        size = self.batch_size if block_size is None else block_size
        size = check_integer(size, "block_size", 1)
        start = check_integer(start, "start", 0, n)
        stop = check_integer(stop, "stop", start, n)
        return self._blocks(size, start, stop)

    def _blocks(self, size, start, stop):
        first, n_filled, block = start, 0, None
        for batch in self._batches(start, stop):
            while len(batch):
                if block is None:
                    shape = min(size, stop - first), *batch.shape[1:]
                    block, n_filled = np.empty(shape, batch.dtype), 0
                part = batch[: len(block) - n_filled]
                block[n_filled : n_filled + len(part)] = part
                batch, n_filled = batch[len(part) :], n_filled + len(part)
                if n_filled == len(block):
                    yield self.wrap(block, first)
                    first, block = first + n_filled, None

    def _batches(self, start, stop):
        """Rows ``start:stop``, cut from whole batches."""
        n, size = self.n_samples, self.batch_size
        every = max(1, n // 20)  # of the lines printed
        for first in range(start - start % size, stop, size):
            rows = slice(first, min(first + size, n))
            batch = self.make(rows)
            if self.verbose and (rows.stop == n or rows.stop % every < size):
                print(f"sampled {rows.stop} of {n}")
            yield batch[max(start - first, 0) : stop - first]
