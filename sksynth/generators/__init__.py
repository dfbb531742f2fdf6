"""Generators of signals: estimators with ``fit`` and ``sample``."""

from sksynth.generators.vae import VAE

__all__ = ["VAE"]
