"""What the convolutional variational autoencoders share as estimators."""

import torch

from sksynth.generators._variational import VariationalGenerator


class ConvolutionalGenerator(VariationalGenerator):
    """A generator whose network is a :class:`~sksynth.nn.conv_vae.ConvVAENetwork`.

    After the training it measures the colour of the noise: what the latents do not hold
    of the training signals.
    """

    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        total = self._over_rows(
            lambda net, *row: net.noise_power(*row).sum(dim=0, keepdim=True),
            signals,
            condition,
        ).sum(dim=0)
        envelope = self.network_.noise_envelope
        mean = total.mean()  # 0 where the latents hold all
        envelope.copy_((total / mean).sqrt() if mean > 0 else torch.ones_like(total))

    def _over_rows(self, function, *tensors):
        """Rows of ``function(network_, *tensors)``, batch by batch."""
        return self._through(self.network_, function, *tensors)

    def _noise(self, signals, noise):
        """Noise for a batch of scaled signals, of the level and colour learnt."""
        white = noise.normal(*signals.shape[1:])
        return self.network_.colour(white)
