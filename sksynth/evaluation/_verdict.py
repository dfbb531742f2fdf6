"""What the numbers of a report say, in words."""

from dataclasses import dataclass, field

import numpy as np

from sksynth.evaluation._comparison import ACCURACY, FEWEST, NEAR, SIDES
from sksynth.evaluation._frame import REAL_ONLY
from sksynth.evaluation._memorisation import AUC, COPIES, UNSEEN, expected_fraction
from sksynth.evaluation._utility import AUGMENTED
from sksynth.evaluation.statistics import LEVEL

DEVIATIONS = 3  # beyond these chance is not believed
COVERAGES = ("coverage", "recall")
TOO_NEAR = "Not judged: they are too near to the real rows"
PATIENTS = (
    "If the held-out rows are of other patients, this may be no more than having "
    "learnt how the training patients look."
)
TOO_FEW = "Not judged: {} rows a side are too few"


@dataclass
class Finding:
    """One question, a short answer, and the numbers it rests on."""

    question: str
    answer: str
    status: str = ""  # "good", "bad", or nothing
    reasons: list = field(default_factory=list)

    def __str__(self):
        return " ".join([self.question, self.answer + ".", *self.reasons])


def verdict(material):
    """The four findings."""
    n_copies, n_repeats = material.copies
    real, synthetic = material.data["real"], material.data["synthetic"]
    n_synthetic = len(synthetic.X)
    copied = copying(n_copies, n_synthetic, material.closeness)
    covered = covers(material.comparison, n_repeats, n_synthetic)
    held_out = material.data.get("held_out")
    if held_out is not None and held_out.y is not None:
        _note_unsearched(copied, np.setdiff1d(synthetic.labels, held_out.labels))
    _note_absent(covered, np.setdiff1d(real.labels, synthetic.labels))
    return [helps(material.utility), faithful(material.comparison), copied, covered]


def _note_unsearched(finding, classes):
    if len(classes):
        names = ", ".join(map(str, classes.tolist()))
        finding.reasons.append(f"Not searched, for none is held out: {names}.")
        finding.status = finding.status if finding.status == "bad" else ""


def _note_absent(finding, classes):
    if len(classes):
        names = ", ".join(map(str, classes.tolist()))
        finding.answer = f"No: there is no synthetic row of {names}"
        finding.status = "bad"


def helps(utility):
    """Are scores on real rows better with synthetic rows added."""
    finding = Finding("Do the synthetic rows help the classifier?", "Not measured")
    if utility is None:
        finding.reasons.append(
            "Give results, as evaluate_combinations or compare return them."
        )
        return finding
    rows = {name: utility.row(name, AUGMENTED) for name in utility.names}
    if not rows:
        finding.reasons.append(f"The results have no {AUGMENTED} rows.")
        return finding
    found = {name: _words(utility, name, row) for name, row in rows.items()}
    if len(rows) == 1:
        ((words, finding.status),) = found.values()
        finding.answer = f"{words[0].upper()}{words[1:]}"
    else:
        answers = (f"{name}: {words}" for name, (words, _) in found.items())
        finding.answer = "; ".join(answers)
    for name, row in rows.items():
        finding.reasons += _scores(utility, name, row)
    if utility.at_chance is not None:
        _note_chance(finding, utility.at_chance)
    return finding


def _words(utility, name, row):
    """What a generator does, and the status; a gain counts beyond cheap methods."""
    words, status, _ = EFFECTS[_effect(row)]
    rivals = utility.rivals(name)
    if status != "good" or not rivals:
        return words, status
    effects = {other: _effect(pair) for other, pair in rivals.items()}
    doubts = [
        text.format(_listed([o for o, e in effects.items() if e == effect]))
        for effect, text in DOUBTS.items()
        if effect in effects.values()
    ]
    if doubts:
        return f"{words}, but {_listed(doubts)}", ""
    return f"{words}, and more than {_listed(list(effects))}", status


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _note_chance(finding, chance):
    finding.answer += GUESSES
    finding.status = finding.status if finding.status == "bad" else ""
    finding.reasons.append(
        f"With real rows alone {chance.measure} is {chance.score:.3f}, and "
        f"{chance.level:.3f} is the level of chance: the classifier is not trained "
        "enough, or real rows alone do not show it the classes. Then any added rows "
        "may help. Train it longer, and compare again."
    )


WIDE = 0.02  # a gain of a score that is worth knowing of
EFFECTS = {  # in words, what they are, and in words beside another method
    "better": ("they helped", "good", "Better than {}"),
    "worse": ("they hurt", "bad", "Worse than {}"),
    "same": (
        "no help was shown: no difference beyond chance",
        "",
        "No difference from {} beyond chance",
    ),
    "untested": (
        "not tested: a test needs runs that differ",
        "",
        "Beside {}, not tested",
    ),
}
DOUBTS = {  # of rows that helped: what they are beside cheap methods
    "worse": "less than {}",
    "same": "no more than {} beyond chance",
    "untested": "not tested beside {}",
}
GUESSES = "; with real rows alone the classifier hardly does better than chance"
ALONE = (
    "No cheap method is in the results: repeated rows, or rows with noise, may help as "
    "much. Compare with those of baselines()."
)


def _effect(row):
    if np.isnan(row["p_holm"]):
        return "untested"
    if row["p_holm"] >= LEVEL:
        return "same"
    return "better" if row["difference"] > 0 else "worse"


def _scores(utility, name, row):
    before = utility.row(REAL_ONLY, "TrRTeR")["mean"]
    yield (
        f"{name}: {utility.measure} {before:.3f} with real rows alone, "
        f"{row['mean']:.3f} with synthetic rows added: {_change(row)}."
    )
    if row["p_value"] >= LEVEL and row["high"] > WIDE:
        yield (
            f"With these runs a gain of up to {row['high']:.3f} cannot be ruled out; "
            "more folds or repeats would tell."
        )
    for other, pair in utility.rivals(name).items():
        yield f"{EFFECTS[_effect(pair)][2].format(other)}: {_change(pair)}."
    if _effect(row) == "better" and not utility.rivals(name):
        yield ALONE
    alone = utility.row(name, "TrSTeR")
    if alone is not None:
        yield (
            f"Trained on synthetic rows alone, {utility.measure} on real rows is "
            f"{alone['mean']:.3f}."
        )


def _change(row):
    if np.isnan(row["p_value"]):
        return f"{row['difference']:+.3f} ({_runs(row['n_runs'])})"
    corrected = ""
    if row["p_holm"] != row["p_value"]:
        corrected = f", and {_p(row['p_holm'])} by Holm for several methods"
    return (
        f"{row['difference']:+.3f} (95 % interval {row['low']:+.3f} to "
        f"{row['high']:+.3f}, corrected p {_p(row['p_value'])}{corrected}, "
        f"{_runs(row['n_runs'])})"
    )


def _runs(n):
    return f"{n} run" if n == 1 else f"{n} runs"


def _p(p):
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def is_near(comparison):
    """Are more synthetic rows near to real ones than other real rows are."""
    share = comparison.measures.loc[NEAR, "synthetic"]
    n = comparison.n_rows
    return share > near_by_chance(expected_fraction(n), n, n)


def near_by_chance(expected, n_rows, n_reference):
    """Highest share of near rows that chance explains; the threshold has its own."""
    spread = expected * (1 - expected) * (1 / n_rows + 1 / n_reference)
    return expected + DEVIATIONS * np.sqrt(spread)


def faithful(comparison):
    """Can a classifier tell synthetic rows from real ones."""
    finding = Finding("Do the synthetic rows look like real ones?", TOO_NEAR)
    n = comparison.n_rows
    if n < FEWEST:
        finding.answer = TOO_FEW.format(n)
        return finding
    accuracy, real = comparison.measures.loc[ACCURACY, list(SIDES)]
    finding.reasons.append(
        f"A classifier asked to tell them apart is right in {100 * accuracy:.0f} % of "
        f"the rows (50 %: it guesses); for two halves of the real rows, in "
        f"{100 * real:.0f} % ({n} rows a side)."
    )
    distinct = [
        str(label)
        for label, row in comparison.classes.iterrows()
        if told_apart(
            *(row[f"{ACCURACY}, {side}"] for side in SIDES), row["rows compared"]
        )
    ]
    if told_apart(accuracy, real, n):
        finding.answer = "No: a classifier tells them apart " + (
            "almost always" if accuracy > 0.9 else "better than by chance"
        )
    elif distinct:
        finding.answer = "Not within each class: a classifier tells some apart"
    elif is_near(comparison):
        share = 100 * comparison.measures.loc[NEAR, "synthetic"]
        finding.reasons.append(
            f"{share:.0f} % of the synthetic rows are nearer to a real row than almost "
            "all other real rows are. Copies look real, whatever was learnt."
        )
        return finding
    else:
        finding.answer = "A classifier tells them apart no better than real rows"
    finding.status = "good" if finding.answer.startswith("A") else "bad"
    if distinct and len(comparison.classes) > 1:
        finding.reasons.append(f"Told apart within class: {', '.join(distinct)}.")
    return finding


def told_apart(accuracy, real, n_rows):
    """Better than by chance: of 2 n guesses the accuracy has sd 1 / sqrt(8 n).

    ``real``, the accuracy for real rows alone, may be on either side of 0.5.
    """
    return accuracy > 0.5 + abs(real - 0.5) + DEVIATIONS / np.sqrt(8 * n_rows)


def copying(n_copies, n_synthetic, closeness):
    """Are training rows among the synthetic ones, or too near to them."""
    finding = Finding("Are training rows copied?", "No sign of it", "good")
    equal = f"{n_copies} of {n_synthetic} synthetic rows equal a training row"
    finding.reasons.append(f"{equal}.")
    if closeness is None:
        finding.answer, finding.status = "Near copies not measured: give X_held_out", ""
    else:
        auc, train, unseen = map(closeness.value, (AUC, COPIES, UNSEEN))
        expected = closeness.value(COPIES, "expected")
        limit = near_by_chance(expected, closeness.n_synthetic, closeness.n_rows)
        finding.reasons += [
            f"{100 * train:.1f} % are as near to a training row as the nearest "
            f"{100 * expected:.1f} % of the held-out rows are; to a held-out row, "
            f"{100 * unseen:.1f} %.",
            f"Training rows are found among held-out ones with an AUC of {auc:.2f} "
            "(0.5: not at all, 1: always).",
        ]
        is_found = auc > 0.5 + DEVIATIONS * auc_deviation(closeness.n_rows)
        if is_found or train > limit and train - unseen > limit - expected:
            finding.status = "bad"
            finding.answer = "Signs of it: nearer to training than to held-out rows"
            finding.reasons.append(PATIENTS)
    if n_copies:
        finding.answer, finding.status = f"Yes: {equal}", "bad"
        finding.reasons = [text for text in finding.reasons[1:] if text != PATIENTS]
    return finding


def auc_deviation(n):
    """Of the AUC of two like samples of n rows each (Mann and Whitney's U)."""
    return np.sqrt((2 * n + 1) / (12 * n**2))


def covers(comparison, n_repeats, n_synthetic):
    """Are there synthetic rows wherever there are real ones."""
    finding = Finding("Do they cover what real rows show?", TOO_NEAR)
    if comparison.n_rows < FEWEST:
        finding.answer = TOO_FEW.format(comparison.n_rows)
    else:
        _judge_coverage(finding, comparison)
        pairs = comparison.measures.loc[list(COVERAGES)].itertuples()
        numbers = "; ".join(
            f"{pair.Index} {pair.synthetic:.2f}, by real rows {pair.real:.2f}"
            for pair in pairs
        )
        numbers = f"{numbers[0].upper()}{numbers[1:]}"
        finding.reasons.insert(0, f"{numbers} ({comparison.n_rows} rows a side).")
    if n_repeats:
        repeated = f"{n_repeats} of {n_synthetic} synthetic rows repeat another one"
        finding.reasons.append(f"{repeated}.")
        if n_repeats > 0.01 * n_synthetic:
            finding.answer, finding.status = f"No: {repeated}", "bad"
            finding.reasons.pop()
    return finding


def _judge_coverage(finding, comparison):
    measures, classes = comparison.measures, comparison.classes
    less = [
        name
        for name in COVERAGES
        if _is_less(*measures.loc[name, list(SIDES)], comparison.n_rows)
    ]
    wanting = [
        str(label)
        for label, row in classes.iterrows()
        if row["rows compared"] >= FEWEST
        and _is_less(
            *(row[f"coverage, {side}"] for side in SIDES), row["rows compared"]
        )
    ]
    near = is_near(comparison)
    finding.status = "bad" if less or wanting else "" if near else "good"
    if less:
        finding.answer = "No: they cover less than real rows do"
    elif wanting:
        finding.answer = "Not within each class: they cover less of some"
    elif not near:
        finding.answer = "By these measures, no less than real rows do"
    if wanting and len(classes) > 1:
        finding.reasons.append(f"Less coverage within class: {', '.join(wanting)}.")


def _is_less(score, reference, n_rows):
    """Beyond chance, for two fractions of n rows each."""
    p = (score + reference) / 2
    return reference - score > DEVIATIONS * np.sqrt(2 * p * (1 - p) / n_rows)
