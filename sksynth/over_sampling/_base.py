"""What the samplers share."""

import os
import warnings
from numbers import Integral, Real

import numpy as np
from imblearn.utils import check_target_type
from imblearn.utils._validation import ArraysTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    check_consistent_length,
    column_or_1d,
)

from sksynth._arrays import as_labels, check_integer, check_kind, refuse_bools
from sksynth._fitting import restored_on_failure
from sksynth._preprocessing import check_signals, quietly
from sksynth.generators import SpectrumVAE
from sksynth.selection import KeepBest

SHARED_CONSTRAINTS = {
    "generator": [HasMethods(["fit", "sample"]), None],
    "strength": [Interval(Real, 0, 1, closed="both"), None],
    "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    "per_class": ["boolean", StrOptions({"auto"})],
    "signal_shape": [tuple, None],
    "selection": [KeepBest, None],
    "memory": [str, os.PathLike, HasMethods(["cache"]), None],
    "random_state": ["random_state"],
}


class SignalSamplerMixin:
    """Validation of signals, and tags, for imbalanced-learn samplers."""

    def _validate_params(self):
        super()._validate_params()
        refuse_bools(self)

    def _resample(self, X, y, **options):
        """Result of ``_fit_resample`` in the containers of X and y."""
        containers = Containers(X, y)
        y = as_labels(required(y))
        quietly(check_classification_targets, y)
        with restored_on_failure(self):
            vars(self).pop("synthetic_groups_", None)  # of a call with groups
            one_hot = OneHot.of(y)
            X, y = self._check_labelled(X, y if one_hot is None else one_hot.labels)
            X, y = self._fit_resample(X, y, **options)
        return containers.restore(X, y if one_hot is None else one_hot.encode(y))

    def _check_labelled(self, X, y):
        y, _ = check_target_type(as_labels(required(y)), indicate_one_vs_all=True)
        return self._check_X(X, y), y

    def _check_X(self, X, y):
        if hasattr(X, "sparse"):  # a frame of sparse columns
            X = X.sparse.to_dense()
        if self._takes_complex() and np.asarray(X).dtype.kind == "c":
            X = self._check_complex(X)
        else:
            X = check_signals(self, X)
        check_consistent_length(X, y)
        return X

    def _takes_complex(self):
        """Whether complex X can be resampled."""
        generator = getattr(self, "generator", None)
        if isinstance(generator, FrozenEstimator):
            generator = generator.estimator
        return isinstance(generator, SpectrumVAE)

    def _check_complex(self, X):
        """Validated complex X, of which both parts are such as real signals are."""
        check_kind(X, "X")
        numbers = np.asarray(X)
        for part in (numbers.real, numbers.imag):
            check_signals(self, part)
        _check_feature_names(self, X, reset=True)
        dtype = np.complex64 if numbers.dtype == np.complex64 else np.complex128
        return np.asarray(numbers, dtype=dtype, order="C")

    def _signals(self, X):
        """X in the shape that the generator shall see."""
        if self.signal_shape is None:
            return X
        for length in self.signal_shape:
            check_integer(length, "each number of signal_shape", 1)
        if X.ndim != 2 or np.prod(self.signal_shape) != X.shape[1]:
            raise ValueError(
                f"signal_shape={self.signal_shape} reads a 2-D X with "
                f"{np.prod(self.signal_shape)} columns; got X of shape {X.shape}"
            )
        return X.reshape(len(X), *self.signal_shape)

    def __sklearn_tags__(self):
        """Dense signals of two or three dimensions."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = True
        return tags


def required(y):
    """The same y, which must be there."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    return y


def check_selection(selection, rows):
    """Refuse to select among complex rows, whose distances are not defined here."""
    if selection is not None and np.iscomplexobj(rows):
        raise ValueError(
            "selection compares real rows, and X is complex: take selection=None, or "
            "give real and imaginary parts as channels"
        )


class Containers:
    """The kinds of X and y, to give resampled arrays back in."""

    def __init__(self, X, y):
        self.X, self.y = X, y
        self.transformer = ArraysTransformer(X, y)

    def restore(self, X, y):
        """Arrays as the containers given; whole-number columns are rounded."""
        return self.transformer.transform(_rounded(X, self.X), _rounded(y, self.y))


def _rounded(array, given):
    """Numbers for the integer and bool columns of a frame, rounded to be theirs."""
    if not hasattr(given, "iloc") or array.dtype.kind != "f" or array.ndim != 2:
        return array
    kinds = [getattr(dtype, "kind", "O") for dtype in given.dtypes]
    if not set(kinds) & set("biu"):
        return array
    array = array.copy()
    for column, (kind, dtype) in enumerate(zip(kinds, given.dtypes, strict=True)):
        if kind == "b":
            array[:, column] = array[:, column] >= 0.5
        elif kind in "iu":
            limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
            # the largest float64 that is no more than the largest integer
            largest = np.nextafter(float(limits.max) + 1, 0)
            rounded = np.rint(array[:, column])
            array[:, column] = np.clip(rounded, limits.min, np.floor(largest))
    return array


class OneHot:
    """Rows of zeros and a single one, read as labels and written back."""

    def __init__(self, rows):
        self.labels = rows.argmax(axis=1)
        self.n_columns, self.dtype = rows.shape[1], rows.dtype

    @classmethod
    def of(cls, y):
        """The one-hot rows in y, or None if y is something else."""
        rows = np.asarray(y)
        if rows.ndim != 2 or rows.shape[1] < 2 or rows.dtype.kind not in "biuf":
            return None
        is_one_hot = np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all()
        return cls(rows) if is_one_hot else None

    def encode(self, labels):
        """One-hot rows of as many columns as were given, in their dtype."""
        return (labels[:, None] == np.arange(self.n_columns)).astype(self.dtype)


def check_groups(groups, X):
    """One group (patient) for each row of X, or None."""
    if groups is None:
        return None
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    return groups


def as_codes(y):
    """Classes of y as integers from 0; rows of a 2-D y are classes."""
    columns = [y] if y.ndim == 1 else list(y.T)
    codes = np.stack([np.unique(c, return_inverse=True)[1] for c in columns], axis=1)
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)


def check_memory_and_seed(memory, random_state):
    """Cache to use: none, with a warning, where no fit would ever be met again."""
    if memory is None or isinstance(random_state, Integral):
        return os.fspath(memory) if isinstance(memory, os.PathLike) else memory
    warnings.warn(
        f"memory is not used with random_state={random_state!r}: it needs an int",
        stacklevel=2,
    )
    return None
