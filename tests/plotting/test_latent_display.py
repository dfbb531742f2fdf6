import numpy as np
import pytest
from sklearn.decomposition import PCA

from sksynth import VAE, TimeVQVAE
from sksynth.generators.time_diffusion import TimeDiffusion
from sksynth.plotting import LatentDisplay

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(30, 5)) * [5, 4, 1, 1, 1]
Y = np.repeat(["SR", "AF", "$x$"], 10)


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


def test_points_are_the_principal_components_of_the_codes():
    display = LatentDisplay(CODES).plot()
    expected = PCA(2, svd_solver="full").fit_transform(CODES)
    np.testing.assert_allclose(display.points_, expected, atol=1e-10)
    assert len(display.ax_.collections) == 1
    assert display.ax_.get_legend() is None
    before = display.points_
    assert display.plot().points_ is before


def test_each_class_has_its_colour_and_its_points():
    display = LatentDisplay(CODES, y=Y).plot()
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["\\$x\\$", "AF", "SR"]
    drawn = display.ax_.collections
    assert len({tuple(each.get_facecolor()[0]) for each in drawn}) == 3
    for each, label in zip(drawn, ["$x$", "AF", "SR"], strict=True):
        np.testing.assert_array_equal(each.get_offsets(), display.points_[Y == label])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_fewer_rows_are_drawn_by_seed_without_the_global_generator(method):
    state = np.random.get_state()[1].copy()
    parameters = {"method": method, "n_rows": 12, "random_state": 3}
    one, other = (LatentDisplay(CODES, y=Y, **parameters).plot() for _ in range(2))
    assert one.points_.shape == (12, 2)
    np.testing.assert_array_equal(one.points_, other.points_)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_one_latent_and_equal_codes_are_drawn(method):
    line = LatentDisplay(CODES[:, :1], method=method).plot()
    assert line.points_.shape == (30, 2) and np.isfinite(line.points_).all()
    same = LatentDisplay(np.ones((5, 3)), method=method).plot()
    assert not same.points_.any()


def test_the_codes_of_an_estimator_are_those_of_its_encode():
    X = RNG.normal(size=(30, 2, 8))
    ax = matplotlib.pyplot.figure().subplots()
    vae = VAE(max_epochs=1, random_state=0).fit(X, Y)
    display = LatentDisplay.from_estimator(vae, X, Y, ax=ax)
    expected = LatentDisplay(vae.encode(X, Y)).plot().points_
    np.testing.assert_allclose(display.points_, expected)
    assert display.ax_ is ax
    unlabelled = VAE(max_epochs=1, random_state=0).fit(X)
    display = LatentDisplay.from_estimator(unlabelled, X, Y)
    expected = LatentDisplay(unlabelled.encode(X)).plot().points_
    np.testing.assert_allclose(display.points_, expected)
    assert display.ax_.get_legend() is not None


@pytest.mark.parametrize(
    ("codes", "parameters", "message"),
    [
        (CODES, {"method": "umap"}, "method must be one of .*got 'umap'"),
        (CODES, {"n_rows": 1}, "n_rows must be at least 2; got 1"),
        (CODES, {"y": Y[:3]}, "inconsistent numbers of samples"),
        (CODES, {"y": np.stack([Y, Y], axis=1)}, r"one label a row.*\(30, 2\)"),
        (CODES, {"y": RNG.normal(size=30)}, "one label a row.*float64"),
        (CODES, {"y": "SR"}, r"one label a row.*shape \(\)"),
        (CODES[:1], {}, "minimum of 2"),
        (CODES[0], {}, "Expected 2D array"),
    ],
)
def test_what_does_not_fit_is_refused(codes, parameters, message):
    with pytest.raises(ValueError, match=message):
        LatentDisplay(codes, **parameters).plot()


@pytest.mark.parametrize("n_rows", [10.5, "12", None, True])
def test_a_number_of_rows_that_is_no_integer_is_named(n_rows):
    message = f"n_rows must be an integer; got {n_rows!r}"
    with pytest.raises(TypeError, match=message):
        LatentDisplay(CODES, n_rows=n_rows).plot()
    vae = VAE(max_epochs=1, random_state=0).fit(CODES)
    with pytest.raises(TypeError, match=message):
        LatentDisplay.from_estimator(vae, CODES, n_rows=n_rows)


def test_generators_without_latents_are_refused():
    X = RNG.normal(size=(8, 1, 16))
    with pytest.raises(TypeError, match="must have encode; TimeDiffusion has not"):
        LatentDisplay.from_estimator(TimeDiffusion(), X)
    tokens = TimeVQVAE(max_epochs=1, prior_epochs=1, width=8, random_state=0)
    tokens.fit(X, np.arange(8) % 2)
    with pytest.raises(ValueError, match="codes must be latents.*got int64"):
        LatentDisplay.from_estimator(tokens, X)
