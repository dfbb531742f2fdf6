"""Anchored sampling: which real signals a synthetic one starts from."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_scalar

from sksynth._arrays import check_integer


def check_anchoring(anchors, anchors_y, strength, n_neighbors):
    """Refuse arguments of ``sample`` that do not go together; whether there are any."""
    if (anchors is None) != (strength is None):
        raise ValueError(
            "anchors and strength go together; got "
            f"anchors={'None' if anchors is None else 'signals'}, {strength=}"
        )
    if anchors is None:
        if anchors_y is not None:
            raise ValueError("anchors_y was given without anchors")
        return False
    if isinstance(strength, bool | np.bool_):
        raise TypeError(f"strength must be a number; got {strength!r}")
    check_scalar(strength, "strength", Real)
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be in [0, 1]; got {strength!r}")
    check_integer(n_neighbors, "n_neighbors", 1)
    return True


@dataclass(frozen=True)
class Anchor:
    """Pairs of scaled real signals between which a batch of samples starts.

    Attributes
    ----------
    first, second : Tensor of shape (batch, n_channels, n_times)
        A real signal and one of its nearest neighbours of the same class.
    weight : Tensor of shape (batch, 1, 1)
        Share of the second signal in the interpolation, from U(0, 1).
    strength : float
        0 asks for the interpolation, 1 for a pure sample.
    """

    first: torch.Tensor
    second: torch.Tensor
    weight: torch.Tensor
    strength: float

    def interpolate(self):
        """Interpolate the signals as SMOTE does."""
        return torch.lerp(self.first, self.second, self.weight)


class AnchorPairs:
    """One pair of anchors for each row of a draw, chosen within its condition.

    Parameters
    ----------
    signals : ndarray of shape (n_anchors, n_channels, n_times)
        Scaled real signals.
    own : ndarray of shape (n_anchors, n_conditions)
        Their encoded conditions.
    asked : ndarray of shape (n_samples, n_conditions)
        Encoded conditions of the rows to draw.
    uniform : ndarray of shape (n_samples, 3)
        Numbers from U(0, 1): the choice of the anchor, of its neighbour, the weight.
    n_neighbors : int
        Neighbours among which the second anchor is chosen.
    """

    def __init__(self, signals, own, asked, uniform, *, n_neighbors):
        self.signals = signals
        self.first = np.empty(len(asked), dtype=np.intp)
        self.second = np.empty(len(asked), dtype=np.intp)
        self.weight = uniform[:, 2].astype(np.float32)
        kinds, kind_of_row = np.unique(asked, axis=0, return_inverse=True)
        kind_of_row = kind_of_row.reshape(-1)
        for kind, condition in enumerate(kinds):
            members = np.flatnonzero((own == condition).all(axis=1))
            if len(members) == 0:
                raise ValueError(
                    "a label was asked for that no anchor has; give anchors of each "
                    "label in y"
                )
            rows = np.flatnonzero(kind_of_row == kind)
            chosen = (uniform[rows, 0] * len(members)).astype(np.intp)
            self.first[rows] = members[chosen]
            self.second[rows] = members[
                self._neighbors(members, chosen, uniform[rows, 1], n_neighbors)
            ]

    def _neighbors(self, members, chosen, uniform, n_neighbors):
        """Position in ``members`` of a random neighbour of each chosen member."""
        n_neighbors = min(n_neighbors, len(members) - 1)
        if n_neighbors == 0:
            return chosen  # a class of one row: the row itself
        flat = self.signals[members].reshape(len(members), -1)
        distinct, position = np.unique(chosen, return_inverse=True)
        search = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(flat)
        found = search.kneighbors(flat[distinct], return_distance=False)
        is_other = found != distinct[:, None]
        is_other[is_other.all(axis=1), -1] = False  # a duplicate hid the row itself
        others = found[is_other].reshape(len(distinct), n_neighbors)
        picked = (uniform * n_neighbors).astype(np.intp)
        return others[position, picked]

    def batch(self, rows, strength, like):
        """Anchor of the rows of a batch, on the device and in the dtype of ``like``."""
        first, second = (
            torch.from_numpy(self.signals[index[rows]]).to(like)
            for index in (self.first, self.second)
        )
        weight = torch.from_numpy(self.weight[rows])[:, None, None].to(like)
        return Anchor(first, second, weight, strength)
