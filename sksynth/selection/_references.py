"""Real rows of one class, and the thresholds that their distances give."""

import warnings

import numpy as np
from scipy.spatial.distance import pdist

from sksynth._neighbors import nearest

_MOST_PAIRED = 200  # rows whose pairs give the median distance


def nearest_rmse(rows, reference, *, exclude_self=False):
    """RMSE over channels and times to the nearest reference row, and its index."""
    distances, indices = nearest(rows, reference, exclude_self=exclude_self)
    return distances[:, 0] / np.sqrt(rows[0].size), indices[:, 0]


class References:
    """Real rows of one class that candidates are compared with.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_channels, n_times)
        Real rows, scaled.
    index : ndarray of shape (n_rows,)
        Where they are in the X given to ``fit``.
    name : str
        Of the class, for warnings.
    max_quantile, min_quantile, spacing : float or None
        Parameters of :class:`KeepBest`; None is no threshold.

    Attributes
    ----------
    farthest, copy, spacing : float
        Thresholds as RMSE; ``inf`` or ``-inf`` where there is none.
    """

    def __init__(self, rows, index, name, *, max_quantile, min_quantile, spacing):
        self.rows, self.index = rows, index
        self.farthest, self.copy, self.spacing = np.inf, -np.inf, -np.inf
        if max_quantile is None and min_quantile is None and spacing is None:
            return
        distances = np.empty(0)
        if len(rows) > 1:
            distances = nearest_rmse(rows, rows, exclude_self=True)[0]
        distances = distances[distances > 0]  # a twin says nothing of the others
        if len(distances) == 0:
            warnings.warn(
                f"{name} has no two different real rows, hence no distances between "
                "them: candidates are ranked, none is refused",
                stacklevel=5,
            )
            return
        if max_quantile is not None:
            self.farthest = float(np.quantile(distances, max_quantile))
        if min_quantile is not None:
            quantile = np.quantile(distances, min_quantile)
            self.copy = float(min(quantile, np.median(distances) / 3))
        if spacing is not None:
            self.spacing = spacing * _median_rmse(rows)

    @property
    def earlier_spacing(self):
        """RMSE at or below which a row repeats one that was kept before."""
        if self.spacing < 0:  # duplicates are not looked for
            return -np.inf
        return min(self.spacing, max(self.copy, 0.0))


def _median_rmse(rows):
    """Median RMSE of pairs of rows, of evenly spaced ones where there are many."""
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_PAIRED)).astype(int)]
    flat = some.reshape(len(some), -1).astype(np.float64)
    return float(np.median(pdist(flat))) / np.sqrt(flat.shape[1])
