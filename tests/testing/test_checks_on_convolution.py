"""The checks on ConvVAE and SpectrumVAE, but for those of what all generators share."""

import pytest
from sklearn.base import clone

from sksynth import ConvVAE, SpectrumVAE
from sksynth.testing import yield_checks

TINY = {"latent_dim": 2, "width": 8, "hidden_dim": 16, "precision": "float32"}
TRAINED = {**TINY, "latent_dim": 16, "hidden_dim": 64}
INSTANCES = [
    (ConvVAE(**TINY, max_epochs=1), ConvVAE(**TRAINED, lr=5e-3, max_epochs=80)),
    # strength 0 is the same for one anchor but for the noise
    (
        SpectrumVAE(**TINY, noise=None, max_epochs=1),
        SpectrumVAE(
            **{**TRAINED, "latent_dim": 4, "hidden_dim": 32}, lr=1e-2, max_epochs=40
        ),
    ),
]
OF_MANY_FITS = {"check_not_copies", "check_trained"}
SHARED = {"check_pickle_cpu_only", "check_seed_reproducible_across_processes"}


def checks():
    for tiny, trained in INSTANCES:
        for check in yield_checks(tiny, trained=trained):
            if check.check.__name__ in OF_MANY_FITS:
                check.estimator = clone(trained).set_params(max_epochs=20)
            if check.check.__name__ not in SHARED:
                yield check


@pytest.mark.parametrize("check", checks())
def test_they_pass(check):
    check()
