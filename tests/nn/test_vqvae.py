import pytest
import torch

from sksynth.nn.vqvae import TwoBandVQVAE, VQAutoEncoder
from sksynth.spectral import istft, stft

SIZES = {"n_codes": 16, "code_dim": 3, "width": 8, "n_blocks": 1}
TRANSFORM = {"n_fft": 8, "hop": 2}


def small(n_channels=2, n_times=30, n_tokens=(3, 8), **parameters):
    torch.manual_seed(0)
    network = TwoBandVQVAE(
        n_channels, n_times, n_tokens=n_tokens, **TRANSFORM, **SIZES, **parameters
    )
    network.train()(torch.randn(20, n_channels, n_times))
    return network.eval()


def awake(network):
    for weight in network.parameters():
        if weight.abs().max() == 0:
            torch.nn.init.normal_(weight, std=0.1)
    return network


@pytest.mark.parametrize("rows_apart", [False, True])
@pytest.mark.parametrize("n_times", [1, 2, 7, 30, 31])
def test_signals_of_any_length_become_tokens_and_come_back(n_times, rows_apart):
    network = small(n_times=n_times, rows_apart=rows_apart)
    x = torch.randn(4, 2, n_times)
    tokens = network.encode(x)
    assert [t.shape[1] for t in tokens] == list(network.n_tokens)
    assert network.decode(tokens).shape == x.shape
    if n_times == 30:  # 16 frames: 3 and 8 tokens in time
        assert network.n_tokens == (4, 32) if rows_apart else (4, 8)


@pytest.mark.parametrize("rows_apart", [False, True])
def test_bands_are_the_rows_of_the_transform(rows_apart):
    network = small(rows_apart=rows_apart)
    x = torch.randn(4, 2, 30)
    z = stft(x, 8, 2)
    low, high = z.clone(), z.clone()
    low[:, :, 1:] = 0
    high[:, :, :1] = 0
    for name, band, part in zip(
        ("low", "high"), (low, high), network._split(x), strict=True
    ):
        expected = istft(band, 8, 2, 30)
        torch.testing.assert_close(network._signal(name, part), expected)


@pytest.mark.parametrize("rows_apart", [False, True])
def test_losses_are_those_of_the_parts(rows_apart):
    network = awake(small(rows_apart=rows_apart))
    x = torch.randn(4, 2, 30)
    losses = network(x)
    tokens = network.encode(x)
    total = 0
    for name, band, part, t in zip(
        ("low", "high"), network.bands, network._split(x), tokens, strict=True
    ):
        error = network._signal(name, band.decode(t)) - network._signal(name, part)
        torch.testing.assert_close(losses[name], error.square().mean())
        z = band._latents(part)
        distance = (z - band.codebook.lookup(t)).square().mean()
        total = total + error.square().mean() + 0.25 * distance
    torch.testing.assert_close(losses["loss"], total)


def test_each_band_sees_its_own_rows_alone():
    network = awake(small())
    x = torch.randn(4, 2, 30, requires_grad=True)
    low, high = (
        band._latents(z)
        for band, z in zip(network.bands, network._split(x), strict=True)
    )
    constant = torch.ones(1, 2, 30)  # has no high frequency
    moved = network._split(x + constant)
    torch.testing.assert_close(network.bands[1]._latents(moved[1]), high)
    assert not torch.allclose(network.bands[0]._latents(moved[0]), low)


def test_tokens_of_a_row_do_not_depend_on_the_rest_of_the_batch():
    network = awake(small(rows_apart=True))
    x = torch.randn(6, 2, 30)
    for whole, alone in zip(network.encode(x), network.encode(x[3:4]), strict=True):
        assert torch.equal(whole[3:4], alone)


def test_groups_share_weights_and_are_told_apart():
    torch.manual_seed(0)
    band = awake(VQAutoEncoder(2, 10, rate=2, n_groups=3, **SIZES)).eval()
    x = torch.randn(4, 1, 2, 10).expand(-1, 3, -1, -1)
    z = band._latents(x).unflatten(1, (3, 5))
    assert not torch.allclose(z[:, 0], z[:, 1])
    same = torch.randn(4, 1, 5, 3).expand(-1, 3, -1, -1).flatten(1, 2)
    decoded = band._decode(same)
    assert not torch.allclose(decoded[:, 0], decoded[:, 1])
    with torch.no_grad():
        band.group_bias.zero_()
    z = band._latents(x).unflatten(1, (3, 5))
    torch.testing.assert_close(z[:, 0], z[:, 1])
    decoded = band._decode(same)
    torch.testing.assert_close(decoded[:, 0], decoded[:, 1])


def test_training_reconstructs():
    torch.manual_seed(0)
    network = TwoBandVQVAE(1, 32, n_tokens=(4, 8), **TRANSFORM, **SIZES).train()
    phase = 6.28 * torch.rand(64, 1, 1)
    x = torch.sin(torch.arange(32) * 0.9 + phase)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(300):
        optimizer.zero_grad()
        network(x)["loss"].backward()
        optimizer.step()
    network.eval()
    error = (network.decode(network.encode(x)) - x).square().mean()
    assert error < 0.1 * x.square().mean()


def test_it_trains_under_autocast():
    network = small().train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = network(torch.randn(4, 2, 30))
    losses["loss"].backward()
    assert torch.isfinite(losses["loss"])
    assert network.bands[0].codebook.vector_sum.dtype == torch.float32
