"""The checks on the diffusion generators, but for those of what they share."""

import pytest
from sklearn.base import clone

from sksynth import DiffWave, TimeDiffusion
from sksynth.testing import yield_checks

FEW = {"n_steps": 2, "max_epochs": 1, "precision": "float32"}
# learns the mean of a class first
SHORT = {"n_steps": 10, "schedule": "cosine", "precision": "float32"}
CONV = {"n_layers": 4, "width": 32, "patch_size": 1}
S4 = {"mixer": "s4", "n_layers": 1, "width": 48, "state_dim": 8, "patch_size": 1}
UNET = {"widths": (32,), "n_attention": 0, "patch_size": 2}
INSTANCES = [  # tiny, trained
    (
        TimeDiffusion(widths=(8, 8), **FEW),
        TimeDiffusion(**UNET, max_epochs=100, batch_size=256, lr=1e-2, **SHORT),
    ),
    (
        DiffWave(n_layers=2, width=8, **FEW),
        DiffWave(**CONV, max_epochs=110, batch_size=100, lr=5e-3, **SHORT),
    ),
    (
        DiffWave(mixer="s4", n_layers=2, width=8, state_dim=4, **FEW),
        DiffWave(**S4, max_epochs=80, batch_size=64, lr=5e-3, **SHORT),
    ),
]
BRIEF = {"check_not_copies", "check_trained"}  # of many fits; few epochs are enough
ONCE = {"check_class_spread"}  # takes long, so on one of the three
ELSEWHERE = {  # what all generators share; tests/generators/test_diffusion_quality.py
    "check_pickle_cpu_only",
    "check_seed_reproducible_across_processes",
    "check_sine_and_ar1",
}


def checks():
    for number, (tiny, trained) in enumerate(INSTANCES):
        brief = clone(trained).set_params(max_epochs=15)
        both = [yield_checks(tiny, trained=each) for each in (trained, brief)]
        for after_long, after_brief in zip(*both, strict=True):
            name = after_long.check.__name__
            if name not in ELSEWHERE and (number == 0 or name not in ONCE):
                yield after_brief if name in BRIEF else after_long


@pytest.mark.parametrize("check", checks())
def test_a_diffusion_generator_passes(check):
    check()
