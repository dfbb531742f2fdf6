import math

import pytest
import torch

from sksynth.nn.spectrum_vae import SpectrumVAENetwork

TINY = {"latent_dim": 3, "width": 4, "hidden_dim": 8}


def network_of(shape, is_complex, n_conditions=0):
    torch.manual_seed(0)
    return SpectrumVAENetwork(shape, n_conditions, is_complex=is_complex, **TINY)


@pytest.mark.parametrize(
    ("shape", "is_complex"), [((2, 33), True), ((4, 8), True), ((1, 33), False)]
)
def test_each_number_is_a_channel(shape, is_complex):
    network = network_of(shape, is_complex, 2)
    x, condition = torch.randn(5, math.prod(shape), 1), torch.eye(2)[[0, 1, 1, 0, 0]]
    z = network.encode(x, condition)[0]
    assert network.decode(z, condition).shape == x.shape
    losses = network(x, condition)
    losses["loss"].backward()
    assert torch.isfinite(losses["loss"])
    assert network.raw_log_scale.grad.shape == (math.prod(shape),)


@pytest.mark.parametrize(
    ("shape", "is_complex"), [((2, 64), True), ((6, 64), True), ((1, 64), False)]
)
def test_white_noise_gets_the_level_of_each_number(shape, is_complex):
    network = network_of(shape, is_complex)
    size = math.prod(shape)
    assert network.noise_envelope.shape == (1, shape[0] // (1 + is_complex), shape[1])
    torch.nn.init.uniform_(network.raw_log_scale, -0.1, 0.1)
    white = torch.randn(4000, size, 1)
    found = network.colour(white, torch.zeros(4000, 0))
    expected = network.log_scale.exp()[:, None] * white  # a flat envelope
    torch.testing.assert_close(found, expected)


def test_noise_has_the_colour_that_was_measured():
    network = network_of((2, 64), True)
    decay = torch.exp(-torch.arange(64) / 20)
    time = torch.complex(*torch.randn(2, 2000, 64)) * decay
    spectra = torch.fft.fft(time, norm="ortho")
    x = torch.cat([spectra.real, spectra.imag], dim=1)[..., None]
    condition = torch.zeros(2000, 0)
    network.decode = lambda z, condition: torch.zeros(len(z), 128, 1)
    power = network.noise_power(x, condition).mean(dim=(0, 1))
    level = network.log_scale.exp().mean() ** 2
    torch.testing.assert_close(power * level, 2 * decay**2, rtol=0.15, atol=0.01)
    network.noise_envelope.copy_((power / power.mean()).sqrt()[None])
    noise = network.colour(torch.randn(2000, 128, 1), condition)[..., 0]
    z = torch.complex(*noise.chunk(2, dim=1))

    def lag_1(z):
        return ((z[:, 1:] * z[:, :-1].conj()).mean() / z.abs().square().mean()).abs()

    assert lag_1(z).item() == pytest.approx(lag_1(spectra).item(), abs=0.03)
    assert lag_1(spectra) > 0.5
