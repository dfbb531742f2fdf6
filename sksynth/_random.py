"""The only places where a seed turns into random numbers."""

import os
import threading
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state, gen_batches

from sksynth._shares import agreed, together


def as_rng(random_state):
    """Numpy RandomState; ``None`` is a fresh one, never numpy's global."""
    if random_state is None:
        return np.random.RandomState()
    if random_state is np.random:
        raise ValueError(
            "random_state must be an int, a RandomState or None; got numpy.random, "
            "whose state is the process's"
        )
    return check_random_state(random_state)


_GLOBAL_GENERATORS = threading.RLock()


def _forget_threads_of_parent():
    """A process made by ``fork`` has a lock that a thread of its parent may hold."""
    global _GLOBAL_GENERATORS
    _GLOBAL_GENERATORS = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads_of_parent)


@contextmanager
def seeded(rng, device):
    """Seed torch inside the block and give the global generators back untouched.

    Threads take turns, since torch's generators are the process's. Processes that
    train together have the seed of the first.
    """
    seed = int(rng.randint(2**31))
    on_cuda = torch.device(device).type == "cuda"
    devices = [device] if on_cuda else []
    with _GLOBAL_GENERATORS, torch.random.fork_rng(devices=devices), together():
        reseed(agreed(seed), device)
        yield


def reseed(seed, device):
    """Seed torch anew; only inside a block of :func:`seeded`."""
    torch.default_generator.manual_seed(seed)
    if torch.device(device).type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


class RowNoise:
    """Random numbers for the rows ``start:stop`` of a draw, made on the CPU.

    A block of rows has a stream of its own and is always drawn whole. So a row depends
    neither on the rows drawn with it nor on the device.
    (``torch.randn(4, 5)[:2]`` and ``torch.randn(2, 5)`` differ for the same seed.)
    """

    block_size = 64
    streams = ("signal", "label", "anchor")

    def __init__(self, seeds, rows, stream="signal", device="cpu"):
        first, last = rows.start // self.block_size, -(-rows.stop // self.block_size)
        column = self.streams.index(stream)
        self.torch_rngs = [
            torch.Generator().manual_seed(int(s)) for s in seeds[first:last, column]
        ]
        offset = first * self.block_size
        self.rows = slice(rows.start - offset, rows.stop - offset)
        self.device = device

    @classmethod
    def seeds(cls, random_state, n_samples):
        """One seed a block and stream; fewer samples have the beginning of the array.

        The streams are separate, so that an anchored draw uses the same signal noise
        as a pure one.
        """
        n_blocks = -(-n_samples // cls.block_size)
        shape = (n_blocks, len(cls.streams))
        return as_rng(random_state).randint(2**31, size=shape)

    @classmethod
    def uniform_of_all(cls, seeds, n_samples, stream, *shape):
        """Numbers from U(0, 1) for all rows of a draw, an array (n_samples, *shape).

        In parts, since each block of a :class:`RowNoise` takes some kB.
        """
        parts = gen_batches(n_samples, 64 * cls.block_size)
        return np.concatenate(
            [cls(seeds, rows, stream).uniform(*shape).numpy() for rows in parts]
        )

    def normal(self, *shape):
        """Standard normal numbers, (n_rows, *shape)."""
        return self._draw(torch.randn, shape)

    def uniform(self, *shape):
        """Numbers from U(0, 1), (n_rows, *shape)."""
        return self._draw(torch.rand, shape)

    def _draw(self, function, shape):
        shape = (self.block_size, *shape)
        blocks = [function(shape, generator=torch_rng) for torch_rng in self.torch_rngs]
        return torch.cat(blocks)[self.rows].to(self.device)
