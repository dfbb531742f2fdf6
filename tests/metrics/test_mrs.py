"""Metrics of MR spectra against numbers worked out by hand.

The figures published for the sample submissions of the ISBI 2023 challenge cannot be
checked here: its spectra are not at hand.
"""

import numpy as np
import pytest

from sksynth.metrics import (
    gaba_fit,
    linewidth,
    shape_score,
    spectral_mse,
    spectral_snr,
)

PPM = np.linspace(-3, 12, 7501)  # 0.002 ppm
LARMOR = 127.7


def gaussian(center, fwhm, height=1.0):
    return height * np.exp(-4 * np.log(2) * ((PPM - center) / fwhm) ** 2)


def lorentzian(center, fwhm):
    return 1 / (1 + (2 * (PPM - center) / fwhm) ** 2)


def both_ways(metric, *spectra, **options):
    """The value of a metric, which must not depend on the direction of the axis."""
    value = metric(*spectra, PPM, **options)
    turned = metric(*(X[:, ::-1] for X in spectra), PPM[::-1], **options)
    np.testing.assert_allclose(turned, value)
    return value


def test_snr_is_the_height_over_twice_the_standard_deviation():
    spectra = np.array([gaussian(3, 0.1, 8.0), gaussian(3, 0.1, 30.0)])
    window = (PPM >= 9.8) & (PPM <= 10.8)
    alternate = np.resize([1.0, -1.0], window.sum())
    spectra[:, window] = [2 * alternate, alternate]
    n = window.sum()
    sd = np.sqrt(n / (n - 1))  # of +-1
    assert both_ways(spectral_snr, spectra) == pytest.approx(
        [8 / (4 * sd), 30 / (2 * sd)], rel=1e-3
    )


def test_snr_does_not_count_a_parabola_as_noise():
    noise = np.random.default_rng(0).normal(size=(1, len(PPM)))
    spectra = noise + gaussian(3, 0.1, 100.0)
    tilted = spectra + np.where(PPM > 9, 50 + 40 * (PPM - 10) + 9 * (PPM - 10) ** 2, 0)
    np.testing.assert_allclose(spectral_snr(tilted, PPM), spectral_snr(spectra, PPM))


def test_the_real_part_counts():
    spectra = np.random.default_rng(0).normal(size=(2, 2, len(PPM)))
    x, y = spectra + 1j * spectra[::-1]
    np.testing.assert_array_equal(
        spectral_snr([x[0]], PPM), spectral_snr([x[0].real], PPM)
    )
    np.testing.assert_array_equal(
        shape_score(x, y, PPM), shape_score(x.real, y.real, PPM)
    )


@pytest.mark.parametrize("fwhm", [0.03, 0.1])
def test_linewidth_of_known_lines(fwhm):
    wide = np.array([gaussian(3, fwhm, 7.0) + 2])
    assert both_ways(linewidth, wide) == pytest.approx([fwhm], abs=0.0041)
    # the edges of a Lorentzian's window are not 0: half of what is above them
    edge = lorentzian(3, fwhm)[np.isclose(PPM, 2.8)][0]
    expected = fwhm * np.sqrt(2 / (1 + edge) - 1)
    assert both_ways(linewidth, np.array([lorentzian(3, fwhm)])) == pytest.approx(
        [expected], abs=0.0041
    )


def test_linewidth_counts_a_second_peak_above_half():
    x = np.array([gaussian(3.06, 0.04) + 0.8 * gaussian(2.94, 0.04)])
    # from 3.06 + 0.02 to 2.94 - 0.02 sqrt(log2(1.6))
    assert linewidth(x, PPM) == pytest.approx([0.157], abs=0.005)


def test_a_line_that_falls_from_the_edge_has_the_edge_as_its_end():
    x = np.array([np.clip((PPM - 2.8) / 0.4, 0, 1)])  # its maximum is at 3.2 ppm
    assert linewidth(x, PPM) == pytest.approx([0.2], abs=0.003)


def test_a_line_that_jumps_up_is_as_wide_as_the_window_on_that_side():
    x = np.array([np.where(PPM <= 3.0001, gaussian(3, 0.1), 0)])
    assert linewidth(x, PPM) == pytest.approx([3.2 - 2.95], abs=0.003)


def test_mse_by_hand():
    ppm = np.array([2.0, 2.5, 3.0, 3.5, 4.0, 4.5])
    x = [[9, 0, 4, 1, 0, -9], [9, 1, 3, 1, 1, 0]]
    y = [[0, 5, 7, 5, 6, 99], [0, 10, 30, 10, 10, 0]]
    # scaled in the window: 0 1 1/4 0 against 0 1 0 1/2; the second is y up to gain
    assert spectral_mse(x, y, ppm) == pytest.approx([(1 / 16 + 1 / 4) / 4, 0])
    wider = spectral_mse(x, y, ppm, window=(2, 4))[1]  # 1 0 1/4 0 0, 0 1/3 1 1/3 1/3
    assert wider == pytest.approx((1 + 3 / 9 + 9 / 16) / 5)


def test_shape_score_weighs_gaba_and_glx():
    pair = gaussian(3, 0.1) + gaussian(3.75, 0.1)
    wrong_glx = gaussian(3, 0.1) - gaussian(3.75, 0.1)
    no_gaba = np.where(PPM < 3.4, 0, pair)
    x = np.array([5 * pair + 2, wrong_glx, no_gaba])
    y = np.array([pair] * 3)
    assert both_ways(shape_score, x, y) == pytest.approx([1, 0.2, 0.4], abs=1e-9)


def test_shape_score_is_pearsons_r():
    x, y = np.random.default_rng(0).normal(size=(2, 4, len(PPM)))
    gaba, glx = ((PPM >= a) & (PPM <= b) for a, b in ((2.8, 3.2), (3.6, 3.9)))
    expected = [
        0.6 * np.corrcoef(a[gaba], b[gaba])[0, 1]
        + 0.4 * np.corrcoef(a[glx], b[glx])[0, 1]
        for a, b in zip(x, y, strict=True)
    ]
    assert shape_score(x, y, PPM) == pytest.approx(expected)


def test_the_fit_finds_known_gaussians():
    fwhm, height, center = (
        np.array(values)
        for values in ([0.08, 0.15, 0.3], [5.0, 1000.0, -2.0], [2.95, 3.02, 3.1])
    )
    x = gaussian(center[:, None], fwhm[:, None], height[:, None])
    x += [[0.0], [30.0], [-1.0]] + np.outer([1, -20, 0.1], PPM)
    result = gaba_fit(x, PPM, LARMOR)
    area = height * fwhm * np.sqrt(np.pi / (4 * np.log(2)))
    assert result["area"] == pytest.approx(area, rel=1e-4)
    inside = [
        np.trapezoid(gaussian(c, w, h), PPM)
        for c, w, h in zip(center, fwhm, height, strict=True)
    ]
    assert result["area"] == pytest.approx(inside, rel=1e-4)
    assert result["fwhm"] == pytest.approx(fwhm * LARMOR, rel=1e-4)
    assert result["height"] == pytest.approx(height, rel=1e-4)
    assert result["center"] == pytest.approx(center, abs=1e-4)
    assert (result["fit_error"] < 1e-3).all()


def test_the_fit_does_not_depend_on_direction_gain_or_the_rest_of_the_axis():
    noise = np.random.default_rng(0).normal(size=(1, len(PPM)))
    x = gaussian(3.0, 0.15, 20.0) + noise
    result = gaba_fit(x, PPM, LARMOR)
    for other in (
        gaba_fit(x[:, ::-1], PPM[::-1], LARMOR),
        gaba_fit(np.where(PPM > 3.6, 99.0, x), PPM, LARMOR),
    ):
        for name in ("area", "fwhm", "fit_error"):
            assert other[name] == pytest.approx(result[name], rel=1e-5)
    louder = gaba_fit(1e-6 * x, PPM, LARMOR)
    assert louder["area"] == pytest.approx(1e-6 * result["area"], rel=1e-5)
    assert louder["fit_error"] == pytest.approx(result["fit_error"], rel=1e-5)


@pytest.mark.parametrize("glx", [False, True])
def test_fit_error_and_snr_are_those_of_the_noise(glx):
    rng = np.random.default_rng(0)
    x = gaussian(3.02, 0.15, 20.0) + rng.normal(size=(30, len(PPM)))
    x += gaussian(3.71, 0.1, 30.0) + gaussian(3.79, 0.1, 30.0)
    x[:, (PPM > 8) & (PPM < 9)] *= 3  # the noisier window does not count
    result = gaba_fit(x, PPM, LARMOR, glx=glx)
    assert result["fit_error"].mean() == pytest.approx(5.0, rel=0.05)  # 1 / 20
    assert result["snr"].mean() == pytest.approx(10.0, rel=0.05)  # 20 / 2
    area = 20 * 0.15 * np.sqrt(np.pi / (4 * np.log(2)))
    assert result["area"].mean() == pytest.approx(area, rel=0.05)
    if glx:
        assert result["glx_area"].mean() == pytest.approx(area * 2, rel=0.05)
        height = (gaussian(3.71, 0.1, 30.0) + gaussian(3.79, 0.1, 30.0)).max()
        assert result["glx_fit_error"].mean() == pytest.approx(100 / height, rel=0.05)


def test_a_slow_baseline_does_not_move_the_areas_of_the_fit_with_glx():
    x = gaussian(3.0, 0.15, 20.0) + gaussian(3.71, 0.1, 9.0) + gaussian(3.79, 0.1, 8.0)
    slow = 30 * np.cos(2 * np.pi * PPM / (8 * 1.31)) + 4 * PPM
    flat, curved = (gaba_fit([y], PPM, LARMOR, glx=True) for y in (x, x + slow))
    for name in ("area", "glx_area"):
        assert curved[name] == pytest.approx(flat[name], rel=1e-3)


def test_choline_hardly_counts_in_the_fit_with_glx():
    x = gaussian(3.0, 0.15, 20.0) + gaussian(3.71, 0.1, 9.0) + gaussian(3.79, 0.1, 8.0)
    choline = gaussian(3.22, 0.02, 40.0)
    clean, soiled = (gaba_fit([y], PPM, LARMOR, glx=True) for y in (x, x + choline))
    assert soiled["area"] == pytest.approx(clean["area"], rel=0.02)
    assert soiled["fit_error"] < 1
    assert gaba_fit([x + choline], PPM, LARMOR)["fit_error"] > 5


def test_an_axis_without_noise_has_no_snr():
    inside = (PPM > 2) & (PPM < 5)
    result = gaba_fit([gaussian(3, 0.1)[inside]], PPM[inside], LARMOR)
    assert np.isnan(result["snr"]).all() and np.isfinite(result["area"]).all()


def test_spectra_that_hold_noise_alone_have_finite_fits():
    x = np.random.default_rng(0).normal(size=(40, len(PPM)))
    for glx in (False, True):
        result = gaba_fit(x, PPM, LARMOR, glx=glx)
        assert all(np.isfinite(values).all() for values in result.values())
        assert (result["fwhm"] <= 0.5 * LARMOR).all()


X = np.ones((2, len(PPM)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: spectral_snr(X[0], PPM),
            ValueError,
            r"\(n, n_points\); got \(7501,\)",
        ),
        (lambda: spectral_snr(X * np.nan, PPM), ValueError, "spectra contains NaN"),
        (lambda: linewidth(X, PPM), ValueError, r"spectra \[0, 1\] are constant"),
        (lambda: linewidth(X, PPM[:5]), ValueError, r"got \(5,\)"),
        (lambda: linewidth(X, PPM, window=(11, 13)), ValueError, "window 11 to 13 ppm"),
        (
            lambda: spectral_snr(X, PPM, noise=(3, 2)),
            ValueError,
            r"noise .* got \(3, 2",
        ),
        (
            lambda: shape_score(X, X[:1], PPM),
            ValueError,
            r"\(2, 7501\); got \(1, 7501\)",
        ),
        (
            lambda: spectral_mse(X, X * np.inf, PPM),
            ValueError,
            "reference contains inf",
        ),
        (lambda: gaba_fit(X, PPM, LARMOR), ValueError, "constant from"),
        (lambda: gaba_fit(X, PPM, 0), ValueError, "larmor must be .* got 0"),
        (lambda: gaba_fit(X, PPM, "3T"), TypeError, "larmor must be .* got '3T'"),
        (lambda: gaba_fit(X, PPM / 4, LARMOR), ValueError, "window of the fit"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
