"""Variational autoencoder of spectra with a noise of their own level and colour."""

import math

import torch

from sksynth.nn.conv_vae import ConvVAENetwork


class SpectrumVAENetwork(ConvVAENetwork):
    """A :class:`ConvVAENetwork` with a noise level of each number of a spectrum.

    Its signals have each number in a channel of its own, (batch, size, 1).

    Parameters
    ----------
    spectrum_shape : tuple of int
        Channels (real parts, then imaginary ones) and points.
    is_complex : bool
        Whether the second half of the channels are imaginary parts of the first.
    **parameters : dict
        Those of :class:`ConvVAENetwork`.
    """

    def __init__(self, spectrum_shape, n_conditions, *, is_complex, **parameters):
        size = math.prod(spectrum_shape)
        super().__init__(
            spectrum_shape, n_conditions, scale_shape=(size,), **parameters
        )
        self.is_complex = is_complex
        # over time, of the Fourier transform of noise; flat for white noise
        self.register_buffer("noise_envelope", torch.ones(spectrum_shape[1]))

    def _to_latent(self, x, condition):
        return super()._to_latent(x.view(len(x), *self.signal_shape), condition)

    def _to_signal(self, z, condition):
        return super()._to_signal(z, condition).flatten(1)[..., None]

    def colour(self, white):
        """Noise (batch, size, 1) of the learnt level and colour, from a white one."""
        amplitude = self._in_time(white) * self.noise_envelope
        z = torch.fft.fft(amplitude, norm="ortho")
        parts = [z.real, z.imag] if self.is_complex else [z.real]
        return self._level() * torch.cat(parts, dim=1).flatten(1)[..., None]

    @torch.no_grad()
    def measure_colour(self, x, condition):
        """Mean power over time, (n_points,), of what the latents do not hold of x."""
        residual = x - self.decode(self.encode(x, condition)[0], condition)
        return self._in_time(residual / self._level()).abs().square().mean(dim=(0, 1))

    def _level(self):
        return self.log_scale.exp()[:, None]

    def _in_time(self, x):
        """Inverse Fourier transform along the points, (batch, channels, points)."""
        x = x.view(len(x), *self.signal_shape)
        if self.is_complex:
            x = torch.complex(*x.chunk(2, dim=1))
        return torch.fft.ifft(x, norm="ortho")
