"""Samplers for tables, on signals."""

import numpy as np
from imblearn.base import BaseSampler
from imblearn.over_sampling import SMOTE
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import HasMethods

from sksynth._fitting import restored_on_failure
from sksynth.over_sampling._base import SignalSamplerMixin


class FlatSampler(SignalSamplerMixin, BaseSampler):
    """Let a sampler for tables (SMOTE, ADASYN, ...) work on signals.

    Signals are flattened to rows for the sampler and folded back after it: the
    baseline that a generator has to beat.

    Parameters
    ----------
    sampler : imbalanced-learn sampler, default=None
        Cloned, never fitted in place. ``None`` is ``SMOTE()``.

    Attributes
    ----------
    sampler_ : object
        The fitted sampler.
    sampling_strategy_ : dict
        That of the sampler.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: columns, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    See Also
    --------
    GeneratorOverSampler : Balances classes with signals of a generator.

    Examples
    --------
    >>> import numpy as np
    >>> from imblearn.over_sampling import SMOTE
    >>> from sksynth import FlatSampler
    >>> X = np.random.default_rng(0).normal(size=(30, 2, 8))
    >>> y = np.repeat(["N", "V"], [20, 10])
    >>> X_new, y_new = FlatSampler(SMOTE(random_state=0)).fit_resample(X, y)
    >>> X_new.shape
    (40, 2, 8)
    """

    _sampling_type = "bypass"

    _parameter_constraints: dict = {"sampler": [HasMethods(["fit_resample"]), None]}

    def __init__(self, sampler=None):
        self.sampler = sampler

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Check X and y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        self : object
            The sampler.
        """
        with restored_on_failure(self):
            X, y = self._check_labelled(X, y)
            self.sampler_ = self._make_sampler().fit(X.reshape(len(X), -1), y)
            self.sampling_strategy_ = self.sampler_.sampling_strategy_
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y):
        """Resample the flattened signals.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        X_resampled : like X
            Signals.
        y_resampled : like y
            Their labels.
        """
        return self._resample(X, y)

    def _fit_resample(self, X, y):
        self.sampler_ = self._make_sampler()
        flat = np.ascontiguousarray(X).reshape(len(X), -1)
        flat, y = self.sampler_.fit_resample(flat, y)
        self.sampling_strategy_ = self.sampler_.sampling_strategy_
        return flat.reshape(len(flat), *X.shape[1:]), y

    def _make_sampler(self):
        return SMOTE() if self.sampler is None else clone(self.sampler)
