"""Conditional 1-D U-Net."""

import torch
from torch import nn

from sksynth.nn.embedding import StepEmbedding
from sksynth.nn.patches import from_patches, to_patches


class UNet1dNetwork(nn.Module):
    """U-Net over time that knows the noise level and the condition.

    Each stage halves the number of times; its features return by a skip connection on
    the way up, those at the full rate too. Signals of any length are padded with zeros
    at their end, and cropped again.

    Parameters
    ----------
    n_channels, n_conditions : int
        Of the signals; columns of the condition.
    widths : tuple of int
        Features of each stage, from the full rate down.
    n_units : int
        Residual units a stage and direction.
    n_attention : int
        Deepest stages with self-attention after each unit, on top of the middle, which
        has one.
    patch_size : int
        Times that are one position at the full rate.
    """

    embedding_dim = 128

    def __init__(
        self,
        n_channels,
        n_conditions,
        *,
        widths=(64, 128, 128),
        n_units=1,
        n_attention=1,
        patch_size=1,
    ):
        super().__init__()
        self.n_channels = n_channels
        self.patch_size = patch_size
        self.multiple = patch_size * 2 ** (len(widths) - 1)
        attends = [len(widths) - i <= n_attention for i in range(len(widths))]
        self.step = StepEmbedding(64, self.embedding_dim)
        self.condition = (
            nn.Linear(n_conditions, self.embedding_dim) if n_conditions else None
        )
        self.first = nn.Conv1d(n_channels * patch_size, widths[0], 5, padding=2)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        n_in, n_skips = widths[0], []
        for i, width in enumerate(widths):
            stage = nn.ModuleList()
            if i:
                stage.append(nn.Conv1d(n_in, n_in, 4, stride=2, padding=1))
            for _ in range(n_units):
                stage.append(_Unit(n_in, width, self.embedding_dim, attends[i]))
                n_in = width
            n_skips.append(n_in)
            self.down.append(stage)
        self.middle = _Unit(n_in, n_in, self.embedding_dim, n_attention > 0)
        for i, width in reversed(list(enumerate(widths))):
            stage = nn.ModuleList()
            n_in += n_skips.pop()
            for _ in range(n_units):
                stage.append(_Unit(n_in, width, self.embedding_dim, attends[i]))
                n_in = width
            if i:
                stage.append(_Upsample(n_in, widths[i - 1]))
                n_in = widths[i - 1]
            self.up.append(stage)
        self.last = nn.Sequential(
            _norm(n_in),
            nn.SiLU(),
            _zeroed(nn.Conv1d(n_in, n_channels * patch_size, 5, padding=2)),
        )

    def forward(self, x, step, condition):
        """Prediction (batch, n_channels, n_times)."""
        n_times = x.shape[2]
        embedding = self.step(step)
        if self.condition is not None:
            embedding = embedding + self.condition(condition)
        embedding = nn.functional.silu(embedding)
        h = nn.functional.pad(x, (0, -n_times % self.multiple))
        h = self.first(to_patches(h, self.patch_size))
        skips = []
        for stage in self.down:
            for layer in stage:
                h = layer(h, embedding) if isinstance(layer, _Unit) else layer(h)
            skips.append(h)
        h = self.middle(h, embedding)
        for stage in self.up:
            h = torch.cat([h, skips.pop()], dim=1)
            for layer in stage:
                h = layer(h, embedding) if isinstance(layer, _Unit) else layer(h)
        return from_patches(self.last(h), self.patch_size)[:, :, :n_times]


class _Unit(nn.Module):
    """Two convolutions around a residual; the embedding scales and shifts between."""

    def __init__(self, n_in, n_out, embedding_dim, attends):
        super().__init__()
        self.norm_in = _norm(n_in)
        self.conv_in = nn.Conv1d(n_in, n_out, 5, padding=2)
        self.modulation = nn.Linear(embedding_dim, 2 * n_out)
        self.norm_out = _norm(n_out)
        self.conv_out = _zeroed(nn.Conv1d(n_out, n_out, 5, padding=2))
        self.shortcut = (
            nn.Identity() if n_in == n_out else nn.Conv1d(n_in, n_out, 1, bias=False)
        )
        self.attention = _Attention(n_out) if attends else None

    def forward(self, x, embedding):
        silu = nn.functional.silu
        h = self.conv_in(silu(self.norm_in(x)))
        scale, shift = self.modulation(embedding)[:, :, None].chunk(2, dim=1)
        h = self.conv_out(silu(self.norm_out(h) * (1 + scale) + shift))
        h = h + self.shortcut(x)
        return h if self.attention is None else self.attention(h)


class _Attention(nn.Module):
    """Self-attention over time, with a residual (Vaswani et al., 2017)."""

    head_dim = 32

    def __init__(self, width):
        super().__init__()
        most = max(1, width // self.head_dim)
        self.n_heads = next(n for n in range(most, 0, -1) if width % n == 0)
        self.norm = _norm(width)
        self.qkv = nn.Conv1d(width, 3 * width, 1)
        self.out = _zeroed(nn.Conv1d(width, width, 1))

    def forward(self, x):
        # (batch, 3 * width, n_times) -> 3 of (batch, n_heads, n_times, head_dim)
        qkv = self.qkv(self.norm(x)).unflatten(1, (3, self.n_heads, -1))
        h = nn.functional.scaled_dot_product_attention(*qkv.transpose(3, 4).unbind(1))
        return x + self.out(h.transpose(2, 3).flatten(1, 2))


class _Upsample(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, 3, padding=1)

    def forward(self, x):
        return self.conv(x.repeat_interleave(2, dim=2))


def _norm(width):
    """Group norm of up to eight equal groups of four or more features, if it can be.

    A group of one feature has a single number to norm where one time is left.
    """
    n_groups = next(
        n for n in range(min(8, max(1, width // 4)), 0, -1) if width % n == 0
    )
    return nn.GroupNorm(n_groups, width)


def _zeroed(layer):
    """Layer that starts at 0, so that a residual starts as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
