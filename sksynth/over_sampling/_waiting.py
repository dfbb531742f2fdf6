"""Locks between processes, which a Dask worker does not wait for in idleness."""

import sys
from contextlib import contextmanager

from filelock import FileLock, Timeout


@contextmanager
def one_at_a_time(path):
    """Hold the lock file ``path``; others that want it wait.

    A Dask worker takes up other jobs while one of its jobs waits.
    """
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with _beside_other_jobs():
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _beside_other_jobs():
    """Leave this thread's place in the pool of its Dask worker, if it has one."""
    place = _place_at_worker()
    if place is None:
        yield
        return
    secede, rejoin = place
    secede()
    try:
        yield
    finally:
        rejoin()  # waits until the worker has a free place


def _place_at_worker():
    """What gives the place in a pool of threads away and takes it back, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        distributed.get_worker()
    except ValueError:  # not in a job of Dask's
        return None
    from distributed.threadpoolexecutor import rejoin, thread_state

    # a job may have given its place away before
    return (distributed.secede, rejoin) if thread_state.proceed else None
