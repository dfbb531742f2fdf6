"""The condition matrix of MerGen: what is asked of a recording, window by window."""

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import NearestNeighbors

from sksynth.metrics import local_metrics

N_METRICS = 5  # of local_metrics
N_NEIGHBORS = 5  # training rows of like conditions, among which one lends the rest


def cluster(spectrogram, n_clusters):
    """One-hot clusters of rows by the mean and deviation of each band over time.

    Ward's agglomerative clustering of the standardised numbers.
    """
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


def measured(signals, fs, window):
    """Local metrics of signals whose length is a multiple of ``window``."""
    return local_metrics(signals, fs=fs, window=window)


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
    """

    attributes = ("own", "context", "clusters", "local")

    def __init__(self, own, context, clusters, local):
        self.own, self.context = own, context
        self.clusters, self.local = clusters, local

    @property
    def n_local(self):
        """Columns of the local part."""
        return self.local.shape[2]

    @property
    def n_features(self):
        """Columns of the matrix; the last one says whether the local part is known."""
        parts = (self.own, self.context, self.clusters, self.local)
        return sum(part.shape[-1] for part in parts) + 1

    def matrix(self, own, context, clusters, local):
        """(n, n_windows, n_features), float32; ``local`` may be a number of windows."""
        n_windows = local if np.ndim(local) == 0 else local.shape[1]
        whole = np.concatenate([own, context, clusters], axis=1)
        if np.ndim(local) == 0:
            local = np.zeros((len(own), n_windows, self.n_local), dtype=np.float32)
            known = 0.0
        else:
            known = 1.0
        same = np.broadcast_to(
            whole[:, None], (len(own), n_windows, whole.shape[1])
        ).astype(np.float32)
        flag = np.full((len(own), n_windows, 1), known, dtype=np.float32)
        return np.concatenate([same, local, flag], axis=2)

    def training_matrix(self):
        """That of the training rows."""
        return self.matrix(self.own, self.context, self.clusters, self.local)

    def lenders(self, own, context, uniform):
        """Training rows of like conditions, (n, k), one for each uniform number.

        Parameters
        ----------
        own : ndarray of shape (n, n_conditions) or None
            Encoded y that is asked; None asks for any.
        context : ndarray of shape (n, n_context) or None
            Encoded context that is asked; None asks for any.
        uniform : ndarray of shape (n, k)
            Numbers from U(0, 1).
        """
        n = len(uniform)
        own = np.zeros((n, 0)) if own is None else own
        train = self.own[:, : own.shape[1]]
        rows = np.empty(uniform.shape, dtype=np.intp)
        kinds, kind_of_row = np.unique(own, axis=0, return_inverse=True)
        kind_of_row = kind_of_row.reshape(-1)
        for kind, asked in enumerate(kinds):
            which = np.flatnonzero(kind_of_row == kind)
            gap = np.abs(train - asked).sum(axis=1)
            members = np.flatnonzero(gap <= np.sort(gap)[:N_NEIGHBORS].max())
            if (gap == 0).any():  # a label, or a measurement that was seen
                members = np.flatnonzero(gap == 0)
            rows[which] = self._like(members, context, which, uniform[which])
        return rows

    def _like(self, members, context, which, uniform):
        """Of the members those whose context is near, (len(which), k)."""
        if context is None:
            return members[(uniform * len(members)).astype(np.intp)]
        n = min(N_NEIGHBORS, len(members))
        search = NearestNeighbors(n_neighbors=n).fit(self.context[members])
        near = search.kneighbors(context[which], return_distance=False)
        return members[np.take_along_axis(near, (uniform * n).astype(np.intp), axis=1)]
