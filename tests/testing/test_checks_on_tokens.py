"""The checks on TimeVQVAE, but for those of what all generators share."""

import pytest
from sklearn.base import clone

from sksynth import TimeVQVAE
from sksynth.testing import yield_checks

SMALL = {"n_codes": 32, "code_dim": 8, "width": 32, "prior_width": 32}
TINY = TimeVQVAE(
    **{"n_codes": 8, "code_dim": 3, "width": 8, "n_blocks": 1, "prior_width": 8},
    **{"prior_layers": 1, "n_heads": 2, "n_steps": 2},
    **{"max_epochs": 1, "prior_epochs": 1},
)
TRAINED = TimeVQVAE(
    **SMALL, **{"dropout": 0.0, "max_epochs": 60, "prior_epochs": 60, "lr": 5e-3}
)
BRIEF = clone(TRAINED).set_params(max_epochs=15, prior_epochs=15)
OF_MANY_FITS = {"check_not_copies", "check_trained"}


def checks():
    long, brief = (yield_checks(TINY, trained=each) for each in (TRAINED, BRIEF))
    for one, other in zip(long, brief, strict=True):
        yield other if one.check.__name__ in OF_MANY_FITS else one


@pytest.mark.parametrize("check", checks())
def test_it_passes(check):
    check()
