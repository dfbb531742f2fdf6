"""A fit that fails leaves its estimator as it was."""

from contextlib import contextmanager


@contextmanager
def restored_on_failure(estimator):
    """Give the attributes of ``estimator`` back if the block raises anything.

    Ctrl-C included: an estimator is fitted by the whole of ``fit`` or not at all.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
