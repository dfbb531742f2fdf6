"""Do 300 synthetic beats a class help a classifier of MIT-BIH beats?

One split a seed: 8,000 test beats, 4,000 training beats, the rest for the ceiling; two
leads, 128 samples at 180 Hz, natural imbalance, classes N S V F. Each method adds 300
rows to every class; scores are means over three seeds of the classifier. The beats are
split at random, not by patient (almost all fusion beats are of one patient), so the
scores compare methods and promise nothing for new patients.

    python tests/benchmarks/bench_utility.py --generator VAE --out result.json

prints macro-F1 and balanced accuracy (mean and deviation over the seeds), the share of
the way from SMOTE to the ceiling of 300 more real beats a class, the differences
within a seed, and the curve over ``strength``.
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
from sksynth.training.net import LossNet

STRENGTHS = [0.0, 0.25, 0.5, 0.75, 1.0]
N_ADDED, N_TRAIN, N_TEST = 300, 4000, 8000
N_CLASSIFIER_SEEDS = 3  # two trainings of the CNN differ more than two methods
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


def choose_strength(X, y, generator, classifier, seed, memory):
    """Strength with the best macro-F1 in three folds of the training beats."""
    sampler = GeneratorOverSampler(
        generator, sampling_strategy=add_rows, memory=memory, random_state=seed
    )
    search = GridSearchCV(
        make_pipeline(sampler, *classifier),
        {"generatoroversampler__strength": STRENGTHS},
        scoring="f1_macro",
        cv=StratifiedKFold(3, shuffle=True, random_state=seed),
        refit=False,
        error_score="raise",
        n_jobs=2,
    ).fit(X, y)
    return STRENGTHS[int(np.argmax(search.cv_results_["mean_test_score"]))]


def score(steps, X, y, X_test, y_test, classifier_seed):
    """Macro-F1 and balanced accuracy of a new classifier."""
    steps = clone(steps)
    steps[-1].set_params(random_state=classifier_seed)
    predicted = make_pipeline("passthrough", *steps).fit(X, y).predict(X_test)
    f1 = f1_score(y_test, predicted, average="macro")
    return f1, balanced_accuracy_score(y_test, predicted)


def run_seed(beats, generator, name, seed, memory):
    train, test, rest = split(beats, seed)
    X_test, y_test = beats.data[test], beats.target[test]
    rows = []
    start = time.perf_counter()
    sets = list(resampled_sets(beats, train, rest, generator, seed, memory))
    print(
        f"seed {seed}: generator and samples {time.perf_counter() - start:.0f} s; "
        f"training beats {pd.Series(sets[0][2]).value_counts().to_dict()}",
        flush=True,
    )
    for kind, steps in classifiers(seed).items():
        scores = Parallel(n_jobs=2)(
            delayed(score)(steps, X, y, X_test, y_test, classifier_seed)
            for _, X, y in sets
            for classifier_seed in range(N_CLASSIFIER_SEEDS)
        )
        scores = np.reshape(scores, (len(sets), N_CLASSIFIER_SEEDS, 2)).mean(axis=1)
        for (method, _, _), (f1, accuracy) in zip(sets, scores, strict=True):
            is_strength = isinstance(method, float)
            rows.append(
                {
                    "seed": seed,
                    "classifier": kind,
                    "method": f"{name} {method}" if is_strength else method,
                    "macro-F1": f1,
                    "balanced accuracy": accuracy,
                }
            )
        chosen = choose_strength(*sets[0][1:], generator, steps, seed, memory)
        of_chosen = next(
            r
            for r in rows
            if r["classifier"] == kind and r["method"] == f"{name} {chosen}"
        )
        rows.append({**of_chosen, "method": f"{name} chosen", "strength": chosen})
        print(
            f"seed {seed}, {kind}: strength {chosen} by cross-validation "
            f"({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    return rows


def show(results, name):
    measures = ["macro-F1", "balanced accuracy"]
    for kind, table in results.groupby("classifier", sort=False):
        wide = table.pivot(index="seed", columns="method", values=measures)
        print(
            f"\n{kind}: mean and deviation over {len(wide)} seeds; difference to real "
            "only and to SMOTE within a seed; share of the way from SMOTE to more real"
        )
        for measure in measures:
            scores = wide[measure]
            way = scores["more real"].mean() - scores["SMOTE"].mean()
            print(
                f"{measure:>20} {'mean':>7} {'sd':>7} {'- real':>16} {'- SMOTE':>16} "
                f"{'share':>6}"
            )
            for method in table["method"].unique():
                s = scores[method]
                real, smote = s - scores["real only"], s - scores["SMOTE"]
                print(
                    f"{method:>20} {s.mean():7.4f} {s.std():7.4f} "
                    f"{real.mean():+8.4f}+-{real.std():.4f} "
                    f"{smote.mean():+8.4f}+-{smote.std():.4f} "
                    f"{smote.mean() / way:6.2f}"
                )
        chosen = table.loc[table["method"] == f"{name} chosen", "strength"]
        print(f"chosen strengths: {chosen.tolist()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--generator", default="VAE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data", default=os.environ.get("SKSYNTH_DATA", DATA))
    parser.add_argument("--out", help="JSON file for all scores")
    args = parser.parse_args()
    folder = Path(args.data) / "mitdb"
    if not folder.is_dir():
        raise SystemExit(f"no folder {folder}: set SKSYNTH_DATA or --data")
    beats = load_mitbih(folder, RECORDS, fs=180, n_times=128)
    print(f"{len(beats.data)} beats", flush=True)
    generator = getattr(sksynth.generators, args.generator)()
    rows = []
    with TemporaryDirectory() as memory:
        for seed in args.seeds:
            rows += run_seed(beats, generator, args.generator, seed, memory)
    results = pd.DataFrame(rows)
    show(results, args.generator)
    if args.out:
        Path(args.out).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
