"""Pre-train on synthetic rows, fine-tune on some real ones."""

import copy
import time
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from sksynth._random import as_rng
from sksynth.evaluation._frame import CURVE_COLUMNS, METHODS, REAL_ONLY
from sksynth.evaluation._protocol import Trained, in_parallel, named, train
from sksynth.evaluation._scores import Scores
from sksynth.evaluation._splits import check_data, make_runs
from sksynth.evaluation._synthetic import (
    amounts,
    as_sampler,
    check_amount,
    check_neighbours,
    draw,
    name_of,
)


def fine_tuning_curve(
    generator,
    classifier,
    X,
    y,
    *,
    fractions=(0.2, 0.4, 0.6, 0.8, 1.0),
    cv=5,
    groups=None,
    n_synthetic=1.0,
    scoring=None,
    per_class=False,
    n_repeats=1,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Train on synthetic rows, fine-tune on more and more real ones, and score that.

    In each fold the generator is fitted on the training rows and the classifier on its
    synthetic rows alone. For each fraction of the real training rows a copy of that
    classifier goes on training on them (``classifier.fine_tune``, which in
    :class:`~sksynth.classifiers.CNN1DClassifier` trains the dense layers and leaves the
    convolutions), and a new classifier is fitted on the same rows, for comparison.
    The protocol is that of the public code of [1]_.

    The generator has seen all real training rows at every fraction. So the curve tells
    what pre-training on its rows is worth, and not how few records would have done.

    Parameters
    ----------
    generator : object with ``fit`` and ``sample``, or sampler with ``fit_resample``
        As in :func:`evaluate_combinations`.
    classifier : scikit-learn classifier with ``fine_tune(X, y)``
        Cloned for each training.
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Real signals.
    y : array-like of shape (n_samples,)
        Labels.
    fractions : sequence of float in (0, 1], default=(0.2, 0.4, 0.6, 0.8, 1.0)
        Parts of the real training rows: rounded in each class, at least one row of it.
        The rows of a fraction are among those of any larger one.
    cv, groups, scoring, per_class, n_repeats, random_state
        As in :func:`evaluate_combinations`; the same ``random_state`` gives the same
        folds and seeds there.
    n_synthetic : float, "balanced" or dict, default=1.0
        Synthetic rows of a fold: for each class this ratio to its real training rows,
        as many as the largest class has, or a number of rows by label.
    n_jobs : int, default=None
        Folds at a time; None is one.
    verbose : int, default=0
        1 prints a line a fold.

    Returns
    -------
    curve : DataFrame
        One row a score, with the columns ``generator``, ``method`` (``"fine-tuned"`` or
        ``"real only"``), ``fraction``, ``repeat``, ``fold``, ``measure``, ``score``,
        ``n_real``, ``n_synthetic`` (rows the classifier was trained on, before and in
        fine-tuning), ``n_test`` and ``seconds`` (of the fine-tuning, without the
        training before it; or of the fit on real rows).

    Raises
    ------
    TypeError
        If the classifier has no ``fine_tune``.
    ValueError
        If ``fractions`` holds another value, or as :func:`evaluate_combinations`.

    References
    ----------
    .. [1] Public code of the study, https://github.com/AI4HA-UPC/AI4HA-UPC.

    Examples
    --------
    A nearest neighbour, which ``fine_tune`` fits anew:

    >>> import numpy as np
    >>> from sklearn.neighbors import KernelDensity, KNeighborsClassifier
    >>> from sksynth.evaluation import fine_tuning_curve
    >>> class Nearest(KNeighborsClassifier):
    ...     def fine_tune(self, X, y):
    ...         return self.fit(X, y)
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 20, axis=0)
    >>> y = np.repeat(["N", "V"], 20)
    >>> curve = fine_tuning_curve(
    ...     KernelDensity(), Nearest(1), X, y, fractions=[0.1, 1.0], cv=2,
    ...     scoring="accuracy", random_state=0,
    ... )
    >>> curve.query("fold == 0")[["method", "fraction", "score", "n_real"]]
           method  fraction  score  n_real
    0  fine-tuned       0.1    1.0       2
    1   real only       0.1    1.0       2
    2  fine-tuned       1.0    1.0      20
    3   real only       1.0    1.0      20
    """
    if not callable(getattr(classifier, "fine_tune", None)):
        raise TypeError(
            f"{type(classifier).__name__} has no fine_tune(X, y); CNN1DClassifier has"
        )
    X, y, groups = check_data(X, y, groups)
    classes = np.unique(y)
    name = name_of(generator)
    check_amount(n_synthetic, classes, "fine-tuning")
    curve = _Curve(
        name=name,
        sampler=as_sampler(generator, name, X),
        classifier=classifier,
        fractions=_check_fractions(fractions),
        n_synthetic=n_synthetic,
        classes=classes,
        scores=Scores(scoring, classes, per_class=per_class, classifier=classifier),
    )
    runs = make_runs(cv, X, y, groups, n_repeats, random_state)
    check_neighbours(
        curve.sampler, name, y, runs, lambda run: curve.amounts(y[run.train])
    )
    rows = in_parallel(curve.rows, runs, (X, y, groups), n_jobs, verbose)
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def _check_fractions(fractions):
    several = [fractions] if isinstance(fractions, Real) else list(fractions)
    if not several or not all(isinstance(f, Real) and 0 < f <= 1 for f in several):
        raise ValueError(f"fractions must be numbers in (0, 1]; got {fractions!r}")
    return sorted(set(several))


def nested_rows(y, fractions, seed):
    """Row numbers of each fraction, stratified and in their order.

    Each class is shuffled once, and a fraction takes its beginning.
    """
    rng = as_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    return [
        np.sort(
            np.concatenate([rows[: max(1, round(f * len(rows)))] for rows in shuffled])
        )
        for f in fractions
    ]


@dataclass
class _Curve:
    """What is done in each run."""

    name: str
    sampler: object
    classifier: object
    fractions: list
    n_synthetic: object
    classes: np.ndarray
    scores: Scores

    def rows(self, run, X, y, groups):
        """Rows of the curve of one run."""
        real, test = (X[run.train], y[run.train]), (X[run.test], y[run.test])
        own_groups = None if groups is None else groups[run.train]
        alone = self.amounts(real[1])
        none = np.zeros_like(alone)
        counts = alone, none, none
        with named(self.name, run):
            synthetic = draw(
                self.sampler, self.name, real, own_groups, counts, run.generator_seed
            )
            trained = train(self.classifier, None, synthetic.alone, run.classifier_seed)
        rows = []
        subsets = nested_rows(real[1], self.fractions, run.generator_seed)
        for fraction, subset in zip(self.fractions, subsets, strict=True):
            some = real[0][subset], real[1][subset]
            for method in METHODS:
                with named(REAL_ONLY if method == REAL_ONLY else self.name, run):
                    if method == REAL_ONLY:
                        way = train(self.classifier, some, None, run.classifier_seed)
                    else:
                        way = _fine_tuned(trained, *some)
                    rows += self._scored(run, method, fraction, way, test)
        return rows

    def amounts(self, y_train):
        """Synthetic rows of each class."""
        present = np.unique(y_train, return_counts=True)[1]
        return amounts(self.n_synthetic, self.classes, present)[0]

    def _scored(self, run, method, fraction, trained, test):
        fixed = {
            "generator": self.name,
            "method": method,
            "fraction": fraction,
            "repeat": run.repeat,
            "fold": run.fold,
            "n_real": trained.n_real,
            "n_synthetic": trained.n_synthetic,
            "n_test": len(test[1]),
            "seconds": trained.seconds,
        }
        scores = self.scores(trained.classifier, *test)
        return [{**fixed, "measure": m, "score": s} for m, s in scores.items()]


def _fine_tuned(trained, X, y):
    """A copy that went on training; the one given stays as it was."""
    classifier = copy.deepcopy(trained.classifier)
    start = time.perf_counter()
    classifier.fine_tune(X, y)
    seconds = time.perf_counter() - start
    return Trained(classifier, seconds, len(y), trained.n_synthetic)
