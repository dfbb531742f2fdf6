import copy

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression

from sksynth import VAE
from sksynth.nn.vae import VAENetwork

RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(40, 2, 6)).astype(np.float32)
SIGNALS.flags.writeable = False
LABELS = np.tile(["af", "sinus"], 20)


def tiny(**parameters):
    sizes = {"latent_dim": 2, "hidden_dim": 4, "n_layers": 1, "max_epochs": 2}
    return VAE(**{**sizes, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def plain():
    return tiny().fit(SIGNALS)


@pytest.fixture(scope="module")
def labelled():
    return tiny().fit(SIGNALS, LABELS)


def two_blobs(n=120, seed=0):
    """Two classes, at -3 and +3 in every column."""
    y = np.tile(["low", "high"], n // 2)
    noise = np.random.default_rng(seed).normal(size=(n, 2, 4))
    return noise + np.where(y == "high", 3.0, -3.0)[:, None, None], y


@pytest.fixture(scope="module")
def blobs():
    return VAE(
        latent_dim=3, hidden_dim=32, beta=1.0, max_epochs=80, lr=0.01, random_state=0
    ).fit(*two_blobs())


ANGLES = np.array([0.1, 0.8, 1.5, 2.3, 3.0, 4.4])
DIRECTIONS = np.stack([np.cos(ANGLES), np.sin(ANGLES)])  # columns of equal deviation
UNIT, OFFSET = np.array([1, 2, 0.5, 1, 10, 1]), np.arange(6.0)


@pytest.fixture(scope="module")
def gaussian():
    """A linear map of a 2-D normal latent, plus noise: the density is known."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1500, 2)) @ DIRECTIONS + 0.5 * rng.normal(size=(1500, 6))
    covariance = (DIRECTIONS.T @ DIRECTIONS + 0.25 * np.eye(6)) * np.outer(UNIT, UNIT)
    density = multivariate_normal(OFFSET, covariance)
    sizes = {"latent_dim": 2, "hidden_dim": 64, "n_layers": 1, "beta": 1.0}
    generator = VAE(**sizes, max_epochs=60, lr=0.01, random_state=0)
    X = X * UNIT + OFFSET
    return generator.fit(X[:1000]), X[1000:], density


def test_the_score_is_a_lower_bound_of_the_log_density_and_close_to_it(gaussian):
    generator, X, density = gaussian
    exact = density.logpdf(X).mean()
    assert exact - 0.6 < generator.score(X) < exact


def test_the_score_of_each_signal_follows_its_density(gaussian):
    generator, X, density = gaussian
    scores = generator.score_samples(X)
    assert np.corrcoef(scores, density.logpdf(X))[0, 1] > 0.9
    far = generator.score_samples(X + 30)
    assert (far < scores).all()


def test_the_samples_of_a_table_have_the_moments_of_its_rows(gaussian):
    X_new = (gaussian[0].sample(4000, random_state=0) - OFFSET) / UNIT
    covariance = DIRECTIONS.T @ DIRECTIONS + 0.25 * np.eye(6)  # the noise too
    np.testing.assert_allclose(X_new.mean(axis=0), 0, atol=0.15)
    np.testing.assert_allclose(np.cov(X_new.T), covariance, atol=0.4)


@pytest.mark.parametrize("rows", ["table", "signals"])
@pytest.mark.parametrize("shape", [(30, 6), (30, 1, 6), (30, 3, 2)])
def test_the_score_is_in_the_unit_of_the_signals(shape, rows):
    X = RNG.normal(size=shape)
    generator = tiny(rows=rows)
    score, in_millivolts = (generator.fit(u * X).score(u * X) for u in (1, 1000))
    assert in_millivolts == pytest.approx(score - 6 * np.log(1000), abs=0.01)


NOISE = RNG.normal(size=(30, 3, 20))
SMOOTH = NOISE.cumsum(axis=2) * np.array([1, 10, 0.1])[:, None]  # random walks


@pytest.mark.parametrize(
    ("rows", "X", "is_table"),
    [
        ("auto", NOISE, True),
        ("auto", NOISE[:, 0], True),
        ("auto", SMOOTH, False),
        ("auto", SMOOTH[:, 0], False),
        ("auto", SMOOTH + 1e3 * np.sin(np.arange(20)), False),  # a mean counts not
        ("auto", NOISE + np.linspace(0, 1e3, 20), True),
        ("auto", SMOOTH * (-1.0) ** np.arange(20), False),  # alike but for the sign
        ("auto", SMOOTH[:, :, :15], True),  # too short to tell
        ("auto", SMOOTH[:, :, :1], True),  # no number follows another
        ("auto", np.ones((5, 4)), True),
        ("auto", SMOOTH[:1], True),
        ("auto", np.concatenate([SMOOTH, 0 * SMOOTH, 0 * SMOOTH + 0.1], axis=1), False),
        ("table", SMOOTH, True),
        ("signals", NOISE, False),
        ("signals", NOISE[:, 0], False),
    ],
)
def test_rows_are_read_as_a_table_or_as_signals(rows, X, is_table):
    generator = tiny(rows=rows).fit(X)
    assert generator.is_table_ is is_table
    signals = X if X.ndim == 3 else X[:, None]
    size = signals[0].size
    expected = signals.std(axis=0) if is_table else signals.std(axis=(0, 2))
    expected = np.where(expected < 1e-9, 1.0, expected).ravel()
    np.testing.assert_allclose(generator.scaler_.scale.ravel(), expected)
    levels = generator.network_.raw_log_scale
    assert levels.shape == ((size,) if is_table else ())
    assert generator.network_.beta == (1.0 if is_table else 4.0)
    assert generator.sample(3, random_state=0).shape == (3, *X.shape[1:])
    assert tiny(rows=rows, beta=2.5).fit(X).network_.beta == 2.5


def test_the_rows_of_another_fit_are_read_anew():
    generator = tiny().fit(SMOOTH)
    generator.fit(NOISE)
    assert generator.is_table_
    generator.fit(SMOOTH[:, 0])
    assert not generator.is_table_


def test_a_wrong_kind_of_rows_is_named_by_fit():
    with pytest.raises(ValueError, match="The 'rows' parameter of VAE must be"):
        tiny(rows="columns").fit(NOISE)


@pytest.mark.parametrize("strength", [None, 0.0, 0.5, 1.0])
def test_samples_of_a_table_have_the_noise_of_each_column(strength):
    generator = tiny(rows="table").fit(NOISE)
    quiet = copy.deepcopy(generator)
    levels = np.linspace(0.1, 1, 60)
    with torch.no_grad():
        generator.network_.raw_log_scale.copy_(torch.tensor(raw_of(levels)))
        quiet.network_.raw_log_scale.fill_(-100)  # the floor of the level
    options = {} if strength is None else {"anchors": NOISE, "strength": strength}
    X_new, without = (
        g.sample(2000, random_state=0, **options).reshape(2000, -1)
        for g in (generator, quiet)
    )
    # the noise of both has the same draws, so levels subtract
    expected = (levels - 0.03) * (1 if strength is None else strength)
    found = (X_new - without).std(axis=0) / NOISE.reshape(30, -1).std(axis=0)
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=1e-5)


def raw_of(levels):
    """What the network holds for noise levels: its softplus, undone."""
    floor = VAENetwork.min_log_scale
    return (np.log(np.expm1(np.log(levels) - floor)) + floor) / 10


def test_samples_of_signals_have_no_noise():
    generator = tiny(rows="signals").fit(NOISE)
    X_new = generator.sample(5, random_state=0)
    with torch.no_grad():
        generator.network_.raw_log_scale.fill_(1.0)
    np.testing.assert_array_equal(generator.sample(5, random_state=0), X_new)


def test_the_noise_level_of_a_column_is_learnt():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(400, 1))
    deviation = np.array([0.1, 0.3, 1.0, 3.0])
    X = factor + deviation * rng.normal(size=(400, 4))
    generator = tiny(
        rows="table", hidden_dim=32, max_epochs=60, lr=0.01, batch_size=50
    ).fit(X)
    level = generator.network_.log_scale.exp().numpy() * X.std(axis=0)
    np.testing.assert_allclose(level, deviation, rtol=0.4, atol=0.15)
    X_new = generator.sample(2000, random_state=0)
    np.testing.assert_allclose(X_new.std(axis=0), X.std(axis=0), rtol=0.2)


def test_a_latent_array_that_is_read_only_is_decoded_without_a_warning(plain):
    Z = np.zeros((3, 2), dtype=np.float32)
    Z.flags.writeable = False
    assert plain.decode(Z).shape == (3, 2, 6)


def test_latents_are_checked_against_those_of_the_network(plain):
    changed = copy.deepcopy(plain).set_params(latent_dim=5)  # not the fitted one
    assert changed.decode(np.zeros((3, 2))).shape == (3, 2, 6)
    with pytest.raises(ValueError, match="Z must have 2 columns"):
        changed.decode(np.zeros((3, 5)))


@settings(max_examples=20)
@given(n_few=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 99))
@pytest.mark.parametrize("kind", ["plain", "labelled", "asked"])
def test_the_score_of_a_row_depends_on_that_row_alone(
    plain, labelled, kind, n_few, batch_size, seed
):
    generator = plain if kind == "plain" else labelled
    order = np.random.default_rng(seed).permutation(40)[:n_few]
    y, y_few = (LABELS, LABELS[order]) if kind == "asked" else (None, None)
    expected = generator.score_samples(SIGNALS, y)[order]
    few = tiny()
    vars(few).update(vars(generator))
    few.batch_size = batch_size
    scores = few.score_samples(SIGNALS[order], y_few)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)
    assert scores.dtype == np.float64


def test_the_score_is_the_mean_of_the_scores(labelled):
    assert labelled.score(SIGNALS) == labelled.score_samples(SIGNALS).mean()
    with_labels = labelled.score_samples(SIGNALS, LABELS).mean()
    assert labelled.score(SIGNALS, LABELS) == with_labels
    assert type(labelled.score(SIGNALS)) is float


def test_without_labels_the_score_is_that_of_the_mixture():
    y = np.repeat(["a", "b", "c"], [20, 15, 5])
    generator = tiny().fit(SIGNALS, y)
    share = [0.5, 0.375, 0.125]
    densities = [np.exp(generator.score_samples(SIGNALS, label)) for label in "abc"]
    expected = np.log(np.tensordot(share, densities, axes=1))
    np.testing.assert_allclose(generator.score_samples(SIGNALS), expected)


def test_signals_of_their_class_score_higher(blobs):
    X, y = two_blobs(seed=1)
    right, wrong = blobs.score(X, y), blobs.score(X, y[::-1])
    assert right > wrong + 1


def test_measurements_are_needed_to_score():
    y = RNG.normal(size=40)
    generator = tiny().fit(SIGNALS, y)
    assert generator.score_samples(SIGNALS, y).shape == (40,)
    with pytest.raises(
        ValueError, match="y is needed: fit had measurements as targets"
    ):
        generator.score_samples(SIGNALS)


def test_encode_and_decode_are_the_networks(plain):
    Z = plain.encode(SIGNALS)
    assert Z.shape == (40, 2)
    scaled = (SIGNALS - SIGNALS.mean(axis=0)) / SIGNALS.std(axis=0)  # a table
    scaled = scaled.reshape(40, 12, 1)
    mean, _ = plain.network_.encode(torch.from_numpy(scaled), torch.zeros(40, 0))
    np.testing.assert_allclose(Z, mean.numpy(), rtol=1e-5, atol=1e-6)
    decoded = plain.network_.decode(mean, torch.zeros(40, 0)).numpy()
    expected = plain.scaler_.inverse_transform(decoded).reshape(SIGNALS.shape)
    np.testing.assert_allclose(plain.decode(Z), expected, rtol=1e-4, atol=1e-5)


def test_decoded_signals_come_in_the_form_of_fit(X):
    generator = tiny().fit(X)
    decoded = generator.decode(np.zeros((3, 2)))
    assert type(decoded) is type(X)
    assert decoded.shape == (3, *X.shape[1:])
    assert generator.encode(X).shape == (40, 2)
    assert type(generator.interpolate(X, X, n_steps=2)) is type(X)
    if isinstance(X, pd.DataFrame):
        assert list(decoded.columns) == list(X.columns)
        with pytest.raises(ValueError, match="feature names"):
            generator.encode(X.add_prefix("other"))


def test_a_trained_vae_reconstructs_its_signals(blobs):
    X, y = two_blobs()
    error = blobs.reconstruction_error(X, y)
    decoded = blobs.decode(blobs.encode(X, y), y)
    expected = np.sqrt(np.square(decoded - X).mean(axis=(1, 2)))
    np.testing.assert_allclose(error, expected, rtol=1e-3)
    spread = np.sqrt(np.square(X - X.mean(axis=0)).mean())
    assert error.mean() < 0.5 * spread
    in_other_class = blobs.reconstruction_error(X, y[::-1])
    assert in_other_class.mean() > 2 * error.mean()


def test_labels_are_needed_to_encode_if_fit_had_some(labelled, plain):
    for use in (labelled.encode, labelled.reconstruction_error):
        with pytest.raises(
            ValueError, match="y is needed: this generator was fitted with ta"
        ):
            use(SIGNALS)
    with pytest.raises(ValueError, match="y is needed"):
        labelled.decode(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="y is needed"):
        labelled.interpolate(SIGNALS, SIGNALS)
    for use in (plain.encode, plain.score_samples):
        with pytest.raises(ValueError, match="asked of a generator fitted without y"):
            use(SIGNALS, LABELS)
    with pytest.raises(ValueError, match=r"y must have shape \(\) or \(40,\)"):
        labelled.encode(SIGNALS, LABELS[:3])
    with pytest.raises(ValueError, match="labels seen by fit"):
        labelled.encode(SIGNALS, "vt")


@pytest.mark.parametrize(
    ("Z", "message"),
    [
        (np.zeros((3, 5)), r"Z must have 2 columns \(latent_dim\); got 5"),
        (np.zeros(2), "Expected 2D array"),
        (np.array([[np.nan, 0.0]]), "Z contains NaN"),
        (np.zeros((3, 2, 1)), "dim 3"),
    ],
)
def test_wrong_latents_are_refused(plain, Z, message):
    with pytest.raises(ValueError, match=message):
        plain.decode(Z)


def test_signals_of_another_shape_are_refused(plain):
    for X in (SIGNALS[:, :, :5], SIGNALS[:, :1], SIGNALS.reshape(40, -1)):
        for use in (plain.encode, plain.score_samples, plain.reconstruction_error):
            with pytest.raises(ValueError, match="features|shape seen by fit"):
                use(X)


@pytest.mark.parametrize("y", [None, "af", LABELS, LABELS[:, None].tolist()])
@pytest.mark.parametrize("n_steps", [2, 5])
def test_lines_begin_and_end_at_the_reconstructions(plain, labelled, y, n_steps):
    generator = plain if y is None else labelled
    start, end = SIGNALS, SIGNALS[::-1]
    lines = generator.interpolate(start, end, n_steps=n_steps, y=y)
    lines = lines.reshape(40, n_steps, 2, 6)
    for X, position in [(start, 0), (end, -1)]:
        expected = generator.decode(generator.encode(X, y), y)
        np.testing.assert_allclose(lines[:, position], expected, rtol=1e-4, atol=1e-5)
    if n_steps == 5:
        Z = (generator.encode(start, y) + generator.encode(end, y)) / 2
        middle = generator.decode(Z, y)
        np.testing.assert_allclose(lines[:, 2], middle, rtol=1e-4, atol=1e-5)


def test_a_line_between_measurements_keeps_its_target():
    y = RNG.normal(size=(40, 2))
    generator = tiny().fit(SIGNALS, y)
    one, each = (
        generator.interpolate(SIGNALS[:3], SIGNALS[3:6], n_steps=4, y=asked)
        for asked in (y[0], y[[0, 0, 0]])
    )
    np.testing.assert_array_equal(one, each)


@pytest.mark.parametrize(
    ("n_steps", "error"), [(1, ValueError), (0, ValueError), (2.5, TypeError)]
)
def test_a_line_has_two_steps_or_more(plain, n_steps, error):
    with pytest.raises(error, match="n_steps"):
        plain.interpolate(SIGNALS, SIGNALS, n_steps=n_steps)


def test_lines_have_two_ends(plain):
    with pytest.raises(ValueError, match="must have the same length; got 40 and 3"):
        plain.interpolate(SIGNALS, SIGNALS[:3])


def test_samples_belong_to_the_label_that_was_asked(blobs):
    X, y = two_blobs()
    judge = LogisticRegression().fit(X.reshape(len(X), -1), y)
    asked = np.random.default_rng(1).permutation(np.repeat(["low", "high"], [30, 70]))
    X_new = blobs.sample(100, y=asked, random_state=0)
    assert (judge.predict(X_new.reshape(100, -1)) == asked).mean() > 0.98
    order = np.random.default_rng(2).permutation(100)
    permuted = blobs.sample(100, y=asked[order], random_state=0)
    assert (judge.predict(permuted.reshape(100, -1)) == asked[order]).mean() > 0.98


def test_a_row_changes_with_its_own_label_only(blobs):
    asked = np.tile(["low", "high"], 5)
    X_new = blobs.sample(10, y=asked, random_state=0)
    asked[3] = "low"
    changed = blobs.sample(10, y=asked, random_state=0)
    others = np.arange(10) != 3
    np.testing.assert_allclose(changed[others], X_new[others], rtol=1e-4, atol=1e-5)
    assert np.abs(changed[3] - X_new[3]).mean() > 2


def test_strength_1_is_the_pure_sample(blobs):
    X, y = two_blobs()
    asked = np.tile(["low", "high"], 40)
    pure = blobs.sample(80, y=asked, random_state=0)
    anchored = blobs.sample(
        80, y=asked, anchors=X, anchors_y=y, strength=1, random_state=0
    )
    np.testing.assert_array_equal(anchored, pure)
    nearly = blobs.sample(
        80, y=asked, anchors=X, anchors_y=y, strength=1 - 1e-12, random_state=0
    )
    np.testing.assert_allclose(nearly, pure, rtol=1e-3, atol=1e-3)


def test_strength_0_decodes_the_interpolation_and_keeps_what_the_latents_lose(blobs):
    X = two_blobs()[0][::2]  # the low ones
    Z = blobs.encode(X, "low")
    X_new = blobs.sample(
        50, y="low", anchors=X[:2], strength=0, n_neighbors=1, random_state=0
    )
    weight = np.linspace(0, 1, 2001)[:, None]
    decoded = blobs.decode(Z[0] + weight * (Z[1] - Z[0]), "low").reshape(2001, -1)
    lost = (X[:2] - blobs.decode(Z[:2], "low")).reshape(2, -1)
    decoded += lost[0] + weight * (lost[1] - lost[0])
    gaps = np.linalg.norm(X_new.reshape(50, 1, -1) - decoded, axis=2).min(axis=1)
    assert gaps.max() < 0.02
    one = blobs.sample(5, y="low", anchors=X[:1], strength=0, random_state=0)
    itself = X[[0] * 5]  # a class of one row
    np.testing.assert_allclose(one, itself, rtol=1e-4, atol=1e-4)


def gaps_to_anchors(generator, X, **options):
    """Distance of each sample to the nearest anchor, in units of the directions."""
    X_new = generator.sample(300, anchors=X, random_state=0, **options)
    gaps = (X_new[:, None] - X) / UNIT
    return np.linalg.norm(gaps, axis=2).min(axis=1)


def test_the_distance_to_the_anchors_grows_with_strength(gaussian):
    generator, X, _ = gaussian
    strengths = np.linspace(0, 1, 6)
    means = [gaps_to_anchors(generator, X[:4], strength=s).mean() for s in strengths]
    assert (np.diff(means) > 0).all()
    assert means[-1] > 1.2 * means[0]


def test_partners_are_the_nearest_neighbours(gaussian):
    rng = np.random.default_rng(0)
    latent = rng.normal(scale=0.01, size=(10, 2))
    latent[:, 0] += np.repeat([-2.0, 2.0], 5)  # two clusters, far apart
    X = latent @ DIRECTIONS * UNIT + OFFSET
    inside, across = (
        gaps_to_anchors(gaussian[0], X, strength=0.0, n_neighbors=n) for n in (4, 9)
    )
    assert inside.max() < 1
    assert (across > 2).mean() > 0.1


def test_with_beta_0_few_signals_are_reconstructed():
    generator = tiny(
        latent_dim=4, hidden_dim=64, beta=0.0, max_epochs=400, lr=0.01
    ).fit(SIGNALS[:4])
    assert generator.reconstruction_error(SIGNALS[:4]).max() < 0.15


def test_the_device_that_is_gone_is_replaced_with_a_warning(plain):
    away = tiny()
    vars(away).update(vars(plain))
    away.device = "cuda:99"
    for use, result in [(away.encode, plain.encode), (away.sample, plain.sample)]:
        args = (SIGNALS,) if use == away.encode else ()
        seed = {} if args else {"random_state": 0}
        with pytest.warns(
            UserWarning, match="device='cuda:99' cannot .*sampling on the"
        ):
            np.testing.assert_array_equal(use(*args, **seed), result(*args, **seed))


@pytest.mark.gpu
def test_a_seed_gives_the_same_samples_on_each_device(plain):
    expected = plain.sample(5, random_state=0)
    plain.set_params(device="cuda")
    X_new = plain.sample(5, random_state=0)
    plain.set_params(device="auto")
    np.testing.assert_allclose(X_new, expected, rtol=1e-3, atol=1e-4)
