import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sksynth.nn.cnn1d import CNN1DNetwork, ResidualBlock, blocks_for, length_after


@given(n_times=st.integers(1, 5000))
def test_signals_get_as_many_blocks_as_they_have_room_for(n_times):
    n_blocks = blocks_for(n_times)
    assert length_after(n_times, n_blocks) >= 1
    assert length_after(n_times, n_blocks + 1) < 1
    assert 2 ** (n_blocks + 2) - 3 <= max(n_times, 1) < 2 ** (n_blocks + 3) - 3


@pytest.mark.parametrize("n_blocks", [1, 2, 5])
def test_the_shortest_signals_for_some_blocks_leave_one_sample(n_blocks):
    n_times = 2 ** (n_blocks + 2) - 3
    assert length_after(n_times, n_blocks) == 1
    network = CNN1DNetwork((1, n_times), 2, n_blocks=n_blocks, n_filters=3)
    assert network.body(torch.zeros(1, 1, n_times)).shape == (1, 3)
    with pytest.raises(RuntimeError):
        network.body(torch.zeros(1, 1, n_times - 1))


def n_parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_the_parameters_are_those_counted_by_hand():
    # 12 * 16 * 7 + 16; 5 blocks of 16 * 16 * 7 + 16; 448 * 256 + 256;
    # twice 256 * 256 + 256; 256 * 7 + 7
    expected = 1360 + 5 * 1808 + 114944 + 2 * 65792 + 1799
    assert n_parameters(CNN1DNetwork((12, 1000), 7)) == expected == 258727
    untied = CNN1DNetwork((12, 1000), 7, tied=False)
    assert n_parameters(untied) == expected + 5 * 1808


@pytest.mark.parametrize(
    ("n_blocks", "n_filters", "n_flat"), [(5, 16, 448), (6, 32, 384)]
)
def test_the_flat_layer_has_the_size_known_of_the_study(n_blocks, n_filters, n_flat):
    network = CNN1DNetwork((12, 1000), 7, n_blocks=n_blocks, n_filters=n_filters)
    assert network.body(torch.zeros(2, 12, 1000)).shape == (2, n_flat)


def convolve(x, conv, dilation):
    """Same-size convolution of (n_in, n_times), sum by sum."""
    weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    n_out, n_in, size = weight.shape
    out = np.tile(bias[:, None], x.shape[1]).astype(float)
    for t in range(x.shape[1]):
        for k in range(size):
            source = t + (k - size // 2) * dilation
            if 0 <= source < x.shape[1]:
                out[:, t] += weight[:, :, k] @ x[:, source]
    return out


def run_by_hand(network, x):
    first, *blocks, _ = network.body
    h = convolve(x, first, 1)
    for block in blocks:
        inner = np.maximum(convolve(h, block.convs[0], 5), 0)
        h = np.maximum(convolve(inner, block.convs[-1], 5) + h, 0)
        starts = range(0, h.shape[1] - 4, 2)
        h = np.stack([h[:, t : t + 5].max(axis=1) for t in starts], axis=1)
    return h.ravel()


@pytest.mark.parametrize("tied", [True, False])
def test_the_convolutions_are_those_computed_by_hand(tied):
    torch.manual_seed(0)
    network = CNN1DNetwork(
        (2, 32), 3, n_blocks=2, n_filters=3, kernel_size=5, tied=tied
    )
    x = torch.randn(4, 2, 32)
    expected = [run_by_hand(network, row.double().numpy()) for row in x]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(network.body(x).detach(), expected, atol=1e-6)


def test_a_block_on_a_ramp():
    block = ResidualBlock(1, 3)
    with torch.no_grad():  # the convolution looks 5 samples ahead
        block.convs[0].weight.copy_(torch.tensor([[[0.0, 0.0, 1.0]]]))
        block.convs[0].bias.zero_()
    # t + (t + 10) up to t = 8, then t alone; the largest of 0..4, 2..6, ...
    expected = [[[18.0, 22.0, 26.0, 26.0, 26.0, 14.0, 16.0, 18.0]]]
    assert block(torch.arange(19.0)[None, None]).tolist() == expected


def test_tied_convolutions_share_their_weights_and_add_their_gradients():
    torch.manual_seed(0)
    tied, untied = ResidualBlock(2, 3), ResidualBlock(2, 3, tied=False)
    assert len(list(tied.parameters())) == 2
    assert not torch.equal(untied.convs[0].weight, untied.convs[1].weight)
    for conv in untied.convs:
        conv.load_state_dict(tied.convs[0].state_dict())
    x = torch.randn(3, 2, 20)
    for block in (tied, untied):
        block(x).square().sum().backward()
    first, second = (conv.weight.grad for conv in untied.convs)
    assert first.abs().min() > 0
    torch.testing.assert_close(tied.convs[0].weight.grad, first + second)


def test_the_dense_layers_have_the_sizes_asked_for():
    network = CNN1DNetwork(
        (1, 20), 4, n_layers=2, hidden_dim=9, n_blocks=1, dropout=0.4
    )
    kinds = [type(layer) for layer in network.head.dense]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout] * 2
    assert [layer.p for layer in network.head.dense[2::3]] == [0.4, 0.4]
    x = torch.zeros(3, 1, 20)
    assert network.features(x).shape == (3, 9)
    assert network.logits(x).shape == (3, 4)
