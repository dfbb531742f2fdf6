"""Identities that the leads of a 12-lead electrocardiogram must satisfy."""

from sksynth._arrays import check_signals
from sksynth._leads import LimbLeads


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
    return LimbLeads(lead_names, X.shape[1]).errors(X)
