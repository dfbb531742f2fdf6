"""Short-time Fourier transform, its inverse, and a split into two bands.

The only place of the package where signals go to frequencies over time and back. All
functions are differentiable and run in single precision or better, also under autocast.
"""

import torch


def n_frames(n_times, hop):
    """Frames that :func:`stft` makes of ``n_times`` samples."""
    return n_times // hop + 1


def stft(x, n_fft, hop):
    """Short-time Fourier transform with a rectangular window, unitary frame by frame.

    Under a rectangular window a constant is in row 0 alone; a Hann window would put a
    third of it, after the inverse, into the other rows.

    Parameters
    ----------
    x : Tensor of shape (batch, n_channels, n_times)
        Signals of any length; their first and last values go on beyond the ends.
    n_fft, hop : int
        Samples a window, and from one window to the next; ``hop`` is at most half of
        ``n_fft``.

    Returns
    -------
    z : complex Tensor of shape (batch, n_channels, n_fft // 2 + 1, n_frames)
        Rows are frequencies, from 0 to half the sampling rate.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = x if x.dtype == torch.float64 else x.float()
        z = torch.stft(
            x.flatten(0, 1),
            n_fft,
            hop,
            window=torch.ones(n_fft, dtype=x.dtype, device=x.device),
            pad_mode="replicate",  # "reflect" needs signals longer than half a window
            normalized=True,
            return_complex=True,
        )
    return z.unflatten(0, x.shape[:2])


def istft(z, n_fft, hop, n_times):
    """The inverse of :func:`stft`.

    Of any other ``z`` it is, away from the ends, the signal whose transform is nearest.

    Parameters
    ----------
    z : complex Tensor of shape (batch, n_channels, n_fft // 2 + 1, n_frames)
        Transform.
    n_fft, hop : int
        As for :func:`stft`.
    n_times : int
        Length of the signals.

    Returns
    -------
    x : Tensor of shape (batch, n_channels, n_times)
        Signals.
    """
    with torch.autocast(z.device.type, enabled=False):
        window = torch.ones(n_fft, dtype=z.real.dtype, device=z.device)
        x = torch.istft(
            z.flatten(0, 1),
            n_fft,
            hop,
            window=window,
            normalized=True,
            length=n_times,
        )
    return x.unflatten(0, z.shape[:2])
