"""Pictures of signals and of trainings; matplotlib is imported when one is drawn."""

from sksynth.plotting.embedding_display import EmbeddingDisplay
from sksynth.plotting.fine_tuning_display import FineTuningDisplay
from sksynth.plotting.latent_display import LatentDisplay
from sksynth.plotting.loss_display import LossDisplay
from sksynth.plotting.score_display import ScoreDisplay
from sksynth.plotting.signal_display import SignalDisplay
from sksynth.plotting.spectrum_display import SpectrumDisplay

__all__ = [
    "EmbeddingDisplay",
    "FineTuningDisplay",
    "LatentDisplay",
    "LossDisplay",
    "ScoreDisplay",
    "SignalDisplay",
    "SpectrumDisplay",
]
