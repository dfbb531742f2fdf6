"""Batches of tensors that stay in memory."""

import torch
from torch.utils.data import Subset

from sksynth._shares import take_share


class TensorBatches:
    """Batches by one gather instead of a call a row.

    Takes the place of torch's DataLoader in skorch; X is a dict of tensors, in memory
    or on the device. Processes that train together have a share of every batch each.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset or torch.utils.data.Subset of one
        Its ``X`` is the dict of tensors.
    batch_size : int
        Rows a batch; the last batch may be smaller, none is dropped.
    shuffle : bool, default=False
        A new order each epoch, from torch's global generator.
    weights : Tensor of shape (n_samples,), default=None
        Draw the rows of an epoch with replacement, with these weights.
    """

    def __init__(self, dataset, *, batch_size, shuffle=False, weights=None):
        self.rows = torch.arange(len(dataset))
        if isinstance(dataset, Subset):  # what skorch's train_split makes
            self.rows = torch.as_tensor(dataset.indices)
            dataset = dataset.dataset
        self.tensors = dataset.X
        self.batch_size = int(batch_size)  # torch takes no numpy integer
        self.shuffle = shuffle
        self.weights = None if weights is None else weights[self.rows]

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self):
        device = next(iter(self.tensors.values())).device
        for rows in self._order().to(device).split(self.batch_size):
            rows = take_share(rows)
            yield {k: x.index_select(0, rows) for k, x in self.tensors.items()}, None

    def _order(self):
        n = len(self.rows)
        if self.weights is not None:
            # inverse CDF: torch.multinomial takes at most 2**24 categories
            cumulative = self.weights.double().cumsum(0)
            u = torch.rand(n, dtype=torch.float64) * cumulative[-1]
            drawn = torch.searchsorted(cumulative, u, right=True)
            return self.rows[drawn.clamp_(max=n - 1)]
        return self.rows[torch.randperm(n)] if self.shuffle else self.rows
