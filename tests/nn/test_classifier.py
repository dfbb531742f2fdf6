import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import nn

from sksynth.nn.classifier import ClassifierHead, ClassifierNetwork


def make_head(**options):
    torch.manual_seed(0)
    head = ClassifierHead(5, 3, **{"hidden_dims": (4,), **options})
    return head, torch.randn(6, 5), torch.tensor([0, 2, 1, 1, 0, 0])


def test_the_loss_is_the_mean_cross_entropy_and_the_accuracy_a_share():
    head, x, y = make_head()
    log_p = log_softmax(head.logits(x).detach().double().numpy(), axis=1)
    losses = head(x, y)
    assert losses["loss"].item() == pytest.approx(-log_p[range(6), y].mean(), rel=1e-6)
    expected = (log_p.argmax(axis=1) == y.numpy()).mean()
    assert 0 < expected < 1
    assert losses["accuracy"].item() == pytest.approx(expected)
    assert not losses["accuracy"].requires_grad


def test_balanced_weights_are_the_same_as_repeated_rows():
    head, x, y = make_head()
    counts = np.bincount(y)  # 3, 2, 1
    weight = torch.tensor(len(y) / (3 * counts), dtype=torch.float32)
    repeats = torch.tensor(6 // counts)[y]  # each class 6 times
    repeated = head(x.repeat_interleave(repeats, 0), y.repeat_interleave(repeats))
    weighted = head(x, y, weight[y])
    torch.testing.assert_close(weighted["loss"], repeated["loss"])
    assert not torch.isclose(weighted["loss"], head(x, y)["loss"], rtol=1e-3)
    for gradient, expected in zip(
        torch.autograd.grad(weighted["loss"], list(head.parameters())),
        torch.autograd.grad(repeated["loss"], list(head.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(gradient, expected)


def test_the_features_are_what_the_last_layer_reads():
    head, x, _ = make_head(hidden_dims=(4, 7))
    features = head.features(x)
    assert features.shape == (6, 7)
    assert (features >= 0).all()
    assert torch.equal(head.output(features), head.logits(x))
    assert torch.equal(make_head(hidden_dims=())[0].features(x), x)


@pytest.mark.parametrize("dropout", [0.0, 0.25, 0.6])
def test_the_dropout_asked_for_is_applied_in_training_alone(dropout):
    head, _, _ = make_head(hidden_dims=(2000,), dropout=dropout)
    nn.init.zeros_(head.dense[0].weight)
    nn.init.ones_(head.dense[0].bias)  # all features are 1
    features = head.features(torch.zeros(10, 5))
    share = (features == 0).float().mean().item()
    assert share == pytest.approx(dropout, abs=0.015)  # sd 0.0035 of 20,000
    kept = features[features != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - dropout)))
    assert (head.eval().features(torch.zeros(10, 5)) == 1).all()


def test_a_network_is_its_body_and_then_its_head():
    head, x, y = make_head()
    network = ClassifierNetwork(nn.Flatten(), head)
    signals, weight = x[:, None], torch.rand(6)
    assert torch.equal(network.logits(signals), head.logits(x))
    assert torch.equal(network.features(signals), head.features(x))
    for options in ((), (weight,)):
        expected = head(x, y, *options)["loss"]
        assert torch.equal(network(signals, y, *options)["loss"], expected)
