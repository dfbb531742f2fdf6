import numpy as np
import pytest

from sksynth.metrics import envelope_line

FS = 1000
TIMES = np.arange(15 * FS) / FS
NOISE = np.random.default_rng(0).normal(size=(40, 2, len(TIMES)))


def test_noise_has_no_line():
    found = envelope_line(NOISE, FS, 0.39)
    assert found.shape == (40, 2)
    assert abs(found.mean()) < 1


@pytest.mark.parametrize("harmonic", [1, 2, 3])
def test_a_change_of_loudness_at_the_frequency_or_a_harmonic_is_found(harmonic):
    louder = 1 + 0.3 * np.cos(2 * np.pi * 0.39 * harmonic * TIMES)
    assert envelope_line(louder * NOISE, FS, 0.39).min() > 8


def test_a_change_at_another_frequency_is_not():
    louder = 1 + 0.3 * np.cos(2 * np.pi * 0.6 * TIMES)
    assert envelope_line(louder * NOISE, FS, 0.39).mean() < 0


def test_neither_scale_nor_blocks_of_rows_matter():
    found = envelope_line(NOISE[:3], FS, 0.39)
    np.testing.assert_allclose(envelope_line(1e3 * NOISE[:3], FS, 0.39), found)
    np.testing.assert_allclose(envelope_line(NOISE, FS, 0.39)[:3], found)


def test_a_constant_has_no_number():
    assert np.isnan(envelope_line(np.ones((1, len(TIMES))), FS, 0.39)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FS, 0.2), "last 4 periods of 0.2 Hz, 20 s; got 15 s"),
        ((FS, -1.0), "frequency must be"),
        ((0, 0.39), "fs must be"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        envelope_line(NOISE[:1], *arguments)


@pytest.mark.parametrize("n_harmonics", [0, 65])
def test_harmonics_lie_within_the_spectrum_of_the_envelope(n_harmonics):
    with pytest.raises(ValueError, match=f"below 64.1; got {n_harmonics}"):
        envelope_line(NOISE[:1], FS, 0.39, n_harmonics=n_harmonics)


def test_the_number_is_that_of_the_formula():
    n = 15 * 50
    envelope = np.sqrt((NOISE[0, 1].reshape(n, 20) ** 2).mean(axis=1))
    envelope = envelope / envelope.mean() - 1
    times = 0.02 * np.arange(n)

    def power(hertz):
        wave = np.hanning(n) * np.exp(-2j * np.pi * hertz * times)
        return abs((envelope * wave).sum()) ** 2

    lines = [0.4, 0.8]  # multiples of 1 / 15 Hz: 6 and 12
    others = [k / 15 for k in range(3, 15 + 1) if k not in (5, 6, 7, 11, 12, 13)]
    expected = np.mean([power(f) for f in lines]) / np.mean([power(f) for f in others])
    found = envelope_line(NOISE[:1], FS, 0.4, n_harmonics=2)[0, 1]
    assert found == pytest.approx(10 * np.log10(expected), abs=1e-6)
