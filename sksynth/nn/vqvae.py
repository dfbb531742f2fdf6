"""Auto-encoders whose latents are codes of a codebook."""

import torch
from torch import nn
from torch.nn import functional as F

from sksynth.nn.codebook import EMACodebook
from sksynth.nn.patches import from_patches, to_patches
from sksynth.spectral import istft, n_frames, stft


class ResidualStack(nn.Module):
    """Residual blocks of two convolutions over time; the identity at first.

    The layer inside a block has a quarter of the features. Beats of MIT-BIH come back
    as well as from a stack of half the features throughout, which costs as much.

    Parameters
    ----------
    width, n_blocks : int
        Features; number of blocks.
    dilations : sequence of int, default=(1,)
        Dilations that the blocks take in turn.
    """

    def __init__(self, width, n_blocks, dilations=(1,)):
        super().__init__()
        hidden = -(-width // 4)
        in_turn = (dilations[i % len(dilations)] for i in range(n_blocks))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.GELU(),
                nn.Conv1d(width, hidden, 3, padding=d, dilation=d),
                nn.GELU(),
                nn.Conv1d(hidden, width, 1),
            )
            for d in in_turn
        )
        for block in self.blocks:
            nn.init.zeros_(block[-1].weight)
            nn.init.zeros_(block[-1].bias)

    def forward(self, h):
        """(batch, width, length) -> the same."""
        for block in self.blocks:
            h = h + block(h)
        return h


class VQAutoEncoder(nn.Module):
    """Encoder, codebook and decoder of one sequence; ``rate`` frames a token.

    All layers work at the rate of the tokens: the frames of a token are the channels of
    one position.

    Parameters
    ----------
    n_channels, n_frames : int
        Shape of the sequence.
    rate : int
        Frames a token.
    n_groups : int, default=1
        Sequences of a row that share the weights and the codebook, told apart by a bias
        of their own.
    n_codes, code_dim, width, n_blocks
        Sizes of the codebook and of the stacks.
    """

    def __init__(
        self,
        n_channels,
        n_frames,
        *,
        rate,
        n_groups=1,
        n_codes,
        code_dim,
        width,
        n_blocks,
    ):
        super().__init__()
        self.n_frames, self.rate, self.n_groups = n_frames, rate, n_groups
        self.n_positions = -(-n_frames // rate)
        self.n_tokens = self.n_positions * n_groups
        self.first = nn.Conv1d(n_channels * rate, width, 1)
        self.encoder = ResidualStack(width, n_blocks)
        self.to_code = nn.Conv1d(width, code_dim, 1)
        self.codebook = EMACodebook(n_codes, code_dim)
        self.from_code = nn.Conv1d(code_dim, width, 3, padding=1)
        self.decoder = ResidualStack(width, n_blocks)
        self.last = nn.Conv1d(width, n_channels * rate, 1)
        shape = (2, n_groups, width, 1)
        self.group_bias = nn.Parameter(torch.zeros(shape)) if n_groups > 1 else None

    def forward(self, x):
        """Reconstruction of (batch, n_groups, n_channels, n_frames); commitment; usage.

        The usage is the perplexity of the codes of the batch over their number.
        """
        quantized, indices, commitment = self.codebook(self._latents(x))
        usage = self.codebook.relative_perplexity(indices)
        return self._decode(quantized), commitment, usage

    def encode(self, x):
        """Tokens (batch, n_tokens) of (batch, n_groups, n_channels, n_frames)."""
        return self.codebook.nearest(self._latents(x).float())

    def decode(self, tokens):
        """The inverse of ``encode``, as far as there is one."""
        return self._decode(self.codebook.lookup(tokens))

    def _latents(self, x):
        """(batch, n_groups, n_channels, n_frames) -> (batch, n_tokens, code_dim)."""
        x = F.pad(x.flatten(0, 1), (0, -self.n_frames % self.rate))
        h = self._add_bias(0, self.first(to_patches(x, self.rate)))
        z = self.to_code(self.encoder(h))
        return z.transpose(1, 2).unflatten(0, (-1, self.n_groups)).flatten(1, 2)

    def _decode(self, z):
        z = z.unflatten(1, (self.n_groups, self.n_positions)).flatten(0, 1)
        h = self._add_bias(1, self.from_code(z.transpose(1, 2)))
        x = from_patches(self.last(self.decoder(h)), self.rate)[..., : self.n_frames]
        return x.unflatten(0, (-1, self.n_groups))

    def _add_bias(self, side, h):
        if self.group_bias is None:
            return h
        h = h.unflatten(0, (-1, self.n_groups)) + self.group_bias[side]
        return h.flatten(0, 1)


class TwoBandVQVAE(nn.Module):
    """A low and a high band of the spectrogram, each with a codebook.

    After Lee, Malacarne and Aune (2023): the lowest frequency of a short-time Fourier
    transform is the low band, the others are the high one. Each auto-encoder sees its
    own rows alone, real and imaginary parts as channels.

    Parameters
    ----------
    n_channels, n_times : int
        Shape of the signals.
    n_fft, hop : int
        Samples a window, and from one to the next.
    n_tokens : pair of int
        Tokens in time that are asked for, of the low and of the high band; there are as
        many as a whole number of frames a token allows.
    rows_apart : bool, default=False
        Give each frequency of the high band tokens of its own.
    beta : float, default=0.25
        Weight of the commitment.
    n_codes, code_dim, width, n_blocks
        Sizes of each band.
    """

    band_names = ("low", "high")

    def __init__(
        self,
        n_channels,
        n_times,
        *,
        n_fft,
        hop,
        n_tokens,
        rows_apart=False,
        beta=0.25,
        **sizes,
    ):
        super().__init__()
        self.n_times, self.n_fft, self.hop = n_times, n_fft, hop
        self.beta = beta
        frames = n_frames(n_times, hop)
        self.bands = nn.ModuleList()
        for n_rows, asked in zip((1, n_fft // 2), n_tokens, strict=True):
            n_groups = n_rows if rows_apart else 1
            self.bands.append(
                VQAutoEncoder(
                    2 * n_channels * n_rows // n_groups,
                    frames,
                    rate=max(1, round(frames / asked)),
                    n_groups=n_groups,
                    **sizes,
                )
            )

    @property
    def n_tokens(self):
        """Tokens of each band."""
        return tuple(band.n_tokens for band in self.bands)

    def forward(self, x, condition=None):
        """Losses of a batch of signals; ``condition`` has no part in them."""
        loss, parts = 0.0, {}
        for name, band, z in zip(
            self.band_names, self.bands, self._split(x), strict=True
        ):
            found, commitment, usage = band(z)
            error = F.mse_loss(self._signal(name, found), self._signal(name, z))
            loss = loss + error + self.beta * commitment
            parts[name] = error
            parts[f"{name}_usage"] = usage
        return {"loss": loss, **parts}

    def encode(self, x):
        """Tokens of signals: a list of (batch, n_tokens) for each band."""
        return [
            band.encode(z) for band, z in zip(self.bands, self._split(x), strict=True)
        ]

    def decode(self, tokens):
        """Signals of the tokens of each band."""
        return sum(
            self._signal(name, band.decode(t))
            for name, band, t in zip(self.band_names, self.bands, tokens, strict=True)
        )

    def _split(self, x):
        """Bands as (batch, n_groups, n_channels, n_frames), all real."""
        z = torch.view_as_real(stft(x, self.n_fft, self.hop))
        rows = z.permute(0, 2, 1, 4, 3)  # (batch, rows, n_channels, 2, n_frames)
        parts = rows[:, :1], rows[:, 1:]
        return [
            part.flatten(1, 3).unflatten(1, (band.n_groups, -1))
            for band, part in zip(self.bands, parts, strict=True)
        ]

    def _signal(self, name, z):
        """Signals of one band alone."""
        n_rows = 1 if name == "low" else self.n_fft // 2
        rows = z.float().flatten(1, 2).unflatten(1, (n_rows, -1, 2))
        z = torch.complex(*rows.permute(3, 0, 2, 1, 4))
        below, above = (0, self.n_fft // 2) if name == "low" else (1, 0)
        z = F.pad(z, (0, 0, below, above))
        return istft(z, self.n_fft, self.hop, self.n_times)
