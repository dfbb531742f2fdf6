"""What the samplers share."""

from numbers import Integral, Real

import numpy as np
from imblearn.utils import check_target_type
from imblearn.utils._validation import ArraysTransformer
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sksynth._fitting import restored_on_failure
from sksynth._preprocessing import check_signals

SHARED_CONSTRAINTS = {
    "generator": [HasMethods(["fit", "sample"]), None],
    "strength": [Interval(Real, 0, 1, closed="both"), None],
    "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    "per_class": ["boolean", StrOptions({"auto"})],
    "signal_shape": [tuple, None],
    "memory": [str, HasMethods(["cache"]), None],
    "random_state": ["random_state"],
}


class SignalSamplerMixin:
    """Validation of signals, and tags, for imbalanced-learn samplers."""

    def _resample(self, X, y, **options):
        """Result of ``_fit_resample`` in the containers of X and y."""
        check_classification_targets(y)
        vars(self).pop("synthetic_groups_", None)  # of a call with groups
        containers = ArraysTransformer(X, y)
        with restored_on_failure(self):
            X, y, is_one_hot = self._check_X_y(X, y)
            labels = np.unique(y)
            X, y = self._fit_resample(X, y, **options)
        if is_one_hot:
            y = (y[:, None] == labels).astype(int)
        return containers.transform(X, y)

    def _check_X_y(self, X, y):
        y, is_one_hot = check_target_type(y, indicate_one_vs_all=True)
        return self._check_X(X, y), y, is_one_hot

    def _check_X(self, X, y):
        if hasattr(X, "sparse"):  # a frame of sparse columns
            X = X.sparse.to_dense()
        X = check_signals(self, X)
        check_consistent_length(X, y)
        return X

    def _signals(self, X):
        """X in the shape that the generator shall see."""
        if self.signal_shape is None:
            return X
        if X.ndim != 2 or np.prod(self.signal_shape) != X.shape[1]:
            raise ValueError(
                f"signal_shape={self.signal_shape} reads a 2-D X with "
                f"{np.prod(self.signal_shape)} columns; got X of shape {X.shape}"
            )
        return X.reshape(len(X), *self.signal_shape)

    def __sklearn_tags__(self):
        """Dense signals of two or three dimensions."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = True
        return tags


def check_groups(groups, X):
    """One group (patient) for each row of X, or None."""
    if groups is None:
        return None
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    return groups


def as_codes(y):
    """Classes of y as integers from 0; rows of a 2-D y are classes."""
    return np.unique(y, axis=0, return_inverse=True)[1].reshape(-1)
