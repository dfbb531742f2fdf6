import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sksynth.nn.unet1d import UNet1dNetwork, _Attention, _Unit, _Upsample


def awake(network):
    """The network with numbers where it starts with zeros."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.2)
    return network


def make(n_times=20, n_conditions=3, *, n_channels=2, widths=(16, 18, 22), **options):
    torch.manual_seed(0)
    network = UNet1dNetwork(n_channels, n_conditions, widths=widths, **options)
    x = torch.randn(4, n_channels, n_times)
    return awake(network), (x, torch.rand(4), torch.randn(4, n_conditions))


@pytest.mark.parametrize("n_conditions", [0, 3])
@pytest.mark.parametrize("patch_size", [1, 3])
def test_the_first_output_is_0(n_conditions, patch_size):
    network = UNet1dNetwork(2, n_conditions, widths=(8, 8), patch_size=patch_size)
    y = network(torch.randn(3, 2, 20), torch.rand(3), torch.randn(3, n_conditions))
    assert torch.equal(y, torch.zeros(3, 2, 20))


@pytest.mark.parametrize("n_attention", [0, 1])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_output_depends_on_signal_step_and_condition(which, n_attention):
    network, arguments = make(n_attention=n_attention)
    other = list(arguments)
    other[which] = arguments[which].flip(0)
    y = network(*arguments)
    assert ((y - network(*other)).abs().amax((1, 2)) > 0.01 * y.std()).all()


def test_the_embedding_scales_and_shifts_between_the_convolutions():
    torch.manual_seed(0)
    unit = _Unit(4, 6, 128, attends=False)
    x, nothing = torch.randn(2, 4, 9), torch.zeros(2, 128)
    assert torch.equal(unit(x, nothing), unit.shortcut(x))  # at first
    assert torch.equal(_Unit(4, 4, 128, attends=True)(x, nothing), x)
    awake(unit)
    before = unit(x, nothing) - unit.shortcut(x)
    with torch.no_grad():  # a scale of 0 and a shift for each feature
        unit.modulation.bias.copy_(torch.arange(12.0) - 6)
        unit.modulation.bias[:6] = -1
        shift = nn.functional.silu(torch.arange(6.0))[:, None].expand(2, 6, 9)
        expected = unit.conv_out(shift)
        after = unit(x, nothing) - unit.shortcut(x)
    torch.testing.assert_close(after, expected)
    assert not torch.allclose(before, expected, atol=0.1)


def test_each_time_is_repeated_on_the_way_up():
    layer = _Upsample(1, 1)
    with torch.no_grad():  # the convolution passes its input
        layer.conv.weight.copy_(torch.tensor([[[0.0, 1.0, 0.0]]]))
        layer.conv.bias.zero_()
    assert layer(torch.arange(3.0)[None, None]).tolist() == [[[0, 0, 1, 1, 2, 2]]]


def test_without_conditions_the_condition_has_no_columns():
    network, (x, step, condition) = make(n_conditions=0)
    assert condition.shape == (4, 0)
    assert network(x, step, condition).std() > 0
    assert not any("condition" in name for name, _ in network.named_parameters())


@given(
    n_times=st.integers(1, 40),
    n_channels=st.integers(1, 3),
    patch_size=st.integers(1, 4),
    widths=st.lists(st.sampled_from([1, 4, 7, 10, 22]), min_size=1, max_size=4),
    n_units=st.integers(1, 2),
    n_attention=st.integers(0, 5),
)
def test_signals_of_any_length_are_as_if_followed_by_zeros(
    n_times, n_channels, **sizes
):
    network, (x, *rest) = make(n_times, n_channels=n_channels, **sizes)
    y = network(x, *rest)
    assert y.shape == x.shape and torch.isfinite(y).all()
    multiple = sizes["patch_size"] * 2 ** (len(sizes["widths"]) - 1)
    assert network.multiple == multiple  # no more zeros than that
    padded = nn.functional.pad(x, (0, -n_times % multiple))
    whole = network(padded, *rest)
    assert whole.shape == padded.shape
    torch.testing.assert_close(whole[:, :, :n_times], y)


@pytest.mark.parametrize("n_times", [1, 3, 4])
def test_one_short_row_is_enough(n_times):
    network, arguments = make(n_times, widths=(8, 8, 8))
    y = network(*(argument[:1] for argument in arguments))
    assert torch.isfinite(y).all()


@pytest.mark.parametrize("width", [33, 65, 72, 97, 100])
def test_attention_takes_any_width(width):
    x = torch.randn(2, width, 5)
    assert torch.equal(_Attention(width)(x), x)  # it starts as the identity


def train(network, target, n_steps=60):
    """Mean squared error, in variances, on white noise that was not seen before."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(n_steps):
        x = torch.randn(16, 1, 32)
        loss = (network(x, torch.rand(16), torch.zeros(16, 0)) - target(x)).square()
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    return loss.mean().item()


def test_detail_of_the_full_rate_passes():
    torch.manual_seed(0)
    # one feature at half the rate cannot carry it
    network = UNet1dNetwork(1, 0, widths=(8, 1), n_attention=0)
    assert train(network, lambda x: x) < 0.1
    x = (-1.0) ** torch.arange(32).expand(1, 1, 32)
    y = network(x, torch.tensor([0.5]), torch.zeros(1, 0))
    assert (x * y).mean() > 0.4  # at Nyquist's frequency


def attentions(stages):
    return [
        [unit.attention is not None for unit in stage if isinstance(unit, _Unit)]
        for stage in stages
    ]


@pytest.mark.parametrize("n_units", [1, 2])
@pytest.mark.parametrize(
    ("n_attention", "expected"), [(0, [0, 0, 0]), (1, [0, 0, 1]), (2, [0, 1, 1])]
)
def test_only_the_deepest_stages_attend(n_attention, expected, n_units):
    network, _ = make(n_attention=n_attention, n_units=n_units)
    down = [[bool(stage)] * n_units for stage in expected]
    assert attentions(network.down) == down
    assert attentions(network.up) == down[::-1]
    assert (network.middle.attention is not None) == (n_attention > 0)


@pytest.mark.parametrize(("width", "n_heads"), [(8, 1), (63, 1), (64, 2), (96, 3)])
def test_attention_is_the_one_computed_by_hand(width, n_heads):
    torch.manual_seed(0)
    attention, n_times = awake(_Attention(width)), 6
    x = torch.randn(2, width, n_times)
    with torch.no_grad():
        attention.norm.weight.mul_(3)  # a softmax far from uniform
        qkv = attention.qkv(attention.norm(x)).double().numpy()
        result = attention(x)
    heads = np.zeros((2, width, n_times))
    size = width // n_heads
    for row in range(2):
        for head in range(n_heads):
            part = slice(head * size, (head + 1) * size)
            q, k, v = (block[part] for block in np.split(qkv[row], 3))
            for t in range(n_times):
                scores = [q[:, t] @ k[:, s] / np.sqrt(size) for s in range(n_times)]
                weights = np.exp(scores) / np.exp(scores).sum()
                heads[row, part, t] = sum(weights[s] * v[:, s] for s in range(n_times))
    mixed = attention.out(torch.from_numpy(heads).float())
    torch.testing.assert_close(result, x + mixed, atol=1e-5, rtol=1e-5)


def test_no_row_depends_on_another():
    network, arguments = make(n_attention=3)
    y = network(*arguments)
    torch.testing.assert_close(network(*(a[2:3] for a in arguments)), y[2:3])
    for argument in arguments:
        argument[1] = torch.nan
    torch.testing.assert_close(network(*arguments)[[0, 2, 3]], y[[0, 2, 3]])


def test_gradients_reach_all_parameters():
    network, arguments = make(n_units=2)
    network(*arguments).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
