import math

import pytest
import torch

from sksynth.nn.conv_vae import ConvVAENetwork, _log_spectrogram

TINY = {"latent_dim": 3, "width": 4, "hidden_dim": 8}


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (2, 7), (24, 5), (3, 129), (2048, 3)], ids=str
)
@pytest.mark.parametrize("n_conditions", [0, 2])
def test_signals_of_any_shape_go_through(shape, n_conditions):
    network = ConvVAENetwork(shape, n_conditions, **TINY)
    x, condition = torch.randn(2, *shape), torch.eye(2)[:, :n_conditions]
    mean, log_var = network.encode(x, condition)
    assert mean.shape == log_var.shape == (2, 3)
    assert network.decode(mean, condition).shape == x.shape
    losses = network(x, condition)
    losses["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize(
    ("shape", "n_stages", "expected"),
    [
        ((12, 1000), None, (1, 63)),
        ((512, 400), None, (8, 7)),
        ((2, 128), None, (1, 8)),
        ((8, 64), 2, (2, 16)),
        ((8, 64), 0, (8, 64)),
    ],
)
def test_stages_halve_both_axes(shape, n_stages, expected):
    network = ConvVAENetwork(shape, 0, n_stages=n_stages, **TINY)
    assert network.deepest[1:] == expected


def test_a_single_number_is_not_strided_over():
    # the gradient of the weights of such a stride is at times NaN: torch 2.13, bf16
    network = ConvVAENetwork((1, 2), 0, latent_dim=2, beta=1.0, n_stages=2)
    for layer in (*network.down, *network.up):
        assert layer.stride[0] == 1
    assert [layer.stride[1] for layer in network.down] == [2, 1]


def test_no_row_depends_on_another():
    torch.manual_seed(0)
    network = ConvVAENetwork((4, 32), 0, **TINY)  # in training, too
    x = torch.randn(5, 4, 32)
    whole = network.encode(x, torch.zeros(5, 0))[0]
    alone = network.encode(x[2:3], torch.zeros(1, 0))[0]
    torch.testing.assert_close(whole[2:3], alone)


def test_channels_and_times_that_are_neighbours_are_seen_together():
    torch.manual_seed(0)
    network = ConvVAENetwork((16, 64), 0, n_stages=1, **TINY)
    x = torch.zeros(1, 1, 16, 64, requires_grad=True)
    network.down[0](x)[0, 0, 4, 10].backward()
    reached = x.grad[0, 0].nonzero()
    assert (reached.amin(0).tolist(), reached.amax(0).tolist()) == ([7, 18], [9, 22])


def test_the_loss_is_the_sum_of_its_parts():
    torch.manual_seed(0)
    network = ConvVAENetwork((4, 32), 0, beta=3.0, spectral_weight=0.5, **TINY)
    x, condition = torch.randn(5, 4, 32), torch.zeros(5, 0)
    losses = network(x, condition)
    expected = losses["reconstruction"] + 3 * losses["kl"] + losses["spectral"]
    torch.testing.assert_close(losses["loss"], expected)
    assert "spectral" not in ConvVAENetwork((4, 32), 0, **TINY)(x, condition)


def test_the_spectral_part_is_the_log_ratio_of_amplitudes():
    t = torch.arange(64)
    x = torch.sin(2 * math.pi * t * 8 / 32)[None, None]
    network = ConvVAENetwork((1, 64), 0, spectral_weight=2.0, **TINY)
    assert network._penalties(x, x)["spectral"] == 0
    halved = network._penalties(x, x / 2)["spectral"].item()
    at_peak = (_log_spectrogram(x) - _log_spectrogram(x / 2))[0, 0, 8]
    torch.testing.assert_close(
        at_peak, torch.full_like(at_peak, math.log(2)), atol=1e-3, rtol=0
    )
    difference = (_log_spectrogram(x) - _log_spectrogram(x / 2)).abs().mean().item()
    assert halved == pytest.approx(2 * 64 * difference, rel=1e-5)
