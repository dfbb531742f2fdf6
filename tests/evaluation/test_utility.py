import numpy as np
import pandas as pd
import pytest

from sksynth.evaluation import summarise
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


CHEAP = ("class weights", "random over-sampling", "jitter", "SMOTE")


def beside(**changes):
    """The finding on a VAE that adds 0.1, beside cheap methods that add these."""
    rows = [REAL, against_real(0.1)]
    for name, change in changes.items():
        name = name.replace("_", " ").replace("over ", "over-")
        combination = "TrRTeR" if name == "class weights" else "TrRSTeR"
        scores = 0.8 + NOISE + change - CHANGES
        rows.append(frame(name, combination, scores))
    return helps(judged(pd.concat(rows), None, None))


@pytest.mark.parametrize("name", CHEAP)
@pytest.mark.parametrize(
    ("change", "answer", "status"),
    [
        (0.2, "They helped, but less than {}", ""),
        (0.1, "They helped, but no more than {} beyond chance", ""),
        (0.0, "They helped, and more than {}", "good"),
    ],
)
def test_a_gain_is_told_beside_each_cheap_method(name, change, answer, status):
    finding = beside(**{name.replace(" ", "_").replace("-", "_"): change})
    assert (finding.answer, finding.status) == (answer.format(name), status)
    assert f"{name}" in finding.reasons[1]
    assert not any("No cheap method" in reason for reason in finding.reasons)


def test_one_cheap_method_that_does_as_well_is_enough_for_doubt():
    finding = beside(jitter=0.2, random_over_sampling=0.1, class_weights=0.0, SMOTE=0.1)
    assert finding.answer == (
        "They helped, but less than jitter and no more than random over-sampling and "
        "SMOTE beyond chance"
    )
    assert [reason.split(":")[0] for reason in finding.reasons[1:]] == [
        "Worse than jitter",
        "No difference from random over-sampling beyond chance",
        "Better than class weights",
        "No difference from SMOTE beyond chance",
    ]


def test_a_cheap_method_that_was_not_tested_is_in_doubt():
    same = pd.concat([REAL, against_real(0.1), against_real(0, "jitter")])
    finding = helps(judged(same, None, None))  # 0.1 in each run: no spread
    assert finding.answer == "They helped, but not tested beside jitter"
    assert finding.status == ""


def test_p_values_beside_cheap_methods_are_corrected_for_their_number():
    rows = [REAL, against_real(0.1)]
    rng = np.random.default_rng(1)
    for name in CHEAP[1:]:
        rows.append(frame(name, "TrRSTeR", 0.88 + 0.01 * rng.normal(size=N_RUNS)))
    results = pd.concat(rows)
    rivals = judged(results, None, None).rivals("VAE")
    alone = {
        name: summarise(results, baseline=name).query("generator == 'VAE'")
        for name in CHEAP[1:]
    }
    p = {name: table["p_value"].item() for name, table in alone.items()}
    smallest = min(p, key=p.get)
    assert rivals[smallest]["p_holm"] == pytest.approx(3 * p[smallest])
    assert all(rivals[name]["p_value"] == pytest.approx(p[name]) for name in p)


def test_a_gain_without_a_cheap_method_is_told_to_be_one():
    finding = helps(judged(pd.concat([REAL, against_real(0.1)]), None, None))
    assert finding.reasons[1].startswith("No cheap method is in the results")
    hurt = helps(judged(pd.concat([REAL, against_real(-0.1)]), None, None))
    assert not any("No cheap method" in reason for reason in hurt.reasons)


def test_a_cheap_method_without_scores_is_left_out():
    other = frame("jitter", "TrRSTeR", np.nan)
    results = pd.concat([REAL, against_real(0.1), other])
    assert not judged(results, None, None).rivals("VAE")


def test_a_classifier_that_guesses_is_told_in_the_first_sentence():
    real = frame("real only", "TrRTeR", 0.2)
    rows = frame("VAE", "TrRSTeR", 0.8 + NOISE)
    jitter = frame("jitter", "TrRSTeR", 0.9 - NOISE)
    results = pd.concat([real, rows, jitter])
    finding = helps(judged(results, None, None, n_classes=5))
    assert finding.answer == (
        "They helped, but less than jitter; with real rows alone the classifier hardly "
        "does better than chance"
    )
    assert "balanced_accuracy is 0.200, and 0.200 is the level" in finding.reasons[-1]
    alone = pd.concat([real, rows])
    assert helps(judged(alone, None, None, n_classes=5)).status == ""
    assert helps(judged(alone, None, None, n_classes=9)).status == "good"  # 0.11
    hurt = frame("VAE", "TrRSTeR", 0.1 + NOISE)
    finding = helps(judged(pd.concat([real, hurt]), None, None, n_classes=5))
    assert finding.status == "bad"


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
