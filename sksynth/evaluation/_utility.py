"""What the scores of `compare` say of one generator, or of several."""

from dataclasses import dataclass

import pandas as pd

from sksynth.evaluation._frame import REAL_ONLY
from sksynth.evaluation.statistics import summarise

AUGMENTED = "TrRSTeR"
NOT_GENERATORS = (REAL_ONLY, "class weights", "random over-sampling", "jitter", "SMOTE")
MEASURES = ("balanced_accuracy", "f1_macro", "accuracy")  # the first there is


@dataclass
class Utility:
    """Scores with synthetic rows against scores without."""

    measure: str
    names: list  # of the generators that are judged
    summary: pd.DataFrame  # of all scores, as `summarise` makes it
    against: dict  # (generator, other) -> row of the summary against the other

    def row(self, generator, combination):
        """The row of the summary in the measure judged, or None."""
        return _row(self.summary, generator, combination, self.measure)

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


def judged(results, generator, measure):
    """Utility of the results; which generator and measure, checked."""
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
    against = {}
    for other in (name for name in known if "smote" in name.lower()):
        paired = summarise(results, baseline=(other, AUGMENTED))
        for name in names:
            if name != other:
                against[name, other] = _row(paired, name, AUGMENTED, measure)
    return Utility(measure, names, summary, against)


def _without_baselines(names):
    return [name for name in names if name not in NOT_GENERATORS] or names


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
