"""What candidates are ranked by: a function each, of which lower is better."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches, get_tags

from sksynth.metrics import log_spectral_distance, paired_correlation, paired_rmse
from sksynth.selection._references import References


@dataclass(frozen=True)
class Candidates:
    """Rows of one class and the real rows nearest to them.

    Attributes
    ----------
    given : array-like of shape (n_rows, ...)
        The rows in the form and unit of the X given to ``fit``.
    rows : ndarray of shape (n_rows, n_channels, n_times)
        The same, scaled.
    label : object
        Their class; None where there is but one.
    references : References
        Real rows of the class.
    match : ndarray of shape (n_rows,)
        Nearest reference of each row.
    distance : ndarray of shape (n_rows,)
        RMSE to it.
    """

    given: object
    rows: np.ndarray
    label: object
    references: References
    match: np.ndarray
    distance: np.ndarray


def _against_match(measure, candidates):
    """Mean over the channels of a paired measure, in blocks of rows."""
    values = np.empty(len(candidates.rows))
    for part in gen_batches(len(values), 512):
        matched = candidates.references.rows[candidates.match[part]]
        values[part] = measure(candidates.rows[part], matched).mean(axis=1)
    return values


def _spectrum(keep, candidates):
    def measure(rows, matched):
        return log_spectral_distance(rows, matched, fs=keep.fs, band=keep.band)

    return _against_match(measure, candidates)


def _correlation(keep, candidates):
    return 1 - _against_match(paired_correlation, candidates)


def _distance(keep, candidates):
    return candidates.distance


def _reconstruction(keep, candidates):
    generator, label = keep.generator_, candidates.label
    if isinstance(generator, dict):
        generator = generator[label]
    targets = {"y": label} if hasattr(generator, "classes_") else {}
    codes = generator.encode(candidates.given, **targets)
    decoded = np.asarray(generator.decode(codes, **targets))
    decoded = keep._scaled(decoded.reshape(len(decoded), *keep.input_shape_))
    return np.sqrt((paired_rmse(decoded, candidates.rows) ** 2).mean(axis=1))


def _confidence(keep, candidates):
    rows = rows_for(keep.classifier_, candidates.given)
    column = keep.classifier_.classes_.tolist().index(candidates.label)
    return 1 - keep.classifier_.predict_proba(rows)[:, column]


CRITERIA = {
    "spectrum": _spectrum,
    "correlation": _correlation,
    "distance": _distance,
    "reconstruction": _reconstruction,
    "confidence": _confidence,
}


def rows_for(classifier, X):
    """X as it is for a classifier of signals, flat rows for any other."""
    if np.ndim(X) == 2 or get_tags(classifier).input_tags.three_d_array:
        return X
    return np.reshape(X, (len(X), -1))


def sum_of_z(scores, is_eligible):
    """Sum of the scores, of which each has mean 0 and deviation 1 where eligible."""
    total = np.zeros(len(is_eligible))
    for values in scores:
        some = values[is_eligible] if is_eligible.any() else values
        deviation = some.std()
        if deviation > 1e-12 * np.abs(some).max():
            total += (values - some.mean()) / deviation
    return total
