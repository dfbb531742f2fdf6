import pytest
import torch
from torch.nn import functional as F

from sksynth.nn.mel_vqvae import MelVQVAE, StandardLogMel
from sksynth.spectral import LogMel

SIZES = {"n_codes": 16, "code_dim": 3, "width": 8, "n_blocks": 1}


def small(n_features=5, n_channels=2, **parameters):
    torch.manual_seed(0)
    front = StandardLogMel(LogMel(24_000, 16, 4, 3), n_channels)
    network = MelVQVAE(front, n_features, **{**SIZES, **parameters})
    n_bands = 3 * n_channels
    network.train()(torch.randn(20, n_bands, 24), torch.randn(20, 6, n_features))
    for weight in network.parameters():
        if weight.abs().max() == 0:
            torch.nn.init.normal_(weight, std=0.1)
    return network.eval()


@pytest.mark.parametrize("n_steps", [1, 2, 7])
def test_a_top_token_has_four_frames_a_middle_one_two_a_bottom_one_a_single(n_steps):
    network, mel = small(), torch.randn(3, 6, 4 * n_steps)
    tokens = network.encode(mel)
    assert [t.shape for t in tokens] == [
        (3, n_steps),
        (3, 2 * n_steps),
        mel.mT.shape[:2],
    ]
    assert network.decode(tokens).shape == mel.shape


def test_losses_are_those_of_the_parts():
    network, mel, features = small(), torch.randn(4, 6, 24), torch.randn(4, 6, 5)
    losses = network(mel, features)
    tokens = network.encode(mel)
    codes = [b.lookup(t) for b, t in zip(network.codebooks, tokens, strict=True)]
    error = (network.decode(tokens) - mel).abs().mean()
    torch.testing.assert_close(losses["mel"], error)
    read = F.mse_loss(network.to_condition(codes[0]), features)
    torch.testing.assert_close(losses["condition"], read)
    h_bottom = network.encoders[0](mel)
    h_top = network.encoders[2](network.encoders[1](h_bottom))
    z = network.to_code[0](h_top).mT
    of_top = F.mse_loss(z, codes[0])
    rest = losses["loss"] - error - read - 0.25 * of_top
    assert rest > 0  # commitments of the other two levels
    heavier = small(condition_weight=3.0, beta=0.5)
    torch.testing.assert_close(
        heavier(mel, features)["loss"], error + 3 * read + 2 * (0.25 * of_top + rest)
    )


def test_the_condition_pulls_the_top_codes_alone():
    network, mel = small().train(), torch.randn(4, 6, 24)
    network(mel, torch.randn(4, 6, 5))["condition"].backward()
    assert network.to_code[0].weight.grad.abs().max() > 0
    assert network.to_code[1].weight.grad is None
    assert network.decoder[0].weight.grad is None


def test_each_level_sees_those_above_it():
    network, mel = small(), torch.randn(1, 6, 24)
    above, quantized = [], network._quantize(mel)[0]
    for layer in network.between:
        layer.register_forward_hook(lambda m, given, out: above.append(given[0]))
    network.encode(mel)
    torch.testing.assert_close(above[0], quantized[0])
    middle = torch.cat([quantized[1], quantized[0].repeat_interleave(2, 2)], dim=1)
    torch.testing.assert_close(above[1], middle)


def test_without_conditions_there_is_no_loss_of_them():
    losses = small(n_features=0)(torch.randn(2, 6, 8), torch.zeros(2, 2, 0))
    assert "condition" not in losses


def test_standard_bands_have_mean_0_and_deviation_1_batch_by_batch():
    front = StandardLogMel(LogMel(24_000, 16, 4, 3), 2)
    torch.manual_seed(0)
    x = torch.randn(30, 2, 64) * torch.tensor([[1.0], [50.0]])
    x[:, :, 32:] *= 2
    front.fit(x.split(7))
    z = front(x)
    assert z.shape == (30, 6, 16)
    torch.testing.assert_close(z.mean((0, 2)), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.std((0, 2)), torch.ones(6), atol=1e-2, rtol=0)
    torch.testing.assert_close(front.inverse(z), front.raw(x))
    torch.testing.assert_close(front.raw(x)[:, 3:], front.log_mel(x[:, 1]))


def test_a_silent_band_stays_finite():
    front = StandardLogMel(LogMel(24_000, 16, 4, 3), 1)
    front.fit([torch.zeros(3, 1, 64)])
    assert front(torch.zeros(1, 1, 64)).abs().max() == 0
