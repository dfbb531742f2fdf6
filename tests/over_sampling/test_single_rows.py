"""Classes of a single row, and generators that are fitted on a class alone."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KernelDensity

from sksynth import VAE, GeneratorAugmenter, GeneratorOverSampler

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
X = np.random.default_rng(0).normal(size=(20, 6))
Y = np.repeat(["N", "V", "rare"], [14, 5, 1])
TWO = np.stack([np.repeat([0, 1], [19, 1]), np.arange(20) % 2], axis=1)


def only_generated(sampler, X, y):
    X_new, y_new = sampler.fit_resample(X, y)
    return np.asarray(X_new)[sampler.synthetic_mask_], y_new[sampler.synthetic_mask_]


@pytest.mark.parametrize("strength", [None, 0.0, 0.5])
@pytest.mark.parametrize("Sampler", [GeneratorOverSampler, GeneratorAugmenter])
def test_a_generator_for_a_class_of_one_row_is_refused(Sampler, strength, monkeypatch):
    monkeypatch.setattr(VAE, "_train_network", None)  # before anything is trained
    sampler = Sampler(TINY, per_class=True, strength=strength, random_state=0)
    with pytest.raises(
        ValueError, match="two rows of a class or more; got class 'rare' with 1 row"
    ) as caught:
        sampler.fit_resample(X, Y)
    assert "per_class=False" in str(caught.value)
    assert "sampling_strategy" in str(caught.value)
    assert not hasattr(sampler, "input_shape_")


def test_a_class_is_named_by_all_its_labels():
    sampler = GeneratorAugmenter(TINY, per_class=True, random_state=0)
    with pytest.raises(ValueError, match=r"got class '\(1, 1\)' with 1 row"):
        sampler.fit_resample(X, TWO)


@pytest.mark.parametrize(
    "options",
    [
        {"per_class": False},
        {"per_class": True, "sampling_strategy": {"V": 1.0}},
        {"per_class": True, "sampling_strategy": {"V": 1.0, "rare": 1}},
    ],
)
def test_a_class_of_one_row_does_no_harm_where_it_is_not_fitted_alone(options):
    sampler = GeneratorOverSampler(TINY, random_state=0, **options)
    assert "V" in only_generated(sampler, X, Y)[1]


def test_two_rows_are_enough():
    y = np.repeat(["N", "rare"], [18, 2])
    sampler = GeneratorOverSampler(TINY, per_class=True, random_state=0)
    assert only_generated(sampler, X, y)[1].tolist() == ["rare"] * 16


def test_a_generator_of_somebody_else_is_fitted_with_a_warning():
    sampler = GeneratorOverSampler(KernelDensity(bandwidth=0.01), random_state=0)
    with pytest.warns(
        UserWarning, match="KernelDensity is fitted on the single row of class 'rare'"
    ) as caught:
        X_new, y_new = only_generated(sampler, X, Y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert np.abs(X_new[y_new == "rare"] - X[-1]).max() < 0.1


def test_a_generator_that_is_fitted_already_needs_no_rows():
    frozen = FrozenEstimator(KernelDensity().fit(X))  # a warning would be an error
    sampler = GeneratorOverSampler(frozen, random_state=0)
    assert set(only_generated(sampler, X, Y)[1]) == {"V", "rare"}


@pytest.mark.parametrize("generator", [TINY, KernelDensity()])
def test_measurements_are_of_no_class(generator):
    augmenter = GeneratorAugmenter(generator, per_class=True, random_state=0)
    assert len(augmenter.fit_resample(X, np.linspace(0, 1, 20))[0]) == 40
