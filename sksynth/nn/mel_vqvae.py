"""Three levels of tokens of a spectrogram, and the spectrogram in standard units."""

import torch
from torch import nn
from torch.nn import functional as F

from sksynth.nn.codebook import EMACodebook
from sksynth.nn.vqvae import ResidualStack

LEVELS = ("top", "middle", "bottom")
RATES = (4, 2, 1)  # frames a token of each level
DILATIONS = (1, 3, 9)


class StandardLogMel(nn.Module):
    """Log-mel spectrograms of all channels, each band of mean 0 and deviation 1.

    Parameters
    ----------
    log_mel : LogMel
        Spectrogram of one channel.
    n_channels : int
        Channels of a signal; their bands lie one after the other.
    """

    def __init__(self, log_mel, n_channels):
        super().__init__()
        self.log_mel = log_mel
        n_bands = n_channels * len(log_mel.bank)
        self.register_buffer("mean", torch.zeros(n_bands, 1))
        self.register_buffer("std", torch.ones(n_bands, 1))

    def forward(self, x):
        """(batch, n_channels, n_times) -> (batch, n_bands, n_frames)."""
        return self.standard(self.raw(x))

    def raw(self, x):
        """Spectrogram in decades, (batch, n_bands, n_frames)."""
        mel = self.log_mel(x.flatten(0, 1))
        return mel.unflatten(0, x.shape[:2]).flatten(1, 2)

    def standard(self, mel):
        """Spectrogram in standard units of one in decades."""
        return (mel - self.mean) / self.std

    def inverse(self, z):
        """Spectrogram in decades of one in standard units."""
        return z * self.std + self.mean

    @torch.no_grad()
    def fit(self, batches):
        """Take means and deviations from batches of signals."""
        n, total, square = 0, 0.0, 0.0
        for x in batches:
            mel = self.raw(x).double()
            n += mel.shape[0] * mel.shape[2]
            total = total + mel.sum(dim=(0, 2))
            square = square + mel.square().sum(dim=(0, 2))
        mean = total / n
        # a band that never changes is left as it is
        variance = square / n - mean.square()
        variance = torch.where(variance > 1e-8, variance, 1.0)
        self.mean.copy_(mean[:, None])
        self.std.copy_(variance.sqrt()[:, None])


class MelVQVAE(nn.Module):
    """Auto-encoder of a spectrogram with a codebook at each of three rates.

    A top token has four frames, a middle one two, a bottom one a single frame. Each
    level sees what the ones above it have decoded, as in MerGen (arXiv 2503.16928).

    Parameters
    ----------
    front : StandardLogMel
        Spectrograms of signals; the other methods take them ready.
    n_features : int
        Columns of the condition matrix, to which the top tokens are pulled.
    n_codes, code_dim : int
        Size of each codebook.
    width, n_blocks : int
        Features of the convolutions; residual blocks of each stack.
    beta : float, default=0.25
        Weight of the commitment.
    condition_weight : float, default=1.0
        Weight of the error of the condition, read from the top codes.
    """

    def __init__(
        self,
        front,
        n_features,
        *,
        n_codes,
        code_dim,
        width,
        n_blocks,
        beta=0.25,
        condition_weight=1.0,
    ):
        super().__init__()
        self.front, n_bands = front, len(front.mean)
        self.beta, self.condition_weight = beta, condition_weight

        def stack(more=0):
            return ResidualStack(width, n_blocks + more, DILATIONS)

        def encoder(*convolution, **options):
            return nn.Sequential(nn.Conv1d(*convolution, **options), stack())

        self.encoders = nn.ModuleList(  # from the bottom upwards
            [
                encoder(n_bands, width, 3, padding=1),
                encoder(width, width, 4, stride=2, padding=1),
                encoder(width, width, 4, stride=2, padding=1),
            ]
        )
        self.to_code = nn.ModuleList(
            nn.Conv1d(n, code_dim, 1) for n in (width, 2 * width, 2 * width)
        )
        self.codebooks = nn.ModuleList(EMACodebook(n_codes, code_dim) for _ in LEVELS)
        self.between = nn.ModuleList(  # from the top and the middle, one level down
            nn.Sequential(
                nn.Conv1d(n * code_dim, width, 1),
                stack(),
                nn.ConvTranspose1d(width, width, 4, stride=2, padding=1),
            )
            for n in (1, 2)
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(3 * code_dim, width, 3, padding=1),
            stack(more=n_blocks // 2),
            nn.Conv1d(width, n_bands, 3, padding=1),
        )
        self.to_condition = nn.Linear(code_dim, n_features) if n_features else None

    def extra_repr(self):
        return f"beta={self.beta}, condition_weight={self.condition_weight}"

    def forward(self, mel, features, condition=None):
        """Losses of spectrograms (batch, n_bands, 4 * n_top).

        ``features`` is the condition matrix (batch, n_top, n_features); ``condition``
        has no part in them.
        """
        quantized, found = self._quantize(mel)
        error = F.l1_loss(self._decode(quantized), mel)
        commitment = sum(part for _, part in found)
        loss = error + self.beta * commitment
        parts = {"mel": error}
        if self.to_condition is not None:
            read = self.to_condition(quantized[0].transpose(1, 2))
            parts["condition"] = F.mse_loss(read, features)
            loss = loss + self.condition_weight * parts["condition"]
        for level, codebook, (indices, _) in zip(
            LEVELS, self.codebooks, found, strict=True
        ):
            parts[f"{level}_usage"] = codebook.relative_perplexity(indices)
        return {"loss": loss, **parts}

    def encode(self, mel):
        """Tokens of each level, the top first: (batch, n_frames // rate)."""
        return [indices for indices, _ in self._quantize(mel)[1]]

    def decode(self, tokens):
        """Spectrograms of the tokens of each level."""
        pairs = zip(self.codebooks, tokens, strict=True)
        return self._decode([book.lookup(t).transpose(1, 2) for book, t in pairs])

    def _quantize(self, mel):
        """Codes (batch, code_dim, n_tokens) of each level; indices and commitments."""
        h = []
        for encoder in self.encoders:
            h.insert(0, encoder(h[0] if h else mel))
        quantized, found, above = [], [], None
        for level, codebook in enumerate(self.codebooks):
            seen = h[level] if above is None else torch.cat([h[level], above], dim=1)
            z = self.to_code[level](seen).transpose(1, 2)
            codes, indices, commitment = codebook(z)
            quantized.append(codes.transpose(1, 2))
            found.append((indices, commitment))
            if level < len(self.between):
                known = [quantized[level], *(_repeat(q, 2) for q in quantized[:level])]
                above = self.between[level](torch.cat(known, dim=1))
        return quantized, found

    def _decode(self, quantized):
        top, middle, bottom = quantized
        both = [bottom, _repeat(middle, 2), _repeat(top, 4)]
        return self.decoder(torch.cat(both, dim=1))


def _repeat(h, times):
    return h.repeat_interleave(times, dim=2)
