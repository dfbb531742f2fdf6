import numpy as np
import pytest
import torch
from torch import nn

from sksynth.nn.diffwave import DiffWaveNetwork, _Block
from sksynth.nn.s4 import S4D

mixers = pytest.mark.parametrize("mixer", ["conv", "s4"])


def make(n_times=20, n_conditions=3, *, mixer="conv", n_channels=2, **options):
    """Small network whose last layer is not 0 any more, and its three arguments."""
    torch.manual_seed(0)
    options = {"n_layers": 3, "width": 8, "state_dim": 4} | options
    network = DiffWaveNetwork(n_channels, n_times, n_conditions, mixer=mixer, **options)
    network.last[-1].reset_parameters()
    x = torch.randn(4, n_channels, n_times)
    return network, (x, torch.rand(4), torch.randn(4, n_conditions))


def test_the_published_network_has_its_number_of_parameters():
    network = DiffWaveNetwork(1, 16000, 0)
    assert sum(p.numel() for p in network.parameters()) == 2_308_737


@mixers
@pytest.mark.parametrize("patch_size", [1, 3])
@pytest.mark.parametrize("n_conditions", [0, 3])
def test_the_first_output_is_0(mixer, patch_size, n_conditions):
    network = DiffWaveNetwork(
        2, 20, n_conditions, mixer=mixer, n_layers=2, width=4, patch_size=patch_size
    )
    y = network(torch.randn(3, 2, 20), torch.rand(3), torch.randn(3, n_conditions))
    assert torch.equal(y, torch.zeros(3, 2, 20))


@pytest.mark.parametrize(
    ("n_times", "n_layers", "patch_size", "dilations"),
    [
        (1, 3, 1, [1, 1, 1]),
        (2, 3, 1, [1, 1, 1]),
        (5, 4, 1, [1, 2, 4, 1]),
        (64, 4, 1, [1, 2, 4, 8]),
        (64, 8, 1, [1, 2, 4, 8, 16, 32, 1, 2]),
        (13, 4, 3, [1, 2, 4, 1]),  # 5 positions
        (5000, 12, 1, [2**i for i in range(10)] + [1, 2]),
    ],
)
def test_dilations_double_as_far_as_the_signal_reaches(
    n_times, n_layers, patch_size, dilations
):
    network, _ = make(n_times, n_layers=n_layers, width=2, patch_size=patch_size)
    result = [block.mixer.conv.dilation[0] for block in network.blocks]
    assert result == dilations


@pytest.mark.parametrize("n_layers", [1, 3, 5])
@pytest.mark.parametrize("patch_size", [1, 2])
def test_a_time_changes_the_output_as_far_as_the_dilations_reach(n_layers, patch_size):
    network, (x, *rest) = make(128, n_layers=n_layers, patch_size=patch_size)
    network, (x, *rest) = network.double(), (v.double() for v in (x, *rest))
    other = x.clone()
    where = 64
    other[:, :, where] += 1
    moved = (network(x, *rest) != network(other, *rest)).any(0).any(0)
    reach = 2**n_layers - 1  # positions: 1 + 2 + 4 + ...
    first = where - reach * patch_size
    stop = where + (reach + 1) * patch_size
    assert moved.nonzero().flatten().tolist() == list(range(first, stop))


def test_with_state_spaces_every_time_reaches_every_other():
    network, (x, *rest) = make(50, mixer="s4", n_layers=1)
    for where in (0, 49):
        other = x.clone()
        other[:, :, where] += 1
        assert (network(x, *rest) != network(other, *rest)).any(0).all()


def run_by_hand(block, x, step, shift):
    """A block of dilated convolution on (width, n_times), sum by sum."""
    parts = {k: v.detach().double().numpy() for k, v in block.named_parameters()}
    x_in = x + (parts["step.weight"] @ step + parts["step.bias"])[:, None]
    n_times, dilation = x.shape[1], block.mixer.conv.dilation[0]
    h = np.tile(parts["mixer.conv.bias"][:, None], n_times)
    h += (parts["condition.weight"] @ shift + parts["condition.bias"])[:, None]
    for t in range(n_times):
        for k in range(3):
            source = t + (k - 1) * dilation
            if 0 <= source < n_times:
                h[:, t] += parts["mixer.conv.weight"][:, :, k] @ x_in[:, source]
    gate, filtered = np.split(h, 2)
    h = parts["out.weight"][:, :, 0] @ (np.tanh(filtered) / (1 + np.exp(-gate)))
    residual, skip = np.split(h + parts["out.bias"][:, None], 2)
    return (x + residual) / np.sqrt(2), skip


def test_a_block_is_the_one_computed_by_hand():
    block = make(width=3)[0].blocks[1]
    x, step, condition = torch.randn(3, 10), torch.randn(512), torch.randn(128)
    results = block(x[None], step[None], condition[None])
    expected = run_by_hand(block, *(v.double().numpy() for v in (x, step, condition)))
    for result, array in zip(results, expected, strict=True):
        torch.testing.assert_close(result[0], torch.from_numpy(array).float())


def test_a_state_space_layer_normalises_each_time_around_a_residual():
    layer = make(mixer="s4", width=4)[0].blocks[0].mixer.before
    u = torch.randn(2, 8, 11)
    with torch.no_grad():
        gained = torch.special.ndtr(y := layer.space(u)) * y  # GELU
        h = layer.linear.weight[:, :, 0] @ gained + layer.linear.bias[:, None] + u
        result = layer(u)
    h = h - h.mean(1, keepdim=True)
    expected = h / (h.square().mean(1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-4)


def test_the_skips_are_summed_to_a_deviation_of_order_1():
    network, arguments = make(n_layers=9, n_channels=1, width=1)
    for block in network.blocks:
        nn.init.zeros_(block.out.weight)
        block.out.bias.data = torch.tensor([0.0, 2.0])
    network.last = nn.Identity()
    torch.testing.assert_close(network(*arguments), torch.full((4, 1, 20), 9 * 2 / 3.0))


@mixers
@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_output_depends_on_signal_step_and_condition(mixer, which):
    network, arguments = make(mixer=mixer)
    other = list(arguments)
    other[which] = arguments[which].flip(0)
    y = network(*arguments)
    assert ((y - network(*other)).abs().amax((1, 2)) > 1e-3 * y.std()).all()


@mixers
def test_without_conditions_the_condition_has_no_columns(mixer):
    network, (x, step, condition) = make(n_conditions=0, mixer=mixer)
    assert condition.shape == (4, 0)
    assert network(x, step, condition).std() > 0
    assert not any("condition" in name for name, _ in network.named_parameters())


@mixers
@pytest.mark.parametrize("patch_size", [1, 4])
@pytest.mark.parametrize("n_times", [1, 2, 3, 4, 7, 8, 33])
def test_signals_of_any_length_are_as_if_followed_by_zeros(mixer, patch_size, n_times):
    network, arguments = make(n_times, mixer=mixer, patch_size=patch_size)
    x, *rest = arguments
    y = network(*arguments)
    assert y.shape == x.shape and torch.isfinite(y).all()
    padded = nn.functional.pad(x, (0, -n_times % patch_size))
    torch.testing.assert_close(network(padded, *rest)[:, :, :n_times], y)


@mixers
def test_no_row_depends_on_another(mixer):
    network, arguments = make(mixer=mixer)
    y = network(*arguments)
    torch.testing.assert_close(network(*(a[2:3] for a in arguments)), y[2:3])
    for argument in arguments:
        argument[1] = torch.nan
    torch.testing.assert_close(network(*arguments)[[0, 2, 3]], y[[0, 2, 3]])


@mixers
@pytest.mark.parametrize("patch_size", [1, 3])
def test_kept_kernels_change_nothing_and_are_computed_once(
    mixer, patch_size, monkeypatch
):
    network, arguments = make(mixer=mixer, patch_size=patch_size)
    expected = network(*arguments)
    calls, spectrum = [], S4D.spectrum
    monkeypatch.setattr(
        S4D, "spectrum", lambda layer, n: calls.append(n) or spectrum(layer, n)
    )
    with network.kept_kernels(20):
        assert all(torch.equal(network(*arguments), expected) for _ in range(2))
    n_layers = 6 if mixer == "s4" else 0
    assert calls == [-(-20 // patch_size)] * n_layers
    network(*arguments)
    assert len(calls) == 2 * n_layers


def test_the_state_spaces_have_the_size_asked_for():
    network, _ = make(mixer="s4", state_dim=6, width=5)
    spaces = [part for part in network.modules() if isinstance(part, S4D)]
    assert {space.frequency.shape for space in spaces} == {(10, 3)}
    assert all(isinstance(block, _Block) for block in network.blocks)


@mixers
def test_gradients_reach_all_parameters_that_the_output_needs(mixer):
    network, arguments = make(mixer=mixer)
    network(*arguments).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
