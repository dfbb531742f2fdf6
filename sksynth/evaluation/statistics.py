"""Is a difference between two methods more than chance."""

from numbers import Real

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.utils import check_scalar

from sksynth._arrays import check_integer
from sksynth._random import as_rng
from sksynth.evaluation._frame import REAL_ONLY, RESULT_COLUMNS, SUMMARY_COLUMNS

RUN = ["repeat", "fold"]
LEVEL = 0.05  # of the tests in words


def corrected_t_test(differences, test_fraction):
    """Test a mean difference over resampled runs against 0, for overlapping sets.

    The runs of a cross-validation share training rows, so their differences are not
    independent and the plain t-test rejects too often, the more so the more runs there
    are. Nadeau and Bengio [1]_ replace its variance of the mean by
    ``(1 / J + n_test / n_train) s ** 2``, where J is the number of runs and s the
    deviation of the differences (their section 3; J - 1 degrees of freedom). It is a
    rule of thumb: exact if any two differences of runs have the correlation
    ``n_test / (n_test + n_train)``, and careful if they have less. In our simulation of
    real rows exchanged for other real rows it rejects 0 to 4 times in 100 at the 5 %
    level, the plain test 6 to 24 times (``tests/benchmarks/bench_calibration.py``).

    Parameters
    ----------
    differences : array-like of shape (n_runs,)
        Score of one method minus that of the other, run by run.
    test_fraction : float
        ``n_test / n_train``, rows of a test set for each row of its training set:
        0.25 for five folds. 0 is the plain t-test.

    Returns
    -------
    t : float
        The statistic.
    p : float
        Two-sided p-value; 1 if all differences are 0. Both are NaN, for there is no
        spread to judge by, for a single run, and where all runs differ by the same
        number (a test row or two of small folds).

    Raises
    ------
    ValueError
        If there is no difference, one is not finite, or ``test_fraction`` is negative.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52, 239-281, 2003.

    Examples
    --------
    The mean is 2, its corrected variance (1/3 + 2/3) * 1 = 1:

    >>> from sksynth.evaluation import corrected_t_test
    >>> t, p = corrected_t_test([1, 2, 3], test_fraction=2 / 3)
    >>> round(t, 6), round(p, 4)
    (2.0, 0.1835)
    """
    differences = _check_differences(differences)
    check_scalar(test_fraction, "test_fraction", Real, min_val=0)
    error = _corrected_error(differences, test_fraction)
    mean = differences.mean()
    if np.isnan(error):
        return np.nan, np.nan
    if error == 0:
        return 0.0, 1.0
    t = mean / error
    return float(t), float(2 * stats.t.sf(abs(t), len(differences) - 1))


def _corrected_error(differences, test_fraction):
    """Standard error of the mean difference; NaN if there is no spread to judge by."""
    n_runs, largest = len(differences), np.abs(differences).max()
    if n_runs < 2 or np.ptp(differences) <= 1e-12 * largest:  # equal, but for rounding
        return 0.0 if n_runs > 1 and largest == 0 else np.nan
    return np.sqrt((1 / n_runs + test_fraction) * differences.var(ddof=1))


def _check_differences(differences):
    differences = np.asarray(differences, dtype=float)
    if differences.ndim != 1 or not differences.size:
        raise ValueError(
            "differences must be one number a run, of shape (n_runs,); got shape "
            f"{differences.shape}"
        )
    if not np.isfinite(differences).all():
        raise ValueError(f"differences must be finite; got {differences}")
    return differences


def _check_confidence(confidence):
    check_scalar(
        confidence,
        "confidence",
        Real,
        min_val=0,
        max_val=1,
        include_boundaries="neither",
    )


def bootstrap_interval(
    differences,
    *,
    confidence=0.95,
    method="percentile",
    n_resamples=2000,
    random_state=None,
):
    """Interval of the mean difference from resampling the runs with replacement.

    The methods are those of [1]_. Runs are treated as independent. The runs of a
    cross-validation are not, since they share training rows: then the interval is too
    narrow, and with few runs (five, say) narrower still. Take the interval of
    :func:`summarise` to say whether a method helps, and this one for runs that share
    nothing (data sets, patients).

    Parameters
    ----------
    differences : array-like of shape (n_runs,)
        Score of one method minus that of the other, run by run.
    confidence : float in (0, 1), default=0.95
        Wanted probability of covering the mean.
    method : {"percentile", "bca"}, default="percentile"
        ``"bca"`` corrects for bias and skewness ([1]_, chapter 14).
    n_resamples : int, default=2000
        Bootstrap samples.
    random_state : int, RandomState or None, default=None
        Seed of the resampling.

    Returns
    -------
    low, high : float
        Ends of the interval, in the unit of the differences. Equal to the mean for
        differences that are all the same; NaN for a single run.

    Raises
    ------
    ValueError
        If there is no difference, one is not finite, or an option has another value.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman
       and Hall, 1993.

    Examples
    --------
    >>> from sksynth.evaluation import bootstrap_interval
    >>> bootstrap_interval([0.5, 0.5, 0.5], random_state=0)
    (0.5, 0.5)
    """
    differences = _check_differences(differences)
    _check_confidence(confidence)
    check_integer(n_resamples, "n_resamples", low=1)
    if method not in BOOTSTRAPS:
        raise ValueError(f"method must be one of {list(BOOTSTRAPS)}; got {method!r}")
    n_runs = len(differences)
    if n_runs < 2:
        return np.nan, np.nan
    if np.ptp(differences) == 0:
        return float(differences[0]), float(differences[0])
    rows = as_rng(random_state).randint(n_runs, size=(n_resamples, n_runs))
    means = differences[rows].mean(axis=1)
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(means, BOOTSTRAPS[method](differences, means, tails))
    return float(low), float(high)


def _plain_tails(differences, means, tails):
    return tails


def _bca_tails(differences, means, tails):
    """Tails moved by the bias z0 and the acceleration a ([1]_, equation 14.10)."""
    mean = differences.mean()
    below = np.mean(means < mean) + np.mean(means == mean) / 2
    half = 0.5 / len(means)  # keeps z0 finite
    z0 = stats.norm.ppf(np.clip(below, half, 1 - half))
    # of a mean, the leave-one-out values differ from theirs by (x - mean) / (n - 1)
    centred = differences - mean
    a = np.sum(centred**3) / (6 * np.sum(centred**2) ** 1.5)
    z = z0 + stats.norm.ppf(tails)
    return stats.norm.cdf(z0 + z / (1 - a * z))


BOOTSTRAPS = {"percentile": _plain_tails, "bca": _bca_tails}


def summarise(results, *, baseline=None, confidence=0.95):
    """Mean scores, and their differences to a baseline with tests for them.

    Scores are paired by repeat and fold. Interval and p-value are those of
    :func:`corrected_t_test`, so that the one excludes 0 when the other is under
    ``1 - confidence``. ``n_train`` counts the real training rows of a run, since those
    are what runs share (the synthetic ones where no combination trains on real rows).
    Both need runs on different splits: repeats of one fixed split say nothing of other
    patients.

    Parameters
    ----------
    results : DataFrame
        As :func:`evaluate_combinations` and :func:`compare` return.
    baseline : tuple (generator, combination) or str, default=None
        What each row is compared with; ``("SMOTE", "TrRSTeR")``, say. The generator
        alone is enough if its rows are of one combination. None is
        ``("real only", "TrRTeR")``.
    confidence : float in (0, 1), default=0.95
        Of the intervals.

    Returns
    -------
    summary : DataFrame
        One row for each generator, combination and measure:

        - ``mean``, ``std``: of the scores over all runs (deviation with n - 1);
        - ``difference``: mean of score minus baseline over the runs that have both;
        - ``low``, ``high``: interval of the difference;
        - ``p_value``: of the corrected test, for this row alone;
        - ``p_holm``: the same after Holm's correction [1]_ for the number of
          generators that were compared in this combination and measure. Measures and
          combinations are not corrected for: choose one beforehand;
        - ``n_runs``: runs that have both scores and count in the difference.

        A score that is NaN does not count. The baseline has difference 0 and p 1.

    Raises
    ------
    ValueError
        If columns are missing, a score appears twice, runs are not of the same splits,
        or ``results`` has no row of the baseline, or several combinations of it.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure",
       Scandinavian Journal of Statistics 6, 65-70, 1979.

    Examples
    --------
    >>> import pandas as pd
    >>> from sksynth.evaluation import summarise
    >>> runs = {"repeat": 0, "fold": [0, 1, 2], "measure": "accuracy", "seconds": 0.1}
    >>> sizes = {"n_real": 20, "n_synthetic": 0, "n_test": 10}
    >>> real = {"generator": "real only", "combination": "TrRTeR"}
    >>> vae = {"generator": "VAE", "combination": "TrRSTeR"}
    >>> results = pd.concat([
    ...     pd.DataFrame({**real, **runs, **sizes, "score": [0.7, 0.8, 0.6]}),
    ...     pd.DataFrame({**vae, **runs, **sizes, "score": [0.8, 0.9, 0.7]}),
    ... ])
    >>> summary = summarise(results)
    >>> summary[["generator", "mean", "difference", "n_runs"]].round(3)
       generator  mean  difference  n_runs
    0  real only   0.7         0.0       3
    1        VAE   0.8         0.1       3
    """
    _check_confidence(confidence)
    series = _series_of_runs(results)
    baseline = _baseline_of(baseline, list(dict.fromkeys((g, c) for g, c, _ in series)))
    fractions = fractions_of_runs(results)
    rows = []
    for (generator, combination, measure), runs in series.items():
        reference = series.get((*baseline, measure))
        rows.append(
            {
                "generator": generator,
                "combination": combination,
                "measure": measure,
                "mean": runs["score"].mean(),
                "std": runs["score"].std(),
                **_against(runs, reference, fractions, confidence),
            }
        )
    summary = pd.DataFrame(rows)
    is_baseline = (summary[["generator", "combination"]] == list(baseline)).all(axis=1)
    summary["p_holm"] = summary["p_value"].where(is_baseline)
    families = summary[~is_baseline].groupby(["combination", "measure"])["p_value"]
    summary.loc[~is_baseline, "p_holm"] = families.transform(holm)
    return summary[SUMMARY_COLUMNS]


def _baseline_of(baseline, pairs):
    """The (generator, combination) meant, one of the pairs of the results."""
    if baseline is None:
        baseline = REAL_ONLY, "TrRTeR"
    if isinstance(baseline, str):
        found = [pair for pair in pairs if pair[0] == baseline]
        if len(found) > 1:
            raise ValueError(
                f"baseline={baseline!r} may be any of {found}: give one of them"
            )
        baseline = found[0] if found else baseline
    elif np.iterable(baseline):
        baseline = tuple(baseline)
    if baseline not in pairs:
        raise ValueError(f"results have no baseline {baseline!r}; they have {pairs}")
    return baseline


def _series_of_runs(results):
    """Runs of each (generator, combination, measure), in the order of appearance."""
    missing = [c for c in RESULT_COLUMNS if c not in results.columns]
    if missing:
        raise ValueError(
            f"results lack the columns {missing}; they need {RESULT_COLUMNS}"
        )
    keys = ["generator", "combination", "measure"]
    if results.duplicated([*keys, *RUN]).any():
        twice = results.loc[results.duplicated([*keys, *RUN]), [*keys, *RUN]].iloc[0]
        raise ValueError(f"results have two scores of {twice.to_dict()}")
    if (results.groupby(RUN)["n_test"].nunique() > 1).any():
        raise ValueError(
            "results have test sets of several sizes in one (repeat, fold): they are "
            "not of the same splits and cannot be compared"
        )
    groups = results.groupby(keys, sort=False)
    return {key: runs.set_index(RUN) for key, runs in groups}


def fractions_of_runs(results):
    """``n_test / n_train`` of each run."""
    most = results.groupby(RUN)[["n_real", "n_synthetic", "n_test"]].max()
    n_train = most["n_real"].where(most["n_real"] > 0, most["n_synthetic"])
    return most["n_test"] / n_train


def _against(runs, reference, fractions, confidence):
    """Difference, interval and p-value of the runs that both have."""
    nothing = dict.fromkeys(("difference", "low", "high", "p_value"), np.nan)
    if reference is None:
        return {**nothing, "n_runs": 0}
    difference = (runs["score"] - reference["score"]).dropna()
    if difference.empty:
        return {**nothing, "n_runs": 0}
    test_fraction = float(fractions.loc[difference.index].mean())
    values = difference.to_numpy(dtype=float)
    error = _corrected_error(values, test_fraction)
    width = error * _quantile(confidence, len(values))
    mean = float(values.mean())
    return {
        "difference": mean,
        "low": mean - width,
        "high": mean + width,
        "p_value": corrected_t_test(values, test_fraction)[1],
        "n_runs": len(values),
    }


def _quantile(confidence, n_runs):
    return stats.t.ppf((1 + confidence) / 2, n_runs - 1) if n_runs > 1 else np.nan


def holm(p_values):
    """Holm's adjusted p-values of one family; NaN stays and does not count."""
    p = p_values.to_numpy(dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * p[order]))
    return pd.Series(adjusted, index=p_values.index)
