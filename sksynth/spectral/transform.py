"""Short-time Fourier transform and its inverse."""

import torch


def n_frames(n_times, hop):
    """Frames that :func:`stft` makes of ``n_times`` samples."""
    return n_times // hop + 1


def stft(x, n_fft, hop, *, hann=False, padding="replicate"):
    """Short-time Fourier transform, unitary frame by frame with a rectangular window.

    Under a rectangular window a constant is in row 0 alone; a Hann window would put a
    third of it, after the inverse, into the other rows.

    Parameters
    ----------
    x : Tensor of shape (batch, n_channels, n_times)
        Signals of any length; their first and last values go on beyond the ends.
    n_fft, hop : int
        Samples a window, and from one window to the next; ``hop`` is at most half of
        ``n_fft``.
    hann : bool, default=False
        Whether the window is a Hann window and not a rectangle.
    padding : {"replicate", "constant"} or None, default="replicate"
        What is beyond the ends, where the first and last windows have their centres:
        the end values or 0. None lets all windows lie within the signal; then there are
        ``(n_times - n_fft) // hop + 1``, and :func:`istft` is no inverse.

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
            window=_window(n_fft, hann, x),
            center=padding is not None,
            # "reflect" needs signals longer than half a window
            pad_mode=padding or "constant",
            normalized=True,
            return_complex=True,
        )
    return z.unflatten(0, x.shape[:2])


def istft(z, n_fft, hop, n_times, *, hann=False):
    """The inverse of :func:`stft`.

    Of any other ``z`` it is, away from the ends, the signal whose transform is nearest;
    with 0 beyond the ends, everywhere.

    Parameters
    ----------
    z : complex Tensor of shape (batch, n_channels, n_fft // 2 + 1, n_frames)
        Transform.
    n_fft, hop, hann
        As for :func:`stft`.
    n_times : int
        Length of the signals.

    Returns
    -------
    x : Tensor of shape (batch, n_channels, n_times)
        Signals.
    """
    with torch.autocast(z.device.type, enabled=False):
        x = torch.istft(
            z.flatten(0, 1),
            n_fft,
            hop,
            window=_window(n_fft, hann, z.real),
            normalized=True,
            length=n_times,
        )
    return x.unflatten(0, z.shape[:2])


def _window(n_fft, hann, like):
    make = torch.hann_window if hann else torch.ones
    return make(n_fft, dtype=like.dtype, device=like.device)
