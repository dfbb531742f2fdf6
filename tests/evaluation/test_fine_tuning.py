import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline

from sksynth import FlatSampler
from sksynth.datasets import make_ecg
from sksynth.evaluation import (
    CURVE_COLUMNS,
    evaluate_combinations,
    fine_tuning_curve,
)
from sksynth.evaluation.fine_tuning import nested_rows

RNG = np.random.default_rng(0)
Y = np.repeat(["N", "S", "V"], [30, 12, 18])
X = RNG.normal(size=(60, 4)) + 1.5 * np.unique(Y, return_inverse=True)[1][:, None]
X.flags.writeable = False


class Tunable(SGDClassifier):
    """A linear classifier that goes on for a few epochs."""

    def fine_tune(self, X, y):
        for _ in range(5):
            self.partial_fit(X, y)
        return self


class Wrote(ClassifierMixin, BaseEstimator):
    """Writes down the rows of each training, and which it began from."""

    log: list = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_, self.before_ = np.unique(y), []
        return self.fine_tune(X, y)

    def fine_tune(self, X, y):
        Wrote.log.append((list(self.before_), np.array(X), self.random_state))
        self.before_.append(len(X))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def curve_of(classifier, **options):
    options = {"cv": 3, "random_state": 0, **options}
    return fine_tuning_curve(KernelDensity(), classifier, X, Y, **options)


def test_a_score_a_row_with_the_agreed_columns_and_sizes():
    curve = curve_of(
        Tunable(), fractions=[0.5, 1.0], n_repeats=2, per_class=True, n_synthetic=2.0
    )
    assert list(curve.columns) == CURVE_COLUMNS
    measures = [
        *("accuracy", "balanced_accuracy", "f1_macro", "precision_macro"),
        *("recall_macro", "recall[N]", "recall[S]", "recall[V]"),
    ]
    assert len(curve) == 2 * 2 * 2 * 3 * len(measures)
    assert list(dict.fromkeys(curve["measure"])) == measures
    assert set(curve["generator"]) == {"KernelDensity"}
    keys = ["fraction", "method"]
    sizes = curve.drop_duplicates(keys).set_index(keys)
    assert sizes[["n_real", "n_synthetic", "n_test"]].to_numpy().tolist() == [
        [20, 80, 20],
        [20, 0, 20],
        [40, 80, 20],
        [40, 0, 20],
    ]
    assert (curve["seconds"] > 0).all()


def test_with_all_real_rows_real_only_is_the_baseline_of_the_combinations():
    curve = curve_of(Tunable(), fractions=1.0, n_repeats=2)
    results = evaluate_combinations(
        KernelDensity(),
        Tunable(),
        X,
        Y,
        cv=3,
        combinations="TrRTeR",
        n_repeats=2,
        per_class=False,
        random_state=0,
    )
    real_only = curve[curve["method"] == "real only"]
    np.testing.assert_array_equal(real_only["score"], results["score"])


def test_each_fraction_starts_from_the_classifier_of_synthetic_rows_alone():
    Wrote.log = []
    curve_of(
        Wrote(), fractions=[0.25, 0.5, 1.0], cv=2, n_synthetic={"N": 7, "S": 2, "V": 1}
    )
    first_fold = Wrote.log[:7]
    assert [before for before, _, _ in first_fold] == [[], *([[10], []] * 3)]
    assert not np.isin(first_fold[0][1], X).any()
    sizes = [len(rows) for _, rows, _ in first_fold]
    assert sizes == [10, *([8] * 2), *([15] * 2), *([30] * 2)]
    for tuned, real_only in zip(first_fold[1::2], first_fold[2::2], strict=True):
        assert np.isin(tuned[1], X).all()
        np.testing.assert_array_equal(tuned[1], real_only[1])
    assert len({seed for _, _, seed in first_fold}) == 1


def test_fine_tuning_beats_real_only_where_synthetic_rows_tell_the_truth():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 150)
    signals = rng.normal(size=(300, 30))
    signals[:, :5] += 0.9 * labels[:, None]
    curve = fine_tuning_curve(
        KernelDensity(bandwidth=0.5),
        Tunable(loss="log_loss", alpha=0.01),
        signals,
        labels,
        fractions=[0.05, 1.0],
        n_synthetic=3.0,
        scoring="accuracy",
        n_repeats=2,
        random_state=0,
    )
    means = curve.groupby(["method", "fraction"])["score"].mean()
    assert means["fine-tuned", 0.05] > means["real only", 0.05] + 0.03
    assert means["real only", 1.0] > means["real only", 0.05] + 0.05


def test_fractions_are_nested_stratified_and_never_without_a_class():
    fractions = [0.01, 0.2, 0.5, 1.0]
    subsets = nested_rows(Y, fractions, 0)
    for smaller, larger in zip(subsets, subsets[1:], strict=False):
        assert set(smaller) < set(larger)
    counts = [np.unique(Y[rows], return_counts=True)[1].tolist() for rows in subsets]
    assert counts == [[1, 1, 1], [6, 2, 4], [15, 6, 9], [30, 12, 18]]
    np.testing.assert_array_equal(subsets[-1], np.arange(60))
    assert set(nested_rows(Y, [0.2], 1)[0]) != set(subsets[1])
    np.testing.assert_array_equal(nested_rows(Y, [0.5], 0)[0], subsets[2])


def test_curves_repeat_by_seed_and_samplers_and_groups_serve():
    options = {"groups": np.tile(np.arange(12), 5), "fractions": [1.0, 0.5, 0.5]}
    curves = [
        fine_tuning_curve(
            FlatSampler(), Tunable(), X, Y, cv=2, random_state=3, **options
        ).drop(columns="seconds")
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*curves)
    assert list(dict.fromkeys(curves[0]["fraction"])) == [0.5, 1.0]


def test_what_is_wrong_is_said_before_any_training():
    Wrote.log = []
    with pytest.raises(TypeError, match="LogisticRegression has no fine_tune"):
        curve_of(LogisticRegression())
    with pytest.raises(TypeError, match="Pipeline has no fine_tune"):
        curve_of(make_pipeline(Tunable()))
    for wrong in ([0.0, 0.5], [1.1], [], ["all"]):
        with pytest.raises(ValueError, match=r"fractions must be numbers in \(0, 1\]"):
            curve_of(Wrote(), fractions=wrong)
    with pytest.raises(ValueError, match="no row, and fine-tuning trains on synthetic"):
        curve_of(Wrote(), n_synthetic={"N": 3})
    with pytest.raises(TypeError, match="fit and sample, or fit_resample; got None"):
        fine_tuning_curve(None, Wrote(), X, Y)
    assert not Wrote.log


def test_the_classifier_of_the_study_can_be_fine_tuned():
    classifiers = pytest.importorskip("sksynth.classifiers")
    beats, labels = make_ecg(
        80, classes=("N", "V"), weights=(0.5, 0.5), n_times=128, random_state=0
    )
    classifier = classifiers.CNN1DClassifier(max_epochs=2, random_state=0)
    curve = fine_tuning_curve(
        FlatSampler(), classifier, beats, labels, fractions=[0.5], cv=2, random_state=0
    )
    assert curve["score"].between(0, 1).all()
