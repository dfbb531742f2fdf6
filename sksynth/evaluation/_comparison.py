"""Synthetic rows against half of the real ones, beside the other half against it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksynth.metrics import (
    copy_fraction,
    frechet_distance,
    log_spectral_distance,
    maximum_mean_discrepancy,
    nearest_match,
    power_spectrum_distance,
    precision_recall_density_coverage,
    random_convolution_features,
)

N_FEATURES = 256  # of the two-sample classifier
FEWEST = 20  # rows a side for a judgement
SIDES = ("synthetic", "real")
ACCURACY = "accuracy of telling apart"
IN_CLASS = (ACCURACY, "spectral distance (dB)", "correlation", "coverage")
NEAR = "share as near as copies"
CLASS_COLUMNS = [
    "rows compared",
    *(f"{measure}, {side}" for measure in IN_CLASS for side in SIDES),
]


@dataclass
class Comparison:
    """Tables of measures, and the rows behind them."""

    n_rows: int  # in each of the three sets
    measures: pd.DataFrame  # (measure, side)
    channels: pd.DataFrame  # (channel, side)
    classes: pd.DataFrame  # (class, several)


def compare_rows(half, other_half, synthetic, labels, *, fs, band, names, rng):
    """All measures of signals (n, n_channels, n_times) in standard units.

    The three sets have the same labels, row by row, and so as many rows.
    """
    seed = int(rng.randint(2**31))
    sides = {"synthetic": synthetic, "real": other_half}
    features = {
        side: random_convolution_features(X, n_features=N_FEATURES)
        for side, X in {"half": half, **sides}.items()
    }
    classes, channels, measures = {}, {}, {}
    for side, X in sides.items():
        both = features["half"], features[side]
        spectra, correlation = to_nearest(X, half, labels, fs, band)
        channels[side] = power_spectrum_distance(half, X, fs=fs, band=band)
        measures[side] = {
            ACCURACY: (accuracy := two_sample_accuracy(*both, seed)),
            "two-sample score": 1 - abs(accuracy - 0.5) / 0.5,
            NEAR: copy_fraction(X, half, other_half),
            "MMD (unbiased)": maximum_mean_discrepancy(half, X),
            "Fréchet distance": frechet_distance(*both, features=as_they_are),
            **neighbour_scores(half, X),
            "spectral distance to the nearest (dB)": np.median(spectra),
            "correlation to the nearest": np.median(correlation),
            "distance of mean spectra (dB)": channels[side].mean(),
        }
        for label in np.unique(labels):
            of_class = labels == label
            scores = classes.setdefault(label, {"rows compared": int(of_class.sum())})
            scores[f"{ACCURACY}, {side}"] = two_sample_accuracy(
                *(rows[of_class] for rows in both), seed
            )
            scores[f"spectral distance (dB), {side}"] = np.median(spectra[of_class])
            scores[f"correlation, {side}"] = np.median(correlation[of_class])
            near = neighbour_scores(half[of_class], X[of_class])
            scores[f"coverage, {side}"] = near["coverage"]
    return Comparison(
        len(labels),
        pd.DataFrame(measures),
        pd.DataFrame(channels, index=names),
        pd.DataFrame.from_dict(classes, orient="index", columns=CLASS_COLUMNS),
    )


def two_sample_accuracy(real, synthetic, seed):
    """Accuracy, by five folds, of a classifier of two sets of rows; NaN of few rows.

    As in `classifier_two_sample_score`, but with its sign: below 0.5 one set has copies
    of the other, and their labels mislead the classifier.
    """
    if len(real) < FEWEST:
        return np.nan
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return cross_val_score(
        classifier,
        np.concatenate([real, synthetic]),
        np.repeat([0, 1], [len(real), len(synthetic)]),
        cv=StratifiedKFold(5, shuffle=True, random_state=seed),
        scoring="accuracy",
        error_score="raise",
    ).mean()


def as_they_are(features):
    """Features that were made before, and come as one channel."""
    return features[:, 0]


def neighbour_scores(real, synthetic):
    """Precision, recall, density and coverage with 5 neighbours; NaN of few rows."""
    names = ("precision", "recall", "density", "coverage")
    if len(real) <= 5:
        return dict.fromkeys(names, np.nan)
    scores = precision_recall_density_coverage(real, synthetic, n_neighbors=5)
    return {name: scores[name] for name in names}


def to_nearest(X, reference, labels, fs, band):
    """Spectral distance in dB to the nearest row of the class, and best correlation.

    Both (n,); means over the channels.
    """
    within = {"y": labels, "y_reference": labels}
    index, _ = nearest_match(X, reference, **within)
    spectra = log_spectral_distance(X, reference[index], fs=fs, band=band)
    _, correlation = nearest_match(X, reference, measure="correlation", **within)
    return spectra.mean(axis=1), correlation
