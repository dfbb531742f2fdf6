"""Selection: keep the good part of many candidates."""

from sksynth.selection.keep_best import KeepBest

__all__ = ["KeepBest"]
