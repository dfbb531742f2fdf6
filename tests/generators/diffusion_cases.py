"""The three diffusion generators at their smallest, and toy signals."""

import numpy as np
import pytest
import torch

from sksynth import DiffWave, TimeDiffusion

SMALL = {
    "conv": (DiffWave, {"n_layers": 2, "width": 8}),
    "s4": (DiffWave, {"mixer": "s4", "n_layers": 2, "width": 8, "state_dim": 4}),
    "unet": (TimeDiffusion, {"widths": (8, 8)}),
}
each_kind = pytest.mark.parametrize("kind", SMALL)

RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(40, 2, 10)).cumsum(axis=2) * np.array([1, 20])[:, None]
SIGNALS = SIGNALS.astype(np.float32)
SIGNALS.flags.writeable = False
LABELS = np.repeat(["af", "sinus"], [15, 25])


def tiny(kind="unet", **parameters):
    cls, sizes = SMALL[kind]
    process = {"n_steps": 3, "max_epochs": 1, "random_state": 0}
    return cls(**{**sizes, **process, **parameters})


def awake(generator):
    """The generator with numbers where a network starts at 0, as if trained."""
    torch_rng = torch.Generator().manual_seed(0)
    for weight in generator.network_.parameters():
        if weight.abs().max() < 0.05:
            weight.normal_(std=0.2, generator=torch_rng)
    return generator


def calls_of(generator):
    """List that gets the number of rows of each call of the network."""
    calls = []
    generator.network_.network.register_forward_hook(
        lambda module, args, output: calls.append(len(args[0]))
    )
    return calls


def forbid_training(monkeypatch):
    def train(*args, **kwargs):
        raise RuntimeError("it trained")

    monkeypatch.setattr("sksynth.base.BaseGenerator._fit", train)
    monkeypatch.setattr("sksynth.training.net.LossNet.fit", train)
