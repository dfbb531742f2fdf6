"""Two sites' recorders: electrodes, noise and filters between a heart and 12 leads."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, rfft, rfftfreq

from ._heart import DOWER

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
MEASURED = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")  # the others follow
FIELD = np.array([DOWER["MLII" if lead == "II" else lead] for lead in MEASURED])


class Site(NamedTuple):
    highpass: float  # Hz, -3 dB, second order
    lowpass: float  # Hz, -3 dB, fourth order
    mains: float  # Hz
    hum: float  # part of the noise's power that is mains
    noise: float  # times the noise asked for
    drift: float  # times the drift asked for
    gain: float  # standard deviation of the log of a strip's gain
    electrodes: float  # standard deviation of a lead's gain and direction


SITES = (
    Site(0.05, 150.0, 50.0, 0.1, noise=1.0, drift=1.0, gain=0.02, electrodes=0.05),
    Site(0.5, 35.0, 60.0, 0.3, noise=1.5, drift=2.0, gain=0.08, electrodes=0.15),
)


class Recordings(NamedTuple):
    """What differs from strip to strip (n) at a site; slices of it are blocks."""

    field: np.ndarray  # (n, 8, 3), dipole -> measured leads
    hum_phase: np.ndarray  # (n, 8, 1), rad
    sway: np.ndarray  # (n, 8, 2), Hz, of breathing and of slower movement
    sway_phase: np.ndarray  # (n, 8, 2), rad


def draw_recordings(site, breathing, rng):
    """Electrodes, gain and phases of each strip; `breathing` (n,) is in Hz."""
    n = len(breathing)
    gain = rng.lognormal(0, site.gain, (n, 1, 1))
    size = np.linalg.norm(FIELD, axis=1, keepdims=True)
    field = FIELD * rng.lognormal(0, site.electrodes, (n, len(FIELD), 1))
    field += 0.5 * site.electrodes * size * rng.standard_normal(field.shape)
    hum_phase = rng.uniform(0, 2 * np.pi, (n, len(FIELD), 1))
    slow = rng.uniform(0.05, 0.15, (n, len(FIELD)))
    sway = np.stack([np.broadcast_to(breathing[:, None], slow.shape), slow], axis=2)
    sway_phase = rng.uniform(0, 2 * np.pi, sway.shape)
    return Recordings(gain * field, hum_phase, sway, sway_phase)


def record(dipole, times, recordings, site, noise, drift, rng):
    """Measured leads (n, 8, n_times) in mV of dipoles (n, 3, n_times) in mV."""
    fs = 1 / (times[1] - times[0])
    signal = recordings.field.astype(np.float32) @ dipole
    drift, noise = drift * site.drift, noise * site.noise
    for part, power in enumerate((0.7, 0.3)):
        if drift:
            hertz = recordings.sway[:, :, part, None]
            phase = recordings.sway_phase[:, :, part, None]
            signal += _sine(times, hertz, phase, drift * np.sqrt(power))
    hum = site.hum if fs > 2 * site.mains else 0.0  # else kept out by anti-aliasing
    if noise and hum:
        signal += _sine(times, site.mains, recordings.hum_phase, noise * np.sqrt(hum))
    if noise:
        white = rng.standard_normal(signal.shape, dtype=np.float32)
        signal += np.float32(noise * np.sqrt(1 - hum)) * white
    return _filter(signal, fs, site)


def _sine(times, hertz, phase, rms):
    angle = (2 * np.pi * hertz * times + phase).astype(np.float32)
    return np.float32(np.sqrt(2) * rms) * np.sin(angle)


def response(hertz, site):
    """Butterworth's magnitude without his phase: zero at 0 Hz, half power at -3 dB."""
    with np.errstate(divide="ignore"):
        high = 1 / np.sqrt(1 + (site.highpass / hertz) ** 4)
    return high / np.sqrt(1 + (hertz / site.lowpass) ** 8)


def _filter(signal, fs, site):
    n_times = signal.shape[-1]
    gain = response(rfftfreq(n_times, 1 / fs), site).astype(np.float32)
    return irfft(rfft(signal) * gain, n_times)


def complete(measured):
    """Twelve leads from the eight: Einthoven's law, Goldberger's definitions."""
    leads = dict(zip(MEASURED, measured.swapaxes(0, 1), strict=True))
    one, two = leads["I"], leads["II"]
    leads["III"] = two - one
    leads["aVR"] = -(one + two) / 2
    leads["aVL"] = one - two / 2
    leads["aVF"] = two - one / 2
    return np.stack([leads[lead] for lead in LEADS], axis=1)
