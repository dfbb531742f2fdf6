import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.utils import check_sampling_strategy

from sksynth.over_sampling._counts import proportional_order, synthetic_counts

several_classes = st.lists(st.integers(1, 12), min_size=2, max_size=5).map(
    lambda counts: np.repeat(np.arange(len(counts)), counts)
)
as_labels = st.sampled_from(
    [
        lambda y: y,
        lambda y: y * 1.0,
        lambda y: np.array(["e", "b", "a", "d", "c"])[y],
        lambda y: np.array(["e", "b", "a", "d", "c"], dtype=object)[y],
    ]
)


@given(y=several_classes, convert=as_labels)
@pytest.mark.parametrize(
    "strategy", ["auto", "minority", "not minority", "not majority", "all"]
)
def test_words_mean_what_they_mean_in_imbalanced_learn(strategy, y, convert):
    y = convert(y)
    counts = synthetic_counts(strategy, y)
    assert counts == check_sampling_strategy(strategy, y, "over-sampling")
    assert list(counts) == sorted(counts)
    assert all(type(n) is int for n in counts.values())


@given(y=several_classes, convert=as_labels, data=st.data())
def test_a_dict_of_counts_means_what_it_means_in_imbalanced_learn(y, convert, data):
    y = convert(y)
    labels, present = np.unique(y, return_counts=True)
    strategy = {
        label: data.draw(st.integers(n_rows, 30), label=f"rows of {label}")
        for label, n_rows in zip(labels.tolist(), present.tolist(), strict=True)
        if data.draw(st.booleans(), label=f"{label} is named")
    }
    expected = check_sampling_strategy(strategy, y, "over-sampling")
    assert synthetic_counts(strategy, y) == expected
    assert synthetic_counts(lambda _: strategy, y) == expected
    numpy_keys = {np.asarray(k)[()]: np.int64(v) for k, v in strategy.items()}
    assert synthetic_counts(numpy_keys, y) == expected


@given(y=several_classes, ratio=st.floats(0.01, 1))
def test_a_ratio_is_one_to_the_largest_class_for_every_other_class(y, ratio):
    present = np.bincount(y)
    counts = synthetic_counts(ratio, y)
    majority = int(present.argmax())
    assert set(counts) == set(range(len(present))) - {majority}
    for label, n_new in counts.items():
        assert n_new == max(0, round(ratio * max(present)) - present[label])
    as_dict = {label: ratio for label in range(len(present)) if label != majority}
    assert synthetic_counts(as_dict, y) == counts


@given(n=st.integers(2, 40), n_rare=st.integers(1, 40), ratio=st.floats(0.01, 1))
def test_a_ratio_of_two_classes_is_that_of_imbalanced_learn_up_to_rounding(
    n, n_rare, ratio
):
    y = np.repeat(["often", "rare"], [n + n_rare, n_rare])
    (n_new,) = synthetic_counts(ratio, y).values()
    if ratio > n_rare / (n + n_rare):  # imbalanced-learn refuses what is reached
        expected = (n + n_rare) * ratio - n_rare
        assert abs(n_new - expected) <= 0.5 + 1e-9
        theirs = check_sampling_strategy(ratio, y, "over-sampling")["rare"]
        assert abs(n_new - theirs) <= 1
    else:
        assert n_new == 0


@given(y=several_classes, ratios=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)))
def test_a_larger_ratio_never_asks_for_fewer_rows(y, ratios):
    few, many = (synthetic_counts(ratio, y) for ratio in sorted(ratios))
    assert all(few[label] <= many[label] for label in few)


def test_counts_and_ratios_may_be_mixed_and_what_is_reached_adds_nothing():
    y = np.repeat(["a", "b", "c", "d"], [100, 10, 20, 30])
    strategy = {"d": 0.2, "b": 15, "c": 0.5, "a": 3}
    counts = synthetic_counts(strategy, y)
    assert list(counts.items()) == [("a", 0), ("b", 5), ("c", 30), ("d", 0)]
    assert synthetic_counts({"b": 0}, y) == {"b": 0}
    assert synthetic_counts({"b": np.float32(0.5)}, y) == {"b": 40}
    assert synthetic_counts({"b": 1}, y) == {"b": 0}  # one row
    assert synthetic_counts({"b": 1.0}, y) == {"b": 90}  # as many as the largest


def test_a_class_that_y_lacks_is_ignored_with_a_warning():
    y = np.repeat(["a", "b"], [5, 2])
    message = r"names the class 'c', which y lacks; the classes of y are \['a', 'b'\]"
    with pytest.warns(UserWarning, match=message):
        assert synthetic_counts({"b": 4, "c": 9}, y) == {"b": 2}


@pytest.mark.parametrize("value", [-1, 0.0, -0.5, 1.5, np.nan, "all", None, 2 + 1j])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match=r"sampling_strategy\[1\] must be a number of"):
        synthetic_counts({1: value}, np.array([0, 0, 1]))


def test_a_callable_returns_a_dict():
    y = np.array([0, 0, 0, 1])
    assert synthetic_counts(lambda y: {1: len(y) // 2}, y) == {1: 1}
    assert synthetic_counts(lambda y: {1: 1.0}, y) == {1: 2}
    with pytest.raises(TypeError, match="must return a dict; got 0.5"):
        synthetic_counts(lambda y: 0.5, y)


def test_one_class_cannot_be_balanced():
    with pytest.raises(ValueError, match="more than one class; got the class .*'a'"):
        synthetic_counts("auto", np.array(["a", "a"]))


@given(
    codes=st.lists(st.integers(0, 3), min_size=1, max_size=25).map(
        lambda codes: np.unique(codes, return_inverse=True)[1]
    ),
    n_rows=st.integers(0, 60),
)
def test_each_beginning_of_the_order_has_the_proportions_of_the_classes(codes, n_rows):
    order = proportional_order(codes, n_rows)
    n = len(codes)
    assert len(order) == n_rows
    assert np.bincount(order, minlength=n).max(initial=0) <= -(-n_rows // n)
    assert np.bincount(order, minlength=n).min() >= n_rows // n
    share = np.bincount(codes) / n
    for length in range(1, n_rows + 1):
        found = np.bincount(codes[order[:length]], minlength=len(share))
        assert np.abs(found - share * length).max() <= 1 + 1e-9


@given(
    codes=st.lists(st.integers(0, 2), min_size=1, max_size=12),
    lengths=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_a_shorter_order_is_the_beginning_of_a_longer_one(codes, lengths):
    codes = np.unique(codes, return_inverse=True)[1]
    short, long = (proportional_order(codes, n) for n in sorted(lengths))
    np.testing.assert_array_equal(short, long[: len(short)])


def test_a_single_row_of_a_class_comes_in_the_middle_of_a_cycle():
    order = proportional_order(np.array([0] * 10 + [1]), 22)
    np.testing.assert_array_equal(np.flatnonzero(order == 10), [5, 16])


@pytest.mark.parametrize(
    "strategy", ["auto", "all", 0.9, lambda y: {np.unique(y)[1]: 4}, "dict"]
)
@pytest.mark.parametrize("kind", [int, float, bool, str])
def test_the_labels_of_the_counts_are_plain_python_objects(strategy, kind):
    y = np.array([0, 0, 0, 1]).astype(kind)
    if strategy == "dict":
        strategy = {np.unique(y)[1]: 4}  # a numpy scalar
    assert {type(label) for label in synthetic_counts(strategy, y)} == {kind}


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_a_bool_is_no_number_of_rows(value):
    with pytest.raises(ValueError, match=r"must be a number of rows .* got"):
        synthetic_counts({1: value}, np.array([0, 0, 1]))
