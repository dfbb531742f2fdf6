"""Which rows are held out of training."""

import torch
from skorch.dataset import Dataset
from torch.utils.data import Subset


class HoldOut:
    """Random split of the rows into training and validation.

    With ``kinds`` each class is held out in its proportion, and one row of each class
    stays in training.

    Parameters
    ----------
    fraction : float in (0, 1)
        Share of the rows that are held out, one row at least.
    kinds : Tensor of shape (n_samples,), default=None
        Classes of the rows, as integers.
    """

    def __init__(self, fraction, kinds=None):
        self.fraction = fraction
        self.kinds = kinds

    def __call__(self, dataset, y=None, **kwargs):
        """Subsets to train on and to validate on."""
        n = len(dataset)
        if n < 2:
            raise ValueError("early stopping holds rows out and needs 2 of them; got 1")
        n_valid = min(max(1, round(self.fraction * n)), n - 1)
        candidates = torch.randperm(n)
        if self.kinds is not None:
            candidates = _but_one_of_each(candidates, self.kinds)
            n_valid = min(n_valid, len(candidates))
        if n_valid < 1:
            raise ValueError(
                "early stopping holds rows out, and each class has a single one"
            )
        # every so many-th row of rows sorted by class
        step = len(candidates) / n_valid
        places = ((torch.arange(n_valid) + torch.rand(())) * step).long()
        held_out = candidates[places.clamp_(max=len(candidates) - 1)]
        stays = torch.ones(n, dtype=torch.bool)
        stays[held_out] = False
        return Subset(dataset, stays.nonzero()[:, 0]), Subset(dataset, held_out)


class ValidateOn:
    """Train on all rows, validate on given ones.

    Parameters
    ----------
    tensors : dict of Tensor
        Rows to validate on, named as those to train on.
    """

    def __init__(self, tensors):
        self.tensors = tensors

    def __call__(self, dataset, y=None, **kwargs):
        """Data sets to train on and to validate on."""
        return dataset, Dataset(self.tensors)


def _but_one_of_each(rows, kinds):
    """Rows sorted by class, in their order within one, less the first of each class."""
    rows = rows[torch.argsort(kinds[rows], stable=True)]
    is_first = torch.ones(len(rows), dtype=torch.bool)
    is_first[1:] = kinds[rows].diff() != 0
    return rows[~is_first]
