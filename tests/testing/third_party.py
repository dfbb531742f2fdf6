"""A generator of somebody else: numpy only, a Gaussian for each class."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state


class ClassGaussians(BaseEstimator):
    """Knows no anchors, no scores and no batches, so those checks do not apply."""

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        self.columns_ = X.columns if isinstance(X, pd.DataFrame) else None
        self.is_list_ = isinstance(X, list)
        X = np.asarray(X)
        self.shape_, self.dtype_ = X.shape[1:], X.dtype
        self.is_conditional_ = y is not None
        y = np.zeros(len(X)) if y is None else np.asarray(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.frequencies_ = counts / len(y)
        self.means_, self.factors_ = [], []
        for label in self.classes_:
            rows = X[y == label].reshape((y == label).sum(), -1).astype(float)
            centred = rows - rows.mean(axis=0)
            covariance = centred.T @ centred / len(rows) + 1e-3 * np.eye(rows.shape[1])
            self.means_.append(rows.mean(axis=0))
            self.factors_.append(np.linalg.cholesky(covariance))
        return self

    def sample(self, n_samples=1, *, y=None, random_state=None):
        if random_state is None:
            random_state = np.random.RandomState()
        rng = check_random_state(random_state)
        numbers = rng.normal(size=(n_samples, 1 + len(self.means_[0])))
        if y is None:
            ends = np.cumsum(self.frequencies_)
            codes = np.searchsorted(ends, 1000 * numbers[:, 0] % 1, side="right")
        else:
            codes = self._codes(y, n_samples)
        z = numbers[:, 1:]
        X = np.stack(
            [
                self.means_[code] + np.sum(self.factors_[code] * row, axis=1)
                for code, row in zip(codes, z, strict=True)
            ]
        )
        X = X.reshape(n_samples, *self.shape_).astype(self.dtype_)
        if self.columns_ is not None:
            return pd.DataFrame(X, columns=self.columns_)
        return X.tolist() if self.is_list_ else X

    def _codes(self, y, n_samples):
        y = np.full(n_samples, y) if np.ndim(y) == 0 else np.asarray(y)
        is_known = np.isin(y, self.classes_)
        if not self.is_conditional_ or len(y) != n_samples or not is_known.all():
            raise ValueError(f"y={y} of {n_samples} rows; classes are {self.classes_}")
        return np.searchsorted(self.classes_, y)
