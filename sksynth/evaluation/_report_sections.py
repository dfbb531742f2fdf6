"""What stands on the page under the verdict."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

import sksynth
from sksynth.evaluation._comparison import ACCURACY, NEAR, Comparison
from sksynth.evaluation._memorisation import Memorisation
from sksynth.evaluation._report_html import Section
from sksynth.evaluation._report_pictures import (
    LONGEST,
    distance_picture,
    embedding_pictures,
    signal_picture,
    spectrum_picture,
)
from sksynth.evaluation._rows import Rows
from sksynth.evaluation._utility import Utility

MOST_CLASSES = 12
MOST_CHANNELS = 12
POINTS = {"pca": 1000, "tsne": 300}  # rows of each kind


@dataclass
class Material:
    """All that the sections are written from."""

    data: dict  # of Signals
    rows: Rows  # two halves of the real rows, and synthetic ones
    fs: float | None
    names: list  # of the channels
    copies: tuple  # synthetic rows equal to a real row, to another synthetic one
    comparison: Comparison
    closeness: Memorisation | None
    utility: Utility | None
    max_rows: int
    random_state: object

    @property
    def is_labelled(self):
        """Whether there are classes."""
        return self.data["real"].y is not None

    @property
    def classes(self):
        """Labels shown: the rarest of the real rows, if there are many; sorted."""
        labels, counts = np.unique(self.data["real"].labels, return_counts=True)
        rarest = np.argsort(counts, kind="stable")[:MOST_CLASSES]
        return labels[np.sort(rarest)].tolist()

    def class_note(self):
        """What is left out of the classes, as a list of texts."""
        n = len(np.unique(self.data["real"].labels))
        if n <= MOST_CLASSES:
            return []
        return [f"Shown are the {MOST_CLASSES} rarest of {n} classes."]

    def channel_note(self):
        """What is left out of the channels, as a list of texts."""
        n = len(self.names)
        if n <= MOST_CHANNELS:
            return []
        return [f"Shown are the first {MOST_CHANNELS} of {n} channels."]

    def compared(self):
        """Real rows of one half, and synthetic ones, in their own units."""
        first, _, new = self.rows.parts
        return self.data["real"].X[first], self.data["synthetic"].X[new]


def sections_of(material, seed):
    """All sections, in order."""
    return [
        _signals(material, seed),
        _spectra(material),
        _embedding(material, seed),
        *([_classes(material)] if material.is_labelled else []),
        _measures(material),
        _copying(material),
        _usefulness(material),
        _how(material),
    ]


def _signals(material, seed):
    rng = np.random.RandomState(seed)
    n_times = material.data["real"].X.shape[2]
    n_signals, part = (
        (5, "") if n_times <= LONGEST else (1, f", first {LONGEST} samples")
    )
    text = f"Drawn at random, {n_signals} of each kind{part}, on common axes."
    section = Section("Signals", [text])
    section.texts += material.class_note() + material.channel_note()
    for label in material.classes:
        drawn = []
        for kind in ("real", "synthetic"):
            signals = material.data[kind]
            members = rng.permutation(np.flatnonzero(signals.labels == label))
            drawn.append(signals.X[members[:n_signals], :MOST_CHANNELS])
        title = f"Class {label}" if material.is_labelled else "All rows"
        picture = signal_picture(
            *drawn, fs=material.fs, names=material.names[:MOST_CHANNELS], title=title
        )
        section.pictures.append(picture)
    return section


def _spectra(material):
    section = Section(
        "Spectra",
        [
            "Mean power (line) and the middle 80 % of the rows (band), by Welch's "
            "method, of as many synthetic as real rows of each class.",
            *material.channel_note(),
        ],
    )
    real, synthetic = material.compared()
    for channel, name in enumerate(material.names[:MOST_CHANNELS]):
        one = slice(channel, channel + 1)
        picture = spectrum_picture(
            real[:, one], synthetic[:, one], fs=material.fs, name=name
        )
        section.pictures.append(picture)
    if len(material.names) > 1:
        caption = "Distance of the mean spectra in dB"
        section.tables[caption] = _beside(material.comparison.channels, "channel")
    return section


def _embedding(material, seed):
    shown = np.isin(material.rows.labels, material.classes)
    labels = material.rows.labels[shown] if material.is_labelled else None
    real, synthetic = (X[shown] for X in material.compared())
    section = Section(
        "Rows as points",
        [
            "What lies apart in the plane of PCA is apart. t-SNE keeps neighbours "
            "only: its distances and the sizes of its clouds mean nothing.",
            *material.class_note(),
        ],
    )
    if len(real) < 2:
        section.texts.append("Too few rows to draw.")
        return section
    section.pictures += chain.from_iterable(
        embedding_pictures(
            real, synthetic, (labels, labels), method=method, n_rows=n_rows, seed=seed
        )
        for method, n_rows in POINTS.items()
    )
    return section


def _classes(material):
    counts = pd.DataFrame(
        {
            f"{kind} rows": pd.Series(material.data[kind].labels).value_counts()
            for kind in ("real", "synthetic")
        }
    )
    table = counts.fillna(0).astype(int).join(material.comparison.classes)
    table.columns = [_beside_words(name) for name in table.columns]
    if material.utility is not None:
        for name in material.utility.names:
            changes = material.utility.recall_changes(name)
            column = [changes.get(str(label), np.nan) for label in table.index]
            table[f"change of recall, {name}"] = column
    table = table.reindex(material.classes).rename_axis("class")
    table["rows compared"] = table["rows compared"].fillna(0).astype(int)
    return Section(
        "Classes",
        [
            "Synthetic rows against one half of the real rows of the class, beside the "
            "other half of the real rows. Spectral distance and correlation are "
            "medians, to the nearest row of the class. A dash: too few rows.",
            *material.class_note(),
        ],
        {"Measures of each class": table},
    )


def _beside_words(name):
    return name.replace(", real", ", other real half")


def _beside(table, name):
    columns = {"real": "other real half"}
    return table.rename(columns=columns).rename_axis(name)


def _measures(material):
    comparison = material.comparison
    table = _beside(comparison.measures, "measure")
    best = {
        ACCURACY: "0.5",
        "two-sample score": "1",
        NEAR: "0.01",
        "MMD (unbiased)": "0",
        "Fréchet distance": "0",
        "precision": "1",
        "recall": "1",
        "density": "1",
        "coverage": "1",
        "spectral distance to the nearest (dB)": "low",
        "correlation to the nearest": "high",
        "distance of mean spectra (dB)": "0",
    }
    table["best"] = [best[name] for name in table.index]
    return Section(
        "Measures beside those of real rows",
        [
            f"{comparison.n_rows} synthetic rows and {comparison.n_rows} real rows, "
            f"each against the same {comparison.n_rows} other real rows. What the "
            "second column misses to the best value is chance and the number of rows.",
        ],
        {"Measures of all rows": table},
    )


def _copying(material):
    closeness = material.closeness
    if closeness is None:
        return Section("Copying", ["Not measured: give X_held_out."])
    return Section(
        "Copying",
        [
            f"{closeness.n_synthetic} synthetic rows, {closeness.n_rows} training rows "
            f"and {closeness.n_rows} held-out ones. Beside them half of the held-out "
            "rows, which no generator made, against half of the training and the other "
            "half of the held-out rows.",
            "Where training and held-out rows are of different patients, rows that "
            "look like training patients count as near.",
        ],
        {"Measures of copying": closeness.table.rename_axis("measure")},
        [distance_picture(closeness.to_train, closeness.to_held_out)],
    )


def _usefulness(material):
    utility = material.utility
    if utility is None:
        return Section("Use for a classifier", ["Not measured: give results."])
    tables = {
        f"Scores: {utility.measure}": utility.table(),
        "Other measures, means": utility.others(),
        "Recall of each class, means": utility.recall(),
    }
    return Section(
        "Use for a classifier",
        [
            "TrRTeR: trained and tested on real rows. TrRSTeR: synthetic rows added. "
            "TrSTeR: trained on synthetic rows alone. TrRTeS, TrSTeS: tested on "
            "synthetic rows.",
            "Difference is to real rows alone, with its 95 % interval (low, high) and "
            "the p-value of the corrected resampled t-test; p_holm is corrected for "
            "the number of methods.",
        ],
        {name: table for name, table in tables.items() if len(table)},
    )


def _how(material):
    given = {
        f"{kind.replace('_', '-')} rows": str(len(signals.X))
        for kind, signals in material.data.items()
    }
    n_channels, n_times = material.data["real"].X.shape[1:]
    seed = material.random_state
    known = seed is None or isinstance(seed, int | np.integer)
    table = {
        **given,
        "channels": str(n_channels),
        "times": str(n_times),
        "sampling rate": "not given" if material.fs is None else f"{material.fs:g} Hz",
        "real rows compared, at most (max_rows)": str(material.max_rows),
        "rows compared, a side": str(len(material.rows)),
        "random_state": str(seed) if known else type(seed).__name__,
        "sksynth": sksynth.__version__,
    }
    value = pd.DataFrame({"value": table}).rename_axis("what")
    return Section("How it was made", [], {"Numbers of this page": value})
