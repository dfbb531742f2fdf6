from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksynth.metrics import precision_recall_density_coverage


def scores_of_a_double_loop(real, synthetic, k):
    """The definitions, pair by pair; exact for integers."""

    def distance(a, b):
        return np.sqrt(np.sum((a.astype(float) - b) ** 2))

    def radius(rows, i):
        others = [distance(rows[i], rows[j]) for j in range(len(rows)) if j != i]
        return sorted(others)[k - 1]

    real = [row.ravel() for row in np.asarray(real)]
    synthetic = [row.ravel() for row in np.asarray(synthetic)]
    r_real = [radius(real, i) for i in range(len(real))]
    r_new = [radius(synthetic, j) for j in range(len(synthetic))]
    d = np.array([[distance(a, b) for b in synthetic] for a in real])
    in_real = d <= np.array(r_real)[:, None]
    return {
        "precision": in_real.any(axis=0).mean(),
        "recall": (d <= np.array(r_new)).any(axis=1).mean(),
        "density": in_real.sum() / (k * len(synthetic)),
        "coverage": in_real.any(axis=1).mean(),
    }


@given(
    st.integers(3, 14),
    st.integers(3, 14),
    st.integers(1, 2),
    st.integers(0, 4),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 999),
)
def test_scores_equal_those_of_a_double_loop_also_with_ties(n, m, k, most, dtype, seed):
    rng = np.random.default_rng(seed)  # small integers: equal rows, equal distances
    real = rng.integers(0, most + 1, size=(n, 2, 3)).astype(dtype)
    synthetic = rng.integers(0, most + 2, size=(m, 2, 3)).astype(dtype)
    scores = precision_recall_density_coverage(real, synthetic, n_neighbors=k)
    assert scores == pytest.approx(scores_of_a_double_loop(real, synthetic, k))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_digits_are_not_lost_to_an_offset(dtype):
    rng = np.random.default_rng(0)
    real = (1000 + rng.normal(size=(60, 2, 10))).astype(dtype)
    synthetic = (1000.1 + rng.normal(size=(45, 2, 10))).astype(dtype)
    scores = precision_recall_density_coverage(real, synthetic, n_neighbors=3)
    assert scores == pytest.approx(scores_of_a_double_loop(real, synthetic, 3))
    assert 0 < scores.recall < 1 and 0 < scores.precision < 1


def test_near_copies_far_from_the_others_are_judged_exactly():
    rng = np.random.default_rng(0)  # squared distances vanish beside squared norms
    centres = rng.choice([-1000.0, 1000.0], size=(12, 1, 6))
    real = (centres + 1e-3 * rng.normal(size=(12, 4, 6))).reshape(48, 6)
    synthetic = (centres + 1e-3 * rng.normal(size=(12, 4, 6))).reshape(48, 6)
    real, synthetic = real.astype(np.float32), synthetic.astype(np.float32)
    scores = precision_recall_density_coverage(real, synthetic, n_neighbors=2)
    assert scores == pytest.approx(scores_of_a_double_loop(real, synthetic, 2))


def test_a_set_against_itself_has_closed_forms():
    X = np.random.default_rng(0).normal(size=(50, 3, 8)).astype(np.float32)
    scores = precision_recall_density_coverage(X, X[::-1], n_neighbors=4)
    # each ball holds its own row and its 4 neighbours
    assert scores == {"precision": 1, "recall": 1, "density": 5 / 4, "coverage": 1}


def test_sets_far_apart_score_0():
    X = np.random.default_rng(0).normal(size=(30, 8))
    scores = precision_recall_density_coverage(X, X + 100)
    assert scores == dict.fromkeys(["precision", "recall", "density", "coverage"], 0)


def test_one_repeated_real_row_is_faithful_and_not_diverse():
    X = np.random.default_rng(0).normal(size=(40, 2, 9))
    scores = precision_recall_density_coverage(X, np.repeat(X[:1], 60, axis=0))
    assert scores.precision == 1
    assert scores.recall == 1 / 40
    assert scores.coverage < 0.5


@pytest.mark.parametrize("n_new", [40, 80])
def test_samples_of_one_distribution_have_the_expected_density_and_coverage(n_new):
    rng = np.random.default_rng(0)
    n, k = 40, 3
    runs = [
        precision_recall_density_coverage(
            rng.normal(size=(n, 4)), rng.normal(size=(n_new, 4)), n_neighbors=k
        )
        for _ in range(150)
    ]
    density, coverage = (np.mean([r[s] for r in runs]) for s in ("density", "coverage"))
    missed = prod((n - i) / (n + n_new - i) for i in range(1, k + 1))
    assert density == pytest.approx(1, abs=0.03)
    assert coverage == pytest.approx(1 - missed, abs=0.015)


def test_sets_larger_than_a_block_are_judged_as_a_whole():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(2500, 3)).astype(np.float32)
    synthetic = 0.5 * rng.normal(size=(2100, 3)).astype(np.float32)
    scores = precision_recall_density_coverage(real, synthetic)
    wide_real, wide_new = real.astype(float), synthetic.astype(float)

    def distances(a, b):
        return np.sqrt(sum(np.subtract.outer(a[:, c], b[:, c]) ** 2 for c in range(3)))

    r_real = np.sort(distances(wide_real, wide_real), axis=1)[:, 5]
    r_new = np.sort(distances(wide_new, wide_new), axis=1)[:, 5]
    d = distances(wide_real, wide_new)
    inside = d <= r_real[:, None]
    expected = {
        "precision": inside.any(axis=0).mean(),
        "recall": (d <= r_new).any(axis=1).mean(),
        "density": inside.sum() / (5 * 2100),
        "coverage": inside.any(axis=1).mean(),
    }
    assert scores == pytest.approx(expected, rel=1e-12)


def test_distances_are_between_features_if_asked():
    X, Y = np.random.default_rng(0).normal(size=(2, 30, 2, 9))
    Y[:, 1] += 50  # a channel that the features leave out
    scores = precision_recall_density_coverage(X, Y, features=lambda X: X[:, 0])
    assert scores == precision_recall_density_coverage(X[:, 0], Y[:, 0])
    assert precision_recall_density_coverage(X, Y).precision == 0


def test_wrong_input_is_refused():
    X = np.zeros((6, 2, 4))
    with pytest.raises(ValueError, match="n_neighbors .*at most 4; got 5"):
        precision_recall_density_coverage(X, X[:5])
    with pytest.raises(TypeError, match="n_neighbors must be an integer; got 1.5"):
        precision_recall_density_coverage(X, X, n_neighbors=1.5)
    with pytest.raises(ValueError, match="X_real and X_synthetic .*same channels"):
        precision_recall_density_coverage(X, X[:, :1])
    with pytest.raises(TypeError, match="callable"):
        precision_recall_density_coverage(X, X, features=3)
