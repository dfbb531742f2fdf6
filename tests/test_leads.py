import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksynth._leads import LimbLeads

NAMES = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V5"]
CASES = [str, str.upper, str.lower, str.swapcase, " {} ".format]


@given(names=st.permutations(NAMES), write=st.sampled_from(CASES))
def test_completed_signals_obey_einthoven_and_goldberger(names, write):
    leads = LimbLeads([write(name) for name in names], 8)
    signals = np.random.default_rng(0).normal(size=(3, 4, 10))
    X = leads.complete(signals)
    assert X.shape == (3, 8, 10)
    np.testing.assert_array_equal(X[:, leads.kept], signals)
    assert [names[channel] for channel in leads.kept] == [
        name for name in names if name in ("I", "II", "V1", "V5")
    ]
    lead = {name: X[:, channel] for channel, name in enumerate(names)}
    np.testing.assert_allclose(lead["I"] + lead["III"], lead["II"])
    zero = lead["aVR"] + lead["aVL"] + lead["aVF"]
    np.testing.assert_allclose(zero, 0, atol=1e-12)
    for name, plus, minus in [("aVR", "I", "II"), ("aVL", "I", "III")]:
        sign = -1 if name == "aVR" else 1
        expected = (sign * lead[plus] - lead[minus]) / 2
        np.testing.assert_allclose(lead[name], expected, atol=1e-12)
    np.testing.assert_allclose(lead["aVF"], (lead["II"] + lead["III"]) / 2)


@pytest.mark.parametrize("derived", ["III", "aVR", "aVL", "aVF"])
def test_one_derived_lead_is_enough(derived):
    leads = LimbLeads(["V2", derived, "II", "I"], 4)
    assert (leads.derived, leads.kept) == ({derived: 1}, [0, 2, 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_completed_signals_keep_their_dtype_and_the_kept_channels_are_copied(dtype):
    signals = np.ones((2, 2, 5), dtype)
    X = LimbLeads(["II", "aVF", "I"], 3).complete(signals)
    assert X.dtype == dtype
    X[:] = 7
    assert (signals == 1).all()


def test_derive_yields_what_I_and_II_make_of_each_lead():
    leads = LimbLeads(NAMES[:6], 6)
    X = np.zeros((1, 6, 2))
    X[:, 0], X[:, 1], X[:, 2:] = 1.0, 3.0, 99.0
    result = [(name, channel, lead.tolist()) for name, channel, lead in leads.derive(X)]
    values = {"III": 2.0, "aVR": -2.0, "aVL": -0.5, "aVF": 2.5}
    expected = [(name, 2 + i, [[v, v]]) for i, (name, v) in enumerate(values.items())]
    assert result == expected


@pytest.mark.parametrize("names", [["I", "aVR"], ["II", "III"], ["I", "II"], ["V1"]])
def test_missing_leads_are_refused(names):
    message = re.escape(
        "lead_names must hold I, II and at least one of III, aVR, aVL and aVF; "
        f"got {names}"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        LimbLeads(names, len(names))


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["I", "II", "III", " i"], ValueError, "once; got ['I', 'II', 'III', ' i']"),
        (["I", "II"], ValueError, "4 channels of X; got 2 names: ['I', 'II']"),
        ([], ValueError, "4 channels of X; got 0 names: []"),
        ("I II", TypeError, "sequence of str; got 'I II'"),
        (None, TypeError, "sequence of str; got None"),
        (["I", "II", "III", 4], TypeError, "hold str; got ['I', 'II', 'III', 4]"),
    ],
)
def test_wrong_names_are_refused_and_named(names, error, message):
    with pytest.raises(error, match="lead_names must .*" + re.escape(message)):
        LimbLeads(names, 4)
