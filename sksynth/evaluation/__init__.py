"""Protocols: do synthetic signals help, and is the difference more than chance."""

from sksynth.evaluation._frame import (
    COMBINATIONS,
    CURVE_COLUMNS,
    RESULT_COLUMNS,
    SUMMARY_COLUMNS,
)
from sksynth.evaluation.baselines import baselines
from sksynth.evaluation.combinations import compare, evaluate_combinations
from sksynth.evaluation.fine_tuning import fine_tuning_curve
from sksynth.evaluation.report_page import Report
from sksynth.evaluation.reporting import report
from sksynth.evaluation.statistics import (
    bootstrap_interval,
    corrected_t_test,
    summarise,
)

__all__ = [
    "COMBINATIONS",
    "CURVE_COLUMNS",
    "RESULT_COLUMNS",
    "SUMMARY_COLUMNS",
    "Report",
    "baselines",
    "bootstrap_interval",
    "compare",
    "corrected_t_test",
    "evaluate_combinations",
    "fine_tuning_curve",
    "report",
    "summarise",
]
