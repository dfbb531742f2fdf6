"""Generators of signals: estimators with ``fit`` and ``sample``."""

from sksynth.generators.conv_vae import ConvVAE
from sksynth.generators.diffwave import DiffWave
from sksynth.generators.mergen import MerGen
from sksynth.generators.published import make_published
from sksynth.generators.spectrum_vae import SpectrumVAE
from sksynth.generators.time_diffusion import TimeDiffusion
from sksynth.generators.time_vqvae import TimeVQVAE
from sksynth.generators.vae import VAE

__all__ = [
    "ConvVAE",
    "DiffWave",
    "MerGen",
    "SpectrumVAE",
    "TimeDiffusion",
    "TimeVQVAE",
    "VAE",
    "make_published",
]
