"""What trained diffusion generators recover, of processes that are known."""

import numpy as np
import pytest

from sksynth import DiffWave, TimeDiffusion

N, N_TIMES = 300, 32
TRAINED = {"n_steps": 12, "patch_size": 1, "lr": 5e-3, "random_state": 0}
GENERATORS = {
    "unet": TimeDiffusion(widths=(32, 32), **TRAINED, max_epochs=50),
    "conv": DiffWave(n_layers=5, width=32, **TRAINED, max_epochs=50),
    "s4": DiffWave(
        mixer="s4", n_layers=2, width=16, state_dim=16, **TRAINED, max_epochs=80
    ),
}


@pytest.mark.parametrize("kind", ["unet", "s4"])
def test_sines_of_the_asked_class_have_its_frequency_and_amplitude(kind):
    rng = np.random.default_rng(0)
    cycles = rng.permutation(np.repeat([3, 6], N // 2))  # a signal
    phase = rng.uniform(0, 2 * np.pi, size=N)
    turns = cycles[:, None] * np.arange(N_TIMES) / N_TIMES
    X = np.sin(2 * np.pi * turns + phase[:, None])[:, None]
    generator = GENERATORS[kind].fit(X, cycles)
    for asked in (3, 6):
        drawn = generator.sample(200, y=asked, random_state=0)[:, 0]
        spectrum = np.abs(np.fft.rfft(drawn))
        power = np.square(spectrum).sum(axis=0)
        assert power[asked] > 0.95 * power.sum()
        amplitude = np.median(spectrum[:, asked]) * 2 / N_TIMES
        assert amplitude == pytest.approx(1, abs=0.05)
        angles = np.angle(np.fft.rfft(drawn)[:, asked])
        assert np.abs(np.exp(1j * angles).mean()) < 0.25  # all phases


@pytest.mark.parametrize("kind", ["unet", "conv"])
def test_an_autoregressive_process_keeps_its_correlation_and_deviation(kind):
    rng = np.random.default_rng(0)
    shocks = rng.normal(size=(N, N_TIMES + 50))
    walk = np.zeros_like(shocks)
    for t in range(1, shocks.shape[1]):
        walk[:, t] = 0.8 * walk[:, t - 1] + shocks[:, t]
    X = walk[:, None, 50:]
    drawn = GENERATORS[kind].fit(X).sample(300, random_state=0)
    lag_1 = (drawn[..., 1:] * drawn[..., :-1]).mean() / np.square(drawn).mean()
    assert lag_1 == pytest.approx(0.8, abs=0.05)
    assert drawn.std() == pytest.approx(X.std(), rel=0.1)
