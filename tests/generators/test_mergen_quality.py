"""What a short training makes of tones of two kinds, and of a recording."""

import os
from pathlib import Path

import numpy as np
import pytest

from sksynth import MerGen
from sksynth.metrics import local_metrics, root_mean_square, spike_count

FS, N_TIMES = 24_000, 2048
HERTZ = {"low": 750.0, "high": 3000.0}
LEVEL = {"low": 1.0, "high": 3.0}


def tones(n, seed):
    """Rows of each kind: a tone of random phase, and noise."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["low", "high"], n)
    t = np.arange(N_TIMES) / FS
    phase = rng.uniform(0, 2 * np.pi, (2 * n, 1))
    hertz, level = (np.array([d[k] for k in y])[:, None] for d in (HERTZ, LEVEL))
    X = level * np.sin(2 * np.pi * hertz * t + phase)
    return (X + 0.05 * rng.normal(size=X.shape))[:, None], y


@pytest.fixture(scope="module")
def mergen():
    X, y = tones(30, 0)
    return MerGen(
        **{"n_fft": 256, "upsampling": (4, 4, 4), "n_mels": 32, "n_codes": 32},
        **{"width": 32, "prior_width": 32, "vocoder_width": 32, "n_blocks": 1},
        **{"max_epochs": 40, "prior_epochs": 30, "vocoder_epochs": 15},
        **{"lr": 3e-3, "precision": "float32", "random_state": 0},
    ).fit(X, y)


@pytest.mark.parametrize(("inverter", "n_refine"), [("melgan", 16), ("griffin-lim", 0)])
@pytest.mark.parametrize("kind", ["low", "high"])
def test_a_tone_has_the_frequency_and_the_loudness_asked_for(
    mergen, kind, inverter, n_refine
):
    mergen.set_params(inverter=inverter, n_refine=n_refine)
    X = mergen.sample(20, y=kind, random_state=0)
    power = np.abs(np.fft.rfft(X[:, 0])) ** 2
    hertz = np.fft.rfftfreq(N_TIMES, 1 / FS)
    found = hertz[power.argmax(axis=1)]
    near = np.abs(found / HERTZ[kind] - 1) < 0.1
    assert near.mean() >= 0.9
    loud = np.median(root_mean_square(X)) / (LEVEL[kind] / 2**0.5)
    assert 0.7 < loud < 1.3


def test_metrics_that_are_asked_are_followed(mergen):
    mergen.set_params(inverter="griffin-lim")
    X, y = tones(5, 1)
    asked = local_metrics(X, fs=FS, window=256)
    loud = root_mean_square(mergen.sample(10, y=y, local=asked, random_state=0))
    assert np.corrcoef(loud[:, 0], root_mean_square(X)[:, 0])[0, 1] > 0.9


def test_a_longer_tone_goes_on_over_the_joints(mergen):
    mergen.set_params(inverter="griffin-lim", joining="continue")
    X = mergen.sample(10, y="high", n_times=5 * N_TIMES, random_state=0)
    parts = root_mean_square(X.reshape(10, 40, -1))
    assert np.median(parts) == pytest.approx(3 / 2**0.5, rel=0.3)
    assert (parts > 0.4 * np.median(parts)).mean() > 0.9


def test_a_recording_at_24_khz_trains_and_is_sampled():
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("SKSYNTH_DATA", default)) / "spikes"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set SKSYNTH_DATA to its parent")
    with np.load(folder / "C_Easy1_noise01_short.npz") as file:
        X = file["x"][: 23 * 10_240].reshape(23, 1, 10_240)
    mergen = MerGen(
        **{"width": 32, "prior_width": 32, "vocoder_width": 32, "n_codes": 64},
        **{"max_epochs": 40, "prior_epochs": 20, "vocoder_epochs": 20},
        **{"precision": "float32", "random_state": 0},
    ).fit(X)
    X_new = mergen.sample(10, random_state=0)
    assert X_new.shape == (10, 1, 10_240)
    assert X_new.dtype == np.float32
    loud = np.median(root_mean_square(X_new)) / np.median(root_mean_square(X))
    assert 0.6 < loud < 1.6
    assert np.median(spike_count(X_new, fs=FS)) > 0
