"""The columns of the tables of this part, one row a score."""

COMBINATIONS = ("TrRTeR", "TrSTeR", "TrRTeS", "TrSTeS", "TrRSTeR")
REAL_ONLY = "real only"  # the generator of the TrRTeR rows

RESULT_COLUMNS = [
    "generator",
    "combination",
    "repeat",
    "fold",
    "measure",
    "score",
    "n_real",  # training rows that are real
    "n_synthetic",  # training rows that are synthetic
    "n_test",
    "seconds",  # of the classifier's fit
]
SUMMARY_COLUMNS = [
    "generator",
    "combination",
    "measure",
    "mean",
    "std",
    "difference",
    "low",
    "high",
    "p_value",
    "p_holm",
    "n_runs",
]
CURVE_COLUMNS = [
    "generator",
    "method",
    "fraction",
    *RESULT_COLUMNS[2:],
]
METHODS = ("fine-tuned", "real only")  # of a fine-tuning curve
