"""Is a classifier of real rows alone any better than guessing."""

from dataclasses import dataclass

from sksynth.evaluation._frame import REAL_ONLY
from sksynth.evaluation.statistics import (
    LEVEL,
    RUN,
    corrected_t_test,
    fractions_of_runs,
)

NOTHING = 0.02  # above chance: as good as nothing, whatever the test says
LITTLE = 0.1  # above chance: little enough to be chance, if the test agrees
HALF = ("roc_auc", "roc_auc_ovr", "roc_auc_ovo")  # 0.5 by chance


@dataclass
class Chance:
    """A score of real rows alone that is no more than guessing."""

    measure: str
    score: float
    level: float  # by chance


def real_only_at_chance(results, measure, n_classes=None):
    """The score, if it is at the level of chance; None if not, or if that is unknown.

    Looks at the measure judged or, where its level is unknown (macro F1, accuracy), at
    another one of the same classifiers.
    """
    is_real_only = results["generator"] == REAL_ONLY
    real = results[is_real_only & (results["combination"] == "TrRTeR")]
    name, level, runs = _known(real, measure, n_classes)
    if name is None or runs.empty:
        return None
    fraction = float(fractions_of_runs(results).loc[runs.index].mean())
    gain = runs - level
    is_lost = corrected_t_test(gain, fraction)[1] >= LEVEL
    if gain.mean() >= (LITTLE if is_lost else NOTHING):
        return None
    return Chance(name, float(runs.mean()), level)


def _known(real, measure, n_classes):
    """A measure whose level by chance is known, the level, and scores by run."""
    recalls = real[real["measure"].str.startswith("recall[")]
    n_recalls = recalls["measure"].nunique()
    n_classes = max(n_recalls, n_classes or 0)
    levels = dict.fromkeys(HALF, 0.5)
    if n_classes > 1:
        levels |= dict.fromkeys(("balanced_accuracy", "recall_macro"), 1 / n_classes)
    found = set(real["measure"]) & levels.keys()
    name = next((m for m in (measure, "balanced_accuracy", *levels) if m in found), "")
    if name:
        rows = real[real["measure"] == name]
    elif n_recalls == n_classes > 1:
        name, rows = "mean recall", recalls
        levels[name] = 1 / n_classes
    else:
        return None, None, None
    return name, levels[name], rows.groupby(RUN)["score"].mean().dropna()
