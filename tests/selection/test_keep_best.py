import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sksynth import VAE
from sksynth.metrics import log_spectral_distance, paired_correlation
from sksynth.selection import KeepBest
from sksynth.selection._spacing import walk_down

TIMES = np.arange(64) / 64


def beats(n_rows, seed, height=1.0, noise=0.05):
    """Rows (n, 2, 64): a bump of random place and width, and its negative."""
    rng = np.random.default_rng(seed)
    place, width = (
        rng.uniform(0.4, 0.6, (n_rows, 1)),
        rng.uniform(0.05, 0.1, (n_rows, 1)),
    )
    bump = height * np.exp(-0.5 * ((TIMES - place) / width) ** 2)
    X = np.stack([bump, -0.5 * bump], axis=1)
    return (X + noise * rng.normal(size=X.shape)).astype(np.float32)


def rmse(a, b):
    flat = [np.asarray(x, dtype=float).reshape(len(x), -1) for x in (a, b)]
    return cdist(*flat) / np.sqrt(flat[0].shape[1])


REAL, HELD_OUT, GOOD = beats(120, 0), beats(120, 1), beats(200, 2)
for array in (REAL, HELD_OUT, GOOD):
    array.flags.writeable = False


def quiet(keep, *args, **options):
    with pytest.warns(UserWarning, match="candidates are kept"):
        return keep.select(*args, **options)


def naive_selection(R, C, n_keep, max_q, min_q, min_spacing):
    """The algorithm in the docstring, one candidate after another."""
    to_real, among_real, among = rmse(C, R), rmse(R, R), rmse(C, C)
    np.fill_diagonal(among_real, np.inf)
    gaps = among_real.min(axis=1)
    match, distance = to_real.argmin(axis=1), to_real.min(axis=1)
    scores = [
        log_spectral_distance(C, R[match]).mean(axis=1),
        1 - paired_correlation(C, R[match]).mean(axis=1),
    ]
    is_far = distance > np.quantile(gaps, max_q)
    is_copy = distance <= min(np.quantile(gaps, min_q), np.median(gaps) / 3)
    fine = ~is_far & ~is_copy
    some = fine if fine.any() else np.ones(len(C), dtype=bool)
    total = np.zeros(len(C))
    for s in scores:
        if s[some].std() > 1e-9:
            total += (s - s[some].mean()) / s[some].std()
    pairs = among_real[np.triu_indices(len(R), 1)]
    kept = []
    for i in np.argsort(total, kind="stable"):
        apart = all(among[i, j] > min_spacing * np.median(pairs) for j in kept)
        if fine[i] and apart and len(kept) < n_keep:
            kept.append(int(i))
    return kept, total


@given(
    n_real=st.integers(3, 30),
    n_new=st.integers(2, 90),
    n_keep=st.integers(1, 40),
    min_spacing=st.sampled_from([0.0, 0.1, 0.6]),
    quantiles=st.sampled_from([(0.9, 0.01), (1.0, 0.0), (0.5, 0.3)]),
    seed=st.integers(0, 1000),
)
@pytest.mark.filterwarnings("ignore:the data. .* candidates are kept")
def test_the_kept_are_those_of_a_naive_walk(
    n_real, n_new, n_keep, min_spacing, quantiles, seed
):
    R, C = beats(n_real, seed), beats(n_new, seed + 1)
    C[::7] = R[0]
    C[1::9] = C[0]
    keep = KeepBest(
        n_keep,
        max_distance_quantile=quantiles[0],
        min_distance_quantile=quantiles[1],
        min_spacing=min_spacing,
    ).fit(R)
    found = keep.select(C)
    kept, total = naive_selection(R, C, n_keep, *quantiles, min_spacing)
    np.testing.assert_array_equal(np.flatnonzero(found.mask), sorted(kept))
    np.testing.assert_allclose(found.total, total, rtol=1e-6, atol=1e-6)
    assert sorted(found.rank) == list(range(n_new))
    assert (np.diff(found.total[np.argsort(found.rank)]) >= 0).all()
    np.testing.assert_array_equal(found.mask, found.reason == "kept")


@given(
    n_rows=st.integers(1, 200),
    n_earlier=st.integers(0, 5),
    n_keep=st.integers(1, 150),
    spacing=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 99),
)
def test_the_walk_in_blocks_is_the_walk_row_by_row(
    n_rows, n_earlier, n_keep, spacing, seed
):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 25, size=(n_rows, 1, 1)) / 25
    earlier = rng.integers(0, 25, size=(n_earlier, 1, 1)) / 25 if n_earlier else None
    order = rng.permutation(n_rows)[: 1 + n_rows // 2]
    kept, duplicates = [], set()
    for i in order:
        gaps = [abs(rows[i] - rows[j]).item() - spacing for j in kept]
        if earlier is not None:
            gaps += [abs(rows[i] - row).item() - spacing / 2 for row in earlier]
        if min(gaps, default=1) <= 0:
            duplicates.add(int(i))
        elif len(kept) < n_keep:
            kept.append(int(i))
    found, is_duplicate = walk_down(
        rows,
        order,
        earlier,
        n_keep=n_keep,
        spacing=spacing,
        earlier_spacing=spacing / 2,
    )
    assert found.tolist() == kept
    assert set(np.flatnonzero(is_duplicate)) <= duplicates
    if len(kept) < n_keep:  # it walked to the end
        assert set(np.flatnonzero(is_duplicate)) == duplicates


def test_25_of_200_are_kept_and_they_are_the_best():
    keep = KeepBest().fit(REAL)
    found = keep.select(GOOD)
    assert found.mask.sum() == 25
    fine = found.mask | (found.reason == "surplus")
    assert found.total[found.mask].max() < found.total[found.reason == "surplus"].min()
    assert set(found.scores) == {"spectrum", "correlation"}
    as_z = [
        (values - values[fine].mean()) / values[fine].std()
        for values in found.scores.values()
    ]
    np.testing.assert_allclose(found.total, sum(as_z))
    np.testing.assert_allclose(found.distance, rmse(GOOD, REAL).min(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(found.nearest, rmse(GOOD, REAL).argmin(axis=1))


def test_kept_rows_are_better_than_dropped_ones_on_a_measure_not_used_to_select():
    poor = GOOD + np.random.default_rng(3).uniform(0, 0.08, (200, 1, 1)) * (
        np.random.default_rng(4).normal(size=GOOD.shape)
    )
    found = KeepBest(max_distance_quantile=None).fit(REAL).select(poor)
    to_held_out = rmse(poor, HELD_OUT).min(axis=1)
    assert to_held_out[found.mask].mean() < 0.9 * to_held_out[~found.mask].mean()


def test_diversity_is_kept():
    found = KeepBest().fit(REAL).select(GOOD)
    clean = GOOD[:, 0] @ np.eye(64)
    spread = [clean[rows].var(axis=0).sum() for rows in (found.mask, slice(None))]
    assert spread[0] > 0.6 * spread[1]
    places = clean[found.mask].argmax(axis=1) / 64
    assert places.min() < 0.45
    assert places.max() > 0.55


def test_copies_near_copies_noise_and_duplicates_are_refused():
    rng = np.random.default_rng(5)
    copies, noise = REAL[:10], rng.normal(size=(10, 2, 64)).astype(np.float32)
    near = REAL[10:20] + 0.005 * rng.normal(size=(10, 2, 64)).astype(np.float32)
    X = np.concatenate([copies, near, noise, GOOD[:60], GOOD[:60] + 1e-4])
    found = KeepBest(n_keep=120).fit(REAL)
    found = quiet(found, X)
    assert set(found.reason[:20]) == {"copy"}
    assert set(found.reason[20:30]) == {"far"}
    once = found.mask[30:90].astype(int) + found.mask[90:]
    assert once.max() == 1  # of two equal ones, one
    assert once.sum() > 40


@pytest.mark.parametrize(
    ("off", "reason"),
    [
        ("max_distance_quantile", "far"),
        ("min_distance_quantile", "copy"),
        ("min_spacing", "duplicate"),
    ],
)
def test_each_threshold_can_be_switched_off(off, reason):
    X = np.concatenate([REAL[:5], 9 * GOOD[:5], GOOD[:5], GOOD[:5]])
    keep = KeepBest(n_keep=40, n_candidates=40).fit(REAL)
    assert set(quiet(keep, X).reason) == {"kept", "far", "copy", "duplicate"}
    found = quiet(keep.set_params(**{off: None}).fit(REAL), X)
    assert set(found.reason) == {"kept", "far", "copy", "duplicate"} - {reason}
    everything = dict.fromkeys(
        ["max_distance_quantile", "min_distance_quantile", "min_spacing"]
    )
    assert keep.set_params(**everything).fit(REAL).select(X).mask.all()


def test_a_smooth_candidate_is_no_copy():
    """Without their noise rows are nearer to real ones than these to each other."""
    real, smooth = beats(300, 6, noise=0.3), beats(60, 7, noise=0.0)
    gaps = rmse(real, real) + np.diag(np.full(300, np.inf))
    keep = KeepBest().fit(real)
    found = keep.select(smooth)
    assert (found.distance < np.quantile(gaps.min(axis=1), 0.01)).mean() > 0.9
    assert "copy" not in found.reason


def test_fewer_than_asked_come_with_a_warning_that_says_why():
    keep = KeepBest(n_keep=10).fit(REAL)
    near = HELD_OUT[np.argsort(rmse(HELD_OUT, REAL).min(axis=1))[[20, 60]]]
    X = np.concatenate([REAL[:3], 9 * GOOD[:4], near])
    message = (
        "the data: 2 of 9 candidates are kept and n_keep=10; refused are "
        "{'far': 4, 'copy': 3, 'duplicate': 0}"
    )
    with pytest.warns(UserWarning) as record:
        assert keep.select(X).mask.sum() == 2
    assert str(record[0].message) == message
    assert record[0].filename == __file__
    assert keep.select(near).mask.sum() == 2  # none was refused: no warning


def test_each_class_has_references_and_a_number_of_its_own():
    X = np.concatenate([REAL, 3 * REAL[:60]])
    y = np.repeat(["small", "tall"], [120, 60])
    keep = KeepBest(n_keep=7).fit(X, y)
    C = np.concatenate([GOOD[:50], 3 * GOOD[:50], 3 * GOOD[50:90]])
    y_new = np.repeat(["small", "tall", "small"], [50, 50, 40])
    found = keep.select(C, y_new)
    assert found.mask[:50].sum() == found.mask[50:100].sum() == 7
    assert set(found.reason[100:]) == {"far"}  # tall ones are no small ones
    np.testing.assert_array_equal(y[found.nearest], y_new)
    alone = KeepBest(n_keep=7).fit(3 * REAL[:60]).select(3 * GOOD[:50])
    np.testing.assert_array_equal(found.mask[50:100], alone.mask)
    np.testing.assert_array_equal(found.rank[50:100], alone.rank)
    one = keep.select(3 * GOOD[:50], "tall")
    np.testing.assert_array_equal(one.mask, alone.mask)
    keep.fit(X, y, labels=["tall"])
    assert list(keep.references_) == ["tall"]
    np.testing.assert_array_equal(keep.select(3 * GOOD[:50], "tall").rank, alone.rank)
    with pytest.raises(ValueError, match=r"some of \['tall'\]; got \['small'\]"):
        keep.select(C, "small")


@pytest.mark.parametrize("labels", [[3, 5], [False, True], [0.0, 1.0]])
def test_labels_of_each_kind_are_taken(labels):
    y = np.array(labels)[np.arange(120) % 2]
    found = KeepBest(n_keep=3).fit(REAL, y).select(GOOD[:40], y[:40])
    assert [found.mask[y[:40] == label].sum() for label in labels] == [3, 3]


@pytest.mark.parametrize("n_rows", [1, 4])
def test_a_class_without_two_different_rows_is_ranked_and_a_warning_says_so(n_rows):
    X = np.concatenate([REAL, np.repeat(GOOD[:1], n_rows, axis=0)])
    y = np.repeat(["N", "rare"], [120, n_rows])
    with pytest.warns(UserWarning, match="class 'rare' has no two different real rows"):
        keep = KeepBest(n_keep=4).fit(X, y)
    candidates = np.concatenate([GOOD[:1], 9 * GOOD, GOOD[:1]])
    found = keep.select(candidates, "rare")
    assert found.mask.sum() == 4
    assert set(found.reason) == {"kept", "surplus"}
    assert found.rank[0] == 0


def test_twins_among_the_real_rows_do_not_set_the_thresholds():
    plain = KeepBest().fit(REAL).references_[None]
    X = np.concatenate([REAL, REAL[:40]])
    twins = KeepBest().fit(X).references_[None]
    assert twins.copy > 0
    assert twins.farthest == pytest.approx(plain.farthest, rel=0.1)


def test_the_thresholds_are_quantiles_of_distances_between_real_rows():
    gaps = rmse(REAL, REAL)
    pairs = gaps[np.triu_indices(120, 1)]
    np.fill_diagonal(gaps, np.inf)
    gaps = gaps.min(axis=1)
    keep = KeepBest(max_distance_quantile=0.7, min_distance_quantile=0.0)
    found = keep.fit(REAL).references_[None]
    assert found.farthest == pytest.approx(np.quantile(gaps, 0.7), rel=1e-5)
    assert found.copy == pytest.approx(min(gaps.min(), np.median(gaps) / 3), rel=1e-5)
    assert found.spacing == pytest.approx(0.1 * np.median(pairs), rel=1e-5)
    many = KeepBest().fit(np.concatenate([REAL, HELD_OUT, GOOD])).references_[None]
    assert many.spacing == pytest.approx(found.spacing, rel=0.05)  # of 200 rows


def test_rows_kept_earlier_are_not_kept_again():
    keep = KeepBest(n_keep=50).fit(REAL)
    first = keep.select(GOOD[:100])
    kept = GOOD[:100][first.mask]
    again = quiet(keep, GOOD[:100], kept=kept)
    assert not (again.mask & first.mask).any()
    assert set(again.reason[first.mask]) == {"duplicate"}
    np.testing.assert_array_equal(again.rank, first.rank)


def test_units_of_channels_can_be_divided_out():
    units = np.array([[1000.0], [0.01]])
    expected = KeepBest().fit(REAL.astype(float)).select(GOOD.astype(float))
    found = KeepBest().fit(REAL * units, scale=units).select(GOOD * units)
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_allclose(found.distance, expected.distance, rtol=1e-5)
    other = KeepBest().fit(REAL * units).select(GOOD * units)
    assert not np.array_equal(other.nearest, expected.nearest)


def test_each_container_gives_the_same_selection():
    R, C = REAL[:, 0], GOOD[:50, 0]
    expected = KeepBest(n_keep=9).fit(R[:, None]).select(C[:, None])
    as_frames = [pd.DataFrame(part).add_prefix("t") for part in (R, C)]
    for real, new in ((R, C), (R.tolist(), C.tolist()), as_frames):
        found = KeepBest(n_keep=9).fit(real).select(new)
        np.testing.assert_array_equal(found.mask, expected.mask)
        np.testing.assert_array_equal(found.rank, expected.rank)


@pytest.fixture(scope="module")
def vae():
    y = np.repeat(["a", "b"], 60)
    X = REAL * np.where(y == "a", 1, -1)[:, None, None]
    sizes = {"latent_dim": 2, "hidden_dim": 32, "n_layers": 1, "max_epochs": 40}
    return VAE(**sizes, random_state=0).fit(X, y), X, y


def test_the_reconstruction_is_by_the_generator_of_the_class(vae):
    vae, X, y = vae
    keep = KeepBest(n_keep=4, criteria=["reconstruction"])
    C = np.concatenate([GOOD[:20], -GOOD[:20]])
    y_new = np.repeat(["a", "b"], 20)
    found = keep.fit(X, y, generator=vae).select(C, y_new)
    expected = vae.reconstruction_error(C, y_new)
    np.testing.assert_allclose(found.scores["reconstruction"], expected, rtol=1e-5)
    fine = (found.reason == "kept") | (found.reason == "surplus")
    best = np.argsort(np.where(fine & (y_new == "a"), expected, np.inf))[:4]
    assert found.mask[best].all()
    plain = {label: clone(vae).fit(X[y == label]) for label in "ab"}
    found = keep.fit(X, y, generator=plain).select(C, y_new)
    expected = np.concatenate(
        [plain[label].reconstruction_error(C[y_new == label]) for label in "ab"]
    )
    np.testing.assert_allclose(found.scores["reconstruction"], expected, rtol=1e-5)
    found = keep.fit(X, y, generator=plain, scale=10.0).select(C, y_new)
    expected /= 10
    np.testing.assert_allclose(found.scores["reconstruction"], expected, rtol=1e-5)


def test_a_generator_of_frames_reconstructs_frames(vae):
    frames = [pd.DataFrame(part[:, 0]).add_prefix("t") for part in (REAL, GOOD[:9])]
    generator = clone(vae[0]).fit(frames[0])
    keep = KeepBest(n_keep=3, criteria=["reconstruction"])
    found = keep.fit(frames[0], generator=generator).select(frames[1])
    expected = generator.reconstruction_error(frames[1])
    np.testing.assert_allclose(found.scores["reconstruction"], expected, rtol=1e-5)


@pytest.mark.parametrize("generator", [None, KernelDensity(), {None: KernelDensity()}])
def test_a_generator_that_does_not_encode_is_refused(generator):
    keep = KeepBest(criteria=["spectrum", "reconstruction"])
    with pytest.raises(TypeError, match="'reconstruction' needs a generator with enc"):
        keep.fit(REAL, generator=generator)


def test_confidence_is_the_probability_of_the_asked_class():
    y = np.repeat(["a", "b", "c"], 40)
    X = REAL * np.select([y == "a", y == "b"], [1, 2], 3)[:, None, None]
    logistic = LogisticRegression(max_iter=500)
    keep = KeepBest(n_keep=3, criteria=["confidence"], classifier=logistic)
    keep.set_params(max_distance_quantile=None).fit(X, y, labels=["c", "a"])
    C, y_new = (
        GOOD[:40] * np.linspace(1, 3, 40)[:, None, None],
        np.repeat(["a", "c"], 20),
    )
    found = keep.select(C, y_new)
    judge = clone(logistic).fit(X.reshape(120, -1), y)
    p = judge.predict_proba(C.reshape(40, -1))[np.arange(40), [0] * 20 + [2] * 20]
    np.testing.assert_allclose(found.scores["confidence"], 1 - p, rtol=1e-6)
    assert not hasattr(logistic, "classes_")
    flat = clone(keep).fit(X[:, 0], y)
    assert flat.classifier_.n_features_in_ == 64


class SignalJudge(ClassifierMixin, BaseEstimator):
    """Takes three dimensions, and says so."""

    def fit(self, X, y):
        self.classes_, self.ndim_ = np.unique(y), X.ndim
        return self

    def predict_proba(self, X):
        assert X.ndim == self.ndim_ == 3
        return np.full((len(X), 2), 0.5)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def test_a_classifier_of_signals_gets_signals():
    y = np.arange(120) % 2
    keep = KeepBest(n_keep=3, criteria=["confidence"], classifier=SignalJudge())
    assert (keep.fit(REAL, y).select(GOOD, 1).scores["confidence"] == 0.5).all()


def test_it_is_cloned_with_its_classifier_and_stays_what_it_was():
    logistic = LogisticRegression(C=2.0)
    keep = KeepBest(3, 9, classifier=logistic, band=(0, 0.4)).fit(REAL)
    before = keep.get_params()
    copied = clone(keep)
    assert copied.get_params()["classifier__C"] == 2.0
    assert copied.set_params(classifier__C=3.0).classifier is not logistic
    keep.select(GOOD)
    assert keep.get_params() == before
    assert logistic.C == 2.0
    with pytest.raises(NotFittedError):
        copied.select(GOOD)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criteria": ["spectra"]}, r"some of \['spectrum', .*; got \['spectra'\]"),
        ({"criteria": []}, r"must be some of .*; got \[\]"),
        ({"criteria": "spectrum"}, "The 'criteria' parameter of KeepBest"),
        ({"n_keep": 9, "n_candidates": 8}, "at most n_candidates=8; got 9"),
        ({"n_keep": 0}, "The 'n_keep' parameter"),
        ({"n_candidates": 2.5}, "The 'n_candidates' parameter"),
        ({"max_distance_quantile": 90}, "The 'max_distance_quantile' parameter"),
        ({"min_distance_quantile": -0.1}, "The 'min_distance_quantile' parameter"),
        ({"min_spacing": -1}, "The 'min_spacing' parameter"),
        ({"criteria": ["confidence"]}, "'confidence' needs a classifier; got None"),
        ({"classifier": LinearSVC()}, "The 'classifier' parameter"),
        ({"classifier": StandardScaler()}, "The 'classifier' parameter"),
        ({"fs": 0}, "The 'fs' parameter"),
        ({"band": (0.6, 0.7)}, r"got \(0.6, 0.7\)"),
        (
            {"criteria": ["confidence"], "classifier": LogisticRegression()},
            "needs a y of several classes",
        ),
    ],
)
def test_wrong_parameters_are_refused_and_leave_no_trace(options, message):
    keep = KeepBest(**options)
    before = vars(keep).copy()
    with pytest.raises(ValueError, match=message):
        keep.fit(REAL)
    assert vars(keep) == before


def test_each_parameter_has_a_constraint():
    assert KeepBest._parameter_constraints.keys() == KeepBest().get_params().keys()


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (REAL * np.nan, None, {}, "contains NaN"),
        (REAL[None], None, {}, r"must have shape .*; got \(1, 120, 2, 64\)"),
        (REAL, np.linspace(0, 1, 120), {}, "must be labels .*; got measurements"),
        (REAL, np.zeros((120, 2), int), {}, r"must be labels .*; got shape \(120, 2\)"),
        (REAL, [0, 1], {}, r"inconsistent numbers of samples: \[120, 2\]"),
        (REAL, None, {"scale": [1.0, 2.0, 3.0]}, r"row of shape \(2, 64\); got \(3,\)"),
        (REAL, None, {"scale": 0.0}, "must be positive and finite; got 0.0"),
        (REAL, np.arange(120) % 2, {"labels": [2]}, r"some of \[0, 1\]; got \[2\]"),
        (REAL[:, :, :1], None, {}, "'spectrum' needs n_times >= 2"),
    ],
)
def test_wrong_real_rows_are_refused(X, y, options, message):
    keep = KeepBest()
    with pytest.raises(ValueError, match=message):
        keep.fit(X, y, **options)
    assert not hasattr(keep, "input_shape_")


def test_wrong_candidates_are_refused():
    keep = KeepBest().fit(REAL, np.arange(120) % 2)
    for X, y_new, message in [
        (GOOD, None, r"y_new is needed: fit had y, of the classes \[0, 1\]"),
        (GOOD, [0, 1], r"y_new must have shape \(200,\); got \(2,\)"),
        (GOOD, 4, r"labels must be some of \[0, 1\]; got \[4\]"),
        (GOOD[:, :, :9], 0, "must have the shape seen by fit"),
        (np.full_like(GOOD, np.nan), 0, "contains NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            keep.select(X, y_new)
    with pytest.raises(ValueError, match="must have the shape seen by fit"):
        keep.select(GOOD, 0, kept=GOOD[:, :, 1:])
    with pytest.raises(ValueError, match="fit had no y; select got y_new=1"):
        KeepBest().fit(REAL).select(GOOD, 1)


def test_a_second_fit_forgets_the_first():
    X = np.random.default_rng(5).normal(size=(20, 1, 16))
    y = np.repeat(["a", "b"], 10)
    keep = KeepBest(criteria=["confidence"], classifier=LogisticRegression())
    keep.fit(X, y).set_params(criteria=["distance"])
    assert sorted(quiet(keep, X + 0.1, y).scores) == ["confidence"]  # as fitted
    keep.fit(X)
    assert not hasattr(keep, "classifier_") and not hasattr(keep, "classes_")


def test_repeats_of_kept_rows_are_refused_where_copies_are_not_looked_for():
    X = np.random.default_rng(6).normal(size=(40, 1, 16))
    keep = KeepBest(
        3,
        6,
        criteria=["distance"],
        max_distance_quantile=None,
        min_distance_quantile=None,
    ).fit(X[:30])
    first = keep.select(X[30:36])
    again = keep.select(X[30:36], kept=X[30:36][first.mask])
    assert not (again.mask & first.mask).any()


def test_a_generator_for_each_class_is_needed_to_reconstruct():
    X = np.random.default_rng(7).normal(size=(8, 1, 16))
    keep = KeepBest(criteria=["reconstruction"])
    with pytest.raises(ValueError, match=r"no entry for \['b'\]; it has \['a'\]"):
        keep.fit(X, np.repeat(["a", "b"], 4), generator={"a": None})
