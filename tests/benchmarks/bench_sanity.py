"""What every metric says of sets whose quality is known.

    python tests/benchmarks/bench_sanity.py
    python tests/benchmarks/bench_sanity.py --data path/to/data

Beats (simulated, or of MIT-BIH) are parted at random into a training set, a held-out
set and a second half. The second half is as good as real. Beside it stand SMOTE, a VAE,
and generators that are broken on purpose. Each column of the table is one of these
sets: measured against the training set, for memorisation against the held-out set too.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sksynth import VAE, FlatSampler, metrics
from sksynth.datasets import load_mitbih, make_ecg

N_ROWS = 1200  # of each part
FS = 180.0


def beats_in_parts(data):
    """Training set, held-out set and second half; each (X, y), no beat in two."""
    if data:
        beats = load_mitbih(Path(data) / "mitdb", fs=FS, n_times=128)
        X, y = beats.data, beats.target
        rare = np.flatnonzero(y != "N")  # all of the rare ones would be too few
        common = np.random.default_rng(2).permutation(np.flatnonzero(y == "N"))
        chosen = np.concatenate([rare, common[: len(rare)]])
        X, y = X[chosen], y[chosen]
    else:
        X, y = make_ecg(3 * N_ROWS, weights=[0.6, 0.15, 0.2, 0.05], random_state=0)
    order = np.random.default_rng(0).permutation(len(X))
    return [
        (X[rows], y[rows])
        for rows in (order[k * N_ROWS : (k + 1) * N_ROWS] for k in range(3))
    ]


def sets_of_known_quality(X, y, second_half):
    """Name and (X, y) of each set, as large as the training set."""
    rng = np.random.default_rng(1)
    yield "second half", *second_half
    yield "SMOTE", *smote_beats(X, y)
    vae = VAE(random_state=0).fit(X, y)
    yield "VAE", vae.sample(len(y), y=y, random_state=0), y
    shape = X.mean((0, 2), keepdims=True), X.std((0, 2), keepdims=True)
    yield "noise", rng.normal(*shape, size=X.shape).astype(X.dtype), y
    means = {label: X[y == label].mean(axis=0) for label in np.unique(y)}
    yield "mean beats", np.stack([means[label] for label in y]), y
    one = {label: X[y == label][0] for label in np.unique(y)}
    yield "one beat", np.stack([one[label] for label in y]), y
    yield "shuffled labels", second_half[0], rng.permutation(second_half[1])
    yield "copies", X, y
    X_mixed, y_mixed = second_half[0].copy(), second_half[1].copy()
    X_mixed[::4], y_mixed[::4] = X[::4], y[::4]
    yield "copies, a quarter", X_mixed, y_mixed


def smote_beats(X, y):
    """Only the rows that SMOTE adds: as many a class as there are."""
    labels, counts = np.unique(y, return_counts=True)
    wanted = dict(zip(labels.tolist(), (2 * counts).tolist(), strict=True))
    sampler = FlatSampler(SMOTE(sampling_strategy=wanted, random_state=0))
    X_new, y_new = sampler.fit_resample(X, y)
    return X_new[len(X) :], y_new[len(X) :]


def flatten(X):
    return X.reshape(len(X), -1)


def measures(X_new, y_new, X, y, X_held, y_held):
    """Every measure of one set, by name."""
    trees = ExtraTreesClassifier(200, random_state=0)
    classifier = make_pipeline(FunctionTransformer(flatten), trees)
    probabilities = classifier.fit(X, y).predict_proba(X_new)
    nearest = metrics.nearest_match(X_new, X, y=y_new, y_reference=y)
    spectral = metrics.log_spectral_distance(X_new, X[nearest[0]], fs=FS, band=(0, 40))
    similar = metrics.nearest_match(
        X_new, X, y=y_new, y_reference=y, measure="correlation"
    )
    variety = metrics.precision_recall_density_coverage(X, X_new)
    ratio = metrics.nearest_neighbor_distance_ratio(X_new, X, X_held)
    spectrum = metrics.power_spectrum_distance(X, X_new, fs=FS, band=(0, 40))
    return {
        "spectrum of the mean (dB)": spectrum.mean(),
        "LSD to the nearest (dB)": spectral.mean(),
        "RMSE to the nearest (mV)": nearest[1].mean(),
        "correlation to the nearest": similar[1].mean(),
        "MMD, unbiased (x 1000)": 1000 * metrics.maximum_mean_discrepancy(X, X_new),
        "two-sample score": metrics.classifier_two_sample_score(
            X, X_new, random_state=0
        ),
        "Frechet distance": metrics.frechet_distance(X, X_new),
        **{name: variety[name] for name in variety},
        "amplitudes (mV)": metrics.marginal_difference(X, X_new).mean(),
        "autocorrelation": metrics.autocorrelation_difference(X, X_new).mean(),
        "skewness": metrics.skewness_difference(X, X_new).mean(),
        "kurtosis": metrics.kurtosis_difference(X, X_new).mean(),
        "inception score": metrics.inception_score(probabilities, random_state=0)[0],
        "classification accuracy": metrics.classification_accuracy_score(
            classifier, X_new, y_new, X_held, y_held
        ),
        "distance ratio, median": np.median(ratio),
        "membership AUC": metrics.membership_inference_auc(X_new, X, X_held),
        "share of copies": metrics.copy_fraction(X_new, X, X_held),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with mitdb; default: simulated beats")
    parser.add_argument("--out", help="CSV file for the table")
    args = parser.parse_args()
    (X, y), held_out, second_half = beats_in_parts(args.data)
    print(f"{len(X)} beats a part: {pd.Series(y).value_counts().to_dict()}")
    table = {}
    for name, X_new, y_new in sets_of_known_quality(X, y, second_half):
        table[name] = measures(X_new, y_new, X, y, *held_out)
        print(f"{name}: done", flush=True)
    table = pd.DataFrame(table)
    print(table.round(3).to_string())
    if args.out:
        table.to_csv(args.out)


if __name__ == "__main__":
    main()
