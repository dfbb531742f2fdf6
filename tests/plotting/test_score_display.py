import numpy as np
import pandas as pd
import pytest

from sksynth.plotting import FineTuningDisplay, ScoreDisplay

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture
def summary():
    return pd.DataFrame(
        {
            "generator": ["real only", "VAE", "VAE", "VAE"],
            "combination": ["TrRTeR", "TrSTeR", "TrRSTeR", "TrRSTeR"],
            "measure": ["accuracy", "accuracy", "accuracy", "f1_macro"],
            "difference": [0.0, -0.2, 0.1, 9.0],
            "low": [0.0, -0.3, -0.1, 8.0],
            "high": [0.0, -0.1, 0.3, 10.0],
        }
    )


@pytest.fixture
def curve():
    return pd.DataFrame(
        {
            "generator": "VAE",
            "method": np.repeat(["fine-tuned", "real only"], 4),
            "fraction": [0.5, 0.5, 1.0, 1.0] * 2,
            "repeat": 0,
            "fold": [0, 1] * 4,
            "measure": "accuracy",
            "score": [0.5, 0.7, 0.7, 0.7, 0.6, 0.6, 0.9, 0.7],
        }
    )


def test_a_dot_and_an_interval_for_each_row_of_the_measure(summary):
    ax = ScoreDisplay.from_summary(summary, measure="accuracy").ax_
    dots = ax.get_lines()[1]
    np.testing.assert_array_equal(dots.get_xdata(), [0, -0.2, 0.1])
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[0, 0], [-0.3, -0.1], [-0.1, 0.3]]
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == ["real only TrRTeR", "VAE TrSTeR", "VAE TrRSTeR"]
    assert ax.get_xlabel() == "difference in accuracy"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row is on top


def test_combinations_can_be_chosen_and_drawn_into_given_axes(summary):
    _, ax = matplotlib.pyplot.subplots()
    display = ScoreDisplay.from_summary(
        summary, measure="accuracy", combinations=["TrRSTeR"], ax=ax
    )
    assert display.ax_ is ax and display.figure_ is ax.figure
    np.testing.assert_array_equal(ax.get_lines()[1].get_xdata(), [0.1])


def test_what_a_summary_does_not_have_is_refused(summary):
    with pytest.raises(ValueError, match=r"no measure \['recall'\]; there are"):
        ScoreDisplay.from_summary(summary, measure="recall")
    with pytest.raises(ValueError, match=r"no combination \['TrRTeS'\]; there are"):
        ScoreDisplay(summary).plot(measure="accuracy", combinations=["TrRTeS"])


def test_curves_are_means_with_a_deviation_to_either_side(curve):
    ax = FineTuningDisplay.from_curve(curve, measure="accuracy").ax_
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert list(lines) == ["VAE, fine-tuned", "real only"]
    np.testing.assert_allclose(lines["VAE, fine-tuned"].get_ydata(), [0.6, 0.7])
    np.testing.assert_array_equal(lines["real only"].get_xdata(), [0.5, 1.0])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    ends = 0.6 + np.sqrt(0.02) * np.array([-1, 1])  # deviation of 0.5 and 0.7
    assert [band.min(), band.max()] == pytest.approx(ends)
    assert ax.get_ylabel() == "accuracy"


def test_real_only_is_drawn_once_for_several_generators(curve):
    both = pd.concat([curve, curve.assign(generator="SMOTE")])
    _, ax = matplotlib.pyplot.subplots()
    FineTuningDisplay.from_curve(both, measure="accuracy", ax=ax)
    labels = [line.get_label() for line in ax.get_lines()]
    assert labels == ["VAE, fine-tuned", "real only", "SMOTE, fine-tuned"]


def test_a_curve_of_one_run_has_no_width(curve):
    single = curve[curve["fold"] == 0]
    ax = FineTuningDisplay.from_curve(single, measure="accuracy").ax_
    assert np.isfinite(ax.collections[0].get_paths()[0].vertices).all()
    with pytest.raises(ValueError, match="no measure 'auc'; there are .'accuracy'."):
        FineTuningDisplay.from_curve(curve, measure="auc")
