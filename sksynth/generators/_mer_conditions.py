"""The condition matrix of MerGen: what is asked of a recording, window by window."""

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import NearestNeighbors

N_NEIGHBORS = 5  # training rows of like conditions, among which one lends the rest


def cluster(spectrogram, n_clusters):
    """One-hot clusters of rows by the mean and deviation of each band over time.

    Ward's agglomerative clustering of the standardised numbers.
    """
    if n_clusters == 1:
        return np.ones((len(spectrogram), 1), dtype=np.float32)
    features = np.concatenate([spectrogram.mean(axis=2), spectrogram.std(axis=2)], 1)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    found = AgglomerativeClustering(n_clusters).fit_predict(features)
    return np.eye(n_clusters, dtype=np.float32)[found]


class LocalMetrics:
    """Metrics of the windows as numbers of mean 0 and deviation 1.

    Their tails are long, so that the inverse hyperbolic sine of each over its median
    is taken first.

    Parameters
    ----------
    metrics : ndarray of shape (n_samples, n_channels, 5, n_windows)
        As from :func:`sksynth.metrics.local_metrics`.
    """

    attributes = ("unit", "mean", "std")

    def __init__(self, metrics):
        rows = self._flat(metrics)
        unit = np.median(np.abs(rows), axis=(0, 2))
        self.unit = np.where(unit > 0, unit, 1.0)[:, None]
        bent = np.arcsinh(rows / self.unit)
        self.mean, std = (f(bent, axis=(0, 2))[:, None] for f in (np.mean, np.std))
        self.std = np.where(std > 1e-12, std, 1.0)

    def transform(self, metrics):
        """(n, n_channels, 5, n_windows) -> (n, n_windows, n_channels * 5), float32."""
        bent = np.arcsinh(self._flat(metrics) / self.unit)
        return ((bent - self.mean) / self.std).transpose(0, 2, 1).astype(np.float32)

    @staticmethod
    def _flat(metrics):
        return metrics.reshape(len(metrics), -1, metrics.shape[-1])


class TrainingConditions:
    """Conditions of the training rows, which lend what is not asked.

    Parameters
    ----------
    own : ndarray of shape (n_samples, n_conditions)
        Encoded y.
    context : ndarray of shape (n_samples, n_context)
        Encoded context.
    clusters : ndarray of shape (n_samples, n_clusters)
        One-hot.
    local : ndarray of shape (n_samples, n_windows, n_local)
        Standardised.
    parts : {"both", "global", "local"}
        What of the matrix is not 0.
    """

    attributes = ("own", "context", "clusters", "local", "parts")

    def __init__(self, own, context, clusters, local, parts):
        self.own, self.context = own, context
        self.clusters, self.local = clusters, local
        self.parts = parts

    @property
    def n_local(self):
        """Columns of the local part."""
        return self.local.shape[2]

    @property
    def n_features(self):
        """Columns of the matrix; the last one says whether the local part is known."""
        parts = (self.own, self.context, self.clusters, self.local)
        return sum(part.shape[-1] for part in parts) + 1

    def training_matrix(self):
        """Condition matrices of the training rows, (n, n_windows, n_features)."""
        return self._matrix(self.own, self.context, self.clusters, self.local)

    def asked(self, own, context, local, lenders, known, n_windows):
        """Condition matrices, (n, n_windows, n_features), with what training rows lend.

        Parameters
        ----------
        own, context : ndarray of shape (n, ...) or None
            Encoded y and context.
        local : ndarray of shape (n, n_windows, n_local), None or str
            Standardised metrics; None borrows them, a str leaves them out.
        lenders : ndarray of shape (n, n_segments)
            Training rows; the first one lends all, the others further metrics.
        known : sequence of int
            Windows of each segment that the one before it has lent.
        n_windows : int
            Rows of a matrix.
        """
        first = lenders[:, 0]
        own = self.own[first] if own is None else own
        context = self.context[first] if context is None else context
        if local is None:
            pairs = zip(lenders.T, known, strict=True)
            parts = [self.local[rows][:, n:] for rows, n in pairs]
            local = np.concatenate(parts, axis=1)[:, :n_windows]
        elif isinstance(local, str):
            local = None
        return self._matrix(own, context, self.clusters[first], local, n_windows)

    def _matrix(self, own, context, clusters, local, n_windows=None):
        n_windows = local.shape[1] if n_windows is None else n_windows
        matrix = np.zeros((len(own), n_windows, self.n_features), dtype=np.float32)
        if self.parts != "local":
            whole = np.concatenate([own, context, clusters], axis=1)
            matrix[:, :, : whole.shape[1]] = whole[:, None]
        if self.parts != "global" and local is not None:
            matrix[:, :, -1 - self.n_local : -1] = local
            matrix[:, :, -1] = 1
        return matrix

    def lenders(self, own, context, uniform, own_are_labels):
        """Training rows of like conditions, (n, k), one for each uniform number.

        Those behind the first have metrics like its, so that a long recording does not
        change its place with each segment.

        Parameters
        ----------
        own : ndarray of shape (n, n_conditions) or None
            Encoded y that is asked; None asks for any.
        context : ndarray of shape (n, n_context) or None
            Encoded context that is asked; None asks for any.
        uniform : ndarray of shape (n, k)
            Numbers from U(0, 1).
        own_are_labels : bool
            Whether rows of another y are out of the question.
        """
        uniform = uniform.astype(np.float64)  # so that u * n stays below n
        n = len(uniform)
        own = np.zeros((n, 0)) if own is None else own
        train = self.own[:, : own.shape[1]]
        loud = self.local.mean(axis=1)
        rows = np.empty(uniform.shape, dtype=np.intp)
        kinds, kind_of_row = np.unique(own, axis=0, return_inverse=True)
        kind_of_row = kind_of_row.reshape(-1)
        for kind, asked in enumerate(kinds):
            which = np.flatnonzero(kind_of_row == kind)
            gap = np.abs(train - asked).sum(axis=1)
            is_member = gap <= np.sort(gap)[:N_NEIGHBORS].max()
            if own_are_labels and (gap == 0).any():  # else a new combination of labels
                is_member = gap == 0
            members = np.flatnonzero(is_member)
            asked_context = None if context is None else context[which]
            first, later = uniform[which, :1], uniform[which, 1:]
            found = _near(self.context, members, asked_context, first)
            rows[which, :1] = found
            rows[which, 1:] = _near(loud, members, loud[found[:, 0]], later)
        return rows


def _near(points, members, asked, uniform):
    """For each number one of the members whose points are nearest to the asked one.

    ``asked`` is (n, n_columns), or None, which asks for any; ``uniform`` is (n, k).
    """
    if asked is None:
        return members[(uniform * len(members)).astype(np.intp)]
    n = min(N_NEIGHBORS, len(members))
    search = NearestNeighbors(n_neighbors=n).fit(points[members])
    near = search.kneighbors(asked, return_distance=False)
    return members[np.take_along_axis(near, (uniform * n).astype(np.intp), axis=1)]
