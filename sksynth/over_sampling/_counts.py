"""How many synthetic rows each class gets."""

import warnings
from collections import OrderedDict
from numbers import Integral, Real

import numpy as np
from imblearn.utils import check_sampling_strategy


def synthetic_counts(sampling_strategy, y):
    """Number of rows to add to each class that needs some.

    Strings and callables are read as imbalanced-learn does. A float is the ratio to
    the majority class that all other classes shall reach; a dict holds such ratios
    (float) or numbers of rows (int) for some classes. What is already reached adds
    nothing, so that no fold of a grid search fails.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable
        As in :class:`GeneratorOverSampler`.
    y : ndarray of shape (n_samples,)
        Labels.

    Returns
    -------
    counts : OrderedDict
        Labels and counts, in the order of the labels.
    """
    labels, present = np.unique(y, return_counts=True)
    if len(labels) < 2:
        raise ValueError(
            f"y must have more than one class; got the class {labels[0]!r} alone"
        )
    present = dict(zip(labels.tolist(), present.tolist(), strict=True))
    if callable(sampling_strategy):
        sampling_strategy = sampling_strategy(y)
        if not isinstance(sampling_strategy, dict):
            raise TypeError(
                "a callable sampling_strategy must return a dict; got "
                f"{sampling_strategy!r}"
            )
    if isinstance(sampling_strategy, Real):
        majority = max(present, key=present.get)
        ratio = float(sampling_strategy)
        sampling_strategy = {label: ratio for label in present if label != majority}
    if isinstance(sampling_strategy, str):
        added = check_sampling_strategy(sampling_strategy, y, "over-sampling")
        return OrderedDict(sorted((_plain(k), int(v)) for k, v in added.items()))
    wanted = _wanted(sampling_strategy, present)
    return OrderedDict(
        (label, max(0, wanted[label] - n_rows))
        for label, n_rows in present.items()
        if label in wanted
    )


def _plain(label):
    """Label as a Python object, as it is in messages and dicts."""
    return label.item() if isinstance(label, np.generic) else label


def _wanted(strategy, present):
    """Rows that each class of the dict ``strategy`` shall have in the end."""
    most = max(present.values())
    wanted = {}
    for label, value in strategy.items():
        label = _plain(label)
        if label not in present:
            warnings.warn(
                f"sampling_strategy names the class {label!r}, which y lacks; the "
                f"classes of y are {list(present)}",
                stacklevel=5,
            )
        elif isinstance(value, Integral) and not isinstance(value, bool) and value >= 0:
            wanted[label] = int(value)
        elif isinstance(value, Real) and not isinstance(value, bool) and 0 < value <= 1:
            wanted[label] = round(float(value) * most)
        else:
            raise ValueError(
                f"sampling_strategy[{label!r}] must be a number of rows (int) or a "
                f"ratio to the majority class in (0, 1] (float); got {value!r}"
            )
    return wanted


def proportional_order(codes, n_rows):
    """Endless cycle through all rows, in which each class keeps its share throughout.

    Row r of the m rows of a class comes at the time (r + 1/2) / m of a cycle, so every
    beginning of the order has the class proportions, to about one row a class.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Class of each row, as an integer from 0.
    n_rows : int
        Length of the order.

    Returns
    -------
    order : ndarray of shape (n_rows,)
        Indices into ``codes``.
    """
    counts = np.bincount(codes)
    by_class = np.argsort(codes, kind="stable")
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    time = (rank + 0.5) / np.repeat(counts, counts)
    cycle = by_class[np.argsort(time, kind="stable")]
    return np.resize(cycle, n_rows) if n_rows else cycle[:0]
