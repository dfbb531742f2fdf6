import numpy as np
import pytest

from sksynth.datasets import _recorder, make_ecg_rhythms

CLEAN = {"noise": 0, "drift": 0}
LEADS = _recorder.LEADS


@pytest.mark.parametrize("site", [0, 1])
def test_limb_leads_obey_einthoven_and_goldberger_with_their_noise(site):
    X, _ = make_ecg_rhythms(20, site=site, noise=0.1, drift=0.3, random_state=0)
    lead = dict(zip(LEADS, X.swapaxes(0, 1).astype(float), strict=True))
    one, two = lead["I"], lead["II"]
    for derived, expected in {
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
    }.items():
        np.testing.assert_allclose(lead[derived], expected, rtol=0, atol=1e-6)


def test_all_leads_are_projections_of_one_dipole():
    X, _ = make_ecg_rhythms(14, random_state=0, **CLEAN)
    for strip in X:
        sizes = np.linalg.svd(strip, compute_uv=False)
        assert sizes[3] < 1e-4 * sizes[0] < sizes[2]


@pytest.mark.parametrize("site", [0, 1])
def test_noise_and_drift_are_as_large_as_the_filters_let_them_be(site):
    options = {"random_state": 0, "n_samples": 60, "site": site, "n_times": 2000}
    clean, y = make_ecg_rhythms(**options, **CLEAN)
    noisy, y_noisy = make_ecg_rhythms(**options, noise=0.1, drift=0)
    drifting, _ = make_ecg_rhythms(**options, noise=0, drift=0.3)
    both, _ = make_ecg_rhythms(**options, noise=0.1, drift=0.3)
    np.testing.assert_array_equal(y, y_noisy)
    np.testing.assert_allclose(both - drifting, noisy - clean, atol=1e-5)

    place = _recorder.SITES[site]
    measured = [LEADS.index(lead) for lead in _recorder.MEASURED]
    power = _recorder.response(np.linspace(0.01, 50, 5000), place) ** 2
    noise = np.std((noisy - clean)[:, measured])
    assert noise == pytest.approx(0.1 * place.noise * np.sqrt(power.mean()), rel=0.03)
    sway = np.linspace(0.15, 0.33, 50), np.linspace(0.05, 0.15, 50)
    passed = [(_recorder.response(hertz, place) ** 2).mean() for hertz in sway]
    expected = 0.3 * place.drift * np.sqrt(0.7 * passed[0] + 0.3 * passed[1])
    drift = (drifting - clean)[:, measured]
    assert np.sqrt((drift**2).mean()) == pytest.approx(expected, rel=0.12)


def test_filters_pass_half_the_power_at_their_edges_and_nothing_at_0_hz():
    for site in _recorder.SITES:
        edges = np.array([0, site.highpass, 5.0, site.lowpass])
        power = _recorder.response(edges, site) ** 2
        np.testing.assert_allclose(power, [0, 0.5, 1, 0.5], atol=2e-3)


def test_a_filter_does_to_a_sine_what_its_response_says():
    times = np.arange(2000) / 100
    for site in _recorder.SITES:
        for hertz in (0.2, 5.0, 38.0):
            sine = np.sin(2 * np.pi * hertz * times)
            expected = _recorder.response(hertz, site) * sine
            got = _recorder._filter(sine, 100.0, site)
            np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_sites_differ_above_40_and_below_half_a_hertz():
    hertz = np.fft.rfftfreq(1000, 0.01)
    fast, slow = [], []
    for site in (0, 1):
        X, _ = make_ecg_rhythms(70, site=site, random_state=0)
        power = (np.abs(np.fft.rfft(X)) ** 2).mean(axis=(0, 1))
        fast.append(power[hertz > 40].sum())
        slow.append(power[(hertz > 0) & (hertz < 0.3)].sum())
    assert fast[0] > 4 * fast[1]
    assert slow[0] > 2 * slow[1]


def test_each_site_has_the_mains_of_its_country_and_none_at_a_low_rate():
    def hum(site, fs):
        options = {"site": site, "fs": fs, "n_times": int(10 * fs), "random_state": 0}
        clean, _ = make_ecg_rhythms(14, **options, **CLEAN)
        noisy, _ = make_ecg_rhythms(14, **options, noise=0.1, drift=0)
        power = (np.abs(np.fft.rfft(noisy - clean)) ** 2).mean(axis=(0, 1))
        hertz = np.fft.rfftfreq(int(10 * fs), 1 / fs)
        typical = np.median(power[(hertz > 40) & (hertz < 70)]) if fs > 100 else 0
        return {f: power[np.isclose(hertz, f)].sum() / typical for f in (50, 60)}

    first, second = hum(0, 250.0), hum(1, 250.0)
    assert first[50] > 50 and first[60] < 3
    assert second[60] > 50 and second[50] < 3
    options = {"fs": 100.0, "random_state": 0, "n_samples": 40}
    noise = (
        make_ecg_rhythms(**options, site=1, noise=0.1, drift=0)[0]
        - make_ecg_rhythms(**options, site=1, **CLEAN)[0]
    )
    power = (np.abs(np.fft.rfft(noise)) ** 2).mean(axis=(0, 1))
    assert power[400] < 1.5 * power[390:411].mean()  # 60 Hz would show at 40 Hz


def test_all_leads_of_a_strip_share_its_gain():
    for site in _recorder.SITES:
        rng = np.random.default_rng(0)
        field = _recorder.draw_recordings(site, np.full(20000, 0.2), rng).field
        shared = np.cov(np.log(np.linalg.norm(field, axis=2)).T)
        between_leads = shared[~np.eye(8, dtype=bool)].mean()
        assert np.sqrt(between_leads) == pytest.approx(site.gain, rel=0.05)


def test_electrodes_turn_a_lead_by_an_angle_of_the_site():
    for site in _recorder.SITES:
        rng = np.random.default_rng(0)
        field = _recorder.draw_recordings(site, np.full(5000, 0.2), rng).field
        across = np.cross(field, _recorder.FIELD)
        size = np.linalg.norm(field, axis=2) * np.linalg.norm(_recorder.FIELD, axis=1)
        sine = np.linalg.norm(across, axis=2) / size  # two directions, half the sd each
        expected = site.electrodes / np.sqrt(2)
        assert np.sqrt((sine**2).mean()) == pytest.approx(expected, rel=0.05)


def test_gains_and_electrodes_vary_more_at_the_second_site():
    spread = []
    for site in (0, 1):
        X, _, groups = make_ecg_rhythms(
            80, classes=["SR"], n_subjects=10, site=site, random_state=0,
            return_groups=True, **CLEAN,
        )  # fmt: skip
        size = np.log(np.ptp(X, axis=2))
        spread.append(np.mean([size[groups == s].std(axis=0) for s in range(10)]))
    assert spread[1] > 1.5 * spread[0]
