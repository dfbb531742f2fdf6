import warnings

import pytest


@pytest.fixture(scope="session")
def schedulers():
    """Those of diffusers, an independent implementation to compare with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # diffusers' own, at import
        module = pytest.importorskip(
            "diffusers.schedulers", reason="diffusers, to compare with, is missing"
        )
        for name in ("DDIM", "DDPM", "DPMSolverMultistep", "EulerDiscrete"):
            getattr(module, f"{name}Scheduler")  # imported at first use
    return module
