"""Losses of a training."""

from sklearn.utils.validation import check_is_fitted

from sksynth.plotting._matplotlib import import_pyplot


class LossDisplay:
    """Losses of a generator, epoch by epoch.

    Parameters
    ----------
    history : dict of list of float
        Names and values, as in ``generator.history_``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the losses are drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sksynth import VAE
    >>> from sksynth.plotting import LossDisplay
    >>> X = np.random.default_rng(0).normal(size=(40, 8))
    >>> vae = VAE(max_epochs=5, random_state=0).fit(X)
    >>> LossDisplay.from_estimator(vae).ax_.get_xlabel()
    'epoch'
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, names=None, ax=None, **line_kwargs):
        """Draw the losses of a fitted generator.

        Parameters
        ----------
        estimator : fitted generator
            Has ``history_``.
        names : list of str, default=None
            Losses to draw; None draws all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``ax.plot``.

        Returns
        -------
        display : LossDisplay
            The drawn display.
        """
        check_is_fitted(estimator, "history_")
        return cls(estimator.history_).plot(names=names, ax=ax, **line_kwargs)

    def plot(self, *, names=None, ax=None, **line_kwargs):
        """Draw the losses.

        Parameters
        ----------
        names : list of str, default=None
            Losses to draw; None draws all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``ax.plot``.

        Returns
        -------
        display : LossDisplay
            This display.
        """
        unknown = set(names or []) - set(self.history)
        if unknown:
            raise ValueError(
                f"no losses named {sorted(unknown)}; there are {list(self.history)}"
            )
        if ax is None:
            ax = import_pyplot().subplots(layout="constrained")[1]
        for name in names or self.history:
            values = self.history[name]
            epochs = range(1, len(values) + 1)
            ax.plot(epochs, values, label=name.replace("_", " "), **line_kwargs)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
