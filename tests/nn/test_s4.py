import pickle
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth.nn.s4 import S4D


def make(n_features=3, state_dim=8, seed=0):
    """Layer whose systems differ in all their numbers."""
    torch.manual_seed(seed)
    layer = S4D(n_features, state_dim)
    with torch.no_grad():
        layer.log_decay.add_(0.3 * torch.randn(layer.log_decay.shape))
        layer.frequency.add_(torch.rand(layer.frequency.shape))
    return layer


def system(layer):
    """A, B of the held input, C of both directions and D, in double precision."""
    numbers = [p.detach().double().numpy() for p in layer.parameters()]
    log_dt, log_decay, frequency, output, direct = numbers
    a = -np.exp(log_decay) + 1j * frequency
    power = np.exp(np.exp(log_dt)[:, None] * a)
    return power, (power - 1) / a, output[0] + 1j * output[1], direct


def direct_sum(layer, n_times):
    power, b, c, _ = system(layer)
    taps = [2 * (c * b * power**t).sum(-1).real for t in range(n_times)]
    return np.stack(taps, axis=-1)


def assert_near(result, expected, error=1e-5):
    expected = torch.as_tensor(expected).float()
    result = result.detach()
    assert result.shape == expected.shape
    assert (result - expected).abs().max() < error * max(1, expected.abs().max())


@given(
    n_times=st.integers(1, 300) | st.sampled_from([1, 2, 97, 211, 1009, 2048]),
    state_dim=st.sampled_from([1, 2, 8, 64]),
)
def test_the_kernels_are_the_direct_sum(n_times, state_dim):
    layer = make(2, state_dim)
    assert layer.frequency.shape == (2, max(1, state_dim // 2))
    assert_near(layer.kernels(n_times), direct_sum(layer, n_times), 1e-4)


def test_the_systems_start_as_documented():
    layer = S4D(500, 64)
    power, b, c, _ = system(layer)
    a = (power - 1) / b
    np.testing.assert_allclose(a.real, -0.5, rtol=1e-5)
    np.testing.assert_allclose(a.imag, np.tile(np.pi * np.arange(32), (500, 1)))
    log_dt = layer.log_dt.detach()
    assert log_dt.exp().min() >= 0.99e-3 and log_dt.exp().max() <= 1.01e-1
    assert abs(log_dt.mean() - np.log(1e-2)) < 0.25
    assert abs((np.abs(c) ** 2).mean() - 1) < 0.05


@pytest.mark.parametrize("n_times", [1, 2, 37, 200])
def test_one_direction_is_the_recurrence(n_times):
    layer = make()
    with torch.no_grad():
        layer.output[:, 1] = 0
    u = torch.randn(2, 3, n_times)
    power, b, c, d = system(layer)
    state, y = np.zeros((2, *power.shape)), []
    for now in u.double().numpy().transpose(2, 0, 1):
        state = power * state + b * now[:, :, None]
        y.append(2 * (c[0] * state).sum(-1).real + d * now)
    assert_near(layer(u), np.stack(y, axis=-1), 1e-4)


@pytest.mark.parametrize("n_times", [1, 2, 3, 16, 29])
def test_both_directions_are_the_double_loop(n_times):
    layer = make()
    past, future = direct_sum(layer, n_times)
    u = torch.randn(2, 3, n_times)
    y = u.double().numpy() * system(layer)[3][:, None]
    for t in range(n_times):
        for source in range(n_times):
            lag = t - source
            tap = past[:, lag] if lag >= 0 else future[:, -lag - 1]
            y[:, :, t] += tap * u[:, :, source].double().numpy()
    assert_near(layer(u), y)


@pytest.mark.parametrize("where", [0, 4, 9])
def test_an_impulse_gives_the_kernels(where):
    layer = make()
    u = torch.zeros(1, 3, 10)
    u[:, :, where] = 1
    past, future = direct_sum(layer, 10)
    expected = np.concatenate([future[:, :where][:, ::-1], past[:, : 10 - where]], 1)
    expected[:, where] += system(layer)[3]
    assert_near(layer(u)[0], expected)


def test_the_first_output_for_noise_has_a_deviation_of_order_1():
    torch.manual_seed(0)
    layer = S4D(128)
    with torch.inference_mode():
        y = layer(torch.randn(4, 128, 1000))
    assert 0.3 < y.std() < 4  # 1.7 here


def test_under_bf16_the_layer_computes_in_float32():
    layer = make()
    u = torch.randn(2, 3, 50)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(u)
        y_bf16 = layer(u.bfloat16())
    assert y.dtype == y_bf16.dtype == torch.float32
    assert torch.equal(y, layer(u))
    assert torch.equal(y_bf16, layer(u.bfloat16().float()))
    assert torch.isfinite(layer.bfloat16()(u.bfloat16())).all()


@pytest.fixture
def count(monkeypatch):
    calls, spectrum = [], S4D.spectrum

    def counted(layer, n_times):
        calls.append(n_times)
        return spectrum(layer, n_times)

    monkeypatch.setattr(S4D, "spectrum", counted)
    return calls


def test_a_kept_spectrum_is_computed_once_and_changes_nothing(count):
    layer = make()
    u = torch.randn(2, 3, 21)
    expected = layer(u)
    count.clear()
    with layer.kept(21):
        assert all(torch.equal(layer(u), expected) for _ in range(3))
    assert count == [21]


@pytest.mark.parametrize("fails", [False, True])
def test_a_kept_spectrum_is_forgotten_after_the_block_and_after_an_error(fails, count):
    layer = make()
    with suppress(ZeroDivisionError), layer.kept(21):
        _ = 1 / (not fails)
    with torch.no_grad():
        layer.output.mul_(2)
    count.clear()
    u = torch.randn(2, 3, 21)
    expected = make()
    expected.load_state_dict(layer.state_dict())
    assert torch.equal(layer(u), expected(u))
    assert layer(u[:, :, :7]).shape == (2, 3, 7)
    assert count == [21, 21, 7]


def test_a_kept_spectrum_is_neither_saved_nor_pickled():
    layer = make()
    before, keys = len(pickle.dumps(layer)), list(layer.state_dict())
    with layer.kept(5000):
        assert list(layer.state_dict()) == keys
    assert len(pickle.dumps(layer)) == before


def test_gradients_reach_all_parameters():
    layer = make()
    layer(torch.randn(2, 3, 30)).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).all(), name
