"""From the caller's arrays to the network's numbers, and back."""

import copy

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length, validate_data

from sksynth._arrays import SIGNAL_SHAPES, as_labels, blocks, check_kind


def check_signals(estimator, X, *, reset=True):
    """Validated X of 2 or 3 dimensions, float32 or float64.

    With ``reset`` the estimator remembers the shape of a row as ``input_shape_``;
    without, a row of another shape is refused.
    """
    check_kind(X, "X")
    options = {"dtype": [np.float64, np.float32], "order": "C", "allow_nd": True}
    try:
        X = validate_data(estimator, X, **options, reset=reset)
    except ValueError as error:
        if "Complex data not supported" not in str(error):
            raise
        instead = "give real and imaginary parts as channels"
        if hasattr(estimator, "sample"):
            instead = f"use SpectrumVAE, or {instead}"
        elif hasattr(estimator, "generator"):
            instead = f"take SpectrumVAE as its generator, or {instead}"
        raise ValueError(
            f"Complex data not supported by {type(estimator).__name__}: {instead}"
        ) from None
    if X.ndim > 3 or 0 in X.shape:
        raise ValueError(f"X must have shape {SIGNAL_SHAPES}; got {X.shape}")
    if reset:
        estimator.input_shape_ = X.shape[1:]
    elif X.shape[1:] != estimator.input_shape_:
        expected = ("n_samples", *estimator.input_shape_)
        raise ValueError(
            f"X must have the shape seen by fit, {expected}; got {X.shape}"
        )
    return X


def check_targets(y, n_samples, *, warn=True):
    """Finite targets (n_samples,) or (n_samples, n_targets); None stays None.

    A single column becomes one-dimensional, as scikit-learn wants with a warning.
    """
    if y is None:
        return None
    y = as_labels(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=warn)
    if y.ndim not in (1, 2):
        allowed = "(n_samples,) or (n_samples, n_targets)"
        raise ValueError(f"y must have shape {allowed}; got {y.shape}")
    check_consistent_length(np.empty(n_samples), y)
    return y


def is_discrete(y):
    """Whether y holds labels (of one or several outputs) and not measurements."""
    kind = quietly(type_of_target, y, input_name="y", raise_unknown=True)
    return not kind.startswith("continuous")


def quietly(look_at, y, **options):
    """What scikit-learn finds out about targets, by a look at them as integers.

    Numbers that are none make numpy warn.
    """
    with np.errstate(invalid="ignore"):
        return look_at(y, **options)


def check_output(numbers):
    """Refuse numbers of a network that are not finite, or too large for the dtype."""
    if not np.isfinite(numbers).all():
        raise FloatingPointError(
            f"the network gave numbers that are not finite in {numbers.dtype}; look "
            "for outliers in X or in the anchors, and at the losses in history_"
        )


def name_of(label):
    """A class in words; None stands for all rows."""
    return "the data" if label is None else f"class {label!r}"


class Container:
    """Shape, dtype and kind of X, to hand samples back in the same form."""

    attributes = ("shape", "dtype_name", "columns", "kind")  # of a saved one

    def __init__(self, X_given, X):
        self.shape = X.shape[1:]
        self.dtype_name = X.dtype.str
        self.columns = None
        self.kind = "list" if isinstance(X_given, (list, tuple)) else "array"
        if hasattr(X_given, "iloc"):
            self.kind, self.columns = "frame", X_given.columns

    @property
    def dtype(self):
        """Dtype of the samples."""
        return np.dtype(self.dtype_name)

    @property
    def real_dtype(self):
        """Dtype of their real parts."""
        return np.empty(0, self.dtype).real.dtype

    def restore(self, signals):
        """Signals (n_samples, ...) as rows of the X given to ``fit``."""
        return self.wrap(self.as_rows(signals))

    def as_rows(self, signals):
        """Signals (n_samples, ...) as an array in the shape and dtype of X."""
        shape = len(signals), *self.shape
        return signals.reshape(shape).astype(self.dtype, copy=False)

    def wrap(self, X, start=0):
        """Array of rows in the kind of X; the rows are ``start`` and following."""
        if self.kind == "list":
            return X.tolist()
        if self.kind == "frame":
            import pandas as pd

            columns = self.columns  # a list if it comes from a file
            if isinstance(columns, list):
                columns = pd.Index(columns)
            index = pd.RangeIndex(start, start + len(X))
            return pd.DataFrame(X, index=index, columns=columns)
        return X

    def of_length(self, n_times):
        """Container of arrays of the same rows, ``n_times`` long."""
        other = copy.copy(self)
        other.shape, other.kind = (*self.shape[:-1], n_times), "array"
        return other


def _standard(signals):
    """Mean and deviation a channel, in two passes over blocks of rows."""
    size = signals.shape[0] * signals.shape[2]
    mean = sum(b.sum(axis=(0, 2), dtype=np.float64) for b in blocks(signals)) / size
    square = sum(
        np.square(b - mean[:, None], dtype=np.float64).sum(axis=(0, 2))
        for b in blocks(signals)
    )
    return mean, np.sqrt(square / size)


def _maxabs(signals):
    largest = np.max([np.abs(b).max(axis=(0, 2)) for b in blocks(signals)], axis=0)
    return np.zeros(signals.shape[1]), largest.astype(np.float64)


def _unscaled(signals):
    return np.zeros(signals.shape[1]), np.ones(signals.shape[1])


def correlation_in_time(signals):
    """Mean absolute correlation, over about 1000 rows, of numbers that follow."""
    some = signals[:: max(1, len(signals) // 1000)].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = some.mean(axis=0), some.std(axis=0)
        varies = std > 1e-12 * np.abs(mean)
        some = (some - mean) / np.where(varies, std, 1.0)
    pairs = varies[:, 1:] & varies[:, :-1]  # a lead that is not connected says nothing
    correlation = (some[:, :, 1:] * some[:, :, :-1]).mean(axis=0)[pairs]
    return float(np.abs(correlation).mean()) if pairs.any() else 0.0


SCALERS = {"standard": _standard, "maxabs": _maxabs, None: _unscaled}


def divisor(scale, offset):
    """Scale to divide by: 1 where numbers differ by no more than their rounding."""
    return np.where(scale <= 1e-12 * np.abs(offset), 1.0, scale)


class ChannelScaler:
    """Subtract an offset and divide by a scale, one of each a channel."""

    attributes = ("offset", "scale")

    def __init__(self, kind, signals):
        with np.errstate(over="ignore"):
            offset, scale = SCALERS[kind](signals)
        if not np.isfinite(scale).all():
            raise ValueError(f"the numbers in X are too large: deviation {scale.max()}")
        self.offset = offset[:, None]  # (n_channels, 1)
        self.scale = divisor(scale, offset)[:, None]

    def transform(self, signals):
        """Scaled float32 copy of (n_samples, n_channels, n_times)."""
        scaled = np.empty(signals.shape, dtype=np.float32)
        for source, target in zip(blocks(signals), blocks(scaled), strict=True):
            with np.errstate(over="ignore"):
                numbers = source - self.offset
                np.divide(numbers, self.scale, out=target, casting="same_kind")
            if not np.isfinite(target).all():
                raise ValueError(
                    "the numbers in X are too large beside those seen by fit, of "
                    f"deviation {self.scale.max():.3g}"
                )
        return scaled

    def inverse_transform(self, signals):
        """Signals in the unit given to ``fit``, float64."""
        return signals * self.scale + self.offset


class ConditionEncoder:
    """Targets as rows of numbers: labels one-hot, measurements standardised.

    Without targets the rows have no columns, so that networks need no second path.
    """

    attributes = ("shape", "classes", "mean", "std", "rows", "cumulative")

    def __init__(self, y, n_samples):
        self.shape = None if y is None else y.shape[1:]  # of one target
        self.classes = None  # sorted labels, one array an output
        self.mean = self.std = None
        rows = np.zeros((n_samples, 0), dtype=np.float32)
        if y is not None:
            if is_discrete(y):
                self.classes = [np.unique(column) for column in _columns(y)]
            else:
                y = y.astype(np.float64)
                with np.errstate(over="ignore"):
                    self.mean, std = y.mean(axis=0), y.std(axis=0)
                if not np.isfinite(std).all():
                    raise ValueError("the numbers in y are too large")
                self.std = divisor(std, self.mean)
            rows = self.encode(y, n_samples)
        self.rows, counts = np.unique(rows, axis=0, return_counts=True)
        self.cumulative = counts.cumsum() / n_samples

    def check(self):
        """Refuse parts (of a file) that do not belong together."""
        sizes = [] if self.mean is None else [np.size(self.mean)]
        sizes += [len(labels) for labels in self.classes or []]
        shapes = self.rows.shape, self.cumulative.shape
        n_rows = len(self.rows)
        is_whole = n_rows > 0 and self.cumulative[-1] == 1
        if shapes != ((n_rows, sum(sizes)), (n_rows,)) or not is_whole:
            raise ValueError(f"the conditions do not belong together: {shapes}")

    @property
    def is_conditional(self):
        """Whether there are targets at all."""
        return self.shape is not None

    def encode(self, y, n_samples):
        """Rows (n_samples, n_conditions) from one target or ``n_samples`` of them."""
        if not self.is_conditional:
            raise ValueError(f"y={y!r} was asked of a generator fitted without y")
        check_kind(y, "y")
        y = np.asarray(y)
        if y.dtype.kind == "c":
            raise ValueError(f"y must be real; got {y}")
        if y.shape == (n_samples, 1) and self.shape == ():
            y = y[:, 0]
        if y.shape == self.shape:
            y = np.broadcast_to(y, (n_samples, *self.shape))
        if y.shape != (n_samples, *self.shape):
            allowed = f"{self.shape} or {(n_samples, *self.shape)}"
            raise ValueError(
                f"y must have shape {allowed}; got {y.shape}: there are "
                f"n_samples={n_samples} rows"
            )
        if self.classes is None:
            numbers = (np.asarray(y, dtype=np.float64) - self.mean) / self.std
            largest = np.finfo(np.float32).max
            if not (np.abs(numbers) < largest).all():  # NaN too
                raise ValueError(f"y must be finite numbers; got {y}")
            return numbers.reshape(n_samples, -1).astype(np.float32)
        one_hot = [
            as_one_hot(column, classes)
            for column, classes in zip(_columns(y), self.classes, strict=True)
        ]
        return np.concatenate(one_hot, axis=1)

    def draw(self, uniform):
        """Rows with the frequencies of the training targets, from U(0, 1) numbers."""
        return self.rows[np.searchsorted(self.cumulative, uniform, side="right")]


def _columns(y):
    return [y] if y.ndim == 1 else list(y.T)


def as_one_hot(labels, classes, name="y"):
    one_hot = labels[:, None] == classes
    known = np.broadcast_to(one_hot, (len(labels), len(classes))).any(axis=1)
    if not known.all():
        unknown = list(dict.fromkeys(map(repr, labels[~known].tolist())))[:5]
        raise ValueError(
            f"{name} has [{', '.join(unknown)}]; labels seen by fit are "
            f"{classes.tolist()}"
        )
    return one_hot.astype(np.float32)
