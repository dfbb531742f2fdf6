"""Which rows come back: the real ones first, exact counts, between two ends."""

from collections import Counter

import numpy as np
from sklearn.base import clone

from sksynth.testing._data import (
    RANKS,
    assert_same,
    fitted,
    flatten,
    has_parameter,
    is_sampler,
    prepared,
    resample,
    sample,
    shape_name,
    two_classes,
    with_rare_class,
)


def check_originals_first_bitwise(estimator):
    """The first rows of a resampled data set are the input, bit for bit.

    Parameters
    ----------
    estimator : sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If a bit of X or a label of y changed, or rows changed their place.
    """
    for n_channels in RANKS:
        for dtype in (np.float64, np.float32):
            X, y = two_classes(n_channels, dtype=dtype)
            X.flat[:2] = -0.0, np.finfo(dtype).smallest_subnormal
            X_new, y_new = resample(estimator, X, y)
            what = f"{shape_name(X)} of {X.dtype}"
            if X_new.dtype != dtype or len(X_new) < len(X):
                raise AssertionError(
                    f"{what}: expected {len(X)} {X.dtype} rows or more; found "
                    f"{len(X_new)} of {X_new.dtype}"
                )
            first = np.ascontiguousarray(X_new[: len(X)])
            if first.tobytes() != X.tobytes():
                differs = (flatten(first) != flatten(X)).any(axis=1)
                raise AssertionError(
                    f"{what}: expected the first {len(X)} rows to be the input, bit "
                    f"for bit; found {max(1, differs.sum())} rows that differ"
                )
            assert_same(y_new[: len(y)], y, f"{what}: labels of the original rows")


def check_synthetic_mask(estimator):
    """``synthetic_mask_`` is True for exactly the rows that were added.

    Parameters
    ----------
    estimator : sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If the mask is missing or marks other rows.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        sampler = prepared(estimator)
        X_new, _ = sampler.fit_resample(X, y)
        _assert_mask(sampler, np.arange(len(X_new)) >= len(X), shape_name(X))
        if has_parameter(estimator, "keep_real"):
            sampler = prepared(estimator, keep_real=False)
            n_new = len(sampler.fit_resample(X, y)[0])
            _assert_mask(sampler, np.ones(n_new, bool), "keep_real=False")


def check_exact_counts(estimator):
    """As many rows of each class as were asked for.

    For a sampler that balances classes: each form of ``sampling_strategy``, with three
    classes, one of them of one row; synthetic rows are grouped by class, in the order
    of the labels. For one with ``ratio``: ``round(ratio * n)`` rows in the proportions
    of the classes. For a generator: any number of rows, of a class of one row too,
    while unknown labels and a y of wrong length are refused.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If a count is off, or a wrong y is accepted.
    """
    for n_channels in RANKS:
        X, y = with_rare_class(n_channels)
        if not is_sampler(estimator):
            _check_generator_counts(estimator, X, y)
        elif has_parameter(estimator, "sampling_strategy"):
            _check_strategies(estimator, X, y)
        else:
            _check_ratios(estimator, X, y)


def check_strength_ends(estimator):
    """Anchored sampling goes from the interpolation of real rows to a pure sample.

    Strength 1 gives the pure samples of the same seed exactly. At strength 0 a single
    anchor leaves nothing to chance: all samples are (the reconstruction of) that row,
    whatever the seed. In between, the mean distance to the samples of strength 0 grows.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted; its ``sample`` or its parameters have ``strength``.

    Raises
    ------
    AssertionError
        If one of these does not hold.
    """
    for n_channels in RANKS:
        if is_sampler(estimator):
            X, y = with_rare_class(n_channels)
            anchored = _SamplerAt(estimator, X, y)
        else:
            X, y = two_classes(n_channels)
            anchored = _GeneratorAt(fitted(estimator, X, y), X[y == "b"], "b")
        _check_ends(anchored, shape_name(X), X.std())


def _assert_mask(sampler, expected, what):
    mask = getattr(sampler, "synthetic_mask_", None)
    if mask is None:
        raise AssertionError(f"{what}: expected synthetic_mask_; found none")
    assert_same(mask, expected, f"{what}: synthetic_mask_ (True for added rows)")


def _check_generator_counts(estimator, X, y):
    generator = fitted(estimator, X, y)
    for n_samples in (1, 5, 70):
        for asked in (None, "rare", np.resize(["rare", "b", "a"], n_samples)):
            rows = sample(generator, n_samples, y=asked)
            if rows.shape != (n_samples, *X.shape[1:]):
                raise AssertionError(
                    f"sample({n_samples}, y={asked!r}): expected the shape "
                    f"{(n_samples, *X.shape[1:])}; found {rows.shape}"
                )
    for wrong, reason in (
        ("unseen", "a label that fit did not see"),
        (["a", "b"], "two labels for five rows"),
        (["a", "a", "b", "b", "unseen"], "a label that fit did not see"),
    ):
        _assert_refused(generator, wrong, reason)
    _assert_refused(fitted(estimator, X), "a", "a label after fit without y")


def _assert_refused(generator, y, reason):
    try:
        generator.sample(5, y=y, random_state=0)
    except ValueError:
        return
    raise AssertionError(
        f"sample(5, y={y!r}): expected a ValueError for {reason}; found none"
    )


def _add_three_of_b(y):
    return {"b": int(np.sum(y == "b")) + 3}


_STRATEGIES = (  # and the rows that they add to classes of 20, 9 and 1 rows
    ("auto", {"b": 11, "rare": 19}),
    ("not majority", {"b": 11, "rare": 19}),
    ("all", {"b": 11, "rare": 19}),
    ("minority", {"rare": 19}),
    ("not minority", {"b": 11}),
    ({"b": 15, "rare": 4}, {"b": 6, "rare": 3}),
    ({"rare": 0.25, "b": 0.5}, {"b": 1, "rare": 4}),
    (_add_three_of_b, {"b": 3}),
)


def _check_strategies(sampler, X, y):
    for strategy, added in _STRATEGIES[: None if X.ndim == 2 else 1]:
        _assert_labels(sampler, X, y, strategy, added)
    two = y != "rare"
    _assert_labels(sampler, X[two], y[two], 0.8, {"b": 7})


def _assert_labels(sampler, X, y, strategy, added):
    X_new, y_new = resample(sampler, X, y, sampling_strategy=strategy)
    expected = np.concatenate([y, *(np.full(n, k) for k, n in sorted(added.items()))])
    what = f"{shape_name(X)}, sampling_strategy={strategy!r}"
    if len(X_new) != len(y_new):
        raise AssertionError(
            f"{what}: expected X and y of one length; found {len(X_new)} and "
            f"{len(y_new)}"
        )
    counts, found = Counter(expected.tolist()), Counter(y_new.tolist())
    if counts != found:
        raise AssertionError(
            f"{what}: expected the counts {dict(counts)}; found {dict(found)}"
        )
    assert_same(y_new, expected, f"{what}: labels, grouped by class in sorted order")


def _check_ratios(sampler, X, y):
    labels, present = np.unique(y, return_counts=True)
    for ratio in (0, 0.5, 1.0, 1.5):
        X_new, y_new = resample(sampler, X, y, ratio=ratio)
        n_new = round(ratio * len(X))
        found = np.array([np.sum(y_new[len(y) :] == label) for label in labels])
        if len(X_new) != len(X) + n_new or len(y_new) != len(X_new):
            raise AssertionError(
                f"{shape_name(X)}, ratio={ratio}: expected {n_new} rows more than "
                f"{len(X)}; found X of {len(X_new)} rows and y of {len(y_new)}"
            )
        if (np.abs(found - ratio * present) > 1).any():
            raise AssertionError(
                f"{shape_name(X)}, ratio={ratio}: expected about {ratio * present} new "
                f"rows of the classes {labels}; found {found}"
            )


class _GeneratorAt:
    """Samples of one class from a fitted generator, by strength."""

    def __init__(self, generator, anchors, label):
        self.generator, self.anchors, self.label = generator, anchors, label

    def rows(self, strength):
        anchors = None if strength is None else self.anchors
        return sample(
            self.generator, 100, y=self.label, anchors=anchors, strength=strength
        )

    def of_one_row(self):
        options = {"y": self.label, "anchors": self.anchors[:1], "strength": 0}
        return np.concatenate(
            [sample(self.generator, 5, random_state=s, **options) for s in (0, 1)]
        )


class _SamplerAt:
    """Rows that a sampler adds, by strength; the class "rare" has one real row."""

    def __init__(self, sampler, X, y):
        amount = {"ratio": 4.0} if has_parameter(sampler, "ratio") else {}
        self.sampler, self.X, self.y = prepared(sampler, **amount), X, y

    def _new(self, strength):
        sampler = clone(self.sampler).set_params(strength=strength)
        X_new, y_new = sampler.fit_resample(self.X, self.y)
        return X_new[len(self.X) :], y_new[len(self.X) :]

    def rows(self, strength):
        return self._new(strength)[0]

    def of_one_row(self):
        rows, labels = self._new(0)
        return rows[labels == "rare"]


def _check_ends(anchored, what, scale):
    pure, end = anchored.rows(None), anchored.rows(1)
    assert_same(end, pure, f"{what}, strength 1: pure samples of the same seed")
    single = anchored.of_one_row()
    spread = np.abs(single - single[:1]).max() / scale
    if spread > 1e-4:
        raise AssertionError(
            f"{what}, strength 0 with a single anchor: expected the same sample each "
            f"time; found samples {spread:.2g} deviations apart"
        )
    strengths = (0, 0.2, 0.4, 0.6, 1)
    at = [anchored.rows(strength) for strength in strengths]
    distances = [np.sqrt(np.square(rows - at[0]).mean()) / scale for rows in at]
    steps = np.diff(distances)
    if (steps[:2] <= 0).any() or (steps < -0.05 * max(distances)).any():
        raise AssertionError(
            f"{what}: expected the mean distance to the samples of strength 0 to grow "
            f"with the strengths {strengths}; found {np.round(distances, 5).tolist()}"
        )
