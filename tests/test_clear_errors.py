"""Faults that the fuzz found, each with its error or its result."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from torch.utils.data import Subset

import sksynth
from sksynth import (
    ConvVAE,
    FCNClassifier,
    GeneratorAugmenter,
    GeneratorOverSampler,
    SpectrumVAE,
)
from sksynth.evaluation import evaluate_combinations
from sksynth.metrics import maximum_mean_discrepancy, root_mean_square, spectral_snr
from sksynth.mrs import fid_to_spectrum
from sksynth.plotting import EmbeddingDisplay, SpectrumDisplay
from tests.test_conventions import TINY, TINY_DIFFUSION

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2, 16))
Y = np.tile(["a", "b"], 6)
CLASSIFIER = FCNClassifier(n_filters=2, max_epochs=1, random_state=0)
MASKED = np.ma.masked_array(X, X > 1)


@pytest.mark.parametrize("measure", [TINY.fit, root_mean_square])
def test_masked_signals_are_refused(measure):
    with pytest.raises(ValueError, match="X has .* masked entries"):
        measure(MASKED)
    measure(np.ma.masked_array(X))  # nothing is masked


def test_a_mask_over_a_memory_map_or_in_a_data_set_is_seen(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    with pytest.raises(ValueError, match="X has .* masked entries"):
        TINY.fit(np.ma.masked_array(mapped, X > 1))
    with pytest.raises(ValueError, match="row 0 of the data set has .* masked"):
        TINY.fit(Subset([np.ma.masked_array(row, row > 1) for row in X], range(12)))


def test_the_warning_of_a_missing_device_points_to_the_caller():
    generator = clone(TINY).fit(X).set_params(device="cuda:99")
    with pytest.warns(UserWarning, match="sampling on the CPU") as caught:
        generator.sample(2)
    assert caught[0].filename == __file__


def test_true_is_no_strength():
    with pytest.raises(TypeError, match="strength must be a number; got True"):
        clone(TINY).fit(X).sample(2, anchors=X, strength=True)


SPECTRA = MASKED[:, 0] + 1j


@pytest.mark.parametrize(
    "function",
    [
        lambda: fid_to_spectrum(SPECTRA),
        lambda: spectral_snr(SPECTRA, np.linspace(0, 5, 16)),
        lambda: SpectrumVAE(max_epochs=1).fit(SPECTRA),
        lambda: EmbeddingDisplay(MASKED, MASKED).plot(),
        lambda: SpectrumDisplay(MASKED, MASKED, fs=16.0).plot(),
        lambda: evaluate_combinations(TINY, LogisticRegression(), MASKED, Y, cv=2),
    ],
)
def test_masked_signals_are_refused_wherever_signals_are_taken(function):
    with pytest.raises(ValueError, match="has .* masked entries"):
        function()


@pytest.mark.parametrize("measure", [TINY.fit, root_mean_square])
def test_dates_are_no_signals(measure):
    with pytest.raises(ValueError, match="X must be numbers; got datetime64"):
        measure(np.zeros((12, 8), "M8[s]"))


@pytest.mark.parametrize(
    "fit",
    [
        clone(TINY).fit,
        CLASSIFIER.fit,
        GeneratorOverSampler(TINY, random_state=0).fit_resample,
    ],
    ids=["generator", "classifier", "sampler"],
)
def test_labels_that_cannot_be_sorted_are_refused_in_words(fit):
    mixed = np.array(["a", 1] * 6, object)
    with pytest.raises(TypeError, match=r"y must hold .*; got \['int', 'str'\]"):
        fit(X, mixed)
    with pytest.raises(TypeError, match=r"without None or NA; got \['NoneType', 'str"):
        fit(X, np.array(["a", None] * 6, object))
    with pytest.raises(TypeError, match="without None or NA; got"):
        fit(X, pd.array(["a", pd.NA] * 6, dtype="string"))
    with pytest.raises(ValueError, match="y has 6 masked entries"):
        fit(X, np.ma.masked_array(np.arange(12) % 2, np.arange(12) % 2))


def test_whole_numbers_that_may_be_missing_stay_whole_in_a_sampler():
    sampler = GeneratorOverSampler(TINY, random_state=0)
    y = sampler.fit_resample(X, pd.array([1, 2, 2] * 4, dtype="Int64"))[1]
    assert y.dtype == np.int64
    assert np.bincount(y).tolist() == [0, 8, 8]


def test_large_measurements_warn_of_nothing():
    generator = clone(TINY).fit(X, RNG.normal(size=12) * 1e30)
    assert np.isfinite(generator.sample(2)).all()
    large = np.where(Y == "a", 1e30, 2e30)
    for fit in (CLASSIFIER.fit, GeneratorOverSampler(TINY).fit_resample):
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            fit(X, large * 1.5)


def test_batches_may_have_the_size_of_a_numpy_integer():
    found = clone(TINY).set_params(batch_size=np.int64(5)).fit(X)
    expected = clone(TINY).set_params(batch_size=5).fit(X)
    assert found.history_ == expected.history_


@pytest.mark.parametrize("name", ["batch_size", "latent_dim", "lr", "max_epochs"])
def test_truth_is_no_number(name):
    with pytest.raises(TypeError, match=f"{name} must be a number; got True"):
        clone(TINY).set_params(**{name: True}).fit(X)


@pytest.mark.parametrize("argument", ["n_samples", "block_size", "n_neighbors"])
def test_truth_is_no_number_of_samples_either(argument):
    generator = clone(TINY).fit(X)
    options = {"n_samples": 3, "anchors": X, "strength": 0.5, argument: True}
    with pytest.raises(TypeError, match=f"{argument} must be an integer; got True"):
        generator.iter_samples(**options)


@pytest.mark.parametrize("callbacks", [[1], ["early"], [("name", 1)]])
def test_callbacks_that_are_none_are_refused(callbacks):
    with pytest.raises(TypeError, match="callbacks must hold callbacks of skorch"):
        clone(TINY).set_params(callbacks=callbacks).fit(X)


def test_the_state_of_numpy_is_no_seed():
    generator = clone(TINY).fit(X)
    before = np.random.get_state()[1].copy()
    with pytest.raises(ValueError, match="random_state must be .*got numpy.random"):
        generator.sample(3, random_state=np.random)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_complex_measurements_are_refused_when_asked_for():
    generator = clone(TINY).fit(X, RNG.normal(size=12))
    with pytest.raises(ValueError, match="y must be real"):
        generator.sample(1, y=1j)


def test_an_unknown_label_of_any_type_is_named():
    generator = clone(TINY).fit(X, Y)
    with pytest.raises(ValueError, match=r"y has \[\{1\}\]; labels seen by fit are"):
        generator.sample(1, y={1})
    with pytest.raises(ValueError, match=r"y has \[nan\]; labels seen"):
        generator.sample(3, y=[np.nan] * 3)


def test_anchors_far_from_the_signals_give_no_nan():
    generator = clone(TINY_DIFFUSION).fit(X)
    with pytest.raises(FloatingPointError, match="not finite"):
        generator.sample(2, anchors=X * 1e30, strength=0.5)
    with pytest.raises(ValueError, match="too large beside those seen by fit"):
        generator.sample(2, anchors=X * 1e300, strength=0.5)


def test_codes_far_from_all_signals_give_no_nan():
    generator = ConvVAE(latent_dim=2, width=2, hidden_dim=4, max_epochs=1).fit(X)
    with pytest.raises(FloatingPointError, match="not finite in float32"):
        generator.decode([[1e38, 1e38]])
    with pytest.raises(FloatingPointError, match="not finite in float32"):
        generator.encode(X * 1e30)


def test_an_outlier_in_a_spectrum_leaves_the_scale_of_its_neighbours():
    rng = np.random.default_rng(0)
    for factor in np.linspace(1, 7, 20):  # the rounding differs
        spectra = rng.normal(size=(6, 8)) + 1j * rng.normal(size=(6, 8))
        spectra[0, 0] = 3e8j * factor
        generator = SpectrumVAE(latent_dim=2, width=2, hidden_dim=4, max_epochs=1)
        scale = generator.fit(spectra).scaler_.scale.reshape(2, 8)
        deviation = np.std([spectra.real, spectra.imag], axis=1)
        shared = np.sqrt(np.square(deviation).mean(axis=0))
        assert (scale >= 0.99 * shared).all()


def test_measurements_as_categories_are_refused_by_the_augmenter():
    y = pd.Series(np.arange(12) / 8, dtype="category")
    with pytest.raises(ValueError, match="new ones are none of its categories"):
        GeneratorAugmenter(TINY, random_state=0).fit_resample(X, y)


@pytest.mark.parametrize("shape", [("a",), (1.5,), (True, 16), (-1, -16)])
def test_a_signal_shape_that_is_none_is_refused(shape):
    sampler = GeneratorOverSampler(TINY, signal_shape=shape)
    with pytest.raises((TypeError, ValueError), match="each number of signal_shape"):
        sampler.fit_resample(X[:, 0], Y)


def test_numbers_too_large_to_square_are_not_measured():
    with pytest.raises(ValueError, match=r"the numbers in X are too large: .*e\+200"):
        root_mean_square(X * 1e200)


def test_the_discrepancy_does_not_depend_on_a_tiny_unit():
    expected = maximum_mean_discrepancy(X, X[::-1] + 1)
    for unit in (2.0**-990, 2.0**-500, 2.0**300):
        found = maximum_mean_discrepancy(X * unit, (X[::-1] + 1) * unit)
        assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_picture_of_numbers_of_any_size_ends_no_process(method):
    # with NaN the t-SNE of scikit-learn is a segmentation fault
    display = EmbeddingDisplay(X * 1e-300, X * 1e-300, method=method).plot()
    np.testing.assert_array_equal(display.real_points_, 0)
    with pytest.raises(ValueError, match="too far apart for a picture"):
        EmbeddingDisplay(X, X * 1e100, method=method).plot()


def test_what_is_no_classifier_and_what_is_no_split_are_named():
    options = {"generator": TINY, "X": X, "y": Y, "random_state": 0}
    with pytest.raises(TypeError, match=r"an estimator of scikit-learn .*got \[\]"):
        evaluate_combinations(classifier=[], cv=2, **options)
    with pytest.raises(ValueError, match="cv gives no splits"):
        evaluate_combinations(classifier=LogisticRegression(), cv=[], **options)


FORKED = """
import multiprocessing
import numpy as np
import torch
from sksynth import ConvVAE

torch.set_num_threads(2)
X = np.random.default_rng(0).normal(size=(32, 4, 500))
generator = ConvVAE(max_epochs=1, random_state=0, width=8).fit(X)
expected = generator.sample(40, random_state=0)

with multiprocessing.get_context("fork").Pool(1) as pool:
    rows = pool.apply_async(generator.sample, (40,), {"random_state": 0})
    np.testing.assert_allclose(rows.get(timeout=30), expected, rtol=1e-4, atol=1e-5)
print("done")
"""


FORKED_WHILE_FITTING = """
import multiprocessing
import threading
import numpy as np
from sksynth import VAE
from sksynth._random import as_rng, seeded

started, end = threading.Event(), threading.Event()

def fit_elsewhere():
    with seeded(as_rng(0), "cpu"):
        started.set()
        end.wait(60)

thread = threading.Thread(target=fit_elsewhere)
thread.start()
started.wait()
with multiprocessing.get_context("fork").Pool(1) as pool:
    X = np.random.default_rng(0).normal(size=(8, 4))
    fitted = pool.apply_async(VAE(max_epochs=1).fit, (X,))
    fitted.get(timeout=30)
end.set()
thread.join()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("program", [FORKED, FORKED_WHILE_FITTING])
def test_a_forked_process_does_not_wait_for_the_threads_of_its_parent(program):
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(sksynth.__file__).parents[1]),
            "OMP_NUM_THREADS": "2",
        },
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "done\n", done.stderr
