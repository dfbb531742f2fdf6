"""Numbers that tell a network how noisy its input is, and what to make of it."""

import math

import torch
from torch import nn


class StepEmbedding(nn.Module):
    """Sinusoids of a step in [0, 1] through two layers (Ho et al., 2020).

    Parameters
    ----------
    n_sinusoids : int
        Sines and cosines, together; their periods rise from 2 pi / 1000 to 20 pi.
    width : int
        Width of both layers.
    """

    def __init__(self, n_sinusoids, width):
        super().__init__()
        self.n_sinusoids = n_sinusoids
        self.layers = nn.Sequential(
            nn.Linear(n_sinusoids, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
        )

    def forward(self, step):
        """(batch,) -> (batch, width)."""
        half = self.n_sinusoids // 2
        decades = torch.linspace(0, 1, half, device=step.device)
        angles = 1000 * step[:, None] * torch.exp(-math.log(1e4) * decades)
        return self.layers(torch.cat([angles.sin(), angles.cos()], dim=1))
