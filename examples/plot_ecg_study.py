"""
Do synthetic ECGs help? The five combinations
=============================================

Train and test a classifier on real and synthetic 12-lead ECGs in all combinations,
fine-tune on real ECGs what was trained on synthetic ones, and read a report that says
in words what came out. It is the protocol of the ECG augmentation study
(arXiv 2411.18456), here with simulated rhythms of two sites, and of both together.

Run as a script, it takes real records, and as many folds, repeats and epochs as you
have time for::

    python examples/plot_ecg_study.py --ptbxl path/to/ptb-xl --mitbih path/to/mitdb
    python examples/plot_ecg_study.py --ptbxl path/to/ptb-xl --chapman path/to/chapman \
        --target rhythm --repeats 2 --epochs 1000 --save results
"""

# %%
# Data
# ----
# The two simulated sites record the same rhythms through different filters. PTB-XL
# brings folds that keep patients together; elsewhere folds are made that keep subjects
# together.

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import PredefinedSplit, StratifiedGroupKFold
from sklearn.utils import Bunch

from sksynth import VAE, CNN1DClassifier, GeneratorOverSampler
from sksynth.datasets import (
    load_chapman,
    load_mitbih,
    load_ptbxl,
    make_ecg_rhythms,
    merge,
)
from sksynth.evaluation import (
    baselines,
    compare,
    fine_tuning_curve,
    report,
    summarise,
)
from sksynth.plotting import FineTuningDisplay, ScoreDisplay

parser = argparse.ArgumentParser()
parser.add_argument("--ptbxl", help="folder of PTB-XL")
parser.add_argument("--chapman", help="folder of Chapman-Shaoxing-Ningbo")
parser.add_argument("--mitbih", help="folder of MIT-BIH records: beats of two leads")
parser.add_argument("--target", default="superclass", help="of PTB-XL, or rhythm")
parser.add_argument("--rows", type=int, default=100, help="simulated ECGs of a site")
parser.add_argument("--beats", type=int, default=2000, help="beats of MIT-BIH used")
parser.add_argument("--folds", type=int, default=2, help="where the data have none")
parser.add_argument("--repeats", type=int, default=1)
parser.add_argument("--epochs", type=int, default=20, help="of the classifier")
parser.add_argument("--vae-epochs", type=int, default=60)
parser.add_argument("--strength", type=float, default=0.5, help="1: pure samples")
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--save", help="folder for tables, pictures and reports")
args = parser.parse_args()


def simulated(site):
    """Rhythms of one site, some of them rare."""
    X, y, subjects = make_ecg_rhythms(
        args.rows,
        classes=("SR", "SBRAD", "AFIB", "STACH"),
        weights=[0.55, 0.15, 0.15, 0.15],
        fs=50,
        n_times=500,
        n_subjects=args.rows // 4,
        site=site,
        return_groups=True,
        random_state=site,
    )
    return Bunch(data=X, target=y, groups=subjects, fs=50, lead_names=LEADS)


def chosen_rows(data, keep):
    names = {"data", "target", "groups", "strat_fold"} & set(data)
    return Bunch(**{**data, **{name: data[name][keep] for name in names}})


LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
studies = {}
if args.ptbxl:
    studies["PTB-XL"] = load_ptbxl(args.ptbxl, target=args.target)
if args.chapman:
    studies["Chapman"] = load_chapman(args.chapman)
if args.mitbih:
    beats = load_mitbih(args.mitbih, fs=180, n_times=128)
    chosen = np.random.default_rng(0).permutation(len(beats.data))[: args.beats]
    studies["MIT-BIH beats"] = chosen_rows(beats, chosen)
if not studies:
    studies = {"site A": simulated(0), "site B": simulated(1)}
if len(studies) == 2 and not args.mitbih:
    studies["merged"] = merge(*studies.values(), names=list(studies))

for name, data in studies.items():
    print(f"{name}: {data.data.shape}, {len(np.unique(data.groups))} patients")
    print(pd.Series(data.target).value_counts().to_string())

# %%
# The five combinations
# ---------------------
# In each fold the generator is fitted on the training rows; the classifier is trained
# on real rows (R), synthetic ones (S) or both (RS), and tested on rows of either kind:
# TrSTeR is trained on synthetic rows and tested on real ones. SMOTE and class weights
# stand beside the generator: they cost nothing. A dense VAE cannot draw strips of ten
# seconds whose beats may come at any time; half-way from real strips (``--strength``)
# it can.


def folds_of(data):
    """Folds of the data set if it has some, else made by subject."""
    if "strat_fold" in data:
        return PredefinedSplit(data.strat_fold)
    return StratifiedGroupKFold(args.folds, shuffle=True, random_state=0)


def learnable(data, n_rows=6):
    """Rows of the classes of which each training part has some: SMOTE needs six."""
    splits = list(folds_of(data).split(data.data, data.target, data.groups))
    for label in np.unique(data.target):
        is_class = data.target == label
        if min(is_class[train].sum() for train, _ in splits) < n_rows:
            print(f"{label} is left out: too rare, or all of one patient")
            return learnable(chosen_rows(data, ~is_class))
    return data


classifier = CNN1DClassifier(max_epochs=args.epochs)
sampler = GeneratorOverSampler(
    VAE(max_epochs=args.vae_epochs), strength=args.strength, random_state=0
)
ready_made = baselines(classifier)
generators = {name: ready_made[name] for name in ("class weights", "SMOTE")}
generators["VAE"] = sampler
results = {}
for name, data in studies.items():
    studies[name] = data = learnable(data)
    results[name] = compare(
        generators,
        classifier,
        data.data,
        data.target,
        cv=folds_of(data),
        groups=data.groups,
        n_repeats=args.repeats,
        n_jobs=args.jobs,
        random_state=0,
    )
    table = results[name].groupby(["generator", "combination", "measure"], sort=False)
    print(f"\n{name}: mean over folds")
    print(table["score"].mean().unstack().round(3).to_string())

# %%
# More than chance?
# -----------------
# Scores of folds are not independent: their training rows overlap. The corrected test
# of Nadeau and Bengio allows for that. With two folds it has next to no power; give it
# ten folds, or repeats.

for name, scores in results.items():
    summary = summarise(scores)
    columns = ["generator", "combination", "mean", "difference", "low", "high"]
    chosen = summary.query("measure == 'f1_macro' and combination in ['TrRSTeR']")
    print(f"\n{name}: macro F1, against training on real rows alone")
    print(chosen[[*columns, "p_value"]].round(3).to_string(index=False))
last, data = list(studies.items())[-1]
display = ScoreDisplay.from_summary(summarise(results[last]), measure="f1_macro")
display.ax_.set_title(last)

# %%
# Fine-tuning
# -----------
# A classifier is trained on synthetic rows alone. Then its convolutions are frozen, and
# its dense layers go on training on more and more of the real rows.

curve = fine_tuning_curve(
    sampler,
    classifier,
    data.data,
    data.target,
    fractions=(0.2, 0.6, 1.0),
    cv=folds_of(data),
    groups=data.groups,
    scoring="f1_macro",
    n_repeats=args.repeats,
    n_jobs=args.jobs,
    random_state=0,
)
print(f"\n{last}: macro F1 by the fraction of real rows")
means = curve.groupby(["method", "fraction"])["score"].mean()
print(means.unstack().round(3).to_string())
curve_display = FineTuningDisplay.from_curve(curve, measure="f1_macro")

# %%
# The report
# ----------
# One page with pictures, tables and a verdict. Half of the patients are held out of
# the generator, so that near copies of training rows can be told from rows that are
# merely typical. Rows that start from training rows stay near them, and the page says
# so.

halves = StratifiedGroupKFold(2, shuffle=True, random_state=0)
train, held_out = next(halves.split(data.data, data.target, data.groups))
generator = VAE(max_epochs=args.vae_epochs, random_state=0)
generator.fit(data.data[train], data.target[train])
labels = data.target[train]
page = report(
    data.data[train],
    generator.sample(
        len(labels),
        y=labels,
        anchors=data.data[train],
        anchors_y=labels,
        strength=args.strength,
        random_state=0,
    ),
    y_real=labels,
    y_synthetic=labels,
    X_held_out=data.data[held_out],
    y_held_out=data.target[held_out],
    results=results[last],
    generator="VAE",
    fs=data.fs,
    channel_names=data.lead_names,
    title=f"VAE, {last}",
    random_state=0,
)
print(f"\n{page.verdict}")
page  # noqa: B018  (a notebook, or the gallery, shows it)

# %%
# From a script, ``--save`` writes it with the tables and pictures.

if args.save:
    folder = Path(args.save)
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(results, names=["data set"]).to_csv(folder / "ecg_study_scores.csv")
    curve.to_csv(folder / "ecg_study_fine_tuning.csv", index=False)
    display.figure_.savefig(folder / "ecg_study_scores.png", dpi=100)
    curve_display.figure_.savefig(folder / "ecg_study_fine_tuning.png", dpi=100)
    page.save(folder / "ecg_study_report.html")
else:
    plt.show()
