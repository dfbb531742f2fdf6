import os
import time
from weakref import WeakKeyDictionary

import joblib
import joblib.memory
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from sksynth import VAE, GeneratorAugmenter, GeneratorOverSampler
from sksynth.training import EarlyStopping

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
SIGNALS = np.random.default_rng(0).normal(size=(30, 2, 4)).astype(np.float32)
SIGNALS.flags.writeable = False
LABELS = np.repeat(["N", "V", "S"], [16, 9, 5])
few = settings(max_examples=12)


def new_rows(sampler, X, y, **options):
    X_new, y_new = sampler.fit_resample(X, y, **options)
    new = sampler.synthetic_mask_
    return np.asarray(X_new)[new], np.asarray(y_new)[new]


@few
@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    ratio=st.floats(0.1, 1),
    three_d=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_counts_are_exact_and_the_originals_come_first(counts, ratio, three_d, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = rng.normal(size=(len(y), 2, 4) if three_d else (len(y), 5))
    X, before = X.astype(np.float32), (X.astype(np.float32), y.copy())
    X.flags.writeable = y.flags.writeable = False
    sampler = GeneratorOverSampler(TINY, sampling_strategy=ratio, random_state=seed)
    X_new, y_new = sampler.fit_resample(X, y)
    most = max(counts)
    expected = [max(n, round(ratio * most)) for n in counts]
    assert np.bincount(y_new).tolist() == expected
    assert (X_new.dtype, y_new.dtype) == (X.dtype, y.dtype)
    assert X_new[: len(X)].tobytes() == before[0].tobytes()  # bit by bit
    np.testing.assert_array_equal(y_new[: len(y)], before[1])
    np.testing.assert_array_equal(
        sampler.synthetic_mask_, np.arange(len(X_new)) >= len(X)
    )
    assert (np.diff(y_new[len(y) :]) >= 0).all()  # class after class
    assert np.isfinite(X_new).all()
    again = sampler.fit_resample(X, y)[0]
    np.testing.assert_array_equal(X_new, again)


@few
@given(
    ratios=st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)).map(sorted),
    strength=st.sampled_from([None, 0.0, 0.5, 1.0]),
    grouped=st.booleans(),
)
def test_a_smaller_ratio_gives_the_beginning_of_each_classs_rows(
    ratios, strength, grouped
):
    options = {"groups": np.arange(30) % 4} if grouped else {}
    parts = []
    for ratio in ratios:
        sampler = GeneratorOverSampler(
            TINY, sampling_strategy=ratio, strength=strength, random_state=3
        )
        X_new, y_new = new_rows(sampler, SIGNALS, LABELS, **options)
        parts.append({label: X_new[y_new == label] for label in "NSV"})
    for label in "NSV":
        less, more = parts[0][label], parts[1][label]
        np.testing.assert_allclose(less, more[: len(less)], rtol=1e-4, atol=1e-5)


def test_the_rows_of_a_class_do_not_depend_on_what_others_ask_for():
    alone, together = (
        new_rows(
            GeneratorOverSampler(TINY, sampling_strategy=strategy, random_state=0),
            SIGNALS,
            LABELS,
        )
        for strategy in ({"V": 12}, {"N": 30, "S": 9, "V": 12})
    )
    X_new, y_new = together
    np.testing.assert_allclose(alone[0], X_new[y_new == "V"], rtol=1e-4, atol=1e-5)
    assert y_new.tolist() == ["N"] * 14 + ["S"] * 4 + ["V"] * 3


def test_classes_have_seeds_of_their_own():
    y = np.repeat([0, 1, 2], [10, 4, 4])
    X = np.tile(SIGNALS[:1], (18, 1, 1))  # no class differs from another
    sampler = GeneratorOverSampler(TINY, per_class=True, random_state=0)
    X_new, y_new = new_rows(sampler, X + SIGNALS[:18] * 0.1, y)
    assert not np.allclose(X_new[y_new == 1], X_new[y_new == 2])


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("auto", {"N": 0, "S": 11, "V": 7}),
        ("minority", {"S": 11}),
        ({"V": 20, "S": 1.0}, {"S": 11, "V": 11}),
        (0.5, {"S": 3, "V": 0}),
        (lambda y: {"S": 6}, {"S": 1}),
        ({"V": 3}, {"V": 0}),
    ],
)
def test_each_form_of_strategy_is_followed(strategy, expected):
    sampler = GeneratorOverSampler(TINY, sampling_strategy=strategy, random_state=0)
    y_new = new_rows(sampler, SIGNALS, LABELS)[1]
    found = {label: n for label, n in sampler.sampling_strategy_.items() if n}
    assert found == {label: n for label, n in expected.items() if n}
    assert {label: (y_new == label).sum() for label in found} == found
    assert sampler.sampling_strategy is strategy
    fitted = GeneratorOverSampler(TINY, sampling_strategy=strategy).fit(SIGNALS, LABELS)
    assert fitted.sampling_strategy_ == sampler.sampling_strategy_
    assert not hasattr(fitted, "generators_")


def test_an_unknown_class_warns_where_the_user_stands():
    sampler = GeneratorOverSampler(TINY, sampling_strategy={"F": 9}, random_state=0)
    with pytest.warns(
        UserWarning, match="names the class 'F', which y lacks"
    ) as record:
        X_new, _ = sampler.fit_resample(SIGNALS, LABELS)
    assert len(X_new) == 30
    assert len(record) == 1


def test_a_class_of_one_row_is_filled_up():
    y = np.repeat(["N", "rare"], [29, 1])
    for strength in (None, 0.0, 0.5):
        sampler = GeneratorOverSampler(TINY, strength=strength, random_state=0)
        X_new, y_new = new_rows(sampler, SIGNALS, y)
        assert y_new.tolist() == ["rare"] * 28
        assert np.isfinite(X_new).all()


def test_synthetic_rows_belong_to_the_class_they_are_given():
    y = np.repeat(["low", "high"], [60, 10])
    noise = np.random.default_rng(0).normal(size=(70, 6))
    X = noise + np.where(y == "high", 3.0, -3.0)[:, None]
    judge = LogisticRegression().fit(X, y)
    generator = VAE(latent_dim=2, hidden_dim=32, max_epochs=60, lr=0.01)
    for strength in (None, 0.5):
        sampler = GeneratorOverSampler(generator, strength=strength, random_state=0)
        X_new, y_new = new_rows(sampler, X, y)
        assert judge.score(X_new, y_new) > 0.95


def test_rows_come_in_the_form_they_were_given(X):
    sampler = GeneratorOverSampler(TINY, random_state=0)
    X_new, y_new = sampler.fit_resample(X, np.repeat([0, 1], [25, 15]))
    assert type(X_new) is type(X)
    assert X_new.shape == (50, *X.shape[1:])
    assert np.asarray(X_new).dtype == np.float32
    if isinstance(X, pd.DataFrame):
        assert list(X_new.columns) == list(X.columns)
        assert X_new.index.tolist() == list(range(50))
        assert sampler.feature_names_in_.tolist() == list(X.columns)
    assert sampler.input_shape_ == X.shape[1:]


@pytest.mark.parametrize("shape", [(30, 8), (30, 2, 4)])
def test_each_container_gives_the_same_numbers(shape):
    X = SIGNALS.astype(float).reshape(shape)
    sampler = GeneratorOverSampler(TINY, random_state=0)
    expected = sampler.fit_resample(X, LABELS)[0]
    as_list, y_list = sampler.fit_resample(X.tolist(), LABELS.tolist())
    assert (type(as_list), type(y_list)) == (list, list)
    np.testing.assert_array_equal(as_list, expected)
    if len(shape) == 2:
        frame, series = sampler.fit_resample(pd.DataFrame(X), pd.Series(LABELS))
        np.testing.assert_array_equal(frame, expected)
        assert series.index.equals(frame.index)


@pytest.mark.parametrize("shape", [(30, 8), (30, 2, 4)])
def test_the_memory_order_of_the_signals_does_not_matter(shape):
    X = SIGNALS.astype(float).reshape(shape)
    sampler = GeneratorOverSampler(TINY, strength=0.5, random_state=0)
    expected = sampler.fit_resample(X, LABELS)[0]
    X_new = sampler.fit_resample(np.asfortranarray(X), LABELS)[0]
    np.testing.assert_array_equal(X_new, expected)


TARGETS = {
    "str": LABELS,
    "object": LABELS.astype(object),
    "int32": np.unique(LABELS, return_inverse=True)[1].astype(np.int32),
    "uint8": np.unique(LABELS, return_inverse=True)[1].astype(np.uint8),
    "float": np.unique(LABELS, return_inverse=True)[1].astype(float),
    "bool": LABELS == "V",
    "category": pd.Series(LABELS, dtype="category"),
    "Int64": pd.Series(np.unique(LABELS, return_inverse=True)[1], dtype="Int64"),
    "series": pd.Series(LABELS, name="rhythm"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_keep_their_type(kind):
    y = TARGETS[kind]
    sampler = GeneratorOverSampler(TINY, strength=0.5, random_state=0)
    X_new, y_new = sampler.fit_resample(SIGNALS, y)
    assert type(y_new) is type(y)
    assert y_new.dtype == y.dtype
    assert getattr(y_new, "name", None) == getattr(y, "name", None)
    values, counts = np.unique(np.asarray(y_new), return_counts=True)
    assert len(set(counts.tolist())) == 1
    assert values.tolist() == np.unique(np.asarray(y)).tolist()
    assert sampler.classes_.tolist() == values.tolist()
    expected = GeneratorOverSampler(TINY, strength=0.5, random_state=0)
    if kind not in ("bool", "str"):  # labels are codes to the generator
        rows = expected.fit_resample(SIGNALS, LABELS)[0]
        np.testing.assert_array_equal(X_new, rows)


def test_one_hot_targets_come_back_one_hot():
    y = (LABELS[:, None] == np.unique(LABELS)).astype(int)
    sampler = GeneratorOverSampler(TINY, random_state=0)
    X_new, y_new = sampler.fit_resample(SIGNALS, y)
    expected, labels = sampler.fit_resample(SIGNALS, LABELS)
    np.testing.assert_array_equal(X_new, expected)
    np.testing.assert_array_equal(y_new, labels[:, None] == np.unique(LABELS))


def test_frames_of_sparse_columns_are_taken():
    X = pd.DataFrame(SIGNALS.reshape(30, 8)).astype(pd.SparseDtype(np.float32, 0.0))
    X_new, _ = GeneratorOverSampler(TINY, random_state=0).fit_resample(X, LABELS)
    expected = GeneratorOverSampler(TINY, random_state=0).fit_resample(
        SIGNALS.reshape(30, 8), LABELS
    )[0]
    assert (X_new.dtypes == X.dtypes).all()
    np.testing.assert_array_equal(X_new.to_numpy(), expected)


def test_flat_rows_read_as_signals_give_the_same_as_signals():
    expected = GeneratorOverSampler(TINY, strength=0.5, random_state=0)
    expected = expected.fit_resample(SIGNALS, LABELS)[0]
    X = pd.DataFrame(SIGNALS.reshape(30, 8)).add_prefix("t")
    sampler = GeneratorOverSampler(
        TINY, strength=0.5, signal_shape=(2, 4), random_state=0
    )
    for given_X in (X, X.to_numpy()):
        X_new = sampler.fit_resample(given_X, LABELS)[0]
        assert X_new.shape == (48, 8)
        np.testing.assert_array_equal(np.asarray(X_new).reshape(-1, 2, 4), expected)
    assert sampler.generators_[0].input_shape_ == (2, 4)
    for wrong in [(2, 5), (8,), (3, 3)]:
        sampler.set_params(signal_shape=wrong)
        if np.prod(wrong) != 8:
            with pytest.raises(
                ValueError, match=r"reads a 2-D X with .* columns; got X"
            ):
                sampler.fit_resample(X, LABELS)
            with pytest.raises(ValueError, match=r"reads a 2-D X"):
                sampler.fit(X, LABELS)
    with pytest.raises(
        ValueError, match=r"reads a 2-D X with 8 columns; got X of shap"
    ):
        sampler.set_params(signal_shape=(2, 4)).fit_resample(SIGNALS, LABELS)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (SIGNALS, np.zeros(30, dtype=int), "more than one class"),
        (SIGNALS, np.linspace(0, 1, 30), "Unknown label type"),
        (SIGNALS, np.ones((30, 2), dtype=int), "Multilabel and multioutput targets|o"),
        (SIGNALS, LABELS[:9], r"inconsistent numbers of samples: \[30, 9\]"),
        (SIGNALS * np.nan, LABELS, "contains NaN"),
        (SIGNALS[None], LABELS, r"must have shape .*; got \(1, 30, 2, 4\)"),
        (SIGNALS[:, 0, 0], LABELS, "Expected 2D array, got 1D"),
    ],
)
def test_wrong_signals_and_labels_are_refused(X, y, message):
    sampler = GeneratorOverSampler(TINY)
    before = vars(sampler).copy()
    with pytest.raises(ValueError, match=message):
        sampler.fit_resample(X, y)
    assert vars(sampler) == before


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("sampling_strategy", "majority"),
        ("sampling_strategy", 0.0),
        ("sampling_strategy", 1.2),
        ("sampling_strategy", ["V"]),
        ("strength", 1.5),
        ("strength", "half"),
        ("n_neighbors", 0),
        ("per_class", "never"),
        ("signal_shape", 8),
        ("memory", 3),
        ("random_state", "seed"),
        ("generator", LogisticRegression()),
    ],
)
def test_a_wrong_parameter_is_named(parameter, value):
    sampler = GeneratorOverSampler(TINY).set_params(**{parameter: value})
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(
            ValueError, match=f"The '{parameter}' parameter of Generator"
        ):
            use(SIGNALS, LABELS)


def test_each_parameter_has_a_constraint():
    names = GeneratorOverSampler._parameter_constraints.keys()
    assert names == GeneratorOverSampler().get_params().keys()


def test_a_failed_resampling_leaves_the_one_before():
    sampler = GeneratorOverSampler(clone(TINY), random_state=0)
    sampler.fit_resample(SIGNALS, LABELS)
    sampler.set_params(generator__device="cuda:99")
    before = vars(sampler).copy()
    with pytest.raises(ValueError, match="device='cuda:99' cannot be used"):
        sampler.fit_resample(SIGNALS[:20], LABELS[:20])
    assert vars(sampler) == before


def test_the_generator_is_cloned_and_the_default_is_a_vae():
    generator = clone(TINY)
    sampler = GeneratorOverSampler(generator, random_state=0)
    sampler.fit_resample(SIGNALS, LABELS)
    assert not hasattr(generator, "network_")
    assert generator.random_state is None
    assert type(sampler.generators_[0]) is VAE
    sampler.set_params(generator__max_epochs=3).fit_resample(SIGNALS, LABELS)
    assert sampler.generators_[0].n_iter_ == 3


def test_the_default_generator_is_a_vae(monkeypatch):
    fit = VAE.fit
    monkeypatch.setattr(
        VAE, "fit", lambda self, *xy: fit(self.set_params(max_epochs=1), *xy)
    )
    sampler = GeneratorOverSampler(random_state=0)
    X_new, _ = sampler.fit_resample(SIGNALS, LABELS)
    assert len(X_new) == 48
    assert sampler.generator is None
    assert type(sampler.generators_[0]) is VAE


def test_early_stopping_works_inside_a_sampler():
    generator = clone(TINY).set_params(callbacks=[EarlyStopping(patience=1)])
    sampler = GeneratorOverSampler(generator, random_state=0)
    assert len(sampler.fit_resample(SIGNALS, LABELS)[0]) == 48


@pytest.mark.parametrize("per_class", [True, "auto"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_kernel_density_serves_as_generator_of_each_class(per_class, dtype):
    kde = KernelDensity(bandwidth=0.01)
    sampler = GeneratorOverSampler(kde, per_class=per_class, random_state=0)
    X_new, y_new = new_rows(sampler, SIGNALS.astype(dtype), LABELS)
    assert X_new.dtype == dtype
    assert len(sampler.generators_) == 2  # the majority gets no rows
    gaps = np.linalg.norm((X_new[:, None] - SIGNALS).reshape(18, 30, 8), axis=2)
    assert gaps.min(axis=1).max() < 0.1  # near a row...
    np.testing.assert_array_equal(LABELS[gaps.argmin(axis=1)], y_new)  # of its class


def test_one_vae_a_class_sees_the_rows_of_its_class_alone():
    sampler = GeneratorOverSampler(TINY, per_class=True, random_state=0)
    sampler.fit_resample(SIGNALS, LABELS)
    for label, generator in zip("SV", sampler.generators_, strict=True):
        mean = SIGNALS[LABELS == label].mean(axis=0).ravel()
        np.testing.assert_allclose(generator.scaler_.offset[:, 0], mean, atol=1e-6)
        assert not generator.conditions_.is_conditional


@pytest.mark.parametrize(
    ("generator", "options", "message"),
    [
        (
            GaussianMixture(),
            {},
            r"sample must take random_state; its arguments are \['n_samples'\]",
        ),
        (
            KernelDensity(),
            {"strength": 0.5},
            "strength=0.5 needs a generator with anchored sampling; KernelDensity",
        ),
        (
            KernelDensity(),
            {"per_class": False},
            "per_class=False needs a conditional generator; KernelDensity.sample",
        ),
    ],
)
def test_a_generator_that_cannot_is_refused(generator, options, message):
    sampler = GeneratorOverSampler(generator, **options)
    with pytest.raises(TypeError, match=message):
        sampler.fit_resample(SIGNALS, LABELS)


def test_without_a_seed_two_calls_differ_and_an_instance_advances():
    for random_state in (None, np.random.RandomState(0)):
        sampler = GeneratorOverSampler(TINY, random_state=random_state)
        first, second = (sampler.fit_resample(SIGNALS, LABELS)[0] for _ in range(2))
        assert not np.allclose(first[30:], second[30:])


class Segment(BaseEstimator):
    """A generator that draws points between any two of the anchors."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def sample(
        self,
        n_samples=1,
        *,
        y=None,
        anchors=None,
        strength=None,
        n_neighbors=5,
        random_state=None,
    ):
        rng = np.random.RandomState(random_state)
        if anchors is None:
            return rng.normal(size=(n_samples, 8))
        pairs = rng.randint(len(anchors), size=(n_samples, 2))
        weight = rng.random_sample((n_samples, 1))
        return (1 - weight) * anchors[pairs[:, 0]] + weight * anchors[pairs[:, 1]]


def patients_far_apart(seed=0):
    """Rows of patient k of class c are near 1000 k + 100 c."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], [40, 12, 8])
    groups = rng.integers(4, size=60)
    groups[40:52] = [0] * 6 + [1] * 3 + [2] * 3  # of class 1
    X = 1000.0 * groups[:, None] + 100 * y[:, None] + rng.normal(size=(60, 8))
    return X, y, groups


@pytest.mark.parametrize("names", [[0, 1, 2, 3], ["p7", "p1", "p3", "p2"]])
@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_each_synthetic_row_comes_from_a_single_patient(names, strength):
    X, y, groups = patients_far_apart()
    sampler = GeneratorOverSampler(Segment(), strength=strength, random_state=0)
    names = np.array(names)
    X_new, y_new = new_rows(sampler, X, y, groups=names[groups])
    origin = sampler.synthetic_groups_
    assert len(origin) == len(X_new) == 28 + 32
    found = np.rint((X_new.mean(axis=1) - 100 * y_new) / 1000).astype(int)
    np.testing.assert_array_equal(names[found], origin)
    expected = 1000 * found + 100 * y_new
    assert np.abs(X_new - expected[:, None]).max() < 10  # not between two patients
    in_class_1 = np.bincount(found[y_new == 1], minlength=4)
    assert in_class_1.tolist() == [14, 7, 7, 0]  # in proportion to their rows


def test_without_groups_rows_do_mix_patients():
    X, y, _ = patients_far_apart()
    sampler = GeneratorOverSampler(Segment(), strength=0.0, random_state=0)
    X_new, _ = new_rows(sampler, X, y)
    assert (np.abs(X_new / 1000 - np.rint(X_new / 1000)).max(axis=1) > 0.3).any()
    assert not hasattr(sampler, "synthetic_groups_")


@pytest.mark.parametrize("strength", [None, 1.0])
def test_a_pure_sample_belongs_to_no_patient(strength):
    sampler = GeneratorOverSampler(TINY, strength=strength, random_state=0)
    expected = new_rows(sampler, SIGNALS, LABELS)[0]
    X_new, _ = new_rows(sampler, SIGNALS, LABELS, groups=np.arange(30) % 3)
    assert sampler.synthetic_groups_.tolist() == [None] * 18
    np.testing.assert_array_equal(X_new, expected)


def test_groups_work_with_the_vae_and_with_classes_that_some_patients_lack():
    groups = np.repeat(["a", "b", "c"], 10)  # only c has the class S
    sampler = GeneratorOverSampler(TINY, strength=0.5, random_state=0)
    X_new, y_new = new_rows(sampler, SIGNALS, LABELS, groups=groups)
    origin = sampler.synthetic_groups_
    assert set(origin[y_new == "S"]) == {"c"}
    assert set(origin[y_new == "V"]) == {"b", "c"}
    sampler.fit_resample(SIGNALS, LABELS)
    assert not hasattr(sampler, "synthetic_groups_")  # of the call before


def test_wrong_groups_are_refused():
    sampler = GeneratorOverSampler(TINY, strength=0.5)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[30, 3\]"):
        sampler.fit_resample(SIGNALS, LABELS, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="1d array|1-d|2"):
        sampler.fit_resample(SIGNALS, LABELS, groups=np.ones((30, 2)))


def test_groups_are_routed_through_a_pipeline():
    X, y, groups = patients_far_apart()
    with sklearn.config_context(enable_metadata_routing=True):
        sampler = GeneratorOverSampler(Segment(), strength=0.0, random_state=0)
        sampler.set_fit_resample_request(groups=True)
        pipeline = make_pipeline(sampler, LogisticRegression(max_iter=5000))
        pipeline.fit(X / 1000, y, groups=groups)
        assert len(pipeline[0].synthetic_groups_) == 60
        pipeline[0].set_fit_resample_request(groups=False)
        with pytest.raises(TypeError, match="groups"):
            pipeline.fit(X, y, groups=groups)


class CountedVAE(VAE):
    """Appends a line to a file at each fit, also in another process."""

    def __init__(self, log=None, random_state=None):
        super().__init__(
            latent_dim=2,
            hidden_dim=4,
            n_layers=1,
            max_epochs=1,
            random_state=random_state,
        )
        self.log = log

    def fit(self, X, y=None):
        with open(self.log, "a") as file:
            file.write("fit\n")
        return super().fit(X, y)


def count_fits(log):
    return len(log.read_text().splitlines()) if log.exists() else 0


def search_grid(sampler, n_jobs):
    y = np.repeat([0, 1], [45, 15])
    X = np.random.default_rng(0).normal(size=(60, 6)) + 2 * y[:, None]
    grid = {
        "generatoroversampler__sampling_strategy": [0.5, 0.75, 1.0],
        "generatoroversampler__strength": [0.5, 1.0],
        "logisticregression__C": [0.1, 1.0],
    }
    pipeline = make_pipeline(sampler, LogisticRegression())
    search = GridSearchCV(
        pipeline, grid, cv=3, n_jobs=n_jobs, refit=False, error_score="raise"
    )
    return search.fit(X, y).cv_results_["mean_test_score"]


def test_a_grid_trains_once_a_fold_and_scores_the_same_without_cache_and_in_parallel(
    tmp_path,
):
    scores, n_fits = [], []
    for run, (memory, n_jobs) in enumerate([(None, 1), ("once", 1), ("jobs", 2)]):
        log = tmp_path / f"log-{run}"
        sampler = GeneratorOverSampler(
            CountedVAE(log=str(log)),
            memory=memory and str(tmp_path / memory),
            random_state=0,
        )
        scores.append(search_grid(sampler, n_jobs))
        n_fits.append(count_fits(log))
    assert n_fits == [36, 3, 3]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def resample_logged(log, memory, X=SIGNALS, y=LABELS, **options):
    options = {"random_state": 0, **options}
    sampler = GeneratorOverSampler(CountedVAE(log=str(log)), memory=memory, **options)
    return sampler.fit_resample(X, y)[0]


def test_the_cache_sees_what_changes_a_fit_and_nothing_else(tmp_path):
    log, memory = tmp_path / "log", joblib.Memory(tmp_path / "cache", verbose=0)
    expected = resample_logged(log, memory)
    for same in (
        {},
        {"X": np.asfortranarray(SIGNALS)},
        {"sampling_strategy": 0.9},
        {"strength": 0.5},
        {"n_neighbors": 3},
        {"signal_shape": (2, 4), "X": SIGNALS.reshape(30, 8)},
    ):
        X_new = resample_logged(log, memory, **same)
        assert count_fits(log) == 1, same
    np.testing.assert_array_equal(resample_logged(log, memory), expected)
    assert X_new.shape == (48, 8)
    for n, other in enumerate(
        (
            {"random_state": 1},
            {"X": SIGNALS * 2},
            {"y": LABELS[::-1]},
            {"y": np.repeat(["N", "V"], [16, 14])[::-1]},
        )
    ):
        resample_logged(log, memory, **other)
        assert count_fits(log) == 2 + n, other
    assert count_fits(log) == 5


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_without_a_seed_there_is_no_cache_and_a_warning(tmp_path, random_state):
    log, folder = tmp_path / "log", tmp_path / "cache"
    for _ in range(2):
        with pytest.warns(UserWarning, match="memory is not used with random_state"):
            resample_logged(log, str(folder), random_state=random_state)
    assert count_fits(log) == 2
    assert not folder.exists()


def test_each_class_is_cached_by_itself(tmp_path):
    log, memory = tmp_path / "log", str(tmp_path / "cache")
    resample_logged(log, memory, per_class=True)
    resample_logged(log, memory, per_class=True, sampling_strategy=0.8)
    assert count_fits(log) == 2  # the classes that get rows
    resample_logged(log, memory, per_class=True, sampling_strategy={"N": 20})
    assert count_fits(log) == 3


class NoCache:
    """The least that scikit-learn takes for a memory."""

    def cache(self, function):
        return function


@pytest.mark.parametrize("memory", [joblib.Memory(None), NoCache()])
def test_a_memory_that_keeps_nothing_is_one_too(tmp_path, memory):
    log = tmp_path / "log"
    first = resample_logged(log, memory)
    np.testing.assert_array_equal(resample_logged(log, memory), first)
    assert count_fits(log) == 2


def test_a_second_cache_folder_serves_other_processes_too(tmp_path, monkeypatch):
    log = tmp_path / "log"
    for folder in ("first", "second"):
        resample_logged(log, str(tmp_path / folder))
    assert count_fits(log) == 2
    # what joblib remembers of functions in this process, another one does not know
    monkeypatch.setattr(joblib.memory, "_FUNCTION_HASHES", WeakKeyDictionary())
    resample_logged(log, str(tmp_path / "second"))
    assert count_fits(log) == 2


class SlowVAE(CountedVAE):
    """Gives another process the time to begin the same fit."""

    def fit(self, X, y=None):
        fitted = super().fit(X, y)
        time.sleep(0.5)
        return fitted


def resample_beside(folder, me, other):
    """Resample once the other process is ready to do the same."""
    (folder / me).touch()
    for _ in range(6000):
        if (folder / other).exists():
            break
        time.sleep(0.01)
    sampler = GeneratorOverSampler(
        SlowVAE(log=str(folder / "log")), memory=str(folder / "cache"), random_state=0
    )
    return os.getpid(), sampler.fit_resample(SIGNALS, LABELS)[0]


def test_two_processes_at_the_same_time_fit_once(tmp_path):
    (pid, X_new), (other_pid, same) = joblib.Parallel(n_jobs=2, batch_size=1)(
        joblib.delayed(resample_beside)(tmp_path, *names)
        for names in [("first", "second"), ("second", "first")]
    )
    assert pid != other_pid
    np.testing.assert_array_equal(X_new, same)
    assert count_fits(tmp_path / "log") == 1


@pytest.mark.parametrize("per_class", [True, False])
def test_nothing_is_fitted_where_nothing_is_added(tmp_path, per_class):
    log = tmp_path / "log"
    sampler = GeneratorOverSampler(
        CountedVAE(log=str(log)), sampling_strategy={"V": 3}, per_class=per_class
    )
    X_new, _ = sampler.fit_resample(SIGNALS, LABELS)
    assert X_new.tobytes() == SIGNALS.tobytes()
    assert sampler.generators_ == []
    assert count_fits(log) == 0


def test_only_classes_that_get_rows_have_a_generator(tmp_path):
    log = tmp_path / "log"
    sampler = GeneratorOverSampler(
        CountedVAE(log=str(log)), sampling_strategy={"S": 9}, per_class=True
    )
    sampler.fit_resample(SIGNALS, LABELS)
    assert count_fits(log) == len(sampler.generators_) == 1


def test_the_cache_may_be_a_path(tmp_path):
    log = tmp_path / "log"
    first, second = (resample_logged(log, tmp_path / "cache") for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert count_fits(log) == 1


@pytest.mark.parametrize("content", [b"", b"not a pickle"])
def test_a_damaged_file_of_the_cache_warns_and_is_fitted_again(tmp_path, content):
    log, folder = tmp_path / "log", tmp_path / "cache"
    expected = resample_logged(log, folder)
    (file,) = folder.rglob("*.joblib")
    file.write_bytes(content)
    with pytest.warns(UserWarning, match="fitting again: .* is damaged"):
        again = resample_logged(log, folder)
    np.testing.assert_array_equal(again, expected)
    resample_logged(log, folder)
    assert count_fits(log) == 2


def test_the_seed_of_the_generator_is_kept_where_the_sampler_has_none():
    generator = clone(TINY).set_params(random_state=7)
    fits = []
    for random_state in (None, None, 0):
        sampler = GeneratorOverSampler(generator, random_state=random_state)
        sampler.fit_resample(SIGNALS, LABELS)
        fits.append(sampler.generators_[0])
    assert fits[0].history_ == fits[1].history_ != fits[2].history_
    assert fits[0].random_state == fits[1].random_state == 7 != fits[2].random_state


class Wrong(BaseEstimator):
    """A generator of somebody else, whose samples are not what was asked for."""

    def __init__(self, change=None):
        self.change = change

    def fit(self, X, y=None):
        self.shape_ = X.shape[1:]
        return self

    def sample(self, n_samples=1, *, random_state=None):
        return self.change(np.zeros((n_samples, *self.shape_)))


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X[1:],
        lambda X: X[:, :-1],
        lambda X: X[0],
        lambda X: X + np.nan,
        lambda X: X + np.inf,
    ],
    ids=["rows", "columns", "one row", "NaN", "infinity"],
)
def test_wrong_samples_of_a_foreign_generator_are_refused(change):
    with pytest.raises(ValueError, match=r"Wrong.sample must give finite numbers of s"):
        GeneratorOverSampler(Wrong(change)).fit_resample(SIGNALS.reshape(30, 8), LABELS)
    with pytest.raises(ValueError, match=r"Wrong.sample must give finite numbers of s"):
        GeneratorAugmenter(Wrong(change)).fit_resample(
            SIGNALS.reshape(30, 8), np.linspace(0, 1, 30)
        )


@pytest.mark.parametrize("shape", [(30, 8), (30, 2, 4)])
def test_a_frozen_generator_is_not_fitted_again(shape):
    kde = KernelDensity(bandwidth=0.01).fit(SIGNALS.reshape(30, 8) + 100)
    sampler = GeneratorOverSampler(FrozenEstimator(kde), random_state=0)
    X_new, _ = new_rows(sampler, SIGNALS.reshape(shape), LABELS)
    assert X_new.shape == (18, *shape[1:])
    assert X_new.mean() == pytest.approx(100, abs=0.5)
