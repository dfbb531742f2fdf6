import numpy as np
import pytest
from sklearn.decomposition import PCA

from sksynth.plotting import EmbeddingDisplay

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(30, 2, 8)) * [[1], [100]] + [[5], [0]]
SYNTHETIC = RNG.normal(size=(20, 2, 8)) * [[1], [100]] + [[5], [0]]
Y_REAL = np.repeat(["N", "V", "$x$"], 10)
Y_SYNTHETIC = np.repeat(["N", "V"], 10)


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


def test_pca_is_that_of_both_kinds_in_standard_units_of_the_real_rows():
    display = EmbeddingDisplay(REAL[:20], SYNTHETIC, random_state=0).plot()
    mean, deviation = REAL[:20].mean(axis=(0, 2)), REAL[:20].std(axis=(0, 2))
    both = np.concatenate([REAL[:20], SYNTHETIC])
    both = ((both - mean[:, None]) / deviation[:, None]).reshape(40, -1)
    expected = PCA(2, svd_solver="full").fit_transform(both)
    points = np.concatenate([display.real_points_, display.synthetic_points_])
    np.testing.assert_allclose(points, expected, atol=1e-10)


def test_as_many_rows_of_either_kind_are_drawn_and_kept():
    display = EmbeddingDisplay(REAL, SYNTHETIC, n_rows=300).plot()
    assert display.real_points_.shape == display.synthetic_points_.shape == (20, 2)
    before = display.real_points_
    assert display.plot().real_points_ is before
    few = EmbeddingDisplay(REAL, SYNTHETIC, n_rows=7).plot()
    assert few.real_points_.shape == (7, 2)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_points_repeat_by_seed_and_leave_the_global_generator(method):
    state = np.random.get_state()[1].copy()
    one, other = (
        EmbeddingDisplay(
            REAL, SYNTHETIC, method=method, n_rows=10, random_state=3
        ).plot()
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.real_points_, other.real_points_)
    np.testing.assert_array_equal(one.synthetic_points_, other.synthetic_points_)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_tsne_keeps_apart_what_is_apart():
    display = EmbeddingDisplay(REAL, SYNTHETIC + 1000, method="tsne", random_state=0)
    display.plot()
    both = [display.real_points_, display.synthetic_points_]
    centres = [points.mean(axis=0) for points in both]
    for points, own, other in zip(both, centres, centres[::-1], strict=True):
        distances = [np.linalg.norm(points - c, axis=1) for c in (own, other)]
        assert (distances[0] < distances[1]).all()
    assert display.ax_.get_xlabel() == "t-SNE 1"


def test_colours_mean_the_class_and_markers_the_kind():
    display = EmbeddingDisplay(
        REAL, SYNTHETIC, y_real=Y_REAL, y_synthetic=Y_SYNTHETIC, n_rows=20
    )
    _, ax = matplotlib.pyplot.subplots()
    assert display.plot(by="class", ax=ax).ax_ is ax
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [r"\$x\$", "N", "V", "real", "synthetic"]
    *points, _, _ = ax.collections  # two for each class; the last are the legend's
    assert sum(len(p.get_offsets()) for p in points) == 40
    real_n, synthetic_n = points[2:4]
    np.testing.assert_array_equal(real_n.get_facecolor(), synthetic_n.get_edgecolor())
    assert len(synthetic_n.get_offsets()) == 10
    kinds = display.plot().ax_.get_legend().get_texts()
    assert [text.get_text() for text in kinds] == ["real", "synthetic"]


def test_a_constant_channel_does_not_divide_by_zero():
    display = EmbeddingDisplay(np.zeros((5, 8)), RNG.normal(size=(5, 8))).plot()
    assert np.isfinite(display.synthetic_points_).all()


@pytest.mark.parametrize(
    ("parameters", "by", "message"),
    [
        ({"method": "umap"}, "kind", "one of .'pca', 'tsne'.; got 'umap'"),
        ({}, "colour", "by must be 'kind' or 'class'; got 'colour'"),
        ({}, "class", "needs y_real and y_synthetic"),
        ({"n_rows": 1}, "kind", "n_rows must be at least 2; got 1"),
        ({"y_real": Y_REAL}, "kind", "both or neither"),
        ({"synthetic": SYNTHETIC[:1]}, "kind", r"got shape \(1, 2, 8\)"),
        ({"synthetic": SYNTHETIC[:, 0]}, "kind", r"\(30, 2, 8\) and \(20, 1, 8\)"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, by, message):
    parameters = {"real": REAL, "synthetic": SYNTHETIC, **parameters}
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay(**parameters).plot(by=by)


def test_labels_of_another_length_are_refused():
    display = EmbeddingDisplay(REAL, SYNTHETIC, y_real=[0], y_synthetic=Y_SYNTHETIC)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        display.plot()


def test_points_that_are_all_equal_can_be_drawn():
    same = np.ones((40, 1, 20))
    display = EmbeddingDisplay(same, same, method="tsne").plot()
    assert np.isfinite(display.real_points_).all()
