import sys

import numpy as np
import pytest

from sksynth import VAE
from sksynth.plotting import LossDisplay, SignalDisplay

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(30, 2, 16))
LABELS = np.repeat(["N", "V", "F"], [20, 9, 1])


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture(scope="module")
def vae():
    return VAE(hidden_dim=4, max_epochs=3, random_state=0).fit(SIGNALS, LABELS)


def test_losses_are_drawn_epoch_by_epoch(vae):
    display = LossDisplay.from_estimator(vae, linestyle="--")
    lines = {line.get_label(): line for line in display.ax_.get_lines()}
    assert set(lines) == {name.replace("_", " ") for name in vae.history_}
    np.testing.assert_array_equal(lines["train kl"].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(
        lines["train kl"].get_ydata(), vae.history_["train_kl"]
    )
    assert lines["train kl"].get_linestyle() == "--"


def test_losses_can_be_chosen_and_drawn_into_given_axes(vae):
    _, ax = matplotlib.pyplot.subplots()
    display = LossDisplay.from_estimator(vae, names=["train_loss"], ax=ax)
    assert display.ax_ is ax
    assert len(ax.get_lines()) == 1
    with pytest.raises(ValueError, match="no losses named .'valid_loss'.; there are"):
        LossDisplay.from_estimator(vae, names=["valid_loss"])


def test_real_signals_stand_above_synthetic_ones_class_by_class(vae):
    display = SignalDisplay.from_estimator(
        vae, SIGNALS, LABELS, n_signals=4, fs=16, random_state=0
    )
    assert display.axes_.shape == (2, 3)
    assert [ax.get_title() for ax in display.axes_[0]] == ["F", "N", "V"]
    n_lines = [[len(ax.get_lines()) for ax in row] for row in display.axes_]
    assert n_lines == [[2, 8, 8], [8, 8, 8]]  # two channels; F has one real signal
    fusion = display.axes_[0, 0].get_lines()[0]
    np.testing.assert_array_equal(fusion.get_ydata(), SIGNALS[29, 0])
    np.testing.assert_array_equal(fusion.get_xdata(), np.arange(16) / 16)
    expected = vae.sample(12, y=np.repeat(["F", "N", "V"], 4), random_state=0)
    drawn = display.axes_[1, 2].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, expected[8, 0])


def test_signals_without_labels_and_channels_are_one_class():
    generator = VAE(hidden_dim=4, max_epochs=1).fit(SIGNALS[:, 0])
    display = SignalDisplay.from_estimator(generator, SIGNALS[:, 0], n_signals=3)
    assert display.axes_.shape == (2, 1)
    assert len(display.axes_[1, 0].get_lines()) == 3
    assert display.axes_[1, 0].get_xlabel() == "sample"


def test_a_class_may_lack_on_one_side():
    display = SignalDisplay(
        SIGNALS, SIGNALS[:20], y_real=LABELS, y_synthetic=LABELS[:20]
    ).plot(figsize=(4, 3))
    assert [len(ax.get_lines()) for ax in display.axes_[1]] == [0, 10, 0]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="2 or 3 dimensions; got shape .5,."):
        SignalDisplay(np.zeros(5), SIGNALS).plot()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SignalDisplay(SIGNALS, SIGNALS, y_real=LABELS[:3]).plot()


def test_without_matplotlib_the_extra_is_named(vae, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="sksynth.plot."):
        LossDisplay.from_estimator(vae)
