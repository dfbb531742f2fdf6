import numpy as np
import pandas as pd
import pytest

from sksynth.evaluation._utility import judged
from sksynth.evaluation._verdict import helps

N_RUNS = 5
RNG = np.random.default_rng(0)
NOISE = 0.01 * RNG.normal(size=N_RUNS)


def frame(generator, combination, score, measure="balanced_accuracy", n_runs=N_RUNS):
    return pd.DataFrame(
        {
            "generator": generator,
            "combination": combination,
            "repeat": 0,
            "fold": range(n_runs),
            "measure": measure,
            "score": np.broadcast_to(score, n_runs),
            "n_real": 80,
            "n_synthetic": 80 if "S" in combination else 0,
            "n_test": 20,
            "seconds": 0.1,
        }
    )


REAL = frame("real only", "TrRTeR", 0.8 + NOISE)
CHANGES = NOISE[::-1] / 10


def against_real(change, name="VAE"):
    return frame(name, "TrRSTeR", 0.8 + NOISE + change + CHANGES)


@pytest.mark.parametrize(
    ("change", "answer", "status"),
    [
        (0.1, "They helped", "good"),
        (-0.1, "They hurt", "bad"),
        (0.0, "No help was shown: no difference beyond chance", ""),
    ],
)
def test_the_answer_follows_the_corrected_test(change, answer, status):
    finding = helps(judged(pd.concat([REAL, against_real(change)]), None, None))
    assert (finding.answer, finding.status) == (answer, status)
    number = change + CHANGES.mean()
    assert f"{number:+.3f} (95 % interval" in finding.reasons[0]
    assert finding.reasons[0].endswith("5 runs).")


@pytest.mark.parametrize(("spread", "is_wide"), [(0.1, True), (0.001, False)])
def test_a_gain_that_the_runs_could_have_missed_is_named(spread, is_wide):
    differences = spread * np.array([-1, 1, 0, -1, 1])
    augmented = frame("VAE", "TrRSTeR", 0.8 + NOISE + differences)
    reasons = helps(judged(pd.concat([REAL, augmented]), None, None)).reasons
    assert any("cannot be ruled out" in reason for reason in reasons) == is_wide


def test_no_results_are_not_measured():
    finding = helps(None)
    assert finding.answer == "Not measured"
    assert "evaluate_combinations" in finding.reasons[0]
    only_real = helps(judged(REAL, None, None))
    assert only_real.answer == "Not measured"
    assert "no TrRSTeR rows" in only_real.reasons[0]


def test_a_single_run_is_not_tested():
    results = pd.concat([REAL, against_real(0.1)]).query("fold == 0")
    finding = helps(judged(results, None, None))
    assert finding.answer == "Not tested: a test needs runs that differ"
    assert "(1 run)" in finding.reasons[0]


def test_several_generators_are_named_and_corrected_for():
    results = pd.concat([REAL, against_real(0.1, "A"), against_real(-0.1, "B")])
    finding = helps(judged(results, None, None))
    assert finding.answer == "A: they helped; B: they hurt"
    assert "by Holm for several methods" in " ".join(finding.reasons)
    assert helps(judged(results, "B", None)).answer == "They hurt"


def test_smote_is_the_other_method_and_the_baselines_are_not_judged():
    results = pd.concat(
        [
            REAL,
            against_real(0.1),
            against_real(0.2 + NOISE, "SMOTE"),
            against_real(0, "jitter"),
        ]
    )
    utility = judged(results, None, None)
    assert utility.names == ["VAE"]
    reasons = helps(utility).reasons
    assert reasons[1].startswith("Worse than SMOTE: -0.1")
    only = judged(pd.concat([REAL, against_real(0.2, "SMOTE")]), None, None)
    assert only.names == ["SMOTE"]  # nothing else is there
    assert not only.against


def test_training_on_synthetic_rows_alone_is_told():
    alone = frame("VAE", "TrSTeR", 0.5)
    finding = helps(judged(pd.concat([REAL, against_real(0.1), alone]), None, None))
    assert finding.reasons[-1].endswith("balanced_accuracy on real rows is 0.500.")


def test_the_measure_may_be_chosen():
    rows = [REAL, against_real(0.1)]
    rows += [r.assign(measure="f1_macro", score=0.5) for r in rows]
    rows += [r.assign(measure="recall[V]") for r in rows[:2]]
    results = pd.concat(rows)
    assert judged(results, None, None).measure == "balanced_accuracy"
    utility = judged(results, "VAE", "f1_macro")
    assert helps(utility).answer.startswith("No help was shown")
    assert utility.recall_changes("VAE") == pytest.approx({"V": 0.1 + CHANGES.mean()})
    assert list(utility.others().columns) == ["combination", "balanced_accuracy"]
    assert list(utility.recall().columns) == ["combination", "V"]
    assert utility.recall().index.tolist() == ["real only", "VAE"]
    first = judged(results.query("measure == 'recall[V]'"), None, None)
    assert first.measure == "recall[V]"


def test_unknown_generators_and_measures_are_refused():
    results = pd.concat([REAL, against_real(0.1)])
    with pytest.raises(
        ValueError, match=r"TrRSTeR rows in results, \['VAE'\]; got 'x'"
    ):
        judged(results, "x", None)
    with pytest.raises(ValueError, match="one of .'balanced_accuracy'.; got 'auc'"):
        judged(results, None, "auc")
    with pytest.raises(ValueError, match="no baseline"):
        judged(against_real(0.1), None, None)
