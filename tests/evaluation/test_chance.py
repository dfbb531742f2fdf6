import numpy as np
import pandas as pd
import pytest

from sksynth.evaluation._chance import real_only_at_chance

N_RUNS = 10
NOISE = np.random.default_rng(0).normal(size=N_RUNS)
NOISE = (NOISE - NOISE.mean()) / NOISE.std(ddof=1)


def real_only(**measures):
    """Rows of real data alone with these scores, by run or the same in all."""
    columns = {"generator": "real only", "combination": "TrRTeR", "n_synthetic": 0}
    frames = [
        pd.DataFrame(
            {
                **columns,
                "repeat": 0,
                "fold": range(N_RUNS),
                "measure": name.replace("_of_", "[").replace("_end", "]"),
                "score": np.broadcast_to(score, N_RUNS),
                "n_real": 90,
                "n_test": 10,
            }
        )
        for name, score in measures.items()
    ]
    return pd.concat(frames)


@pytest.mark.parametrize(
    ("scores", "is_chance"),
    [
        (0.25, True),
        (0.269, True),  # the same in all runs: no test
        (0.271, False),
        (0.2 + 0.05 * NOISE, True),
        (0.26 + 0.001 * NOISE, True),  # surely above, but by nothing
        (0.29 + 0.01 * NOISE, False),  # surely above
        (0.29 + 0.2 * NOISE, True),  # a little, and perhaps by chance
        (0.36 + 0.9 * NOISE, False),  # not a little, and the runs are few
    ],
)
def test_guessing_is_to_be_near_chance_and_not_surely_above(scores, is_chance):
    found = real_only_at_chance(real_only(balanced_accuracy=scores), None, 4)
    assert (found is not None) == is_chance
    if is_chance:
        assert found.measure == "balanced_accuracy"
        assert found.level == 0.25
        assert found.score == pytest.approx(np.mean(scores))


def test_a_measure_without_a_level_is_judged_by_another_one():
    results = real_only(f1_macro=0.1, accuracy=0.7, balanced_accuracy=0.25)
    assert real_only_at_chance(results, "f1_macro", 4).measure == "balanced_accuracy"
    results = real_only(f1_macro=0.1, roc_auc_ovr=0.5)
    assert real_only_at_chance(results, "f1_macro").level == 0.5
    results = real_only(balanced_accuracy=0.25, roc_auc_ovr=0.9)
    assert real_only_at_chance(results, "roc_auc_ovr", 4) is None
    assert real_only_at_chance(real_only(accuracy=0.1), "accuracy", 4) is None


def test_the_recall_of_the_classes_tells_how_many_they_are():
    recalls = {"recall_of_N_end": 1.0, "recall_of_V_end": 0.0}
    found = real_only_at_chance(real_only(balanced_accuracy=0.5, **recalls), None)
    assert found.level == 0.5
    found = real_only_at_chance(real_only(accuracy=0.9, **recalls), "accuracy")
    assert (found.measure, found.score, found.level) == ("mean recall", 0.5, 0.5)
    some = real_only(recall_of_V_end=0.0)
    assert real_only_at_chance(some, "recall[V]") is None
    some = real_only(accuracy=0.3, recall_of_V_end=0.3, recall_of_N_end=0.3)
    assert real_only_at_chance(some, None, 2) is not None
    assert real_only_at_chance(some, None, 3) is None  # of two classes in three


def test_scores_that_are_nan_say_nothing():
    results = real_only(balanced_accuracy=np.nan)
    assert real_only_at_chance(results, None, 4) is None
    results = real_only(balanced_accuracy=np.where(np.arange(N_RUNS) < 3, np.nan, 0.25))
    assert real_only_at_chance(results, None, 4).score == 0.25
