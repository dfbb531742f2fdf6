"""Dense variational autoencoder."""

import math

import torch
from torch import nn


class VAENetwork(nn.Module):
    """Dense variational autoencoder; unconditional if conditions have 0 columns.

    Kingma and Welling (2014) with a learned noise level for each number of a signal
    (Rybkin et al. 2021), so that the reconstruction and the KL divergence find their
    balance by themselves.

    Parameters
    ----------
    signal_shape : tuple of int
        Channels and times.
    n_conditions : int
        Columns of the encoded condition.
    latent_dim, hidden_dim, n_layers : int
        Size of the latent space; width and number of the hidden layers.
    beta : float
        Weight of the KL divergence.
    """

    min_log_scale = math.log(0.05)  # of signals scaled to deviation 1: bounds the loss

    def __init__(
        self,
        signal_shape,
        n_conditions,
        *,
        latent_dim=16,
        hidden_dim=256,
        n_layers=2,
        beta=1.0,
    ):
        super().__init__()
        size = math.prod(signal_shape)
        hidden = [hidden_dim] * n_layers
        self.signal_shape = tuple(signal_shape)
        self.latent_dim = latent_dim
        self.beta = beta
        self.encoder = _perceptron(size + n_conditions, hidden, 2 * latent_dim)
        self.decoder = _perceptron(latent_dim + n_conditions, hidden, size)
        self.raw_log_scale = nn.Parameter(torch.zeros(size))

    @property
    def log_scale(self):
        """Log of the noise deviation of each number, (n_channels * n_times,)."""
        raised = nn.functional.softplus(self.raw_log_scale - self.min_log_scale)
        return self.min_log_scale + raised

    def encode(self, x, condition):
        """Mean and log variance of the latent, (batch, latent_dim) each."""
        h = self.encoder(torch.cat([x.flatten(1), condition], dim=1))
        return h.float().chunk(2, dim=1) if h.dtype == torch.bfloat16 else h.chunk(2, 1)

    def decode(self, z, condition):
        """Mean signals (batch, n_channels, n_times) of latents (batch, latent_dim)."""
        x = self.decoder(torch.cat([z, condition], dim=1))
        return x.unflatten(1, self.signal_shape)

    def evidence(self, x, condition, noise):
        """Log likelihood of x at one draw of z, and the KL divergence; (batch,) each.

        Kingma and Welling (2014), equation 10; ``noise`` is (batch, latent_dim).
        """
        mean, log_var = self.encode(x, condition)
        z = mean + noise * (0.5 * log_var).exp()
        error = (self.decode(z, condition) - x).flatten(1)
        log_scale = self.log_scale
        squares = (error * (-log_scale).exp()).square().sum(1)
        constant = log_scale.sum() + 0.5 * len(log_scale) * math.log(2 * math.pi)
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        return -0.5 * squares - constant, kl

    def forward(self, x, condition):
        """Losses of a batch in nats a signal."""
        noise = torch.randn(len(x), self.latent_dim, device=x.device)
        log_likelihood, kl = self.evidence(x, condition, noise)
        reconstruction, kl = -log_likelihood.mean(), kl.mean()
        loss = reconstruction + self.beta * kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl}


def _perceptron(n_in, hidden, n_out):
    layers = []
    for width in hidden:
        layers += [nn.Linear(n_in, width), nn.SiLU()]
        n_in = width
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))
