"""Samplers: put synthetic signals beside the real ones, in a Pipeline."""

from sksynth.over_sampling.flat_sampler import FlatSampler
from sksynth.over_sampling.generator_augmenter import GeneratorAugmenter
from sksynth.over_sampling.generator_over_sampler import GeneratorOverSampler

__all__ = ["FlatSampler", "GeneratorAugmenter", "GeneratorOverSampler"]
