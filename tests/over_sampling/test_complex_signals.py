"""Complex spectra in the samplers."""

import numpy as np
import pandas as pd
import pytest

from sksynth import (
    VAE,
    CNN1DClassifier,
    FlatSampler,
    GeneratorAugmenter,
    GeneratorOverSampler,
    SpectrumVAE,
)
from sksynth.selection import KeepBest

RNG = np.random.default_rng(0)
PARTS = RNG.normal(size=(24, 2, 16, 2))
X = PARTS @ [1, 1j]
X.flags.writeable = False
Y = np.repeat(["ON", "OFF"], [16, 8])
TINY = SpectrumVAE(latent_dim=3, width=4, hidden_dim=16, max_epochs=1)
each_sampler = pytest.mark.parametrize(
    "Sampler", [GeneratorOverSampler, GeneratorAugmenter]
)


def new_rows(sampler, X, y, **options):
    X_new, y_new = sampler.fit_resample(X, y, **options)
    mask = sampler.synthetic_mask_
    return np.asarray(X_new)[mask], np.asarray(y_new)[mask]


@each_sampler
@pytest.mark.parametrize("strength", [None, 0.0, 0.5])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_rows_are_added_to_complex_rows(Sampler, strength, dtype):
    given = X.astype(dtype)
    sampler = Sampler(TINY, strength=strength, random_state=0)
    X_new, y_new = sampler.fit_resample(given, Y)
    assert X_new.dtype == dtype
    assert X_new[:24].tobytes() == given.tobytes()
    assert len(X_new) == len(y_new) > 24
    for part in (X_new[24:].real, X_new[24:].imag):
        assert 0.3 < part.std() < 3
    assert sampler.input_shape_ == (2, 16)
    assert sampler.n_features_in_ == 2


@pytest.mark.parametrize("strength", [None, 0.0, 0.5])
def test_the_rows_are_those_that_the_generator_draws_of_their_class(strength):
    sampler = GeneratorOverSampler(TINY, strength=strength, random_state=0)
    X_new, y_new = new_rows(sampler, X, Y)
    seed = int(np.random.RandomState(0).randint(2**31, size=3)[1])  # of the class OFF
    anchored = {"anchors": X[Y == "OFF"], "strength": strength}
    expected = sampler.generators_[0].sample(
        8, y="OFF", random_state=seed, **(anchored if strength is not None else {})
    )
    np.testing.assert_array_equal(X_new, expected)
    assert y_new.tolist() == ["OFF"] * 8


def test_each_synthetic_spectrum_has_a_single_patient():
    groups = np.arange(24) % 3
    sampler = GeneratorOverSampler(TINY, strength=0.0, random_state=0)
    X_new, _ = new_rows(sampler, X, Y, groups=groups)
    assert len(sampler.synthetic_groups_) == len(X_new) == 8
    assert set(sampler.synthetic_groups_) == {0, 1, 2}


def test_each_container_gives_the_same_numbers():
    flat = X[:, 0]
    expected = GeneratorOverSampler(TINY, random_state=0).fit_resample(flat, Y)[0]
    sampler = GeneratorOverSampler(TINY, random_state=0)
    frame = pd.DataFrame(flat).add_prefix("f")
    found = sampler.fit_resample(frame, Y)[0]
    assert list(found.columns) == list(frame.columns)
    assert sampler.feature_names_in_.tolist() == list(frame.columns)
    np.testing.assert_array_equal(found.to_numpy(), expected)
    as_list = sampler.fit_resample(flat.tolist(), Y)[0]
    assert type(as_list) is list
    np.testing.assert_array_equal(as_list, expected)
    assert not hasattr(sampler, "feature_names_in_")
    fortran = sampler.fit_resample(np.asfortranarray(flat), Y)[0]
    np.testing.assert_array_equal(fortran, expected)


def test_longer_numbers_become_complex128():
    given = X.astype(np.clongdouble)
    found = GeneratorOverSampler(TINY, random_state=0).fit_resample(given, Y)[0]
    assert found.dtype == np.complex128
    expected = GeneratorOverSampler(TINY, random_state=0).fit_resample(X, Y)[0]
    np.testing.assert_array_equal(found, expected)


def test_flat_rows_are_read_as_spectra_of_channels():
    expected = GeneratorOverSampler(TINY, random_state=0).fit_resample(X, Y)[0]
    sampler = GeneratorOverSampler(TINY, signal_shape=(2, 16), random_state=0)
    found = sampler.fit_resample(X.reshape(24, 32), Y)[0]
    np.testing.assert_array_equal(found.reshape(-1, 2, 16), expected)


@each_sampler
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.where(np.arange(16) == 3, complex(0, np.nan), X), "contains NaN"),
        (np.where(np.arange(16) == 3, complex(np.inf, 0), X), "contains infinity"),
        (np.ma.masked_array(X, X.real > 1), "masked entries"),
        (X[None], r"must have shape .*; got \(1, 24, 2, 16\)"),
        (X[:9], r"inconsistent numbers of samples: \[9, 24\]"),
    ],
)
def test_wrong_complex_signals_are_refused(Sampler, wrong, message):
    sampler = Sampler(TINY)
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(ValueError, match=message):
            use(wrong, Y)
    assert not hasattr(sampler, "input_shape_")


@each_sampler
def test_a_selection_of_complex_rows_is_refused(Sampler):
    sampler = Sampler(TINY, selection=KeepBest(2, 8))
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(ValueError, match="X is complex: take selection=None"):
            use(X, Y)


@each_sampler
@pytest.mark.parametrize("generator", [None, VAE()])
def test_samplers_with_other_generators_name_the_one_to_take(Sampler, generator):
    sampler = Sampler(generator)
    message = f"by {Sampler.__name__}: take SpectrumVAE as its generator, or give real"
    for use in (sampler.fit, sampler.fit_resample):
        with pytest.raises(ValueError, match=message):
            use(X, Y)


@pytest.mark.parametrize("estimator", [CNN1DClassifier(), FlatSampler()])
def test_what_has_no_generator_names_none(estimator):
    with pytest.raises(ValueError, match=r"by \w+: give real and imaginary parts"):
        estimator.fit(X, Y)


def test_measurements_beside_complex_signals_are_refused():
    with pytest.raises(ValueError, match="must be real; got complex X"):
        GeneratorAugmenter(TINY).fit_resample(X, RNG.normal(size=24))


def test_a_forward_model_may_give_complex_signals():
    amount = RNG.uniform(1, 2, size=24)

    def measure(amount):
        return np.exp(1j * np.arange(16)) * amount[:, None]

    augmenter = GeneratorAugmenter(
        VAE(max_epochs=2), forward=measure, selection=KeepBest(5, 20), random_state=0
    )
    augmenter.selection.set_params(criteria=["distance"], max_distance_quantile=None)
    X_new, amount_new = augmenter.fit_resample(measure(amount), amount)
    assert X_new.shape == (48, 16)
    np.testing.assert_allclose(X_new, measure(amount_new))
