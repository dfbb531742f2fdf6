"""Scores over the part of the real rows that was used."""

from sksynth.plotting._matplotlib import import_pyplot


class FineTuningDisplay:
    """Fine-tuned and real-only scores over the fraction of real training rows.

    Lines are means over the runs, bands one deviation of the runs to either side.
    The bands are no intervals of the means.

    Parameters
    ----------
    curve : DataFrame
        As :func:`sksynth.evaluation.fine_tuning_curve` returns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the curves are drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> from sksynth.plotting import FineTuningDisplay
    >>> curve = pd.DataFrame({
    ...     "generator": "VAE", "method": "fine-tuned", "measure": "accuracy",
    ...     "fraction": [0.5, 0.5, 1.0, 1.0], "score": [0.5, 0.7, 0.7, 0.9],
    ... })
    >>> display = FineTuningDisplay.from_curve(curve, measure="accuracy")
    >>> display.ax_.get_lines()[0].get_ydata().round(3).tolist()
    [0.6, 0.8]
    """

    def __init__(self, curve):
        self.curve = curve

    @classmethod
    def from_curve(cls, curve, *, measure, ax=None):
        """Draw one measure of a curve.

        Parameters
        ----------
        curve : DataFrame
            As :func:`sksynth.evaluation.fine_tuning_curve` returns. Several, of one
            ``random_state``, may be concatenated; real-only scores are drawn once.
        measure : str
            What to draw, ``"balanced_accuracy"`` say.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : FineTuningDisplay
            The drawn display.
        """
        return cls(curve).plot(measure=measure, ax=ax)

    def plot(self, *, measure, ax=None):
        """Draw one measure.

        Parameters
        ----------
        measure : str
            What to draw, ``"balanced_accuracy"`` say.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : FineTuningDisplay
            This display.

        Raises
        ------
        ValueError
            For a measure that the curve does not have.
        """
        rows = self.curve[self.curve["measure"] == measure]
        if rows.empty:
            there = list(self.curve["measure"].unique())
            raise ValueError(f"no measure {measure!r}; there are {there}")
        if ax is None:
            ax = import_pyplot().subplots(layout="constrained")[1]
        drawn = set()
        for (generator, method), scores in rows.groupby(
            ["generator", "method"], sort=False
        ):
            label = method if method == "real only" else f"{generator}, {method}"
            if label in drawn:  # the same for every generator
                continue
            drawn.add(label)
            by_fraction = scores.groupby("fraction")["score"]
            mean, std = by_fraction.mean(), by_fraction.std().fillna(0)
            ax.plot(mean.index, mean, "o-", label=label)
            ax.fill_between(mean.index, mean - std, mean + std, alpha=0.2)
        ax.set(xlabel="fraction of the real training rows", ylabel=measure)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
