"""Simulated electrograms in sinus rhythm and fibrillation, from a VAE of both."""

import numpy as np
import pytest

from sksynth import CNN1DClassifier, ConvVAE
from sksynth.datasets import make_egm
from sksynth.metrics import log_spectral_distance, nearest_match, paired_correlation

FS, N_TIMES = 100, 100
RHYTHMS = ["SR", "AF"]


def windows(n, seed):
    """A second from 50 ms before the strongest deflection, rhythms, and positions."""
    size = {"n_electrodes": 32, "n_times": 2 * N_TIMES, "fs": FS}
    egm = make_egm(2 * n, random_state=seed, **size)
    strength = np.square(egm.bspm[:, :, 5 : N_TIMES + 5]).mean(axis=1)
    starts = strength.argmax(axis=1)
    rows = [row[:, i : i + N_TIMES] for row, i in zip(egm.data, starts, strict=True)]
    return np.stack(rows), egm.target, egm.positions


@pytest.fixture(scope="module")
def study():
    X, y, positions = windows(30, seed=0)
    sizes = {"latent_dim": 16, "width": 8, "batch_size": 8, "max_epochs": 60}
    vae = ConvVAE(channel_graph=positions, lr=4e-3, random_state=0, **sizes).fit(X, y)
    drawn = {label: vae.sample(200, y=label, random_state=0) for label in RHYTHMS}
    X_test, y_test, _ = windows(20, seed=1)
    return (X, y), (X_test, y_test), drawn


def nearest(X, test, rhythm):
    """The most similar held-out row of the rhythm, for each row of X."""
    rows = test[0][test[1] == rhythm]
    return rows[nearest_match(X, rows)[0]]


def test_a_classifier_of_real_rows_names_the_rhythm_of_samples(study):
    train, test, drawn = study
    classifier = CNN1DClassifier(n_blocks=4, max_epochs=40, random_state=0).fit(*train)
    assert classifier.score(*test) > 0.95
    for rhythm, X in drawn.items():
        assert np.mean(classifier.predict(X) == rhythm) >= 0.9, rhythm


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_samples_are_like_held_out_rows_of_their_rhythm(study, rhythm):
    (X, y), test, drawn = study
    rows, samples = X[y == rhythm], drawn[rhythm]
    order = np.random.default_rng(0).permutation(N_TIMES)
    shuffled = rows[:, :, order]
    like, like_shuffled = (
        paired_correlation(each, nearest(each, test, rhythm)).mean()
        for each in (samples, shuffled)
    )
    assert like > like_shuffled + 0.1
    spectra = {"fs": FS, "band": (0, 30), "nperseg": 32}
    distance, distance_of_rows = (
        log_spectral_distance(each, nearest(each, test, rhythm), **spectra).mean()
        for each in (samples, rows)
    )
    assert distance < 1.8 * distance_of_rows
