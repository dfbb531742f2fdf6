"""What the convolutional variational autoencoders share as estimators."""

import torch

from sksynth.generators._variational import VariationalGenerator

ROWS_OF_ALL = 4  # rows of all classes that count in each: two have no colour of theirs


class ConvolutionalGenerator(VariationalGenerator):
    """A generator whose network is a :class:`~sksynth.nn.conv_vae.ConvVAENetwork`.

    After the training it measures the noise of each class, in level and colour: what
    the latents do not hold of its training signals.
    """

    @property
    def _n_noises(self):
        """A kind of noise for each class; one for all where targets are no classes."""
        conditions = self.conditions_
        is_class = conditions.classes is not None and conditions.shape == ()
        return len(conditions.classes[0]) if is_class else 1

    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        ones = condition.new_ones(len(signals), 1)
        kinds = condition if self._n_noises > 1 else ones
        weights = self._kinds_and_weights(condition)[1]
        drawn = ones if weights is None else weights.to(ones)[:, None]

        def power_of_kinds(network, x, condition, kind):
            power = network.noise_power(x, condition)
            return torch.einsum("nk,nct->kct", kind.to(power), power)[None]

        counts = torch.cat([kinds, drawn], dim=1)
        total = self._over_rows(power_of_kinds, signals, condition, counts).sum(dim=0)
        n = counts.sum(dim=0).to(total)[:, None, None]
        # the level learnt is that of the rows as often as training drew them
        mean = (total[-1] / n[-1]).mean()
        total, n = total[:-1], n[:-1]
        pooled = total.sum(dim=0) / n.sum()
        power = (total + ROWS_OF_ALL * pooled) / (n + ROWS_OF_ALL)
        envelope = self.network_.noise_envelope
        # 0 where the latents hold all
        envelope.copy_((power / mean).sqrt() if mean > 0 else torch.ones_like(power))

    def _over_rows(self, function, *tensors):
        """Rows of ``function(network_, *tensors)``, batch by batch."""
        return self._through(self.network_, function, *tensors)

    def _noise(self, signals, condition, noise):
        """Noise for a batch of scaled signals, of the level and colour learnt."""
        white = noise.normal(*signals.shape[1:])
        return self.network_.colour(white, condition)
