import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score, make_scorer, recall_score, roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    PredefinedSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sksynth import VAE, FlatSampler, GeneratorAugmenter, GeneratorOverSampler
from sksynth.datasets import make_ecg
from sksynth.evaluation import (
    COMBINATIONS,
    RESULT_COLUMNS,
    baselines,
    compare,
    evaluate_combinations,
    summarise,
)

RNG = np.random.default_rng(0)
Y = np.repeat(["N", "S", "V"], [30, 12, 18])
X = (
    RNG.normal(size=(60, 2, 6))
    + 2.0 * (np.unique(Y, return_inverse=True)[1] == 1)[:, None, None]
    - 1.0 * (Y == "V")[:, None, None]
)
X.flags.writeable = False
PATIENTS = np.tile(np.arange(12), 5)  # each has rows of several classes


def flatten(X):
    return X.reshape(len(X), -1)


def logistic():
    return make_pipeline(FunctionTransformer(flatten), LogisticRegression())


def trees():
    return make_pipeline(
        FunctionTransformer(flatten), ExtraTreesClassifier(4, random_state=0)
    )


class Rows(BaseEstimator):
    """Gives rows of its own: of ``source`` with their labels, one class after all."""

    def __init__(self, source=None, labels=None):
        self.source = source
        self.labels = labels

    def fit(self, X, y):
        self.shape_ = X.shape[1:]
        return self

    def sample(self, n_samples=1, y=None, random_state=None):
        own = self.source[self.labels == y]
        return np.resize(own, (n_samples, *own.shape[1:]))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class Spy(KernelDensity):
    """Writes down the rows that it was fitted on."""

    seen: list = []

    def fit(self, X, y=None):
        Spy.seen.append(np.array(X))
        return super().fit(X)


class Wrote(ClassifierMixin, BaseEstimator):
    """Writes down what it was trained and tested on; always says the first class."""

    trained: list = []
    tested: list = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Wrote.trained.append((np.array(X), np.array(y), self.random_state))
        return self

    def predict(self, X):
        Wrote.tested.append(np.array(X))
        return np.full(len(X), self.classes_[0])


@pytest.fixture(autouse=True)
def nothing_seen():
    Spy.seen, Wrote.trained, Wrote.tested = [], [], []


def scores_of(results, **wanted):
    for column, value in wanted.items():
        results = results[results[column] == value]
    return results["score"].to_numpy()


def without_time(results):
    return results.drop(columns="seconds")


def test_a_score_a_row_with_the_agreed_columns_and_sizes():
    results = evaluate_combinations(
        KernelDensity(), logistic(), X, Y, cv=3, n_repeats=2, random_state=0
    )
    assert list(results.columns) == RESULT_COLUMNS
    measures = [
        *("accuracy", "balanced_accuracy", "f1_macro", "precision_macro"),
        *("recall_macro", "roc_auc_ovr", "recall[N]", "recall[S]", "recall[V]"),
    ]
    assert len(results) == 5 * 2 * 3 * len(measures)
    keys = ["generator", "combination", "repeat", "fold", "measure"]
    assert not results.duplicated(keys).any()
    assert list(dict.fromkeys(results["measure"])) == measures
    assert list(dict.fromkeys(results["combination"])) == list(COMBINATIONS)
    real_only = results["combination"] == "TrRTeR"
    assert set(results.loc[real_only, "generator"]) == {"real only"}
    assert set(results.loc[~real_only, "generator"]) == {"KernelDensity"}
    sizes = results.drop_duplicates("combination").set_index("combination")
    assert sizes[["n_real", "n_synthetic", "n_test"]].to_numpy().tolist() == [
        [40, 0, 20],
        [0, 40, 20],
        [40, 0, 20],
        [0, 40, 20],
        [40, 40, 20],
    ]
    assert (results["seconds"] > 0).all()
    assert len(summarise(results)) == 5 * len(measures)


def test_scores_are_those_of_a_plain_loop():
    splits = list(StratifiedKFold(3).split(X, Y))
    results = evaluate_combinations(
        Rows(X, Y), logistic(), X, Y, cv=splits, random_state=0
    )
    for fold, (train, test) in enumerate(splits):
        classifier = logistic().fit(X[train], Y[train])
        predicted = classifier.predict(X[test])
        recalls = recall_score(Y[test], predicted, average=None)
        expected = {
            "accuracy": np.mean(predicted == Y[test]),
            "balanced_accuracy": recalls.mean(),
            "f1_macro": f1_score(Y[test], predicted, average="macro"),
            "roc_auc_ovr": roc_auc_score(
                Y[test], classifier.predict_proba(X[test]), multi_class="ovr"
            ),
            **{f"recall[{label}]": r for label, r in zip("NSV", recalls, strict=True)},
        }
        for measure, score in expected.items():
            found = scores_of(results, combination="TrRTeR", fold=fold, measure=measure)
            assert found == pytest.approx([score])


def test_if_synthetic_is_real_training_on_it_is_training_on_real():
    # both halves of the data are equal, and the generator gives back one of them
    twice, labels = np.concatenate([X, X]), np.concatenate([Y, Y])
    half = PredefinedSplit(np.repeat([-1, 0], 60))
    results = evaluate_combinations(
        Rows(X, Y),
        make_pipeline(FunctionTransformer(flatten), KNeighborsClassifier(3)),
        twice,
        labels,
        cv=half,
        random_state=0,
    )
    for measure in results["measure"].unique():
        scores = {
            c: scores_of(results, combination=c, measure=measure)[0]
            for c in COMBINATIONS[:4]
        }
        assert len(set(scores.values())) == 1, scores


def test_shuffled_labels_give_chance():
    shuffled = np.random.default_rng(1).permutation(Y)
    results = evaluate_combinations(
        Rows(X, shuffled), logistic(), X, Y, scoring="balanced_accuracy", random_state=0
    )
    scores = results[results["measure"] == "balanced_accuracy"]
    means = scores.groupby("combination")["score"].mean()
    assert means["TrRTeR"] > 0.8
    assert abs(means["TrSTeR"] - 1 / 3) < 0.15
    assert abs(means["TrRTeS"] - 1 / 3) < 0.15


def test_each_combination_trains_and_tests_on_its_own_rows():
    fake = X + 1000  # told apart from real rows by their size
    evaluate_combinations(
        Rows(fake, Y),
        Wrote(),
        X,
        Y,
        cv=2,
        n_synthetic=0.5,
        scoring="accuracy",
        per_class=False,
        random_state=0,
    )
    assert len(Wrote.trained) == 2 * 3  # real, synthetic, both: five combinations
    for fold in range(2):
        real, synthetic, both = Wrote.trained[3 * fold : 3 * fold + 3]
        assert (real[0] < 500).all() and len(real[0]) == 30
        assert (synthetic[0] > 500).all() and len(synthetic[0]) == 8 + 3 + 4
        np.testing.assert_array_equal(both[0], np.concatenate([real[0], synthetic[0]]))
        np.testing.assert_array_equal(both[1], np.concatenate([real[1], synthetic[1]]))
        assert np.unique(synthetic[1], return_counts=True)[1].tolist() == [8, 3, 4]
        assert len({seed for _, _, seed in Wrote.trained[3 * fold : 3 * fold + 3]}) == 1
        is_real = [(tested < 500).all() for tested in Wrote.tested[5 * fold :][:5]]
        assert is_real == [True, True, False, False, True]
        assert {len(tested) for tested in Wrote.tested} == {30}


def test_test_rows_never_meet_the_generator():
    splits = list(StratifiedKFold(3).split(X, Y))
    evaluate_combinations(Spy(), logistic(), X, Y, cv=splits, random_state=0)
    assert len(Spy.seen) == 3 * 3  # once a fold and class, for all combinations
    for fold, (train, test) in enumerate(splits):
        seen = {row.tobytes() for rows in Spy.seen[3 * fold :][:3] for row in rows}
        assert seen == {row.tobytes() for row in X[train]}
        assert not seen & {row.tobytes() for row in X[test]}


def test_test_rows_are_further_draws_and_not_those_of_the_training():
    evaluate_combinations(KernelDensity(), Wrote(), X, Y, cv=2, random_state=0)
    for fold in range(2):
        trained = Wrote.trained[3 * fold + 1][0]
        tested = [t for t in Wrote.tested if not np.isin(t, X).all()][2 * fold]
        assert not np.isin(tested, trained).any()


def test_real_rows_scores_do_not_depend_on_the_generator():
    first, second = (
        evaluate_combinations(generator, trees(), X, Y, cv=2, random_state=0)
        for generator in (KernelDensity(), VAE(max_epochs=1, hidden_dim=4))
    )
    for combination, equal in (("TrRTeR", True), ("TrRSTeR", False)):
        scores = [scores_of(r, combination=combination) for r in (first, second)]
        assert np.array_equal(*scores) == equal


def test_a_generator_scores_the_same_alone_and_among_others():
    methods = {"KDE": KernelDensity(), "SMOTE": FlatSampler()}
    options = {"cv": 2, "random_state": 0}
    together = without_time(compare(methods, trees(), X, Y, **options))
    for name, generator in methods.items():
        alone = without_time(compare({name: generator}, trees(), X, Y, **options))
        expected = together[together["generator"].isin(["real only", name])]
        pd.testing.assert_frame_equal(alone, expected.reset_index(drop=True))


def test_results_repeat_by_seed_whatever_the_number_of_jobs():
    options = {"cv": 2, "groups": PATIENTS, "n_repeats": 2, "random_state": 5}
    methods = {"VAE": VAE(max_epochs=1, hidden_dim=4), "SMOTE": FlatSampler()}
    alone = compare(methods, trees(), X, Y, **options)
    parallel = compare(methods, trees(), X, Y, n_jobs=2, **options)
    pd.testing.assert_frame_equal(without_time(alone), without_time(parallel))
    options["random_state"] = 6
    other = compare({"real only": None}, trees(), X, Y, **options)
    of_first = scores_of(alone, combination="TrRTeR")
    assert not np.array_equal(of_first, other["score"])


def test_a_repeat_has_other_folds_and_fewer_repeats_are_the_beginning_of_more():
    two, one = (
        evaluate_combinations(
            KernelDensity(), logistic(), X, Y, cv=3, n_repeats=n, random_state=0
        )
        for n in (2, 1)
    )
    pd.testing.assert_frame_equal(
        without_time(two[two["repeat"] == 0]), without_time(one)
    )
    first, second = (scores_of(two, repeat=r, combination="TrRTeR") for r in (0, 1))
    assert not np.array_equal(first, second)  # this classifier draws nothing


def test_nothing_global_moves_and_without_a_seed_results_differ():
    before = np.random.get_state()
    options = {"combinations": ["TrSTeR"], "scoring": "accuracy", "cv": 2}
    runs = [
        evaluate_combinations(KernelDensity(bandwidth=3), trees(), X, Y, **options)
        for _ in range(2)
    ]
    assert not np.array_equal(runs[0]["score"], runs[1]["score"])
    after = np.random.get_state()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "sampler",
    [
        FlatSampler(),
        FlatSampler(SMOTE(k_neighbors=3, random_state=9)),
        FlatSampler(RandomOverSampler(sampling_strategy={"S": 40})),
        GeneratorOverSampler(
            VAE(max_epochs=1, hidden_dim=4), strength=0.2, sampling_strategy=0.1
        ),
        GeneratorAugmenter(KernelDensity(), ratio=7.0, keep_real=False),
    ],
    ids=["flat", "SMOTE", "random", "over", "augmenter"],
)
def test_samplers_draw_as_many_rows_as_asked(sampler):
    results = compare({"it": sampler}, Wrote(), X, Y, cv=2, random_state=0)
    sizes = results.drop_duplicates("combination").set_index("combination")
    assert sizes.loc["TrSTeR", "n_synthetic"] == 30
    assert sizes.loc["TrRSTeR", ["n_real", "n_synthetic"]].tolist() == [30, 30]
    for _, y, _ in Wrote.trained[1:3]:
        counts = np.unique(y, return_counts=True)[1]
        assert (counts == len(y) // 30 * np.array([15, 6, 9])).all()


def test_a_sampler_is_the_same_as_its_generator():
    generator = VAE(max_epochs=1, hidden_dim=4)
    ways = [
        generator,
        GeneratorOverSampler(generator),
        GeneratorAugmenter(generator),
    ]
    tables = [
        without_time(compare({"it": way}, trees(), X, Y, cv=2, random_state=0))
        for way in ways
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_the_name_is_that_of_what_makes_the_rows():
    for generator, name in (
        (GeneratorOverSampler(KernelDensity()), "KernelDensity"),
        (FlatSampler(SMOTE()), "SMOTE"),
        (FlatSampler(), "FlatSampler"),
    ):
        results = evaluate_combinations(
            generator, Wrote(), X, Y, cv=2, combinations="TrSTeR", random_state=0
        )
        assert set(results["generator"]) == {name}


def test_groups_stay_on_one_side_and_reach_the_sampler():
    class Grouped(FlatSampler):
        seen = []

        def __init__(self, sampler=None):
            super().__init__(sampler)

        def fit_resample(self, X, y, *, groups=None):
            Grouped.seen.append((X.copy(), groups))
            return super().fit_resample(X, y)

    evaluate_combinations(
        Grouped(RandomOverSampler()),
        Wrote(),
        X,
        Y,
        cv=3,
        groups=PATIENTS,
        random_state=0,
    )
    assert len(Grouped.seen) == 3
    for rows, groups in Grouped.seen:
        of_row = {row.tobytes(): g for row, g in zip(X, PATIENTS, strict=True)}
        assert [of_row[row.tobytes()] for row in rows] == groups.tolist()
        assert len(np.unique(groups)) == 8  # four patients of twelve are for the test


def test_balanced_fills_up_or_takes_the_largest_class_for_each():
    evaluate_combinations(
        Rows(X, Y), Wrote(), X, Y, cv=2, n_synthetic="balanced", random_state=0
    )
    _, synthetic, both = Wrote.trained[:3]
    assert np.unique(synthetic[1], return_counts=True)[1].tolist() == [15, 15, 15]
    assert np.unique(both[1], return_counts=True)[1].tolist() == [15, 15, 15]


def test_rows_can_be_asked_by_label():
    evaluate_combinations(
        Rows(X, Y),
        Wrote(),
        X,
        Y,
        cv=2,
        n_synthetic={"S": 7, "V": 1},
        combinations=["TrRSTeR"],
        random_state=0,
    )
    counts = np.unique(Wrote.trained[0][1], return_counts=True)[1]
    assert counts.tolist() == [15, 6 + 7, 9 + 1]


def test_a_small_ratio_gives_each_class_a_row():
    evaluate_combinations(
        Rows(X, Y),
        Wrote(),
        X,
        Y,
        cv=2,
        n_synthetic=0.01,
        combinations=["TrSTeR"],
        random_state=0,
    )
    assert Wrote.trained[0][1].tolist() == ["N", "S", "V"]


def test_baselines_are_compared_in_one_table():
    results = compare(
        baselines(logistic()), logistic(), X, Y, scoring="accuracy", random_state=0
    )
    found = results.groupby("generator", sort=False)["combination"].unique()
    synthetic = list(COMBINATIONS[1:])
    assert {name: list(found[name]) for name in found.index} == {
        "real only": ["TrRTeR"],
        "class weights": ["TrRTeR"],
        "random over-sampling": synthetic,
        "jitter": synthetic,
        "SMOTE": synthetic,
    }


def test_class_weights_are_the_only_change_of_their_baseline():
    X_hard, y_hard = RNG.normal(size=(200, 3)), np.repeat([0, 1], [180, 20])
    X_hard[y_hard == 1] += 0.7
    classifier = LogisticRegression()
    results = compare(
        baselines(classifier),
        classifier,
        X_hard,
        y_hard,
        combinations=["TrRTeR"],
        random_state=0,
    )
    by_hand = compare(
        {"real only": None},
        LogisticRegression(class_weight="balanced"),
        X_hard,
        y_hard,
        combinations="TrRTeR",
        random_state=0,
    )
    weighted = scores_of(results, generator="class weights")
    np.testing.assert_array_equal(weighted, by_hand["score"])
    assert not np.array_equal(weighted, scores_of(results, generator="real only"))
    assert "class weights" not in baselines(KNeighborsClassifier())
    assert "class weights" not in baselines()
    nothing = compare(
        baselines(classifier),
        classifier,
        X_hard,
        y_hard,
        combinations=["TrRSTeR"],
        scoring="accuracy",
        random_state=0,
    )
    assert "class weights" not in set(nothing["generator"])


def test_repeated_and_jittered_rows_are_training_rows_and_neighbours_of_them():
    methods = baselines(jitter=0.1)
    rows = X * np.array([[1], [1000]])  # a channel in another unit
    repeated = methods["random over-sampling"].fit(rows).sample(50, random_state=0)
    known = {row.tobytes() for row in rows}
    assert all(row.tobytes() in known for row in repeated)
    jittered = methods["jitter"].fit(rows).sample(50, random_state=0)
    noise = (jittered - repeated) / rows.std(axis=(0, 2), keepdims=True)
    assert noise.std(axis=(0, 2)) == pytest.approx([0.1, 0.1], rel=0.1)
    again = methods["jitter"].sample(20, random_state=0)
    np.testing.assert_array_equal(again, jittered[:20])
    flat = methods["jitter"].fit(flatten(X).astype(np.float32)).sample(3)
    assert flat.shape == (3, 12) and flat.dtype == np.float32


def test_scorers_can_be_given_in_all_forms():
    def half(classifier, X, y):
        return 0.5

    options = {"cv": 2, "combinations": "TrRTeR", "per_class": False}
    forms = {
        ("accuracy",): "accuracy",
        ("half",): half,
        ("accuracy", "half"): ["accuracy", half],
        ("a", "b"): {"a": "accuracy", "b": make_scorer(f1_score, average="micro")},
    }
    for names, scoring in forms.items():
        results = evaluate_combinations(
            Rows(X, Y), logistic(), X, Y, scoring=scoring, random_state=0, **options
        )
        assert tuple(dict.fromkeys(results["measure"])) == names
    scores = [scores_of(results, measure=m) for m in ("a", "b")]
    np.testing.assert_allclose(*scores)  # micro F1 is the accuracy


def test_without_probabilities_the_default_has_no_area_under_the_curve():
    classifier = make_pipeline(FunctionTransformer(flatten), RidgeClassifier())
    results = evaluate_combinations(
        Rows(X, Y), classifier, X, Y, combinations="TrRTeR", random_state=0
    )
    assert "roc_auc_ovr" not in set(results["measure"])
    with pytest.raises(TypeError, match="'roc_auc_ovr' needs .*Pipeline has no predi"):
        evaluate_combinations(Rows(X, Y), classifier, X, Y, scoring=["roc_auc_ovr"])


def test_a_test_fold_without_a_class_is_nan_with_a_warning():
    folds = np.full(60, -1)
    folds[:10], folds[40:50] = 0, 1  # only N; only S and V
    with pytest.warns(UserWarning, match=r"2 of 2 folds .*lacks \['S', 'V'\]"):
        results = evaluate_combinations(
            Rows(X, Y), logistic(), X, Y, cv=PredefinedSplit(folds), random_state=0
        )
    undefined = results[results["score"].isna()]
    of_fold = undefined.groupby("fold")["measure"].unique().map(set).to_dict()
    assert of_fold[0] == {"roc_auc_ovr", "recall[S]", "recall[V]"}
    assert of_fold[1] >= {"roc_auc_ovr", "recall[N]"}

    def fails(classifier, X, y):
        raise ValueError("of its own")

    with (
        pytest.warns(UserWarning, match="lack classes"),
        pytest.raises(ValueError, match="of its own"),
    ):
        evaluate_combinations(
            Rows(X, Y), logistic(), X, Y, cv=PredefinedSplit(folds), scoring=fails
        )


def test_splitters_keep_their_own_int_seed_in_the_first_repeat():
    splitter = StratifiedShuffleSplit(2, test_size=0.3, random_state=4)
    compare({"real only": None}, Wrote(), X, Y, cv=splitter, n_repeats=2)
    for (train, _), (rows, _, _) in zip(
        splitter.split(X, Y), Wrote.trained[:2], strict=True
    ):
        np.testing.assert_array_equal(rows, X[train])
    assert not np.array_equal(Wrote.trained[0][0], Wrote.trained[2][0])
    assert splitter.random_state == 4


def test_progress_is_printed_when_asked(capsys):
    options = {"cv": 2, "combinations": "TrRTeR"}
    evaluate_combinations(Rows(X, Y), logistic(), X, Y, **options)
    assert capsys.readouterr().out == ""
    evaluate_combinations(Rows(X, Y), logistic(), X, Y, verbose=1, **options)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:33] for line in lines] == [
        "repeat 0, fold 0 done (1 of 2, 0.",
        "repeat 0, fold 1 done (2 of 2, 0.",
    ]


def test_frames_lists_and_single_channels_are_read():
    frame = pd.DataFrame(flatten(X)).add_prefix("t")
    labels = pd.Series(Y, index=np.arange(60)[::-1])
    options = {"cv": 2, "random_state": 0}
    first = evaluate_combinations(KernelDensity(), trees(), flatten(X), Y, **options)
    for rows in (frame, flatten(X).tolist()):
        again = evaluate_combinations(KernelDensity(), trees(), rows, labels, **options)
        pd.testing.assert_frame_equal(without_time(first), without_time(again))


class Wrong(FlatSampler):
    """Breaks the promise of a sampler in one of two ways."""

    def __init__(self, sampler=None, how="order"):
        super().__init__(sampler)
        self.how = how

    def fit_resample(self, X, y):
        X, y = super().fit_resample(X, y)
        if self.how == "order":
            return X[::-1], y[::-1]
        return X[:-1], y[:-1]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("order", "'it' must give back the real rows first, unchanged"),
        (
            "number",
            r"drew \[40, 16, 23\] rows of the classes .* asked were \[40, 16, 2",
        ),
    ],
)
def test_a_sampler_that_does_something_else_is_refused(how, message):
    splits = StratifiedKFold(3)
    sampler = Wrong(RandomOverSampler(), how)
    with pytest.raises(ValueError, match=message):
        compare(
            {"it": sampler},
            logistic(),
            X,
            Y,
            cv=splits,
            combinations=["TrSTeR"],
            n_synthetic=2.0,
            random_state=0,
        )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"combinations": ["TrRTeX"]}, ValueError, "must be some of .'TrRTeR'.*TrRTeX"),
        ({"combinations": []}, ValueError, r"must be some of .*got \[\]"),
        ({"cv": 13}, ValueError, "cv=13 needs 13 rows of each class; class 'S' has 12"),
        ({"cv": 1}, ValueError, "cv must be at least 2; got 1"),
        ({"n_repeats": 0}, ValueError, "n_repeats must be at least 1; got 0"),
        ({"n_synthetic": 0}, ValueError, "must be a positive ratio .*got 0"),
        ({"n_synthetic": "all"}, ValueError, "'balanced' or .*got 'all'"),
        ({"n_synthetic": True}, TypeError, "got True"),
        ({"n_synthetic": None}, TypeError, "got None"),
        (
            {"n_synthetic": {"N": 5}},
            ValueError,
            r"classes \['S', 'V'\] no row, and TrS",
        ),
        ({"n_synthetic": {"X": 5}}, ValueError, r"for the labels \['N', 'S', 'V'\]; g"),
        ({"n_synthetic": {"N": 0.5}}, ValueError, "numbers of rows .int, 0 or more"),
        ({"scoring": "precise"}, ValueError, "precise"),
        ({"scoring": []}, ValueError, r"one or more measures once; got \[\]"),
        ({"scoring": ["accuracy"] * 2}, ValueError, "measures once"),
        ({"scoring": {"recall[N]": "accuracy"}}, ValueError, "may not be named"),
        (
            {"groups": PATIENTS, "cv": StratifiedShuffleSplit(2, random_state=0)},
            ValueError,
            "fold 0 has the groups .* on both sides; cv must",
        ),
        (
            {"cv": PredefinedSplit((Y == "S").astype(int))},
            ValueError,
            r"training rows of repeat 0, fold 0 lack the classes \['S'\]|lack the cla",
        ),
        ({"cv": [(np.arange(60), [])]}, ValueError, "60 training and 0 test rows"),
    ],
)
@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_what_is_wrong_is_said_before_any_training(options, error, message):
    with pytest.raises(error, match=message):
        evaluate_combinations(Spy(), Wrote(), X, Y, **options)
    assert not Spy.seen and not Wrote.trained


@pytest.mark.parametrize(
    ("generators", "error", "message"),
    [
        ([KernelDensity()], TypeError, "must be a mapping of names"),
        ({}, TypeError, "must be a mapping of names"),
        ({1: KernelDensity()}, TypeError, "must be text; got 1"),
        ({"it": None}, ValueError, "'real only' is the name of None and of nothing"),
        ({"real only": KernelDensity()}, ValueError, "'real only' is the name of None"),
        ({"it": LogisticRegression()}, TypeError, r"'it' must be a generator .fit and"),
        ({"it": SMOTE()}, TypeError, r"'it' reads tables and X .*FlatSampler.SMOTE"),
        ({"it": FlatSampler(LogisticRegression())}, TypeError, "sampling_strategy"),
        ({"it": GeneratorAugmenter(forward=flatten)}, TypeError, "'it' has forward="),
    ],
)
def test_methods_that_cannot_serve_are_refused(generators, error, message):
    with pytest.raises(error, match=message):
        compare(generators, Wrote(), X, Y)
    assert not Wrote.trained


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (X[..., None], Y, "X must have shape .*got .60, 2, 6, 1."),
        (X[:50], Y, "inconsistent numbers of samples"),
        (X + 1j, Y, r"X must be real; got complex .*60, 2, 6.*np.concatenate"),
        (np.where(X > 2, np.nan, X), Y, "X contains NaN"),
        (X, np.full(60, "N"), "more than one class; got the class .*'N'.* alone"),
        (X, np.linspace(0, 1, 60), "y must be labels, one a row; got continuous"),
        (X, np.eye(60)[:, :3], "should be a 1d array"),
    ],
)
def test_data_that_are_no_labelled_signals_are_refused(rows, labels, message):
    with pytest.raises(ValueError, match=message):
        compare({"real only": None}, Wrote(), rows, labels)


def test_a_generator_is_needed_and_class_weights_a_classifier_that_has_them():
    with pytest.raises(TypeError, match="fit and sample, or fit_resample; got None"):
        evaluate_combinations(None, logistic(), X, Y)
    weights = baselines(logistic())["class weights"]
    with pytest.raises(TypeError, match="KNeighborsClassifier has no .*class_weight"):
        compare({"weights": weights}, KNeighborsClassifier(), X, Y)
    with pytest.raises(ValueError, match="jitter == -1"):
        baselines(jitter=-1)


def test_it_runs_on_simulated_beats_by_subject():
    beats, labels, subjects = make_ecg(
        200,
        classes=("N", "V"),
        weights=(0.5, 0.5),
        n_subjects=10,
        return_groups=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*lack classes")
        results = evaluate_combinations(
            VAE(max_epochs=2),
            logistic(),
            beats,
            labels,
            cv=GroupKFold(2),
            groups=subjects,
            random_state=0,
        )
    assert set(results["combination"]) == set(COMBINATIONS)


def test_folds_that_share_rows_or_labels_without_a_value_are_refused():
    X, y = np.zeros((8, 3)), np.array(["a", "b"] * 4, dtype=object)
    with pytest.raises(ValueError, match=r"the rows \[0\] on both sides"):
        run(X, y, cv=[(np.arange(4), np.array([0, 5, 6]))])
    with pytest.raises(ValueError, match="y has no value in row 3; got None"):
        run(X, np.where(np.arange(8) == 3, None, y))
    groups = np.where(np.arange(8) == 2, np.nan, np.arange(8))
    with pytest.raises(ValueError, match="groups has no value in row 2; got"):
        run(X, y, groups=groups)


def test_an_iterator_of_splits_serves_all_repeats():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), np.array(["a", "b"] * 6)
    splits = iter([(np.arange(6), np.arange(6, 12))])
    results = run(X, y, cv=splits, n_repeats=2, combinations=["TrRTeR"])
    assert results["repeat"].unique().tolist() == [0, 1]


def run(X, y, **options):
    generators = {"real only": None}
    return compare(generators, LogisticRegression(), X, y, **options)
