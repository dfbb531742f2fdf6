import numpy as np
import pytest

from sksynth.datasets import make_mrs
from sksynth.datasets._metabolites import (
    MOLECULES,
    TE,
    Group,
    gaussian_decay,
    inversion,
    lorentzian_decay,
    multiplet,
)
from sksynth.mrs import estimate_noise, fid_to_spectrum

LARMOR = 127.7
QUIET = {"noise": 0, "frequency_offset": 0, "phase_offset": 0}
PLAIN = {"macromolecules": 0, "baseline": 0, "residual_water": 0} | QUIET


def edited(scans, scan=0):
    """Spectra ON and OFF of a scan, means of its transients."""
    rows = scans.groups == scan
    return (
        fid_to_spectrum(scans.data[rows & (scans.target == edit)].mean(axis=0)).real
        for edit in ("ON", "OFF")
    )


def area(spectrum, ppm, low, high):
    inside = (low < ppm) & (ppm < high)
    return np.trapezoid(spectrum[inside], ppm[inside])


def top(spectrum, ppm, low, high):
    inside = (low < ppm) & (ppm < high)
    return ppm[inside][spectrum[inside].argmax()]


def test_shapes_types_and_what_belongs_to_a_row():
    scans = make_mrs(3, 8, n_points=512, fs=1500, random_state=0, return_clean=True)
    assert scans.data.shape == scans.clean.shape == (24, 512)
    assert scans.data.dtype == scans.clean.dtype == np.complex64
    assert scans.target.tolist() == ["ON", "OFF"] * 12
    assert scans.groups.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert scans.ppm.shape == (512,) and (scans.fs, scans.larmor) == (1500, LARMOR)
    assert list(scans.concentrations) == list(MOLECULES)
    ratio = scans.concentrations["GABA"] / scans.concentrations["Cr"]
    np.testing.assert_allclose(scans.gaba_cr, ratio)
    assert "clean" not in make_mrs(1, 2)


def test_a_seed_fixes_everything_and_noise_does_not_move_the_signal():
    first, again, other = (make_mrs(2, 4, random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.data, again.data)
    assert (first.concentrations.to_numpy() != other.concentrations.to_numpy()).all()
    quiet = make_mrs(2, 4, random_state=0, return_clean=True, **QUIET)
    noisy = make_mrs(2, 4, random_state=0, return_clean=True)
    np.testing.assert_array_equal(quiet.clean, noisy.clean)
    np.testing.assert_array_equal(quiet.clean, quiet.data)
    np.testing.assert_array_equal(first.data, noisy.data)


def test_peaks_are_where_the_literature_has_them():
    scans = make_mrs(1, 2, random_state=0, **PLAIN)
    _, off = edited(scans)
    for shift in (2.008, 3.027, 3.208, 3.913):
        found = top(off, scans.ppm, shift - 0.1, shift + 0.1)
        assert found == pytest.approx(shift, abs=0.012)


def test_the_difference_has_gaba_and_glx_up_and_naa_down_and_no_creatine():
    scans = make_mrs(1, 2, random_state=0, **PLAIN)
    on, off = edited(scans)
    difference = on - off
    ppm = scans.ppm
    naa = area(off, ppm, 1.85, 2.15)
    assert area(difference, ppm, 1.85, 2.15) < -0.6 * naa
    assert area(difference, ppm, 2.9, 3.12) > 0
    assert area(difference, ppm, 3.6, 3.9) > 0
    for shift in (3.208, 3.913):  # choline, creatine
        near = np.abs(ppm - shift) < 0.03
        assert np.abs(difference[near]).max() < 0.02 * off[near].max()


def test_gaba_in_the_difference_is_a_doublet_in_proportion_to_its_concentration():
    none, some, more = (
        make_mrs(1, 2, gaba=g, linewidth=(1, 0), random_state=0, **PLAIN)
        for g in (0, 0.1, 0.3)
    )
    ppm = some.ppm
    difference = [np.subtract(*edited(scan)) for scan in (none, some, more)]
    only = difference[2] - difference[0]
    np.testing.assert_allclose(
        only, 3 * (difference[1] - difference[0]), atol=1e-4 * only.max()
    )
    left, right = top(only, ppm, 2.9, 3.013), top(only, ppm, 3.013, 3.15)
    assert (right - left) * LARMOR == pytest.approx(2 * 7.51, abs=1.5)  # Hz
    # two of the four parts of a triplet, twice: as much as the whole triplet of 2 H
    mmol = more.concentrations["GABA"][0]
    energy = np.exp(-TE / 0.088) * 2 * mmol * 10  # of the FID at time 0
    spectrum = area(only, ppm, 2.85, 3.17) * LARMOR
    assert spectrum == pytest.approx(energy * 2000 / np.sqrt(2048) / 2, rel=0.08)


def test_a_multiplet_is_what_its_coupling_makes_of_it():
    triplet = Group(3.0, 2, ((1 / (2 * TE), 2, 1.9),))
    offset, off = multiplet(triplet, 7.46, LARMOR)
    _, on = multiplet(triplet, 1.9, LARMOR)
    np.testing.assert_allclose(offset, np.array([-1, 0, 1]) / (2 * TE))
    np.testing.assert_allclose(off, [-0.5, 1, -0.5], atol=1e-9)  # outer lines inverted
    np.testing.assert_allclose(on, [0.5, 1, 0.5], atol=0.01)
    alone = multiplet(Group(1.9, 3), 1.9, LARMOR)
    np.testing.assert_allclose(alone, [[0], [0]], atol=1e-12)  # dephased
    dd = Group(4.0, 1, ((3.0, 1, 9.0), (10.0, 1, 9.0)))
    offset, amplitude = multiplet(dd, 1.9, LARMOR)
    np.testing.assert_allclose(offset, [-6.5, 3.5, -3.5, 6.5])
    turn = 2 * np.pi * TE * offset
    np.testing.assert_allclose(amplitude, np.exp(1j * turn) / 4)


def test_a_pulse_inverts_half_at_half_its_bandwidth():
    shifts = 1.9 + np.array([0, 44, -44, 400]) / LARMOR
    np.testing.assert_allclose(
        inversion(shifts, 1.9, LARMOR), [1, 0.5, 0.5, 0], atol=1e-9
    )


@pytest.mark.parametrize("decay", [lorentzian_decay, gaussian_decay])
def test_lines_have_the_width_they_are_given(decay):
    fs, n = 2000.0, 2**16
    t = np.arange(n) / fs
    fid = decay(8.0, t)
    fid[0] /= 2
    line = fid_to_spectrum(fid.astype(complex)).real
    hertz = np.fft.fftshift(np.fft.fftfreq(n, 1 / fs))
    width = np.ptp(hertz[line > line.max() / 2])
    assert width == pytest.approx(8.0, abs=0.1)


@pytest.mark.parametrize(
    ("linewidth", "width_of"),
    [
        ((8.0, 0.0), lambda decay, t: -np.log(decay) / (np.pi * t)),
        (
            (0.0, 8.0),
            lambda decay, t: np.sqrt(-4 * np.log(2) * np.log(decay)) / np.pi / t,
        ),
    ],
)
def test_lines_of_scans_vary_around_the_width_that_is_asked_for(linewidth, width_of):
    sharp, broad = (
        make_mrs(60, 2, n_points=100, linewidth=width, random_state=0, **PLAIN).data
        for width in ((0, 0), linewidth)
    )
    time = np.arange(40, 100) / 2000
    decay = (broad / sharp)[:, 40:]
    assert np.abs(decay.imag).max() < 1e-4  # of all lines alike
    width = width_of(decay.real, time)
    assert np.ptp(width, axis=1).max() < 0.02  # Hz
    assert np.median(width) == pytest.approx(8.0, rel=0.08)
    assert 0.05 < np.std(np.log(width)) < 0.15


def test_the_ratio_of_gaba_and_creatine_is_what_is_asked_for():
    assert make_mrs(3, 2, gaba=0.12, random_state=0).gaba_cr == pytest.approx(0.12)
    ratio = make_mrs(200, 2, n_points=2, gaba=(0.2, 0.1), random_state=0).gaba_cr
    assert 0.1 <= ratio.min() < 0.12 and 0.28 < ratio.max() <= 0.3


def test_residual_water_alone_changes_from_transient_to_transient():
    scans = make_mrs(1, 400, residual_water=4, return_clean=True, random_state=0)
    on = fid_to_spectrum(scans.clean[scans.target == "ON"])
    water = np.abs(scans.ppm - 4.68) < 0.05
    mean = on.mean(axis=0)
    change = (on - mean)[:, water].std(axis=0) / np.abs(mean[water])
    # 3 % of either part of the water, which is not all that is there
    assert change.max() == pytest.approx(0.03 * np.sqrt(2), rel=0.2)
    still = make_mrs(1, 4, residual_water=0, return_clean=True, random_state=0).clean
    np.testing.assert_array_equal(still[0], still[2])


def test_noise_has_the_level_that_is_asked_for():
    scans = make_mrs(40, 2, noise=(10, 3), random_state=0)
    assert scans.noise_sd.min() > 7 and scans.noise_sd.max() < 13
    assert np.ptp(scans.noise_sd) > 4
    rows = fid_to_spectrum(make_mrs(1, 80, noise=4, random_state=0).data)
    found = estimate_noise(rows, scans.ppm)
    assert found.sd.mean() == pytest.approx(4, rel=0.03)
    assert np.abs(found.autocorrelation[1:]).max() < 0.08


def test_offsets_are_uniform_within_the_limit_of_each_scan():
    scans = make_mrs(
        3, 400, n_points=16, frequency_offset=(7, 3), phase_offset=6, random_state=0
    )
    for scan in range(3):
        rows = scans.groups == scan
        assert 3.9 < np.abs(scans.frequency_offset[rows]).max() <= 10
        assert 5.8 < np.abs(scans.phase_offset[rows]).max() <= 6
    low, middle, high = np.quantile(scans.phase_offset, [0.25, 0.5, 0.75])
    np.testing.assert_allclose([low, middle, high], [-3, 0, 3], atol=0.35)


def test_the_offsets_are_those_of_the_data():
    scans = make_mrs(1, 4, noise=0, return_clean=True, random_state=0)
    angle = 2 * np.pi * scans.frequency_offset[:, None] * np.arange(2048) / 2000
    angle += np.radians(scans.phase_offset)[:, None]
    np.testing.assert_allclose(
        scans.clean * np.exp(1j * angle), scans.data, rtol=1e-4, atol=1e-2
    )


def test_more_water_baseline_and_macromolecules_are_more():
    def made(**options):
        scans = make_mrs(1, 2, random_state=0, **(PLAIN | options))
        return scans.ppm, next(edited(scans))

    ppm, plain = made()
    for name, low, high in (
        ("residual_water", 4.5, 4.85),
        ("baseline", 0, 4.2),
        ("macromolecules", 0.8, 1.0),
    ):
        inside = (low < ppm) & (ppm < high)
        one, two = (made(**{name: size})[1] - plain for size in (1.0, 2.0))
        assert np.abs(one[inside]).max() > 5
        np.testing.assert_allclose(two, 2 * one, atol=0.02 * np.abs(one).max())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_scans": 0}, ValueError, "n_scans must be at least 1; got 0"),
        ({"n_transients": 3}, ValueError, "even, ON and OFF; got 3"),
        ({"n_points": 2.5}, TypeError, "n_points must be an int; got 2.5"),
        ({"fs": 0}, ValueError, "fs must be finite, greater than 0; got 0"),
        ({"larmor": 3}, ValueError, "larmor must be finite, at least 10; got 3"),
        ({"noise": (3, 4)}, ValueError, r"noise must not reach below 0; got \(3, 4\)"),
        ({"noise": (3, 1, 1)}, ValueError, r"noise must be a number, or middle"),
        ({"gaba": "high"}, TypeError, "gaba must be a number; got 'high'"),
        ({"frequency_offset": -1}, ValueError, "frequency_offset .* got -1"),
        ({"linewidth": 5}, TypeError, "linewidth must be two numbers.* got 5"),
        ({"linewidth": (1,)}, ValueError, r"linewidth must be two numbers.* \(1,\)"),
        ({"baseline": -1}, ValueError, "baseline .* got -1"),
        ({"random_state": "a"}, TypeError, "random_state .* got 'a'"),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        make_mrs(**{"n_scans": 1, "n_transients": 2} | options)
