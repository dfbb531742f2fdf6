"""Generators of 12-lead electrocardiograms whose limb leads obey."""

import warnings

import numpy as np
import pytest

from sksynth.metrics import limb_lead_error
from tests.generators.diffusion_cases import each_kind, forbid_training, tiny

NAMES = "V1 aVF II aVR I III V2 aVL".split()
rng = np.random.default_rng(0)
WAVES = dict(zip(["I", "II", "V1", "V2"], rng.normal(size=(4, 20, 30)), strict=True))
WAVES["III"] = WAVES["II"] - WAVES["I"]
WAVES["aVR"] = -(WAVES["I"] + WAVES["II"]) / 2
WAVES["aVL"] = WAVES["I"] - WAVES["II"] / 2
WAVES["aVF"] = WAVES["II"] - WAVES["I"] / 2
ECG = np.stack([WAVES[name] for name in NAMES], axis=1)
ECG.flags.writeable = False


@each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_obey_the_equations_with_and_without_anchors(kind, dtype):
    X = ECG.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # these leads obey
        generator = tiny(kind, lead_names=NAMES).fit(X)
    for options in ({}, {"anchors": X, "strength": 0.5}):
        drawn = generator.sample(5, random_state=0, **options)
        assert drawn.shape == (5, 8, 30)
        assert drawn.dtype == dtype
        assert max(limb_lead_error(drawn, NAMES).values()) < 1e-4


def test_only_the_leads_that_nothing_fixes_are_modelled():
    generator = tiny(lead_names=NAMES).fit(ECG)
    assert generator._signal_shape == (4, 30)
    assert generator.scaler_.offset.shape == (4, 1)


def test_strength_0_returns_interpolations_of_all_leads():
    generator = tiny(lead_names=NAMES).fit(ECG)
    drawn = generator.sample(5, anchors=ECG[:1], strength=0.0, random_state=0)
    np.testing.assert_allclose(drawn, np.repeat(ECG[:1], 5, axis=0), atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_leads_of_other_origin_are_named_in_a_warning(offset):
    X = ECG.copy()
    X[:, 0] += offset  # of another lead
    X[:, NAMES.index("aVL")] = np.random.default_rng(1).normal(size=(20, 30))
    with pytest.warns(UserWarning, match=r"lead aVL of X differs .* by 1\.\d"):
        tiny(lead_names=NAMES).fit(X)


@pytest.mark.parametrize(
    ("names", "X", "message"),
    [
        (NAMES[:-1], ECG, "8 channels of X; got 7 names"),
        (["V1"] * 8, ECG, "each name once"),
        ([f"V{i}" for i in range(8)], ECG, "must hold I, II and at least one"),
        (NAMES, ECG[:, 0], "1 channels of X; got 8 names"),
        ("I II III", ECG, "The 'lead_names' parameter"),
    ],
)
def test_wrong_names_are_refused_before_training(monkeypatch, names, X, message):
    forbid_training(monkeypatch)
    generator = tiny(lead_names=names)
    before = vars(generator).copy()
    with pytest.raises(ValueError, match=message):
        generator.fit(X)
    assert vars(generator) == before
