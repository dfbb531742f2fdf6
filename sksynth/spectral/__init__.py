"""Short-time Fourier transform, its inverse, and spectrograms in mel bands.

The only place of the package where signals go to frequencies over time and back. All
functions are differentiable and run in single precision or better, also under autocast.
"""

from sksynth.spectral.mel import LogMel, mel_filter_bank
from sksynth.spectral.transform import istft, n_frames, stft

__all__ = ["LogMel", "istft", "mel_filter_bank", "n_frames", "stft"]
