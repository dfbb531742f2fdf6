"""MelGAN: signals from their log-mel spectrograms, and what they are compared by."""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from sksynth._shares import of_batch
from sksynth.spectral import stft

FLOOR = 1e-3  # smallest magnitude that counts in spectra of signals of deviation 1
UNKNOWN = 0.1  # share of the training rows whose conditions are taken away altogether
LOUDER = 0.3  # deviation of what training adds to all bands of a window
THRESHOLD = 4.0  # of a spike, in deviations of the noise, as in metrics.detect_spikes


class MelGAN(nn.Module):
    r"""Generator of signals from log-mel spectrograms, trained against discriminators.

    After Kumar et al. (2019) [1]_, equations 1 to 4: with D_k the scores and
    :math:`D_k^i` the features of scale k,

    .. math::

        L_D &= \sum_k E \max(0, 1 - D_k(x)) + E \max(0, 1 + D_k(G(s))) \\
        L_G &= \sum_k -E D_k(G(s)) + 10 \cdot \tfrac13 \tfrac45 \sum_{k, i}
               E |D_k^i(x) - D_k^i(G(s))|

    Both are minimised in the same step and not by turns: the loss is their sum, where
    each sees the other's network as a constant. So a step needs one optimiser, one
    backward pass and one batch of generated signals, and the training loop is that of
    all other modules.

    Parameters
    ----------
    front : StandardLogMel
        Spectrogram to invert.
    generator, discriminators : nn.Module
        From (batch, n_channels * n_mels, n_frames) to signals, and from signals to a
        list of features for each scale. Without discriminators, None, the losses that
        are not published are all there is: a quick training, or a warm-up of the
        generator.
    conditions : FrameConditions, default=None
        What the generator sees beside the bands, not published; None is nothing.
    n_frames_a_step : int, default=32
        Length of the segment of each row that a step sees: a random one in training,
        and the middle of the signal in validation.
    feature_weight : float, default=10.0
        Weight of the features' difference.
    mel_weight, stft_weight, rms_weight, spike_weight : float, default=0.0
        Weights of four more losses of the generator, not published: the mean difference
        of log-mel spectrograms, in decades; that of log-magnitudes at five resolutions;
        that of the root mean square within a hop, in decades; and that of spikes. Of
        these it is their sizes, one by one from the largest, that are compared within
        some hops: as many spikes as the signal has are asked for, wherever they are.
        Spectra do not tell a spike from noise of the same power.

    References
    ----------
    .. [1] K. Kumar et al., "MelGAN: generative adversarial networks for conditional
       waveform synthesis", NeurIPS 2019.
    """

    def __init__(
        self,
        front,
        generator,
        discriminators,
        *,
        conditions=None,
        n_frames_a_step=32,
        feature_weight=10.0,
        mel_weight=0.0,
        stft_weight=0.0,
        rms_weight=0.0,
        spike_weight=0.0,
    ):
        super().__init__()
        self.front, self.generator = front, generator
        self.discriminators, self.conditions = discriminators, conditions
        self.n_frames_a_step = n_frames_a_step
        self.feature_weight = feature_weight
        self.mel_weight, self.stft_weight = mel_weight, stft_weight
        self.rms_weight, self.spike_weight = rms_weight, spike_weight

    def extra_repr(self):
        return (
            f"n_frames_a_step={self.n_frames_a_step}, "
            f"feature_weight={self.feature_weight}, mel_weight={self.mel_weight}, "
            f"stft_weight={self.stft_weight}, rms_weight={self.rms_weight}, "
            f"spike_weight={self.spike_weight}"
        )

    def vocode(self, bands, features=None):
        """Signals (batch, n_channels, n_frames * hop) with such spectrograms.

        ``features`` are condition matrices (batch, n_windows, n_features); None does
        without.
        """
        return self.generator(self._seen(bands, features))

    def forward(self, x, bands=None, features=None, condition=None):
        """Losses of a batch of signals; ``condition`` has no part in them.

        ``bands`` are the spectrograms to make them of; None are their own. ``features``
        are their condition matrices. ``"loss"`` has the gradient of the discriminators'
        loss for their weights, and that of the generator's loss for its own.
        """
        bands = self.front.raw(x) if bands is None else bands
        real, seen = self._segments(x, self._seen(bands, features))
        fake = self.generator(seen)
        losses = {"mel": (self.front.raw(fake) - self.front.raw(real)).abs().mean()}
        loss = self.mel_weight * losses["mel"]
        if self.stft_weight:
            losses["stft"] = self._spectral_distance(real, fake)
            loss = loss + self.stft_weight * losses["stft"]
        hop = min(self.front.log_mel.hop, real.shape[2])
        if self.rms_weight:
            losses["rms"] = (_log_rms(real, hop) - _log_rms(fake, hop)).abs().mean()
            loss = loss + self.rms_weight * losses["rms"]
        if self.spike_weight:
            losses["spikes"] = _spike_distance(real, fake, hop)
            loss = loss + self.spike_weight * losses["spikes"]
        if self.discriminators is not None:
            losses |= self._adversarial_losses(real, fake)
            loss = loss + losses["discriminator"] + losses["generator"]
            loss = loss + self.feature_weight * losses["features"]
        return {"loss": loss, **losses}

    def _seen(self, bands, features):
        """What the generator is given: standard bands, and the conditions of each."""
        z = self.front.standard(bands)
        return z if self.conditions is None else self.conditions(z, features)

    def _segments(self, x, bands):
        """Parts of signals, and the frames that belong to them."""
        hop = self.front.log_mel.hop
        n_frames, n = bands.shape[2], self.n_frames_a_step
        if n_frames <= n:
            return x, bands
        start = torch.full((len(x),), (n_frames - n) // 2)
        if self.training:
            n_starts = n_frames - n + 1
            start = of_batch(lambda rows: torch.randint(n_starts, (rows,)), len(x))
        frame = (start[:, None] + torch.arange(n)).to(x.device)[:, None]
        bands = bands.gather(2, frame.expand(-1, bands.shape[1], -1))
        frame = frame[..., None].expand(-1, x.shape[1], -1, hop)
        return x.unflatten(2, (-1, hop)).gather(2, frame).flatten(2), bands

    def _adversarial_losses(self, real, fake):
        of_real = self.discriminators(real)
        of_fake = self.discriminators(fake.detach())
        frozen = {
            name: p.detach() for name, p in self.discriminators.named_parameters()
        }
        seen = functional_call(self.discriminators, frozen, (fake,))
        return {
            "generator": -sum(scale[-1].float().mean() for scale in seen),
            "discriminator": _hinge(of_real, of_fake),
            "features": _feature_distance(of_real, seen),
        }

    def _spectral_distance(self, real, fake):
        """Mean difference of log-magnitudes, in decades, at five resolutions.

        Windows are an eighth to twice as long as those of the spectrogram: the short
        ones see whether the energy of a frame is spread or in one pulse.
        """
        sizes = [max(4, round(self.front.log_mel.n_fft * 2.0**k)) for k in range(-3, 2)]
        total = 0.0
        for n_fft in sizes:
            a, b = (_log_magnitudes(x, n_fft) for x in (real, fake))
            total = total + (a - b).abs().mean()
        return total / len(sizes)


class FrameConditions(nn.Module):
    """Condition matrices as further bands of the frames of their windows.

    In training the optional columns of some rows are taken away, and all columns of
    others, so that signals can be made without. And windows whose optional columns are
    known, which the last of them says, are made louder or softer at random:
    spectrograms of samples are not as loud as their conditions say, and of the two the
    conditions are to be followed.

    Parameters
    ----------
    n_features : int
        Columns of a matrix that are used, the last ones.
    optional : OptionalFeatures
        What takes the optional columns away.
    """

    def __init__(self, n_features, optional):
        super().__init__()
        self.n_features, self.optional = n_features, optional

    def forward(self, z, features):
        """Bands and features of each frame, (batch, n_bands + n_features, n_frames).

        ``z`` are standard bands (batch, n_bands, n_frames), ``features`` condition
        matrices (batch, n_windows, n_features), or None.
        """
        n_rows, _, n_frames = z.shape
        if features is None:
            unknown = z.new_zeros(n_rows, self.n_features, n_frames)
            return torch.cat([z, unknown], dim=1)
        features, n_windows = features[..., -self.n_features :], features.shape[1]
        features = self.optional(features).mT
        louder = z.new_zeros(n_rows, 1, n_windows)
        if self.training:
            uniform = of_batch(lambda n: torch.rand(n, 1, 1), n_rows).to(z.device)
            features = features * (uniform >= UNKNOWN)
            if self.optional.n_optional:
                normal = of_batch(lambda n: torch.randn(n, 1, n_windows), n_rows)
                louder = LOUDER * normal.to(z.device) * features[:, -1:]
        both = torch.cat([louder, features], dim=1)
        both = both.repeat_interleave(-(-n_frames // n_windows), dim=2)[..., :n_frames]
        louder, features = both.split([1, self.n_features], dim=1)
        return torch.cat([z + louder, features], dim=1)


def _log_rms(x, hop):
    """Root mean square in windows of a hop, in decades; windows overlap by a half."""
    power = F.avg_pool1d(x.square(), hop, max(1, hop // 2))
    return power.clamp(min=FLOOR**2).log10() / 2


def _spike_distance(real, fake, hop):
    """Mean difference of the sizes of pulses, in decades, and of their being spikes.

    The second counts three times; no other ratio was tried.
    """
    (size, is_spike), (other_size, is_other) = (_pulses(x, hop) for x in (real, fake))
    difference = (size - other_size).abs().mean()
    return difference + 3 * (is_spike - is_other).abs().mean()


def _pulses(x, hop):
    """Largest pulses of quarters of a hop, in decades, and how much each is a spike.

    In order of their size, within windows of 16 quarters that overlap by a half. Pulses
    are what a mean of hop / 28 samples has beyond one of hop / 3: at 24 kHz, a hop of
    256, about 300 to 3000 Hz, where spikes are and drift is not. Their noise is that of
    :func:`~sksynth.metrics.detect_spikes`.
    """
    pulses = (_box(x, hop // 28) - _box(x, hop // 3)).abs()
    sigma = pulses.median(-1, keepdim=True).values.clamp(min=FLOOR) / 0.6745
    block = max(1, hop // 4)
    peak = F.max_pool1d(pulses, block).clamp(min=FLOOR)
    is_spike = torch.sigmoid(2 * (peak / sigma - THRESHOLD))
    return _in_order(peak.log10()), _in_order(is_spike)


def _in_order(h, size=16):
    """The numbers of each window, the largest first."""
    size = min(size, h.shape[-1])
    windows = h.unfold(-1, size, max(1, size // 2))
    return windows.sort(-1, descending=True).values


def _box(x, size):
    """Mean of an odd number of neighbours, about ``size``; of fewer at the ends."""
    return F.avg_pool1d(
        x, 2 * (size // 2) + 1, 1, padding=size // 2, count_include_pad=False
    )


def _hinge(of_real, of_fake):
    """Loss of the discriminators, from their features of real and of other signals."""
    total = 0.0
    for real, fake in zip(of_real, of_fake, strict=True):
        total = total + F.relu(1 - real[-1].float()).mean()
        total = total + F.relu(1 + fake[-1].float()).mean()
    return total


def _feature_distance(of_real, of_fake):
    """Mean differences of all features but the scores; the real ones are constants."""
    total = 0.0
    for real, fake in zip(of_real, of_fake, strict=True):
        for a, b in zip(real[:-1], fake[:-1], strict=True):
            total = total + F.l1_loss(b.float(), a.detach().float())
    return total * 4 / 5 / len(of_real)


def _log_magnitudes(x, n_fft):
    power = torch.view_as_real(stft(x, n_fft, n_fft // 4, hann=True)).square().sum(-1)
    return power.clamp(min=FLOOR**2).log10() / 2
