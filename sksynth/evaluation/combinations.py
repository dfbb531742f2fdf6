"""The five ways to train and test with real and synthetic rows."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sksynth.evaluation._baselines import ClassWeights
from sksynth.evaluation._frame import COMBINATIONS, REAL_ONLY, RESULT_COLUMNS
from sksynth.evaluation._protocol import PARTS, Protocol, in_parallel
from sksynth.evaluation._scores import Scores
from sksynth.evaluation._splits import check_data, make_runs
from sksynth.evaluation._synthetic import as_sampler, check_amount, name_of


def evaluate_combinations(
    generator,
    classifier,
    X,
    y,
    *,
    cv=5,
    groups=None,
    combinations=COMBINATIONS,
    n_synthetic=1.0,
    scoring=None,
    per_class=True,
    n_repeats=1,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Train and test a classifier on real and on synthetic rows, fold by fold.

    In each fold one generator is fitted on the training rows, and nothing else; the
    test rows never meet it. All combinations share this fit, the split and the seeds:

    ========= ==================== ==========
    name      trained on           tested on
    ========= ==================== ==========
    TrRTeR    real (the baseline)  real
    TrSTeR    synthetic            real
    TrRTeS    real                 synthetic
    TrSTeS    synthetic            synthetic
    TrRSTeR   real and synthetic   real
    ========= ==================== ==========

    Names and protocol follow the ECG augmentation study of [1]_; "train on synthetic,
    test on real" is due to [2]_. The synthetic rows for testing are further draws of
    the same fit, as many of each class as the fold's real test rows have. So TrRTeS and
    TrSTeS say whether synthetic rows look to the classifier like real ones, and nothing
    about other patients; a generator of copies scores high there.

    Parameters
    ----------
    generator : object with ``fit`` and ``sample``, or sampler with ``fit_resample``
        Cloned. A generator without conditions is fitted once a class, as in
        :class:`~sksynth.over_sampling.GeneratorOverSampler`. Of a sampler
        (``FlatSampler(SMOTE())``, say, or a ``GeneratorOverSampler`` with ``strength``)
        the rows after the real ones count; ``n_synthetic`` takes the place of its
        ``sampling_strategy`` or ``ratio``.
    classifier : scikit-learn classifier
        Cloned for each training; gets rows in the shape of X.
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Real signals; a DataFrame is read as its numbers.
    y : array-like of shape (n_samples,)
        Labels.
    cv : int, splitter or iterable of (train, test), default=5
        An int is a number of shuffled stratified folds, with ``groups`` of
        ``StratifiedGroupKFold``. ``PredefinedSplit`` uses folds that the data bring.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row; no patient may be on both sides of a fold. Samplers that
        take ``groups`` get those of the training rows.
    combinations : sequence of str, default=COMBINATIONS
        Some of the names above.
    n_synthetic : float, "balanced" or dict, default=1.0
        Synthetic training rows of a fold.

        - float: for each class this ratio to its real training rows, rounded, at least
          one row;
        - ``"balanced"``: TrRSTeR fills each class up to the largest one; where no real
          rows are used, each class has as many rows as the largest real one;
        - dict: rows (int) by label; a label that is not named gets none.
    scoring : str, callable, or a sequence or mapping of these, default=None
        Names of scikit-learn scorers, or ``scorer(classifier, X, y)``. None is
        accuracy, balanced accuracy, macro F1, precision and recall, and the macro
        one-vs-rest area under the ROC curve where the classifier has probabilities.
        The precision of a class that is never predicted counts as 0.
    per_class : bool, default=True
        Adds the recall of each class as ``recall[label]``.
    n_repeats : int, default=1
        Repeats with newly shuffled folds. Folds that ``cv`` fixes stay the same, then
        only the seeds differ.
    random_state : int, RandomState or None, default=None
        Fixes splits, generators and classifiers, for any ``n_jobs``: it takes the place
        of every ``random_state`` that these have, and of a splitter that has no int.
        The same rows are real test rows, and the same seeds used, for all generators.
    n_jobs : int, default=None
        Folds at a time, each in a process; None is one.
    verbose : int, default=0
        1 prints a line a fold.

    Returns
    -------
    results : DataFrame
        One row a score, with the columns ``generator`` (name of its class; ``"real
        only"`` for TrRTeR), ``combination``, ``repeat``, ``fold``, ``measure``,
        ``score``, ``n_real`` and ``n_synthetic`` (training rows), ``n_test`` and
        ``seconds`` (of the classifier's fit). A score is NaN where the test rows lack
        a class that the measure needs. :func:`summarise` makes a table of it.

    Raises
    ------
    ValueError, TypeError
        Before any training: for unknown names, a fold whose training rows lack a class,
        fewer rows of a class than folds, too few training rows of a class for the
        neighbours of SMOTE, a group on both sides, or an argument of another kind.
        Later if a sampler gives other rows than asked. An error of a method itself has
        a note that names the method, the repeat and the fold.

    See Also
    --------
    compare : Several generators and baselines on the same folds.

    References
    ----------
    .. [1] Public code of the study, https://github.com/AI4HA-UPC/AI4HA-UPC.
    .. [2] C. Esteban, S. L. Hyland and G. Raetsch, "Real-valued (medical) time series
       generation with recurrent conditional GANs", arXiv:1706.02633, 2017.

    Examples
    --------
    Two classes far apart, so that any training set does:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neighbors import KernelDensity
    >>> from sksynth.evaluation import evaluate_combinations
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 10, axis=0)
    >>> X += np.random.default_rng(0).normal(scale=0.1, size=X.shape)
    >>> y = np.repeat(["N", "V"], 10)
    >>> results = evaluate_combinations(
    ...     KernelDensity(), LogisticRegression(), X, y, cv=2, scoring="accuracy",
    ...     n_synthetic=3.0, per_class=False, random_state=0,
    ... )
    >>> results.groupby("combination", sort=False)["score"].mean().to_dict()
    {'TrRTeR': 1.0, 'TrSTeR': 1.0, 'TrRTeS': 1.0, 'TrSTeS': 1.0, 'TrRSTeR': 1.0}
    >>> results.query("combination == 'TrRSTeR'")[["n_real", "n_synthetic", "n_test"]]
       n_real  n_synthetic  n_test
    4      10           30      10
    9      10           30      10
    """
    return compare(
        {name_of(generator): generator},
        classifier,
        X,
        y,
        cv=cv,
        groups=groups,
        combinations=combinations,
        n_synthetic=n_synthetic,
        scoring=scoring,
        per_class=per_class,
        n_repeats=n_repeats,
        random_state=random_state,
        n_jobs=n_jobs,
        verbose=verbose,
    )


def compare(
    generators,
    classifier,
    X,
    y,
    *,
    cv=5,
    groups=None,
    combinations=COMBINATIONS,
    n_synthetic=1.0,
    scoring=None,
    per_class=True,
    n_repeats=1,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """:func:`evaluate_combinations` of several generators, on the same folds and seeds.

    The classifier that sees real rows alone is trained once a fold for all of them, and
    its scores do not depend on any generator.

    Parameters
    ----------
    generators : mapping of str to generator, sampler or None
        Names and what draws the rows; :func:`baselines` has some to begin with.
        ``None``, under the name ``"real only"``, adds nothing: the TrRTeR rows have
        this name whether it is there or not.
    classifier : scikit-learn classifier
        Cloned for each training.
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Real signals.
    y : array-like of shape (n_samples,)
        Labels.
    cv, groups, combinations, n_synthetic, scoring, per_class, n_repeats, random_state
        As in :func:`evaluate_combinations`.
    n_jobs, verbose : int
        As in :func:`evaluate_combinations`.

    Returns
    -------
    results : DataFrame
        The columns of :func:`evaluate_combinations`; ``generator`` is the name given.
        ``"class weights"`` trains and tests on real rows: its combination is TrRTeR.

    Raises
    ------
    ValueError, TypeError
        As :func:`evaluate_combinations`, and for names that are not text.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sksynth.evaluation import baselines, compare
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 12, axis=0)
    >>> X += np.random.default_rng(0).normal(scale=0.1, size=X.shape)
    >>> y = np.repeat(["N", "V"], 12)
    >>> results = compare(
    ...     baselines(), LogisticRegression(), X, y, cv=2, scoring="accuracy",
    ...     combinations=["TrRTeR", "TrRSTeR"], per_class=False, random_state=0,
    ... )
    >>> results.groupby("generator", sort=False)["score"].mean().to_dict()
    {'real only': 1.0, 'random over-sampling': 1.0, 'jitter': 1.0, 'SMOTE': 1.0}
    """
    combinations = _check_combinations(combinations)
    X, y, groups = check_data(X, y, groups)
    classes = np.unique(y)
    protocol = Protocol(
        methods=_check_methods(generators, classifier, X),
        classifier=classifier,
        combinations=combinations,
        n_synthetic=n_synthetic,
        classes=classes,
        scores=Scores(scoring, classes, per_class=per_class, classifier=classifier),
    )
    alone = [c for c in combinations if PARTS[c][0] == "S"]
    check_amount(n_synthetic, classes, alone and alone[0])
    draws = any(not isinstance(m, ClassWeights) for m in protocol.methods.values())
    if "TrRTeR" not in combinations and not draws:
        raise ValueError(
            f"combinations={combinations} need a generator, and generators names "
            f"{list(generators)} only"
        )
    runs = make_runs(cv, X, y, groups, n_repeats, random_state)
    protocol.check(runs, y)
    rows = in_parallel(protocol.rows, runs, (X, y, groups), n_jobs, verbose)
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


def _check_combinations(combinations):
    several = [combinations] if isinstance(combinations, str) else list(combinations)
    unknown = [c for c in several if c not in COMBINATIONS]
    if unknown or not several:
        raise ValueError(
            f"combinations must be some of {list(COMBINATIONS)}; got {combinations!r}"
        )
    return [c for c in COMBINATIONS if c in several]


def _check_methods(generators, classifier, X):
    """Samplers and class weights by name; those that do nothing are left out."""
    if not isinstance(generators, Mapping) or not generators:
        raise TypeError(
            "generators must be a mapping of names to generators or samplers; got "
            f"{generators!r}"
        )
    methods = {}
    for name, generator in generators.items():
        if not isinstance(name, str):
            raise TypeError(f"the names of generators must be text; got {name!r}")
        if (name == REAL_ONLY) != (generator is None):
            raise ValueError(
                f"{REAL_ONLY!r} is the name of None and of nothing else; got "
                f"{name!r}: {generator!r}"
            )
        if isinstance(generator, ClassWeights):
            generator.applied_to(classifier)
            methods[name] = generator
        elif generator is not None:
            methods[name] = as_sampler(generator, name, X)
    return methods
