import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from sksynth import VAE, GeneratorAugmenter

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(24, 2, 4)).astype(np.float32)
SIGNALS.flags.writeable = False
few = settings(max_examples=12)

LABELS = np.repeat(["N", "V", "S"], [12, 8, 4])
TARGETS = {
    "labels": LABELS,
    "integers": np.unique(LABELS, return_inverse=True)[1].astype(np.int32),
    "measurement": RNG.normal(size=24),
    "measurements": RNG.normal(size=(24, 3)).astype(np.float32),
    "several outputs": np.stack([np.arange(24) % 3, np.arange(24) % 2], axis=1),
    "multilabel": (RNG.random((24, 3)) < 0.5).astype(int),
    "one-hot": (LABELS[:, None] == np.unique(LABELS)).astype(int),
    "column": RNG.normal(size=(24, 1)),
    "column of labels": (np.arange(24) % 3)[:, None],
}
each_target = pytest.mark.parametrize("kind", TARGETS)


@each_target
def test_ratio_0_is_the_identity(kind):
    y = TARGETS[kind]
    augmenter = GeneratorAugmenter(TINY, ratio=0, random_state=0)
    X_new, y_new = augmenter.fit_resample(SIGNALS, y)
    assert X_new.tobytes() == SIGNALS.tobytes()
    np.testing.assert_array_equal(y_new, y)
    assert (X_new.dtype, y_new.dtype, y_new.shape) == (SIGNALS.dtype, y.dtype, y.shape)
    assert not augmenter.synthetic_mask_.any()


@each_target
@pytest.mark.parametrize("strength", [None, 0.5])
def test_a_smaller_ratio_gives_the_beginning_of_a_larger_one(kind, strength):
    y = TARGETS[kind]
    results = []
    for ratio in (0.3, 1.0, 2.6):
        augmenter = GeneratorAugmenter(
            TINY, ratio=ratio, strength=strength, random_state=0
        )
        X_new, y_new = augmenter.fit_resample(SIGNALS, y)
        n_new = round(ratio * 24)
        assert X_new.shape == (24 + n_new, 2, 4)
        assert y_new.shape == (24 + n_new, *y.shape[1:])
        assert (X_new.dtype, y_new.dtype) == (SIGNALS.dtype, y.dtype)
        assert X_new[:24].tobytes() == SIGNALS.tobytes()
        np.testing.assert_array_equal(y_new[:24], y)
        np.testing.assert_array_equal(
            augmenter.synthetic_mask_, np.arange(24 + n_new) >= 24
        )
        assert np.isfinite(X_new).all()
        results.append((X_new, y_new))
    X_all, y_all = results[-1]
    for X_new, y_new in results:
        np.testing.assert_allclose(X_new, X_all[: len(X_new)], rtol=1e-4, atol=1e-5)
        if y.dtype.kind == "f":
            np.testing.assert_allclose(y_new, y_all[: len(y_new)], rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(y_new, y_all[: len(y_new)])


@each_target
def test_without_the_real_rows_the_synthetic_ones_stay_the_same(kind):
    y = TARGETS[kind]
    X_new, y_new = GeneratorAugmenter(TINY, random_state=0).fit_resample(SIGNALS, y)
    alone = GeneratorAugmenter(TINY, keep_real=False, random_state=0)
    X_alone, y_alone = alone.fit_resample(SIGNALS, y)
    np.testing.assert_array_equal(X_alone, X_new[24:])
    np.testing.assert_array_equal(y_alone, y_new[24:])
    assert alone.synthetic_mask_.tolist() == [True] * 24


def test_nothing_at_all_is_refused():
    augmenter = GeneratorAugmenter(TINY, ratio=0, keep_real=False)
    with pytest.raises(ValueError, match="keep_real=False leaves none"):
        augmenter.fit_resample(SIGNALS, LABELS)


@few
@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    ratio=st.floats(0, 2.5),
    seed=st.integers(0, 2**31),
)
def test_labels_keep_their_proportions(counts, ratio, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = rng.normal(size=(len(y), 3))
    augmenter = GeneratorAugmenter(TINY, ratio=ratio, random_state=seed)
    _, y_new = augmenter.fit_resample(X, y)
    n_new = round(ratio * len(y))
    assert len(y_new) == len(y) + n_new
    added = np.bincount(y_new[len(y) :], minlength=len(counts))
    assert np.abs(added - np.array(counts) * n_new / len(y)).max() <= 1 + 1e-9


@pytest.mark.parametrize("kind", ["multilabel", "several outputs", "one-hot"])
def test_only_combinations_of_labels_that_exist_are_drawn(kind):
    y = TARGETS[kind]
    _, y_new = GeneratorAugmenter(TINY, ratio=2, random_state=0).fit_resample(
        SIGNALS, y
    )
    rows, counts = np.unique(y, axis=0, return_counts=True)
    rows_new, counts_new = np.unique(y_new, axis=0, return_counts=True)
    np.testing.assert_array_equal(rows_new, rows)
    np.testing.assert_array_equal(counts_new, 3 * counts)


def test_one_hot_targets_give_the_signals_of_their_labels():
    augmenter = GeneratorAugmenter(TINY, random_state=0)
    X_new, y_new = augmenter.fit_resample(SIGNALS, TARGETS["one-hot"])
    expected, labels = augmenter.fit_resample(SIGNALS, LABELS)
    np.testing.assert_array_equal(X_new, expected)
    np.testing.assert_array_equal(y_new, labels[:, None] == np.unique(LABELS))


def test_signals_belong_to_the_labels_beside_them():
    y = np.stack([np.arange(60) % 2, np.arange(60) // 2 % 2], axis=1)
    X = 4.0 * y + 0.3 * RNG.normal(size=(60, 2))  # column k tells output k
    generator = VAE(latent_dim=2, hidden_dim=32, max_epochs=60, lr=0.01)
    augmenter = GeneratorAugmenter(generator, keep_real=False, random_state=0)
    X_new, y_new = augmenter.fit_resample(X, y)
    assert ((X_new > 2) == y_new).mean() > 0.97


@pytest.mark.parametrize("shape", [(300, 4), (300, 2, 4)])
@pytest.mark.parametrize("strength", [None, 0.3])
def test_targets_stay_tied_to_their_inputs(shape, strength):
    X = np.random.default_rng(0).normal(size=shape)
    slope = np.random.default_rng(1).normal(size=(8, 2))
    flat = X.reshape(300, -1)
    y = 50 + flat @ slope[: flat.shape[1]]
    sizes = {"latent_dim": 8, "hidden_dim": 128, "batch_size": 32}
    generator = VAE(**sizes, max_epochs=120, lr=0.003)
    augmenter = GeneratorAugmenter(
        generator, keep_real=False, strength=strength, random_state=0
    )
    X_new, y_new = augmenter.fit_resample(X, y)
    predicted = Ridge().fit(flat, y).predict(X_new.reshape(300, -1))
    assert np.abs(y_new.mean(axis=0) - y.mean(axis=0)).max() < 1.5
    for target in range(2):
        assert np.corrcoef(predicted[:, target], y_new[:, target])[0, 1] > 0.8


def test_a_series_of_measurements_comes_back_as_one():
    X = pd.DataFrame(SIGNALS.reshape(24, 8)).add_prefix("t")
    y = pd.Series(TARGETS["measurement"], name="age", dtype=np.float32)
    X_new, y_new = GeneratorAugmenter(TINY, random_state=0).fit_resample(X, y)
    assert list(X_new.columns) == list(X.columns)
    assert (y_new.name, y_new.dtype) == ("age", np.float32)
    assert y_new.index.equals(X_new.index)
    frame = pd.DataFrame(TARGETS["measurements"], columns=["a", "b", "c"])
    _, frame_new = GeneratorAugmenter(TINY, random_state=0).fit_resample(X, frame)
    assert list(frame_new.columns) == ["a", "b", "c"]
    as_list = GeneratorAugmenter(TINY, random_state=0).fit_resample(
        SIGNALS.tolist(), TARGETS["measurement"].tolist()
    )
    assert [type(part) for part in as_list] == [list, list]


def test_a_kernel_density_models_inputs_and_targets_together():
    X = RNG.normal(size=(50, 3))
    y = X @ [1.0, -2.0, 0.5]
    augmenter = GeneratorAugmenter(KernelDensity(bandwidth=0.001), random_state=0)
    X_new, y_new = augmenter.fit_resample(X, y)
    np.testing.assert_allclose(X_new @ [1.0, -2.0, 0.5], y_new, atol=0.05)


def make_signals(y):
    """The known physics: a sine of the amplitudes in y."""
    return y.reshape(len(y), -1)[:, :1, None] * np.sin(np.arange(5.0)) * np.ones((2, 1))


@pytest.mark.parametrize("shape", [(24,), (24, 1), (24, 3), (24, 2, 6)])
def test_with_a_forward_model_inputs_are_computed_from_the_targets(shape):
    y = np.random.default_rng(0).normal(size=shape)
    X = make_signals(y).astype(np.float32)
    augmenter = GeneratorAugmenter(
        TINY, ratio=1.5, forward=make_signals, random_state=0
    )
    X_new, y_new = augmenter.fit_resample(X, y)
    assert X_new.shape == (60, 2, 5)
    assert y_new.shape == (60, *shape[1:])
    assert (X_new.dtype, y_new.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(y_new[:24], y)
    np.testing.assert_allclose(X_new, make_signals(y_new), rtol=1e-5, atol=1e-6)
    assert len(np.unique(y_new, axis=0)) == 60
    augmenter.set_params(ratio=0.5)
    fewer = augmenter.fit_resample(X, y)[1]
    np.testing.assert_allclose(fewer, y_new[:36], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            lambda y: y,
            r"forward must return inputs of shape \(24, 2, 5\); got \(24, 3\)",
        ),
        (
            lambda y: make_signals(y)[:3],
            r"inputs of shape \(24, 2, 5\); got \(3, 2, 5\)",
        ),
        (lambda y: make_signals(y) * np.nan, "returned inputs that are not finite"),
    ],
)
def test_a_wrong_forward_model_is_refused(forward, message):
    y = RNG.normal(size=(24, 3))
    augmenter = GeneratorAugmenter(TINY, forward=forward, random_state=0)
    with pytest.raises(ValueError, match=message):
        augmenter.fit_resample(make_signals(y), y)
    assert not hasattr(augmenter, "synthetic_mask_")


def test_a_forward_model_needs_numbers():
    augmenter = GeneratorAugmenter(TINY, forward=make_signals)
    with pytest.raises(ValueError, match="could not convert string|numeric"):
        augmenter.fit_resample(SIGNALS, np.array([["a"]] * 24))
    with pytest.raises(ValueError, match="y contains NaN"):
        augmenter.fit_resample(SIGNALS, np.full((24, 2), np.nan))


def test_groups_tell_the_patient_of_each_row():
    groups = np.tile(["a", "b"], 12)
    augmenter = GeneratorAugmenter(TINY, strength=0.5, random_state=0)
    augmenter.fit_resample(SIGNALS, LABELS, groups=groups)
    origin = augmenter.synthetic_groups_
    assert [(origin == name).sum() for name in "ab"] == [12, 12]
    augmenter.fit_resample(SIGNALS, TARGETS["measurement"], groups=groups)
    origin = augmenter.synthetic_groups_
    assert [(origin == name).sum() for name in "ab"] == [12, 12]
    augmenter.set_params(strength=None).fit_resample(SIGNALS, LABELS, groups=groups)
    assert augmenter.synthetic_groups_.tolist() == [None] * 24
    augmenter.set_params(ratio=0).fit_resample(SIGNALS, LABELS, groups=groups)
    assert augmenter.synthetic_groups_.tolist() == []
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[24, 2\]"):
        augmenter.fit_resample(SIGNALS, LABELS, groups=["a", "b"])
    augmenter.fit_resample(SIGNALS, LABELS)
    assert not hasattr(augmenter, "synthetic_groups_")  # of the call before


def test_the_groups_stand_beside_their_rows():
    """Rows of patient k of class c are at 1000 k + 100 c, and stay there."""
    y, groups = np.tile([0, 1], 12), np.repeat([0, 1, 2], 8)
    X = (1000.0 * groups + 100 * y)[:, None] + np.zeros((24, 3))

    class Copy(VAE):
        def sample(self, n_samples=1, *, y=None, anchors=None, strength=None,
                   n_neighbors=5, random_state=None):  # fmt: skip
            return np.resize(anchors, (n_samples, 3))

    copies = Copy(max_epochs=1, hidden_dim=4, latent_dim=1)
    augmenter = GeneratorAugmenter(
        copies, ratio=1.3, strength=0.5, keep_real=False, random_state=0
    )
    X_new, y_new = augmenter.fit_resample(X, y, groups=groups)
    expected = 1000 * augmenter.synthetic_groups_.astype(float) + 100 * y_new
    np.testing.assert_array_equal(X_new, expected[:, None] + np.zeros(3))


def test_the_cache_spares_a_fit(tmp_path):
    fits = []
    for _ in range(2):
        augmenter = GeneratorAugmenter(
            TINY, ratio=0.5, memory=str(tmp_path), random_state=0
        )
        augmenter.fit_resample(SIGNALS, TARGETS["measurement"])
        fits.append(augmenter.generators_[0].history_)
    assert fits[0] == fits[1]
    assert len(list(tmp_path.rglob("*.joblib"))) == 1


def test_a_grid_over_ratios_works_in_a_pipeline():
    X, y = SIGNALS.reshape(24, 8), TARGETS["measurement"]
    pipeline = make_pipeline(GeneratorAugmenter(TINY, random_state=0), Ridge())
    grid = {"generatoraugmenter__ratio": [0, 0.5, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    baseline = GridSearchCV(Ridge(), {}, cv=3).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == baseline.cv_results_["mean_test_score"][0]
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("kind", ["labels", "measurement"])
def test_flat_rows_read_as_signals_give_the_same_as_signals(kind):
    y = TARGETS[kind]
    flat = GeneratorAugmenter(TINY, signal_shape=(2, 4), random_state=0)
    X_new, y_new = flat.fit_resample(SIGNALS.reshape(24, 8), y)
    expected, y_expected = GeneratorAugmenter(TINY, random_state=0).fit_resample(
        SIGNALS, y
    )
    np.testing.assert_array_equal(X_new.reshape(-1, 2, 4), expected)
    np.testing.assert_array_equal(y_new, y_expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (LABELS[:5], r"inconsistent numbers of samples: \[24, 5\]"),
        (np.full(24, np.nan), "y contains NaN"),
        (np.zeros((24, 2, 2)), r"y must have shape .*; got \(24, 2, 2\)"),
        (np.arange(24).astype(object), "[Uu]nknown label type"),
    ],
)
def test_wrong_targets_are_refused(y, message):
    augmenter = GeneratorAugmenter(TINY)
    with pytest.raises(ValueError, match=message):
        augmenter.fit_resample(SIGNALS, y)
    assert not hasattr(augmenter, "input_shape_")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("ratio", -0.1),
        ("ratio", "all"),
        ("keep_real", "no"),
        ("forward", "sine"),
        ("strength", 2),
        ("n_neighbors", 0),
        ("per_class", 3),
        ("signal_shape", [2, 4]),
        ("memory", 1),
        ("random_state", "seed"),
        ("generator", Ridge()),
    ],
)
def test_a_wrong_parameter_is_named(parameter, value):
    augmenter = GeneratorAugmenter(TINY).set_params(**{parameter: value})
    for use in (augmenter.fit, augmenter.fit_resample):
        with pytest.raises(
            ValueError, match=f"The '{parameter}' parameter of Generator"
        ):
            use(SIGNALS, LABELS)


def test_each_parameter_has_a_constraint():
    names = GeneratorAugmenter._parameter_constraints.keys()
    assert names == GeneratorAugmenter().get_params().keys()


def test_fit_only_checks():
    augmenter = GeneratorAugmenter(TINY).fit(SIGNALS, LABELS)
    assert augmenter.input_shape_ == (2, 4)
    assert not hasattr(augmenter, "generators_")


def test_a_failed_call_leaves_the_one_before():
    augmenter = GeneratorAugmenter(clone(TINY), random_state=0)
    augmenter.fit_resample(SIGNALS, LABELS)
    augmenter.set_params(generator__device="cuda:99")
    before = vars(augmenter).copy()
    with pytest.raises(ValueError, match="device='cuda:99' cannot be used"):
        augmenter.fit_resample(SIGNALS[:9], LABELS[:9])
    assert vars(augmenter) == before


def test_whole_numbers_among_the_measurements_are_rounded():
    y = pd.DataFrame(
        {"age": np.arange(24) * 2, "mass": RNG.normal(size=24), "n": np.uint8(0)}
    )
    _, y_new = GeneratorAugmenter(TINY, random_state=0).fit_resample(SIGNALS, y)
    assert (y_new.dtypes == y.dtypes).all()
    plain = y.to_numpy(dtype=float)
    _, plain = GeneratorAugmenter(TINY, random_state=0).fit_resample(SIGNALS, plain)
    np.testing.assert_array_equal(y_new["age"], np.rint(plain[:, 0]))
    np.testing.assert_array_equal(y_new["n"], np.clip(np.rint(plain[:, 2]), 0, 255))
    np.testing.assert_array_equal(y_new["mass"], plain[:, 1])


@pytest.mark.parametrize("kind", ["regression", "forward"])
def test_a_synthetic_measurement_is_anchored_in_a_single_patient(kind):
    """Targets of patient k are near 1000 k."""
    patients = np.repeat([0, 1, 2], [12, 8, 4])
    y = 1000.0 * patients + RNG.normal(size=24)
    forward = make_rows if kind == "forward" else None
    augmenter = GeneratorAugmenter(
        TINY, ratio=2, strength=0, forward=forward, keep_real=False, random_state=0
    )
    _, y_new = augmenter.fit_resample(make_rows(y), y, groups=patients)
    origin = augmenter.synthetic_groups_.astype(int)
    assert np.bincount(origin).tolist() == [24, 16, 8]
    np.testing.assert_allclose(y_new, 1000 * origin, atol=5)
    augmenter.set_params(strength=None)
    augmenter.fit_resample(make_rows(y), y, groups=patients)
    assert augmenter.synthetic_groups_.tolist() == [None] * 48


def make_rows(y):
    return y[:, None] * np.array([1.0, -1.0, 2.0])


@pytest.mark.parametrize(
    ("X", "rows", "joint_shape"),
    [
        (SIGNALS.reshape(24, 8), "auto", (10,)),
        (SIGNALS, "auto", (10,)),
        (SIGNALS.cumsum(axis=2), "signals", (4, 4)),
        (SIGNALS.cumsum(axis=2), "table", (10,)),
        (SIGNALS[:, 0].repeat(4, axis=1), "auto", (3, 16)),
    ],
)
def test_targets_go_along_as_columns_of_a_table_or_channels_of_signals(
    X, rows, joint_shape
):
    generator = clone(TINY).set_params(rows=rows)
    y = TARGETS["measurements"][:, :2]
    augmenter = GeneratorAugmenter(generator, random_state=0)
    X_new, y_new = augmenter.fit_resample(X, y)
    (fitted,) = augmenter.generators_
    assert fitted.input_shape_ == joint_shape
    assert fitted.is_table_ is (len(joint_shape) == 1)
    assert X_new.shape == (48, *X.shape[1:])
    assert y_new.shape == (48, 2)
    assert generator.rows == rows


@pytest.mark.parametrize("shape", [(50, 6), (50, 2, 3)])
def test_targets_are_columns_to_a_generator_of_tables(shape):
    X = RNG.normal(size=shape)
    y = X.reshape(50, 6) @ np.arange(6.0)
    augmenter = GeneratorAugmenter(KernelDensity(bandwidth=0.001), random_state=0)
    X_new, y_new = augmenter.fit_resample(X, y)
    assert augmenter.generators_[0].n_features_in_ == 7
    assert X_new.shape == (100, *shape[1:])
    np.testing.assert_allclose(X_new.reshape(100, 6) @ np.arange(6.0), y_new, atol=0.1)


@pytest.mark.parametrize("dtype", [object, str])
def test_text_labels_of_several_outputs_are_taken(dtype):
    pairs = np.array([["af", "male"], ["af", "female"], ["sinus", "male"]], dtype=dtype)
    y = pairs[np.arange(24) % 3]
    X_new, y_new = GeneratorAugmenter(TINY, random_state=0).fit_resample(SIGNALS, y)
    assert X_new.shape == (48, 2, 4)
    assert (y_new.shape, y_new.dtype) == ((48, 2), y.dtype)
    found = {tuple(row) for row in y_new[24:].tolist()}
    assert found == {tuple(row) for row in pairs.tolist()}
