import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from sksynth import _neighbors
from sksynth._neighbors import (
    Correlation,
    best_rows,
    centre_and_scale,
    nearest,
    squared_distance_blocks,
)


@pytest.fixture
def small_blocks(monkeypatch):
    """A few rows a block, so that small arrays cross many borders."""
    monkeypatch.setattr(_neighbors, "_BLOCK", 64)
    monkeypatch.setattr(_neighbors, "_MOST_ROWS", 7)


def slow_distances(X, Y):
    X, Y = (Z.reshape(len(Z), -1).astype(float) for Z in (X, Y))
    return np.array([[np.sqrt(((x - y) ** 2).sum()) for y in Y] for x in X])


@pytest.mark.parametrize("dtypes", ["ff", "dd", "fd", "df"])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_neighbours_equal_those_of_a_double_loop(small_blocks, dtypes, offset):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(40, 2, 6)) + offset).astype(dtypes[0])
    Y = (rng.normal(size=(53, 2, 6)) + offset).astype(dtypes[1])
    expected = slow_distances(X, Y)
    distances, indices = nearest(X, Y, n_neighbors=4)
    order = np.argsort(expected, axis=1)[:, :4]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(
        distances, np.take_along_axis(expected, order, axis=1), rtol=1e-9
    )


def test_neighbours_equal_those_of_scikit_learn_on_flat_rows():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(300, 5)), rng.normal(size=(400, 5))
    expected = NearestNeighbors(n_neighbors=6).fit(Y).kneighbors(X)
    distances, indices = nearest(X, Y, n_neighbors=6)
    np.testing.assert_allclose(distances, expected[0], rtol=1e-12)
    np.testing.assert_array_equal(indices, expected[1])


def test_a_row_is_not_its_own_neighbour_when_excluded(small_blocks):
    X = np.random.default_rng(2).normal(size=(30, 4))
    distances, indices = nearest(X, X, n_neighbors=29, exclude_self=True)
    assert (distances > 0).all()
    others = [sorted(set(range(30)) - {i}) for i in range(30)]
    np.testing.assert_array_equal(np.sort(indices, axis=1), others)


def test_a_copy_is_at_distance_exactly_0_also_far_from_the_origin():
    rng = np.random.default_rng(3)
    X = (1e5 + rng.normal(size=(50, 3, 40))).astype(np.float32)
    order = rng.permutation(50)
    distances, indices = nearest(X, X[order])
    np.testing.assert_array_equal(distances, 0)
    np.testing.assert_array_equal(order[indices[:, 0]], np.arange(50))


def test_near_rows_are_told_apart_beside_large_ones(small_blocks):
    # differences of 1e-6 beside rows of size 1: float32 products cannot see them
    steps = np.arange(40.0)[:, None] ** 2
    rows = np.random.default_rng(4).choice([-1, 1], size=(1, 30)) + 1e-6 * steps
    distances, indices = nearest(np.vstack([rows, -rows]), rows, n_neighbors=2)
    gaps = 1e-6 * np.sqrt(30) * np.r_[1, 2 * np.arange(39) + 1]
    np.testing.assert_array_equal(indices[:40, 0], np.arange(40))
    np.testing.assert_array_equal(indices[1:40, 1], np.arange(39))
    np.testing.assert_allclose(distances[:40, 1], gaps, rtol=1e-6)


@given(
    seed=st.integers(0, 1000),
    n=st.integers(3, 12),
    size=st.sampled_from([1e-150, 1e-30, 1.0, 1e30, 1e150]),
    k=st.integers(1, 3),
)
def test_the_unit_of_the_rows_does_not_matter(seed, n, size, k):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(5, 4)), rng.normal(size=(n, 4))
    distances, indices = nearest(X, Y, n_neighbors=k)
    scaled, same = nearest(size * X, size * Y, n_neighbors=k)
    np.testing.assert_array_equal(indices, same)
    np.testing.assert_allclose(scaled, size * distances, rtol=1e-12)


def test_many_equal_rows_are_all_found():
    X = np.ones((60, 2, 8))
    distances, indices = nearest(X, X, n_neighbors=20, exclude_self=True)
    np.testing.assert_array_equal(distances, 0)
    assert all(len(set(row)) == 20 for row in indices)
    assert not (indices == np.arange(60)[:, None]).any()


def test_correlations_equal_those_of_a_double_loop(small_blocks):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(20, 3, 9)).astype(np.float32)
    Y = 5 + 1e-3 * rng.normal(size=(33, 3, 9))
    Y[4, 1] = 7.0  # constant: r is 0
    slow = np.array(
        [
            [
                np.mean(
                    [
                        0 if np.ptp(b) == 0 else np.corrcoef(a, b)[0, 1]
                        for a, b in zip(x, y, strict=True)
                    ]
                )
                for y in Y
            ]
            for x in X
        ]
    )
    costs, indices = best_rows(X, Y, Correlation(), n_best=3)
    order = np.argsort(-slow, axis=1)[:, :3]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(-costs, np.take_along_axis(slow, order, 1), atol=1e-9)


def test_correlations_very_near_1_are_told_apart(small_blocks):
    # r differs by 1e-10, which float32 products cannot see
    rng = np.random.default_rng(9)
    X = rng.normal(size=(1, 2, 50)) + 1e-5 * rng.normal(size=(40, 2, 50))
    centred = X - X.mean(axis=2, keepdims=True)
    centred /= np.linalg.norm(centred, axis=2, keepdims=True)
    r = 1 - ((centred[:, None] - centred) ** 2).sum(axis=3).mean(axis=2) / 2
    np.fill_diagonal(r, -1)
    costs, indices = best_rows(X, X, Correlation(), exclude_self=True)
    np.testing.assert_array_equal(indices[:, 0], r.argmax(axis=1))
    np.testing.assert_allclose(1 + costs[:, 0], 1 - r.max(axis=1), atol=1e-14)


def test_only_rows_asked_for_are_searched(small_blocks):
    rng = np.random.default_rng(6)
    X, Y = rng.normal(size=(30, 4)), rng.normal(size=(40, 4))
    rows, columns = np.arange(0, 30, 3), np.arange(1, 40, 2)
    costs, indices = best_rows(
        X, Y, _neighbors.Distance(X, Y), rows=rows, columns=columns
    )
    expected = slow_distances(X[rows], Y[columns])
    np.testing.assert_array_equal(indices[:, 0], columns[expected.argmin(axis=1)])
    np.testing.assert_allclose(costs[:, 0], expected.min(axis=1))


@pytest.mark.parametrize(
    ("dtypes", "rtol"), [("ff", 2e-5), ("dd", 1e-10), ("fd", 1e-10), ("df", 1e-10)]
)
def test_blocks_of_squared_distances_cover_all_pairs_once(small_blocks, dtypes, rtol):
    rng = np.random.default_rng(7)
    X = (1e4 + rng.normal(size=(23, 2, 5))).astype(dtypes[0])
    Y = (1e4 + rng.normal(size=(31, 2, 5))).astype(dtypes[1])
    centre, scale = centre_and_scale(X, Y)
    for Z, symmetric in [(Y, False), (X, True)]:
        expected = slow_distances(X, Z) ** 2
        found = np.full(expected.shape, np.nan)
        for rows, columns, block in squared_distance_blocks(
            X, Z, centre=centre, scale=scale, symmetric=symmetric
        ):
            assert np.isnan(found[rows, columns]).all()
            assert block.dtype == np.result_type(X, Z)
            found[rows, columns] = scale**2 * block
            if symmetric:
                found[columns, rows] = scale**2 * block.T
        np.testing.assert_allclose(found, expected, rtol=2e-5 if symmetric else rtol)
        if symmetric:
            np.testing.assert_array_equal(np.diag(found), 0)


def test_no_matrix_of_all_pairs_is_held():
    X = np.random.default_rng(8).normal(size=(6000, 2)).astype(np.float32)
    tracemalloc.start()
    nearest(X, X, exclude_self=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6000 * 6000  # bytes; a float32 matrix has 4 a pair


def test_too_many_neighbours_and_unequal_sets_are_refused():
    X = np.eye(4)
    with pytest.raises(ValueError, match="n_neighbors must be .* at most 3; got 4"):
        nearest(X, X, n_neighbors=4, exclude_self=True)
    with pytest.raises(ValueError, match="same rows twice; got 4 and 3 rows"):
        nearest(X, X[:3], exclude_self=True)
    with pytest.raises(TypeError, match="n_neighbors must be an integer; got 1.5"):
        nearest(X, X, n_neighbors=1.5)
