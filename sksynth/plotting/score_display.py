"""Differences to a baseline, with their intervals."""

import numpy as np

from sksynth.plotting._matplotlib import import_pyplot


class ScoreDisplay:
    """One dot and interval for each generator and combination, against the baseline.

    An interval that holds 0, the dashed line, is a difference that may be chance. The
    baseline itself is a dot on that line.

    Parameters
    ----------
    summary : DataFrame
        As :func:`sksynth.evaluation.summarise` returns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the differences are drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> from sksynth.plotting import ScoreDisplay
    >>> summary = pd.DataFrame({
    ...     "generator": ["real only", "VAE"], "combination": ["TrRTeR", "TrRSTeR"],
    ...     "measure": "accuracy", "mean": [0.7, 0.8], "difference": [0.0, 0.1],
    ...     "low": [0.0, -0.1], "high": [0.0, 0.3],
    ... })
    >>> display = ScoreDisplay.from_summary(summary, measure="accuracy")
    >>> [tick.get_text() for tick in display.ax_.get_yticklabels()]
    ['real only TrRTeR', 'VAE TrRSTeR']
    """

    def __init__(self, summary):
        self.summary = summary

    @classmethod
    def from_summary(cls, summary, *, measure, combinations=None, ax=None):
        """Draw one measure of a summary.

        Parameters
        ----------
        summary : DataFrame
            As :func:`sksynth.evaluation.summarise` returns.
        measure : str
            What to draw, ``"balanced_accuracy"`` say.
        combinations : list of str, default=None
            Combinations to draw; None draws all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : ScoreDisplay
            The drawn display.
        """
        return cls(summary).plot(measure=measure, combinations=combinations, ax=ax)

    def plot(self, *, measure, combinations=None, ax=None):
        """Draw one measure.

        Parameters
        ----------
        measure : str
            What to draw, ``"balanced_accuracy"`` say.
        combinations : list of str, default=None
            Combinations to draw; None draws all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : ScoreDisplay
            This display.

        Raises
        ------
        ValueError
            For a measure or a combination that the summary does not have.
        """
        rows = _chosen(self.summary, "measure", [measure])
        if combinations is not None:
            rows = _chosen(rows, "combination", combinations)
        if ax is None:
            size = (6.4, 0.8 + 0.3 * max(2, len(rows)))
            ax = import_pyplot().subplots(layout="constrained", figsize=size)[1]
        places = np.arange(len(rows))
        ax.axvline(0, color="0.4", linestyle="--", linewidth=1)
        ax.hlines(places, rows["low"], rows["high"], color="C0")
        ax.plot(rows["difference"], places, "o", color="C0")
        ax.set_yticks(places, rows["generator"] + " " + rows["combination"])
        ax.set(xlabel=f"difference in {measure}", ylim=(len(rows) - 0.5, -0.5))
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _chosen(rows, column, wanted):
    """The rows whose column is one of those wanted."""
    there = list(rows[column].unique())
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise ValueError(f"no {column} {unknown}; there are {there}")
    return rows[rows[column].isin(wanted)]
