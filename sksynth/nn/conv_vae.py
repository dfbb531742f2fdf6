"""Variational autoencoder that convolves over channels and time."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from sksynth.nn.vae import VariationalNetwork
from sksynth.spectral import stft

_FEWEST_STAGES, _POSITIONS = 4, 128


class ConvVAENetwork(VariationalNetwork):
    """The signal as an image of channels times times, with a noise of its colour.

    Each stage halves both axes (a single channel stays one) and is followed by group
    normalisation, which unlike batch normalisation leaves a row to itself.

    The noise is stationary: white noise that gets an amplitude for each frequency and
    channel, those of its kind, and then the learnt level.

    Parameters
    ----------
    signal_shape, n_conditions, latent_dim, beta, scale_shape
        As for :class:`~sksynth.nn.vae.VariationalNetwork`.
    width : int
        Features of the first stage; the second one has twice, further ones four times
        as many.
    hidden_dim : int
        Width of the dense layer on either side of the latent.
    n_stages : int or None, default=None
        Stages; None is 4, or more until no more than 128 positions are left.
    spectral_weight : float, default=0
        Weight of the mean absolute difference of log spectrograms, a number of the
        signal.
    is_complex : bool, default=False
        Whether the second half of the channels are imaginary parts of the first.
    n_noises : int, default=1
        Kinds of noise: 1, or one for each condition, which then are of one hot.
    """

    def __init__(
        self,
        signal_shape,
        n_conditions,
        *,
        latent_dim=64,
        beta=1.0,
        width=32,
        hidden_dim=256,
        n_stages=None,
        spectral_weight=0.0,
        is_complex=False,
        n_noises=1,
        scale_shape=(),
    ):
        super().__init__(
            signal_shape,
            n_conditions,
            latent_dim=latent_dim,
            beta=beta,
            scale_shape=scale_shape,
        )
        self.spectral_weight = spectral_weight
        self.is_complex = is_complex
        n_channels, n_times = self.signal_shape
        n_series = n_channels // 2 if is_complex else n_channels
        envelope = torch.ones(n_noises, n_series, n_times)
        self.register_buffer("noise_envelope", envelope)  # 1: white noise
        self.sizes = _sizes(self.signal_shape, n_stages)
        n = len(self.sizes) - 1
        features = [1, *(width * min(2**i, 4) for i in range(n))]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i in range(n):
            n_channels, n_times = self.sizes[i]
            kernel = (1 if n_channels == 1 else 3, 1 if n_times == 1 else 5)
            # (torch's bf16 gradient of a stride over a single number is at times NaN)
            stride = tuple(1 if size == 1 else 2 for size in self.sizes[i])
            options = {"stride": stride, "padding": tuple(k // 2 for k in kernel)}
            self.down.append(nn.Conv2d(*features[i : i + 2], kernel, **options))
            self.up.insert(
                0, nn.ConvTranspose2d(features[i + 1], features[i], kernel, **options)
            )
        self.norms_down = nn.ModuleList(map(_norm, features[1:]))
        self.norms_up = nn.ModuleList(map(_norm, features[-2:0:-1]))
        self.deepest = (features[-1], *self.sizes[-1])
        size = math.prod(self.deepest)
        self.to_hidden = nn.Linear(size + n_conditions, hidden_dim)
        self.to_latent = nn.Linear(hidden_dim, 2 * latent_dim)
        self.from_latent = nn.Linear(latent_dim + n_conditions, hidden_dim)
        self.from_hidden = nn.Linear(hidden_dim, size)

    def colour(self, white, condition):
        """Noise of the learnt level and colour from a white one, shaped as signals."""
        envelope = self.noise_envelope
        if len(envelope) > 1:
            envelope = envelope[condition.argmax(dim=1)]
        z = torch.fft.fft(self._frequencies(white) * envelope, norm="ortho")
        parts = [z.real, z.imag] if self.is_complex else [z.real]
        return self._level() * torch.cat(parts, dim=1).view(white.shape)

    @torch.no_grad()
    def noise_power(self, x, condition):
        """Power of what the latents do not hold of x, over the level, by frequency.

        (batch, n_channels, n_times), like squares of ``noise_envelope``.
        """
        residual = x - self.decode(self.encode(x, condition)[0], condition)
        return self._frequencies(residual / self._level()).abs().square()

    def _level(self):
        return self.log_scale.exp()

    def _frequencies(self, x):
        """Inverse Fourier transform over the times."""
        x = x.view(len(x), *self.signal_shape)
        if self.is_complex:
            x = torch.complex(*x.chunk(2, dim=1))
        return torch.fft.ifft(x, norm="ortho")

    def _to_latent(self, x, condition):
        h = x[:, None]
        for convolve, norm in zip(self.down, self.norms_down, strict=True):
            h = F.leaky_relu(norm(convolve(h)), 0.2)
        h = self.to_hidden(torch.cat([h.flatten(1), condition.to(h)], dim=1))
        return self.to_latent(F.leaky_relu(h, 0.2))

    def _to_signal(self, z, condition):
        h = self.from_latent(torch.cat([z, condition], dim=1))
        h = self.from_hidden(F.leaky_relu(h, 0.2)).unflatten(1, self.deepest)
        sizes = self.sizes[-2::-1]
        for i, (convolve, size) in enumerate(zip(self.up, sizes, strict=True)):
            h = convolve(F.leaky_relu(h, 0.2), output_size=list(size))
            if i < len(self.norms_up):
                h = self.norms_up[i](h)
        return h[:, 0]

    def _penalties(self, x, decoded):
        if not self.spectral_weight:
            return {}
        real, found = (_log_spectrogram(each) for each in (x, decoded))
        difference = (real - found).abs().mean() * math.prod(self.signal_shape)
        return {"spectral": self.spectral_weight * difference}


def _norm(n_features):
    # no group of one feature, which a single position would leave without a deviation
    return nn.GroupNorm(math.gcd(8, max(1, n_features // 2)), n_features)


def _sizes(size, n_stages):
    """Channels and times before the first stage and after each."""
    sizes = [size]
    while n_stages is None or len(sizes) <= n_stages:
        enough = n_stages is None and len(sizes) > _FEWEST_STAGES
        if enough and math.prod(sizes[-1]) <= _POSITIONS:
            break
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    return sizes


def _log_spectrogram(x):
    n_fft = min(32, 2 * max(1, x.shape[2] // 2))
    z = stft(x, n_fft, max(1, n_fft // 4))
    return torch.log(z.abs().square() + 1e-4).mul(0.5)  # signals have deviation 1
