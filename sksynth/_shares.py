"""Processes that train as one: each has a share of the rows of every batch.

Outside of :func:`sksynth.training.distributed` there is no group, and all functions
here give back what they were given. Inside, torch's generators are in one of two
states: the common one, equal in all processes, and within the forward pass of a
training an own one, from which dropout draws; :func:`common_numbers` and
:func:`of_batch` go back to the common one.
"""

from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed as dist


@dataclass
class Share:
    """Rows of a batch that this process has.

    A batch of fewer rows than processes is no one's own: ``is_whole``, all compute it.
    """

    rows: slice
    n_rows: int  # of the batch
    is_whole: bool


class _Group:
    """The processes; ``device`` is the GPU of this one, or None."""

    def __init__(self, device):
        self.device = device
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.is_in_step = True
        self.takes_shares, self.share = False, None
        self.is_in_forward = False
        self.other_state = None  # of the generators: common in a forward, else own

    def bounds(self, n_rows):
        """Where the shares of a batch begin, and where the last one ends."""
        return [n_rows * rank // self.size for rank in range(self.size + 1)]

    def swap(self):
        """Exchange the common and the own state of torch's generators."""
        state = [torch.get_rng_state()]
        if self.device is not None:
            state.append(torch.cuda.get_rng_state(self.device))
        self.set_state(self.other_state)
        self.other_state = state

    def set_state(self, state):
        torch.set_rng_state(state[0])
        if self.device is not None:
            torch.cuda.set_rng_state(state[1], self.device)


_group = None


def join(device):
    """Make a group of the processes of torch's process group."""
    global _group
    _group = _Group(device)


def leave():
    """End the group."""
    global _group
    _group = None
    dist.destroy_process_group()


def in_group():
    """Whether several processes train together."""
    return _group is not None


def is_first():
    """Whether this is the process that prints."""
    return _group is None or _group.rank == 0


@contextmanager
def together():
    """All processes do the block; where one fails, it can begin no other."""
    if _group is None:
        yield
        return
    check_in_step()
    try:
        yield
    except BaseException:
        _group.is_in_step = False
        raise


def check_in_step():
    """Refuse to go on after a training that failed, while the others wait in it."""
    if not _group.is_in_step:
        raise RuntimeError(
            "a training of this process failed inside distributed(), and others may "
            "wait in it: let the error end the process, and torchrun ends the others"
        )


def agreed(number):
    """The integer of the first process."""
    if _group is None:
        return number
    message = torch.tensor([number], dtype=torch.int64)
    dist.broadcast(message, 0)
    return int(message)


def any_of(flag):
    """Whether a flag is set in any process."""
    if _group is None:
        return flag
    message = torch.tensor([int(flag)])
    dist.all_reduce(message, dist.ReduceOp.MAX)
    return bool(message)


def are_alike(number):
    """Whether an integer is the same in all processes."""
    if _group is None:
        return True
    found = torch.zeros(_group.size, dtype=torch.int64)
    found[_group.rank] = number
    dist.all_reduce(found)
    return bool((found == found[0]).all())


def take_share(rows):
    """Own rows of a batch, which the functions below refer to until the next."""
    if _group is None or not _group.takes_shares:
        return rows
    n = len(rows)
    if n < _group.size:
        _group.share = Share(slice(0, n), n, True)
    else:
        first, last = _group.bounds(n)[_group.rank :][:2]
        _group.share = Share(slice(first, last), n, False)
    return rows[_group.share.rows]


@contextmanager
def in_shares():
    """Batches that are taken within the block are shared by the processes."""
    if _group is None:
        yield
        return
    _group.takes_shares = True
    try:
        yield
    finally:
        _group.takes_shares, _group.share = False, None


def n_counted(n_rows):
    """Rows as which the ``n_rows`` own ones count in a sum over the processes."""
    if _group is None or not _group.share.is_whole:
        return n_rows
    return n_rows / _group.size


def n_of_batch(n_rows):
    """Rows of the batch of which ``n_rows`` are own ones."""
    share = None if _group is None else _group.share
    if share is None:
        return n_rows
    if n_rows != share.rows.stop - share.rows.start:
        raise RuntimeError(f"{n_rows} rows, but the share of this process is {share}")
    return share.n_rows


def for_backward(loss):
    """Loss whose gradients have the batch's as their mean over the processes."""
    if _group is None:
        return loss
    share = _group.share
    own = n_counted(share.rows.stop - share.rows.start)
    return loss * (_group.size * own / share.n_rows)


def begin_own_numbers():
    """Start the state from which dropout draws; others in each process."""
    if _group is not None:
        seed = torch.initial_seed() + 1 + _group.rank
        state = [torch.Generator().manual_seed(seed).get_state()]
        if _group.device is not None:
            own = torch.Generator(_group.device).manual_seed(seed)
            state.append(own.get_state())
        _group.other_state = state


@contextmanager
def own_numbers():
    """Torch's generators are in the own state within the block."""
    _group.swap()
    _group.is_in_forward = True
    try:
        yield
    finally:
        _group.is_in_forward = False
        _group.swap()


@contextmanager
def common_numbers():
    """Torch's generators are in the common state within the block."""
    if _group is None or not _group.is_in_forward:
        yield
        return
    _group.swap()
    try:
        yield
    finally:
        _group.swap()


def of_batch(draw, n_rows):
    """Own rows of what ``draw(n)`` makes for the n rows of the batch.

    All random numbers of a forward pass come from here, but for the masks of dropout:
    so they are the same, row by row, whatever the number of processes.
    """
    if _group is None or _group.share is None:
        return draw(n_rows)
    with common_numbers():
        return draw(n_of_batch(n_rows))[_group.share.rows]


def by_count(mean, n):
    """A mean over n things, of which a row has any number, as one over the rows.

    Its mean over the processes, weighted by their rows, is that of all things.
    """
    if _group is None or _group.share is None:
        return mean
    share = _group.share
    n_all = summed(torch.tensor(float(n))).item()
    own_rows = n_counted(share.rows.stop - share.rows.start)
    return mean * (n_counted(n) / max(1.0, n_all) * share.n_rows / own_rows)


class _Sum(torch.autograd.Function):
    """Sum over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx, x):
        total = x.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, grad):
        total = grad.clone()
        dist.all_reduce(total)
        return total


def summed(x):
    """Sum over the processes of what the own rows add up to, with its gradient."""
    if _group is None:
        return x
    share = _group.share
    if share is not None and share.is_whole:
        x = x / _group.size
    return _Sum.apply(x)


def gathered(x):
    """Rows of x of the whole batch; a row of the batch may have several."""
    if _group is None or _group.share is None or _group.share.is_whole:
        return x
    share = _group.share
    each = len(x) // (share.rows.stop - share.rows.start)
    bounds = [each * b for b in _group.bounds(share.n_rows)]
    sizes = [b - a for a, b in zip(bounds, bounds[1:], strict=False)]
    padded = x.new_zeros(max(sizes), *x.shape[1:])
    padded[: len(x)] = x
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    return torch.cat([part[:n] for part, n in zip(parts, sizes, strict=True)])
