import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksynth.evaluation import _rows
from sksynth.evaluation._rows import (
    as_many,
    at_most,
    count_copies,
    halves_and_synthetic,
)

RNG = np.random.RandomState


def test_halves_are_disjoint_and_all_parts_have_the_same_labels():
    y_real = np.array(["N"] * 21 + ["V"] * 7 + ["S"] * 9)
    y_synthetic = np.array(["V"] * 10 + ["N"] * 4 + ["F"] * 3)
    rows = halves_and_synthetic(y_real, y_synthetic, 100, RNG(0))
    assert rows.labels.tolist() == ["N"] * 4 + ["V"] * 3
    first, second, new = rows.parts
    assert not set(first) & set(second)
    for part, labels in ((first, y_real), (second, y_real), (new, y_synthetic)):
        assert len(set(part)) == 7
        np.testing.assert_array_equal(labels[part], rows.labels)


def test_no_class_in_common_gives_no_rows():
    rows = halves_and_synthetic(np.array([0, 0]), np.array([1, 1]), 9, RNG(0))
    assert len(rows) == 0
    assert [part.tolist() for part in rows.parts] == [[], [], []]


def test_as_many_rows_of_each_set_in_the_classes_that_count():
    labels = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 2])
    rows = as_many(labels, 100, RNG(0), classes=[0, 1, 5])
    assert rows.labels.tolist() == [0, 1, 1]
    for part, y in zip(rows.parts, labels, strict=True):
        np.testing.assert_array_equal(y[part], rows.labels)


@given(
    st.dictionaries(st.integers(0, 9), st.integers(0, 50), min_size=1),
    st.integers(10, 200),
)
def test_a_limit_cuts_the_frequent_classes_to_one_number(counts, limit):
    cut = at_most(counts, limit)
    assert list(cut) == sorted(label for label, n in counts.items() if n)
    total = sum(counts.values())
    if total <= limit:
        assert all(cut[label] == counts[label] for label in cut)
    else:
        top = max(cut.values())
        assert all(n == min(counts[label], top) for label, n in cut.items())
        assert limit - len(cut) < sum(cut.values()) <= limit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_rows_are_counted_among_all_blocks(dtype, monkeypatch):
    real = RNG(0).normal(size=(50, 2, 8)).astype(dtype)
    new = RNG(1).normal(size=(30, 2, 8)).astype(dtype)
    new[[3, 17, 29]] = real[[40, 40, 0]]
    new[5] = new[4]
    real[7, 0, 0], new[9] = 0.0, real[7]
    new[9, 0, 0] = -0.0  # the same number
    monkeypatch.setattr(_rows, "NUMBERS_AT_ONCE", 48)  # three rows a block
    assert count_copies(new, real, RNG(2)) == (4, 2)  # 17 repeats 3, 5 repeats 4


def test_copies_are_equal_in_single_precision():
    real = RNG(0).normal(size=(10, 1, 8))
    assert count_copies(real.astype(np.float32), real, RNG(0)) == (10, 0)
    nudged = real * (1 + 1e-4)
    assert count_copies(nudged, real, RNG(0)) == (0, 0)


def test_equal_sums_of_bits_are_no_copies(monkeypatch):
    monkeypatch.setattr(_rows, "_sums", lambda X, factors: np.zeros(len(X), np.uint64))
    real, new = RNG(0).normal(size=(2, 5, 1, 8))
    assert count_copies(new, real, RNG(0)) == (0, 0)
