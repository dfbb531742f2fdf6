"""The networks of MelGAN: a generator of signals, and its discriminators."""

import torch
from torch import nn
from torch.nn import functional as F

SLOPE = 0.2  # of the leaky rectifiers


class MelGANGenerator(nn.Module):
    """Convolutions from frames up to samples (Kumar et al., 2019, figure 1).

    Each stage makes the sequence `r` times as long, and halves the features down to
    four; residual blocks with dilations of 1, 3, 9, ... follow.

    Parameters
    ----------
    n_mels, n_channels : int
        Bands of the spectrogram; channels of the signals.
    width : int, default=512
        Features of a frame.
    upsampling : sequence of int, default=(8, 8, 2, 2)
        Factors of the stages, 2 or more; their product is the hop.
    n_blocks : int, default=3
        Residual blocks a stage.
    limit : float or Tensor of shape (n_channels,)
        Largest value of each channel: values are ``limit * tanh(h / limit)``. The
        published limit is 1.
    """

    def __init__(
        self,
        n_mels,
        n_channels,
        *,
        width=512,
        upsampling=(8, 8, 2, 2),
        n_blocks=3,
        limit,
    ):
        super().__init__()
        layers = [_Pad(3), _Conv(n_mels, width, 7)]
        for r in upsampling:
            n_in, width = width, max(4, width // 2)
            layers += [nn.LeakyReLU(SLOPE), _UpConv(n_in, width, r)]
            layers += [_Block(width, 3**i) for i in range(n_blocks)]
        layers += [nn.LeakyReLU(SLOPE), _Pad(3), _Conv(width, n_channels, 7)]
        self.layers = nn.Sequential(*layers)
        limit = torch.as_tensor(limit, dtype=torch.float32)
        self.register_buffer(
            "limit", limit.reshape(-1, 1).repeat(n_channels, 1)[:n_channels]
        )

    def forward(self, log_mel):
        """(batch, n_mels, n_frames) -> (batch, n_channels, n_frames * hop)."""
        return self.limit * torch.tanh(self.layers(log_mel).float() / self.limit)


class MelGANDiscriminator(nn.Module):
    """Strided convolutions in groups: scores of windows that overlap.

    Parameters
    ----------
    n_channels : int
        Of the signals.
    width, max_width : int, default=16 and 1024
        Features of the first layer, and at most; each strided layer has four times as
        many as the one before.
    """

    def __init__(self, n_channels, width=16, max_width=1024):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Sequential(_Pad(7), _Conv(n_channels, width, 15))]
        )
        for _ in range(4):
            n_in, width = width, min(4 * width, max_width)
            groups = _n_groups(n_in, width)
            self.layers.append(
                _Conv(n_in, width, 41, stride=4, padding=20, groups=groups)
            )
        self.layers.append(_Conv(width, width, 5, padding=2))
        self.last = _Conv(width, 1, 3, padding=1)

    def forward(self, x):
        """Features of all layers; the last are the scores (batch, 1, n_windows)."""
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return [*features, self.last(x)]


class MultiScaleDiscriminator(nn.Module):
    """Equal discriminators of the signals at the full, half and quarter rate.

    Parameters are those of :class:`MelGANDiscriminator`.
    """

    n_scales = 3

    def __init__(self, n_channels, width=16, max_width=1024):
        super().__init__()
        self.scales = nn.ModuleList(
            MelGANDiscriminator(n_channels, width, max_width)
            for _ in range(self.n_scales)
        )

    def forward(self, x):
        """Features of each scale."""
        features = []
        for scale in self.scales:
            features.append(scale(x))
            x = F.avg_pool1d(x, 4, 2, padding=1, count_include_pad=False)
        return features


def _n_groups(n_in, n_out):
    """Most groups of four or more inputs each, if it can be, that divide both."""
    most = max(1, n_in // 4)
    return next(n for n in range(most, 0, -1) if n_in % n == n_out % n == 0)


def _unit(weight, gain):
    """Weight normalisation (Salimans and Kingma, 2016): g v / |v|, row by row."""
    return weight * (gain / weight.norm(dim=(1, 2), keepdim=True))


class _Conv(nn.Conv1d):
    """Convolution with weight normalisation."""

    def __init__(self, n_in, n_out, size, **options):
        super().__init__(n_in, n_out, size, **options)
        norm = self.weight.detach().norm(dim=(1, 2), keepdim=True)
        self.gain = nn.Parameter(norm)

    def forward(self, x):
        weight = _unit(self.weight, self.gain)
        options = self.stride, self.padding, self.dilation, self.groups
        return F.conv1d(x, weight, self.bias, *options)


class _UpConv(nn.ConvTranspose1d):
    """``r`` times as many positions; transposed, with weight normalisation."""

    def __init__(self, n_in, n_out, r):
        odd = r % 2
        super().__init__(
            n_in, n_out, 2 * r, r, padding=r // 2 + odd, output_padding=odd
        )
        norm = self.weight.detach().norm(dim=(1, 2), keepdim=True)
        self.gain = nn.Parameter(norm)

    def forward(self, x):
        weight = _unit(self.weight, self.gain)
        options = self.stride, self.padding, self.output_padding
        return F.conv_transpose1d(x, weight, self.bias, *options)


class _Pad(nn.Module):
    """The mirror image beyond both ends; the end values where that is too short."""

    def __init__(self, n):
        super().__init__()
        self.n = n

    def forward(self, x):
        mode = "reflect" if x.shape[2] > self.n else "replicate"
        return F.pad(x, (self.n, self.n), mode=mode)


class _Block(nn.Module):
    """A dilated convolution and one of size 1, beside a shortcut of size 1."""

    def __init__(self, width, dilation):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            _Pad(dilation),
            _Conv(width, width, 3, dilation=dilation),
            nn.LeakyReLU(SLOPE),
            _Conv(width, width, 1),
        )
        self.shortcut = _Conv(width, width, 1)

    def forward(self, x):
        return self.shortcut(x) + self.layers(x)
