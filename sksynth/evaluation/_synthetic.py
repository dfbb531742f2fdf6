"""Synthetic rows from whatever draws them: a generator or a sampler."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from sksynth._random import as_rng
from sksynth.over_sampling import (
    FlatSampler,
    GeneratorAugmenter,
    GeneratorOverSampler,
)


@dataclass
class Synthetic:
    """Rows of one fit; each class's rows come in the order in which they were drawn."""

    alone: tuple  # (X, y) to train on without real rows
    beside: tuple  # (X, y) to add to the real rows
    test: tuple  # (X, y) to test on


def seeded_copy(estimator, seed):
    """Unfitted copy; each of its ``random_state`` parameters is an own seed."""
    if not hasattr(estimator, "get_params"):  # clone copies a list of estimators
        raise TypeError(f"an estimator of scikit-learn is needed; got {estimator!r}")
    estimator = clone(estimator)
    rng = as_rng(seed)
    names = sorted(estimator.get_params())
    seeds = {
        name: int(rng.randint(2**31))
        for name in names
        if name == "random_state" or name.endswith("__random_state")
    }
    return estimator.set_params(**seeds) if seeds else estimator


def name_of(generator):
    """Name of the class that makes the rows."""
    if generator is None:
        raise TypeError("generator must have fit and sample, or fit_resample; got None")
    for part in ("generator", "sampler", "estimator"):
        generator = getattr(generator, part, None) or generator
    return type(generator).__name__


def as_sampler(generator, name, X):
    """Sampler that can be told how many rows of each class to add."""
    if isinstance(generator, GeneratorAugmenter):
        if generator.forward is not None:
            raise TypeError(
                f"{name!r} has forward={generator.forward!r}: it augments "
                "measurements, and this protocol needs labels"
            )
        own = generator.get_params(deep=False)
        shared = GeneratorOverSampler().get_params(deep=False).keys() & own.keys()
        generator = GeneratorOverSampler(**{key: own[key] for key in shared})
    elif isinstance(generator, FlatSampler) and generator.sampler is None:
        generator = FlatSampler(_smote())
    elif not hasattr(generator, "fit_resample"):
        if not (hasattr(generator, "fit") and hasattr(generator, "sample")):
            raise TypeError(
                f"{name!r} must be a generator (fit and sample) or a sampler "
                f"(fit_resample); got {generator!r}"
            )
        generator = GeneratorOverSampler(generator)
    strategy_name(generator, name)
    if X.ndim == 3 and not get_tags(generator).input_tags.three_d_array:
        raise TypeError(
            f"{name!r} reads tables and X has shape {X.shape}: take "
            f"FlatSampler({type(generator).__name__}(...))"
        )
    return generator


def _smote():
    """What a FlatSampler takes for None; `over_sampling` alone knows imblearn."""
    return clone(FlatSampler().fit(np.zeros((4, 1)), [0, 0, 1, 1]).sampler_)


def check_neighbours(sampler, name, y, runs, asked):
    """Refuse SMOTE where a class has no more training rows than it takes neighbours.

    ``asked(run)`` are the rows to draw of each class: one that gets none may be small.
    """
    smote = getattr(sampler, "sampler", sampler)
    if not isinstance(smote, type(_smote())):
        return
    if not isinstance(smote.k_neighbors, Integral):  # an estimator that finds them
        return
    smallest = []
    for run in runs:
        labels, present = np.unique(y[run.train], return_counts=True)
        where = f"repeat {run.repeat}, fold {run.fold}"
        drawn = np.flatnonzero(asked(run))
        own = zip(present[drawn].tolist(), labels[drawn].tolist(), strict=True)
        smallest += [(n, label, where) for n, label in own]
    nothing = smote.k_neighbors + 1, None, None
    n, label, where = min(smallest, key=lambda found: found[0], default=nothing)
    if n <= smote.k_neighbors:
        fewer = f"take FlatSampler(SMOTE(k_neighbors={n - 1})) or " if n > 1 else ""
        raise ValueError(
            f"{name!r} has k_neighbors={smote.k_neighbors} and needs "
            f"{smote.k_neighbors + 1} training rows of a class; class {label!r} has "
            f"{n} in {where}: {fewer}leave {name!r} out"
        )


def strategy_name(sampler, name):
    """The parameter that says how many rows each class shall have."""
    names = [p for p in sampler.get_params() if p.endswith("sampling_strategy")]
    own = [p for p in names if "__" not in p] or names
    if len(own) != 1:
        raise TypeError(
            f"{name!r} must have one parameter sampling_strategy, to be told how many "
            f"rows to draw; {type(sampler).__name__} has {own}"
        )
    return own[0]


def check_amount(n_synthetic, classes, needs_each):
    """Refuse an ``n_synthetic`` that no training set could follow."""
    if isinstance(n_synthetic, Mapping):
        labels = classes.tolist()
        unknown = [label for label in n_synthetic if label not in labels]
        wrong = [
            n
            for n in n_synthetic.values()
            if isinstance(n, bool) or not isinstance(n, Integral) or n < 0
        ]
        if unknown or wrong:
            raise ValueError(
                "n_synthetic as a dict holds numbers of rows (int, 0 or more) for the "
                f"labels {labels}; got {dict(n_synthetic)}"
            )
        empty = [label for label in labels if not n_synthetic.get(label)]
        if needs_each and empty:
            raise ValueError(
                f"n_synthetic gives the classes {empty} no row, and {needs_each} "
                "trains on synthetic rows alone"
            )
    elif isinstance(n_synthetic, str):
        if n_synthetic != "balanced":
            raise ValueError(_amounts(n_synthetic))
    elif isinstance(n_synthetic, bool) or not isinstance(n_synthetic, Real):
        raise TypeError(_amounts(n_synthetic))
    elif not 0 < n_synthetic < np.inf:
        raise ValueError(_amounts(n_synthetic))


def _amounts(n_synthetic):
    return (
        "n_synthetic must be a positive ratio to the real training rows, 'balanced' or "
        f"a dict of numbers of rows by label; got {n_synthetic!r}"
    )


def amounts(n_synthetic, classes, present):
    """Rows a class to train on alone, and to add to ``present`` real ones."""
    if isinstance(n_synthetic, Mapping):
        alone = np.array([n_synthetic.get(label, 0) for label in classes.tolist()])
        return alone, alone
    if isinstance(n_synthetic, str):
        return np.full_like(present, present.max()), present.max() - present
    alone = np.maximum(1, np.rint(n_synthetic * present).astype(int))
    return alone, alone


def added(alone, beside, test):
    """Rows a class to draw in all: those to train on are shared, not those to test."""
    return np.maximum(alone, beside) + test


def draw(sampler, name, real, groups, counts, seed):
    """Fit once on the real rows and draw; ``counts`` are rows a class.

    Parameters
    ----------
    sampler : object with ``fit_resample``
        Of :func:`as_sampler`.
    name : str
        Of the method, for errors.
    real : tuple (X, y)
        Training rows.
    groups : ndarray or None
        Patient of each training row.
    counts : tuple of three ndarray of shape (n_classes,)
        Rows to draw ``alone``, ``beside`` and for the ``test``. The first two share
        their rows, the last ones are further draws.
    seed : int
        Of fit and draws.

    Returns
    -------
    rows : Synthetic
        The drawn rows.
    """
    X, y = real
    classes, present = np.unique(y, return_counts=True)
    alone, beside, test = counts
    n_first = np.maximum(alone, beside)
    asked = added(*counts)
    total = dict(zip(classes.tolist(), (present + asked).tolist(), strict=True))
    sampler = seeded_copy(sampler, seed)
    sampler.set_params(**{strategy_name(sampler, name): total})
    options = {}
    if groups is not None and "groups" in signature(sampler.fit_resample).parameters:
        options["groups"] = groups
    X_all, y_all = sampler.fit_resample(X, y, **options)
    if not (np.array_equal(X_all[: len(X)], X) and np.array_equal(y_all[: len(y)], y)):
        raise ValueError(f"{name!r} must give back the real rows first, unchanged")
    X_new, y_new = X_all[len(X) :], y_all[len(y) :]
    found = np.array([np.sum(y_new == label) for label in classes])
    if (found != asked).any():
        raise ValueError(
            f"{name!r} drew {found.tolist()} rows of the classes {classes.tolist()}; "
            f"asked were {asked.tolist()}"
        )
    rank = np.empty(len(y_new), dtype=int)  # of a row within its class
    for label in classes:
        own = y_new == label
        rank[own] = np.arange(own.sum())
    code = np.searchsorted(classes, y_new)
    parts = (
        rank < alone[code],
        rank < beside[code],
        rank >= n_first[code],
    )
    return Synthetic(*((X_new[part], y_new[part]) for part in parts))
