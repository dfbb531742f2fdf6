"""Variational autoencoders: what they share, and the dense one."""

import math
from abc import ABC, abstractmethod

import torch
from torch import nn

from sksynth._shares import of_batch


class VariationalNetwork(nn.Module, ABC):
    """Variational autoencoder; unconditional if conditions have 0 columns.

    Kingma and Welling (2014), with two additions. The noise level is learnt (Rybkin et
    al. 2021), one for the signal or one for each number of it, so that the
    reconstruction and the KL divergence find their balance by themselves. The prior of
    the latent is a normal distribution whose mean and log variance are linear in the
    condition (Sohn et al. 2015): each class has a region of its own.

    A subclass writes ``_to_latent`` and ``_to_signal``.

    Parameters
    ----------
    signal_shape : tuple of int
        Channels and times.
    n_conditions : int
        Columns of the encoded condition.
    latent_dim : int
        Size of the latent space.
    beta : float
        Weight of the KL divergence.
    scale_shape : tuple of int, default=()
        Shape of the noise level, which broadcasts to that of a flat signal.
    """

    # bounds that keep one bad step from becoming a NaN; signals have deviation 1
    min_log_scale = math.log(0.03)
    log_var_range = (-10.0, 4.0)

    def __init__(self, signal_shape, n_conditions, *, latent_dim, beta, scale_shape=()):
        super().__init__()
        self.signal_shape = tuple(signal_shape)
        self.latent_dim = latent_dim
        self.beta = beta
        self.prior = nn.Parameter(torch.zeros(n_conditions, 2 * latent_dim))
        self.raw_log_scale = nn.Parameter(torch.zeros(scale_shape))

    @abstractmethod
    def _to_latent(self, x, condition):
        """Mean and log variance of the latent side by side."""

    @abstractmethod
    def _to_signal(self, z, condition):
        """Mean signals (batch, n_channels, n_times)."""

    @property
    def log_scale(self):
        """Log of the deviation of the noise, a scalar or one for each number."""
        # the factor lets it move 10 times as fast as a weight
        above = 10 * self.raw_log_scale - self.min_log_scale
        return self.min_log_scale + nn.functional.softplus(above)

    def encode(self, x, condition):
        """Mean and log variance of the latent, (batch, latent_dim) each."""
        h = self._to_latent(x, condition)
        mean, log_var = h.to(x.dtype).chunk(2, dim=1)
        return mean, log_var.clamp(*self.log_var_range)

    def decode(self, z, condition):
        """Mean signals (batch, n_channels, n_times) of latents (batch, latent_dim)."""
        return self._to_signal(z, condition).to(z.dtype)

    def prior_of(self, condition):
        """Mean and deviation of the prior, (batch, latent_dim) each."""
        mean, log_var = (condition @ self.prior).to(condition.dtype).chunk(2, dim=1)
        return mean, (0.5 * log_var.clamp(*self.log_var_range)).exp()

    def evidence(self, x, condition, noise):
        """Log likelihood of x at one draw of z, and the KL divergence; (batch,) each.

        Kingma and Welling (2014), equation 10; ``noise`` is (batch, latent_dim).
        """
        mean, log_var = self.encode(x, condition)
        decoded = self.decode(mean + noise * (0.5 * log_var).exp(), condition)
        return self.log_likelihood(x, decoded), self.kl(mean, log_var, condition)

    def log_likelihood(self, x, decoded):
        """That of signals given the mean of theirs, (batch,)."""
        error = (decoded - x).flatten(1)
        squares = (error * (-self.log_scale).exp()).square().sum(1)
        constant = self.log_scale.expand(error.shape[1]).sum()
        constant = constant + 0.5 * error.shape[1] * math.log(2 * math.pi)
        return -0.5 * squares - constant

    def kl(self, mean, log_var, condition):
        """KL divergence of a posterior from the prior, (batch,)."""
        prior_mean, prior_std = self.prior_of(condition)
        shift = ((mean - prior_mean) / prior_std).square()
        log_ratio = log_var - 2 * prior_std.log()
        return 0.5 * (shift + log_ratio.exp() - 1 - log_ratio).sum(1)

    def lower_bound(self, x, condition, noise):
        """Evidence lower bound of each row, (batch,).

        ``noise`` is (n_draws, latent_dim): every row sees the same draws, so that its
        bound depends on the row alone.
        """
        n_rows, n_draws = len(x), len(noise)
        x, condition = x.repeat(n_draws, 1, 1), condition.repeat(n_draws, 1)
        noise = noise.repeat_interleave(n_rows, dim=0)
        log_likelihood, kl = self.evidence(x, condition, noise)
        return (log_likelihood - kl).view(n_draws, n_rows).mean(dim=0)

    def forward(self, x, condition):
        """Losses of a batch in nats a signal."""
        noise = of_batch(
            lambda n: torch.randn(n, self.latent_dim, device=x.device), len(x)
        )
        mean, log_var = self.encode(x, condition)
        decoded = self.decode(mean + noise * (0.5 * log_var).exp(), condition)
        reconstruction = -self.log_likelihood(x, decoded).mean()
        kl = self.kl(mean, log_var, condition).mean()
        loss, parts = reconstruction + self.beta * kl, {}
        for name, value in self._penalties(x, decoded).items():
            loss, parts[name] = loss + value, value
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl, **parts}

    def _penalties(self, x, decoded):
        """Further parts of the loss, by name."""
        return {}


class VAENetwork(VariationalNetwork):
    """Dense variational autoencoder.

    Parameters
    ----------
    signal_shape, n_conditions, latent_dim, beta
        As for :class:`VariationalNetwork`.
    hidden_dim, n_layers : int
        Width and number of the hidden layers.
    is_table : bool
        Whether each number has a noise level of its own.
    """

    def __init__(
        self,
        signal_shape,
        n_conditions,
        *,
        latent_dim=32,
        hidden_dim=512,
        n_layers=2,
        beta=4.0,
        is_table=False,
    ):
        size = math.prod(signal_shape)
        super().__init__(
            signal_shape,
            n_conditions,
            latent_dim=latent_dim,
            beta=beta,
            scale_shape=(size,) if is_table else (),
        )
        hidden = [max(1, hidden_dim // 2**i) for i in range(n_layers)]
        self.encoder = _perceptron(size + n_conditions, hidden, 2 * latent_dim)
        self.decoder = _perceptron(latent_dim + n_conditions, hidden[::-1], size)

    def _to_latent(self, x, condition):
        return self.encoder(torch.cat([x.flatten(1), condition], dim=1))

    def _to_signal(self, z, condition):
        x = self.decoder(torch.cat([z, condition], dim=1))
        return x.unflatten(1, self.signal_shape)


def _perceptron(n_in, hidden, n_out):
    layers = []
    for width in hidden:
        layers += [nn.Linear(n_in, width), nn.SiLU()]
        n_in = width
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))
