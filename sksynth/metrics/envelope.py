"""Periodic changes of loudness, which segments that were joined may leave."""

import numpy as np

from sksynth._arrays import by_rows, check_positive, check_signals

RESOLUTION = 0.02  # s, of the envelope


def envelope_line(X, fs, frequency, *, n_harmonics=3):
    r"""How far a line and its harmonics stand out of the spectrum of the envelope.

    The envelope is the RMS in windows of 20 ms, over its mean. Of its power
    P(f) under a Hann window,

    .. math:: 10 \log_{10} \frac{\frac1h \sum_{k=1}^{h} P(k f_0)}{\mathrm{mean}\,P(f)}

    where the mean is over all multiples of 1 / duration from f_0 / 2 to
    (h + 1/2) f_0 that are at least 1.5 of them away from every harmonic. Recordings
    of 3 s that are joined have such a line at 1/3 Hz if each segment begins alike.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals that last 4 periods of the line or longer.
    fs : float
        Sampling rate in Hz.
    frequency : float
        Frequency f_0 of the line in Hz.
    n_harmonics : int, default=3
        Number h of multiples of f_0, itself included; the highest is below 25 Hz.

    Returns
    -------
    line : ndarray of shape (n_samples, n_channels)
        In dB; of white noise -0.5 in the mean, with a deviation of 3.4 (15 s, f_0 of
        0.39 Hz). NaN where the envelope does not change at all.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, or the signals are too short.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import envelope_line
    >>> t = np.arange(30_000) / 1000
    >>> noise = np.random.default_rng(0).normal(size=(2, 1, len(t)))
    >>> even = envelope_line(noise, 1000, 0.5)
    >>> louder = envelope_line((1 + 0.2 * np.cos(np.pi * t)) * noise, 1000, 0.5)
    >>> bool((louder > even + 10).all())
    True
    """
    X = check_signals(X, min_samples=1)
    fs = check_positive(fs, "fs")
    frequency = check_positive(frequency, "frequency")
    size = max(1, round(RESOLUTION * fs))
    n = X.shape[2] // size
    duration = n * size / fs
    if duration * frequency < 4:
        raise ValueError(
            f"signals must last 4 periods of {frequency} Hz, {4 / frequency:.3g} s; "
            f"got {duration:.3g} s"
        )
    if not 1 <= n_harmonics < fs / size / 2 / frequency:
        raise ValueError(
            f"n_harmonics must be from 1 to below {fs / size / 2 / frequency:.3g}; got "
            f"{n_harmonics}"
        )
    lines = frequency * np.arange(1, n_harmonics + 1)
    others = np.arange(1, n // 2) / duration
    away = np.abs(others[:, None] - lines).min(axis=1) * duration >= 1.5
    inside = (others >= frequency / 2) & (others <= lines[-1] + frequency / 2)
    angles = -2j * np.pi * np.arange(n)[:, None] * size / fs
    wave = np.hanning(n)[:, None] * np.exp(
        angles * np.concatenate([lines, others[away & inside]])
    )

    def measure(x):
        x = x[..., : n * size].reshape(*x.shape[:2], n, size)
        envelope = np.sqrt(np.square(x, dtype=float).mean(axis=-1))
        envelope = envelope / np.maximum(envelope.mean(axis=-1, keepdims=True), 1e-300)
        envelope -= envelope.mean(axis=-1, keepdims=True)
        power = np.abs(envelope @ wave) ** 2
        line, rest = power[..., :n_harmonics], power[..., n_harmonics:]
        with np.errstate(divide="ignore", invalid="ignore"):
            return 10 * np.log10(line.mean(axis=-1) / rest.mean(axis=-1))

    return by_rows(X, measure)
