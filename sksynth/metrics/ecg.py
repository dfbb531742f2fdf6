"""Identities that the leads of a 12-lead electrocardiogram must satisfy."""

import numpy as np

from sksynth._arrays import blocks, check_signals

# lead -> its weights of leads I and II
_IDENTITIES = {
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


def limb_lead_error(X, lead_names):
    """How far limb leads are from Einthoven's and Goldberger's equations.

    The limb leads are potential differences between three electrodes, so that leads I
    and II fix the others [1]_: III = II - I, aVR = -(I + II)/2, aVL = I - II/2 and
    aVF = II - I/2. Recorded leads obey up to rounding and filtering; a generator that
    draws each lead for itself does not. Lower is better.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times)
        Signals, all leads in the same unit.
    lead_names : sequence of str
        Name of each channel, in any order and case. Other leads than the limb leads
        are ignored.

    Returns
    -------
    errors : dict
        For each of III, aVR, aVL and aVF that is in `lead_names`: root of the mean
        squared difference, over rows and times, between the lead and what I and II make
        of it, in the unit of X.

    Raises
    ------
    ValueError
        If a name is there twice, there are not as many names as channels, or no
        equation can be checked: that takes I, II and one lead more.
    TypeError
        If `lead_names` is no sequence of str.

    References
    ----------
    .. [1] P. W. Macfarlane et al. (eds), "Comprehensive Electrocardiology", 2nd ed.,
       Springer, 2010.

    Examples
    --------
    II - I is 2 where III says 5:

    >>> import numpy as np
    >>> from sksynth.metrics import limb_lead_error
    >>> X = np.array([[[1.0, 1.0], [3.0, 3.0], [5.0, 5.0]]])
    >>> limb_lead_error(X, ["I", "II", "III"])
    {'III': 3.0}
    """
    X = check_signals(X, min_samples=1)
    where = _positions(lead_names, X.shape)
    checked = {
        name: (where[name.upper()], weights)
        for name, weights in _IDENTITIES.items()
        if name.upper() in where
    }
    if not checked or not {"I", "II"} <= where.keys():
        raise ValueError(
            "lead_names must hold I, II and at least one of III, aVR, aVL and aVF; got "
            f"{list(lead_names)}"
        )
    squares = dict.fromkeys(checked, 0.0)
    for block in blocks(X):
        leads = block.astype(np.float64)
        first, second = leads[:, where["I"]], leads[:, where["II"]]
        for name, (channel, (a, b)) in checked.items():
            residual = leads[:, channel] - (a * first + b * second)
            squares[name] += np.square(residual).sum()
    n_numbers = X.shape[0] * X.shape[2]
    return {name: float(np.sqrt(s / n_numbers)) for name, s in squares.items()}


def _positions(lead_names, shape):
    """Upper-case name of each lead -> its channel."""
    if isinstance(lead_names, str) or not np.iterable(lead_names):
        raise TypeError(f"lead_names must be a sequence of str; got {lead_names!r}")
    names = list(lead_names)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"lead_names must hold str; got {names}")
    if len(names) != shape[1]:
        raise ValueError(
            f"lead_names must name each of the {shape[1]} channels of X, of shape "
            f"{shape}; got {len(names)} names: {names}"
        )
    where = {name.strip().upper(): channel for channel, name in enumerate(names)}
    if len(where) < len(names):
        raise ValueError(f"lead_names must hold each name once; got {names}")
    return where
