"""What a micro-electrode hears: background, spikes of single neurons, artefacts."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

REFRACTORY = 2e-3  # s
BURST_MEAN = 3e-3  # s beyond the refractory period, within a burst
WARM_UP = 1.0  # s of a spike train before the window
BAND = (300.0, 6000.0)  # Hz, of the background
LOWEST = 10.0  # Hz; the floor falls off below, as behind an amplifier's high-pass
FLOOR_SHARE = 0.1  # of the power of the background
EDGE = 0.2  # s of background beside the window; it would be periodic otherwise
BEFORE, AFTER = 0.6e-3, 1.9e-3  # s of a spike around its trough
AMPLITUDE_JITTER = 0.05  # from spike to spike, relative
MAINS = 50.0  # Hz
SATURATION = 40.0  # of the amplifier, as the artefacts below


def draw_background(n_times, fs, rng):
    """Gaussian noise (n_times,), a band over a 1/f floor, expected mean square 1.

    The sum over many neurons too far away to be told apart is Gaussian, with the
    spectrum of their spikes.
    """
    n = next_fast_len(n_times + round(EDGE * fs), real=True)
    hertz = rfftfreq(n, 1 / fs)
    power = background_power(hertz)
    power *= n / (2 * power.sum())  # of n / 2 frequencies: 1 each on average
    noise = irfft(np.sqrt(power) * rfft(rng.standard_normal(n)), n)
    return noise[:n_times]


def background_power(hertz):
    """Power spectrum at the frequencies, up to a factor; 0 at 0 Hz."""
    low, high = BAND
    f = np.maximum(hertz, 1e-9)
    band = 1 / ((1 + (low / f) ** 4) * (1 + (f / high) ** 4))
    floor = 1 / (f * (1 + (LOWEST / f) ** 4))
    share = FLOOR_SHARE / (1 - FLOOR_SHARE)
    return band + share * floor * (band.sum() / floor.sum())


def draw_templates(n_units, rng):
    """Widths and delay of the two phases, (n_units, 3) in s, see `waveforms`."""
    return 1e-3 * rng.uniform([0.09, 0.15, 0.3], [0.14, 0.25, 0.5], (n_units, 3))


def waveforms(time, templates):
    """Spikes at times (..., n_times) in s after the trough, one template each.

    A negative phase of height 1, then a wider, lower positive one of the same area:
    an electrode outside a cell sees no net current.
    """
    first, second, delay = (templates[..., k, None] for k in range(3))
    trough = np.exp(-((time / first) ** 2) / 2)
    return first / second * np.exp(-(((time - delay) / second) ** 2) / 2) - trough


def draw_trains(rates, duration, bursts, rng):
    """Spike times in s, and the unit of each, sorted; a margin around the window.

    Intervals are independent: 2 ms and an exponential time beyond, short with
    probability `bursts`, otherwise long enough for the rate to be the one asked for.
    """
    short = REFRACTORY + BURST_MEAN
    long = (1 / rates - bursts * short) / (1 - bursts) - REFRACTORY
    times, units = [], []
    for unit, mean in enumerate(long):
        last, parts = -WARM_UP, []
        while last < duration + BEFORE:
            n = int(rates[unit] * (duration + WARM_UP)) + 16
            mean_wait = np.where(rng.random(n) < bursts, BURST_MEAN, mean)
            parts.append(last + np.cumsum(REFRACTORY + rng.exponential(mean_wait)))
            last = parts[-1][-1]
        train = np.concatenate(parts)
        train = train[(train > -AFTER) & (train < duration + BEFORE)]
        times.append(train)
        units.append(np.full(len(train), unit))
    if not times:
        return np.empty(0), np.empty(0, dtype=int)
    times, units = np.concatenate(times), np.concatenate(units)
    order = np.argsort(times, kind="stable")
    return times[order], units[order]


def add_spikes(signal, times, units, templates, amplitudes, fs, rng):
    """Add spikes to a signal (n_times,) in place; times need not be at samples."""
    n_before, n_after = int(BEFORE * fs), int(AFTER * fs)
    sizes = amplitudes[units] * rng.lognormal(0, AMPLITUDE_JITTER, len(units))
    samples = np.floor(times * fs).astype(int)[:, None]
    samples = samples + np.arange(-n_before, n_after + 1)  # (n_spikes, n_around)
    values = waveforms(samples / fs - times[:, None], templates[units])
    _add_at(signal, samples, sizes[:, None] * values)


def _add_at(signal, samples, values):
    """Add values at samples, of which some may be outside, in place."""
    inside = (samples >= 0) & (samples < len(signal))
    signal += np.bincount(samples[inside], values[inside], minlength=len(signal))


def no_artifact(n_times, fs, rng):
    return np.zeros(n_times)


def mains(n_times, fs, rng):
    """The mains and their third and fifth harmonic, 2 to 4 high in all."""
    sizes = rng.uniform(2, 4) * rng.dirichlet([6.0, 2.0, 1.0])
    cycles = MAINS / fs * np.outer([1, 3, 5], np.arange(n_times))
    return sizes @ np.sin(2 * np.pi * (cycles + rng.random((3, 1))))


def clicks(n_times, fs, rng):
    """Steps of 25 to 60 that decay within milliseconds, one and 2 to 6 a second."""
    n = 1 + rng.poisson(rng.uniform(2, 6) * n_times / fs)
    starts = rng.integers(0, n_times, (n, 1))
    sizes = rng.choice([-1.0, 1.0], (n, 1)) * rng.uniform(25, 60, (n, 1))
    decays = 1e-3 * rng.uniform(0.2, 0.5, (n, 1))
    after = np.arange(int(6e-3 * fs))
    artifact = np.zeros(n_times)
    _add_at(artifact, starts + after, sizes * np.exp(-after / fs / decays))
    return artifact


def drift(n_times, fs, rng):
    """Slow swings of the baseline (0.2 to 2 Hz), 5 to 15 high in all."""
    sizes = rng.uniform(5, 15) * rng.dirichlet(np.ones(4))
    cycles = np.outer(rng.uniform(0.2, 2, 4) / fs, np.arange(n_times))
    return sizes @ np.sin(2 * np.pi * (cycles + rng.random((4, 1))))


# in units of the background's RMS outside the nucleus
ARTIFACTS = {"none": no_artifact, "mains": mains, "clicks": clicks, "drift": drift}
