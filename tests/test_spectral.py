import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth.spectral import istft, n_frames, stft


@given(
    n_times=st.integers(1, 70),
    n_channels=st.integers(1, 3),
    n_fft=st.sampled_from([2, 4, 8, 16]),
    overlap=st.sampled_from([2, 4]),
)
def test_the_inverse_gives_signals_of_any_length_back(
    n_times, n_channels, n_fft, overlap
):
    hop = max(1, n_fft // overlap)
    x = torch.randn(2, n_channels, n_times, dtype=torch.float64)
    z = stft(x, n_fft, hop)
    frames = n_frames(n_times, hop)
    assert z.shape == (2, n_channels, n_fft // 2 + 1, frames)
    torch.testing.assert_close(istft(z, n_fft, hop, n_times), x, rtol=0, atol=1e-12)


def test_the_transform_is_that_of_scipy():
    x = np.random.default_rng(0).normal(size=(1, 1, 64))
    _, _, expected = scipy.signal.stft(
        x[0, 0], window="boxcar", nperseg=8, noverlap=6, boundary=None
    )
    inside = stft(torch.from_numpy(x), 8, 2)[0, 0, :, 2:-2].numpy()
    np.testing.assert_allclose(inside, expected * 8**0.5, atol=1e-12)


@given(n_fft=st.sampled_from([4, 8, 16]), cut=st.integers(1, 2))
def test_bands_sum_to_the_signal(n_fft, cut):
    x = torch.randn(3, 2, 50, dtype=torch.float64)
    z = stft(x, n_fft, n_fft // 4)
    low, high = z.clone(), z.clone()
    low[:, :, cut:] = 0
    high[:, :, :cut] = 0
    total = sum(istft(band, n_fft, n_fft // 4, 50) for band in (low, high))
    torch.testing.assert_close(total, x, rtol=0, atol=1e-12)


def test_a_constant_is_in_the_lowest_row_alone():
    z = stft(torch.full((1, 1, 21), 3.0), 8, 2)
    torch.testing.assert_close(z[:, :, 0].real, torch.full((1, 1, 11), 3 * 8**0.5))
    assert z[:, :, 1:].abs().max() < 1e-5


def test_both_are_differentiable():
    x = torch.randn(1, 1, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: istft(stft(x, 4, 1), 4, 1, 12), x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_does_not_lower_the_precision(dtype):
    x = torch.randn(2, 1, 40)
    with torch.autocast("cpu", torch.bfloat16):
        z = stft(x.to(dtype), 8, 2)
        y = istft(z, 8, 2, 40)
    assert z.dtype == torch.complex64
    torch.testing.assert_close(y, x.to(dtype).float(), rtol=0, atol=1e-6)
