import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from sksynth.classifiers import CNN1DClassifier

RNG = np.random.default_rng(0)


def make_rows(n_times):
    return RNG.normal(size=(8, 2, n_times)), np.arange(8) % 2


def tiny(**parameters):
    sizes = {"n_filters": 3, "n_layers": 1, "hidden_dim": 4, "max_epochs": 1}
    return CNN1DClassifier(**{**sizes, "random_state": 0, **parameters})


def make_pulses(n_samples, seed):
    """Slow, fast and irregular pulses in two channels, in noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 3
    gaps = np.array([40, 20, 30])[y][:, None] * np.ones(20)
    gaps[y == 2] *= rng.uniform(0.4, 1.6, size=(np.sum(y == 2), 20))
    peaks = gaps.cumsum(axis=1) - gaps[:, :1] * rng.uniform(size=(n_samples, 1))
    distance = np.arange(150)[:, None] - peaks[:, None]
    pulses = np.exp(-0.5 * (distance / 2) ** 2).sum(axis=2)
    X = pulses[:, None] * [[1.0], [-0.5]]
    X += rng.normal(scale=0.2, size=X.shape)
    return X, np.array(["slow", "fast", "irregular"])[y]


def test_simulated_rhythms_are_told_apart():
    X_test, y_test = make_pulses(200, seed=1)
    classifier = CNN1DClassifier(max_epochs=10, random_state=0)
    predicted = classifier.fit(*make_pulses(360, seed=0)).predict(X_test)
    assert f1_score(y_test, predicted, average="macro") > 0.9
    losses = classifier.history_["train_loss"]
    assert losses[-1] < 0.3 * losses[0]
    assert classifier.history_["train_accuracy"][-1] > 0.9


@pytest.mark.parametrize(("n_times", "n_blocks"), [(4, 0), (12, 1), (13, 2), (124, 4)])
def test_short_signals_get_fewer_blocks_and_a_warning(n_times, n_blocks):
    X, y = make_rows(n_times)
    message = (
        f"signals of {n_times} samples have room for {n_blocks} of the 5 blocks, "
        "which need 125"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        classifier = tiny().fit(X, y)
    assert caught[0].filename == __file__
    assert classifier.n_blocks_ == n_blocks
    assert classifier.n_blocks == 5
    assert classifier.predict(X).shape == (8,)


def test_signals_that_are_long_enough_get_all_blocks_in_silence():
    X, y = make_rows(125)  # warnings are errors
    assert tiny().fit(X, y).n_blocks_ == 5


def test_the_parameters_reach_the_network():
    X, y = make_rows(60)
    classifier = tiny(
        n_blocks=2, kernel_size=3, n_layers=2, hidden_dim=5, dropout=0.4, tied=False
    ).fit(X, y)
    first, *blocks, _ = classifier.network_.body
    assert first.weight.shape == (3, 2, 3)
    assert [len(block.convs) for block in blocks] == [2, 2]
    assert blocks[0].convs[0].dilation == (5,)
    head = classifier.network_.head
    assert [layer.p for layer in head.dense if isinstance(layer, torch.nn.Dropout)] == [
        *(0.4, 0.4)
    ]
    assert head.output.weight.shape == (2, 5)
    assert len(tiny(n_blocks=1).fit(X, y).network_.body[1].convs) == 1


def test_an_even_width_is_refused():
    X, y = make_rows(60)
    with pytest.raises(ValueError, match="kernel_size must be odd; got 4"):
        tiny(kernel_size=4).fit(X, y)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_blocks", -1),
        ("kernel_size", 0),
        ("n_layers", -1),
        ("hidden_dim", 0),
        ("dropout", 1.0),
        ("tied", "yes"),
    ],
)
def test_a_wrong_parameter_is_named_by_fit(parameter, value):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of"):
        tiny(**{parameter: value}).fit(*make_rows(60))
