"""Residual convolutional network of one dimension, a classifier of heart beats."""

from torch import nn

from sksynth.nn.classifier import ClassifierHead, ClassifierNetwork

POOL, STRIDE = 5, 2  # of the max-pooling that ends a block
DILATION = 5


def length_after(n_times, n_blocks):
    """Samples that are left of ``n_times`` after ``n_blocks`` poolings."""
    for _ in range(n_blocks):
        n_times = (n_times - POOL) // STRIDE + 1
    return n_times


def blocks_for(n_times):
    """Most blocks that signals of ``n_times`` samples have room for.

    n blocks need 2 ** (n + 2) - 3 samples.
    """
    return (n_times + 3).bit_length() - 3


class ResidualBlock(nn.Module):
    """Two dilated convolutions around a ReLU, the input added, ReLU, max-pooling.

    Parameters
    ----------
    n_filters, kernel_size : int
        Channels, and width of the convolutions.
    tied : bool
        Whether both convolutions have the same weights.
    """

    def __init__(self, n_filters, kernel_size, *, tied=True):
        super().__init__()
        self.convs = nn.ModuleList(
            _conv(n_filters, n_filters, kernel_size, DILATION)
            for _ in range(1 if tied else 2)
        )

    def forward(self, x):
        """From (batch, n_filters, n_times) to about half as many times."""
        h = self.convs[0](x).relu()
        h = (self.convs[-1](h) + x).relu()
        return nn.functional.max_pool1d(h, POOL, STRIDE)


class CNN1DNetwork(ClassifierNetwork):
    """Convolution, residual blocks, dense layers; after Kachuee et al. (2018).

    Parameters
    ----------
    signal_shape : tuple of int
        Channels and times.
    n_classes : int
        Classes.
    n_blocks, n_filters, kernel_size : int
        Residual blocks, their channels, and the odd width of the convolutions.
    n_layers, hidden_dim : int
        Dense layers and their width.
    dropout : float
        After each dense layer.
    tied : bool
        Whether the two convolutions of a block have the same weights.
    """

    def __init__(
        self,
        signal_shape,
        n_classes,
        *,
        n_blocks=5,
        n_filters=16,
        kernel_size=7,
        n_layers=3,
        hidden_dim=256,
        dropout=0.25,
        tied=True,
    ):
        n_channels, n_times = signal_shape
        body = nn.Sequential(
            _conv(n_channels, n_filters, kernel_size),
            *(
                ResidualBlock(n_filters, kernel_size, tied=tied)
                for _ in range(n_blocks)
            ),
            nn.Flatten(),
        )
        head = ClassifierHead(
            n_filters * length_after(n_times, n_blocks),
            n_classes,
            hidden_dims=[hidden_dim] * n_layers,
            dropout=dropout,
        )
        super().__init__(body, head)


def _conv(n_in, n_out, kernel_size, dilation=1):
    padding = dilation * (kernel_size - 1) // 2  # as many samples out as in
    return nn.Conv1d(n_in, n_out, kernel_size, padding=padding, dilation=dilation)
