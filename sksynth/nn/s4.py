"""Diagonal state-space layer: a convolution as long as the signal."""

import math
from contextlib import contextmanager

import torch
from torch import nn


class S4D(nn.Module):
    """Bidirectional diagonal state space, one for each feature (Gu et al., 2022).

    The continuous system ``s' = A s + u, y = Re(C s) + D u`` is discretised by holding
    the input between times, and run as a convolution in the Fourier domain. ``A``
    starts as S4D-Lin: -1/2 + i pi n. The kernel depends on the weights alone.

    Parameters
    ----------
    n_features : int
        Features, each with a system of its own.
    state_dim : int
        States of a system; conjugate pairs are kept once.
    """

    dt_range = (1e-3, 1e-1)

    def __init__(self, n_features, state_dim=64):
        super().__init__()
        n_modes = max(1, state_dim // 2)
        low, high = map(math.log, self.dt_range)
        self.log_dt = nn.Parameter(low + torch.rand(n_features) * (high - low))
        self.log_decay = nn.Parameter(torch.full((n_features, n_modes), math.log(0.5)))
        self.frequency = nn.Parameter(
            (math.pi * torch.arange(n_modes)).repeat(n_features, 1)
        )
        # real and imaginary parts of C, for each direction
        self.output = nn.Parameter(torch.randn(2, 2, n_features, n_modes) / 2**0.5)
        self.direct = nn.Parameter(torch.randn(n_features))
        self._spectrum = None  # kept while sampling

    def kernels(self, n_times):
        """Impulse responses (2, n_features, n_times): of the past, and of the future.

        ``K_l = 2 Re sum_n C_n (exp(dt A_n) - 1) / A_n exp(l dt A_n)``; the second one's
        first tap belongs to the next time.
        """
        a = torch.complex(-self.log_decay.float().exp(), self.frequency.float())
        step = self.log_dt.float().exp()[:, None] * a  # (n_features, n_modes)
        output = torch.complex(*self.output.float()) * torch.expm1(step) / a
        # l = i * size + j, so that of n_times powers only some 2 sqrt(n_times) are made
        size = math.isqrt(n_times - 1) + 1
        times = torch.arange(size, device=a.device)
        fine = torch.exp(step[:, :, None] * times)  # (n_features, n_modes, size)
        coarse = torch.exp(step[:, None, :] * (size * times)[:, None])
        kernels = (output[:, :, None, :] * coarse) @ fine  # (2, n_features, size, size)
        return 2 * kernels.real.flatten(2)[:, :, :n_times]

    def spectrum(self, n_times):
        """Fourier transform of both kernels on a circle of ``2 * n_times``."""
        past, future = self.kernels(n_times)
        both = torch.cat([past, future.flip(1)], dim=1)
        return torch.fft.rfft(both)

    @contextmanager
    def kept(self, n_times):
        """Compute the kernel once for all calls inside the block."""
        self._spectrum = self.spectrum(n_times)
        try:
            yield
        finally:
            self._spectrum = None

    def forward(self, u):
        """(batch, n_features, n_times) -> the same, always in float32."""
        n_times = u.shape[2]
        with torch.autocast(u.device.type, enabled=False):
            u = u.float()
            spectrum = self._spectrum
            if spectrum is None:
                spectrum = self.spectrum(n_times)
            transform = torch.fft.rfft(u, n=2 * n_times) * spectrum
            y = torch.fft.irfft(transform, n=2 * n_times)[:, :, :n_times]
            return y + self.direct.float()[:, None] * u
