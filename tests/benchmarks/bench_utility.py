"""Do 300 synthetic beats a class help a classifier of MIT-BIH beats?

One split a seed: 8,000 test beats, 4,000 training beats, the rest for the ceiling; two
leads, 128 samples at 180 Hz, natural imbalance, classes N S V F. Each method adds 300
rows to every class; scores are means over three seeds of the classifier. The beats are
split at random, not by patient (almost all fusion beats are of one patient), so the
scores compare methods and promise nothing for new patients.

    python tests/benchmarks/bench_utility.py --generator VAE --out result.json

prints macro-F1 and balanced accuracy (mean and deviation over the seeds) of training on
real and added rows (TrRSTeR) and on the added rows alone (TrSTeR), the share of the way
from SMOTE to the ceiling of 300 more real beats a class, the differences within a seed,
and the curve over ``strength``. Fidelity of the added rows, mean over the classes:
Fréchet distance to test beats of the class, two-sample score (1: not told apart), and
the ratio of the distances to the nearest training and the nearest test beat.
"""

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.preprocessing import FunctionTransformer
from torch import nn

import sksynth.generators
from sksynth import FlatSampler, GeneratorOverSampler
from sksynth._random import seeded
from sksynth.datasets import load_mitbih
from sksynth.metrics import (
    classifier_two_sample_score,
    frechet_distance,
    nearest_neighbor_distance_ratio,
)
from sksynth.training.net import LossNet

STRENGTHS = [0.0, 0.25, 0.5, 0.75, 1.0]
CHOICES = STRENGTHS[1:-1]  # the ends are SMOTE, or nearly, and pure samples
N_ADDED, N_TRAIN, N_TEST = 300, 4000, 8000
N_CLASSIFIER_SEEDS = 3  # of TrRSTeR: two trainings of the CNN differ more than methods
MEASURES = ["macro-F1", "balanced accuracy"]
# the records of the de Chazal et al. (2004) training list that have MLII and V1
RECORDS = (
    "101 106 108 109 112 115 116 118 119 122 201 203 205 207 208 209 215 220 223 230"
).split()
DATA = Path(__file__).parents[3] / "shared" / "data"


class SmallCNN(nn.Module):
    """Three convolutions and a global mean."""

    def __init__(self, n_channels, n_classes, width=32):
        super().__init__()
        widths = [n_channels, width, 2 * width, 2 * width]
        layers = []
        for n_in, n_out in zip(widths, widths[1:], strict=False):
            layers += [nn.Conv1d(n_in, n_out, 7, padding=3), nn.BatchNorm1d(n_out)]
            layers += [nn.ReLU(), nn.MaxPool1d(2)]
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(2 * widths[-1], n_classes)

    def logits(self, x):
        h = self.features(x)
        return self.output(torch.cat([h.mean(2), h.amax(2)], dim=1))

    def forward(self, x, y):
        return {"loss": nn.functional.cross_entropy(self.logits(x).float(), y)}


class SmallCNNClassifier(ClassifierMixin, BaseEstimator):
    def __init__(self, max_epochs=20, random_state=0):
        self.max_epochs = max_epochs
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.mean_ = X.mean(axis=(0, 2), keepdims=True)
        self.std_ = X.std(axis=(0, 2), keepdims=True)
        with seeded(np.random.RandomState(self.random_state), "cpu"):
            network = SmallCNN(X.shape[1], len(self.classes_))
            net = LossNet(
                network,
                max_epochs=self.max_epochs,
                batch_size=64,
                lr=3e-3,
                precision="auto",
            )
            net.fit({"x": self._scaled(X), "y": torch.from_numpy(codes)})
        self.network_ = net.module_
        return self

    def predict(self, X):
        with torch.inference_mode():
            return self.classes_[self.network_.logits(self._scaled(X)).argmax(1)]

    def _scaled(self, X):
        return torch.from_numpy(((X - self.mean_) / self.std_).astype(np.float32))


def flatten(X):
    return X.reshape(len(X), -1)


def add_rows(y):
    """300 more rows for every class: a ``sampling_strategy``."""
    labels, counts = np.unique(y, return_counts=True)
    return {
        label: count + N_ADDED
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
    }


def classifiers(seed):
    trees = ExtraTreesClassifier(300, random_state=seed)
    return {
        "extra trees": [FunctionTransformer(flatten), trees],
        "CNN": [SmallCNNClassifier(random_state=seed)],
    }


def split(beats, seed):
    order = np.random.RandomState(seed).permutation(len(beats.data))
    test, train = order[:N_TEST], order[N_TEST : N_TEST + N_TRAIN]
    return train, test, order[N_TEST + N_TRAIN :]


def resampled_sets(beats, train, rest, generator, seed, memory):
    """Name and (X, y) of each training set."""
    X, y = beats.data[train], beats.target[train]
    yield "real only", X, y
    flat = {
        "random": RandomOverSampler(sampling_strategy=add_rows, random_state=seed),
        "SMOTE": SMOTE(sampling_strategy=add_rows, random_state=seed),
    }
    for name, sampler in flat.items():
        yield name, *FlatSampler(sampler).fit_resample(X, y)
    sampler = GeneratorOverSampler(
        generator, sampling_strategy=add_rows, memory=memory, random_state=seed
    )
    for strength in STRENGTHS:
        sampler.set_params(strength=strength)
        yield strength, *sampler.fit_resample(X, y)
    more = np.concatenate(
        [rest[beats.target[rest] == label][:N_ADDED] for label in np.unique(y)]
    )
    both = np.concatenate([train, more])
    yield "more real", beats.data[both], beats.target[both]


def fidelity(X_train, y_train, X_test, y_test, X_new, y_new, seed):
    """Fréchet distance a class; two-sample score and nearest distances, their means."""
    found = {}
    for label in np.unique(y_new):
        train, test, new = (
            X[y == label]
            for X, y in ((X_train, y_train), (X_test, y_test), (X_new, y_new))
        )
        test = test[: len(new)]
        score = classifier_two_sample_score(test, new, random_state=seed)
        ratio = nearest_neighbor_distance_ratio(new, train, test, random_state=seed)
        found[label] = frechet_distance(test, new), score, np.median(ratio)
    means = np.mean(list(found.values()), axis=0)
    names = ["Frechet distance", "two-sample score", "nearest distance ratio"]
    a_class = {f"Frechet {label}": value[0] for label, value in found.items()}
    return {**dict(zip(names, means.tolist(), strict=True)), **a_class}


def choose_strength(X, y, generator, classifier, seed, memory, n_jobs):
    """Strength with the best macro-F1 in two of three folds of the training beats."""
    folds = StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y)
    sampler = GeneratorOverSampler(
        generator, sampling_strategy=add_rows, memory=memory, random_state=seed
    )
    search = GridSearchCV(
        make_pipeline(sampler, *classifier),
        {"generatoroversampler__strength": CHOICES},
        scoring="f1_macro",
        cv=list(folds)[:2],
        refit=False,
        error_score="raise",
        n_jobs=n_jobs,
    ).fit(X, y)
    return CHOICES[int(np.argmax(search.cv_results_["mean_test_score"]))]


def score(steps, X, y, X_test, y_test, classifier_seed):
    """Macro-F1 and balanced accuracy of a new classifier."""
    steps = clone(steps)
    steps[-1].set_params(random_state=classifier_seed)
    predicted = make_pipeline("passthrough", *steps).fit(X, y).predict(X_test)
    f1 = f1_score(y_test, predicted, average="macro")
    return f1, balanced_accuracy_score(y_test, predicted)


def run_seed(beats, generator, name, seed, memory, kinds, n_jobs):
    train, test, rest = split(beats, seed)
    X_train, y_train = beats.data[train], beats.target[train]
    X_test, y_test = beats.data[test], beats.target[test]
    start = time.perf_counter()
    sets = {
        f"{name} {method}" if isinstance(method, float) else method: (X, y)
        for method, X, y in resampled_sets(beats, train, rest, generator, seed, memory)
    }
    print(
        f"seed {seed}: generator and samples {time.perf_counter() - start:.0f} s; "
        f"training beats {pd.Series(y_train).value_counts().to_dict()}",
        flush=True,
    )
    added = {
        method: (X[N_TRAIN:], y[N_TRAIN:])
        for method, (X, y) in sets.items()
        if len(X) > N_TRAIN
    }
    quality = {
        method: fidelity(X_train, y_train, X_test, y_test, *new, seed)
        for method, new in added.items()
    }
    rows = []
    for kind in kinds:
        steps = classifiers(seed)[kind]
        jobs = {
            ("TrRSTeR", method, classifier_seed): rows
            for method, rows in sets.items()
            for classifier_seed in range(N_CLASSIFIER_SEEDS)
        }
        jobs |= {("TrSTeR", method, 0): rows for method, rows in added.items()}
        found = Parallel(n_jobs=n_jobs)(
            delayed(score)(steps, X, y, X_test, y_test, classifier_seed)
            for (_, _, classifier_seed), (X, y) in jobs.items()
        )
        scores = {}
        for (protocol, method, _), value in zip(jobs, found, strict=True):
            scores.setdefault((protocol, method), []).append(value)
        scores = {key: np.mean(value, axis=0).tolist() for key, value in scores.items()}
        chosen = choose_strength(
            X_train, y_train, generator, steps, seed, memory, n_jobs
        )
        for method in [*sets, f"{name} chosen"]:
            origin = f"{name} {chosen}" if method == f"{name} chosen" else method
            rows.append(
                {
                    **{"seed": seed, "classifier": kind, "method": method},
                    **dict(zip(MEASURES, scores["TrRSTeR", origin], strict=True)),
                    **{
                        f"{measure}, added alone": value
                        for measure, value in zip(
                            MEASURES, scores.get(("TrSTeR", origin), ()), strict=False
                        )
                    },
                    **quality.get(origin, {}),
                }
            )
        rows[-1]["strength"] = chosen
        print(
            f"seed {seed}, {kind}: strength {chosen} by cross-validation "
            f"({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    return rows


def show(results, name):
    measures = [*MEASURES, *(f"{measure}, added alone" for measure in MEASURES)]
    for kind, table in results.groupby("classifier", sort=False):
        wide = table.pivot(index="seed", columns="method", values=measures)
        print(
            f"\n{kind}: mean and deviation over {len(wide)} seeds; difference to real "
            "only and to SMOTE within a seed, and its standard error; share of the way "
            "from SMOTE to more real"
        )
        for measure in measures:
            scores = wide[measure].dropna(axis=1)
            way = scores["more real"].mean() - scores["SMOTE"].mean()
            print(f"\n{measure}")
            print(
                f"{'':>22} {'mean':>7} {'sd':>7} {'- real':>16} {'- SMOTE':>16} "
                f"{'share':>6}"
            )
            for method in (m for m in table["method"].unique() if m in scores):
                s = scores[method]
                differences = [
                    "" if base not in scores else _with_error(s - scores[base])
                    for base in ("real only", "SMOTE")
                ]
                share = (s - scores["SMOTE"]).mean() / way
                print(
                    f"{method:>22} {s.mean():7.4f} {s.std():7.4f} "
                    f"{differences[0]:>16} {differences[1]:>16} {share:6.2f}"
                )
        chosen = table.loc[table["method"] == f"{name} chosen", "strength"]
        print(f"chosen strengths: {chosen.tolist()}")
    columns = [c for c in results if "Frechet" in c or c.endswith(("score", "ratio"))]
    print("\nfidelity of the added rows")
    first = results[results["classifier"] == results["classifier"].iloc[0]]
    means = first.groupby("method", sort=False)[columns].mean().dropna()
    print(means.drop(index=f"{name} chosen").round(3).to_string())


def _with_error(difference):
    error = difference.std() / len(difference) ** 0.5
    return f"{difference.mean():+.4f}+-{error:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--generator", default="VAE")
    parser.add_argument(
        "--parameters", type=json.loads, default={}, help="of the generator, as JSON"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data", default=os.environ.get("SKSYNTH_DATA", DATA))
    parser.add_argument("--classifiers", nargs="+", default=["extra trees", "CNN"])
    parser.add_argument("--memory", help="folder that keeps the fits")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--out", help="JSON file for all scores")
    args = parser.parse_args()
    folder = Path(args.data) / "mitdb"
    if not folder.is_dir():
        raise SystemExit(f"no folder {folder}: set SKSYNTH_DATA or --data")
    beats = load_mitbih(folder, RECORDS, fs=180, n_times=128)
    print(f"{len(beats.data)} beats", flush=True)
    generator = getattr(sksynth.generators, args.generator)(**args.parameters)
    rows = []
    with TemporaryDirectory() as memory:
        for seed in args.seeds:
            rows += run_seed(
                beats,
                generator,
                args.generator,
                seed,
                args.memory or memory,
                args.classifiers,
                args.n_jobs,
            )
    results = pd.DataFrame(rows)
    show(results, args.generator)
    if args.out:
        Path(args.out).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
