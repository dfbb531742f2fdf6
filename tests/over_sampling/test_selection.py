import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from sksynth import VAE, GeneratorAugmenter, GeneratorOverSampler
from sksynth.selection import KeepBest

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
RNG = np.random.default_rng(0)
LABELS = np.repeat(["N", "V", "S"], [40, 24, 12])
SIGNALS = RNG.normal(size=(76, 2, 8)).astype(np.float32)
SIGNALS += np.select([LABELS == "N", LABELS == "V"], [0, 20], 40)[:, None, None]
SIGNALS.flags.writeable = False
FEW = KeepBest(3, 12, criteria=["distance"])
GROUPS = np.arange(76) % 4


class Mixed(BaseEstimator):
    """Draws good rows of a class, rows far from it, and copies of the real ones."""

    calls = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        self.X_, self.y_ = X, np.zeros(len(X)) if y is None else y
        return self

    def sample(self, n_samples=1, *, y=None, anchors=None, strength=None,
               n_neighbors=5, random_state=None):  # fmt: skip
        self.calls.append(n_samples)
        rng = np.random.RandomState(random_state)
        real = self.X_ if y is None else self.X_[self.y_ == y]
        real = real if anchors is None else anchors
        X = real.mean(axis=0) + rng.normal(size=(n_samples, *real.shape[1:]))
        kind = rng.random_sample(n_samples)
        X[kind < 0.3] += 200
        is_copy = kind > 0.7
        X[is_copy] = real[rng.randint(len(real), size=is_copy.sum())]
        return X


def new_rows(sampler, X=SIGNALS, y=LABELS, **options):
    X_new, y_new = sampler.fit_resample(X, y, **options)
    new = sampler.synthetic_mask_
    return np.asarray(X_new)[new], np.asarray(y_new)[new]


def is_copy(X_new, X=SIGNALS):
    X_new, X = (part.reshape(len(part), -1) for part in (X_new, X))
    return (X_new[:, None] == X.astype(X_new.dtype)).all(axis=2).any(axis=1)


SAMPLERS = {
    "over-sampler": GeneratorOverSampler(Mixed(), random_state=0),
    "augmenter": GeneratorAugmenter(Mixed(), random_state=0),
}
each_sampler = pytest.mark.parametrize("name", SAMPLERS)


@each_sampler
@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("strength", [None, 0.5])
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_what_the_generator_does_wrong_is_left_out(name, per_class, strength, groups):
    plain = clone(SAMPLERS[name])
    plain.set_params(per_class=per_class, strength=strength)
    X_plain, y_plain = new_rows(plain, groups=groups)
    sampler = clone(plain).set_params(selection=clone(FEW))
    X_new, y_new = new_rows(sampler, groups=groups)
    np.testing.assert_array_equal(y_new, y_plain)  # exactly as many
    assert (X_plain > 100).any()
    assert is_copy(X_plain).any()
    assert not (X_new > 100).any()
    assert not is_copy(X_new).any()
    level = X_new.mean(axis=(1, 2)) / 20
    expected = np.select([y_new == "N", y_new == "V"], [0, 1], 2)
    np.testing.assert_array_equal(np.rint(level), expected)
    assert not hasattr(sampler.selection, "references_")  # cloned, not fitted
    if groups is not None and strength is not None:
        assert set(sampler.synthetic_groups_) == set(GROUPS)


@each_sampler
def test_the_groups_stand_beside_the_rows_that_were_kept(name):
    """Rows of patient k are near 1000 k."""
    patients = np.repeat([0, 1, 2, 3], 19)
    X = 1000.0 * patients[:, None] + RNG.normal(size=(76, 6))
    y = np.where(np.arange(76) % 3 == 0, "V", "N")
    sampler = clone(SAMPLERS[name]).set_params(strength=0.5, selection=FEW)
    X_new, _ = new_rows(sampler, X, y, groups=patients)
    found = np.rint(X_new.mean(axis=1) / 1000).astype(int)
    np.testing.assert_array_equal(sampler.synthetic_groups_, found)
    assert len(set(found)) > 2


def test_of_200_candidates_25_stay_in_the_order_of_their_rank():
    keep = KeepBest(criteria=["distance"])
    sampler = GeneratorOverSampler(
        Mixed(), sampling_strategy={"S": 12 + 60}, selection=keep, random_state=0
    )
    Mixed.calls.clear()
    X_new, _ = new_rows(sampler)
    assert Mixed.calls == [200, 200, 200]
    keep.set_params(min_distance_quantile=None).fit(SIGNALS[LABELS == "S"])
    distance = keep.set_params(n_keep=60).select(X_new).distance
    for block in (slice(0, 25), slice(25, 50), slice(50, 60)):
        assert (np.diff(distance[block]) > 0).all()
    assert distance[24] > distance[25]


@settings(max_examples=5)
@given(
    ratios=st.tuples(st.floats(0.3, 1), st.floats(0.3, 1)).map(sorted),
    strength=st.sampled_from([None, 0.5]),
    grouped=st.booleans(),
    n_keep=st.integers(2, 12),
)
@pytest.mark.filterwarnings("ignore:.* rows were refused by the selection")
def test_a_smaller_ratio_gives_the_beginning_of_each_classs_rows(
    ratios, strength, grouped, n_keep
):
    parts = []
    for ratio in ratios:
        sampler = GeneratorOverSampler(
            TINY,
            sampling_strategy=ratio,
            strength=strength,
            selection=KeepBest(n_keep, 24),
            random_state=3,
        )
        options = {"groups": GROUPS} if grouped else {}
        X_new, y_new = new_rows(sampler, **options)
        assert len(y_new) == max(0, round(40 * ratio) - 24) + max(
            0, round(40 * ratio) - 12
        )
        parts.append({label: X_new[y_new == label] for label in "SV"})
    for label in "SV":
        less, more = parts[0][label], parts[1][label]
        np.testing.assert_allclose(less, more[: len(less)], rtol=1e-4, atol=1e-5)


TARGETS = {
    "labels": LABELS,
    "measurement": RNG.normal(size=76),
    "measurements": RNG.normal(size=(76, 3)).astype(np.float32),
    "several outputs": np.stack([np.arange(76) % 3, np.arange(76) % 2], axis=1),
    "multilabel": (RNG.random((76, 2)) < 0.5).astype(int),
    "one-hot": (LABELS[:, None] == np.unique(LABELS)).astype(int),
}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.filterwarnings("ignore:.* rows were refused by the selection")
def test_a_smaller_ratio_of_the_augmenter_gives_the_beginning_of_a_larger_one(kind):
    y = TARGETS[kind]
    results = []
    for ratio in (0.3, 1.0, 1.5):
        augmenter = GeneratorAugmenter(
            TINY, ratio=ratio, selection=KeepBest(4, 16), random_state=0
        )
        X_new, y_new = new_rows(augmenter, y=y)
        assert len(X_new) == len(y_new) == round(76 * ratio)
        assert (X_new.dtype, y_new.dtype) == (SIGNALS.dtype, y.dtype)
        results.append((X_new, y_new))
    X_all, y_all = results[-1]
    for X_new, y_new in results:
        np.testing.assert_allclose(X_new, X_all[: len(X_new)], rtol=1e-4, atol=1e-5)
        if y.dtype.kind == "f":
            np.testing.assert_allclose(y_new, y_all[: len(y_new)], rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(y_new, y_all[: len(y_new)])


def test_the_rows_of_a_class_do_not_depend_on_what_others_ask_for():
    alone, together = (
        new_rows(
            GeneratorOverSampler(
                Mixed(), sampling_strategy=strategy, selection=FEW, random_state=0
            )
        )
        for strategy in ({"V": 31}, {"N": 50, "S": 19, "V": 31})
    )
    np.testing.assert_array_equal(alone[0], together[0][together[1] == "V"])


def test_a_selection_that_refuses_nothing_keeps_all_rows_of_the_plain_draw():
    open_door = KeepBest(
        12,
        12,
        criteria=["distance"],
        max_distance_quantile=None,
        min_distance_quantile=None,
        min_spacing=None,
    )
    sampler = GeneratorOverSampler(Mixed(), selection=open_door, random_state=0)
    X_new, y_new = new_rows(sampler)
    assert is_copy(X_new).any()
    assert (X_new > 100).any()
    assert (y_new == "V").sum() == 16


class Joint(Mixed):
    """Joins fit rows, with every third target far off, and every other third input."""

    def sample(self, n_samples=1, *, random_state=None):
        rng = np.random.RandomState(random_state)
        X = self.X_[rng.randint(len(self.X_), size=n_samples)].copy()
        deviation = self.X_.std(axis=0)
        X += 0.5 * deviation * rng.normal(size=(n_samples, *[1] * (X.ndim - 1)))
        X[::3, -1] += 30 * deviation[-1]
        X[1::3, 0] += 30 * deviation[0]
        return X


class JointSignals(Joint):
    """The same for signals."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@pytest.mark.parametrize(
    ("generator", "shape"), [(Joint(), (80, 3)), (JointSignals(), (80, 2, 4))]
)
@pytest.mark.parametrize("unit", [1.0, 1000.0, 0.001])
def test_what_is_far_off_is_refused_in_inputs_and_targets_of_any_unit(
    generator, shape, unit
):
    X, y = RNG.normal(size=shape), unit * RNG.normal(size=80)
    plain = GeneratorAugmenter(generator, keep_real=False, random_state=0)
    X_plain, y_plain = plain.fit_resample(X, y)
    assert np.abs(y_plain).max() > 20 * unit
    assert np.abs(X_plain).max() > 20
    keep = KeepBest(3, 12, criteria=["distance"], max_distance_quantile=1.0)
    X_new, y_new = plain.set_params(selection=keep).fit_resample(X, y)
    assert np.abs(y_new).max() < 10 * unit
    assert np.abs(X_new).max() < 10


@pytest.mark.parametrize("shape", [(76,), (76, 2), (76, 2, 8)])
def test_with_a_forward_model_targets_are_selected(shape):
    y = np.random.default_rng(1).normal(size=shape)

    def forward(y):
        return y.reshape(len(y), -1)[:, :1] * np.arange(1.0, 6.0)

    augmenter = GeneratorAugmenter(
        Mixed(), forward=forward, selection=FEW, ratio=1.5, random_state=0
    )
    X_new, y_new = new_rows(augmenter, forward(y), y)
    assert len(y_new) == 114
    assert np.abs(y_new).max() < 10
    assert not is_copy(y_new, y).any()
    np.testing.assert_array_equal(X_new, forward(y_new))


def test_the_reconstruction_by_a_conditional_vae_and_by_one_a_class():
    generator = clone(TINY).set_params(max_epochs=30)
    keep = KeepBest(3, 60, criteria=["reconstruction"], max_distance_quantile=None)
    for per_class in (True, False):
        sampler = GeneratorOverSampler(
            generator, per_class=per_class, random_state=0, strength=0.5
        )
        errors = []
        for selection in (None, keep):
            X_new, y_new = new_rows(sampler.set_params(selection=selection))
            models = sampler.generators_ * (1 if per_class else 2)
            errors.append(
                np.concatenate(
                    [
                        model.reconstruction_error(
                            X_new[y_new == label], *([] if per_class else [label])
                        )
                        for label, model in zip("SV", models, strict=True)
                    ]
                ).mean()
            )
        assert errors[1] < 0.9 * errors[0]


def test_several_labels_a_row_are_reconstructed_too():
    y = TARGETS["several outputs"]
    keep = KeepBest(3, 12, criteria=["reconstruction"], min_spacing=None)
    augmenter = GeneratorAugmenter(TINY, selection=keep, random_state=0)
    with pytest.warns(UserWarning) as record:  # an untrained VAE is far from the rows
        X_new, _ = new_rows(augmenter, SIGNALS, y)
    assert len(X_new) == 76
    assert str(record[0].message).startswith("class '(0, 0)': ")


def test_a_generator_that_does_not_encode_is_refused_before_it_is_fitted():
    class NeverFitted(KernelDensity):
        def fit(self, X, y=None, sample_weight=None):
            raise AssertionError("fitted")

    keep = KeepBest(criteria=["reconstruction"])
    sampler = GeneratorOverSampler(NeverFitted(), selection=keep, random_state=0)
    with pytest.raises(TypeError, match="needs a generator with encode and decode"):
        sampler.fit_resample(SIGNALS, LABELS)
    sampler.set_params(selection__criteria=["spectra"])
    with pytest.raises(ValueError, match=r"some of .* got \['spectra'\]"):
        sampler.fit_resample(SIGNALS, LABELS)
    assert not hasattr(sampler, "synthetic_mask_")


def test_confidence_repeats_by_the_seed_of_the_sampler_and_moves_no_global_state():
    forest = RandomForestClassifier(5)
    keep = KeepBest(3, 12, criteria=["confidence"], classifier=forest)
    before = np.random.get_state()[1].copy()
    draws = [
        new_rows(GeneratorOverSampler(Mixed(), selection=keep, random_state=seed))[0]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert forest.random_state is None


def test_classes_that_get_no_rows_are_not_looked_at():
    y = np.where(np.arange(76) == 75, "rare", LABELS)  # a warning would be an error
    sampler = GeneratorOverSampler(
        Mixed(), sampling_strategy={"V": 34}, selection=FEW, random_state=0
    )
    assert new_rows(sampler, y=y)[1].tolist() == ["V"] * 10


@pytest.mark.filterwarnings("ignore:.* no two different real rows")
def test_a_class_of_one_row_is_filled_up():
    y = np.repeat(["N", "rare"], [75, 1])
    sampler = GeneratorOverSampler(
        TINY, strength=0.5, selection=KeepBest(5, 10), random_state=0
    )
    X_new, y_new = new_rows(sampler, y=y)
    assert y_new.tolist() == ["rare"] * 74
    assert np.isfinite(X_new).all()


def test_a_class_without_enough_good_rows_is_filled_up_with_a_warning():
    class Far(Mixed):
        def sample(self, n_samples=1, *, random_state=None):
            return super().sample(n_samples, random_state=random_state) + 500

    sampler = GeneratorOverSampler(Far(), selection=FEW, random_state=0)
    with pytest.warns(UserWarning) as record:
        _, y_new = new_rows(sampler)
    assert [str(w.message).split(" were")[0] for w in record] == [
        "class 'S': 28 of the 28 rows",
        "class 'V': 16 of the 16 rows",
    ]
    assert len(y_new) == 44


def test_a_generator_of_copies_is_an_error():
    kde = KernelDensity(bandwidth=1e-9)
    sampler = GeneratorOverSampler(kde, selection=FEW, random_state=0)
    with pytest.raises(ValueError, match="class 'S': nearly all of 60 candidates are"):
        sampler.fit_resample(SIGNALS.astype(float), LABELS)


class CountedVAE(VAE):
    """Counts its fits in a file."""

    def __init__(self, log=None, random_state=None):
        sizes = {"latent_dim": 2, "hidden_dim": 4, "n_layers": 1, "max_epochs": 1}
        super().__init__(**sizes, random_state=random_state)
        self.log = log

    def fit(self, X, y=None):
        with open(self.log, "a") as file:
            file.write("fit\n")
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore:.* rows were refused by the selection")
def test_a_grid_over_the_selection_trains_once_a_fold(tmp_path):
    log = tmp_path / "log"
    sampler = GeneratorOverSampler(
        CountedVAE(log=str(log)),
        selection=FEW,
        memory=str(tmp_path / "cache"),
        random_state=0,
    )
    pipeline = make_pipeline(sampler, LogisticRegression(max_iter=500))
    grid = [
        {
            "generatoroversampler__selection__n_keep": [1, 3],
            "generatoroversampler__selection__criteria": [["distance"], ["spectrum"]],
        },
        {"generatoroversampler__selection": [None, KeepBest(2, 4)]},
    ]
    X = SIGNALS.reshape(76, 16)
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, LABELS)
    assert len(search.cv_results_["params"]) == 6
    n_fits = len(log.read_text().splitlines())
    assert n_fits == 3 + 1  # a fold each, and the refit


def test_a_fitted_sampler_holds_no_real_rows_for_its_selection():
    plain, selected = (
        GeneratorOverSampler(TINY, selection=selection, random_state=0)
        for selection in (None, KeepBest(3, 12, max_distance_quantile=None))
    )
    sizes = []
    for sampler in (plain, selected):
        sampler.fit_resample(SIGNALS, LABELS)
        sizes.append(len(pickle.dumps(sampler)))
    assert sizes[1] < sizes[0] + 1000


@each_sampler
@pytest.mark.parametrize("selection", ["best", 25, LogisticRegression(), KeepBest])
def test_a_wrong_selection_is_named(name, selection):
    sampler = clone(SAMPLERS[name]).set_params(selection=selection)
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(ValueError, match="The 'selection' parameter of Generator"):
            use(SIGNALS, LABELS)


def test_the_units_of_channels_do_not_matter_to_a_selection():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2, 16)), np.repeat(["a", "b"], [45, 15])
    units = np.array([[1.0], [1024.0]])  # a power of 2: no rounding
    sampler = GeneratorOverSampler(
        VAE(max_epochs=3, latent_dim=2, hidden_dim=8),
        selection=KeepBest(3, 12, criteria=["distance"], max_distance_quantile=None),
        random_state=0,
    )
    plain = sampler.fit_resample(X, y)[0]
    scaled = sampler.fit_resample(X * units, y)[0]
    np.testing.assert_allclose(scaled / units, plain, rtol=1e-5, atol=1e-6)
