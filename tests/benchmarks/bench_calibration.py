"""Does the corrected test of ``summarise`` reject at 5 % where nothing is to be found?

The null is true by construction. In each simulated data set "synthetic" rows are more
real ones from a reserve that nothing else uses: a fold's classifier of n training rows
is compared with one whose training set lost some of these rows and got as many of the
reserve. Given the test rows, one training set is as likely as the other.

    python tests/benchmarks/bench_calibration.py

prints how often the corrected test, the plain t-test and the bootstrap interval find a
difference, with the 95 % (Clopper-Pearson) interval of that rate; for one
cross-validation and for repeated ones. The runs of a data set share more or less:

    new      each run takes out other rows and gets rows of the reserve for itself
    added    all runs get the same rows of the reserve
    both     and lose the same rows, as far as these are in their training set
"""

import argparse
import time

import numpy as np
from scipy.stats import binomtest
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import RepeatedKFold

from sksynth.datasets import make_ecg
from sksynth.evaluation import bootstrap_interval, corrected_t_test

N_FOLDS = 5
LEVEL = 0.05
TESTS = ("corrected t-test", "plain t-test", "bootstrap")


def differences(seed, args, n_repeats, shared):
    """Score after the exchange minus score before, for each run of one data set."""
    n_runs = N_FOLDS * n_repeats
    n_reserve = args.n_exchanged * (n_runs if shared == "new" else 1)
    n_beats = args.n_rows + n_reserve
    X, y = make_ecg(
        n_beats,
        n_leads=1,
        n_times=64,
        n_subjects=n_beats,  # so that beats are independent
        weights=(0.4, 0.2, 0.2, 0.2),
        noise=0.3,
        random_state=seed,
    )
    X = X.reshape(n_beats, -1)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(n_beats)  # make_ecg may order its beats
    own, reserve = rows[: args.n_rows], rows[args.n_rows :]
    reserves = np.split(reserve, n_runs) if shared == "new" else [reserve] * n_runs
    rank = rng.permutation(args.n_rows)  # the order in which rows go
    folds = RepeatedKFold(n_splits=N_FOLDS, n_repeats=n_repeats, random_state=seed)
    scorer = get_scorer(args.measure)
    found = []
    for (train, test), new in zip(folds.split(own), reserves, strict=True):
        if shared != "both":
            rank = rng.permutation(args.n_rows)
        kept = train[np.argsort(rank[train])][args.n_exchanged :]
        exchanged = np.concatenate([own[kept], new])
        before, after = (
            scorer(RidgeClassifier().fit(X[set_], y[set_]), X[own[test]], y[own[test]])
            for set_ in (own[train], exchanged)
        )
        found.append(after - before)
    return np.array(found)


def rejects(d, seed):
    """Which of the three find a difference."""
    low, high = bootstrap_interval(d, random_state=seed)
    return (
        corrected_t_test(d, 1 / (N_FOLDS - 1))[1] < LEVEL,
        corrected_t_test(d, 0)[1] < LEVEL,
        low > 0 or high < 0,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n-sets", type=int, default=200)
    parser.add_argument("--n-rows", type=int, default=250)
    parser.add_argument("--n-exchanged", type=int, default=100)
    parser.add_argument("--repeats", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--shared", nargs="+", default=["new", "added", "both"])
    parser.add_argument("--measure", default="accuracy")
    args = parser.parse_args()
    print(
        f"{args.n_sets} data sets of {args.n_rows} beats, {N_FOLDS} folds, "
        f"{args.n_exchanged} training rows exchanged, {args.measure}, ridge classifier"
    )
    print(f"{'runs':>5} {'shared':>7} {'test':>17} {'rejects':>8} {'95 %':>14}")
    for shared in args.shared:
        for n_repeats in args.repeats:
            start = time.perf_counter()
            sets = [
                differences(seed, args, n_repeats, shared)
                for seed in range(args.n_sets)
            ]
            verdicts = np.array([rejects(d, seed) for seed, d in enumerate(sets)])
            for name, n_found in zip(TESTS, verdicts.sum(axis=0), strict=True):
                low, high = binomtest(int(n_found), args.n_sets).proportion_ci()
                print(
                    f"{N_FOLDS * n_repeats:>5} {shared:>7} "
                    f"{name:>17} {n_found / args.n_sets:8.3f} {low:7.3f}-{high:.3f}"
                )
            means = np.mean(sets, axis=1)
            print(
                f"      mean difference {means.mean():+.4f}, deviation over data sets "
                f"{means.std(ddof=1):.4f}; {time.perf_counter() - start:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
