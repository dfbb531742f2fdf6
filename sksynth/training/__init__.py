"""The training loop: the only part of the package that imports skorch."""

from sksynth.training.callbacks import EarlyStopping
from sksynth.training.parallel import distributed

__all__ = ["EarlyStopping", "distributed"]
