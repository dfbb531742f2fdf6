"""Spectrograms of any length, written segment by segment."""

import math

import torch
from torch.nn import functional as F

from sksynth.nn.mel_vqvae import RATES

JOININGS = ("continue", "parallel")
N_OVERLAP = 16  # frames, of a cross-fade
GOLDEN = (math.sqrt(5) - 1) / 2


def n_primer_of(n_steps):
    """Windows that a segment has from the one before: a seventh, one at least."""
    return min(n_steps - 1, max(1, n_steps // 7))


def segments_of(n_windows, n_steps, joining):
    """Segments of ``n_steps`` windows that cover so many: where each begins, and known.

    ``known`` are the windows that a segment has in common with what is there already.
    Of "continue" their number varies from a seventh to a half of a segment, in steps of
    the golden ratio, which never come back: what a segment has at one of its places,
    such as softer ends, then has no rate of its own in the recording.
    """
    least = n_primer_of(n_steps)
    starts, known = [0], [0]
    while starts[-1] + n_steps < n_windows:
        n = least
        if joining == "continue":
            share = GOLDEN * len(starts) % 1
            n += round(share * max(0, n_steps // 2 - least))
        starts.append(starts[-1] + n_steps - n)
        known.append(n)
    return starts, known


class SegmentWriter:
    """Writes tokens of a fixed length again and again, and joins what they say.

    Parameters
    ----------
    network : nn.ModuleDict
        ``"vqvae"``, ``"top"`` and ``"bottom"``.
    n_steps : int
        Top tokens of a segment.
    **options : dict
        For :meth:`~sksynth.nn.sequence_prior.SequencePrior.decode`.
    """

    def __init__(self, network, n_steps, **options):
        self.network, self.n_steps, self.options = network, n_steps, options
        self.n_primer = n_primer_of(n_steps)

    def write(self, features, uniform, joining):
        """Spectrograms in standard units, (batch, n_bands, 4 * n_windows).

        Parameters
        ----------
        features : Tensor of shape (batch, n_windows, n_features)
            Condition matrix.
        uniform : callable
            ``uniform(n)`` draws from U(0, 1), (batch, n).
        joining : {"continue", "parallel"}
            Start a segment with the last tokens of the one before, or all with the
            first tokens of the first, which are then left out again.
        """
        n_windows = features.shape[1]
        starts, known = segments_of(n_windows, self.n_steps, joining)
        lacking = starts[-1] + self.n_steps - n_windows
        features = F.pad(features.mT, (0, lacking), mode="replicate").mT
        segments = [
            (features[:, i : i + self.n_steps], uniform(7 * self.n_steps))
            for i in starts
        ]
        if joining == "continue":
            spectrogram = self._continue(segments, known)
        else:
            spectrogram = self._parallel(segments)
        return spectrogram[..., : RATES[0] * n_windows]

    def _continue(self, segments, n_known):
        """All tokens, decoded at once."""
        top, low = self._tokens(*segments[0])
        for (features, uniform), n in zip(segments[1:], n_known[1:], strict=True):
            known = top[:, len(top[0]) - n :], low[:, len(low[0]) - 6 * n :]
            more_top, more_low = self._tokens(features, uniform, *known)
            top = torch.cat([top, more_top[:, n:]], dim=1)
            low = torch.cat([low, more_low[:, 6 * n :]], dim=1)
        return self._decode(top, low)

    def _parallel(self, segments):
        """Segments side by side, decoded one by one and cross-faded."""
        first, n = self._tokens(*segments[0]), self.n_primer
        parts = [self._decode(*first)]
        if len(segments) > 1:
            features, uniform = (torch.cat(x) for x in zip(*segments[1:], strict=True))
            times = len(segments) - 1
            known = (
                tokens[:, :k].repeat(times, 1)
                for tokens, k in zip(first, (n, 6 * n), strict=True)
            )
            size = len(parts[0])
            split = [x.split(size) for x in (features, uniform, *known)]
            batches = zip(*split, strict=True)
            parts += [self._decode(*self._tokens(*batch)) for batch in batches]
        joined, overlap = parts[0], min(N_OVERLAP, RATES[0] * n)
        for part in parts[1:]:
            part = part[..., RATES[0] * n - overlap :]
            joined = self._cross_fade(joined, part, overlap)
        return joined

    def _tokens(self, features, uniform, known_top=None, known_low=None):
        """Top tokens, and the middle and bottom ones in turn."""
        above, below = uniform.tensor_split([self.n_steps], dim=1)
        top = self.network["top"].decode(
            features, above, known=known_top, **self.options
        )
        low = self.network["bottom"].decode(top, below, known=known_low, **self.options)
        return top, low

    def _decode(self, top, low):
        vqvae = self.network["vqvae"]
        return vqvae.decode([top, *self.network["bottom"].split(low)])

    def _cross_fade(self, before, after, n):
        """Join with an overlap of n frames; the power of the sum is that of the two."""
        if n == 0:
            return torch.cat([before, after], dim=2)
        front = self.network["vqvae"].front
        angle = torch.linspace(0, math.pi / 2, n + 2, device=before.device)[1:-1]
        a, b = front.inverse(before[..., -n:]), front.inverse(after[..., :n])
        power = angle.cos() ** 2 * 100**a + angle.sin() ** 2 * 100**b
        faded = front.standard(power.log10() / 2)
        return torch.cat([before[..., :-n], faded, after[..., n:]], dim=2)
