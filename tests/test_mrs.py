import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksynth.datasets import make_mrs
from sksynth.mrs import (
    align_transients,
    estimate_noise,
    fid_to_spectrum,
    ppm_axis,
    spectrum_to_fid,
)

FS, LARMOR = 2000.0, 127.7


def white(shape, sd=1.0, seed=0):
    return sd * np.random.default_rng(seed).normal(size=(*shape, 2)) @ [1, 1j]


def moved(fids, frequency, phase):
    t = np.arange(fids.shape[-1]) / FS
    angle = 2 * np.pi * frequency[:, None] * t + np.radians(phase)[:, None]
    return fids * np.exp(1j * angle)


def wrapped(degrees):
    return (degrees + 180) % 360 - 180


@given(n_points=st.integers(1, 40), lead=st.sampled_from([(), (3,), (2, 2)]))
def test_a_spectrum_gives_its_fid_back_and_has_its_energy(n_points, lead):
    fids = white((*lead, n_points))
    spectra = fid_to_spectrum(fids)
    np.testing.assert_allclose(spectrum_to_fid(spectra), fids, atol=1e-12)
    energy = (np.abs(fids) ** 2).sum()
    assert (np.abs(spectra) ** 2).sum() == pytest.approx(energy)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_spectra_and_fids_keep_their_precision(dtype):
    fids = white((2, 9)).astype(dtype)
    assert fid_to_spectrum(fids).dtype == dtype
    assert spectrum_to_fid(fids).dtype == dtype
    assert align_transients(fids, 100.0, max_frequency=5)[0].dtype == dtype


@pytest.mark.parametrize("n_points", [2048, 2047])
@pytest.mark.parametrize("shift", [0.9, 2.008, 4.68, 10.5])
def test_a_resonance_appears_at_its_shift(n_points, shift):
    t = np.arange(n_points) / FS
    fid = np.exp(2j * np.pi * (shift - 4.68) * LARMOR * t - t / 0.1)
    ppm = ppm_axis(n_points, FS, LARMOR)
    found = ppm[np.abs(fid_to_spectrum(fid)).argmax()]
    assert found == pytest.approx(shift, abs=FS / n_points / LARMOR)
    assert (np.diff(ppm) > 0).all()


@given(
    frequency=st.floats(-19, 19), phase=st.floats(-179, 179), late=st.integers(0, 30)
)
def test_planted_offsets_are_found_exactly_without_noise(frequency, phase, late):
    t = np.arange(600) / FS
    fid = np.exp(2j * np.pi * 200 * t - t / 0.08) + np.exp(
        -2j * np.pi * 90 * t - late * t
    )
    planted = np.array([frequency]), np.array([phase])
    aligned, *found = align_transients(moved(fid[None], *planted), FS, reference=fid)
    assert found[0] == pytest.approx(planted[0], abs=1e-6)
    assert wrapped(found[1] - planted[1]) == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(aligned[0], fid, atol=1e-6)


def cramer_rao(fid, sd):
    """Least standard deviations of frequency (Hz) and phase (degrees) offsets."""
    t = 2 * np.pi * np.arange(len(fid)) / FS
    power = np.abs(fid) ** 2
    information = [[power @ t**2, power @ t], [power @ t, power.sum()]]
    variance = np.diag(np.linalg.inv(np.array(information) / sd**2))
    return np.sqrt(variance) * [1, 180 / np.pi]


def test_errors_at_real_noise_are_those_the_cramer_rao_bound_allows():
    scan = make_mrs(1, 2, return_clean=True, random_state=0)
    fid = scan.clean[1].astype(complex)
    rng = np.random.default_rng(1)
    planted = rng.uniform(-10, 10, 400), rng.uniform(-90, 90, 400)
    fids = moved(fid[None], *planted) + white((400, 2048), sd=10.0)
    _, frequency, phase = align_transients(fids, FS, reference=fid)
    f_error, p_error = frequency - planted[0], wrapped(phase - planted[1])
    f_least, p_least = cramer_rao(fid[:400], 10.0)
    assert f_least < 0.1 and p_least < 1
    assert 0.85 < f_error.std() / f_least < 1.15
    assert 0.85 < p_error.std() / p_least < 1.15
    assert abs(f_error.mean()) < 4 * f_least / 20
    assert abs(p_error.mean()) < 4 * p_least / 20


@pytest.mark.parametrize("n", [2, 3, 60])
def test_without_a_reference_transients_meet_at_their_mean(n):
    t = np.arange(1024) / FS
    fid = np.exp(2j * np.pi * 150 * t - t / 0.08)
    planted = np.linspace(-2, 2, n), np.linspace(20, -20, n)
    aligned, frequency, phase = align_transients(moved(fid[None], *planted), FS)
    np.testing.assert_allclose(np.diff(frequency), np.diff(planted[0]), atol=1e-3)
    np.testing.assert_allclose(np.diff(phase), np.diff(planted[1]), atol=0.05)
    assert abs(frequency.mean()) < 0.1  # they stay where their mean was
    np.testing.assert_allclose(aligned, aligned[:1] + 0 * aligned, atol=2e-3)


def test_a_band_keeps_editing_from_shifting_on_against_off():
    scan = make_mrs(1, 80, random_state=0)
    on = scan.target == "ON"

    def between(band):
        _, frequency, phase = align_transients(scan.data, FS, band=band)
        errors = frequency - scan.frequency_offset, phase - scan.phase_offset
        return [abs(e[on].mean() - e[~on].mean()) for e in errors]

    creatine_to_choline = tuple((p - 4.68) * LARMOR for p in (2.85, 3.35))
    free, held = between(None), between(creatine_to_choline)
    assert held[0] < 0.1 < free[0]  # Hz
    assert held[1] < 1.2 < free[1]  # degrees


def test_transients_without_any_signal_are_left_alone():
    aligned, frequency, phase = align_transients(
        np.zeros((2, 64), complex), FS, reference=np.ones(64, complex)
    )
    assert not aligned.any() and np.isfinite([frequency, phase]).all()


def test_level_and_colour_of_noise_are_estimated():
    ppm = ppm_axis(2048, FS, LARMOR)
    fids = white((200, 2048), sd=3.0)
    noise = estimate_noise(fid_to_spectrum(fids), ppm)
    assert noise.sd.shape == (200,)
    assert noise.sd.mean() == pytest.approx(3.0, rel=0.01)
    assert noise.autocorrelation[0] == pytest.approx(1)
    assert np.abs(noise.autocorrelation[1:]).max() < 0.06  # a parabola was taken out

    decay = np.exp(-np.arange(2048) / FS * 3)
    noise = estimate_noise(fid_to_spectrum(fids * decay), ppm)
    # the autocorrelation of a spectrum is the transform of the FID's power
    power = decay**2 / (decay**2).sum()
    lags = np.arange(9)
    expected = np.exp(-2j * np.pi * lags[:, None] * np.arange(2048) / 2048) @ power
    assert abs(expected[1]) > 0.6
    np.testing.assert_allclose(noise.autocorrelation, expected, atol=0.08)
    assert noise.sd.mean() == pytest.approx(3 * np.sqrt((decay**2).mean()), rel=0.05)


def test_a_smooth_baseline_is_no_noise():
    ppm = ppm_axis(2048, FS, LARMOR)
    spectra = white((50, 2048), sd=2.0) + (1 + 3j) * (ppm - 9) ** 2 * 40
    assert estimate_noise(spectra, ppm).sd.mean() == pytest.approx(2.0, rel=0.02)


FID = np.ones((3, 64), complex)
PPM = np.linspace(0, 12, 64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fid_to_spectrum([1.0, 2.0]), TypeError, "complex; got dtype float64"),
        (lambda: fid_to_spectrum([np.nan * 1j]), ValueError, "fids must be finite"),
        (lambda: spectrum_to_fid(np.ones((2, 0), complex)), ValueError, r"\(2, 0\)"),
        (lambda: ppm_axis(0, 1, 1), ValueError, "n_points must be at least 1; got 0"),
        (lambda: ppm_axis(4, -1, 1), ValueError, "fs must be finite and above 0; got"),
        (lambda: ppm_axis(4, 1, 1, center="a"), ValueError, "center .* got 'a'"),
        (lambda: align_transients(FID[0], 1), ValueError, r"got \(64,\)"),
        (lambda: align_transients(FID[:1], 100), ValueError, "one transient"),
        (
            lambda: align_transients(FID, 30),
            ValueError,
            "less than fs / 2 = 15; got 20",
        ),
        (lambda: align_transients(FID, 100, t_max=0.01), ValueError, "got 0.01 s"),
        (
            lambda: align_transients(FID, 100, reference=FID),
            ValueError,
            r"shape \(64,\), as a row of fids; got \(3, 64\)",
        ),
        (
            lambda: align_transients(FID, 100, band=(3, 1)),
            ValueError,
            r"in Hz; got \(3",
        ),
        (lambda: align_transients(FID, 100, band=(0, 99)), ValueError, "0 to 99 Hz"),
        (lambda: estimate_noise(FID[0], PPM), ValueError, r"got \(64,\)"),
        (
            lambda: estimate_noise(FID, PPM[:9]),
            ValueError,
            r"shape \(64,\).*got \(9,\)",
        ),
        (lambda: estimate_noise(FID, 0 * PPM), ValueError, "increase or decrease"),
        (lambda: estimate_noise(FID, PPM, n_lags=-1), ValueError, "n_lags .* got -1"),
        (lambda: estimate_noise(FID, PPM), ValueError, "9.8 to 10.8 ppm must lie"),
        (
            lambda: estimate_noise(0 * FID, PPM, window=(1, 11)),
            ValueError,
            "no noise at all",
        ),
        (lambda: estimate_noise(FID, PPM, window="ab"), ValueError, "in ppm; got 'ab'"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
