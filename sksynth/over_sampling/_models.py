"""Generators inside a sampler: fitted once, cached, one for all classes or one each."""

import warnings
from importlib.metadata import version
from inspect import signature
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import check_consistent_length, check_memory

import sksynth
from sksynth._files import replaced
from sksynth._preprocessing import ChannelScaler, name_of
from sksynth._random import as_rng
from sksynth._shares import in_group
from sksynth.base import BaseGenerator
from sksynth.generators import VAE
from sksynth.over_sampling._best_rows import BestRows, names_of
from sksynth.over_sampling._counts import proportional_order
from sksynth.over_sampling._waiting import one_at_a_time


def fit_once(memory, generator, X, y=None, context=None):
    """Fit ``generator``, or take the fit from the cache.

    The cache is a file for each content of generator and data, beside what joblib
    caches. (``joblib.Memory.cache`` empties the cache of a function when a process
    meets a folder that another process began, so that a grid would train twice.)
    Processes that share the folder wait for one that fits the same. Parameters that
    matter only to ``sample`` have no part in the key.
    """
    if memory is not None and in_group():
        raise ValueError(
            f"memory={memory!r} cannot be used inside distributed(): a process would "
            "wait for the fit that needs it; allowed is None"
        )
    memory = check_memory(memory)
    backend = getattr(memory, "store_backend", None)
    if backend is None:
        return memory.cache(_fit_generator)(generator, X, y, context)
    versions = sksynth.__version__, sklearn.__version__, version("torch")
    own = generator.get_params(deep=False)
    names = (*getattr(generator, "sampling_parameters", ()), "verbose")
    dials = {name: own[name] for name in names if name in own}
    learner = generator
    if dials:
        learner = clone(generator).set_params(**dict.fromkeys(dials))
    key = joblib.hash((versions, learner, np.ascontiguousarray(X), y, context))
    folder = Path(backend.location) / "sksynth"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}.joblib"
    fitted = _read(path, warn=False)
    if fitted is None:
        with one_at_a_time(folder / f"{key}.lock"):
            fitted = _read(path)  # others may have waited for the same
            if fitted is None:
                for rest in folder.glob(f".{path.name}.*"):  # of a process that ended
                    rest.unlink(missing_ok=True)
                fitted = _fit_generator(generator, X, y, context)
                with replaced(path) as file:
                    joblib.dump(fitted, file)
    return fitted.set_params(**dials) if dials else fitted


def _read(path, warn=True):
    """The fitted generator of a cache, or None."""
    try:
        return joblib.load(path) if path.exists() else None
    except Exception as error:  # whatever a damaged pickle raises
        if warn:
            message = f"fitting again: {path} is damaged: {error!r}"
            warnings.warn(message, stacklevel=3)


def _fit_generator(generator, X, y, context):  # here, since a memory may cache it
    wanted = signature(generator.fit).parameters.get("y")
    needs_y = wanted is not None and wanted.default is wanted.empty
    more = {} if context is None else {"context": context}
    if y is None and not needs_y:
        return generator.fit(X, **more)
    return generator.fit(X, y, **more)


def prepared(generator, seed, random_state):
    """Unfitted copy of a generator (``None``: a VAE) with a seed.

    Its own seed is kept if the sampler has none.
    """
    generator = VAE() if generator is None else clone(generator)
    if not _takes(generator, "random_state"):
        raise TypeError(
            f"{type(generator).__name__}.sample must take random_state; its arguments "
            f"are {list(signature(generator.sample).parameters)}"
        )
    own = generator.get_params(deep=False)
    has_own_seed = own.get("random_state") is not None
    if "random_state" in own and not (random_state is None and has_own_seed):
        generator.set_params(random_state=seed)
    return generator


def _takes(generator, argument):
    return argument in signature(generator.sample).parameters


class ClassModels:
    """What was learnt from labelled rows: draws rows of a class.

    Parameters
    ----------
    generator : estimator
        Prepared, not yet fitted.
    X : ndarray of shape (n_samples, ...)
        Rows.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Labels.
    codes : ndarray of shape (n_samples,)
        Class of each row as an integer from 0; equal rows of y have equal codes.
    per_class : bool or "auto"
        One generator a class. ``"auto"``: where ``sample`` takes no ``y``.
    strength : float or None
        Anchored sampling; None draws pure samples.
    n_neighbors : int
        Neighbours for anchored sampling.
    memory : str, joblib.Memory or None
        Cache of the fits.
    selection : KeepBest or None
        Prepared, not yet fitted: of each block of candidates the best stay.
    scale : ndarray or None
        What the selection divides rows by. None is the deviation of each channel where
        rows have channels, else nothing.
    context : array-like or DataFrame of n_samples rows, or None
        Further conditions, for generators whose ``fit`` takes them.
    """

    def __init__(
        self,
        generator,
        X,
        y,
        codes,
        *,
        per_class,
        strength,
        n_neighbors,
        memory,
        selection=None,
        scale=None,
        context=None,
    ):
        name = type(generator).__name__
        if context is not None:
            if "context" not in signature(generator.fit).parameters:
                raise TypeError(
                    "context needs a generator that takes it, such as MerGen; "
                    f"{name}.fit has no argument context"
                )
            check_consistent_length(X, context)
        if strength is not None and not _takes(generator, "strength"):
            raise TypeError(
                f"strength={strength!r} needs a generator with anchored "
                f"sampling; {name}.sample has no argument strength"
            )
        if per_class == "auto":
            per_class = not _takes(generator, "y")
        elif not per_class and not _takes(generator, "y"):
            raise TypeError(
                f"per_class=False needs a conditional generator; {name}.sample has no "
                "argument y"
            )
        self.row_shape, self.rows = X.shape[1:], X
        if selection is not None and scale is None and X.ndim == 3:
            scale = ChannelScaler("standard", X).scale
        self.selection, self.scale = selection, scale
        if not get_tags(generator).input_tags.three_d_array:
            X = X.reshape(len(X), -1)
        self.X, self.codes, self.per_class = X, codes, per_class
        self.strength, self.n_neighbors = strength, n_neighbors
        first_rows = np.unique(codes, return_index=True)[1]
        self.targets = None if per_class else y[first_rows]
        self.generator, self.y, self.memory = generator, y, memory
        self.context = context
        self.fitted = {}  # by class, or under None the one for all

    @property
    def generators(self):
        """The fitted generators, in the order of the classes."""
        return list(self.fitted.values())

    def model_of(self, code):
        """The generator that draws a class, fitted when it is needed first."""
        key = code if self.per_class else None
        if key not in self.fitted:
            generator, X, y, context = self.generator, self.X, self.y, self.context
            if self.per_class:
                own = np.flatnonzero(self.codes == code)
                generator, X, y = clone(generator), X[own], None
                context = None if context is None else _safe_indexing(context, own)
            self.fitted[key] = fit_once(self.memory, generator, X, y, context)
        return self.fitted[key]

    def draw_classes(self, counts, seeds, X_new, groups=None):
        """Fill X_new with ``counts[k]`` rows of each class k, class after class.

        Returns the groups of the rows; None for a row of no single group.
        """
        wanted = [code for code, n_rows in enumerate(counts) if n_rows]
        self._check_sizes(wanted)
        draw = self.draw
        if self.selection is not None and wanted:
            draw = BestRows(self, wanted).draw
        new_groups, start = [], 0
        for code in wanted:
            rows = slice(start, start + counts[code])
            X_new[rows], names = draw(code, counts[code], seeds[code], groups)
            new_groups.append(names)
            start = rows.stop
        return np.concatenate([np.empty(0, dtype=object), *new_groups])

    def _check_sizes(self, wanted):
        """Refuse to learn a class from a single row, of which nothing is learnt."""
        is_fitted = isinstance(self.generator, FrozenEstimator)
        if not self.per_class or self.y is None or is_fitted:
            return
        name, labels = type(self.generator).__name__, names_of(self.y, self.codes)[1]
        for code in wanted:
            if np.count_nonzero(self.codes == code) > 1:
                continue
            if isinstance(self.generator, BaseGenerator):
                raise ValueError(
                    f"per_class=True fits a {name} on two rows of a class or more; "
                    f"got {name_of(labels[code])} with 1 row: take per_class=False, or "
                    "leave the class out (in GeneratorOverSampler by sampling_strategy)"
                )
            warnings.warn(
                f"{name} is fitted on the single row of {name_of(labels[code])}",
                stacklevel=7,
            )

    def draw(self, code, n_rows, seed, groups):
        """Rows of one class and their groups."""
        if groups is None or self.strength is None or self.strength == 1:
            rows = self._draw_anchored(code, n_rows, seed, self.codes == code)
            return rows, np.full(n_rows, None)
        return self._draw_by_group(code, n_rows, seed, groups)

    def _draw_anchored(self, code, n_rows, seed, may_be_anchor):
        """Rows of one class; a smaller number is the beginning of a larger one."""
        options = {"random_state": seed}
        if not self.per_class:
            options["y"] = self.targets[code]
        if self.strength is not None:
            options.update(
                anchors=self.X[may_be_anchor],
                strength=self.strength,
                n_neighbors=self.n_neighbors,
            )
        model = self.model_of(code)
        X_new = np.asarray(model.sample(n_rows, **options))
        if X_new.shape != (n_rows, *self.X.shape[1:]) or not np.isfinite(X_new).all():
            raise ValueError(
                f"{type(model).__name__}.sample must give finite numbers of shape "
                f"{(n_rows, *self.X.shape[1:])}; got shape {X_new.shape}"
                + ("" if np.isfinite(X_new).all() else " with NaN or infinity")
            )
        return X_new.reshape(n_rows, *self.row_shape)

    def _draw_by_group(self, code, n_rows, seed, groups):
        """Rows of one class, each anchored in a single group; and these groups.

        Groups take turns in proportion to their rows of the class, and the neighbours
        of an anchor are of its own group, so no row mixes two patients.
        """
        names, group_codes = np.unique(groups, return_inverse=True)
        seeds = as_rng(seed).randint(2**31, size=len(names)).tolist()
        present, members = np.unique(
            group_codes[self.codes == code], return_inverse=True
        )
        turns = members[proportional_order(members, n_rows)]
        X_new = np.empty((n_rows, *self.row_shape), dtype=self.X.dtype)
        for position, group in enumerate(present):
            rows = np.flatnonzero(turns == position)
            if len(rows):
                own = (self.codes == code) & (group_codes == group)
                X_new[rows] = self._draw_anchored(code, len(rows), seeds[group], own)
        return X_new, names[present[turns]]
