"""What the samplers refuse before they train, and what they say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sksynth import (
    VAE,
    CNN1DClassifier,
    ConvVAE,
    DiffWave,
    FlatSampler,
    GeneratorAugmenter,
    GeneratorOverSampler,
    TimeDiffusion,
)
from sksynth.selection import KeepBest

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
RNG = np.random.default_rng(0)
LEADS = RNG.normal(size=(20, 3, 8))
LEADS[:, 2] = LEADS[:, 1] - LEADS[:, 0]
Y = np.repeat(["N", "V"], [14, 6])
AGE = RNG.uniform(20, 90, size=20)
BEAT_AND_SEX = pd.DataFrame({"beat": Y, "sex": np.arange(20) % 2})
SAMPLERS = [GeneratorOverSampler(TINY), GeneratorAugmenter(TINY), FlatSampler()]
each_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__
)


@pytest.fixture(autouse=True)
def _a_vae_that_cannot_train(monkeypatch):
    monkeypatch.setattr(VAE, "_train_network", None)


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        (GeneratorOverSampler(TINY), "strength"),
        (GeneratorOverSampler(TINY, strength=0.5), "n_neighbors"),
        (GeneratorOverSampler(TINY), "sampling_strategy"),
        (GeneratorAugmenter(TINY), "ratio"),
        (GeneratorAugmenter(TINY), "strength"),
    ],
)
def test_truth_is_no_number(sampler, name):
    sampler = clone(sampler).set_params(**{name: True})
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(TypeError, match=f"{name} must be a number; got True"):
            use(LEADS, Y)


@pytest.mark.parametrize(
    ("options", "error"),
    [({"n_keep": True}, TypeError), ({"n_keep": 0}, ValueError)],
)
def test_a_selection_is_checked_inside_a_sampler(options, error):
    sampler = GeneratorOverSampler(TINY, selection=KeepBest(**options))
    with pytest.raises(error, match="n_keep"):
        sampler.fit_resample(LEADS, Y)


@each_sampler
def test_a_sampler_needs_y(sampler):
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(ValueError, match="requires y to be passed, but the target"):
            use(LEADS, None)


def test_fit_knows_the_classes():
    sampler = GeneratorOverSampler(TINY).fit(LEADS, Y)
    assert sampler.classes_.tolist() == ["N", "V"]


@pytest.mark.parametrize(
    "y", [BEAT_AND_SEX, BEAT_AND_SEX.to_numpy()], ids=["frame", "array"]
)
@pytest.mark.parametrize(
    "use",
    [
        *(sampler.fit_resample for sampler in SAMPLERS),
        *(sampler.fit for sampler in SAMPLERS),
        *(VAE().fit, CNN1DClassifier().fit),
    ],
    ids=lambda use: f"{type(use.__self__).__name__}.{use.__name__}",
)
def test_text_beside_numbers_is_refused_with_the_types_found(use, y):
    with pytest.raises(
        TypeError, match=r"one kind, in all columns, .*; got \['int', 'str'\]"
    ):
        use(LEADS, y)


@pytest.mark.parametrize(
    ("generator", "name", "n_told"),
    [
        (TimeDiffusion(lead_names=["I", "II", "III"]), "lead_names", 3),
        (DiffWave(lead_names=("I", "II", "III")), "lead_names", 3),
        (ConvVAE(channel_graph=np.arange(6.0).reshape(3, 2)), "channel_graph", 3),
        (ConvVAE(channel_graph=np.arange(14.0).reshape(7, 2)), "channel_graph", 7),
    ],
    ids=["TimeDiffusion", "DiffWave", "ConvVAE", "ConvVAE of 7"],
)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_a_generator_of_the_channels_of_X_cannot_model_targets_too(
    generator, name, n_told, n_targets
):
    y = AGE if n_targets == 1 else np.stack([AGE, AGE**2], axis=1)
    with pytest.raises(
        ValueError,
        match=rf"models 3 \+ {n_targets} channels: .* {name} must be None or for all "
        f"of them; got {n_told}",
    ):
        GeneratorAugmenter(generator).fit_resample(LEADS, y)


def test_lead_names_may_name_the_targets_too():
    generator = TimeDiffusion(lead_names=["I", "II", "III", "age"], max_epochs=1)
    augmenter = GeneratorAugmenter(generator, ratio=0.2, random_state=0)
    X_new, age = augmenter.fit_resample(LEADS, AGE)
    assert X_new.shape == (24, 3, 8)
    assert ((0 < age[20:]) & (age[20:] < 150)).all()
    np.testing.assert_allclose(X_new[:, 2], X_new[:, 1] - X_new[:, 0], atol=1e-6)
