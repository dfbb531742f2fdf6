"""Training over several processes, started by torchrun."""

import os
import zlib
from contextlib import contextmanager

import torch
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from sksynth import _shares

_NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def distributed():
    """Train over the processes that ``torchrun`` started.

    Inside of the block, each fit of a generator or classifier is one training over all
    processes: of each batch a process computes the losses of its share of the rows, and
    :class:`torch.nn.parallel.DistributedDataParallel` averages the gradients. All
    processes run the same script on the same X, y and parameters, and have the same
    fitted estimator afterwards: the one that a single process gets, up to rounding.
    ``batch_size`` is that of all processes together, ``history_`` has the losses over
    all rows, and the first process alone prints.

    Where there is CUDA, the process takes the GPU of its ``LOCAL_RANK`` and talks
    through NCCL, else through gloo. ``CUDA_VISIBLE_DEVICES=""`` trains on the CPU.

    The random numbers of a training do not depend on the number of processes either,
    but for the masks of dropout, which differ from those of a single process as those
    of another seed do. With ``random_state=None`` all use the seed of the first
    process. A callback that stops the training in one process stops it in all; it is
    told of the own share of a batch. Where a training fails in one process, let the
    error end it: ``torchrun`` then ends the others, which wait.

    Yields
    ------
    rank : int
        Number of this process; 0 is the one to save the model.

    Raises
    ------
    RuntimeError
        Without the environment that ``torchrun`` sets, inside of another such block or
        process group, or if there are fewer GPUs than processes. In ``fit``: if the
        processes were given different data or parameters, or hold different weights
        afterwards. At the end of a block in which a training failed.
    ValueError
        In ``fit``, for ``compile=True``; from samplers with a ``memory``.

    See Also
    --------
    torch.nn.parallel.DistributedDataParallel : What averages the gradients.

    Examples
    --------
    A script for ``torchrun --nproc-per-node 2 script.py``:

    >>> import numpy as np
    >>> from sksynth import VAE
    >>> from sksynth.training import distributed
    >>> X = np.random.default_rng(0).normal(size=(100, 8))
    >>> with distributed() as rank:  # doctest: +SKIP
    ...     vae = VAE(random_state=0).fit(X)
    ...     if rank == 0:
    ...         vae.save("vae.safetensors")
    """
    device = _check_environment()
    if device is not None:
        torch.cuda.set_device(device)
    dist.init_process_group("gloo" if device is None else "cpu:gloo,cuda:nccl")
    _shares.join(device)
    try:
        yield dist.get_rank()
        _shares.check_in_step()
    finally:
        _shares.leave()


def _check_environment():
    """GPU of this process, None for the CPU."""
    missing = [name for name in _NEEDED if name not in os.environ]
    if missing:
        raise RuntimeError(
            f"distributed() needs the environment of torchrun; {', '.join(missing)} "
            "not set: start the script by torchrun --nproc-per-node 2 script.py"
        )
    if not dist.is_available():
        raise RuntimeError("distributed() needs a torch built with torch.distributed")
    if _shares.in_group() or dist.is_initialized():
        raise RuntimeError(
            "distributed() was entered in a process that has a process group already; "
            "put all fits into one block"
        )
    if not torch.cuda.is_available():
        return None
    local, n_devices = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if local >= n_devices:
        raise RuntimeError(
            f"process {local} of this machine has no GPU, there are {n_devices}: start "
            'fewer processes, or set CUDA_VISIBLE_DEVICES="" to train on the CPU'
        )
    return torch.device("cuda", local)


def joined(module, settings):
    """What to call in place of ``module`` to train it in all processes.

    ``settings``, which have a repr, must be the same in all of them.
    """
    shapes = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    digest = repr((shapes, settings, torch.initial_seed()))
    if not _shares.are_alike(zlib.crc32(digest.encode())):
        raise RuntimeError(
            f"the processes train with different settings; this one with {settings}"
        )
    _shares.begin_own_numbers()
    parallel = DistributedDataParallel(module)
    parallel.broadcast_buffers = False  # all processes update them alike

    def forward(**batch):
        with _shares.own_numbers():
            return parallel(**batch)

    return forward


def check_weights(module):
    """Refuse a module whose weights and buffers differ between processes."""
    digest = 0
    for tensor in module.state_dict().values():
        data = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest = zlib.crc32(data.numpy(), digest)
    if not _shares.are_alike(digest):
        raise RuntimeError(
            "the processes have different weights after the training: are their "
            "machines and versions of torch the same?"
        )
