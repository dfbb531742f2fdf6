import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sksynth.over_sampling._blocks import draw_best
from sksynth.selection import KeepBest

REAL = np.random.default_rng(0).normal(size=(60, 2))


def stream(seed, share_far=0.3, share_copy=0.2):
    """A source of candidates, and a list of all that it gave."""
    rng, given_out = np.random.default_rng(seed), []

    def draw(n):
        kind = rng.random(n)
        X = rng.normal(size=(n, 2))
        X[kind < share_far] += 100 + 50 * rng.random((n, 1))[kind < share_far]
        is_copy = (kind >= share_far) & (kind < share_far + share_copy)
        X[is_copy] = REAL[rng.integers(60, size=is_copy.sum())]
        given_out.append(X)
        return X

    return draw, given_out


def keep_of(n_keep, n_candidates, **options):
    options = {"criteria": ["distance"], "min_spacing": 0.0, **options}
    return KeepBest(n_keep, n_candidates, **options).fit(REAL)


@settings(max_examples=20)
@given(
    numbers=st.tuples(st.integers(1, 25), st.integers(1, 25)).map(sorted),
    n_keep=st.integers(2, 8),
    share_far=st.sampled_from([0.0, 0.5, 0.8]),
    share_copy=st.sampled_from([0.0, 0.19]),
    min_spacing=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 999),
)
def test_fewer_rows_are_the_beginning_of_more(
    numbers, n_keep, share_far, share_copy, min_spacing, seed
):
    keep = keep_of(n_keep, 8, min_spacing=min_spacing)
    found = []
    for n_rows in numbers:
        draw, given_out = stream(seed, share_far, share_copy)
        with warnings.catch_warnings(action="ignore"):
            rows, places = draw_best(keep, draw, n_rows)
        assert rows.shape == (n_rows, 2)
        np.testing.assert_array_equal(np.concatenate(given_out)[places], rows)
        assert len(np.unique(places)) == n_rows
        assert len(given_out) <= 5 * -(-n_rows // n_keep)
        found.append((rows, places))
    (less, places), (more, all_places) = found
    np.testing.assert_array_equal(less, more[: len(less)])
    np.testing.assert_array_equal(places, all_places[: len(less)])
    assert not (more[:, None] == REAL).all(axis=2).any()  # no copies


def test_each_block_gives_its_best_in_the_order_of_their_rank():
    keep = keep_of(3, 20)
    draw, given_out = stream(1, share_far=0)
    rows, places = draw_best(keep, draw, 9)
    assert len(given_out) == 3
    for block in range(3):
        found = keep.select(given_out[block])
        best = np.flatnonzero(found.mask)
        best = best[np.argsort(found.rank[best])]
        assert (
            places[3 * block : 3 * block + 3] - 20 * block
        ).tolist() == best.tolist()


def test_a_row_of_an_earlier_block_is_not_kept_again():
    block = np.random.default_rng(0).normal(size=(10, 2)) * 0.3
    calls = []

    def draw(n):
        calls.append(n)
        return block.copy()

    keep = keep_of(2, 10)
    rows, places = draw_best(keep, draw, 6)
    assert len(np.unique(rows, axis=0)) == 6
    assert sorted(set(places // 10)) == [0, 1, 2]
    assert calls == [10] * 3


def test_refused_rows_fill_up_with_a_warning_that_names_class_and_count():
    X = np.concatenate([REAL, REAL + 50])
    y = np.repeat(["N", "V"], 60)
    keep = KeepBest(4, 10, criteria=["distance"]).fit(X, y)
    blocks = []

    def draw(n):
        far_away = 80 + 10 * len(blocks) + np.arange(n)[::-1, None]
        blocks.append(REAL[:n] + far_away)
        return blocks[-1]

    message = "class 'V': 6 of the 6 rows were refused by the selection and fill up"
    with pytest.warns(UserWarning, match=message):
        _, places = draw_best(keep, draw, 6, "V")
    assert len(blocks) == 10
    # of five blocks at a time the best-ranked, the older ones first
    assert (places // 10).tolist() == [0, 1, 2, 3, 5, 6]
    for place in places:
        assert keep._choose(*2 * [blocks[place // 10]], "V").rank[place % 10] == 0


def test_a_generator_of_copies_is_an_error():
    keep = keep_of(4, 10)
    with pytest.raises(ValueError, match="the data: nearly all of 50 candidates are c"):
        draw_best(keep, lambda n: REAL[:n], 6)
    rows, _ = draw_best(
        keep_of(4, 10, min_distance_quantile=None), lambda n: REAL[:n], 4
    )
    assert (rows[:, None] == REAL).all(axis=2).any(axis=1).all()


def test_a_block_of_which_few_pass_is_followed_by_more_blocks():
    draw, given_out = stream(3, share_far=0.9, share_copy=0.0)
    rows, _ = draw_best(keep_of(4, 20), draw, 12)
    assert np.abs(rows).max() < 10  # none of the far ones
    assert 3 < len(given_out) <= 15
