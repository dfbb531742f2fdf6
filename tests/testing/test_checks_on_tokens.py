"""The checks on TimeVQVAE, but for those of what all generators share."""

import pytest
from sklearn.base import clone

from sksynth import TimeVQVAE
from sksynth.testing import yield_checks

TINY = TimeVQVAE(
    # weights that outweigh the description of the modules in a pickle
    **{"n_codes": 32, "code_dim": 3, "width": 8, "n_blocks": 1, "prior_width": 40},
    **{"prior_layers": 1, "n_heads": 2, "n_steps": 2},
    **{"max_epochs": 1, "prior_epochs": 1, "precision": "float32"},
)
TRAINED = TimeVQVAE(
    **{"n_codes": 32, "code_dim": 8, "width": 32, "n_blocks": 1, "prior_width": 32},
    **{"prior_layers": 1, "dropout": 0.0, "lr": 1e-2, "precision": "float32"},
)
EPOCHS = {  # of the two trainings, as many as a check needs
    "check_class_spread": (60, 120),
    "check_not_copies": (15, 15),  # of many fits
    "check_synthetic_class_fidelity": (60, 100),  # on few rows
    "check_trained": (15, 15),
}
SHARED = {"check_pickle_cpu_only", "check_seed_reproducible_across_processes"}


def checks():
    for check in yield_checks(TINY, trained=TRAINED):
        name = check.check.__name__
        if check.estimator is TRAINED:
            first, second = EPOCHS.get(name, (40, 40))
            check.estimator = clone(TRAINED).set_params(
                max_epochs=first, prior_epochs=second
            )
        if name not in SHARED:
            yield check


@pytest.mark.parametrize("check", checks())
def test_it_passes(check):
    check()
