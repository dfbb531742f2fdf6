"""A transformer over sequences of features."""

import torch
from torch import nn
from torch.nn import functional as F


class Transformer(nn.Module):
    """Layers of attention and of a feed-forward network, normalised before each.

    Parameters
    ----------
    width : int
        Features of a position.
    n_layers, n_heads : int
        Layers; heads of the attention, of which ``width`` is a multiple.
    expansion : float, default=2
        Width of the feed-forward network over ``width``.
    dropout : float, default=0
        Share of the features that each layer leaves out in training.
    causal : bool, default=False
        Let a position see those before it alone.
    """

    def __init__(
        self, width, n_layers, n_heads, *, expansion=2.0, dropout=0.0, causal=False
    ):
        super().__init__()
        self.layers = nn.ModuleList(
            _Layer(width, n_heads, round(expansion * width), dropout, causal)
            for _ in range(n_layers)
        )
        self.norm = nn.RMSNorm(width)

    def forward(self, h):
        """(batch, length, width) -> the same."""
        for layer in self.layers:
            h = layer(h)
        return self.norm(h)


class _Layer(nn.Module):
    def __init__(self, width, n_heads, hidden, dropout, causal):
        super().__init__()
        self.n_heads = n_heads
        self.causal = causal
        self.dropout = dropout
        self.before_attention = nn.RMSNorm(width)
        self.to_attention = nn.Linear(width, 3 * width)
        self.from_attention = nn.Linear(width, width)
        self.before_hidden = nn.RMSNorm(width)
        self.to_hidden = nn.Linear(width, hidden)
        self.from_hidden = nn.Linear(hidden, width)

    def extra_repr(self):
        return f"n_heads={self.n_heads}, causal={self.causal}"  # not seen in weights

    def forward(self, h):
        h = h + self._drop(self._attend(self.before_attention(h)))
        hidden = F.gelu(self.to_hidden(self.before_hidden(h)))
        return h + self._drop(self.from_hidden(hidden))

    def _attend(self, h):
        parts = self.to_attention(h).unflatten(2, (3, self.n_heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, features)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.from_attention(h.transpose(1, 2).flatten(2))

    def _drop(self, h):
        is_slow = self.training and self.dropout and h.is_cpu
        if not is_slow or torch.compiler.is_compiling():
            return F.dropout(h, self.dropout, self.training)
        # on a CPU a random number a feature takes as long as the layer: four share one
        size = -(-h.numel() // 4)
        numbers = torch.empty(size, dtype=torch.int64).random_(-(2**63), None)
        numbers = numbers.view(torch.int16)[: h.numel()].view(h.shape)
        n_dropped = min(round(2**16 * self.dropout), 2**16 - 1)  # of 2 ** 16
        kept = (numbers >= n_dropped - 2**15).to(h.dtype)
        return h * kept.mul_(2**16 / (2**16 - n_dropped))
