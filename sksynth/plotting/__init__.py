"""Pictures of signals and of trainings; matplotlib is imported when one is drawn."""

from sksynth.plotting.loss_display import LossDisplay
from sksynth.plotting.signal_display import SignalDisplay

__all__ = ["LossDisplay", "SignalDisplay"]
