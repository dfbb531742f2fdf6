"""Scores of a trained classifier on a test set."""

import warnings
from collections.abc import Mapping

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import check_scoring, make_scorer

DEFAULT_SCORING = (
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "precision_macro",
    "recall_macro",
    "roc_auc_ovr",
)
NEED_PROBABILITIES = {
    *("roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_ovo_weighted"),
    *("neg_log_loss", "neg_brier_score"),
}


class Scores:
    """All measures of one call, by name.

    Parameters
    ----------
    scoring : None, str, callable, sequence of these or mapping of names to these
        As in :func:`evaluate_combinations`.
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    per_class : bool
        Adds the recall of each class.
    classifier : object
        What shall be judged; asked for what it can do.
    """

    def __init__(self, scoring, classes, *, per_class, classifier):
        measures = _named(scoring, classifier)
        for name, measure in measures.items():
            check_scoring(scoring=measure)  # refuses unknown names
            if measure in NEED_PROBABILITIES and not _has_probabilities(classifier):
                raise TypeError(
                    f"the measure {measure!r} needs probabilities; "
                    f"{type(classifier).__name__} has no predict_proba"
                )
            if name.startswith("recall["):
                raise ValueError(f"a measure may not be named {name!r}: it is taken")
        self.may_lack = {k for k, v in measures.items() if isinstance(v, str)}
        if per_class:
            for label in classes.tolist():
                measures[f"recall[{label}]"] = make_scorer(_recall, label=label)
        self.measures, self.classes = measures, classes

    def __call__(self, classifier, X, y):
        """Names and floats; NaN where a measure of scikit-learn is not defined."""
        with warnings.catch_warnings():
            # 0 by convention: the precision of a class that was never predicted
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            for said_before in ("y_pred contains classes not", "A single label was"):
                warnings.filterwarnings("ignore", said_before)
            if np.isin(self.classes, y).all():
                scores = check_scoring(scoring=self.measures)(classifier, X, y)
            else:
                classifier.predict(X)  # an error of its own is no missing class
                scores = {
                    name: self._one(name, classifier, X, y) for name in self.names
                }
        return {name: float(score) for name, score in scores.items()}

    @property
    def names(self):
        """Names of the measures, in order."""
        return list(self.measures)

    def _one(self, name, classifier, X, y):
        try:
            return check_scoring(scoring=self.measures[name])(classifier, X, y)
        except ValueError:
            if name not in self.may_lack:
                raise
            return np.nan  # a class is missing, as the splits said


def _named(scoring, classifier):
    """Measures by name, of any of the forms of ``scoring``."""
    if scoring is None:
        return {
            name: name
            for name in DEFAULT_SCORING
            if name not in NEED_PROBABILITIES or _has_probabilities(classifier)
        }
    if isinstance(scoring, Mapping):
        return dict(scoring)
    several = [scoring] if isinstance(scoring, str) or callable(scoring) else scoring
    measures = {
        m if isinstance(m, str) else getattr(m, "__name__", repr(m)): m for m in several
    }
    if not measures or len(measures) < len(list(several)):
        raise ValueError(f"scoring must name one or more measures once; got {scoring}")
    return measures


def _has_probabilities(classifier):
    return hasattr(classifier, "predict_proba")


def _recall(y_true, y_pred, label):
    """Share of a class that was found; NaN without rows of it."""
    own = y_true == label
    return np.mean(y_pred[own] == label) if own.any() else np.nan
