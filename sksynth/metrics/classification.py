"""Measures that ask a classifier: two-sample, inception and accuracy scores."""

import numpy as np
from scipy.special import rel_entr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, check_cv, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from sksynth._arrays import (
    channel_moments,
    check_arrays,
    check_integer,
    check_labels,
)
from sksynth._random import as_rng
from sksynth.metrics.features import convolved

_N_FEATURES = 256  # of the default two-sample classifier


def classifier_two_sample_score(
    X_real, X_synthetic, *, classifier=None, cv=5, random_state=None
):
    """How hard it is for a classifier to tell synthetic rows from real ones.

    ``1 - |accuracy - 0.5| / 0.5`` with the cross-validated accuracy, a fraction, of a
    classifier of real (0) against synthetic rows (1) [1]_: 1 if it can only guess, 0 if
    it is always right. Higher is better. The sets are balanced first: rows of the
    larger one are drawn at random. Two samples of one distribution score a little less
    than 1, as an accuracy measured on few rows is not exactly 0.5.

    Synthetic copies of the very rows of `X_real` mislead the classifier to less than
    0.5 and lower the score too; a copy of rows not in `X_real` does not show here (see
    :func:`copy_fraction`).

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_channels, n_times) or (n_real, n_times)
        Real signals.
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals.
    classifier : scikit-learn classifier, default=None
        Takes X as it is given here, in 2 or 3 dimensions. It is cloned, and seeded
        where its ``random_state`` is None. None is logistic regression on 256
        standardised features of :func:`random_convolution_features`, whose cost is
        linear in the number of rows; its channels are standardised over both sets.
    cv : int, cross-validation splitter or iterable of splits, default=5
        Folds. An int shuffles and keeps the two sets balanced.
    random_state : int, RandomState or None, default=None
        Draws the rows of the larger set, shuffles the folds and seeds the classifier.

    Returns
    -------
    score : float in [0, 1]
        1 is "cannot be told apart".

    Raises
    ------
    ValueError
        If the sets differ in channels or times, or the smaller has less rows than
        there are folds.

    References
    ----------
    .. [1] D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR
       2017.

    Examples
    --------
    Signals of zeros and of ones are told apart without an error:

    >>> import numpy as np
    >>> from sksynth.metrics import classifier_two_sample_score
    >>> real, synthetic = np.zeros((20, 2, 9)), np.ones((30, 2, 9))
    >>> classifier_two_sample_score(real, synthetic, random_state=0)
    0.0
    """
    shapes_given = np.ndim(X_real), np.ndim(X_synthetic)
    X_real, X_synthetic = check_arrays(
        X_real, X_synthetic, names=("X_real", "X_synthetic"), min_samples=2
    )
    n_rows = min(len(X_real), len(X_synthetic))
    rng = as_rng(random_state)
    if cv is None or isinstance(cv, int | np.integer):
        n_folds = check_integer(5 if cv is None else cv, "cv", 2, n_rows)
        cv = StratifiedKFold(n_folds, shuffle=True, random_state=rng.randint(2**31))
    y = np.repeat([0, 1], n_rows)
    sets = [X[_drawn(len(X), n_rows, rng)] for X in (X_real, X_synthetic)]
    if classifier is None:
        X = _features_of_both(*sets)
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    else:
        X = np.concatenate(sets)
        X = X[:, 0] if shapes_given == (2, 2) else X
        classifier = _seeded_clone(classifier, rng)
    if not getattr(cv, "shuffle", True):  # such a splitter needs mixed rows
        order = rng.permutation(len(y))
        X, y = X[order], y[order]
    accuracy = cross_val_score(
        classifier,
        X,
        y,
        cv=check_cv(cv, y, classifier=True),
        scoring="accuracy",
        error_score="raise",
    ).mean()
    return float(1 - abs(accuracy - 0.5) / 0.5)


def inception_score(probabilities, *, n_splits=10, random_state=None):
    r"""Inception score of class probabilities; higher is better.

    :math:`\exp(\mathrm{mean}_i\, KL(p(y|x_i) \| p(y)))`, p(y) being the mean of the
    rows [1]_, in each of `n_splits` random parts of nearly equal size. It is 1 if all
    rows have the same probabilities, and the number of classes if a classifier is sure
    of each row and finds each class as often. It looks at synthetic rows only, and at
    what a classifier makes of them: copies of one good row a class score best.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
        What a classifier that was trained on real signals gives to synthetic ones: its
        ``predict_proba``. Rows sum to 1; zeros are allowed.
    n_splits : int, default=10
        Parts; each should hold many more rows than there are classes.
    random_state : int, RandomState or None, default=None
        Shuffles the rows before they are split.

    Returns
    -------
    mean, sd : float
        Mean and (population) standard deviation over the parts.

    Raises
    ------
    ValueError, TypeError
        If rows are no probabilities, or `n_splits` is not an int from 1 to n_samples.

    References
    ----------
    .. [1] T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth.metrics import inception_score
    >>> mean, sd = inception_score(np.eye(4), n_splits=1)
    >>> round(mean, 6), sd
    (4.0, 0.0)
    """
    p = check_array(probabilities, dtype=np.float64, input_name="probabilities")
    if p.min() < 0 or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        sums = p.sum(axis=1)
        raise ValueError(
            "probabilities must be at least 0 and sum to 1 in each row; got values "
            f"from {p.min():g} and sums from {sums.min():g} to {sums.max():g}"
        )
    check_integer(n_splits, "n_splits", 1, len(p))
    p = p / p.sum(axis=1, keepdims=True)
    order = as_rng(random_state).permutation(len(p))
    scores = [
        np.exp(rel_entr(part, part.mean(axis=0)).sum(axis=1).mean())
        for part in np.array_split(p[order], n_splits)
    ]
    return float(np.mean(scores)), float(np.std(scores))


def classification_accuracy_score(classifier, X_synthetic, y_synthetic, X_real, y_real):
    """Accuracy on real signals of a classifier trained on synthetic ones.

    The classification accuracy score of Ravuri and Vinyals [1]_; higher is better, and
    the accuracy of the same classifier trained on real signals is the value to compare
    it with. In the protocol of TimeVQVAE [2]_ the classifier is a
    :class:`sksynth.classifiers.FCNClassifier` and the synthetic labels are those of
    :func:`proportional_labels`.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Takes X as it is given here, in 2 or 3 dimensions. It is cloned.
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals to train on.
    y_synthetic : array-like of shape (n_new,)
        Their labels.
    X_real : array-like of shape (n_real, n_channels, n_times) or (n_real, n_times)
        Real signals to test on, that the generator did not see.
    y_real : array-like of shape (n_real,)
        Their labels.

    Returns
    -------
    accuracy : float in [0, 1]
        Fraction of the real rows whose label is predicted.

    Raises
    ------
    ValueError
        If the two X differ in channels or times, or a y has another length than its X.

    References
    ----------
    .. [1] S. Ravuri and O. Vinyals, "Classification accuracy score for conditional
       generative models", NeurIPS 2019.
    .. [2] D. Lee, S. Malacarne and E. Aune, "Vector quantized time series generation
       with a bidirectional prior model", AISTATS 2023.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sksynth.metrics import classification_accuracy_score
    >>> nearest = KNeighborsClassifier(1)
    >>> X_real, y_real = [[0.1], [0.2], [0.9], [0.8]], ["N", "N", "V", "N"]
    >>> classification_accuracy_score(nearest, [[0], [1]], ["N", "V"], X_real, y_real)
    0.75
    """
    shapes_given = np.ndim(X_synthetic), np.ndim(X_real)
    X_synthetic, X_real = check_arrays(
        X_synthetic, X_real, names=("X_synthetic", "X_real"), min_samples=1
    )
    y_synthetic = check_labels(y_synthetic, len(X_synthetic), "y_synthetic")
    y_real = check_labels(y_real, len(X_real), "y_real")
    if shapes_given == (2, 2):
        X_synthetic, X_real = X_synthetic[:, 0], X_real[:, 0]
    fitted = clone(classifier).fit(X_synthetic, y_synthetic)
    return float(accuracy_score(y_real, fitted.predict(X_real)))


def proportional_labels(y_real, *, n_min=1000):
    """Labels to generate: in the proportions of the real ones, `n_min` in all at least.

    Each class gets at least as many as it has real rows. Fractions are rounded by the
    largest remainder, so that the total is exact.

    Parameters
    ----------
    y_real : array-like of shape (n_real,)
        Real labels.
    n_min : int, default=1000
        Fewest labels; as many as `y_real` has if that is more.

    Returns
    -------
    y : ndarray of shape (max(n_real, n_min),)
        Labels, sorted.

    Raises
    ------
    ValueError, TypeError
        If `y_real` is empty or not one-dimensional, or `n_min` is no int of at least 1.

    Examples
    --------
    >>> from sksynth.metrics import proportional_labels
    >>> proportional_labels(["V", "N", "N"], n_min=7).tolist()
    ['N', 'N', 'N', 'N', 'N', 'V', 'V']
    """
    y_real = check_labels(y_real, len(y_real), "y_real")
    check_integer(n_min, "n_min", 1)
    classes, counts = np.unique(y_real, return_counts=True)
    n_labels = max(len(y_real), n_min)
    wanted, remainder = np.divmod(counts * n_labels, len(y_real))
    missing = n_labels - wanted.sum()
    wanted[np.argsort(-remainder, kind="stable")[:missing]] += 1
    return np.repeat(classes, wanted)


def _drawn(n_rows, n_wanted, rng):
    """All rows, or a random choice of them."""
    if n_rows == n_wanted:
        return slice(None)
    return np.sort(rng.permutation(n_rows)[:n_wanted])


def _features_of_both(X, Y):
    """Features (n_X + n_Y, 256) of two sets, standardised over both."""
    scaling = channel_moments(X, Y)
    return np.concatenate(
        [convolved(Z, *scaling, n_features=_N_FEATURES) for Z in (X, Y)]
    )


def _seeded_clone(classifier, rng):
    """Clone whose random states are fixed, where they were None."""
    classifier = clone(classifier)
    for name, value in sorted(classifier.get_params().items()):
        if name.split("__")[-1] == "random_state" and value is None:
            classifier.set_params(**{name: int(rng.randint(2**31))})
    return classifier
