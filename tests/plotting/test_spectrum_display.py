import sys

import numpy as np
import pytest
from scipy.signal import periodogram

from sksynth.plotting import SpectrumDisplay

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(40, 3, 64))
SYNTHETIC = RNG.normal(size=(30, 3, 64))


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


def test_mean_and_band_are_those_of_the_periodograms():
    display = SpectrumDisplay(REAL, SYNTHETIC, fs=128).plot()
    frequencies, power = periodogram(REAL, fs=128, window="hann")  # one window a row
    np.testing.assert_allclose(display.frequencies_, frequencies)
    np.testing.assert_allclose(display.real_[0], 10 * np.log10(power.mean(axis=0)))
    low, high = np.quantile(power, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(display.real_[1], 10 * np.log10(low))
    np.testing.assert_allclose(display.real_[2], 10 * np.log10(high))


def test_rows_in_blocks_give_the_same_spectra(monkeypatch):
    expected = SpectrumDisplay(REAL, SYNTHETIC, nperseg=16).plot()
    monkeypatch.setattr("sksynth.plotting.spectrum_display.NUMBERS_AT_ONCE", 7 * 192)
    blocks = SpectrumDisplay(REAL, SYNTHETIC, nperseg=16).plot()
    np.testing.assert_array_equal(blocks.real_, expected.real_)
    np.testing.assert_array_equal(blocks.synthetic_, expected.synthetic_)


def test_a_gain_of_two_lifts_the_curves_by_six_decibels():
    display = SpectrumDisplay(REAL, 2 * REAL).plot()
    np.testing.assert_allclose(display.synthetic_ - display.real_, 20 * np.log10(2))


def test_each_channel_has_axes_with_both_means_and_its_name():
    names = ["I", "a$b$", "x" * 40]
    display = SpectrumDisplay(REAL, SYNTHETIC, channel_names=names).plot(n_columns=2)
    assert len(display.axes_) == 3
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["I", r"a\$b\$", "x" * 23 + "…"]  # no formula, not too long
    line = display.axes_[1].get_lines()[1]
    assert line.get_label() == "synthetic"
    np.testing.assert_array_equal(line.get_ydata(), display.synthetic_[0, 1])
    assert display.axes_[2].get_xlabel() == "cycles per sample"
    assert len(display.figure_.axes) == 3


def test_one_channel_may_be_two_dimensional_and_constant():
    display = SpectrumDisplay(np.zeros((3, 16)), np.ones((2, 16)), fs=2).plot()
    assert np.isfinite(display.real_).all()
    assert display.axes_[0].get_title() == "channel 0"
    assert display.axes_[0].get_xlabel() == "frequency (Hz)"


def test_powers_end_120_decibels_under_the_largest():
    times = np.arange(64)
    wave = np.sin(2 * np.pi * times / 8)[None, None]
    both = np.concatenate([wave, 1e-9 * wave], axis=1)
    display = SpectrumDisplay(both, both).plot()
    assert np.ptp(display.real_) == pytest.approx(120)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fs": 0}, "fs must be a finite number of Hz above 0; got 0"),
        ({"nperseg": 65}, "between 2 and the 64 samples of a signal; got 65"),
        ({"channel_names": ["I"]}, r"must hold 3 names, one a channel; got \['I'\]"),
        ({"synthetic": SYNTHETIC[:, :2]}, r"\(40, 3, 64\) and \(30, 2, 64\)"),
        ({"real": np.zeros(4)}, r"2 or 3 dimensions; got shape \(4,\)"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        SpectrumDisplay(**{"real": REAL, "synthetic": SYNTHETIC, **parameters}).plot()


def test_signals_are_not_written_to_and_the_extra_is_named(monkeypatch):
    real = REAL.copy()
    real.flags.writeable = False
    SpectrumDisplay(real, real).plot()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="sksynth.plot."):
        SpectrumDisplay(real, real).plot()
