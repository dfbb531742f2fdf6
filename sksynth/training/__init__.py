"""The training loop: the only part of the package that imports skorch."""

from sksynth.training.callbacks import EarlyStopping

__all__ = ["EarlyStopping"]
