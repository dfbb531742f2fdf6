"""Methods that are not generators but shall be compared with them."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_array, check_is_fitted

from sksynth._random import as_rng


def weight_names(classifier):
    names = classifier.get_params()
    return [n for n in names if n == "class_weight" or n.endswith("__class_weight")]


class ClassWeights:
    """Change the classifier's weights instead of its rows."""

    def applied_to(self, classifier):
        names = weight_names(classifier)
        if not names:
            raise TypeError(
                f"{type(classifier).__name__} has no parameter class_weight"
            )
        return clone(classifier).set_params(**dict.fromkeys(names, "balanced"))


class RepeatedRows(BaseEstimator):
    """Training rows drawn with replacement, with Gaussian noise of ``jitter`` sd."""

    def __init__(self, jitter=0.0):
        self.jitter = jitter

    def fit(self, X, y=None):
        self.X_ = check_array(X, dtype=[np.float64, np.float32], allow_nd=True)
        axes = (0, 2) if self.X_.ndim == 3 else None
        self.scale_ = self.jitter * self.X_.std(axis=axes, keepdims=True)
        return self

    def sample(self, n_samples=1, random_state=None):
        check_is_fitted(self, "X_")
        row_seed, noise_seed = as_rng(random_state).randint(2**31, size=2)
        rows = as_rng(row_seed).randint(len(self.X_), size=n_samples)
        noise = as_rng(noise_seed).normal(size=(n_samples, *self.X_.shape[1:]))
        return (self.X_[rows] + self.scale_ * noise).astype(self.X_.dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
