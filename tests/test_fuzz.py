"""What a clumsy or hostile caller may pass: it works, or the error is a clear one."""

import copy
import random
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sksynth import FCNClassifier, GeneratorAugmenter, GeneratorOverSampler, metrics
from sksynth.selection import KeepBest
from tests.test_conventions import GENERATORS, TINY

CLEAR = (ValueError, TypeError, NotFittedError, FloatingPointError)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2, 16))
Y = np.tile(["a", "b"], 6)
CLASSIFIER = FCNClassifier(n_filters=2, max_epochs=1, random_state=0)
ESTIMATORS = [
    *GENERATORS,
    CLASSIFIER,
    GeneratorOverSampler(TINY, random_state=0),
    GeneratorOverSampler(TINY, strength=0.5, random_state=0),
    GeneratorAugmenter(TINY, random_state=0),
    KeepBest(n_candidates=3),
]
# scikit-learn's own warnings about columns, classes of one row, and the like
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

DTYPES = [
    *("f8", "f4", ">f8", "f2", "i8", "u1", "?", "c16", "U3", "S3", "O", "M8[s]"),
]
numbers = st.sampled_from(
    [0.0, 1.0, -1.5, 1e-310, 1e-45, 1e-6, 7e4, 1e30, -1e160, 1e308, np.nan, np.inf]
) | st.floats(-5, 5)


def raw(dtype):
    """Arrays of a dtype and of any shape; more often one that can be fitted."""
    shapes = st.sampled_from([(6, 8), (6, 2, 8), (1, 4), (5, 1)]) | array_shapes(
        min_dims=0, max_dims=4, min_side=0, max_side=4
    )
    kind = np.dtype(dtype).kind
    if kind in "fO":
        elements = numbers
        if dtype == "O":
            elements |= st.sampled_from([None, "a", True, pd.NA, 3])
        else:
            width = 8 * np.dtype(dtype).itemsize
            largest = float(np.finfo(dtype).max)
            elements = elements.map(
                lambda x: x if abs(x) <= largest or not np.isfinite(x) else 1.0
            ).map(lambda x: float(np.array(x, f"f{width // 8}")))
        return arrays(dtype, shapes, elements=elements, fill=st.nothing())
    return arrays(dtype, shapes)


def masked(array):
    return np.ma.masked_array(
        array, np.arange(array.size).reshape(array.shape) % 3 == 0
    )


def frame(array):
    return pd.DataFrame(array.reshape(len(array), -1) if array.ndim else [[0]])


FORMS = {
    "array": lambda array: array,
    "list": lambda array: array.tolist(),
    "fortran": np.asfortranarray,
    "backwards": lambda array: array[::-1] if array.ndim else array,
    "masked": masked,
    "frame": frame,
    "tensor": lambda array: torch.from_numpy(np.ascontiguousarray(array)),
}
signals = st.sampled_from(DTYPES).flatmap(raw)
forms = st.sampled_from(list(FORMS))


def in_form(array, form):
    try:
        return FORMS[form](array)
    except (ValueError, TypeError):  # no such form of this array
        return array


def states():
    name, words, *place = np.random.get_state()
    return (
        (name, words.tobytes(), *place),
        torch.get_rng_state().numpy().tobytes(),
        random.getstate(),
    )


def attempt(function, *estimators):
    """Result of the function; None for an error that is clear and leaves no trace."""
    before, fitted = states(), [dict(vars(estimator)) for estimator in estimators]
    try:
        return function()
    except CLEAR as error:
        assert str(error)
        for estimator, attributes in zip(estimators, fitted, strict=True):
            assert vars(estimator) == attributes
        return None
    finally:
        assert states() == before


def assert_finite(rows):
    array = np.asarray(rows)
    assert array.dtype.kind in "fc"
    assert np.isfinite(array).all()


def check_fit(estimator, values):
    generator = clone(estimator)
    given_values = copy.deepcopy(values)
    fitted = attempt(lambda: generator.fit(values), generator)
    if isinstance(values, np.ndarray) and values.dtype != object:
        np.testing.assert_array_equal(np.asarray(values), np.asarray(given_values))
    if fitted is None:
        return
    rows = attempt(lambda: generator.sample(2, random_state=0), generator)
    if rows is None:
        return
    assert_finite(rows)
    assert np.shape(rows) == (2, *np.shape(values)[1:])
    assert isinstance(rows, list) == isinstance(values, list)
    assert isinstance(rows, pd.DataFrame) == isinstance(values, pd.DataFrame)
    if getattr(values, "dtype", None) == np.float32:
        assert rows.dtype == np.float32


@given(values=signals, form=forms)
@settings(max_examples=120)
def test_any_signals_are_fitted_or_refused(values, form):
    check_fit(TINY, in_form(values, form))


@pytest.mark.parametrize("generator", GENERATORS[1:], ids=lambda g: type(g).__name__)
@given(values=signals, form=forms)
@settings(max_examples=10)
def test_any_signals_are_fitted_or_refused_by_each_generator(generator, values, form):
    check_fit(generator, in_form(values, form))


labels = st.lists(
    st.sampled_from(
        ["a", "b", "", 0, 1, 1.0, 0.5, True, None, np.nan, pd.NA, b"a", 1e30]
    )
    | st.dates().map(np.datetime64),
    min_size=1,
    max_size=3,
)
LABEL_FORMS = {
    "list": list,
    "array": lambda y: np.array(y),
    "object": lambda y: np.array(y, dtype=object),
    "series": pd.Series,
    "category": lambda y: pd.Series(y, dtype="category"),
    "nullable": lambda y: pd.array(y),
    "column": lambda y: np.array(y)[:, None],
    "two": lambda y: np.stack([np.array(y)] * 2, axis=1),
    "masked": lambda y: np.ma.masked_array(np.array(y), np.arange(len(y)) == 1),
    "short": lambda y: y[:-1],
}


@given(
    kinds=labels,
    form=st.sampled_from(list(LABEL_FORMS)),
    estimator=st.sampled_from([TINY, *ESTIMATORS[len(GENERATORS) :]]),
)
@settings(max_examples=120)
def test_any_labels_are_learnt_or_refused(kinds, form, estimator):
    try:
        y = LABEL_FORMS[form]([kinds[i % len(kinds)] for i in range(len(X))])
    except (ValueError, TypeError):  # no such form of these labels
        return
    estimator = clone(estimator)
    method = getattr(estimator, "fit_resample", estimator.fit)
    if attempt(partial(method, X, y), estimator) is None:
        return
    if isinstance(estimator, type(TINY)):
        assert_finite(estimator.sample(3, random_state=0))
        attempt(lambda: estimator.sample(len(X), y=y, random_state=0), estimator)


VALUES = st.sampled_from(
    [True, False, "3", "", None, np.nan, np.inf, -1, 0, 1, 2, 1.5, 1e-300, np.int64(2)]
    + [np.float32(0.5), np.bool_(True), np.array(2), [], [1, 2], (), (2, 2), (True,)]
    + [("a",), {}, set(), b"a", 1j, int, np.random, np.random.default_rng(0)]
)
WRITES = {"memory", "checkpoint"}  # a text is the name of a folder
SLOW = {"compile"}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_any_value_of_a_parameter_works_or_is_refused(estimator, data):
    names = sorted(set(estimator.get_params(deep=False)) - WRITES - SLOW)
    name = data.draw(st.sampled_from(names))
    estimator = clone(estimator).set_params(**{name: data.draw(VALUES)})
    method = getattr(estimator, "fit_resample", estimator.fit)
    if attempt(partial(method, X, Y), estimator) is None:
        return
    if hasattr(estimator, "sample"):
        rows = attempt(lambda: estimator.sample(2, random_state=0), estimator)
        assert rows is None or np.isfinite(rows).all()


@pytest.fixture(scope="module")
def fitted():
    return [clone(generator).fit(X, Y) for generator in GENERATORS]


ARGUMENTS = {
    "y": ["a", "c", 1, None, ["a", "b", "a"], ["a"], [None] * 3, {"a"}, 1j, pd.NA],
    "anchors": [X, X[:, 0], X[:0], X * np.nan, X * 1e30, X * 1e300, X.tolist(), "a", 3],
    "anchors_y": [Y, Y[:3], ["c"] * 12, [None] * 12, "a", None],
    "strength": [0, 1, 0.5, -1, 2, np.nan, True, "a", [0.5], None],
    "n_neighbors": [1, 100, 0, True, 1.5, np.int64(2), None],
    "random_state": [0, -1, 2**32, 2**70, "a", True, np.random, np.int64(3)],
    "start": [0, 1, 4, -1, 1.5, True, None],
    "stop": [0, 3, 4, -1, "a", None],
    "block_size": [1, 0, -1, 2**70, True, 1.5, np.int64(2), None],
}


@given(data=st.data())
@settings(max_examples=150)
def test_any_arguments_of_sample_work_or_are_refused(fitted, data):
    generator = data.draw(st.sampled_from(fitted))
    n = data.draw(st.sampled_from([3, 3, 3, 0, -1, True, 1.5, "3", None, np.int64(3)]))
    in_blocks = data.draw(st.booleans())
    names = list(ARGUMENTS) if in_blocks else list(ARGUMENTS)[:6]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
    options = {name: data.draw(st.sampled_from(ARGUMENTS[name])) for name in chosen}

    def draw():
        if in_blocks:
            return list(generator.iter_samples(n, **options))
        return [generator.sample(n, **options)]

    for rows in attempt(draw, generator) or []:
        assert_finite(rows)
        assert rows.shape[1:] == X.shape[1:]


PAIRED = [
    *(metrics.paired_rmse, metrics.paired_correlation, metrics.nearest_match),
    *(metrics.maximum_mean_discrepancy, metrics.frechet_distance),
    *(metrics.marginal_difference, metrics.autocorrelation_difference),
    *(metrics.skewness_difference, metrics.kurtosis_difference),
    *(metrics.power_spectrum_distance, metrics.log_spectral_distance),
    *(metrics.precision_recall_density_coverage,),
]
SINGLE = [
    *(metrics.root_mean_square, metrics.curve_length, metrics.teager_energy),
    *(metrics.zero_crossings, metrics.random_convolution_features),
]


@given(values=signals, form=forms, measure=st.sampled_from(PAIRED + SINGLE))
@settings(max_examples=200)
def test_any_signals_are_measured_or_refused(values, form, measure):
    values = in_form(values, form)
    other = in_form(np.asarray(values)[::-1], form) if np.ndim(values) else values
    arguments = (values, other) if measure in PAIRED else (values,)
    found = attempt(lambda: measure(*arguments))
    if found is None or measure is metrics.nearest_match:
        return
    found = [*found.values()] if isinstance(found, dict) else found
    assert not np.isnan(np.asarray(found, dtype=float)).any()
