import numpy as np
import pytest
import torch
from torch import nn

from sksynth.nn.fcn import BatchNorm, FCNNetwork


def test_the_parameters_are_those_counted_by_hand():
    # 12 * 128 * 8, 128 * 256 * 5, 256 * 128 * 3; two a channel of 128 + 256 + 128;
    # 128 * 7 + 7
    expected = 12288 + 163840 + 98304 + 2 * 512 + 903
    network = FCNNetwork((12, 1000), 7)
    assert sum(p.numel() for p in network.parameters()) == expected


def run_by_hand(network, x):
    """Features of (n_channels, n_times), with the running statistics."""
    h = x
    for pad, conv, norm, _ in zip(*[iter(network.body[:-1])] * 4, strict=True):
        weight = conv.weight.detach().double().numpy()
        n_times, size = h.shape[1], weight.shape[2]
        assert sum(pad.padding) == size - 1  # as many samples out as in
        padded = np.pad(h, ((0, 0), ((size - 1) // 2, size // 2)))
        h = np.stack(
            [
                np.einsum("oik,ik->o", weight, padded[:, t : t + size])
                for t in range(n_times)
            ],
            axis=1,
        )
        mean, var, scale, shift = (
            t.detach().double().numpy()[:, None]
            for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        h = np.maximum((h - mean) / np.sqrt(var + norm.eps) * scale + shift, 0)
    return h.mean(axis=1)


def test_the_features_are_those_computed_by_hand():
    torch.manual_seed(0)
    network = FCNNetwork((2, 9), 3, n_filters=4)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    network.eval()
    x = torch.randn(5, 2, 9)
    expected = [run_by_hand(network, row.double().numpy()) for row in x]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(network.features(x).detach(), expected, atol=1e-5)
    logits = network.head.output(network.features(x))
    assert torch.equal(network.logits(x), logits)


@pytest.mark.parametrize("n_times", [1, 2, 7, 300])
def test_signals_of_any_length_are_taken(n_times):
    network = FCNNetwork((3, n_times), 4, n_filters=8)
    assert network.features(torch.zeros(2, 3, n_times)).shape == (2, 8)


def test_one_number_a_channel_is_normalised_by_what_was_seen_before():
    norm, x = BatchNorm(3), torch.randn(1, 3, 1)
    norm.running_mean.fill_(0.5)
    norm.running_var.fill_(4.0)
    torch.testing.assert_close(norm(x), (x - 0.5) / 2, rtol=1e-4, atol=1e-5)
    assert (norm.running_mean == 0.5).all()
    batch = torch.randn(2, 3, 1)
    torch.testing.assert_close(norm(batch), nn.BatchNorm1d(3)(batch))
    assert (norm.running_mean != 0.5).any()
