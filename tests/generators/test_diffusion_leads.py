import re
import warnings

import numpy as np
import pytest

from tests.generators.diffusion_cases import awake, each_kind, forbid_training, tiny

NAMES = ["V1", "II", "aVR", "I", "aVL", "aVF", "III", "V2"]
CHANNEL = {name: channel for channel, name in enumerate(NAMES)}
RNG = np.random.default_rng(0)


def ecg(n_samples=30, dtype=np.float32):
    """Leads that obey the identities, some mV high, and two chest leads."""
    X = RNG.normal(size=(n_samples, 8, 12)).cumsum(axis=2)
    X[:, CHANNEL["I"]] += 1.5
    first, second = X[:, CHANNEL["I"]], X[:, CHANNEL["II"]]
    X[:, CHANNEL["III"]] = second - first
    X[:, CHANNEL["aVR"]] = -(first + second) / 2
    X[:, CHANNEL["aVL"]] = first - second / 2
    X[:, CHANNEL["aVF"]] = second - first / 2
    return X.astype(dtype)


LEADS = ecg()
LABELS = np.repeat(["af", "sinus"], [12, 18])


def errors(X):
    """Largest deviation from Einthoven's and Goldberger's identities."""
    lead = {name: X[:, channel] for name, channel in CHANNEL.items()}
    sums = [
        lead["I"] + lead["III"] - lead["II"],
        lead["aVR"] + lead["aVL"] + lead["aVF"],
        lead["aVR"] + (lead["I"] + lead["II"]) / 2,
        lead["aVL"] - (lead["I"] - lead["III"]) / 2,
        lead["aVF"] - (lead["II"] + lead["III"]) / 2,
    ]
    return [np.abs(total).max() for total in sums]


@each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strength", [None, 0, 0.5, 1])
def test_samples_obey_einthoven_and_goldberger(kind, dtype, strength):
    X = LEADS.astype(dtype)
    generator = awake(tiny(kind, lead_names=NAMES).fit(X, LABELS))
    options = {"y": "af", "random_state": 0}
    if strength is not None:
        options |= {"anchors": X[LABELS == "af"], "strength": strength}
    X_new = generator.sample(25, **options)
    assert X_new.shape == (25, 8, 12)
    assert X_new.dtype == dtype
    assert np.isfinite(X_new).all()
    assert X_new.std(axis=(0, 2)).min() > 0.1
    assert max(errors(X_new)) < 1e-4


@each_kind
def test_the_derived_leads_are_not_generated(kind):
    generator = tiny(kind, lead_names=NAMES).fit(LEADS, LABELS)
    assert generator._signal_shape == (4, 12)
    assert generator.scaler_.scale.shape == (4, 1)
    assert generator.input_shape_ == (8, 12)
    assert tiny(kind).fit(LEADS)._signal_shape == (8, 12)
    # the generated ones are those of the same leads without names
    kept = [
        channel for channel, name in enumerate(NAMES) if name in "V1 II I V2".split()
    ]
    few = awake(tiny(kind).fit(LEADS[:, kept], LABELS))
    X_new = awake(generator).sample(5, random_state=0)
    np.testing.assert_array_equal(X_new[:, kept], few.sample(5, random_state=0))


def test_strength_0_interpolates_all_leads():
    generator = tiny(lead_names=NAMES).fit(LEADS)
    X_new = generator.sample(
        9, anchors=LEADS[:2], strength=0, n_neighbors=1, random_state=0
    )
    first, second = LEADS[:2].reshape(2, -1)
    away = X_new.reshape(9, -1) - first
    direction = second - first
    share = away @ direction / (direction @ direction)
    assert ((share >= -1e-6) & (share <= 1 + 1e-6)).all()
    np.testing.assert_allclose(away, share[:, None] * direction, atol=1e-4)


def test_signals_that_disobey_are_named_in_a_warning():
    X = LEADS.copy()
    X[:, CHANNEL["aVF"]] += 0.5 * X[:, CHANNEL["aVF"]].std()
    error = np.abs(X - LEADS).max()
    with pytest.warns(UserWarning, match=f"lead aVF of X differs .* by {error:.3g}"):
        generator = tiny(lead_names=NAMES).fit(X)
    assert max(errors(generator.sample(5))) < 1e-4


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_rounded_signals_are_no_reason_for_a_warning(unit):
    X = unit * LEADS.astype(float).round(2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tiny(lead_names=NAMES).fit(X)
    assert [str(w.message) for w in caught if "differs from" in str(w.message)] == []


@each_kind
@pytest.mark.parametrize(
    ("X", "names", "message"),
    [
        (LEADS, NAMES[:7], "name each of the 8 channels of X; got 7 names: ['V1'"),
        (LEADS, [*NAMES[:7], "V1"], "must hold each name once"),
        (LEADS[:, :2], ["I", "II"], "I, II and at least one of III, aVR"),
        (LEADS[:, :3], ["I", "III", "aVR"], "I, II and at least one of III, aVR"),
        (LEADS[:, 0], NAMES, "name each of the 1 channels of X; got 8 names"),
        (LEADS[:, 0], ["II"], "must hold I, II and at least one of"),
        (LEADS, [], "name each of the 8 channels of X; got 0 names"),
    ],
)
def test_wrong_names_are_refused_before_training(monkeypatch, kind, X, names, message):
    forbid_training(monkeypatch)
    generator = tiny(kind, lead_names=names)
    before = vars(generator).copy()
    with pytest.raises(ValueError, match=re.escape(message)):
        generator.fit(X)
    assert vars(generator) == before


@pytest.mark.parametrize("names", ["I II III", 3, {"I": 0}])
def test_names_that_are_no_sequence_are_refused(names):
    with pytest.raises(ValueError, match="The 'lead_names' parameter of TimeDiffusion"):
        tiny(lead_names=names).fit(LEADS)


def test_a_failed_fit_keeps_the_leads_of_the_fit_before():
    generator = tiny(lead_names=tuple(NAMES)).fit(LEADS)
    expected = generator.sample(3, random_state=0)
    before = vars(generator).copy()
    with pytest.raises(ValueError, match="7 channels of X; got 8 names"):
        generator.fit(LEADS[:, :7])
    assert vars(generator) == before
    np.testing.assert_array_equal(generator.sample(3, random_state=0), expected)
