"""Keep the best of many candidates."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.utils import Bunch, _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from sksynth._arrays import refuse_bools
from sksynth._fitting import restored_on_failure
from sksynth._preprocessing import check_signals, name_of
from sksynth.metrics import log_spectral_distance
from sksynth.selection._checks import check_known, check_labels, check_scale
from sksynth.selection._criteria import CRITERIA, Candidates, rows_for, sum_of_z
from sksynth.selection._references import References, nearest_rmse
from sksynth.selection._spacing import walk_down

_SHARE = Interval(Real, 0, 1, closed="both")


class KeepBest(BaseEstimator):
    """Keep the best ``n_keep`` candidates of a class, without copies and duplicates.

    A generator is asked for many rows and the good ones stay. So the authors of [1]_
    keep 25 of 200 electrograms, by their reconstruction error and their similarity to
    real ones; their thresholds are not published, and those here are our own. Use it
    alone, or as ``selection=`` of a sampler.

    Within each class, with distances that are RMSE over channels and times:

    1. A candidate is compared with the real row nearest to it.
    2. It is dropped as too far where the distance exceeds that of most real rows to
       their own nearest real row (``max_distance_quantile``), and as a copy where
       hardly any two real rows are as near (``min_distance_quantile``).
    3. The others are ranked by the sum of the criteria, each as a z-score.
    4. Down the rank, until ``n_keep`` are kept, a candidate that is nearly equal to one
       already kept is refused (``min_spacing``).

    In a class without two different real rows there are no such distances: nothing is
    refused there, which a warning says.

    Parameters
    ----------
    n_keep : int, default=25
        Candidates of a class to keep at most.
    n_candidates : int, default=200
        Rows that a sampler draws to find ``n_keep``. ``select`` takes any number.
    criteria : sequence of str, default=("spectrum", "correlation")
        What the rank is made of; of each, lower is better:

        - ``"spectrum"``: log-spectral distance to the nearest real row in dB;
        - ``"correlation"``: 1 - Pearson's r with it;
        - ``"distance"``: RMSE to it (the choice for tables);
        - ``"reconstruction"``: RMSE between a candidate and what the generator's
          ``encode`` and ``decode`` make of it;
        - ``"confidence"``: 1 - the probability that ``classifier`` gives its class.

        The first two are means over the channels.
    max_distance_quantile : float in [0, 1], default=0.9
        Quantile of the distances of real rows to their nearest real row, above which a
        candidate is too far. None: no candidate is.
    min_distance_quantile : float in [0, 1], default=0.01
        The same quantile, at most a third of the median, at or below which a candidate
        is a copy. (A smooth candidate is nearer to all real rows than they, with their
        noise, are to each other, and yet no copy. Hence the third, which [2]_ takes of
        the distance to the second nearest row.) None: copies are not looked for.
    min_spacing : float >= 0, default=0.1
        Share of the median distance between two real rows, at or below which two
        candidates are duplicates. None: duplicates are not looked for.
    classifier : scikit-learn classifier, default=None
        For ``"confidence"``: cloned and fitted on the real rows of all classes. It gets
        a DataFrame where X is one, and flat rows of signals with channels unless its
        tags say that it takes three dimensions.
    fs : float, default=1.0
        Sampling rate in Hz.
    band : tuple (low, high), default=None
        Frequencies of ``"spectrum"`` in Hz; None is all.

    Attributes
    ----------
    criteria_ : list of str
        The criteria that ``fit`` saw.
    classes_ : ndarray
        Labels seen by ``fit``; absent without y.
    references_ : dict
        By label, the real rows with the thresholds ``farthest``, ``copy`` and
        ``spacing`` as RMSE. Without y the only key is None.
    classifier_ : object
        The fitted classifier, if ``"confidence"`` is a criterion.
    generator_ : object or dict
        The generator given to ``fit``.
    scale_ : ndarray or None
        The scale given to ``fit``.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: columns, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    References
    ----------
    .. [1] Gutiérrez-Fernández et al., "Synthetic electrogram generation with
       variational autoencoders for ECGI", arXiv:2512.14537, 2025.
    .. [2] Gu, Du, Pang, Li, Lin and Wang, "On memorization in diffusion models",
       arXiv:2310.02664, 2023.

    Examples
    --------
    Real rows are at the heights 0, 1, ..., 9. Of the candidates the second is a copy,
    the third is far away, and the last duplicates the first.

    >>> import numpy as np
    >>> from sksynth.selection import KeepBest
    >>> X = np.arange(10.0)[:, None] + np.zeros(8)
    >>> heights = np.array([2.4, 3.0, 14.0, 5.5, 2.41])
    >>> keep = KeepBest(n_keep=2, criteria=["distance"]).fit(X)
    >>> found = keep.select(heights[:, None] + np.zeros(8))
    >>> found.mask.tolist(), found.rank.tolist()
    ([True, False, False, True, False], [1, 0, 4, 3, 2])
    >>> found.reason.tolist()
    ['kept', 'copy', 'far', 'kept', 'duplicate']
    """

    _parameter_constraints: dict = {
        "n_keep": [Interval(Integral, 1, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "criteria": ["array-like"],
        "max_distance_quantile": [_SHARE, None],
        "min_distance_quantile": [_SHARE, None],
        "min_spacing": [Interval(Real, 0, None, closed="left"), None],
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "fs": [Interval(Real, 0, None, closed="neither")],
        "band": [tuple, list, None],
    }

    def __init__(
        self,
        n_keep=25,
        n_candidates=200,
        *,
        criteria=("spectrum", "correlation"),
        max_distance_quantile=0.9,
        min_distance_quantile=0.01,
        min_spacing=0.1,
        classifier=None,
        fs=1.0,
        band=None,
    ):
        self.n_keep = n_keep
        self.n_candidates = n_candidates
        self.criteria = criteria
        self.max_distance_quantile = max_distance_quantile
        self.min_distance_quantile = min_distance_quantile
        self.min_spacing = min_spacing
        self.classifier = classifier
        self.fs = fs
        self.band = band

    def _validate_params(self):
        super()._validate_params()
        refuse_bools(self)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, generator=None, labels=None, scale=None):
        """Remember the real rows of each class and the distances between them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Real signals; a 2-D X has one channel.
        y : array-like of shape (n_samples,), default=None
            Their labels. Without y they are of one class.
        generator : fitted generator or dict of them by label, default=None
            For ``"reconstruction"``: an object with ``encode`` and ``decode``. They get
            the label as ``y`` where the generator has ``classes_``.
        labels : array-like of shape (n_labels,), default=None
            Classes that ``select`` shall know; None is all. It saves time where a class
            is large.
        scale : array-like that broadcasts to a row of X, default=None
            Positive numbers by which rows are divided before they are compared, where
            channels or columns have units of their own. None is 1.

        Returns
        -------
        self : object
            The fitted selection.

        Raises
        ------
        ValueError
            If X, y, labels or scale is not as above, if ``n_keep`` exceeds
            ``n_candidates``, or a criterion is unknown or lacks its classifier.
        TypeError
            If ``"reconstruction"`` is asked for and the generator does not encode, or
            for True as a number.
        """
        self._validate_params()  # a sampler around it has had the decorator skip them
        with restored_on_failure(self):
            given, X = X, check_signals(self, X)
            y = check_labels(y, len(X))
            self.scale_ = check_scale(scale, X)
            self.generator_ = generator
            self.criteria_ = list(self.criteria)
            vars(self).pop("classes_", None)
            vars(self).pop("classifier_", None)
            present = [None]
            if y is not None:
                self.classes_ = np.unique(y)
                present = self.classes_.tolist()
            if labels is not None:
                present = check_known(labels, present)
            self._check_criteria(X, y, generator, present)
            if "confidence" in self.criteria:
                given = given if hasattr(given, "iloc") else X
                rows = rows_for(self.classifier, given)
                self.classifier_ = clone(self.classifier).fit(rows, y)
            self.references_ = {label: self._refer(X, y, label) for label in present}
        return self

    def select(self, X_new, y_new=None, *, kept=None):
        """Choose among candidates, class by class.

        Parameters
        ----------
        X_new : array-like like the X of ``fit``
            Candidates.
        y_new : label or array-like of shape (n_candidates,), default=None
            Their classes; needed if ``fit`` had y.
        kept : array-like like the X of ``fit``, default=None
            Rows kept by earlier calls: what is as near to one of them as a copy is to a
            real row is refused, too, as a duplicate.

        Returns
        -------
        selection : :class:`~sklearn.utils.Bunch`
            With one number or word for each candidate:

            - ``mask``, bool: whether it is kept, for ``n_keep`` of a class at most;
            - ``rank``, int: 0 is the best of its class, by ``total``;
            - ``reason``, str: ``"kept"``, ``"far"``, ``"copy"``, ``"duplicate"``, or
              ``"surplus"`` where ``n_keep`` better ones were found;
            - ``nearest``, int: the row of the X of ``fit`` that is nearest to it;
            - ``distance``, float: RMSE to that row, scaled;
            - ``total``, float: sum of the z-scores, over the candidates that are not
              too far and no copies;
            - ``scores``, dict: the values of each criterion.

        Warns
        -----
        UserWarning
            Where a class has fewer than ``n_keep`` since candidates were refused.
        """
        check_is_fitted(self, "references_")
        X = check_signals(self, X_new, reset=False)
        given = X if not hasattr(X_new, "iloc") else X_new
        if kept is not None and not len(kept):
            kept = None
        if kept is not None:
            kept = check_signals(self, kept, reset=False)
        found = Bunch(
            mask=np.zeros(len(X), dtype=bool),
            rank=np.empty(len(X), dtype=int),
            reason=np.empty(len(X), dtype=object),
            nearest=np.empty(len(X), dtype=int),
            distance=np.empty(len(X)),
            total=np.empty(len(X)),
            scores={criterion: np.empty(len(X)) for criterion in self.criteria_},
        )
        for label, rows in self._by_label(y_new, len(X)):
            part = self._choose(_safe_indexing(given, rows), X[rows], label, kept)
            for field in ("rank", "reason", "nearest", "distance", "total"):
                found[field][rows] = part[field]
            for criterion, values in part.scores.items():
                found.scores[criterion][rows] = values
            found.mask[rows] = part.reason == "kept"
            self._warn_of_few(label, part.reason)
        return found

    def _check_criteria(self, X, y, generator, present):
        known = list(CRITERIA)
        if len(self.criteria) == 0 or not set(self.criteria) <= set(known):
            raise ValueError(f"criteria must be some of {known}; got {self.criteria!r}")
        if self.n_keep > self.n_candidates:
            raise ValueError(
                f"n_keep must be at most n_candidates={self.n_candidates}; got "
                f"{self.n_keep}"
            )
        if "spectrum" in self.criteria and X.shape[-1] < 2:
            raise ValueError(
                "the criterion 'spectrum' needs n_times >= 2; got X with 1 feature(s)"
            )
        if "spectrum" in self.criteria:  # which fs and band does it take?
            log_spectral_distance(X[:1], X[:1], fs=self.fs, band=self.band)
        if "confidence" in self.criteria and self.classifier is None:
            raise ValueError("the criterion 'confidence' needs a classifier; got None")
        if "confidence" in self.criteria and (y is None or (y == y[0]).all()):
            raise ValueError("the criterion 'confidence' needs a y of several classes")
        if "reconstruction" in self.criteria:
            each = [generator]
            if isinstance(generator, dict):
                lacking = set(present) - generator.keys()
                if lacking:
                    raise ValueError(
                        f"generator has no entry for {sorted(lacking)}; it has "
                        f"{list(generator)}"
                    )
                each = generator.values()
            for one in each:
                if not (hasattr(one, "encode") and hasattr(one, "decode")):
                    raise TypeError(
                        "the criterion 'reconstruction' needs a generator with encode "
                        f"and decode; got {one!r}"
                    )

    def _refer(self, X, y, label):
        index = np.arange(len(X)) if y is None else np.flatnonzero(y == label)
        return References(
            self._scaled(X[index]),
            index,
            name_of(label),
            max_quantile=self.max_distance_quantile,
            min_quantile=self.min_distance_quantile,
            spacing=self.min_spacing,
        )

    def _scaled(self, X):
        """Rows (n, n_channels, n_times) in the unit of the distances."""
        X = X[:, None] if X.ndim == 2 else X
        return X if self.scale_ is None else X / self.scale_

    def _by_label(self, y_new, n_rows):
        """Each class that is there, and its rows."""
        known = list(self.references_)
        if known == [None]:
            if y_new is not None:
                raise ValueError(f"fit had no y; select got y_new={y_new!r}")
            return [(None, np.arange(n_rows))]
        if y_new is None:
            raise ValueError(f"y_new is needed: fit had y, of the classes {known}")
        y_new = np.asarray(y_new)
        if y_new.shape not in ((), (n_rows,)):
            raise ValueError(f"y_new must have shape ({n_rows},); got {y_new.shape}")
        y_new = np.broadcast_to(y_new, n_rows)
        labels = check_known(np.unique(y_new), known)
        return [(label, np.flatnonzero(y_new == label)) for label in labels]

    def _choose(self, given, X, label, kept=None):
        """Judge the candidates of one class; ``chosen`` are the kept, best first."""
        references = self.references_[label]
        rows = self._scaled(X)
        distance, match = nearest_rmse(rows, references.rows)
        candidates = Candidates(given, rows, label, references, match, distance)
        scores = {c: CRITERIA[c](self, candidates) for c in self.criteria_}
        reason = np.full(len(rows), "surplus", dtype=object)
        reason[distance > references.farthest] = "far"
        reason[distance <= references.copy] = "copy"
        total = sum_of_z(scores.values(), reason == "surplus")
        order = np.argsort(total, kind="stable")
        chosen, is_duplicate = walk_down(
            rows,
            order[reason[order] == "surplus"],
            None if kept is None else self._scaled(kept),
            n_keep=self.n_keep,
            spacing=references.spacing,
            earlier_spacing=references.earlier_spacing,
        )
        reason[is_duplicate] = "duplicate"
        reason[chosen] = "kept"
        return Bunch(
            chosen=chosen,
            rank=np.argsort(order),
            reason=reason,
            nearest=references.index[match],
            distance=distance,
            total=total,
            scores=scores,
        )

    def _warn_of_few(self, label, reason):
        refused = {
            word: int((reason == word).sum()) for word in ("far", "copy", "duplicate")
        }
        n_kept = int((reason == "kept").sum())
        if n_kept < self.n_keep and any(refused.values()):
            warnings.warn(
                f"{name_of(label)}: {n_kept} of {len(reason)} candidates are kept and "
                f"n_keep={self.n_keep}; refused are {refused}",
                stacklevel=3,
            )
