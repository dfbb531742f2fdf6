"""What the measures accept, and how they walk through it in blocks of rows."""

import math
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array, gen_batches
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_consistent_length

SIGNAL_SHAPES = "(n_samples, n_times) or (n_samples, n_channels, n_times)"
LARGEST = 1e100  # of the numbers in signals to measure: their third powers are finite


def check_kind(values, name):
    """Refuse what numpy would read as numbers or labels without a word.

    Numbers behind a mask, and dates and durations as signals (``name`` "X").
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise ValueError(
            f"{name} has {np.ma.count_masked(values)} masked entries, which would be "
            "used as if they were not: fill them, or leave their rows out"
        )
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if kind in "mM" and kind and not name.startswith("y"):
        raise ValueError(f"{name} must be numbers; got {values.dtype}")


def check_signals(X, name="X", *, min_samples=1):
    """Finite real signals (n_samples, n_channels, n_times), float32 or float64.

    A 2-D X is one channel. float32 stays float32, other numbers become float64; an
    array that is right already is not copied.
    """
    check_kind(X, name)
    X = check_array(
        X,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=name,
    )
    if X.ndim not in (2, 3) or 0 in X.shape[1:]:
        raise ValueError(f"{name} must have shape {SIGNAL_SHAPES}; got {X.shape}")
    if len(X) < min_samples:
        raise ValueError(
            f"{name} must have n_samples >= {min_samples}; got shape {X.shape}"
        )
    largest = max(float(X.max()), -float(X.min())) if len(X) else 0.0
    if largest > LARGEST:
        raise ValueError(
            f"the numbers in {name} are too large: at most {LARGEST:g} is measured; "
            f"got {largest:g}"
        )
    return X[:, None] if X.ndim == 2 else X


def check_arrays(X, Y, *, paired=False, names=("X", "X_reference"), min_samples=1):
    """Two sets of signals with the same channels and times; see `check_signals`.

    With ``paired`` they must have as many rows, too.
    """
    X = check_signals(X, names[0], min_samples=min_samples)
    Y = check_signals(Y, names[1], min_samples=min_samples)
    if X.shape[1:] != Y.shape[1:]:
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same channels and times; got "
            f"shapes {X.shape} and {Y.shape} as (n_samples, n_channels, n_times)"
        )
    if paired and len(X) != len(Y):
        raise ValueError(
            f"row i of {names[0]} belongs to row i of {names[1]}: their numbers of "
            f"rows must be equal; got {len(X)} and {len(Y)}"
        )
    return X, Y


def as_labels(y, name="y"):
    """Array of y, labels or measurements: none is missing, and labels can be sorted.

    Also across the columns, since scikit-learn looks at all of them at once.
    """
    check_kind(y, name)
    if hasattr(y, "to_numpy") and hasattr(y, "dtype"):
        y = y.to_numpy()  # a Series; integers that may be missing stay integers
    try:
        y = check_array(y, ensure_2d=False, dtype=None, allow_nd=True, input_name=name)
        if y.dtype.kind == "O":
            np.unique(y)
    except TypeError as error:
        # numpy and pandas: "'<' not supported ...", "boolean value of NA is ambiguous"
        if "supported between" not in str(error) and "ambiguous" not in str(error):
            raise
        raise TypeError(
            f"{name} must hold labels of one kind, in all columns, without None or NA; "
            "got "
            f"{sorted({type(label).__name__ for label in np.ravel(y)})}"
        ) from None
    return y


def check_labels(y, n_samples, name="y"):
    """Labels (n_samples,), of any kind that can be compared and sorted."""
    y = as_labels(y, name)
    if y.ndim != 1:
        raise ValueError(f"{name} must have shape (n_samples,); got {y.shape}")
    check_consistent_length(np.empty(n_samples), y)
    return y


def check_integer(value, name, low, high=None):
    """The value, an integer of at least `low` and at most `high`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    if value < low or (high is not None and value > high):
        upper = "" if high is None else f" and at most {high}"
        raise ValueError(f"{name} must be at least {low}{upper}; got {value}")
    return int(value)


def refuse_bools(estimator):
    """Refuse True and False as numbers, which scikit-learn lets through."""
    for name, allowed in estimator._parameter_constraints.items():
        value = getattr(estimator, name, None)
        is_number = any(isinstance(kind, Interval) for kind in allowed)
        if isinstance(value, bool | np.bool_) and is_number:
            raise TypeError(f"{name} must be a number; got {value!r}")


def check_positive(value, name):
    """The value, a finite number above 0."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number; got {value!r}")
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be finite and above 0; got {value}")
    return float(value)


def row_slices(n_samples, row_size, *, n_numbers=2**20):
    """Slices of rows that hold about ``n_numbers`` numbers, one row at least."""
    return gen_batches(n_samples, max(1, n_numbers // max(1, row_size)))


def blocks(X, *, n_numbers=2**20):
    """Views of consecutive rows of X, about ``n_numbers`` large."""
    for rows in row_slices(len(X), math.prod(X.shape[1:]), n_numbers=n_numbers):
        yield X[rows]


def by_rows(X, function):
    """The function of X, worked out block by block; its row i belongs to row i of X."""
    for rows in row_slices(len(X), X[0].size):
        part = function(X[rows])
        if rows.start == 0:
            found = np.empty((len(X), *part.shape[1:]), part.dtype)
        found[rows] = part
    return found


def channel_moments(*sets):
    """Mean and standard deviation of each channel, float64; 1 for a constant one."""
    n_numbers = sum(len(X) * X.shape[2] for X in sets)
    mean = sum(X.sum(axis=(0, 2), dtype=np.float64) for X in sets) / n_numbers
    squares = np.zeros(len(mean))
    for X in sets:
        for block in blocks(X):
            squares += np.square(block - mean[:, None]).sum(axis=(0, 2))
    sd = np.sqrt(squares / n_numbers)
    tiny = 1e-9 * np.abs(mean) + np.finfo(float).tiny  # rounding of a constant channel
    return mean, np.where(sd > tiny, sd, 1.0)
