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
    place = _place_at_worker()
    if place is None:
        lock.acquire()
    while not lock.is_locked:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _wait_elsewhere(lock, *place)
    try:
        yield
    finally:
        lock.release()


def _wait_elsewhere(lock, secede, rejoin):
    """Give the place at the worker away until the lock is free.

    The lock is not held while the place is waited for, which may take as long as
    another job: that job may want the lock.
    """
    secede()
    try:
        with lock:
            pass
    finally:
        rejoin()


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

    # False where the job gave its place away before; none in other kinds of pools
    has_place = getattr(thread_state, "proceed", False)
    return (distributed.secede, rejoin) if has_place else None
