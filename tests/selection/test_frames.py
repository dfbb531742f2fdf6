"""Tables as DataFrames, and numbers that are none, in a selection."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sksynth.selection import KeepBest

RNG = np.random.default_rng(0)
Y = np.repeat(["a", "b"], 30)
TABLE = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["rate", "width", "height"])
TABLE["rate"] += 2.0 * (Y == "b")
NEW = TABLE + 0.3


def confident(classifier):
    return KeepBest(
        60, criteria=["confidence"], classifier=classifier, max_distance_quantile=None
    ).set_params(min_distance_quantile=None, min_spacing=None)


def test_a_classifier_is_fitted_on_frames_and_asked_about_frames():
    keep = confident(LogisticRegression()).fit(TABLE, Y)  # a warning is an error
    found = keep.select(NEW, Y).scores["confidence"]
    judge = LogisticRegression().fit(TABLE, Y)
    expected = 1 - judge.predict_proba(NEW)[np.arange(60), (Y == "b").astype(int)]
    np.testing.assert_allclose(found, expected)
    arrays = confident(LogisticRegression()).fit(TABLE.to_numpy(), Y)
    again = arrays.select(NEW.to_numpy(), Y).scores["confidence"]
    np.testing.assert_allclose(again, expected)


def test_a_classifier_may_choose_columns_by_name():
    columns = make_column_transformer(("passthrough", ["rate"]))
    keep = confident(make_pipeline(columns, LogisticRegression())).fit(TABLE, Y)
    found = keep.select(NEW, Y).scores["confidence"]
    other = NEW.assign(width=0.0, height=7.0)
    np.testing.assert_allclose(keep.select(other, Y).scores["confidence"], found)


@pytest.mark.parametrize(
    "name",
    [
        *("n_keep", "n_candidates", "fs", "min_spacing"),
        *("max_distance_quantile", "min_distance_quantile"),
    ],
)
def test_truth_is_no_number(name):
    keep = KeepBest(criteria=["distance"]).set_params(**{name: True})
    before = vars(keep).copy()
    with pytest.raises(TypeError, match=f"{name} must be a number; got True"):
        keep.fit(TABLE)
    assert vars(keep) == before
