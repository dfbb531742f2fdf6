"""The networks of MerGen's stages."""

import math

from torch import nn

from sksynth.generators._training import pair_of
from sksynth.nn.mel_vqvae import RATES, MelVQVAE, StandardLogMel
from sksynth.nn.melgan import MelGANGenerator, MultiScaleDiscriminator
from sksynth.nn.sequence_prior import (
    FeatureContext,
    OptionalFeatures,
    SequencePrior,
    TokenContext,
)
from sksynth.nn.vocoder import FrameConditions, MelGAN
from sksynth.spectral import LogMel

STAGES = ("vqvae", "top", "bottom", "vocoder")
PLACES = (0, 1, 1, 0, 1, 1)  # middle and bottom tokens of a top token, as they follow


class MergenNetworks:
    """Sizes and networks of :class:`MerGen`; only a base of it."""

    @property
    def _window(self):
        """Samples of a top token."""
        return RATES[0] * math.prod(self.upsampling)

    def _n_steps(self, n_times):
        """Top tokens of a signal; the transform and the metrics need a few samples."""
        hop = math.prod(self.upsampling)
        smallest = max(16, (self.n_fft - hop) // 2 + 1)
        return -(-max(n_times, smallest) // self._window)

    @property
    def _mel_sizes(self):
        return self.fs, self.n_fft, math.prod(self.upsampling), self.n_mels

    def _make_network(self, signal_shape, n_conditions):
        n_channels, n_times = signal_shape
        n_steps, n_features = self._n_steps(n_times), self.lenders_.n_features
        n_local = 0 if self.conditioning == "global" else 1 + self.lenders_.n_local

        def front():
            return StandardLogMel(LogMel(*self._mel_sizes), n_channels)

        vqvae = MelVQVAE(
            front(),
            n_features,
            n_codes=self.n_codes,
            code_dim=self.code_dim,
            width=self.width,
            n_blocks=self.n_blocks,
            condition_weight=self.condition_weight,
        )
        contexts = (
            FeatureContext(
                n_features,
                n_steps,
                self.prior_width,
                n_optional=n_local,
                dropout=self.local_dropout,
            ),
            TokenContext(self.n_codes, n_steps, len(PLACES), self.prior_width),
        )
        layers = zip(
            *(
                pair_of(k, getattr(self, k))
                for k in ("encoder_layers", "decoder_layers")
            ),
            strict=True,
        )
        priors = [
            SequencePrior(
                context,
                n_codes=self.n_codes,
                n_steps=n_steps,
                pattern=pattern,
                width=self.prior_width,
                n_heads=self.n_heads,
                encoder_layers=n_encoder,
                decoder_layers=n_decoder,
                dropout=self.dropout,
            )
            for context, pattern, (n_encoder, n_decoder) in zip(
                contexts, ((0,), PLACES), layers, strict=True
            )
        ]
        conditions = None
        if self.vocoder_conditions:
            optional = OptionalFeatures(n_local, self.local_dropout)
            conditions = FrameConditions(n_local or n_features, optional)
        modules = (vqvae, *priors, self._make_vocoder(front(), conditions))
        return nn.ModuleDict(dict(zip(STAGES, modules, strict=True)))

    def _make_vocoder(self, front, conditions):
        n_channels = len(front.mean) // self.n_mels
        mel_weight, stft_weight, rms_weight, spike_weight = self.vocoder_weights
        n_seen = len(front.mean) + getattr(conditions, "n_features", 0)
        discriminators, smallest = None, self.discriminator_width
        if smallest is not None:
            discriminators = MultiScaleDiscriminator(
                n_channels, smallest, 64 * smallest
            )
        return MelGAN(
            front,
            MelGANGenerator(
                n_seen,
                n_channels,
                width=self.vocoder_width,
                upsampling=self.upsampling,
                limit=1.0,
            ),
            discriminators,
            conditions=conditions,
            mel_weight=mel_weight,
            stft_weight=stft_weight,
            rms_weight=rms_weight,
            spike_weight=spike_weight,
        )
