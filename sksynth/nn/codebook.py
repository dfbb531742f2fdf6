"""A codebook that learns by moving averages."""

import torch
from torch import nn
from torch.nn import functional as F

from sksynth._shares import common_numbers, gathered, summed


class EMACodebook(nn.Module):
    """Codes are moving averages of the vectors nearest to them.

    The first batch of a training places the codes by k-means. A code that hardly any
    vector is nearest to restarts at a random vector of the batch, with the average
    usage of a code, and so stays where it is put (van den Oord et al., 2017, appendix;
    Dhariwal et al., 2020). Processes that train together see the vectors of all.

    Parameters
    ----------
    n_codes, dim : int
        Size of the codebook.
    decay : float, default=0.99
        Share of the averages that a batch leaves.
    min_usage : float, default=0.1
        A code restarts below this share of the mean usage of a code.
    """

    def __init__(self, n_codes, dim, *, decay=0.99, min_usage=0.1):
        super().__init__()
        self.decay = decay
        self.min_usage = min_usage
        self.is_placed = False
        self.register_buffer("usage", torch.ones(n_codes))  # vectors a batch
        self.register_buffer("vector_sum", torch.randn(n_codes, dim))

    def extra_repr(self):
        n_codes, dim = self.vector_sum.shape
        return f"{n_codes}, {dim}, decay={self.decay}, min_usage={self.min_usage}"

    @property
    def codes(self):
        """(n_codes, dim); derived, so that the averages cannot disagree with it."""
        return self.vector_sum / self.usage[:, None]

    def relative_perplexity(self, indices):
        """Exponential of the entropy of the indices, over the number of codes.

        1 where all codes are equally frequent. Few indices underrate it.
        """
        count = torch.bincount(indices.flatten(), minlength=len(self.usage))
        count = summed(count)
        p = count / count.sum()
        return torch.special.entr(p).sum().exp() / len(p)

    def forward(self, z):
        """Nearest codes, with the gradient of ``z``; their indices; commitment loss.

        Parameters
        ----------
        z : Tensor of shape (batch, n_tokens, dim)
            Vectors.

        Returns
        -------
        quantized : Tensor of shape (batch, n_tokens, dim)
            Codes; the gradient goes straight through to ``z``.
        indices : Tensor of shape (batch, n_tokens)
            Which codes they are.
        commitment : Tensor of shape ()
            Mean squared distance of ``z`` from them, with the gradient of ``z``.
        """
        with torch.autocast(z.device.type, enabled=False):
            z = z.float()
            if self.training and not self.is_placed:
                self._place(z.detach().flatten(0, 1))
            indices = self.nearest(z)
            quantized = self.lookup(indices)
            if self.training:
                self._update(z.detach().flatten(0, 1), indices.flatten())
            return z + (quantized - z).detach(), indices, F.mse_loss(z, quantized)

    def nearest(self, z):
        """Index of the code nearest to each vector of (..., dim)."""
        codes = self.codes
        # |z - c|^2 less |z|^2
        distance = torch.addmm(
            codes.square().sum(1), z.flatten(0, -2), codes.T, alpha=-2
        )
        return distance.argmin(dim=1).view(z.shape[:-1])

    def lookup(self, indices):
        """Codes of indices, (..., dim)."""
        return F.embedding(indices, self.codes)

    @torch.no_grad()
    def _update(self, z, indices):
        count, total = self._gather(z, indices)
        self.usage.lerp_(count, 1 - self.decay)
        self.vector_sum.lerp_(total, 1 - self.decay)
        mean = float(count.sum()) / len(self.usage)
        unused = (self.usage < self.min_usage * mean).nonzero()[:, 0]
        if len(unused):
            self._put(unused, self._random_rows(gathered(z), len(unused)), mean)

    @torch.no_grad()
    def _place(self, z, n_iter=10):
        """Put the codes where ``n_iter`` rounds of k-means find centres of ``z``."""
        n_codes, of_all = len(self.usage), gathered(z)
        mean = len(of_all) / n_codes
        every = torch.arange(n_codes, device=z.device)
        self._put(every, self._random_rows(of_all, n_codes), mean)
        for _ in range(n_iter):
            count, total = self._gather(z, self.nearest(z))
            found = count > 0
            self.vector_sum[found] = mean * total[found] / count[found, None]
        self.is_placed = True

    def _gather(self, z, indices):
        """Number and sum of the vectors of each code, in all processes."""
        count = torch.bincount(indices, minlength=len(self.usage)).to(z.dtype)
        total = torch.zeros_like(self.vector_sum).index_add_(0, indices, z)
        return summed(count), summed(total)

    def _put(self, which, vectors, usage):
        self.usage[which] = usage
        self.vector_sum[which] = vectors * usage

    @staticmethod
    def _random_rows(z, n):
        """As different rows as there are."""
        with common_numbers():
            order = torch.randperm(len(z), device=z.device)
        return z[order.repeat(-(-n // len(z)))[:n]]
