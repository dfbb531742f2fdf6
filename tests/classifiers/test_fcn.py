import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import nn

from sksynth.classifiers import FCNClassifier
from sksynth.datasets import make_ecg


def test_simulated_beats_are_told_apart():
    X, y = make_ecg(400, classes=("N", "V"), random_state=0)
    X_test, y_test = make_ecg(400, classes=("N", "V"), random_state=1)
    classifier = FCNClassifier(
        n_filters=16, max_epochs=6, batch_size=32, lr=4e-3, random_state=0
    )
    predicted = classifier.fit(X, y).predict(X_test)
    assert f1_score(y_test, predicted, average="macro") > 0.9


def test_batches_of_one_row_of_one_number_are_trained_on():
    X = np.arange(33.0)[:, None, None]
    classifier = FCNClassifier(
        n_filters=4, batch_size=32, max_epochs=60, lr=0.05, random_state=0
    )
    assert classifier.fit(X, X[:, 0, 0] > 16).score(X, X[:, 0, 0] > 16) > 0.9


def test_the_running_statistics_are_those_of_the_signals():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(256, 1, 50))
    classifier = FCNClassifier(
        n_filters=4, batch_size=64, max_epochs=40, lr=1e-9, random_state=0
    ).fit(X, rng.integers(2, size=256))
    pad, conv, norm = classifier.network_.body[:3]
    with torch.no_grad():
        h = conv(pad(torch.from_numpy(classifier.scaler_.transform(X))))
    mean, var = h.mean(dim=(0, 2)), h.var(dim=(0, 2))
    torch.testing.assert_close(norm.running_mean, mean, atol=0.02, rtol=0)
    torch.testing.assert_close(norm.running_var, var, rtol=0.05, atol=0)
    assert not any(part.training for part in classifier.network_.modules())
    assert isinstance(norm, nn.BatchNorm1d)
