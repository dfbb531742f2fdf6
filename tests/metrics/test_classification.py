import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksynth.metrics import (
    classification_accuracy_score,
    classifier_two_sample_score,
    inception_score,
    proportional_labels,
)
from sksynth.metrics.classification import _features_of_both


class Threshold(ClassifierMixin, BaseEstimator):
    """Says 1 where the first number of a row is positive; keeps what it was given."""

    seen = []  # shapes of all fits

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen.append((X.shape, np.bincount(y).tolist()))
        return self

    def predict(self, X):
        return (X.reshape(len(X), -1)[:, 0] > 0).astype(int)


@pytest.fixture
def seen():
    Threshold.seen.clear()
    return Threshold.seen


def noise(n, seed=0, shape=(2, 40)):
    X = np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)
    X.flags.writeable = False
    return X


@pytest.mark.parametrize("share_right", [1.0, 0.75, 0.5, 0.25, 0.0])
def test_the_score_is_1_less_twice_what_the_accuracy_is_from_one_half(share_right):
    signs = np.where(np.arange(40) < 40 * share_right, 1, -1)
    real, synthetic = -signs[:, None] * np.ones(3), signs[:, None] * np.ones(3)
    score = classifier_two_sample_score(real, synthetic, classifier=Threshold())
    assert score == pytest.approx(1 - abs(share_right - 0.5) / 0.5)


def test_the_score_equals_the_cross_validation_of_scikit_learn():
    X, Y = noise(50, 0, (12,)), noise(50, 1, (12,)) + np.float32(0.4)
    splits = StratifiedKFold(4, shuffle=True, random_state=7)
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    score = classifier_two_sample_score(X, Y, classifier=classifier, cv=splits)
    both, y = np.concatenate([X, Y]), np.repeat([0, 1], 50)
    accuracy = cross_val_score(classifier, both, y, cv=splits).mean()
    assert score == pytest.approx(1 - abs(accuracy - 0.5) / 0.5, rel=1e-12)
    assert 0.2 < score < 0.95


def test_two_halves_cannot_be_told_apart_and_other_sets_can():
    halves = [
        classifier_two_sample_score(
            noise(80, 2 * s), noise(80, 2 * s + 1), random_state=0
        )
        for s in range(5)
    ]
    assert np.mean(halves) > 0.85
    X, Y = noise(80, 0), noise(80, 1)
    smooth = (Y + np.roll(Y, 1, axis=2)) / np.float32(np.sqrt(2))
    for other in (smooth, 1.5 * Y, Y + np.float32(0.5), Y * np.float32([[1], [2]])):
        assert classifier_two_sample_score(X, other, random_state=0) < 0.3


def test_the_default_features_do_not_depend_on_unit_and_offset_of_a_channel():
    X, Y = noise(40, 0).astype(float), noise(60, 1) * 1.2
    gain, offset = np.array([[1e-3], [1e4]]), np.array([[5.0], [-1e5]])
    features = _features_of_both(X * gain + offset, Y * gain + offset)
    assert features.shape == (100, 256)
    np.testing.assert_allclose(features, _features_of_both(X, Y), atol=1e-4)


def test_the_larger_set_is_thinned_to_the_smaller(seen):
    for sizes in ((30, 20), (20, 30)):
        seen.clear()
        sets = (noise(n) for n in sizes)
        classifier_two_sample_score(*sets, classifier=Threshold(), cv=4)
        assert seen == [((30, 2, 40), [15, 15])] * 4


def test_rows_of_the_larger_set_are_drawn_by_the_seed():
    X, Y = noise(400, 0, (3,)), noise(30, 1, (3,))
    scores = {
        seed: classifier_two_sample_score(
            X, Y, classifier=Threshold(), random_state=seed
        )
        for seed in range(6)
    }
    assert len(set(scores.values())) > 1
    again = classifier_two_sample_score(X, Y, classifier=Threshold(), random_state=3)
    assert again == scores[3]


def test_the_classifier_gets_as_many_dimensions_as_were_given(seen):
    X = noise(10, shape=(7,))
    classifier_two_sample_score(X, X, classifier=Threshold(), cv=2)
    classifier_two_sample_score(X[:, None], X[:, None], classifier=Threshold(), cv=2)
    assert {shape for shape, _ in seen} == {(10, 7), (10, 1, 7)}


def test_a_seed_makes_an_unseeded_classifier_repeatable_and_leaves_global_states():
    X, Y = noise(40, 0, (6,)), noise(40, 1, (6,))
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(5, max_depth=2))
    before = np.random.get_state(), torch.get_rng_state()
    scores = [
        classifier_two_sample_score(X, Y, classifier=forest, random_state=3)
        for _ in range(3)
    ]
    assert len(set(scores)) == 1
    assert forest.get_params()["randomforestclassifier__random_state"] is None
    classifier_two_sample_score(X, Y)
    after = np.random.get_state(), torch.get_rng_state()
    assert all(np.array_equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])


def test_wrong_input_of_the_two_sample_score_is_refused():
    X = noise(10)
    with pytest.raises(ValueError, match="cv must be at least 2 and at most 4; got 5"):
        classifier_two_sample_score(X, X[:4])
    with pytest.raises(TypeError, match="cv must be an integer; got True"):
        classifier_two_sample_score(X, X, cv=True)
    with pytest.raises(ValueError, match="X_real and X_synthetic .*same channels"):
        classifier_two_sample_score(X, X[:, :1])
    with pytest.raises(ValueError, match="2D array|dim"):  # the classifier's own words
        classifier_two_sample_score(X, X, classifier=LogisticRegression())


@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 99))
def test_the_inception_score_equals_a_double_loop(n, n_classes, seed):
    p = np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3), size=n)
    p[0] = np.eye(n_classes)[0]  # zeros
    mean_p = p.mean(axis=0)
    divergence = sum(
        p[i, c] * np.log(p[i, c] / mean_p[c]) / n
        for i in range(n)
        for c in range(n_classes)
        if p[i, c] > 0
    )
    mean, sd = inception_score(p, n_splits=1)
    assert mean == pytest.approx(np.exp(divergence), rel=1e-9)
    assert sd == 0


def test_inception_scores_have_closed_forms():
    sure = np.eye(5)[np.arange(5000) % 5]
    assert inception_score(sure, n_splits=1)[0] == pytest.approx(5, rel=1e-12)
    mean, sd = inception_score(sure, random_state=0)
    assert mean == pytest.approx(5, rel=0.01)
    assert 0 < sd < 0.05
    same = np.tile([0.7, 0.2, 0.1, 0.0], (50, 1))
    assert inception_score(same) == pytest.approx((1, 0))
    one_class = np.eye(3)[np.zeros(20, int)]
    assert inception_score(one_class) == pytest.approx((1, 0))


def test_the_parts_of_the_inception_score_are_random_and_nearly_equal():
    ordered = np.eye(4)[np.repeat(np.arange(4), 25)]  # ordered parts would score 1
    mean, _ = inception_score(ordered, n_splits=4, random_state=0)
    assert mean > 3.5
    assert inception_score(ordered, random_state=1) == inception_score(
        ordered, random_state=1
    )
    draws = {inception_score(ordered)[0] for _ in range(4)}
    assert len(draws) > 1
    assert inception_score(ordered, n_splits=100) == pytest.approx((1, 0))  # rows alone
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=11)
    order = np.random.RandomState(2).permutation(11)
    scores = [
        inception_score(p[order[a:b]], n_splits=1)[0] for a, b in ((0, 6), (6, 11))
    ]
    mean, sd = inception_score(p, n_splits=2, random_state=2)
    assert mean == pytest.approx(np.mean(scores), rel=1e-12)
    assert sd == pytest.approx(abs(scores[0] - scores[1]) / 2, rel=1e-9)


def test_float32_probabilities_are_taken_as_they_are():
    p = torch.softmax(torch.randn(64, 7, generator=torch.manual_seed(0)), dim=1).numpy()
    assert inception_score(p, n_splits=2)[0] > 1


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="sum to 1 .*sums from 0.5 to 1"):
        inception_score([[0.5, 0.5], [0.25, 0.25]])
    with pytest.raises(ValueError, match="at least 0 .*values from -0.5"):
        inception_score([[0.5, 0.5], [1.5, -0.5]])
    with pytest.raises(ValueError, match="n_splits must be at least 1 and at most 2"):
        inception_score(np.eye(2))
    with pytest.raises(ValueError, match="NaN"):
        inception_score([[np.nan, 1.0]])


def test_the_accuracy_score_trains_on_synthetic_and_tests_on_real_rows():
    rng = np.random.default_rng(0)
    X_real, X_new = rng.normal(size=(2, 60, 5))
    y_real, y_new = rng.integers(0, 3, size=(2, 60))
    classifier = KNeighborsClassifier(3)
    score = classification_accuracy_score(classifier, X_new, y_new, X_real, y_real)
    expected = KNeighborsClassifier(3).fit(X_new, y_new).score(X_real, y_real)
    assert score == pytest.approx(expected, rel=1e-12)
    assert score != KNeighborsClassifier(3).fit(X_real, y_real).score(X_new, y_new)
    assert not hasattr(classifier, "classes_")


def test_the_accuracy_score_keeps_the_number_of_dimensions(seen):
    X, y = noise(8), np.arange(8) % 2
    classification_accuracy_score(Threshold(), X, y, X, y)
    classification_accuracy_score(Threshold(), X[:, 0], y, X[:, 0], y)
    assert [shape for shape, _ in seen] == [(8, 2, 40), (8, 40)]


def test_wrong_labels_are_refused():
    X, y = noise(8), np.arange(8) % 2
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classification_accuracy_score(Threshold(), X, y[1:], X, y)
    with pytest.raises(ValueError, match=r"y_real must have shape .*got \(8, 1\)"):
        classification_accuracy_score(Threshold(), X, y, X, y[:, None])
    with pytest.raises(ValueError, match="X_synthetic and X_real .*same channels"):
        classification_accuracy_score(Threshold(), X[:, :1], y, X, y)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 200))
def test_proportional_labels_have_the_total_and_the_proportions(counts, n_min):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    labels = proportional_labels(y, n_min=n_min)
    n = max(len(y), n_min)
    assert len(labels) == n
    got = np.bincount(labels, minlength=len(counts))
    assert (got >= counts).all()
    assert np.abs(got - np.multiply(counts, n / len(y))).max() < 1


def test_a_large_real_set_is_matched_row_by_row():
    y = np.array(["N"] * 900 + ["V"] * 300)
    labels, counts = np.unique(proportional_labels(y), return_counts=True)
    assert dict(zip(labels, counts, strict=True)) == {"N": 900, "V": 300}
    assert proportional_labels(y).dtype == y.dtype
    with pytest.raises(TypeError, match="n_min must be an integer; got 1000.0"):
        proportional_labels(y, n_min=1e3)


def test_a_splitter_that_does_not_shuffle_gets_mixed_rows():
    X, Y = np.random.default_rng(4).normal(size=(2, 100, 1, 16))
    for folds in (2, 5):
        score = classifier_two_sample_score(X, Y, cv=KFold(folds), random_state=0)
        assert score > 0.6  # one distribution
