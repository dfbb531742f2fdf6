"""No measure holds a second copy of its arrays, nor a wider one."""

import tracemalloc

import numpy as np
import pytest

from sksynth import _arrays, _neighbors, metrics
from sksynth.metrics import distribution

MEASURES = [
    metrics.autocorrelation_difference,
    metrics.kurtosis_difference,
    metrics.log_spectral_distance,
    metrics.marginal_difference,
    metrics.maximum_mean_discrepancy,
    metrics.nearest_match,
    metrics.paired_correlation,
    metrics.paired_rmse,
    metrics.power_spectrum_distance,
    metrics.skewness_difference,
]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda f: f.__name__)
def test_extra_memory_stays_under_that_of_the_array(measure, monkeypatch):
    defaults = {"n_numbers": 2**14}
    monkeypatch.setattr(_arrays.row_slices, "__kwdefaults__", defaults)
    monkeypatch.setattr(_arrays.blocks, "__kwdefaults__", defaults)
    monkeypatch.setattr(_neighbors, "_BLOCK", 2**17)
    monkeypatch.setattr(distribution, "_CHUNK", 2**12)
    X, Y = np.random.default_rng(0).normal(size=(2, 400, 8, 600)).astype(np.float32)
    measure(X[:2], Y[:2])  # what is made once
    tracemalloc.start()
    measure(X, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 2
