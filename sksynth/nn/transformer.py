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
    context : bool, default=False
        Let each layer also attend to a context, after the positions.
    """

    def __init__(
        self,
        width,
        n_layers,
        n_heads,
        *,
        expansion=2.0,
        dropout=0.0,
        causal=False,
        context=False,
    ):
        super().__init__()
        hidden = round(expansion * width)
        self.layers = nn.ModuleList(
            _Layer(width, n_heads, hidden, dropout, causal, context)
            for _ in range(n_layers)
        )
        self.norm = _RMSNorm(width)

    def forward(self, h, context=None, cache=None):
        """(batch, length, width) -> the same.

        Parameters
        ----------
        h : Tensor of shape (batch, length, width)
            Features of the positions; with a cache, of those that come next.
        context : Tensor of shape (batch, n_context, width), default=None
            Features to attend to; a cache that has seen them needs them no more.
        cache : Cache, default=None
            What a causal transformer has seen of the same rows; it is extended.
        """
        if cache is not None:
            cache.make_room(h.shape[1])
        for layer in self.layers:
            h = layer(h, context, cache)
        return self.norm(h)


class Cache:
    """Keys and values of all that a causal :class:`Transformer` has seen.

    Parameters
    ----------
    length : int
        Positions that it may see.
    """

    def __init__(self, length):
        self.length = length
        self.n_seen = 0
        self.start = 0  # of the positions that come in
        self._positions = {}  # layer: (2, batch, heads, length, features)
        self._contexts = {}  # layer: (2, batch, heads, n_context, features)

    def make_room(self, n_new):
        """Say how many positions come next."""
        if self.n_seen + n_new > self.length:
            raise ValueError(
                f"a cache of {self.length} positions that holds {self.n_seen} got "
                f"{n_new} more"
            )
        self.start, self.n_seen = self.n_seen, self.n_seen + n_new

    def extend(self, layer, new):
        """Keys and values of all positions, after those of new ones."""
        kept = self._positions.get(layer)
        if kept is None:
            kept = new.new_empty(*new.shape[:3], self.length, new.shape[4])
            self._positions[layer] = kept
        kept[:, :, :, self.start : self.n_seen] = new
        return kept[:, :, :, : self.n_seen]

    def of_context(self, layer, compute):
        """Keys and values of the context, computed once."""
        if layer not in self._contexts:
            self._contexts[layer] = compute().contiguous()  # read often
        return self._contexts[layer]

    def mask(self, device):
        """Positions that each new one sees, or None if all."""
        n_new = self.n_seen - self.start
        if n_new == 1:
            return None
        seen = torch.ones(n_new, self.n_seen, dtype=torch.bool, device=device)
        return seen.tril(self.start)


class _RMSNorm(nn.RMSNorm):
    """The norm in the precision of what it is given, which autocast leaves to it."""

    def forward(self, h):
        return F.rms_norm(h, self.normalized_shape, self.weight.to(h.dtype), self.eps)


class _Layer(nn.Module):
    def __init__(self, width, n_heads, hidden, dropout, causal, context):
        super().__init__()
        self.n_heads = n_heads
        self.causal = causal
        self.dropout = dropout
        self.before_attention = _RMSNorm(width)
        self.to_attention = nn.Linear(width, 3 * width)
        self.from_attention = nn.Linear(width, width)
        if context:
            self.before_context = _RMSNorm(width)
            self.to_query = nn.Linear(width, width)
            self.to_context = nn.Linear(width, 2 * width)
            self.from_context = nn.Linear(width, width)
        self.before_hidden = _RMSNorm(width)
        self.to_hidden = nn.Linear(width, hidden)
        self.from_hidden = nn.Linear(hidden, width)

    def extra_repr(self):
        own = f"n_heads={self.n_heads}, causal={self.causal}"  # not seen in the weights
        return f"{own}, dropout={self.dropout}"

    def forward(self, h, context=None, cache=None):
        h = h + self._drop(self._attend(self.before_attention(h), cache))
        if hasattr(self, "to_context"):
            found = self._attend_to(context, self.before_context(h), cache)
            h = h + self._drop(found)
        hidden = F.gelu(self.to_hidden(self.before_hidden(h)))
        return h + self._drop(self.from_hidden(hidden))

    def _attend(self, h, cache):
        q, *kv = parts = self._heads(self.to_attention(h), 3)
        if cache is None:
            h = F.scaled_dot_product_attention(q, *kv, is_causal=self.causal)
        else:
            kv, mask = cache.extend(self, parts[1:]), cache.mask(h.device)
            h = F.scaled_dot_product_attention(q, *kv, attn_mask=mask)
        return self.from_attention(h.transpose(1, 2).flatten(2))

    def _attend_to(self, context, h, cache):
        def keys_and_values():
            return self._heads(self.to_context(context), 2)

        q = self._heads(self.to_query(h), 1)[0]
        if cache is None:
            kv = keys_and_values()
        else:
            kv = cache.of_context(self, keys_and_values)
        h = F.scaled_dot_product_attention(q, *kv)
        return self.from_context(h.transpose(1, 2).flatten(2))

    def _heads(self, h, n):
        """(batch, length, n * width) -> (n, batch, heads, length, features)."""
        return h.unflatten(2, (n, self.n_heads, -1)).permute(2, 0, 3, 1, 4)

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
