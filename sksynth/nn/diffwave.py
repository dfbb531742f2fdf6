"""Dilated residual network of DiffWave, and its state-space form."""

import math
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from sksynth.nn.embedding import StepEmbedding
from sksynth.nn.patches import from_patches, to_patches
from sksynth.nn.s4 import S4D


class DiffWaveNetwork(nn.Module):
    """Stack of gated residual blocks whose skips are summed (Kong et al., 2021).

    Parameters
    ----------
    n_channels, n_times, n_conditions : int
        Shape of the signals; columns of the condition.
    mixer : {"conv", "s4"}
        What mixes the times in a block: a dilated convolution, or two state-space
        layers (Alcaraz and Strodthoff, 2023).
    n_layers, width : int
        Blocks, and their features.
    state_dim : int
        States a feature of the state-space layers.
    patch_size : int
        Times that are one position of the blocks.
    """

    condition_dim, n_sinusoids, step_dim = 128, 128, 512

    def __init__(
        self,
        n_channels,
        n_times,
        n_conditions,
        *,
        mixer="conv",
        n_layers=30,
        width=64,
        state_dim=64,
        patch_size=1,
    ):
        super().__init__()
        self.patch_size = patch_size
        n_channels, n_times = n_channels * patch_size, -(-n_times // patch_size)
        self.step = StepEmbedding(self.n_sinusoids, self.step_dim)
        self.condition = (
            nn.Linear(n_conditions, self.condition_dim) if n_conditions else None
        )
        self.first = nn.Sequential(nn.Conv1d(n_channels, width, 1), nn.ReLU())
        # dilations double, up to the tenth layer or as far as the signal reaches
        cycle = min(10, max(1, math.ceil(math.log2(n_times))))
        condition_dim = self.condition_dim if n_conditions else 0
        sizes = (width, self.step_dim, condition_dim)
        self.blocks = nn.ModuleList(
            _Block(*sizes, MIXERS[mixer](width, 2 ** (i % cycle), state_dim))
            for i in range(n_layers)
        )
        last = nn.Conv1d(width, n_channels, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.last = nn.Sequential(nn.Conv1d(width, width, 1), nn.ReLU(), last)

    def forward(self, x, step, condition):
        """Prediction (batch, n_channels, n_times)."""
        n_times = x.shape[2]
        x = nn.functional.pad(x, (0, -n_times % self.patch_size))
        h = self.first(to_patches(x, self.patch_size))
        step = self.step(step)
        if self.condition is not None:
            condition = self.condition(condition)
        total = 0.0
        for block in self.blocks:
            h, skip = block(h, step, condition)
            total = total + skip
        x = self.last(total / len(self.blocks) ** 0.5)
        return from_patches(x, self.patch_size)[:, :, :n_times]

    @contextmanager
    def kept_kernels(self, n_times):
        """Compute the kernels of the state-space layers once for all calls inside."""
        n_positions = -(-n_times // self.patch_size)
        with ExitStack() as stack:
            for part in self.modules():
                if isinstance(part, S4D):
                    stack.enter_context(part.kept(n_positions))
            yield


class _Block(nn.Module):
    """Residual block: step, mixer and condition, gate, residual and skip."""

    def __init__(self, width, step_dim, condition_dim, mixer):
        super().__init__()
        self.step = nn.Linear(step_dim, width)
        self.mixer = mixer
        self.condition = nn.Linear(condition_dim, 2 * width) if condition_dim else None
        self.out = nn.Conv1d(width, 2 * width, 1)

    def forward(self, x, step, condition):
        shift = None
        if self.condition is not None:
            shift = self.condition(condition)[:, :, None]
        h = self.mixer(x + self.step(step)[:, :, None], shift)
        gate, filtered = h.chunk(2, dim=1)
        h = self.out(torch.sigmoid(gate) * torch.tanh(filtered))
        residual, skip = h.chunk(2, dim=1)
        return (x + residual) / 2**0.5, skip


class _ConvMixer(nn.Module):
    def __init__(self, width, dilation, state_dim):
        super().__init__()
        self.conv = nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, x, shift):
        h = self.conv(x)
        return h if shift is None else h + shift


class _StateSpaceMixer(nn.Module):
    def __init__(self, width, dilation, state_dim):
        super().__init__()
        self.conv = nn.Conv1d(width, 2 * width, 3, padding=1)
        self.before = _StateSpaceLayer(2 * width, state_dim)
        self.after = _StateSpaceLayer(2 * width, state_dim)

    def forward(self, x, shift):
        h = self.before(self.conv(x))
        return self.after(h if shift is None else h + shift)


class _StateSpaceLayer(nn.Module):
    """State space, activation and linear map around a residual, then a layer norm."""

    def __init__(self, width, state_dim):
        super().__init__()
        self.space = S4D(width, state_dim)
        self.linear = nn.Conv1d(width, width, 1)
        self.norm = nn.LayerNorm(width)

    def forward(self, u):
        y = self.linear(nn.functional.gelu(self.space(u)))
        return self.norm((u + y).transpose(1, 2)).transpose(1, 2)


MIXERS = {"conv": _ConvMixer, "s4": _StateSpaceMixer}
