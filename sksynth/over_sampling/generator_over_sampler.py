"""Balance classes with signals drawn from a generator."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from sksynth._fitting import restored_on_failure
from sksynth._random import as_rng
from sksynth.over_sampling._base import (
    SHARED_CONSTRAINTS,
    SignalSamplerMixin,
    as_codes,
    check_groups,
    check_memory_and_seed,
    check_selection,
)
from sksynth.over_sampling._best_rows import prepared_selection
from sksynth.over_sampling._counts import synthetic_counts
from sksynth.over_sampling._models import ClassModels, prepared


class GeneratorOverSampler(SignalSamplerMixin, BaseOverSampler):
    """Fill up minority classes with signals drawn from a generator fitted on (X, y).

    Put it before a classifier in an :class:`imblearn.pipeline.Pipeline`: then only
    training folds are resampled, and no test signal meets the generator.

    Parameters
    ----------
    generator : object with ``fit`` and ``sample``, default=None
        Cloned, never fitted in place. ``None`` is ``VAE()``. With a
        :class:`~sksynth.generators.SpectrumVAE`, X may be complex, without
        ``selection``.
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes to fill up, and how far:

        - float in (0, 1]: all classes but the largest, to this ratio to the largest;
        - dict: for each class a ratio to the largest (float) or a number of rows
          (int), the originals included;
        - ``"auto"`` (the same as ``"not majority"``), ``"minority"``,
          ``"not minority"``, ``"all"``: these classes, to the number of the largest;
        - callable: takes y, returns such a dict.

        What is reached already adds nothing.
    strength : float in [0, 1], default=None
        Anchored sampling: start from interpolations between training rows of the
        class (0) and go this far towards a pure sample (1). None draws pure samples.
    n_neighbors : int, default=5
        Neighbours of a training row among which its partner is drawn.
    per_class : bool or "auto", default="auto"
        Fit one generator a class, of two rows or more. ``"auto"`` does where
        ``generator.sample`` takes no ``y`` (:class:`sklearn.neighbors.KernelDensity`,
        say).
    signal_shape : tuple (n_channels, n_times), default=None
        Read the rows of a 2-D X (a DataFrame, say) as such signals.
    selection : KeepBest, default=None
        Draw ``n_candidates`` rows of a class at a time and keep the best ``n_keep`` of
        them, in the order of their rank; see :class:`sksynth.selection.KeepBest`.
        Counts stay exact: where the selection leaves too few, refused rows fill up,
        with a warning, but no copies of real ones (in a class without two different
        real rows nothing is refused). None keeps all rows.
    memory : str or joblib.Memory, default=None
        Caches the fit of the generator and nothing else, so that a grid over
        ``sampling_strategy``, ``strength`` and ``selection`` trains once a fold. Needs
        an int ``random_state``.
    random_state : int, RandomState or None, default=None
        Fixes fit and draws; an int takes the place of the generator's own seed. Each
        class has a seed of its own: with one int the rows for a smaller ratio are the
        first of those for a larger one, class by class.

    Attributes
    ----------
    sampling_strategy_ : dict
        Rows to add to each class.
    classes_ : ndarray
        Sorted labels.
    generators_ : list
        The fitted generator, or one for each class that got rows; empty if none did.
    synthetic_mask_ : ndarray of shape (n_samples_new,)
        True where a row is synthetic. The original rows come first, unchanged.
    synthetic_groups_ : ndarray of shape (n_synthetic,)
        With ``groups``: the group in which each synthetic row is anchored; None for
        a pure sample, which belongs to no single group.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: columns, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    See Also
    --------
    GeneratorAugmenter : Adds rows in the class proportions; any kind of y.
    FlatSampler : SMOTE and other flat samplers on signals.

    Examples
    --------
    >>> from imblearn.pipeline import make_pipeline
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sksynth import VAE, GeneratorOverSampler
    >>> from sksynth.datasets import make_ecg
    >>> X, y = make_ecg(300, n_leads=1, random_state=0)
    >>> sampler = GeneratorOverSampler(VAE(max_epochs=5), random_state=0)
    >>> pipeline = make_pipeline(sampler, LogisticRegression())
    >>> pipeline.fit(X[:, 0], y).predict(X[:2, 0]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "sampling_strategy": [
            Interval(Real, 0, 1, closed="right"),
            StrOptions({"auto", "minority", "not minority", "not majority", "all"}),
            Mapping,
            callable,
        ],
    }

    def __init__(
        self,
        generator=None,
        *,
        sampling_strategy="auto",
        strength=None,
        n_neighbors=5,
        per_class="auto",
        signal_shape=None,
        selection=None,
        memory=None,
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.generator = generator
        self.strength = strength
        self.n_neighbors = n_neighbors
        self.per_class = per_class
        self.signal_shape = signal_shape
        self.selection = selection
        self.memory = memory
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Check X and y and count the rows to add; trains nothing.

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
            self._signals(X)
            check_selection(self.selection, X)
            self.sampling_strategy_ = synthetic_counts(self.sampling_strategy, y)
            self.classes_ = np.unique(y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, *, groups=None, context=None):
        """Fit the generator and add its signals to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals.
        y : array-like of shape (n_samples,)
            Labels; one-hot rows too.
        groups : array-like of shape (n_samples,), default=None
            Patient of each row. With ``strength`` below 1, a synthetic row is then
            anchored in a single patient. They come through a Pipeline by metadata
            routing alone: ``set_fit_resample_request(groups=True)``.
        context : array-like or DataFrame of n_samples rows, default=None
            Further conditions, for a generator whose ``fit`` takes them, such as
            :class:`~sksynth.generators.MerGen`. They come through a Pipeline as
            ``groups`` do (parameters ``step__context`` and ``step__groups`` get lost on
            the way).

        Returns
        -------
        X_resampled : like X
            The rows of X, then the synthetic ones, class after class.
        y_resampled : like y
            Their labels.
        """
        more = {} if context is None else {"context": context}
        return self._resample(X, y, groups=groups, **more)

    def _fit_resample(self, X, y, groups=None, context=None):
        groups = check_groups(groups, X)
        check_selection(self.selection, X)
        self.sampling_strategy_ = synthetic_counts(self.sampling_strategy, y)
        self.classes_ = np.unique(y)
        rng = as_rng(self.random_state)
        fit_seed, *seeds = rng.randint(2**31, size=1 + len(self.classes_)).tolist()
        models = ClassModels(
            prepared(self.generator, fit_seed, self.random_state),
            self._signals(X),
            y,
            as_codes(y),
            per_class=self.per_class,
            strength=self.strength,
            n_neighbors=self.n_neighbors,
            memory=check_memory_and_seed(self.memory, self.random_state),
            selection=prepared_selection(self.selection, fit_seed),
            context=context,
        )
        labels = self.classes_.tolist()
        counts = [self.sampling_strategy_.get(label, 0) for label in labels]
        X_all = np.empty((len(X) + sum(counts), *X.shape[1:]), dtype=X.dtype)
        X_all[: len(X)] = X
        new_groups = models.draw_classes(
            counts, seeds, self._signals(X_all[len(X) :]), groups
        )
        self.generators_ = models.generators
        y_new = np.repeat(self.classes_, counts).astype(y.dtype, copy=False)
        self.synthetic_mask_ = np.arange(len(X_all)) >= len(X)
        if groups is not None:
            self.synthetic_groups_ = new_groups
        return X_all, np.concatenate([y, y_new])
