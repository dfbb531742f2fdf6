import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sksynth.evaluation import (
    SUMMARY_COLUMNS,
    bootstrap_interval,
    corrected_t_test,
    summarise,
)

DIFFERENCES = [0.031, -0.012, 0.055, 0.008, 0.021, 0.040]


def results(scores, *, measure="accuracy", n_real=80, n_test=20):
    """Results with a score for each (generator, combination) and run; five folds."""
    tables = [
        pd.DataFrame(
            {
                "generator": generator,
                "combination": combination,
                "repeat": np.arange(len(values)) // 5,
                "fold": np.arange(len(values)) % 5,
                "measure": measure,
                "score": values,
                "n_real": 0 if combination.startswith("TrS") else n_real,
                "n_synthetic": 0 if combination == "TrRTeR" else 2 * n_real,
                "n_test": n_test,
                "seconds": 0.1,
            }
        )
        for (generator, combination), values in scores.items()
    ]
    return pd.concat(tables, ignore_index=True)


REAL = ("real only", "TrRTeR")
SCORES = {
    REAL: [0.70, 0.75, 0.72, 0.68, 0.71],
    ("VAE", "TrRSTeR"): [0.74, 0.76, 0.75, 0.69, 0.75],
    ("SMOTE", "TrRSTeR"): [0.71, 0.77, 0.70, 0.70, 0.72],
    ("VAE", "TrSTeR"): [0.50, 0.55, 0.53, 0.60, 0.51],
}


def row_of(summary, generator, combination):
    found = (summary["generator"] == generator) & (
        summary["combination"] == combination
    )
    return summary[found].iloc[0]


def test_without_overlap_it_is_the_plain_t_test():
    expected = stats.ttest_1samp(DIFFERENCES, 0)
    t, p = corrected_t_test(DIFFERENCES, test_fraction=0)
    np.testing.assert_allclose([t, p], [expected.statistic, expected.pvalue])


def test_overlap_divides_t_by_the_root_of_one_plus_runs_times_the_fraction():
    plain, corrected = (corrected_t_test(DIFFERENCES, f) for f in (0, 0.25))
    assert corrected[0] == pytest.approx(plain[0] / np.sqrt(1 + 6 * 0.25))
    assert corrected[1] == pytest.approx(2 * stats.t.sf(abs(corrected[0]), 5))


def test_differences_without_a_spread_cannot_be_judged_unless_they_are_0():
    assert corrected_t_test([0, 0, 0], 0.25) == (0, 1)
    for same in ([0.1] * 3, [-0.1] * 3, [0.7 - 0.6, 0.8 - 0.7], [0.1]):
        assert np.isnan(corrected_t_test(same, 0.25)).all()


def test_small_test_sets_of_two_folds_do_not_find_what_is_not_there():
    # both right in 80 % of ten rows: their two differences are often equal
    scores = np.random.default_rng(0).binomial(10, 0.8, size=(2000, 2, 2)) / 10
    found = [corrected_t_test(a - b, 1)[1] < 0.05 for a, b in scores]
    assert np.mean(found) < 0.05


@given(
    st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=20),
    st.floats(0, 2),
)
def test_swapping_the_methods_turns_the_sign_and_keeps_p(differences, fraction):
    t, p = corrected_t_test(differences, fraction)
    swapped = corrected_t_test([-d for d in differences], fraction)
    np.testing.assert_array_equal(swapped, (-t, p))
    assert not (p < 0 or p > 1)


def test_it_rejects_at_its_level_for_runs_of_the_assumed_correlation():
    # shared and own parts: the correlation of two runs is n_test / (n_test + n_train)
    n_sets, n_runs, n_test, n_train = 4000, 10, 20, 80
    correlation = n_test / (n_test + n_train)
    rng = np.random.default_rng(0)
    shared = np.sqrt(correlation) * rng.normal(size=(n_sets, 1))
    own = np.sqrt(1 - correlation) * rng.normal(size=(n_sets, n_runs))
    sets = shared + own
    corrected = [corrected_t_test(d, n_test / n_train)[1] < 0.05 for d in sets]
    plain = [corrected_t_test(d, 0)[1] < 0.05 for d in sets]
    assert abs(np.mean(corrected) - 0.05) < 0.01  # about three standard errors
    assert np.mean(plain) > 0.2


def test_the_percentile_interval_is_that_of_all_resamples():
    values = np.array([0.1, 0.4, 0.2, 0.9])
    every = [np.mean(r) for r in itertools.product(values, repeat=4)]
    low, high = bootstrap_interval(values, n_resamples=40_000, random_state=0)
    expected = np.quantile(every, [0.025, 0.975])
    np.testing.assert_allclose([low, high], expected, atol=0.026)  # a step of means


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_agree_with_scipy(method):
    values = np.random.default_rng(1).exponential(size=25)  # skewed
    ours = bootstrap_interval(
        values, method=method, confidence=0.9, n_resamples=20_000, random_state=0
    )
    expected = stats.bootstrap(
        (values,),
        np.mean,
        method={"percentile": "percentile", "bca": "BCa"}[method],
        confidence_level=0.9,
        n_resamples=20_000,
        random_state=np.random.default_rng(2),
    ).confidence_interval
    np.testing.assert_allclose(ours, expected, rtol=0.01)


def test_bootstrap_intervals_repeat_by_seed_and_leave_global_numbers_alone():
    before = np.random.get_state()
    first = bootstrap_interval(DIFFERENCES, random_state=3)
    assert bootstrap_interval(DIFFERENCES, random_state=3) == first
    bootstrap_interval(DIFFERENCES)
    after = np.random.get_state()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_degenerate_differences_have_degenerate_intervals(method):
    same = [0.1, 0.1, 0.1]
    assert bootstrap_interval(same, method=method) == (0.1, 0.1)
    assert np.isnan(bootstrap_interval([0.1], method=method)).all()


def test_other_differences_and_options_are_refused():
    for call in (corrected_t_test, lambda d, f: bootstrap_interval(d)):
        with pytest.raises(ValueError, match=r"shape \(n_runs,\); got shape \(0,\)"):
            call([], 0.25)
        with pytest.raises(ValueError, match=r"got shape \(1, 2\)"):
            call([[0.1, 0.2]], 0.25)
        with pytest.raises(ValueError, match="must be finite; got .0.1 nan"):
            call([0.1, np.nan], 0.25)
    with pytest.raises(ValueError, match="test_fraction == -1, must be >= 0"):
        corrected_t_test([0.1, 0.2], -1)
    with pytest.raises(ValueError, match="percentile.*'bca'.*got 'normal'"):
        bootstrap_interval([0.1, 0.2], method="normal")
    with pytest.raises(ValueError, match="confidence == 95"):
        bootstrap_interval([0.1, 0.2], confidence=95)
    with pytest.raises(ValueError, match="n_resamples must be at least 1; got 0"):
        bootstrap_interval([0.1, 0.2], n_resamples=0)


def test_a_summary_has_means_differences_and_the_corrected_test():
    summary = summarise(results(SCORES))
    assert list(summary.columns) == SUMMARY_COLUMNS
    pairs = list(zip(summary["generator"], summary["combination"], strict=True))
    assert pairs == list(SCORES)
    for pair, scores in SCORES.items():
        row = row_of(summary, *pair)
        difference = np.subtract(scores, SCORES[REAL])
        assert row["mean"] == pytest.approx(np.mean(scores))
        assert row["std"] == pytest.approx(np.std(scores, ddof=1))
        assert row["difference"] == pytest.approx(difference.mean())
        assert row["n_runs"] == 5
        t, p = corrected_t_test(difference, 0.25)  # of the 80 real rows, not of 240
        assert row["p_value"] == pytest.approx(p)
        if pair != REAL:
            half = difference.mean() / t * stats.t.ppf(0.975, 4)
            ends = difference.mean() + np.array([-half, half])
            np.testing.assert_allclose(row[["low", "high"]].astype(float), ends)


def test_the_interval_excludes_0_when_p_is_under_its_level():
    p = row_of(summarise(results(SCORES)), "VAE", "TrRSTeR")["p_value"]
    for confidence, excludes in ((1 - p - 0.01, True), (1 - p + 0.01, False)):
        summary = summarise(results(SCORES), confidence=confidence)
        row = row_of(summary, "VAE", "TrRSTeR")
        assert (row["low"] > 0) == excludes


def test_the_baseline_differs_from_itself_by_nothing():
    row = row_of(summarise(results(SCORES)), *REAL)
    numbers = row[["difference", "low", "high", "p_value", "p_holm"]].tolist()
    assert numbers == [0, 0, 0, 1, 1]


def test_runs_are_paired_by_repeat_and_fold_in_any_order():
    table = results({k: v + v[::-1] for k, v in SCORES.items()})
    shuffled = table.sample(frac=1, random_state=0)
    columns = ["generator", "combination", "measure"]
    first, second = (
        summarise(t).sort_values(columns, ignore_index=True) for t in (table, shuffled)
    )
    pd.testing.assert_frame_equal(first, second)
    assert set(first["n_runs"]) == {10}


def test_any_series_can_be_the_baseline():
    summary = summarise(results(SCORES), baseline=("SMOTE", "TrRSTeR"))
    difference = np.subtract(SCORES["VAE", "TrRSTeR"], SCORES["SMOTE", "TrRSTeR"])
    row = row_of(summary, "VAE", "TrRSTeR")
    assert row["difference"] == pytest.approx(difference.mean())
    assert row["p_value"] == pytest.approx(corrected_t_test(difference, 0.25)[1])
    assert row["p_holm"] == row["p_value"]  # alone in its family: SMOTE is no rival


def test_a_generator_of_one_combination_is_a_baseline_by_its_name():
    table = results(SCORES)
    for name, pair in (("SMOTE", ("SMOTE", "TrRSTeR")), ("real only", REAL)):
        found = summarise(table, baseline=name)
        pd.testing.assert_frame_equal(found, summarise(table, baseline=pair))
    found = summarise(table, baseline=["SMOTE", "TrRSTeR"])
    pd.testing.assert_frame_equal(found, summarise(table, baseline="SMOTE"))
    several = r"baseline='VAE' may be any of .*'TrRSTeR'\), \('VAE', 'TrSTeR'\).: give"
    with pytest.raises(ValueError, match=several):
        summarise(table, baseline="VAE")
    for wrong in ("smote", ("SMOTE",), 3):
        with pytest.raises(ValueError, match=f"no baseline {re.escape(repr(wrong))}; "):
            summarise(table, baseline=wrong)


def test_holm_counts_the_generators_of_a_combination():
    summary = summarise(results(SCORES))
    p = {g: row_of(summary, g, "TrRSTeR")["p_value"] for g in ("VAE", "SMOTE")}
    assert p["VAE"] < p["SMOTE"]
    adjusted = {g: row_of(summary, g, "TrRSTeR")["p_holm"] for g in p}
    assert adjusted["VAE"] == pytest.approx(2 * p["VAE"])
    assert adjusted["SMOTE"] == pytest.approx(max(2 * p["VAE"], p["SMOTE"]))
    alone = row_of(summary, "VAE", "TrSTeR")
    assert alone["p_holm"] == alone["p_value"]


def test_holm_follows_its_definition_on_several_generators():
    rng = np.random.default_rng(0)
    many = {REAL: SCORES[REAL]}
    for number in range(6):
        noise = rng.normal(0.01 * number, 0.01, size=5)
        many[f"G{number}", "TrRSTeR"] = (np.array(SCORES[REAL]) + noise).tolist()
    summary = summarise(results(many)).iloc[1:]
    p = summary["p_value"].to_numpy()
    for value, adjusted in zip(p, summary["p_holm"], strict=True):
        smaller = np.sort(p)[: np.sum(p <= value)]
        expected = max((6 - rank) * q for rank, q in enumerate(smaller))
        assert adjusted == pytest.approx(min(1, expected))


def test_scores_that_are_nan_do_not_count():
    scores = {k: list(v) for k, v in SCORES.items()}
    scores[REAL][0] = np.nan
    scores["VAE", "TrRSTeR"][1] = np.nan
    row = row_of(summarise(results(scores)), "VAE", "TrRSTeR")
    difference = np.subtract(scores["VAE", "TrRSTeR"][2:], scores[REAL][2:])
    assert row["n_runs"] == 3
    assert row["difference"] == pytest.approx(difference.mean())
    assert row["mean"] == pytest.approx(np.nanmean(scores["VAE", "TrRSTeR"]))


def test_nothing_to_compare_is_nan_and_no_warning():
    missing = {**SCORES, ("VAE", "TrRSTeR"): [np.nan] * 5}
    row = row_of(summarise(results(missing)), "VAE", "TrRSTeR")
    columns = ["mean", "std", "difference", "low", "high", "p_value", "p_holm"]
    assert row[columns].isna().all()
    assert row["n_runs"] == 0
    other = results({("VAE", "TrRSTeR"): [0.1] * 5}, measure="auc")
    summary = summarise(pd.concat([results(SCORES), other]))
    row = summary[summary["measure"] == "auc"].iloc[0]
    assert row["mean"] == pytest.approx(0.1)
    assert np.isnan(row["difference"]) and row["n_runs"] == 0


def test_a_single_run_has_a_difference_and_no_test():
    row = row_of(
        summarise(results({k: v[:1] for k, v in SCORES.items()})), "VAE", "TrRSTeR"
    )
    assert row["difference"] == pytest.approx(0.04)
    assert row[["std", "low", "high", "p_value"]].isna().all()


def test_rows_without_real_training_rows_take_the_synthetic_ones():
    synthetic = {k: v for k, v in SCORES.items() if k == ("VAE", "TrSTeR")}
    synthetic["SMOTE", "TrSTeR"] = SCORES["SMOTE", "TrRSTeR"]
    summary = summarise(results(synthetic), baseline=("SMOTE", "TrSTeR"))
    difference = np.subtract(synthetic["VAE", "TrSTeR"], synthetic["SMOTE", "TrSTeR"])
    expected = corrected_t_test(difference, 20 / 160)[1]
    assert row_of(summary, "VAE", "TrSTeR")["p_value"] == pytest.approx(expected)


def test_tables_that_are_no_results_are_refused():
    table = results(SCORES)
    with pytest.raises(ValueError, match=r"lack the columns \['fold'\]; they need"):
        summarise(table.drop(columns="fold"))
    with pytest.raises(ValueError, match="two scores of .*'VAE'.*'fold': 0"):
        summarise(pd.concat([table, table.iloc[5:6]]))
    with pytest.raises(ValueError, match="no baseline .'real only', 'TrRTeR'.; they"):
        summarise(table[table["generator"] == "VAE"])
    with pytest.raises(ValueError, match="confidence == 1"):
        summarise(table, confidence=1)
