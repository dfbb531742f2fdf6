import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning

from sksynth import _preprocessing
from sksynth._preprocessing import (
    ChannelScaler,
    ConditionEncoder,
    Container,
    check_signals,
    check_targets,
    is_discrete,
)


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 6), (1, 1, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signals_of_two_and_three_dimensions_pass_as_they_are(shape, dtype):
    X = read_only(np.ones(shape, dtype=dtype))
    estimator = BaseEstimator()
    checked = check_signals(estimator, X)
    assert checked.dtype == dtype
    assert estimator.input_shape_ == shape[1:]
    assert estimator.n_features_in_ == shape[1]
    np.testing.assert_array_equal(checked, X)


@pytest.mark.parametrize("dtype", [np.int16, np.float16, bool, ">f8"])
def test_other_numbers_become_float64(dtype):
    X = np.ones((3, 4), dtype=dtype)
    assert check_signals(BaseEstimator(), X).dtype == np.float64


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((2, 2, 2, 2)), r"n_channels, n_times\); got \(2, 2, 2, 2\)"),
        (np.ones(5), "Expected 2D array, got 1D array"),
        (np.float64(1.0), "Expected 2D array, got scalar array"),
        (np.array([[1.0, np.nan]]), "contains NaN"),
        (np.array([[[1.0, -np.inf]]]), "contains infinity"),
        (np.ones((2, 3)) * 1j, "Complex data not supported"),
        (np.empty((0, 3)), "0 sample"),
        (np.empty((3, 0, 4)), r"X must have shape .*; got \(3, 0, 4\)"),
        (np.empty((3, 4, 0)), r"X must have shape .*; got \(3, 4, 0\)"),
        (np.array([["a", "b"]]), "could not convert string"),
        ([[1.0, 2.0], [3.0]], "inhomogeneous|sequence"),
    ],
)
def test_what_is_no_signal_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        check_signals(BaseEstimator(), X)


@pytest.mark.parametrize("shape", [(3, 2, 6), (3, 2, 4), (3, 1, 5), (3, 10), (3, 2)])
def test_after_fit_the_whole_shape_of_a_row_is_checked(shape):
    estimator = BaseEstimator()
    check_signals(estimator, np.ones((4, 2, 5)))
    check_signals(estimator, np.ones((1, 2, 5)), reset=False)
    with pytest.raises(ValueError, match="features|shape seen by fit"):
        check_signals(estimator, np.ones(shape), reset=False)
    assert estimator.input_shape_ == (2, 5)


def test_the_error_for_another_length_names_both_shapes():
    estimator = BaseEstimator()
    check_signals(estimator, np.ones((4, 2, 5)))
    with pytest.raises(ValueError, match=r"\('n_samples', 2, 5\); got \(3, 2, 7\)"):
        check_signals(estimator, np.ones((3, 2, 7)), reset=False)


def test_no_targets_stay_none():
    assert check_targets(None, 5) is None


def test_one_column_of_targets_becomes_one_dimensional_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        y = check_targets(np.ones((3, 1)), 3)
    assert y.shape == (3,)
    assert check_targets(np.ones((3, 1)), 3, warn=False).shape == (3,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan, 2.0], "y contains NaN"),
        ([1.0, np.inf, 2.0], "y contains infinity"),
        ([1, 2], r"inconsistent numbers of samples: \[3, 2\]"),
        (np.ones((3, 2, 2)), r"\(n_samples, n_targets\); got \(3, 2, 2\)"),
    ],
)
def test_wrong_targets_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_targets(y, 3)


def test_one_target_for_all_rows_is_refused():
    with pytest.raises(TypeError, match="at least 1 dimension"):
        check_targets(1.0, 3)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0, 1, 1], True),
        ([True, False, True], True),
        ([0.0, 2.0, 1.0], True),
        (["a", "b", "a"], True),
        (np.array(["a", "b", "a"], dtype=object), True),
        ([[0, 1], [1, 1], [0, 0]], True),
        ([0.5, 1.0, 2.0], False),
        ([[0.5, 1.0], [1.0, 2.0], [1.0, 0.1]], False),
    ],
)
def test_labels_and_measurements_are_told_apart(y, expected):
    assert is_discrete(np.asarray(y)) is expected


def test_targets_of_no_known_kind_are_refused():
    with pytest.raises(ValueError, match="[Uu]nknown label type"):
        is_discrete(np.array([1, 2, 3], dtype=object))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["array", "list", "tuple", "frame", "sparse frame"])
def test_rows_come_back_in_the_form_given(kind, dtype):
    X = np.arange(12, dtype=dtype).reshape(3, 4)
    columns = ["a", "b", "c", "d"]
    given_X = {
        "array": X,
        "list": X.tolist(),
        "tuple": tuple(map(tuple, X.tolist())),
        "frame": pd.DataFrame(X, columns=columns, index=[7, 8, 9]),
        "sparse frame": pd.DataFrame(X, columns=columns).astype(
            pd.SparseDtype(dtype, 0.0)
        ),
    }[kind]
    back = Container(given_X, X).restore(X[:2, None, :].astype(np.float64))
    if kind in ("list", "tuple"):
        assert back == X[:2].tolist()
    elif kind == "array":
        assert type(back) is np.ndarray
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, X[:2])
    else:
        expected = pd.DataFrame(X[:2], columns=columns)
        pd.testing.assert_frame_equal(back, expected)


finite = st.floats(-1e6, 1e6, allow_subnormal=False)
signals_of_any_shape = arrays(
    np.float64,
    st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 5)),
    elements=finite,
)


def blocks_of(monkeypatch, n_numbers):
    """Make the blocks of rows hold so many numbers."""
    original = _preprocessing.blocks
    monkeypatch.setattr(
        _preprocessing, "blocks", lambda X: original(X, n_numbers=n_numbers)
    )


@pytest.mark.parametrize("n_numbers", [1, 30, 100, 2**22])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_standard_scaler_is_numpys_mean_and_deviation(
    monkeypatch, n_numbers, dtype
):
    rng = np.random.default_rng(0)
    gain, offset = np.array([[1e-3], [5.0], [200.0]]), np.array([[2.0], [-7], [1e4]])
    signals = (rng.normal(size=(17, 3, 10)) * gain + offset).astype(dtype)
    blocks_of(monkeypatch, n_numbers)
    scaler = ChannelScaler("standard", read_only(signals))
    exact = signals.astype(np.float64)
    mean, std = exact.mean(axis=(0, 2)), exact.std(axis=(0, 2))
    np.testing.assert_allclose(scaler.offset[:, 0], mean, rtol=1e-12)
    np.testing.assert_allclose(scaler.scale[:, 0], std, rtol=1e-9)
    scaled = scaler.transform(signals)
    assert scaled.dtype == np.float32
    expected = (exact - mean[:, None]) / std[:, None]
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_numbers", [1, 25, 2**22])
def test_the_maxabs_scaler_divides_by_the_largest_number(monkeypatch, n_numbers):
    signals = np.random.default_rng(1).normal(size=(9, 2, 6)) * [[3.0], [0.1]]
    blocks_of(monkeypatch, n_numbers)
    scaler = ChannelScaler("maxabs", signals)
    largest = np.abs(signals).max(axis=(0, 2))
    np.testing.assert_array_equal(scaler.scale[:, 0], largest)
    np.testing.assert_array_equal(scaler.offset, 0)
    assert np.abs(scaler.transform(signals)).max() == 1


def test_without_a_scaler_signals_stay_as_they_are():
    signals = np.random.default_rng(1).normal(size=(9, 2, 6)).astype(np.float32)
    scaler = ChannelScaler(None, signals)
    np.testing.assert_array_equal(scaler.transform(signals), signals)
    assert not np.shares_memory(scaler.transform(signals), signals)


@pytest.mark.parametrize("kind", ["standard", "maxabs", None])
@given(signals=signals_of_any_shape)
def test_scaling_and_back_is_the_identity(kind, signals):
    scaler = ChannelScaler(kind, read_only(signals))
    assert (scaler.scale > 0).all()
    back = scaler.inverse_transform(scaler.transform(signals))
    size = np.abs(signals).max(axis=(0, 2), keepdims=True)
    tolerance = 1e-6 * size + 1e-30  # float32 keeps 7 digits
    assert (np.abs(back - signals) <= tolerance).all()


@pytest.mark.parametrize("kind", ["standard", "maxabs", None])
@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e6 / 3, 1e-9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_channel_is_divided_by_nothing_small(kind, value, dtype):
    signals = np.random.default_rng(0).normal(size=(33, 2, 7)).astype(dtype)
    signals[:, 1] = value
    scaler = ChannelScaler(kind, signals)
    scaled = scaler.transform(signals)
    expected = {"standard": 0.0, "maxabs": np.sign(value), None: value}[kind]
    np.testing.assert_allclose(scaled[:, 1], expected, rtol=1e-6, atol=1e-6)
    back = scaler.inverse_transform(scaled)
    np.testing.assert_allclose(back[:, 1], signals[:, 1], rtol=1e-6)


def test_a_large_offset_does_not_drown_a_float32_signal():
    noise = np.random.default_rng(0).normal(size=(500, 1, 40))
    signals = (1e5 + noise).astype(np.float32)
    scaled = ChannelScaler("standard", signals).transform(signals)
    exact = signals.astype(np.float64)
    expected = (exact - exact.mean()) / exact.std()
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_large_arrays_are_scaled_in_blocks():
    rows = np.zeros((10, 2, 3))
    sizes = [len(block) for block in _preprocessing.blocks(rows, n_numbers=25)]
    assert sizes == [4, 4, 2]


LABELS = {
    "int": np.array([3, -1, 3, 7]),
    "uint8": np.array([3, 1, 3, 7], dtype=np.uint8),
    "bool": np.array([True, False, True, True]),
    "str": np.array(["sinus", "af", "sinus", "other"]),
    "object": np.array(["sinus", "af", "sinus", "other"], dtype=object),
    "float": np.array([2.0, 0.0, 2.0, 1.0]),
    "Int64": pd.Series([3, 1, 3, 7], dtype="Int64"),
    "category": pd.Series(["b", "a", "b", "c"], dtype="category"),
    "series": pd.Series(["b", "a", "b", "c"]),
    "boolean": pd.Series([True, False, True, True], dtype="boolean"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_each_kind_become_one_hot_rows(kind):
    given_y = LABELS[kind]
    y = check_targets(given_y, 4)
    encoder = ConditionEncoder(y, 4)
    values = list(given_y)
    classes = sorted(set(values))
    assert [type(c)(c) for c in encoder.classes[0].tolist()] == classes
    expected = np.array([[v == c for c in classes] for v in values], dtype=np.float32)
    rows = encoder.encode(y, 4)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(encoder.encode(given_y, 4), expected)
    one = encoder.encode(values[1], 3)
    np.testing.assert_array_equal(one, np.tile(expected[1], (3, 1)))
    np.testing.assert_array_equal(encoder.encode([[v] for v in values], 4), expected)


def test_without_targets_a_condition_has_no_columns():
    encoder = ConditionEncoder(None, 5)
    assert not encoder.is_conditional
    assert encoder.draw(np.array([0.0, 0.5, 0.999])).shape == (3, 0)
    with pytest.raises(ValueError, match="y='a' was asked of a generator fitted witho"):
        encoder.encode("a", 2)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("c", r"y has \['c'\]; labels seen by fit are \['a', 'b'\]"),
        (["a", "c", "d"], r"y has \['c', 'd'\]"),
        ([1, 2, 3], r"y has \[1, 2, 3\]; labels seen by fit are"),
        (["a", "b"], r"y must have shape \(\) or \(3,\); got \(2,\)"),
        ([["a", "b"]] * 3, r"got \(3, 2\)"),
        (None, "labels seen by fit"),
    ],
)
def test_unknown_labels_and_wrong_lengths_are_refused(asked, message):
    encoder = ConditionEncoder(np.array(["a", "b", "a"]), 3)
    with pytest.raises(ValueError, match=message):
        encoder.encode(asked, 3)


def test_the_error_lists_only_a_few_unknown_labels():
    encoder = ConditionEncoder(np.array([0, 1]), 2)
    with pytest.raises(ValueError, match=r"y has \[10, 11, 12, 13, 14\]; labels"):
        encoder.encode(np.arange(10, 30), 20)


def test_text_is_no_label_of_a_numeric_encoder():
    encoder = ConditionEncoder(np.array([0.0, 1.0]), 2)
    with pytest.raises(ValueError, match=r"y has \['a'\]"):
        encoder.encode("a", 2)
    with pytest.raises(ValueError, match=r"y has \[nan\]"):
        encoder.encode(np.nan, 1)


@pytest.mark.parametrize(
    "y",
    [
        np.array([[0, 5], [1, 7], [0, 7]]),
        np.array([["a", "x"], ["b", "y"], ["a", "y"]]),
        np.array([[0, 1], [1, 1], [0, 0]], dtype=np.uint8),  # multilabel
    ],
    ids=["int", "str", "multilabel"],
)
def test_each_output_of_several_labels_is_one_hot_by_itself(y):
    encoder = ConditionEncoder(y, 3)
    one_hot = [
        (column[:, None] == np.unique(column)).astype(np.float32) for column in y.T
    ]
    expected = np.concatenate(one_hot, axis=1)
    np.testing.assert_array_equal(encoder.encode(y, 3), expected)
    np.testing.assert_array_equal(encoder.encode(y[1], 4), expected[[1] * 4])
    with pytest.raises(ValueError, match=r"shape \(2,\) or \(4, 2\); got \(3, 2\)"):
        encoder.encode(y, 4)


@given(
    y=arrays(
        np.float64,
        st.tuples(st.integers(3, 9), st.integers(1, 3)),
        elements=st.floats(-1e6, 1e6, width=32),
        unique=True,
    )
)
def test_measurements_are_standardised(y):
    y = y + 0.5**20  # no integers: those are labels
    encoder = ConditionEncoder(y, len(y))
    rows = encoder.encode(y, len(y))
    expected = (y - y.mean(axis=0)) / y.std(axis=0)
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(y[0], 2)[1], expected[0], atol=1e-5)


@pytest.mark.parametrize("n", [3, 4, 7, 100])
@pytest.mark.parametrize("value", [0.1, 1e6 / 3])
def test_constant_measurements_are_divided_by_nothing_small(n, value):
    encoder = ConditionEncoder(np.full(n, value), n)
    np.testing.assert_allclose(encoder.encode(value, 2), 0, atol=1e-6)
    nearby = encoder.encode(value + 1, 2)
    np.testing.assert_allclose(nearby, 1, atol=1e-3)


@pytest.mark.parametrize("asked", [np.nan, np.inf, [0.5, -np.inf]])
def test_measurements_that_are_asked_for_must_be_finite(asked):
    encoder = ConditionEncoder(np.array([0.5, 1.5]), 2)
    with pytest.raises(ValueError, match="y must be finite numbers; got"):
        encoder.encode(asked, 2)


def test_text_is_no_measurement():
    encoder = ConditionEncoder(np.array([0.5, 1.5]), 2)
    with pytest.raises(ValueError, match="could not convert string"):
        encoder.encode("a", 2)


@given(
    y=st.lists(st.integers(0, 4), min_size=1, max_size=30).map(np.array),
    n=st.just(4000),
)
def test_labels_are_drawn_with_the_training_frequencies(y, n):
    encoder = ConditionEncoder(y, len(y))
    uniform = (np.arange(n) + 0.5) / n  # a perfectly even draw
    drawn = encoder.draw(uniform).mean(axis=0)
    expected = encoder.encode(y, len(y)).mean(axis=0)
    np.testing.assert_allclose(drawn, expected, atol=5 / n)


def test_a_draw_reaches_from_the_first_row_to_the_last():
    y = np.array([0.5, 1.5, 2.5])
    encoder = ConditionEncoder(y, 3)
    below_one = np.nextafter(np.float32(1), np.float32(0))
    first, last = encoder.draw(np.array([0, below_one], dtype=np.float32))
    np.testing.assert_array_equal(first, encoder.encode(0.5, 1)[0])
    np.testing.assert_array_equal(last, encoder.encode(2.5, 1)[0])
    encoder = ConditionEncoder(np.array(["a", "b"]), 2)
    at_edges = encoder.draw([0.0, 0.49, 0.5, 0.99])  # [0, 1/2) is b, [1/2, 1) is a
    np.testing.assert_array_equal(at_edges, encoder.encode(["b", "b", "a", "a"], 4))


def test_targets_are_drawn_together():
    y = np.array([[0, 1], [1, 0], [0, 1]])  # one is the other's complement
    drawn = ConditionEncoder(y, 3).draw(np.linspace(0, 0.999, 50))
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 3])


@pytest.mark.parametrize("kind", ["standard", "maxabs"])
def test_numbers_whose_deviation_overflows_are_refused(kind):
    signals = np.array([-1.0, 0.0, 1.0])[:, None, None] * np.ones((3, 2, 4))
    assert np.isfinite(ChannelScaler(kind, 1e100 * signals).scale).all()
    if kind == "standard":
        with pytest.raises(ValueError, match="the numbers in X are too large"):
            ChannelScaler(kind, 1e200 * signals)


@pytest.mark.parametrize(
    ("dtype", "kind"), [("Int64", "i"), ("UInt8", "u"), ("boolean", "b")]
)
def test_a_series_that_may_hold_missing_values_keeps_its_labels(dtype, kind):
    y = check_targets(pd.Series([0, 1, 1], dtype=dtype), 3)
    assert y.dtype.kind == kind
    assert is_discrete(y)
    assert y.tolist() == [0, 1, 1]


def test_a_series_with_a_missing_value_is_refused():
    y = pd.Series([0, None, 1], dtype="Int64")
    with pytest.raises(ValueError, match="NA|NaN"):
        check_targets(y, 3)
