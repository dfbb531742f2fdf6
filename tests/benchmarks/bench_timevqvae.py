"""TimeVQVAE: cost of a step and of sampling, what tokens lose, and the UCR protocol.

Three tables, each by its own flag:

- ``--speed``: milliseconds a training step of either stage at batch 32 of 1 x 140, and
  samples a second, at the widths and token counts of the authors' code (v1.0.1), beside
  the figures of that code on 2 cores of such a machine;
- ``--tokens``: on MIT-BIH beats, error of reconstruction of test beats through the
  tokens and through a VAE of as many latent numbers, and the use of the codebooks;
- ``--ucr NAME ...``: an FCN trained on generated rows (real class proportions, 1,000 at
  least) and tested on real ones, as Lee et al. (2023) do; inception score; Fréchet
  distance on the features of an FCN trained on real rows. Beside it the distances of
  SMOTE's rows and of real ones and, if the published accuracy is missed, the accuracy
  of the training rows through the tokens.

    python tests/benchmarks/bench_timevqvae.py --speed --tokens --ucr GunPoint

Run it on an idle machine. The published protocol trains the FCN for 1,000 epochs of
batches of 256; ``--fcn-epochs`` and ``--fcn-batch-size`` are what it is here.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from sksynth import VAE, FCNClassifier, TimeVQVAE
from sksynth.datasets import load_mitbih
from sksynth.generators import make_published
from sksynth.metrics import frechet_distance
from sksynth.training.net import LossNet

DATA = Path(__file__).parents[3] / "shared" / "data"
RECORDS = (
    "101 106 108 109 112 115 116 118 119 122 201 203 205 207 208 209 215 220 223 230"
).split()
# the authors' code, v1.0.1: ms a step of either stage, signals a second
AUTHORS = {"stage 1": 91.0, "stage 2": 102.0, "sampling": 27.5}
PUBLISHED = {  # Lee et al. (2023): classification accuracy score, inception score
    "ECG5000": (93.3, 2.0),
    "ECGFiveDays": (96.3, 1.7),
    "GunPoint": (99.1, 1.9),
}


def step_seconds(network, tensors, n_steps, batch_size, repeats):
    """Median seconds of a training step."""
    times = []
    for repeat in range(repeats + 1):
        net = LossNet(network, max_epochs=1, batch_size=batch_size, lr=1e-3)
        start = time.perf_counter()
        net.fit({k: v[: n_steps * batch_size] for k, v in tensors.items()})
        if repeat:  # the first one warms up
            times.append((time.perf_counter() - start) / n_steps)
    return statistics.median(times)


def speed(args):
    rng = np.random.default_rng(0)
    n = 32 * args.steps
    X = rng.normal(size=(n, 1, 140)).cumsum(axis=2).astype(np.float32)
    y = np.arange(n) % 2
    print(f"{'':>24} {'stage 1, ms':>12} {'stage 2, ms':>12} {'signals/s':>10}")
    print(
        f"{'authors, v1.0.1':>24} "
        + "{:12.1f} {:12.1f} {:10.1f}".format(*AUTHORS.values())
    )
    kinds = {
        "ours, their sizes": make_published("TimeVQVAE-2026"),
        "ours, defaults": TimeVQVAE(batch_size=32),
    }
    for name, generator in kinds.items():
        generator.set_params(max_epochs=1, prior_epochs=1, batch_size=256)
        generator.fit(X[:512], y[:512])
        tokenizer, prior = generator.network_.requires_grad_(True).values()
        condition = torch.eye(2)[torch.from_numpy(y)]
        x = torch.from_numpy(X / X.std())
        tokens = torch.from_numpy(generator.encode(X))
        first = step_seconds(tokenizer, {"x": x}, args.steps, 32, args.repeats)
        second = step_seconds(
            prior,
            {"tokens": tokens, "condition": condition},
            args.steps,
            32,
            args.repeats,
        )
        generator.network_.eval()
        rates = []
        for _ in range(args.repeats):
            start = time.perf_counter()
            generator.sample(256, random_state=0)
            rates.append(256 / (time.perf_counter() - start))
        rate = statistics.median(rates)
        print(f"{name:>24} {first * 1e3:12.1f} {second * 1e3:12.1f} {rate:10.1f}")
        ratios = (
            AUTHORS["stage 1"] / first / 1e3,
            AUTHORS["stage 2"] / second / 1e3,
            rate / AUTHORS["sampling"],
        )
        print(
            f"{'times as fast':>24} {ratios[0]:12.1f} {ratios[1]:12.1f} "
            f"{ratios[2]:10.1f}   tokens {generator.n_tokens_}"
        )


def tokens(args):
    beats = load_mitbih(args.data / "mitdb", RECORDS, fs=180, n_times=128)
    order = np.random.RandomState(0).permutation(len(beats.data))
    test, train = order[:2000], order[2000:6000]
    X, y, X_test = beats.data[train], beats.target[train], beats.data[test]
    generator = TimeVQVAE(prior_epochs=1, random_state=0).fit(X, y)
    n = sum(generator.n_tokens_)
    vae = VAE(latent_dim=n, random_state=0).fit(X)
    variance = np.square(generator.scaler_.scale)
    print(
        f"\nreconstruction of test beats: mean squared error over variance; {n} numbers"
    )
    for name, X_new in (
        ("TimeVQVAE", generator.decode(generator.encode(X_test))),
        ("VAE", vae.decode(vae.encode(X_test))),
    ):
        print(f"{name:>12} {float((np.square(X_new - X_test) / variance).mean()):.4f}")
    for band in ("low", "high"):
        usage = generator.history_[f"train_tokens_{band}_usage"][-1]
        print(f"perplexity over size, {band} band: {usage:.2f}")


def read_ucr(folder, name):
    with np.load(folder / "ucr" / name / f"{name}.npz") as file:
        return [file[key] for key in ("X_train", "y_train", "X_test", "y_test")]


def inception_score(fcn, X, n_splits=10):
    """Mean over random splits of exp(mean KL(p(y|x) || p(y)))."""
    p = np.random.RandomState(0).permutation(fcn.predict_proba(X)).clip(1e-12)
    scores = []
    for part in np.array_split(p, n_splits):
        mean = part.mean(axis=0)
        scores.append(np.exp((part * np.log(part / mean)).sum(axis=1).mean()))
    return float(np.mean(scores))


def ucr(args, name):
    X, y, X_test, y_test = read_ucr(args.data, name)
    labels, counts = np.unique(y, return_counts=True)
    n = max(1000, len(X))
    y_new = np.repeat(labels, np.round(n * counts / len(y)).astype(int))
    rows = []
    for seed in args.seeds:
        fcn = FCNClassifier(
            max_epochs=args.fcn_epochs,
            batch_size=args.fcn_batch_size,
            lr=1e-3,
            random_state=seed,
        )
        real = FCNClassifier(
            max_epochs=args.fcn_real_epochs, batch_size=16, lr=1e-3, random_state=seed
        ).fit(X, y)
        start = time.perf_counter()
        generator = TimeVQVAE(random_state=seed, **args.parameters).fit(X, y)
        took = time.perf_counter() - start
        drawn = generator.sample(len(y_new), y=y_new, random_state=seed)
        through = generator.decode(generator.encode(X))
        repeated = np.random.RandomState(seed).randint(len(X), size=len(y_new))
        smote = anchored_rows(generator, X, y, y_new, seed)
        sets = {
            "generated": (drawn, y_new),
            "real through the tokens": (through[repeated], y[repeated]),
            "SMOTE": (smote, y_new),
        }
        found, missed = {"real": real.score(X_test, y_test)}, False
        target = PUBLISHED[name][0] / 100
        order = np.random.RandomState(seed).permutation(len(X_test))
        n_half = len(X_test) // 2
        first, second = X_test[order[:n_half]], X_test[order[n_half:]]
        others = {"a second real half": second}
        for kind, (X_kind, y_kind) in sets.items():
            # tokens alone, where the target is missed: what the prior adds to the loss
            if kind == "generated" or missed and kind != "SMOTE":
                found[kind] = fcn.fit(X_kind, y_kind).score(X_test, y_test)
                missed = found["generated"] < target
            some = np.random.RandomState(seed).permutation(len(X_kind))[:n_half]
            others[kind] = X_kind[some]
        found["label fidelity"] = real.score(drawn, y_new)
        found["inception score"] = inception_score(real, drawn)
        for kind, X_kind in others.items():
            found[f"Frechet, {kind}"] = frechet_distance(
                first, X_kind, features=real.features
            )
        rows.append(found)
        print(
            f"{name}, seed {seed} (trained in {took:.0f} s): "
            + ", ".join(f"{k} {v:.3f}" for k, v in found.items()),
            flush=True,
        )
    print(
        f"\n{name}: mean and deviation over {len(rows)} seeds; published accuracy and "
        f"inception score {PUBLISHED[name]}"
    )
    for key in dict.fromkeys(key for row in rows for key in row):
        values = [row[key] for row in rows if key in row]
        print(f"{key:>32} {np.mean(values):8.3f} {np.std(values):7.3f}")


def anchored_rows(generator, X, y, y_new, seed):
    """SMOTE's rows, of any class of two rows or more."""
    return generator.sample(
        len(y_new), y=y_new, anchors=X, anchors_y=y, strength=0, random_state=seed
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SKSYNTH_DATA", DATA)
    )
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--tokens", action="store_true")
    parser.add_argument("--ucr", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--parameters", type=json.loads, default={}, help="of TimeVQVAE"
    )
    parser.add_argument("--fcn-epochs", type=int, default=60)
    parser.add_argument("--fcn-batch-size", type=int, default=256)
    parser.add_argument("--fcn-real-epochs", type=int, default=300)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    if args.speed:
        speed(args)
    if args.tokens:
        tokens(args)
    for name in args.ucr:
        ucr(args, name)


if __name__ == "__main__":
    main()
