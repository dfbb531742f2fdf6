"""Fully convolutional network of one dimension, a classifier of time series."""

from torch import nn

from sksynth.nn.classifier import ClassifierHead, ClassifierNetwork


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes a batch of one number a channel.

    One number has no variance; the running one serves.
    """

    def forward(self, x):
        """Normalised (batch, n_channels, n_times)."""
        if self.training and x.shape[0] * x.shape[2] == 1:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias
            )
        return super().forward(x)


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
