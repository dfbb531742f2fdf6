"""Deep generative models for biosignals, as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what editors and type checkers know of the names below
    from sksynth import (
        classifiers,
        datasets,
        evaluation,
        generators,
        metrics,
        mrs,
        over_sampling,
        persistence,
        plotting,
        selection,
        testing,
        training,
    )
    from sksynth.classifiers import CNN1DClassifier, FCNClassifier
    from sksynth.generators import (
        VAE,
        ConvVAE,
        DiffWave,
        MerGen,
        SpectrumVAE,
        TimeDiffusion,
        TimeVQVAE,
    )
    from sksynth.over_sampling import (
        FlatSampler,
        GeneratorAugmenter,
        GeneratorOverSampler,
    )
    from sksynth.persistence import load
    from sksynth.selection import KeepBest

__version__ = "0.1.0"

_HOMES = {  # public names of the top level, and the modules that hold them
    "VAE": "generators",
    "ConvVAE": "generators",
    "DiffWave": "generators",
    "MerGen": "generators",
    "SpectrumVAE": "generators",
    "TimeDiffusion": "generators",
    "TimeVQVAE": "generators",
    "CNN1DClassifier": "classifiers",
    "FCNClassifier": "classifiers",
    "GeneratorOverSampler": "over_sampling",
    "GeneratorAugmenter": "over_sampling",
    "FlatSampler": "over_sampling",
    "KeepBest": "selection",
    "load": "persistence",
}
_MODULES = {
    "classifiers",
    "datasets",
    "evaluation",
    "generators",
    "metrics",
    "mrs",
    "over_sampling",
    "persistence",
    "plotting",
    "selection",
    "testing",
    "training",
}

__all__ = ["__version__", *sorted(_HOMES), *sorted(_MODULES)]


def __getattr__(name):  # torch is imported only when a name that needs it is used
    if name in _HOMES:
        return getattr(import_module(f"sksynth.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"sksynth.{name}")
    raise AttributeError(f"module 'sksynth' has no attribute {name!r}")


def __dir__():
    return __all__
