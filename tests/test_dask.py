import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from sksynth import VAE, GeneratorOverSampler
from sksynth.evaluation import compare, evaluate_combinations, fine_tuning_curve
from sksynth.over_sampling import _waiting
from sksynth.over_sampling._waiting import one_at_a_time

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("dask.distributed")

Y = np.repeat([0, 1], [45, 15])
X = np.random.default_rng(0).normal(size=(60, 6)) + 2 * Y[:, None]


class CountedVAE(VAE):
    """Appends its parameters to a file at each fit, also in another process."""

    def __init__(self, log=None, hidden_dim=4, random_state=None):
        super().__init__(
            latent_dim=2, hidden_dim=hidden_dim, max_epochs=2, random_state=random_state
        )
        self.log = log

    def fit(self, X, y=None):
        with open(self.log, "a") as file:
            file.write(f"{self.hidden_dim}\n")
        return super().fit(X, y)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes; joblib sends its jobs there within ``on_dask``."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield cluster


@pytest.fixture
def on_dask(cluster):
    return joblib.parallel_config("dask")


def search(folder):
    """Scores of 12 candidates, and the generators that were trained for them."""
    folder.mkdir()
    log = folder / "log"
    sampler = GeneratorOverSampler(
        CountedVAE(log=str(log)), memory=str(folder / "cache"), random_state=0
    )
    grid = {
        "generatoroversampler__generator__hidden_dim": [4, 8],
        "generatoroversampler__sampling_strategy": [0.5, 1.0],
        "logisticregression__C": [0.01, 0.1, 1.0],
    }
    found = GridSearchCV(
        make_pipeline(sampler, LogisticRegression()),
        grid,
        scoring="neg_log_loss",  # moves with every row
        cv=3,
        n_jobs=-1,
        refit=False,
        error_score="raise",
    ).fit(X, Y)
    folds = [found.cv_results_[f"split{fold}_test_score"] for fold in range(3)]
    return np.array(folds), sorted(log.read_text().split())


def test_a_grid_on_dask_scores_the_same_and_trains_once_a_fold(tmp_path, on_dask):
    with joblib.parallel_config(n_jobs=1):
        expected, _ = search(tmp_path / "alone")
    with on_dask:
        scores, trained = search(tmp_path / "dask")
    assert scores.shape == (3, 12)
    assert trained == ["4"] * 3 + ["8"] * 3  # folds times parameters of the generator
    np.testing.assert_array_equal(scores, expected)


def wait_for(path, leave_first=False):
    """Hold the lock; whether the job has its place at the worker then."""
    from distributed.threadpoolexecutor import secede, thread_state

    if leave_first:
        secede()
    with one_at_a_time(path):
        return thread_state.proceed


def seceded():
    """Whether a job of this worker waits outside of its pool."""
    worker = distributed.get_worker()
    return len(worker.state.long_running) > 0


def busy_until(path):
    while not Path(path).exists():
        time.sleep(0.01)


def add_pool(dask_worker):
    dask_worker.executors["other"] = ThreadPoolExecutor(1)


def place():
    return _waiting._place_at_worker()


def test_a_worker_has_other_jobs_while_one_waits_for_a_training(tmp_path, cluster):
    client, path = distributed.default_client(), str(tmp_path / "lock")
    worker = next(iter(client.scheduler_info()["workers"]))
    with one_at_a_time(path):
        waiting = [
            client.submit(wait_for, path, workers=worker, pure=False) for _ in range(2)
        ]
        other = client.submit(abs, -3, workers=worker, pure=False)
        assert other.result(timeout=60) == 3
        assert not any(job.done() for job in waiting)
    assert client.gather(waiting) == [True, True]


def test_a_job_that_waits_for_its_place_does_not_keep_the_lock(tmp_path, cluster):
    client, path = distributed.default_client(), str(tmp_path / "lock")
    worker = next(iter(client.scheduler_info()["workers"]))
    here = {"workers": worker, "pure": False}
    with one_at_a_time(path):
        waiting = client.submit(wait_for, path, **here)
        while not client.submit(seceded, **here).result(timeout=60):
            pass
        release = tmp_path / "release"
        busy = client.submit(busy_until, str(release), **here)
    time.sleep(
        0.3
    )  # in which the waiting job gets the lock, and then waits for a place
    lock = FileLock(path)
    lock.acquire(timeout=10)
    lock.release()
    assert not waiting.done()
    release.touch()
    busy.result(timeout=60)
    assert waiting.result(timeout=60) is True


def test_a_pool_that_is_not_dasks_own_waits_with_its_threads(cluster):
    client = distributed.default_client()
    client.run(add_pool)
    with dask.annotate(executor="other"):
        job = client.submit(place, pure=False)
    assert job.result(timeout=60) is None


def test_a_job_that_left_its_place_before_waits_without_one(tmp_path, cluster):
    client, path = distributed.default_client(), str(tmp_path / "lock")
    with one_at_a_time(path):
        job = client.submit(wait_for, path, leave_first=True, pure=False)
        assert client.submit(abs, -3, pure=False).result(timeout=60) == 3
    assert job.result(timeout=60) is False


class Tunable(LogisticRegression):
    """Fine-tunes by a fit."""

    def fine_tune(self, X, y):
        return self.fit(X, y)


EVALUATIONS = {
    "combinations": lambda **options: evaluate_combinations(
        KernelDensity(), LogisticRegression(), X, Y, **options
    ),
    "comparison": lambda **options: compare(
        {"VAE": VAE(hidden_dim=4, max_epochs=1), "real only": None},
        LogisticRegression(),
        X,
        Y,
        **options,
    ),
    "fine-tuning": lambda **options: fine_tuning_curve(
        KernelDensity(), Tunable(), X, Y, fractions=[0.5, 1.0], **options
    ),
}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_evaluation_on_dask_scores_the_same(on_dask, name):
    evaluate, options = EVALUATIONS[name], {"cv": 2, "random_state": 0}
    expected = evaluate(**options).drop(columns="seconds")
    with on_dask:
        found = evaluate(n_jobs=-1, **options).drop(columns="seconds")
    pd.testing.assert_frame_equal(found, expected)
