import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch.dataset import Dataset
from torch.utils.data import Subset

from sksynth.training.batches import TensorBatches


def rows_of(batches):
    return torch.cat([X["x"] for X, _ in batches]).flatten().tolist()


@given(n=st.integers(1, 30), batch_size=st.integers(1, 40), shuffle=st.booleans())
def test_an_epoch_sees_every_row_once_and_keeps_arguments_together(
    n, batch_size, shuffle
):
    data = {"x": torch.arange(n)[:, None], "condition": -torch.arange(n)[:, None]}
    batches = TensorBatches(Dataset(data), batch_size=batch_size, shuffle=shuffle)
    seen = [X for X, _ in batches]
    assert len(seen) == len(batches)
    assert all(torch.equal(X["x"], -X["condition"]) for X in seen)
    assert all(len(X["x"]) == batch_size for X in seen[:-1])
    rows = rows_of(batches)
    assert sorted(rows) == list(range(n))
    if not shuffle:
        assert rows == list(range(n))


def test_each_epoch_has_a_new_order_which_the_seed_fixes():
    batches = TensorBatches(
        Dataset({"x": torch.arange(50)}), batch_size=8, shuffle=True
    )
    torch.manual_seed(0)
    first, second = rows_of(batches), rows_of(batches)
    assert first != second != list(range(50))
    torch.manual_seed(0)
    assert rows_of(batches) == first


@pytest.mark.parametrize("indices", [[4, 2], torch.tensor([4, 2])])
def test_a_subset_gives_its_own_rows(indices):
    subset = Subset(Dataset({"x": torch.arange(5)}), indices)
    ((X, _),) = TensorBatches(subset, batch_size=8)
    assert X["x"].tolist() == [4, 2]


def test_rows_are_drawn_with_the_frequency_of_their_weights():
    torch.manual_seed(0)
    weights = torch.tensor([1.0, 0.0, 3.0, 6.0]).repeat(2500)
    data = Dataset({"x": torch.arange(4).repeat(2500)})
    batches = TensorBatches(data, batch_size=1000, shuffle=True, weights=weights)
    rows = torch.tensor(rows_of(batches))
    assert len(rows) == 10_000  # as many as without weights
    share = torch.bincount(rows, minlength=4) / len(rows)
    expected = torch.tensor([0.1, 0.0, 0.3, 0.6])
    torch.testing.assert_close(share, expected, rtol=0, atol=0.02)


def test_the_weights_of_a_subset_are_those_of_its_rows():
    torch.manual_seed(0)
    weights = torch.tensor([5.0, 1.0, 5.0, 3.0])
    subset = Subset(Dataset({"x": torch.arange(4)}), [3, 1] * 4000)
    batches = TensorBatches(subset, batch_size=500, weights=weights)
    share = torch.bincount(torch.tensor(rows_of(batches)), minlength=4) / 8000
    expected = torch.tensor([0.0, 0.25, 0.0, 0.75])
    torch.testing.assert_close(share, expected, rtol=0, atol=0.02)


@given(weights=st.lists(st.integers(0, 3), min_size=1, max_size=9).filter(any))
def test_a_row_of_weight_0_is_never_drawn(weights):
    n = len(weights)
    data = Dataset({"x": torch.arange(n)})
    batches = TensorBatches(data, batch_size=4, weights=torch.tensor(weights) * 1.0)
    for _ in range(5):
        assert all(weights[row] > 0 for row in rows_of(batches))
