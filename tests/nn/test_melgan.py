import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from sksynth.nn import melgan
from sksynth.nn.melgan import (
    MelGANDiscriminator,
    MelGANGenerator,
    MultiScaleDiscriminator,
)


@given(
    upsampling=st.lists(st.integers(2, 7), min_size=1, max_size=3),
    n_frames=st.integers(1, 6),
    n_channels=st.integers(1, 2),
)
def test_signals_have_a_hop_for_each_frame(upsampling, n_frames, n_channels):
    network = MelGANGenerator(
        3, n_channels, width=8, upsampling=upsampling, limit=1.0, n_blocks=3
    )
    x = network(torch.zeros(2, 3, n_frames))
    assert x.shape == (2, n_channels, n_frames * math.prod(upsampling))


def test_the_published_sizes_have_as_many_weights_as_counted_by_hand():
    first, last = 80 * 512 * 7 + 2 * 512, 32 * 7 + 2
    up = [(512, 256, 16), (256, 128, 16), (128, 64, 4), (64, 32, 4)]
    ups = sum(a * b * size + a + b for a, b, size in up)
    blocks = sum(3 * (5 * b * b + 6 * b) for _, b, _ in up)
    found = sum(p.numel() for p in MelGANGenerator(80, 1, limit=1.0).parameters())
    assert found == first + ups + blocks + last == 4_266_050
    # groups of four inputs
    outputs = (64, 256, 1024, 1024)
    strided = sum(n * 4 * 41 + 2 * n for n in outputs)
    end = 1024 * 1024 * 5 + 2 * 1024 + 1024 * 3 + 2
    found = sum(p.numel() for p in MultiScaleDiscriminator(1).parameters())
    assert found == 3 * (16 * 15 + 2 * 16 + strided + end) == 16_924_086


def test_a_published_generator_halves_its_width_and_dilates_by_powers_of_three():
    layers = list(MelGANGenerator(80, 1, limit=1.0).layers)
    ups = [layer for layer in layers if isinstance(layer, nn.ConvTranspose1d)]
    assert [layer.out_channels for layer in ups] == [256, 128, 64, 32]
    assert [layer.stride[0] for layer in ups] == [8, 8, 2, 2]
    blocks = [layer.layers[2] for layer in layers if isinstance(layer, melgan._Block)]
    assert [layer.dilation[0] for layer in blocks] == 4 * [1, 3, 9]
    narrow = MelGANGenerator(3, 1, width=8, upsampling=(2, 2, 2), limit=1.0).layers
    ups = [layer for layer in narrow if isinstance(layer, nn.ConvTranspose1d)]
    assert [layer.out_channels for layer in ups] == [4, 4, 4]


def test_values_beyond_the_ends_are_mirrored_where_the_signal_is_long_enough():
    x = torch.tensor([[[1.0, 2, 3, 4]]])
    assert melgan._Pad(3)(x)[0, 0].tolist() == [4, 3, 2, 1, 2, 3, 4, 3, 2, 1]
    assert melgan._Pad(4)(x)[0, 0].tolist() == 4 * [1] + [1, 2, 3, 4] + 4 * [4]


@pytest.mark.parametrize("transposed", [False, True])
def test_weights_are_normalised_as_torch_does(transposed):
    torch.manual_seed(0)
    if transposed:
        ours = melgan._UpConv(4, 6, 3)
        plain = nn.ConvTranspose1d(4, 6, 6, 3, padding=2, output_padding=1)
    else:
        ours = melgan._Conv(4, 6, 5, stride=2, padding=3, dilation=2, groups=2)
        plain = nn.Conv1d(4, 6, 5, stride=2, padding=3, dilation=2, groups=2)
    x = torch.randn(2, 4, 20)
    plain.load_state_dict(
        {name: value for name, value in ours.state_dict().items() if name != "gain"}
    )
    torch.testing.assert_close(ours(x), plain(x))  # at first nothing is changed
    plain = weight_norm(plain)
    with torch.no_grad():
        ours.gain.uniform_(0.5, 2)
        ours.weight.mul_(3)
        plain.parametrizations.weight.original0.copy_(ours.gain)
        plain.parametrizations.weight.original1.copy_(ours.weight)
    torch.testing.assert_close(ours(x), plain(x))


def test_a_block_is_a_dilated_convolution_beside_a_shortcut():
    block = melgan._Block(3, 2)
    x = torch.randn(2, 3, 9)
    h = torch.where(x < 0, 0.2 * x, x)
    h = block.layers[2](torch.nn.functional.pad(h, (2, 2), mode="reflect"))
    h = block.layers[4](torch.where(h < 0, 0.2 * h, h))
    torch.testing.assert_close(block(x), block.shortcut(x) + h)


def test_values_stay_within_the_limit_of_each_channel_and_small_ones_are_linear():
    sizes = {"width": 16, "upsampling": (4, 2), "n_blocks": 2}
    network = MelGANGenerator(12, 2, **sizes, limit=torch.tensor([3.0, 40.0]))
    assert network.limit.tolist() == [[3.0], [40.0]]
    x = torch.randn(2, 12, 9)
    h = network.layers(x)
    torch.testing.assert_close(network(1e-3 * x)[:, 1], network.layers(1e-3 * x)[:, 1])
    expected = torch.stack(
        [3 * torch.tanh(h[:, 0] / 3), 40 * torch.tanh(h[:, 1] / 40)], dim=1
    )
    torch.testing.assert_close(network(x), expected)
    peaks = network(1e5 * x).abs().amax(dim=(0, 2))
    torch.testing.assert_close(peaks, torch.tensor([3.0, 40.0]))
    same = MelGANGenerator(12, 2, **sizes, limit=7)
    assert same.limit.tolist() == [[7.0], [7.0]]


@given(
    width=st.integers(1, 20), max_width=st.integers(1, 40), n_times=st.integers(1, 70)
)
def test_a_discriminator_of_any_width_scores_signals_of_any_length(
    width, max_width, n_times
):
    features = MelGANDiscriminator(2, width, max_width)(torch.zeros(3, 2, n_times))
    assert len(features) == 7
    assert features[-1].shape == (3, 1, -(-n_times // 256))


def test_groups_have_four_inputs_where_they_can():
    assert [melgan._n_groups(n, 4 * n) for n in (16, 64, 4, 3, 6)] == [4, 16, 1, 1, 1]
    assert melgan._n_groups(12, 20) == 2  # 3 would not divide 20


def test_scales_see_means_of_four_and_ends_count_as_many_as_there_are():
    network = MultiScaleDiscriminator(1, 4, 8)
    seen = []
    for scale in network.scales:
        scale.register_forward_pre_hook(lambda module, x: seen.append(x[0]))
    x = torch.arange(8.0)[None, None]
    network(x)
    assert seen[0] is x
    assert seen[1][0, 0].tolist() == pytest.approx([1.0, 2.5, 4.5, 6.0])
    assert seen[2][0, 0].tolist() == pytest.approx([8 / 3, 13 / 3])
