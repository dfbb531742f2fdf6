import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from sksynth.nn.vae import VAENetwork


def make(signal_shape=(2, 5), n_conditions=3, **options):
    torch.manual_seed(0)
    network = VAENetwork(
        signal_shape, n_conditions, latent_dim=4, hidden_dim=16, **options
    )
    with torch.no_grad():
        network.raw_log_scale.fill_(-0.03)
        network.prior.normal_()
    x, condition = torch.randn(7, *signal_shape), torch.randn(7, n_conditions)
    return network, x, condition


def test_the_kl_term_is_that_of_torch_distributions():
    network, x, condition = make()
    mean, log_var = network.encode(x, condition)
    posterior = Normal(mean, (0.5 * log_var).exp())
    expected = kl_divergence(posterior, Normal(*network.prior_of(condition))).sum(1)
    _, kl = network.evidence(x, condition, torch.randn(7, 4))
    torch.testing.assert_close(kl, expected)
    torch.testing.assert_close(network(x, condition)["kl"], expected.mean())


def test_the_prior_is_linear_in_the_condition():
    network, _, condition = make()
    mean, std = network.prior_of(condition)
    torch.testing.assert_close(mean, condition @ network.prior[:, :4])
    expected = condition @ network.prior[:, 4:]
    torch.testing.assert_close(2 * std.log(), expected.clamp(*network.log_var_range))
    mean, std = VAENetwork((2, 5), 0, latent_dim=4).prior_of(torch.zeros(3, 0))
    assert torch.equal(mean, torch.zeros(3, 4))  # without conditions N(0, 1)
    assert torch.equal(std, torch.ones(3, 4))


def test_the_likelihood_is_that_of_torch_distributions():
    network, x, condition = make()
    noise = torch.randn(7, 4)
    mean, log_var = network.encode(x, condition)
    decoded = network.decode(mean + noise * (0.5 * log_var).exp(), condition)
    expected = Normal(decoded, network.log_scale.exp()).log_prob(x).sum((1, 2))
    log_likelihood, _ = network.evidence(x, condition, noise)
    torch.testing.assert_close(log_likelihood, expected)


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_the_loss_is_minus_likelihood_plus_beta_times_kl(beta):
    network, x, condition = make(beta=beta)
    torch.manual_seed(1)
    losses = network(x, condition)
    torch.manual_seed(1)
    log_likelihood, kl = network.evidence(x, condition, torch.randn(7, 4))
    torch.testing.assert_close(losses["reconstruction"], -log_likelihood.mean())
    expected = -log_likelihood.mean() + beta * kl.mean()
    torch.testing.assert_close(losses["loss"], expected)
    assert set(losses) == {"loss", "reconstruction", "kl"}


def test_with_beta_0_few_signals_are_reconstructed():
    torch.manual_seed(0)
    network = VAENetwork((2, 6), 0, latent_dim=4, hidden_dim=64, beta=0.0)
    x, condition = torch.randn(4, 2, 6), torch.zeros(4, 0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(400):
        optimizer.zero_grad()
        network(x, condition)["loss"].backward()
        optimizer.step()
    with torch.inference_mode():
        mean, _ = network.encode(x, condition)
        error = (network.decode(mean, condition) - x).abs().max()
    assert error < 0.1


@given(raw=st.floats(-1e4, 1e4, width=32))
def test_the_noise_level_has_a_floor_above_which_it_moves_ten_times_as_fast(raw):
    network = VAENetwork((1, 1), 0, hidden_dim=2, latent_dim=1)
    with torch.no_grad():
        network.raw_log_scale.fill_(raw)
    floor = VAENetwork.min_log_scale
    assert network.log_scale.item() >= floor - 1e-6  # float32
    far = abs(10 * raw - floor) > 10  # from the bend
    if far:
        expected = max(10 * raw, floor)
        assert network.log_scale.item() == pytest.approx(expected, rel=1e-4)
    losses = network(torch.full((2, 1, 1), 1e3), torch.zeros(2, 0))
    assert torch.isfinite(losses["loss"])


def test_extreme_signals_and_weights_give_finite_losses():
    network, x, condition = make()
    for scale in (1e-3, 1e3, 1e6):
        losses = network(scale * x, condition)
        assert all(torch.isfinite(loss) for loss in losses.values())
    with torch.no_grad():
        network.prior.mul_(1e4)
    assert torch.isfinite(network(x, condition)["loss"])


def test_the_first_noise_level_is_that_of_scaled_signals():
    assert abs(VAENetwork((1, 3), 0).log_scale.item()) < 0.05


@pytest.mark.parametrize(("n_layers", "widths"), [(1, [6]), (5, [6, 3, 1, 1, 1])])
@pytest.mark.parametrize("n_conditions", [0, 2])
def test_shapes_follow_the_arguments(n_layers, widths, n_conditions):
    network = VAENetwork(
        (3, 4), n_conditions, latent_dim=5, hidden_dim=6, n_layers=n_layers
    )
    x, condition = torch.randn(8, 3, 4), torch.randn(8, n_conditions)
    mean, log_var = network.encode(x, condition)
    assert mean.shape == log_var.shape == (8, 5)
    assert network.decode(mean, condition).shape == (8, 3, 4)
    assert [layer.out_features for layer in network.encoder[::2]] == [*widths, 10]
    assert [layer.in_features for layer in network.decoder[2::2]] == widths[::-1]


def test_the_condition_enters_encoder_and_decoder():
    network, x, condition = make()
    other = condition + 1
    assert not torch.allclose(
        network.encode(x, condition)[0], network.encode(x, other)[0]
    )
    z = torch.randn(7, 4)
    assert not torch.allclose(network.decode(z, condition), network.decode(z, other))


def test_under_bf16_the_latent_is_still_float32():
    network, x, condition = make()
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_var = network.encode(x, condition)
        losses = network(x, condition)
    assert mean.dtype == log_var.dtype == torch.float32
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    double = network.double().encode(x.double(), condition.double())
    assert double[0].dtype == torch.float64


def test_a_table_has_a_noise_level_of_each_number():
    network, x, condition = make(is_table=True)
    assert network.raw_log_scale.shape == (10,)
    with torch.no_grad():
        network.raw_log_scale.copy_(torch.linspace(-0.2, 0.2, 10))
    noise = torch.randn(7, 4)
    mean, log_var = network.encode(x, condition)
    decoded = network.decode(mean + noise * (0.5 * log_var).exp(), condition)
    level = network.log_scale.exp().view(2, 5)
    expected = Normal(decoded, level).log_prob(x).sum((1, 2))
    log_likelihood, _ = network.evidence(x, condition, noise)
    torch.testing.assert_close(log_likelihood, expected)


def test_signals_have_one_noise_level():
    assert make()[0].raw_log_scale.shape == ()
