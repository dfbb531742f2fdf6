"""Several processes: one training over two of them, and a grid search on Dask.

``--ddp`` trains the same rows with the same global batch in one process and in two,
one thread each, and prints rows a second and how far the losses are apart. ``--dask``
runs a grid of 12 candidates in one process, on two workers of Dask and in two processes
of joblib's own, and prints the time, the trainings of the generator, and whether the
scores are equal. Run it on an idle machine::

    python tests/benchmarks/bench_distributed.py --ddp
    python tests/benchmarks/bench_distributed.py --dask
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import torch
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from sksynth import VAE, GeneratorOverSampler, TimeDiffusion
from sksynth.datasets import make_ecg
from sksynth.training import distributed

GENERATORS = {"VAE": VAE, "TimeDiffusion": TimeDiffusion}
FOLDS = 4  # trainings are shared out evenly: 8 of them, 4 each
# Dask's own value, 64 KiB, gives memory back after every step of a training
ENVIRON = "distributed.nanny.pre-spawn-environ."
MALLOC = {
    ENVIRON + "MALLOC_TRIM_THRESHOLD_": 2**27,
    ENVIRON + "MALLOC_MMAP_THRESHOLD_": 2**25,
}


def train(args):
    """Print rows a second and the last loss of each generator: one process of some."""
    torch.set_num_threads(1)
    X, y = make_ecg(args.rows, random_state=0)
    context = distributed() if "RANK" in os.environ else nullcontext(0)
    with context as rank:
        for name, generator in GENERATORS.items():
            options = {"batch_size": args.batch_size, "random_state": 0}
            options["precision"] = "float32"
            generator(max_epochs=1, **options).fit(
                X[: args.batch_size], y[: args.batch_size]
            )
            start = time.perf_counter()
            fitted = generator(max_epochs=args.epochs, **options).fit(X, y)
            seconds = time.perf_counter() - start
            loss = fitted.history_["train_loss"][-1]
            if rank == 0:
                rate = args.epochs * args.rows / seconds
                print(json.dumps([name, rate, loss]), flush=True)


def launch(n_processes, args):
    """Rows a second and last loss by generator."""
    command = [sys.executable]
    if n_processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(n_processes)]
    command += [__file__, "--train", "--rows", str(args.rows)]
    command += ["--epochs", str(args.epochs), "--batch-size", str(args.batch_size)]
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    return {name: (rate, loss) for name, rate, loss in map(json.loads, lines)}


def bench_ddp(args):
    print(
        f"{args.rows} beats of 2 x 128, {args.epochs} epochs, batch {args.batch_size}, "
        f"one thread a process; medians of {args.repeats}"
    )
    runs = [[launch(n, args) for n in (1, 2)] for _ in range(args.repeats)]
    for name in GENERATORS:
        one, two = (statistics.median(run[i][name][0] for run in runs) for i in (0, 1))
        apart = max(abs(a[name][1] / b[name][1] - 1) for a, b in runs)
        print(
            f"{name:14} {one:7.0f} rows/s in one process, {two:7.0f} in two: "
            f"{two / one:.2f} times; last losses apart by {apart:.1e} of them"
        )


def flatten(X):
    return X.reshape(len(X), -1)


def search(X, y, folder, max_epochs):
    """Seconds, scores and number of trainings of a grid of 12 candidates."""
    sampler = GeneratorOverSampler(
        VAE(max_epochs=max_epochs), memory=str(folder), random_state=0
    )
    pipeline = make_pipeline(
        sampler, FunctionTransformer(flatten), LogisticRegression(max_iter=200)
    )
    grid = {
        "generatoroversampler__generator__latent_dim": [8, 32],
        "generatoroversampler__sampling_strategy": [0.5, 1.0],
        "logisticregression__C": [0.001, 0.01, 0.1],
    }
    start = time.perf_counter()
    found = GridSearchCV(
        pipeline,
        grid,
        scoring="neg_log_loss",
        cv=FOLDS,
        pre_dispatch="all",  # else joblib packs jobs that train with ones that wait
        refit=False,
        error_score="raise",
    ).fit(X, y)
    seconds = time.perf_counter() - start
    results = found.cv_results_
    scores = [results[f"split{fold}_test_score"] for fold in range(FOLDS)]
    return seconds, np.array(scores), len(list(folder.rglob("*.joblib")))


def warm_up():
    """First training of a worker: it imports much."""
    VAE(max_epochs=1).fit(np.random.default_rng(0).normal(size=(20, 8)))


@contextmanager
def on_dask():
    """Jobs of joblib go to two worker processes."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
        joblib.parallel_config("dask"),
    ):
        client.run(warm_up)
        yield


def bench_dask(args):
    import dask

    if not args.dask_malloc:
        dask.config.set(MALLOC)
    X, y = make_ecg(args.rows, weights=(0.7, 0.1, 0.1, 0.1), random_state=0)
    print(
        f"12 candidates, {FOLDS} folds, {args.rows} beats of 2 x 128, "
        f"trainings of {args.vae_epochs} epochs"
    )
    engines = {
        "one process": partial(joblib.parallel_config, n_jobs=1),
        "two workers of Dask": on_dask,
        "two processes of joblib's": partial(joblib.parallel_config, n_jobs=2),
    }
    found = {}
    for name, engine in engines.items():
        with engine(), tempfile.TemporaryDirectory() as folder:
            search(X[:100], y[:100], Path(folder, "first"), 1)  # imports
            found[name] = search(X, y, Path(folder, "second"), args.vae_epochs)
        seconds, scores, n_trainings = found[name]
        alone, expected, _ = found["one process"]
        print(
            f"{name:25} {seconds:5.1f} s, {alone / seconds:.2f} times as fast, "
            f"{n_trainings} trainings, scores "
            f"{'equal' if np.array_equal(scores, expected) else 'differ'}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ddp", action="store_true")
    parser.add_argument("--dask", action="store_true")
    parser.add_argument(
        "--dask-malloc", action="store_true", help="keep Dask's settings of malloc"
    )
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--vae-epochs", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    if args.train:
        train(args)
    if args.ddp:
        bench_ddp(args)
    if args.dask:
        bench_dask(args)


if __name__ == "__main__":
    main()
