import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth._anchors import Anchor, AnchorPairs


def draw_pairs(points, labels, asked, uniform, n_neighbors):
    """Pairs among 1-D points, with labels instead of encoded conditions."""
    return AnchorPairs(
        np.asarray(points, dtype=np.float32).reshape(len(points), 1, -1),
        np.asarray(labels, dtype=np.float32)[:, None],
        np.asarray(asked, dtype=np.float32)[:, None],
        np.asarray(uniform, dtype=np.float32),
        n_neighbors=n_neighbors,
    )


@given(
    seed=st.integers(0, 2**31),
    n=st.integers(2, 25),
    n_classes=st.integers(1, 3),
    n_neighbors=st.integers(1, 7),
    n_distinct=st.integers(1, 30),  # few distinct points: many duplicates
)
def test_the_partner_is_one_of_the_nearest_of_its_class_in_a_double_loop(
    seed, n, n_classes, n_neighbors, n_distinct
):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n_distinct, 2))[rng.integers(n_distinct, size=n)]
    labels = rng.integers(n_classes, size=n)
    asked = rng.choice(labels, size=40)
    pairs = draw_pairs(points, labels, asked, rng.random((40, 3)), n_neighbors)
    points = points.astype(np.float32)
    for row in range(40):
        first, second = pairs.first[row], pairs.second[row]
        assert labels[first] == labels[second] == asked[row]
        others = [
            np.linalg.norm(points[i] - points[first])
            for i in range(n)
            if i != first and labels[i] == asked[row]
        ]
        if not others:
            assert second == first  # a class of one row
            continue
        assert second != first
        farthest = sorted(others)[min(n_neighbors, len(others)) - 1]
        distance = np.linalg.norm(points[second] - points[first])
        assert distance <= farthest * (1 + 1e-4) + 1e-3  # float32 search


def test_each_of_the_nearest_neighbours_is_drawn_and_no_other():
    points = [0.0, 1.0, 2.5, 4.5, 7.0, 100.0]
    n = 300
    uniform = np.random.default_rng(0).random((n, 3))
    uniform[:, 0] = 0.0  # always the first row
    pairs = draw_pairs(points, [0] * 6, [0] * n, uniform, 3)
    assert set(pairs.first) == {0}
    assert set(pairs.second) == {1, 2, 3}
    assert np.bincount(pairs.second).max() < 0.5 * n


def test_anchors_are_drawn_evenly_and_the_uniform_numbers_decide():
    n = 400
    even = (np.arange(n) + 0.5) / n
    uniform = np.stack([even, even[::-1], even], axis=1)
    pairs = draw_pairs([0.0, 1.0, 2.0, 3.0], [0] * 4, [0] * n, uniform, 2)
    assert np.bincount(pairs.first).tolist() == [100] * 4
    np.testing.assert_array_equal(pairs.weight, even.astype(np.float32))


def test_the_largest_uniform_number_stays_in_bounds():
    below_one = np.nextafter(np.float32(1), np.float32(0))
    for n in (1, 2, 3, 100, 1025):
        pairs = draw_pairs(np.arange(n), [0] * n, [0], np.full((1, 3), below_one), 5)
        assert pairs.first[0] == n - 1


def test_a_row_does_not_depend_on_the_rows_drawn_with_it():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(30, 3)), rng.integers(2, size=30)
    asked, uniform = rng.integers(2, size=50), rng.random((50, 3))
    many = draw_pairs(points, labels, asked, uniform, 5)
    few = draw_pairs(points, labels, asked[:7], uniform[:7], 5)
    np.testing.assert_array_equal(few.first, many.first[:7])
    np.testing.assert_array_equal(few.second, many.second[:7])


def test_a_label_without_anchors_is_refused():
    with pytest.raises(ValueError, match="a label was asked for that no anchor has"):
        draw_pairs([0.0, 1.0], [0, 0], [0, 1], np.zeros((2, 3)), 1)


def test_a_batch_holds_the_pairs_of_its_rows():
    rng = np.random.default_rng(0)
    pairs = draw_pairs(rng.normal(size=(9, 4)), [0] * 9, [0] * 6, rng.random((6, 3)), 3)
    like = torch.zeros(1, dtype=torch.float64)
    batch = pairs.batch(slice(2, 5), 0.25, like)
    assert batch.first.dtype == torch.float64
    assert batch.strength == 0.25
    assert batch.weight.shape == (3, 1, 1)
    for name, index in [("first", pairs.first), ("second", pairs.second)]:
        expected = pairs.signals[index[2:5]]
        np.testing.assert_array_equal(getattr(batch, name).numpy(), expected)
    np.testing.assert_array_equal(batch.weight.flatten().numpy(), pairs.weight[2:5])


@given(weight=st.floats(0, 1, width=32), seed=st.integers(0, 2**31))
def test_an_interpolation_lies_on_the_line_between_its_ends(weight, seed):
    torch_rng = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, 3, 2, 5, dtype=torch.float64, generator=torch_rng)
    weights = torch.full((3, 1, 1), weight, dtype=torch.float64)
    between = Anchor(first, second, weights, 0.5).interpolate()
    expected = first + weight * (second - first)  # SMOTE, equation of Chawla (2002)
    torch.testing.assert_close(between, expected)
    assert (between <= torch.maximum(first, second) + 1e-9).all()
    assert (between >= torch.minimum(first, second) - 1e-9).all()


def test_the_ends_of_the_line_are_the_two_signals():
    first, second = torch.randn(2, 2, 1, 5)
    weight = torch.tensor([0.0, 1.0])[:, None, None]
    between = Anchor(first, second, weight, 0.5).interpolate()
    torch.testing.assert_close(between[0], first[0], rtol=0, atol=0)
    torch.testing.assert_close(between[1], second[1], rtol=0, atol=0)
