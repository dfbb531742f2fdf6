"""Checked data, and the training and test rows of each run."""

import copy
import warnings
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length

from sksynth._arrays import check_integer, check_kind
from sksynth._random import as_rng


@dataclass
class Run:
    """One split, and the seeds that all methods share on it."""

    repeat: int
    fold: int
    train: np.ndarray  # row numbers
    test: np.ndarray
    generator_seed: int
    classifier_seed: int


def check_data(X, y, groups):
    """X as a float array of 2 or 3 dimensions, labels, and groups or None."""
    check_kind(X, "X")
    refuse_complex(X, "X")
    X = check_array(
        X, dtype=[np.float64, np.float32], allow_nd=True, order="C", input_name="X"
    )
    if X.ndim > 3 or 0 in X.shape:
        raise ValueError(
            "X must have shape (n_samples, n_times) or (n_samples, n_channels, "
            f"n_times); got {X.shape}"
        )
    y = column_or_1d(y, warn=False)
    _refuse_missing("y", y)
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind not in ("binary", "multiclass"):
        raise ValueError(f"y must be labels, one a row; got {kind} targets")
    labels = np.unique(y)
    if len(labels) < 2:
        raise ValueError(
            f"y must have more than one class; got the class {labels[0]!r} alone"
        )
    groups = None if groups is None else column_or_1d(groups)
    check_consistent_length(X, y, groups)
    if groups is not None:
        _refuse_missing("groups", groups)
    return X, y, groups


def refuse_complex(X, name):
    """Say what to do with complex signals, without the numbers in them."""
    if not np.iscomplexobj(X):
        return
    join = "concatenate" if np.ndim(X) == 3 else "stack"
    raise ValueError(
        f"{name} must be real; got complex numbers of shape {np.shape(X)}: give real "
        f"and imaginary parts as channels, np.{join}([X.real, X.imag], axis=1)"
    )


def _refuse_missing(name, values):
    missing = pd.isna(values)
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(f"{name} has no value in row {row}; got {values[row]!r}")


def make_runs(cv, X, y, groups, n_repeats, random_state):
    """The runs of all repeats; fewer repeats are the beginning of more."""
    check_integer(n_repeats, "n_repeats", low=1)
    if not isinstance(cv, Integral):
        cv = check_cv(cv, y, classifier=True)  # holds the splits of an iterator
    rng = as_rng(random_state)
    runs = []
    for repeat in range(n_repeats):
        splitter = _splitter(cv, y, groups, repeat, int(rng.randint(2**31)))
        splits = list(splitter.split(X, y, groups))
        if not splits:
            raise ValueError(f"cv gives no splits; got {cv!r}")
        seeds = rng.randint(2**31, size=(len(splits), 2)).tolist()
        for fold, ((train, test), own) in enumerate(zip(splits, seeds, strict=True)):
            runs.append(Run(repeat, fold, train, test, *own))
    _check_runs(runs, y, groups)
    return runs


def _splitter(cv, y, groups, repeat, seed):
    if not isinstance(cv, Integral):
        splitter = copy.copy(cv)
        if hasattr(splitter, "random_state"):
            own = splitter.random_state
            if repeat or not isinstance(own, Integral):
                splitter.random_state = seed
        return splitter
    check_integer(cv, "cv", low=2)
    labels, counts = np.unique(y, return_counts=True)
    if counts.min() < cv:
        raise ValueError(
            f"cv={cv} needs {cv} rows of each class; class "
            f"{labels.tolist()[counts.argmin()]!r} has {counts.min()}"
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return kind(cv, shuffle=True, random_state=seed)


def _check_runs(runs, y, groups):
    """Refuse sets that cannot be judged; warn of those judged in part."""
    classes = np.unique(y)
    in_part = {}  # run: classes that its test rows lack
    for run in runs:
        where = f"repeat {run.repeat}, fold {run.fold}"
        if not (len(run.train) and len(run.test)):
            raise ValueError(
                f"{where} has {len(run.train)} training and {len(run.test)} test rows; "
                "each needs some"
            )
        rows = np.intersect1d(run.train, run.test)[:5].tolist()
        if rows:
            raise ValueError(f"{where} has the rows {rows} on both sides")
        missing = np.setdiff1d(classes, y[run.train]).tolist()
        if missing:
            raise ValueError(
                f"the training rows of {where} lack the classes {missing}: take fewer "
                "folds, or leave these classes out"
            )
        if groups is not None:
            shared = np.intersect1d(groups[run.train], groups[run.test]).tolist()
            if shared:
                raise ValueError(
                    f"{where} has the groups {shared[:5]} on both sides; cv must keep "
                    "a group on one side, as GroupKFold does"
                )
        missing = np.setdiff1d(classes, y[run.test]).tolist()
        if missing:
            in_part[where] = missing
    if in_part:
        where, missing = next(iter(in_part.items()))
        warnings.warn(
            f"the test rows of {len(in_part)} of {len(runs)} folds lack classes "
            f"({where} lacks {missing}): measures that need all classes (roc_auc_ovr) "
            "are NaN there, balanced accuracy leaves them out, macro measures count "
            "one that is predicted as 0",
            stacklevel=4,
        )
