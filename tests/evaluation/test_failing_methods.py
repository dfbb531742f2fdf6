"""A method that fails is named, before any training where that can be known."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import PredefinedSplit
from sklearn.neighbors import KernelDensity, NearestNeighbors

from sksynth import FlatSampler
from sksynth.evaluation import (
    baselines,
    compare,
    evaluate_combinations,
    fine_tuning_curve,
)

Y = np.repeat(["N", "S", "V"], [30, 10, 20])
X = np.random.default_rng(0).normal(size=(60, 4))
FOLDS = np.zeros(60, dtype=int)  # S has 4 training rows in fold 0 and 6 in fold 1
FOLDS[[*range(15), *range(30, 36), *range(40, 50)]] = 1
CV = PredefinedSplit(1 - FOLDS)
TWO = {"cv": CV, "random_state": 0, "scoring": "accuracy"}


class Classifier(SGDClassifier):
    """Counts its trainings, or fails in them."""

    n_fits = 0

    def __init__(self, fails=False, fails_later=False, random_state=None):
        super().__init__(random_state=random_state)
        self.fails = fails
        self.fails_later = fails_later

    def fit(self, X, y):
        Classifier.n_fits += 1
        if self.fails:
            raise RuntimeError("no training")
        return super().fit(X, y)

    def fine_tune(self, X, y):
        if self.fails_later:
            raise RuntimeError("no fine-tuning")
        return self.partial_fit(X, y)


class Fails(KernelDensity):
    """A generator that cannot be fitted."""

    def fit(self, X, y=None):
        raise ArithmeticError("diverged")


@pytest.fixture(autouse=True)
def nothing_trained():
    Classifier.n_fits = 0


def neighbours(k):
    return FlatSampler(SMOTE(k_neighbors=k))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_method_that_fails_is_named_with_its_fold(n_jobs):
    methods = {"KDE": KernelDensity(), "mine": Fails()}
    with pytest.raises(ArithmeticError, match="^diverged") as caught:
        compare(methods, Classifier(), X, Y, n_jobs=n_jobs, **TWO)
    (note,) = caught.value.__notes__
    folds = [0] if n_jobs is None else [0, 1]  # either may fail first
    assert note in [f"in 'mine', repeat 0, fold {fold}" for fold in folds]


def test_a_generator_that_fails_alone_is_named_as_well():
    with pytest.raises(ArithmeticError) as caught:
        evaluate_combinations(Fails(), Classifier(), X, Y, **TWO)
    assert caught.value.__notes__ == ["in 'Fails', repeat 0, fold 0"]
    with pytest.raises(ArithmeticError) as caught:
        fine_tuning_curve(Fails(), Classifier(), X, Y, **TWO)
    assert caught.value.__notes__ == ["in 'Fails', repeat 0, fold 0"]


def test_a_classifier_that_fails_is_named_by_what_it_was_trained_on():
    for function, classifier, name in (
        (evaluate_combinations, Classifier(fails=True), "real only"),
        (fine_tuning_curve, Classifier(fails=True), "KernelDensity"),
        (fine_tuning_curve, Classifier(fails_later=True), "KernelDensity"),
    ):
        with pytest.raises(RuntimeError) as caught:
            function(KernelDensity(), classifier, X, Y, **TWO)
        assert caught.value.__notes__ == [f"in {name!r}, repeat 0, fold 0"]


def test_too_few_rows_for_smote_are_said_before_any_training():
    message = (
        "^'SMOTE' has k_neighbors=5 and needs 6 training rows of a class; class 'S' "
        r"has 4 in repeat 0, fold 0: take FlatSampler\(SMOTE\(k_neighbors=3\)\) or "
        "leave 'SMOTE' out$"
    )
    with pytest.raises(ValueError, match=message):
        compare(baselines(Classifier()), Classifier(), X, Y, **TWO)
    with pytest.raises(ValueError, match="'FlatSampler' has k_neighbors=5"):
        evaluate_combinations(FlatSampler(), Classifier(), X, Y, **TWO)
    with pytest.raises(ValueError, match="'SMOTE' has k_neighbors=4 and needs 5"):
        fine_tuning_curve(neighbours(4), Classifier(), X, Y, **TWO)
    with pytest.raises(ValueError, match="'table' has k_neighbors=5"):
        compare({"table": SMOTE()}, Classifier(), X, Y, **TWO)
    assert not Classifier.n_fits


def test_as_many_neighbours_as_the_message_offers_are_enough():
    compare({"SMOTE": neighbours(3)}, Classifier(), X, Y, **TWO)
    fine_tuning_curve(neighbours(3), Classifier(), X, Y, fractions=1.0, **TWO)
    with pytest.raises(ValueError, match="'SMOTE' has k_neighbors=4"):
        compare({"SMOTE": neighbours(4)}, Classifier(), X, Y, **TWO)


def test_a_single_row_has_no_neighbours_to_offer():
    folds = [(np.r_[0:15, 30, 40:50], np.r_[15:30, 31:40, 50:60])]
    options = {**TWO, "cv": folds}
    with pytest.raises(ValueError, match="'S' has 1 in .* fold 0: leave 'SMOTE' out"):
        compare({"SMOTE": FlatSampler()}, Classifier(), X, Y, **options)


def test_a_class_that_gets_no_rows_may_be_small():
    options = {**TWO, "combinations": ["TrRSTeR"]}
    for asked in ({"V": 5}, {"N": 0}):
        compare(baselines(), Classifier(), X, Y, n_synthetic=asked, **options)
    with pytest.raises(ValueError, match="class 'S' has 4"):
        compare(baselines(), Classifier(), X, Y, n_synthetic="balanced", **options)
    options["combinations"] = ["TrRTeS"]  # rows to test on are drawn, too
    with pytest.raises(ValueError, match="class 'S' has 4"):
        compare(baselines(), Classifier(), X, Y, n_synthetic={"V": 5}, **options)
    options["combinations"] = ["TrRTeR"]  # nothing is drawn
    compare(baselines(), Classifier(), X, Y, **options)


def test_neighbours_that_an_estimator_finds_are_left_to_it():
    sampler = FlatSampler(SMOTE(k_neighbors=NearestNeighbors(n_neighbors=6)))
    with pytest.raises(ValueError, match="n_neighbors") as caught:
        compare({"own": sampler}, Classifier(), X, Y, **TWO)
    assert caught.value.__notes__ == ["in 'own', repeat 0, fold 0"]
