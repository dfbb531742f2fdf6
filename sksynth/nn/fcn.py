"""Fully convolutional network of one dimension, a classifier of time series."""

import torch
from torch import nn

from sksynth._shares import in_group, n_of_batch, summed
from sksynth.nn.classifier import ClassifierHead, ClassifierNetwork


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes a batch of one number a channel.

    One number has no variance; the running one serves. Processes that train together
    have the mean and the variance of the whole batch.
    """

    def forward(self, x):
        """Normalised (batch, n_channels, n_times)."""
        n = n_of_batch(len(x)) * x.shape[2] if self.training else 0
        if n == 1:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias
            )
        if n and in_group():
            return self._over_processes(x, n)
        return super().forward(x)

    def _over_processes(self, x, n):
        """Normalised by the mean and the variance over ``n`` places, all processes."""
        with torch.autocast(x.device.type, enabled=False):
            mean = summed(x.float().sum(dim=(0, 2))) / n
            centred = x.float() - mean[:, None]
            variance = summed(centred.square().sum(dim=(0, 2))) / n
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * n / (n - 1), self.momentum)
            scale = self.weight * (variance + self.eps).rsqrt()
            return (centred * scale[:, None] + self.bias[:, None]).to(x.dtype)


class MeanOverTime(nn.Module):
    """From (batch, n_channels, n_times) to (batch, n_channels)."""

    def forward(self, x):
        return x.mean(dim=2)


class FCNNetwork(ClassifierNetwork):
    """Three convolutions with batch normalisation, and the mean over time.

    Wang, Yan and Oates (2017).

    Parameters
    ----------
    signal_shape : tuple of int
        Channels and times.
    n_classes : int
        Classes.
    n_filters : int
        Channels of the first and the third convolution; the second has twice as many.
    """

    def __init__(self, signal_shape, n_classes, *, n_filters=128):
        widths = [signal_shape[0], n_filters, 2 * n_filters, n_filters]
        layers = []
        for n_in, n_out, size in zip(widths, widths[1:], (8, 5, 3), strict=False):
            layers += [
                nn.ZeroPad1d(((size - 1) // 2, size // 2)),
                nn.Conv1d(n_in, n_out, size, bias=False),
                BatchNorm(n_out),
                nn.ReLU(),
            ]
        body = nn.Sequential(*layers, MeanOverTime())
        super().__init__(body, ClassifierHead(n_filters, n_classes))
