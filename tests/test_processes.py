"""More than one process: shared folders, workers, the ways to start them, threads."""

import multiprocessing
import os
import signal
import time

import joblib
import numpy as np
import pytest
import threadpoolctl
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import sksynth
from sksynth import VAE, FCNClassifier, GeneratorOverSampler
from tests.test_conventions import GENERATORS, TINY, TINY_MERGEN

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 2, 16))
Y = np.repeat(["a", "b"], [16, 8])
without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")


def in_process(method, function, *args):
    """What the function gives in a process started by ``method``."""
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.apply_async(function, args).get(timeout=100)


def sample_here(generator):
    return generator.sample(3, y="a", random_state=0)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_process_of_each_kind_draws_the_same_signals(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    for generator in GENERATORS[:1] if method == "spawn" else GENERATORS:
        generator = clone(generator).fit(X, Y)
        expected = sample_here(generator)
        np.testing.assert_array_equal(
            in_process(method, sample_here, generator), expected
        )


class SleepyVAE(VAE):
    """Says that it is being fitted, and takes long where it is told to."""

    def __init__(self, *, folder=None, random_state=None):
        super().__init__(
            latent_dim=2, hidden_dim=4, max_epochs=1, random_state=random_state
        )
        self.folder = folder

    def fit(self, X, y=None):
        super().fit(X, y)
        (self.folder / f"fit-{os.getpid()}").touch()
        if (self.folder / "sleep").exists():
            time.sleep(100)
        return self


def resample(folder):
    generator = SleepyVAE(folder=folder)
    sampler = GeneratorOverSampler(
        generator, memory=str(folder / "cache"), random_state=0
    )
    return sampler.fit_resample(X, Y)[0]


def test_a_process_that_is_killed_at_its_fit_holds_up_no_other(tmp_path):
    (tmp_path / "sleep").touch()
    other = multiprocessing.get_context("spawn").Process(
        target=resample, args=(tmp_path,)
    )
    other.start()
    while not list(tmp_path.glob("fit-*")):
        assert other.is_alive()
        time.sleep(0.01)
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    (tmp_path / "sleep").unlink()
    start = time.monotonic()
    X_new = resample(tmp_path)
    assert time.monotonic() - start < 50
    assert len(list(tmp_path.glob("fit-*"))) == 2
    np.testing.assert_array_equal(resample(tmp_path), X_new)  # from the cache
    assert len(list(tmp_path.glob("fit-*"))) == 2
    assert not list(tmp_path.glob("cache/**/.*.joblib.*"))


@without_cuda
def test_workers_find_the_device_that_is_there():
    classifier = FCNClassifier(n_filters=2, max_epochs=1, random_state=0)
    one, two = (cross_val_score(classifier, X, Y, cv=2, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="device='cuda' cannot be used .*allowed are"):
        cross_val_score(
            classifier.set_params(device="cuda"),
            *(X, Y),
            cv=2,
            n_jobs=2,
            error_score="raise",
        )


def limits():
    return torch.get_num_threads(), threadpoolctl.threadpool_info()


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: type(g).__name__)
def test_the_numbers_of_threads_stay_as_they_are(generator):
    before = limits()
    generator = clone(generator).fit(X, Y)
    expected = generator.sample(3, random_state=0)
    assert limits() == before
    with threadpoolctl.threadpool_limits(1):
        inside = limits()
        generator.fit(X, Y)
        found = generator.sample(3, random_state=0)
        assert limits() == inside
    np.testing.assert_array_equal(found, expected)
    assert limits() == before


def fit_in(folder):
    generator = clone(TINY_MERGEN).set_params(checkpoint=folder)
    return generator.fit(X, Y).sample(2, random_state=0)


def test_two_fits_at_once_share_a_folder_of_checkpoints(tmp_path):
    found = joblib.Parallel(n_jobs=2, batch_size=1)(
        joblib.delayed(fit_in)(tmp_path) for _ in range(2)
    )
    expected = clone(TINY_MERGEN).fit(X, Y).sample(2, random_state=0)
    for rows in found:
        np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-6)
    assert len(os.listdir(tmp_path)) == 4  # a file a stage, and none that is in part


@pytest.mark.parametrize("damage", ["cut", "other weights"])
def test_a_damaged_stage_is_named_and_nothing_is_fitted(tmp_path, damage):
    fit_in(tmp_path)
    (path,) = tmp_path.glob("top-*")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        (other,) = tmp_path.glob("bottom-*")
        path.write_bytes(other.read_bytes())
    generator = clone(TINY_MERGEN).set_params(checkpoint=tmp_path)
    with pytest.raises(ValueError, match="top-.*(damaged|delete the file)"):
        generator.fit(X, Y)
    assert not hasattr(generator, "network_")


def load_and_sample(path):
    return sksynth.load(path).sample(2, random_state=0)


def test_a_model_that_is_saved_again_and_again_is_always_whole(tmp_path):
    path = tmp_path / "m"
    generator = clone(TINY).fit(X)
    generator.save(path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        readings = [pool.apply_async(load_and_sample, (path,)) for _ in range(20)]
        while not readings[-1].ready():
            generator.save(path)
        found = [reading.get(timeout=100) for reading in readings]
    expected = generator.sample(2, random_state=0)
    for rows in found:
        np.testing.assert_array_equal(rows, expected)
