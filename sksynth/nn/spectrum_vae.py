"""Variational autoencoder of spectra."""

import math

from sksynth.nn.conv_vae import ConvVAENetwork


class SpectrumVAENetwork(ConvVAENetwork):
    """A :class:`ConvVAENetwork` with a noise level of each number of a spectrum.

    Its signals have each number in a channel of its own, (batch, size, 1).

    Parameters
    ----------
    spectrum_shape : tuple of int
        Channels (real parts, then imaginary ones) and points.
    n_conditions, **parameters
        As for :class:`ConvVAENetwork`.
    """

    def __init__(self, spectrum_shape, n_conditions, **parameters):
        size = math.prod(spectrum_shape)
        super().__init__(
            spectrum_shape, n_conditions, scale_shape=(size,), **parameters
        )

    def _level(self):
        return self.log_scale.exp()[:, None]

    def _to_latent(self, x, condition):
        return super()._to_latent(x.view(len(x), *self.signal_shape), condition)

    def _to_signal(self, z, condition):
        return super()._to_signal(z, condition).flatten(1)[..., None]
