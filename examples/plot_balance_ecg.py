"""
Balance ECG beats inside a Pipeline
===================================

Ventricular, supraventricular and fusion beats are rare. We fill them up with beats
from a generator, inside a Pipeline, so that only training folds are resampled; search
the ratio and the strength by cross-validation at one training a fold; and look whether
it helped, beside random over-sampling and SMOTE.

Run as a script, it takes simulated beats, or the MIT-BIH records of a folder::

    python examples/plot_balance_ecg.py --data path/to/mitdb --save pictures
"""

# %%
# Beats
# -----
# Beats of one patient resemble each other, so patients, not beats, are split.

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.preprocessing import FunctionTransformer

from sksynth import VAE, FlatSampler, GeneratorOverSampler
from sksynth.datasets import load_mitbih, make_ecg
from sksynth.plotting import LossDisplay, SignalDisplay

parser = argparse.ArgumentParser()
parser.add_argument("--data", help="folder with MIT-BIH records; default: simulated")
parser.add_argument("--save", help="folder for the pictures; default: show them")
parser.add_argument("--beats", type=int, default=1200, help="number of beats used")
args = parser.parse_args()

if args.data:
    beats = load_mitbih(args.data, fs=180, n_times=128)
    chosen = np.random.default_rng(0).permutation(len(beats.data))[: args.beats]
    X, y, patients = beats.data[chosen], beats.target[chosen], beats.groups[chosen]
else:
    X, y, patients = make_ecg(
        args.beats,
        weights=[0.86, 0.05, 0.07, 0.02],
        n_subjects=20,
        return_groups=True,
        random_state=0,
    )
print(f"X {X.shape}, {len(np.unique(patients))} patients")
print(pd.Series(y).value_counts().to_string())

# %%
# A Pipeline with a generator
# ---------------------------
# ``strength`` is the dial from SMOTE (0: between neighbours, in the latent space of the
# VAE) to a pure sample of the generator (1). Because of ``memory``, the grid trains the
# generator once a fold.


def flatten(X):
    return X.reshape(len(X), -1)


def balanced(sampler):
    """Pipeline of a sampler and a classifier of flat signals."""
    trees = ExtraTreesClassifier(50, random_state=0)
    return make_pipeline(sampler, FunctionTransformer(flatten), trees)


folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
memory = tempfile.TemporaryDirectory()
sampler = GeneratorOverSampler(VAE(max_epochs=300), memory=memory.name, random_state=0)
search = GridSearchCV(
    balanced(sampler),
    {
        "generatoroversampler__sampling_strategy": [0.1, 0.3],
        "generatoroversampler__strength": [0.25, 0.5, 1.0],
    },
    scoring="f1_macro",
    cv=folds,
    error_score="raise",
)
search.fit(X, y, groups=patients)

results = pd.DataFrame(search.cv_results_)
print("Macro-F1 of the search")
print(
    results.pivot(
        index="param_generatoroversampler__sampling_strategy",
        columns="param_generatoroversampler__strength",
        values="mean_test_score",
    )
    .rename_axis(index="ratio", columns="strength")
    .round(3)
)

# %%
# Did it help?
# ------------
# All methods meet the same folds and the same classifier. The generator's row repeats
# the search inside the training part of each fold, so that its choice of ratio and
# strength never saw the test beats.

methods = {
    "real only": balanced("passthrough"),
    "random over-sampling": balanced(FlatSampler(RandomOverSampler(random_state=0))),
    "SMOTE": balanced(FlatSampler(SMOTE(k_neighbors=2, random_state=0))),
    "VAE": search,
}
rows = []
for train, test in folds.split(X, y, patients):
    for name, method in methods.items():
        groups = {"groups": patients[train]} if method is search else {}
        method.fit(X[train], y[train], **groups)
        predicted = method.predict(X[test])
        rows.append(
            {
                "method": name,
                "macro-F1": f1_score(y[test], predicted, average="macro"),
                "balanced accuracy": balanced_accuracy_score(y[test], predicted),
            }
        )
scores = pd.DataFrame(rows).groupby("method", sort=False).agg(["mean", "std"])
print(scores.round(3))

# %%
# Look at the beats
# -----------------
# A generator that earns trust draws beats one would believe. The generator of the
# search was trained on all beats, with the labels as conditions.

generator = search.best_estimator_[0].generators_[0]
beat_display = SignalDisplay.from_estimator(
    generator, X, y, n_signals=4, fs=180, random_state=0
)
beat_display.figure_.suptitle("Beats: two leads, real above, synthetic below")
loss_display = LossDisplay.from_estimator(generator)

if args.save:
    folder = Path(args.save)
    folder.mkdir(parents=True, exist_ok=True)
    beat_display.figure_.savefig(folder / "balance_ecg_beats.png", dpi=100)
    loss_display.figure_.savefig(folder / "balance_ecg_losses.png", dpi=100)
else:
    plt.show()
memory.cleanup()
