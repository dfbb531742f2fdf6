import numpy as np
import pandas as pd
import pytest

from sksynth.evaluation._comparison import ACCURACY, NEAR, Comparison
from sksynth.evaluation._memorisation import AUC, COPIES, UNSEEN, Memorisation
from sksynth.evaluation._verdict import copying, covers, faithful, told_apart

N = 200  # rows a side
FINE = {ACCURACY: 0.5, NEAR: 0.01, "coverage": 0.95, "recall": 0.9}


def comparison(n_rows=N, classes=None, **synthetic):
    """Measures of rows that are like real ones but for those given."""
    measures = pd.DataFrame({"synthetic": {**FINE, **synthetic}, "real": FINE})
    rows = {
        label: {
            "rows compared": n_rows,
            f"{ACCURACY}, synthetic": values.get(ACCURACY, 0.5),
            f"{ACCURACY}, real": 0.5,
            "coverage, synthetic": values.get("coverage", 0.95),
            "coverage, real": 0.95,
        }
        for label, values in (classes or {"N": {}, "V": {}}).items()
    }
    classes = pd.DataFrame.from_dict(rows, orient="index")
    return Comparison(n_rows, measures, pd.DataFrame(), classes)


def closeness(**synthetic):
    fine = {AUC: 0.5, COPIES: 0.01, UNSEEN: 0.01}
    table = pd.DataFrame({"synthetic": {**fine, **synthetic}, "expected": fine})
    return Memorisation(N, N, table, np.zeros(N), np.zeros(N))


def test_rows_like_real_ones_are_found_so():
    assert faithful(comparison()).status == "good"
    assert covers(comparison(), 0, N).status == "good"
    assert copying(0, N, closeness()).status == "good"


def test_an_accuracy_counts_from_three_deviations_on():
    deviation = np.sqrt(0.25 / (2 * N))  # of the share of right guesses
    assert not told_apart(0.5 + 2.9 * deviation, 0.5, N)
    assert told_apart(0.5 + 3.1 * deviation, 0.5, N)
    assert not told_apart(0.1, 0.5, N)  # misled by copies
    assert not told_apart(0.5 + 3.1 * deviation, 0.48, N)  # halves differ as well
    assert not told_apart(np.nan, np.nan, 5)


@pytest.mark.parametrize(
    ("accuracy", "answer"),
    [
        (0.95, "No: a classifier tells them apart almost always"),
        (0.7, "better than by"),
    ],
)
def test_how_often_rows_are_told_apart_is_said(accuracy, answer):
    finding = faithful(comparison(**{ACCURACY: accuracy}))
    assert answer in finding.answer
    assert finding.status == "bad"
    assert f"right in {100 * accuracy:.0f} % of the rows" in finding.reasons[0]


def test_one_class_is_enough():
    classes = {"N": {}, "V": {ACCURACY: 0.9, "coverage": 0.5}}
    finding = faithful(comparison(classes=classes))
    assert finding.answer == "Not within each class: a classifier tells some apart"
    assert finding.reasons[-1] == "Told apart within class: V."
    finding = covers(comparison(classes=classes), 0, N)
    assert finding.answer == "Not within each class: they cover less of some"
    assert finding.reasons[-1] == "Less coverage within class: V."


def test_near_rows_are_judged_only_to_their_harm():
    near = {NEAR: 0.5}
    assert faithful(comparison(**near)).answer.startswith("Not judged: they are too")
    assert faithful(comparison(**near, **{ACCURACY: 0.9})).status == "bad"
    assert covers(comparison(**near), 0, N).answer.startswith("Not judged")
    assert covers(comparison(**near, coverage=0.2), 0, N).status == "bad"


@pytest.mark.parametrize("measure", ["coverage", "recall"])
def test_less_coverage_counts_from_three_deviations_on(measure):
    real, n = FINE[measure], 10_000
    deviation = np.sqrt(2 * real * (1 - real) / n)
    slightly, clearly = real - 2.8 * deviation, real - 3.3 * deviation
    assert covers(comparison(n, **{measure: slightly}), 0, n).status == "good"
    finding = covers(comparison(n, **{measure: clearly}), 0, n)
    assert finding.answer == "No: they cover less than real rows do"


def test_repeated_rows_are_told_and_many_are_a_finding():
    assert covers(comparison(), 1, 200).status == "good"
    assert (
        "1 of 200 synthetic rows repeat another one."
        in covers(comparison(), 1, 200).reasons
    )
    assert covers(comparison(), 3, 200).answer.startswith("No: 3 of 200 synthetic rows")


@pytest.mark.parametrize(
    ("measures", "flagged"),
    [
        ({COPIES: 0.03}, False),  # 0.01 + 3 sqrt(0.0099 / 100) = 0.040
        ({COPIES: 0.05}, True),
        ({COPIES: 0.5, UNSEEN: 0.5}, False),  # near to everything: smooth, no copies
        ({COPIES: 0.5, UNSEEN: 0.1}, True),
        ({AUC: 0.58}, False),  # 0.5 + 3 * 0.0289 = 0.587
        ({AUC: 0.6}, True),
        ({AUC: 0.2}, False),
    ],
)
def test_nearness_counts_against_held_out_rows_and_beyond_chance(measures, flagged):
    finding = copying(0, N, closeness(**measures))
    assert finding.answer.startswith("Signs of it" if flagged else "No sign of it")
    assert ("patients look" in finding.reasons[-1]) == flagged


def test_one_equal_row_is_a_copy():
    finding = copying(1, N, closeness(**{AUC: 0.9}))
    assert finding.answer == "Yes: 1 of 200 synthetic rows equal a training row"
    assert not any("patients" in text for text in finding.reasons)
    assert copying(1, N, None).status == "bad"


def test_few_rows_are_not_judged():
    for finding in (faithful(comparison(19)), covers(comparison(19), 0, N)):
        assert finding.answer == "Not judged: 19 rows a side are too few"
        assert finding.status == ""
