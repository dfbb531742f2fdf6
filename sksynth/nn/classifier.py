"""What the networks of classifiers share: a body, a dense head, the loss."""

import torch
from torch import nn


class ClassifierHead(nn.Module):
    """Dense layers with ReLU and dropout, then the logits of the classes.

    Parameters
    ----------
    n_in, n_classes : int
        Numbers of a row that come in; classes.
    hidden_dims : sequence of int
        Widths of the dense layers.
    dropout : float
        Share of their outputs that training sets to 0.
    """

    def __init__(self, n_in, n_classes, *, hidden_dims=(), dropout=0.0):
        super().__init__()
        layers = []
        for width in hidden_dims:
            layers += [nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(dropout)]
            n_in = width
        self.dense = nn.Sequential(*layers)
        self.output = nn.Linear(n_in, n_classes)

    def features(self, x):
        """Last layer before the logits, (batch, n_features)."""
        return self.dense(x)

    def logits(self, x):
        """Logits (batch, n_classes)."""
        return self.output(self.dense(x))

    def forward(self, x, y, weight=None):
        """Mean cross-entropy in nats, and share of the rows that are right.

        x is (batch, n_in), y holds the numbers of the classes, (batch,); ``weight``,
        (batch,), multiplies the cross-entropy of each row.
        """
        logits = self.logits(x).float()
        loss = nn.functional.cross_entropy(logits, y, reduction="none")
        loss = loss.mean() if weight is None else (loss * weight).mean()
        with torch.no_grad():
            accuracy = (logits.argmax(dim=1) == y).float().mean()
        return {"loss": loss, "accuracy": accuracy}


class ClassifierNetwork(nn.Module):
    """Convolutions that turn signals into a row of numbers, and a head.

    Parameters
    ----------
    body : nn.Module
        From (batch, n_channels, n_times) to (batch, n_in).
    head : ClassifierHead
        From there to the classes.
    """

    def __init__(self, body, head):
        super().__init__()
        self.body = body
        self.head = head

    def features(self, x):
        """Last layer before the logits, (batch, n_features)."""
        return self.head.features(self.body(x))

    def logits(self, x):
        """Logits (batch, n_classes) of signals (batch, n_channels, n_times)."""
        return self.head.logits(self.body(x))

    def forward(self, x, y, weight=None):
        """Losses of a batch, see :meth:`ClassifierHead.forward`."""
        return self.head(self.body(x), y, weight)
