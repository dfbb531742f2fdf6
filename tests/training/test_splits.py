import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch.dataset import Dataset

from sksynth.training.splits import HoldOut, ValidateOn


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
)
def test_each_class_is_held_out_in_its_proportion(counts, fraction, seed):
    kinds = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))
    kinds = kinds[torch.randperm(len(kinds))]
    n, spare = len(kinds), np.array(counts) - 1  # one of each stays in training
    if n < 2 or spare.sum() < 1:
        return
    torch.manual_seed(seed)
    train, valid = (part.indices for part in HoldOut(fraction, kinds)(range(n)))
    assert sorted([*train.tolist(), *valid.tolist()]) == list(range(n))
    n_valid = min(max(1, round(fraction * n)), n - 1, spare.sum())
    assert len(valid) == n_valid
    held_out = np.bincount(kinds[valid], minlength=len(counts))
    expected = spare * n_valid / spare.sum()
    assert (np.abs(held_out - expected) < 1 + 1e-6).all()
    assert (held_out <= spare).all()


@pytest.mark.parametrize("kinds", [None, torch.arange(50) % 3])
def test_each_row_is_as_likely_to_be_held_out(kinds):
    torch.manual_seed(0)
    held_out = torch.zeros(50)
    for _ in range(2000):
        held_out[HoldOut(0.2, kinds)(range(50))[1].indices] += 1
    assert held_out.sum() == 2000 * 10
    np.testing.assert_allclose(held_out, 400, atol=5 * 18)  # sd sqrt(2000 * .2 * .8)


def test_a_split_follows_the_seed_of_torch():
    def held_out(seed):
        torch.manual_seed(seed)
        return HoldOut(0.3, torch.arange(40) % 2)(range(40))[1].indices.tolist()

    assert held_out(0) == held_out(0) != held_out(1)


def test_given_rows_are_validated_on():
    train, given_rows = Dataset({"x": torch.zeros(4)}), {"x": torch.ones(2)}
    first, second = ValidateOn(given_rows)(train, None)
    assert first is train
    assert second.X is given_rows
