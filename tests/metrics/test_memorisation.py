import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sksynth.metrics import (
    copy_fraction,
    membership_inference_auc,
    nearest_neighbor_distance_ratio,
)


def parts(*sizes, seed=0, n_times=12):
    """Independent sets of one distribution, read-only."""
    rng = np.random.default_rng(seed)
    sets = [rng.normal(size=(n, 2, n_times)).astype(np.float32) for n in sizes]
    for X in sets:
        X.flags.writeable = False
    return sets


def distances(X, Y):
    X, Y = (Z.reshape(len(Z), -1).astype(float) for Z in (X, Y))
    return cdist(X, Y)


def test_copies_of_the_training_rows_are_flagged_by_all_three():
    train, held_out = parts(120, 120)
    for synthetic in (train[::-1], train + np.float32(1e-3)):
        ratio = nearest_neighbor_distance_ratio(synthetic, train, held_out)
        assert ratio.max() < 0.01
        assert membership_inference_auc(synthetic, train, held_out) == 1.0
        assert copy_fraction(synthetic, train, held_out) == 1.0


def test_copies_of_the_held_out_rows_are_no_leak_of_the_training_rows():
    train, held_out = parts(120, 120)
    assert np.isinf(nearest_neighbor_distance_ratio(held_out, train, held_out)).all()
    assert membership_inference_auc(held_out, train, held_out) == 0.0
    assert copy_fraction(held_out, train, held_out) <= 0.01


def test_a_third_independent_part_is_not_flagged():
    n_runs, n = 30, 150
    medians, areas, fractions = [], [], []
    for seed in range(n_runs):
        synthetic, train, held_out = parts(n, n, n, seed=seed, n_times=3)
        ratio = nearest_neighbor_distance_ratio(synthetic, train, held_out)
        medians.append(np.median(ratio))
        areas.append(membership_inference_auc(synthetic, train, held_out))
        fractions.append(copy_fraction(synthetic, train, held_out))
    assert np.mean(medians) == pytest.approx(1, abs=0.02)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.015)
    assert np.std(areas) < 0.06
    # 30 x 150 rows at 1 %: its standard deviation is 0.0025 with the threshold's
    assert np.mean(fractions) == pytest.approx(0.01, abs=0.007)


@pytest.mark.parametrize(("quantile", "n_out"), [(0.01, 99), (0.01, 40), (0.2, 60)])
def test_the_expected_fraction_is_the_quantile_or_what_few_rows_allow(quantile, n_out):
    rng = np.random.default_rng(0)
    train = np.zeros((1, 1))  # distances are then independent: any continuous law does
    runs = [
        copy_fraction(
            rng.normal(size=(200, 1)),
            train,
            rng.normal(size=(n_out, 1)),
            quantile=quantile,
        )
        for _ in range(400)
    ]
    expected = max(quantile, 1 / (n_out + 1))
    assert np.mean(runs) == pytest.approx(expected, rel=0.15)


def test_one_repeated_training_row_is_seen_by_ratio_and_fraction_alone():
    train, held_out = parts(150, 150)
    synthetic = np.repeat(train[:1], 50, axis=0)
    assert nearest_neighbor_distance_ratio(synthetic, train, held_out).max() == 0
    assert copy_fraction(synthetic, train, held_out) == 1
    assert membership_inference_auc(synthetic, train, held_out) < 0.65


def test_copies_are_flagged_also_where_the_real_sets_share_rows():
    train, held_out = parts(150, 150)
    held_out = np.concatenate([train[:5], held_out])  # the threshold is then 0
    assert copy_fraction(train, train, held_out) == 1


def test_a_leak_of_half_of_the_rows_lies_between():
    synthetic, train, held_out = parts(100, 200, 200)
    mixed = np.concatenate([synthetic, train[:100]])
    assert copy_fraction(mixed, train, held_out) == pytest.approx(0.5, abs=0.02)
    area = membership_inference_auc(mixed, train, held_out)
    assert area == pytest.approx(0.75, abs=0.06)  # half found, half guessed


def test_the_ratio_is_that_of_the_two_nearest_distances():
    synthetic, train, held_out = parts(30, 50, 50)
    expected = distances(synthetic, train).min(axis=1)
    expected /= distances(synthetic, held_out).min(axis=1)
    ratio = nearest_neighbor_distance_ratio(synthetic, train, held_out)
    np.testing.assert_allclose(ratio, expected, rtol=1e-6)


def test_the_area_is_the_chance_of_a_training_row_above_a_held_out_row():
    rng = np.random.default_rng(0)
    synthetic, train, held_out = (rng.integers(0, 3, size=(n, 4)) for n in (9, 25, 14))
    d_train = (distances(train, synthetic) ** 2).min(axis=1).round()  # ties are exact
    d_out = (distances(held_out, synthetic) ** 2).min(axis=1).round()
    wins = [(a < b) + 0.5 * (a == b) for a in d_train for b in d_out]
    area = membership_inference_auc(synthetic, train, held_out)
    assert area == pytest.approx(np.mean(wins), rel=1e-12)
    assert 0.5 in wins


def test_the_fraction_counts_rows_nearer_than_held_out_ones():
    synthetic, train, held_out = parts(300, 80, 99)
    to_train = distances(held_out, train).min(axis=1)
    fifth = np.sort(to_train)[4]  # (99 + 1) * 0.05
    expected = (distances(synthetic, train).min(axis=1) <= fifth).mean()
    assert copy_fraction(synthetic, train, held_out, quantile=0.05) == expected
    assert 0 < expected < 0.2


def test_the_larger_real_set_is_thinned_by_the_seed():
    synthetic, train, held_out = parts(40, 300, 60)
    ratios = [
        nearest_neighbor_distance_ratio(synthetic, train, held_out, random_state=seed)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(ratios[0], ratios[1])
    assert not np.array_equal(ratios[0], ratios[2])
    medians = [
        np.median(nearest_neighbor_distance_ratio(*sets, random_state=0))
        for sets in ((synthetic, train, held_out), (synthetic, held_out, train))
    ]
    assert medians == pytest.approx([1, 1], abs=0.05)
    all_rows = distances(synthetic, train).min(1) / distances(synthetic, held_out).min(
        1
    )
    assert np.median(all_rows) < 0.95  # what thinning is for


def test_no_global_random_state_moves():
    before = np.random.get_state()
    nearest_neighbor_distance_ratio(*parts(5, 30, 20))
    after = np.random.get_state()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_rows_equal_to_both_sets_have_ratio_1():
    ratio = nearest_neighbor_distance_ratio(
        [[0.0], [1.0], [2.0], [5.0]], [[0.0], [1.0]], [[0.0], [2.0]]
    )
    assert ratio.tolist() == [1, 0, np.inf, 4 / 3]


@pytest.mark.parametrize(
    "measure",
    [nearest_neighbor_distance_ratio, membership_inference_auc, copy_fraction],
)
def test_wrong_sets_are_refused(measure):
    X = np.zeros((6, 2, 4))
    with pytest.raises(ValueError, match=r"X_synthetic and X_train .*\(6, 1, 4\)"):
        measure(X[:, :1], X, X)
    with pytest.raises(ValueError, match=r"X_train and X_held_out .*\(6, 2, 3\)"):
        measure(X, X, X[..., 1:])
    with pytest.raises(ValueError, match=r"X_held_out .*>= 1; got shape \(0, 2, 4\)"):
        measure(X, X, X[:0])


def test_wrong_quantiles_are_refused():
    X = np.zeros((6, 4))
    for quantile in (0, 1, -0.1, np.nan):
        with pytest.raises(ValueError, match=f"between 0 and 1; got {quantile}"):
            copy_fraction(X, X, X, quantile=quantile)
    for quantile in ("1 %", True):
        with pytest.raises(TypeError, match=f"must be a number; got {quantile!r}"):
            copy_fraction(X, X, X, quantile=quantile)
