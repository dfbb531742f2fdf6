import copy
import pickle

import numpy as np
import pytest

import sksynth
from sksynth import VAE, ConvVAE, SpectrumVAE, TimeVQVAE
from sksynth.mrs import fid_to_spectrum, spectrum_to_fid

RNG = np.random.default_rng(0)
Y = np.repeat(["ON", "OFF"], [25, 15])


def spectra(n=40, n_points=48, noise=0.1):
    """A line whose height varies, and its phase by class; white noise."""
    rng = np.random.default_rng(0)
    ppm = np.arange(n_points) - n_points / 2
    height = rng.uniform(0.5, 2, size=(n, 1))
    sign = np.where(np.resize(Y, n) == "ON", 1, -1)[:, None]
    line = sign * height / (1 + 1j * ppm / 3)
    return line + noise * (rng.normal(size=(n, n_points, 2)) @ [1, 1j])


X = spectra()


def tiny(**parameters):
    sizes = {"latent_dim": 3, "width": 4, "hidden_dim": 16, "max_epochs": 2}
    return SpectrumVAE(**{**sizes, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return tiny(max_epochs=60, lr=1e-2).fit(X, Y)


@pytest.mark.parametrize("domain", ["spectrum", "fid"])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(9, 1), (9, 33), (9, 3, 7), (9, 1, 20)])
def test_complex_in_complex_out(shape, dtype, domain):
    given = (RNG.normal(size=(*shape, 2)) @ [1, 1j]).astype(dtype)
    before = given.copy()
    y = [0, 1, 1] * 3
    vae = tiny(domain=domain).fit(given, y)
    assert vae.n_features_in_ == shape[1]
    drawn = vae.sample(4, y=1)
    anchored = vae.sample(4, y=1, anchors=given, anchors_y=y, strength=0.5)
    decoded = vae.decode(vae.encode(given[:4], y[:4]), y[:4])
    line = vae.interpolate(given[:2], given[2:4], n_steps=2, y=[0, 1])
    for found in (drawn, anchored, decoded, line):
        assert found.shape == (4, *shape[1:])
        assert found.dtype == dtype
        assert np.isfinite(found).all()
    np.testing.assert_array_equal(given, before)
    error = vae.decode(vae.encode(given, y), y) - given
    if domain == "spectrum":
        expected = np.sqrt((np.abs(error.reshape(9, -1)) ** 2).mean(axis=1))
        np.testing.assert_allclose(vae.reconstruction_error(given, y), expected, 1e-3)


def test_the_domain_of_samples_is_that_of_the_fit(tmp_path):
    vae = tiny(domain="spectrum").fit(X)
    expected = vae.sample(2, random_state=0)
    vae.set_params(domain="fid")
    np.testing.assert_array_equal(vae.sample(2, random_state=0), expected)
    vae.save(tmp_path / "model")
    again = type(vae).load(tmp_path / "model")
    np.testing.assert_array_equal(again.sample(2, random_state=0), expected)


def test_real_spectra_stay_real():
    drawn = tiny().fit(X.real).sample(3)
    assert drawn.dtype == np.float64
    assert drawn.shape == (3, 48)


def test_fids_and_spectra_are_two_forms_of_the_same():
    of_spectra, of_fids = tiny(), tiny(domain="fid")
    of_spectra.fit(X, Y), of_fids.fit(spectrum_to_fid(X), Y)
    expected = of_spectra.sample(5, random_state=0)
    found = fid_to_spectrum(of_fids.sample(5, random_state=0))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_wrong_input_is_named(fitted):
    for other in (VAE, ConvVAE, TimeVQVAE):
        with pytest.raises(
            ValueError, match=f"not supported by {other.__name__}: use SpectrumVAE"
        ):
            other().fit(X)
    cases = [
        (X.real, "X must be complex, as seen by fit; got real"),
        (X[:, :9], r"seen by fit, \('n_samples', 48\); got \(40, 9\)"),
        (X[None, None], r"X must have shape .*; got \(1, 1, 40, 48\)"),
        (np.where(np.arange(48) == 3, np.nan, X), "NaN or infinity"),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            fitted.encode(wrong, Y[: len(wrong)])
    with pytest.raises(ValueError, match="must be complex where domain='fid'"):
        tiny(domain="fid").fit(X.real)


def test_interpolations_start_and_end_at_the_reconstructions(fitted):
    lines = fitted.interpolate(X[:3], X[3:6], n_steps=3, y="ON").reshape(3, 3, 48)
    for end, rows in ((0, X[:3]), (2, X[3:6])):
        expected = fitted.decode(fitted.encode(rows, "ON"), "ON")
        np.testing.assert_allclose(lines[:, end], expected, atol=1e-6)


def test_the_three_samplings_are_one_dial(fitted):
    vae = copy.deepcopy(fitted).set_params(noise=None)

    def drawn(sampling, strength=0.3):
        vae.set_params(sampling=sampling, hybrid_strength=strength)
        return vae.sample(40, y=Y, random_state=0)

    start = drawn("interpolation")
    np.testing.assert_array_equal(drawn("hybrid", 0.0), start)
    distances = [
        np.abs(drawn("hybrid", s) - start).mean() for s in (0.1, 0.4, 0.7, 1.0)
    ]
    assert np.all(np.diff(distances) > 0)
    assert not np.allclose(drawn("random"), start)
    vae.set_params(sampling="random")
    options = {"y": Y, "anchors": X, "anchors_y": Y, "random_state": 0}
    np.testing.assert_array_equal(
        vae.sample(40, strength=1, **options), vae.sample(40, y=Y, random_state=0)
    )


def test_interpolations_stay_within_a_class(fitted):
    vae = copy.deepcopy(fitted).set_params(sampling="interpolation", noise=None)
    for label in ("ON", "OFF"):
        own = fitted.codes_[Y == label]
        found = vae.sample(200, y=label, random_state=0)
        # a line between two of its codes: within their range
        decoded = vae.decode(own, label)
        peak = found[:, 24].real
        assert decoded[:, 24].real.min() - 0.1 <= peak.min()
        assert peak.max() <= decoded[:, 24].real.max() + 0.1
        assert (np.sign(peak) == (1 if label == "ON" else -1)).all()


def test_codes_are_those_of_the_training_spectra(fitted):
    np.testing.assert_allclose(fitted.codes_, fitted.encode(X, Y), atol=1e-6)


def test_the_noise_of_samples_is_that_of_the_data(fitted):
    drawn = fitted.sample(400, y="ON", random_state=0)
    far = np.r_[0:8, 40:48]  # from the line
    level = np.std(drawn[:, far] - drawn[:, far].mean(0))
    expected = np.std(X[Y == "ON"][:, far] - X[Y == "ON"][:, far].mean(0))
    assert level == pytest.approx(expected, rel=0.2)
    clean = copy.deepcopy(fitted).set_params(noise=None).sample(400, y="ON")
    assert np.std(clean[:, far] - clean[:, far].mean(0)) < 0.5 * expected


def test_strong_water_does_not_drown_the_rest():
    rng = np.random.default_rng(0)
    wet = X.copy()
    wet[:, 4:7] += 1e3 * rng.normal(size=(40, 1))
    vae = tiny(max_epochs=60, lr=1e-2).fit(wet, Y)
    decoded = vae.decode(vae.encode(wet, Y), Y)
    rest = np.r_[10:48]
    error = np.square(np.abs(decoded - wet)[:, rest]).mean()
    assert error < 0.5 * wet[:, rest].var()


def test_saved_and_pickled_models_sample_alike(fitted, tmp_path):
    vae = copy.deepcopy(fitted).set_params(sampling="hybrid")
    vae.save(tmp_path / "model")
    expected = vae.sample(5, random_state=0)
    for copied in (sksynth.load(tmp_path / "model"), pickle.loads(pickle.dumps(vae))):
        np.testing.assert_array_equal(copied.sample(5, random_state=0), expected)


def test_a_class_without_codes_is_named():
    y = np.linspace(0, 1, 40)  # measurements: hardly one that is asked for again
    vae = tiny(sampling="interpolation").fit(X, y)
    with pytest.raises(ValueError, match="use sampling='random'"):
        vae.sample(2, y=0.123)
    assert vae.set_params(sampling="random").sample(2, y=0.123).shape == (2, 48)


def test_the_noise_of_a_label_is_its_own():
    rng = np.random.default_rng(0)
    y = np.repeat(["ON", "OFF"], 150)
    line = 2 * rng.uniform(0.5, 2, size=(300, 1)) / (1 + 1j * np.arange(-24, 24) / 3)
    levels = {"ON": 1.0, "OFF": 3.0}
    noise = rng.normal(size=(300, 48, 2)) @ [1, 1j]
    spectra = line + np.array([levels[label] for label in y])[:, None] * noise
    vae = tiny(max_epochs=20).fit(spectra, y)
    for label, level in levels.items():
        drawn = vae.sample(400, y=label, random_state=0)
        far = drawn[:, np.r_[0:8, 40:48]]  # from the line
        off = far - far.mean(axis=0)
        for part in (off.real, off.imag):
            assert part.std() == pytest.approx(level, rel=0.2)
