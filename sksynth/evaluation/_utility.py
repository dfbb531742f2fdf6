"""What the scores of `compare` say of one generator, or of several."""

from dataclasses import dataclass

import pandas as pd

from sksynth.evaluation._chance import Chance, real_only_at_chance
from sksynth.evaluation._frame import REAL_ONLY
from sksynth.evaluation.statistics import holm, summarise

AUGMENTED = "TrRSTeR"
CHEAP = {  # the baselines, and the combination that each of them is
    "class weights": "TrRTeR",
    "random over-sampling": AUGMENTED,
    "jitter": AUGMENTED,
    "SMOTE": AUGMENTED,
}
MEASURES = ("balanced_accuracy", "f1_macro", "accuracy")  # the first there is


@dataclass
class Utility:
    """Scores with synthetic rows against scores without."""

    measure: str
    names: list  # of the generators that are judged
    summary: pd.DataFrame  # of all scores, as `summarise` makes it
    against: dict  # (generator, cheap method) -> row of the summary against it
    at_chance: Chance | None = None  # real rows alone, if they do no better

    def row(self, generator, combination):
        """The row of the summary in the measure judged, or None."""
        return _row(self.summary, generator, combination, self.measure)

    def rivals(self, generator):
        """The rows of a generator against each cheap method, by its name."""
        return {
            other: row
            for (name, other), row in self.against.items()
            if name == generator
        }

    def recall_changes(self, generator):
        """Change of the recall of each class by the generator's rows, by label."""
        rows = self.summary[
            (self.summary["generator"] == generator)
            & (self.summary["combination"] == AUGMENTED)
            & self.summary["measure"].str.startswith("recall[")
        ]
        labels = rows["measure"].str.slice(len("recall["), -1)
        return dict(zip(labels, rows["difference"], strict=True))

    def table(self):
        """Scores of the measure judged."""
        rows = self.summary[self.summary["measure"] == self.measure]
        return rows.drop(columns="measure").set_index("generator")

    def others(self):
        """Mean scores of the other measures, the recall of classes apart."""
        rows = self.summary[
            (self.summary["measure"] != self.measure)
            & ~self.summary["measure"].str.startswith("recall[")
        ]
        return _wide(rows)

    def recall(self):
        """Mean recall of each class."""
        rows = self.summary[self.summary["measure"].str.startswith("recall[")]
        return _wide(rows.assign(measure=rows["measure"].str.slice(len("recall["), -1)))


def judged(results, generator, measure, n_classes=None):
    """Utility of the results; which generator and measure, checked.

    ``n_classes`` is for results without the recall of each class.
    """
    summary = summarise(results)
    measures = list(dict.fromkeys(summary["measure"]))
    if measure is None:
        measure = next((m for m in MEASURES if m in measures), measures[0])
    elif measure not in measures:
        raise ValueError(f"measure must be one of {measures}; got {measure!r}")
    augmented = summary[summary["combination"] == AUGMENTED]["generator"]
    known = list(dict.fromkeys(augmented))
    if generator is not None and generator not in known:
        raise ValueError(
            f"generator must be one with {AUGMENTED} rows in results, {known}; "
            f"got {generator!r}"
        )
    names = [generator] if generator is not None else _without_baselines(known)
    against = _against_cheap(results, summary, names, measure)
    at_chance = real_only_at_chance(results, measure, n_classes)
    return Utility(measure, names, summary, against, at_chance)


def _against_cheap(results, summary, names, measure):
    """Each generator against each cheap method, with Holm's p for all these pairs."""
    rows = summary[summary["measure"] == measure]
    pairs = zip(rows["generator"], rows["combination"], strict=True)
    cheap = [pair for pair in pairs if _is_cheap(*pair)]
    against = {}
    for other, combination in cheap:
        paired = summarise(results, baseline=(other, combination))
        for name in names:
            row = None if name == other else _row(paired, name, AUGMENTED, measure)
            if row is not None and row["n_runs"]:
                against[name, other] = row.copy()
    p_values = pd.Series([row["p_value"] for row in against.values()], dtype=float)
    for row, p in zip(against.values(), holm(p_values), strict=True):
        row["p_holm"] = p
    return against


def _is_cheap(name, combination):
    return combination == _combination_of_cheap(name)


def _combination_of_cheap(name):
    """Of a cheap method, by its name ("SMOTE", "BorderlineSMOTE"); else None."""
    return AUGMENTED if "smote" in name.lower() else CHEAP.get(name)


def _without_baselines(names):
    judged = [n for n in names if n != REAL_ONLY and not _combination_of_cheap(n)]
    return judged or names


def _row(summary, generator, combination, measure):
    wanted = {"generator": generator, "combination": combination, "measure": measure}
    rows = summary[(summary[list(wanted)] == list(wanted.values())).all(axis=1)]
    return None if rows.empty else rows.iloc[0]


def _wide(rows):
    """One row a generator and combination, one column a measure."""
    order = list(dict.fromkeys(rows["measure"]))
    keys = ["generator", "combination"]
    wide = rows.pivot(index=keys, columns="measure", values="mean")[order]
    first = pd.MultiIndex.from_frame(rows[keys].drop_duplicates())
    wide = wide.loc[first].reset_index("combination")
    wide.columns.name = None
    return wide
