"""Does a generator copy its training rows? Nearest rows, against a hold-out."""

from numbers import Real

import numpy as np
from sklearn.metrics import roc_auc_score

from sksynth._arrays import check_arrays
from sksynth._neighbors import nearest
from sksynth._random import as_rng


def nearest_neighbor_distance_ratio(
    X_synthetic, X_train, X_held_out, *, random_state=None
):
    """Distance to the nearest training row over that to the nearest held-out row.

    A generator that learnt the distribution is as near to the rows it saw as to others
    from the same source: ratios lie around 1, half of them below. A median well below 1
    says that the training rows drew the synthetic ones to themselves; 0 is a copy.

    The nearest of many rows is nearer than the nearest of few. So the larger of the two
    real sets is thinned at random to the size of the smaller, and a copy of a row left
    out goes unseen: hold out as many rows as possible, or use :func:`copy_fraction`,
    which needs no thinning.

    What the held-out rows are decides what is measured. Split by patient, a ratio below
    1 says that the synthetic rows are nearer to the training *patients* than to others,
    which may be no more than learning how these patients look. Split by row, with beats
    of a patient on both sides, it says that they are nearer to the training *rows*, but
    a near copy of a held-out row may hide it.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals.
    X_train : array-like of shape (n_train, n_channels, n_times) or (n_train, n_times)
        Real signals the generator was fitted on.
    X_held_out : array-like of shape (n_out, n_channels, n_times) or (n_out, n_times)
        Real signals it did not see.
    random_state : int, RandomState or None, default=None
        Thins the larger real set; of no effect where both have as many rows.

    Returns
    -------
    ratio : ndarray of shape (n_new,)
        From 0 up. Where both distances are 0 the ratio is 1, and infinite where only
        that to the held-out rows is.

    Raises
    ------
    ValueError
        If the sets differ in channels or times, or one is empty.

    Examples
    --------
    >>> from sksynth.metrics import nearest_neighbor_distance_ratio
    >>> synthetic, train, held_out = [[1.0], [7.0]], [[1.0], [9.0]], [[0.0], [6.0]]
    >>> nearest_neighbor_distance_ratio(synthetic, train, held_out).tolist()
    [0.0, 2.0]
    """
    X_synthetic, X_train, X_held_out = _three_sets(X_synthetic, X_train, X_held_out)
    n_rows = min(len(X_train), len(X_held_out))
    rng = as_rng(random_state)
    to_train, to_held_out = (
        _to_nearest(X_synthetic, _thinned(X, n_rows, rng))
        for X in (X_train, X_held_out)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = to_train / to_held_out
    ratio[(to_train == 0) & (to_held_out == 0)] = 1.0
    return ratio


def membership_inference_auc(X_synthetic, X_train, X_held_out):
    """Area under the ROC curve of an attacker who looks for the training rows.

    The attacker has the synthetic rows and takes a real row for a training row if it
    is near to one of them: its score is minus the distance to the nearest synthetic row
    [1]_. The area is the chance that a training row scores above a held-out row, ties
    counted half: 0.5 if the synthetic rows tell nothing, 1 if they are copies of all
    training rows. The two real sets may differ in size. A generator that repeats a
    few of the training rows stays near 0.5; :func:`copy_fraction` sees it.

    Split the real rows by patient, and the area says how well *patients* of the
    training set are found; but patients differ, and with few of them the area strays
    from 0.5 for a generator that copies nothing. Split them by row, and it says how
    well the very *rows* are found among other beats of the same patients.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals.
    X_train : array-like of shape (n_train, n_channels, n_times) or (n_train, n_times)
        Real signals the generator was fitted on.
    X_held_out : array-like of shape (n_out, n_channels, n_times) or (n_out, n_times)
        Real signals it did not see.

    Returns
    -------
    auc : float in [0, 1]
        0.5 is no leak; lower is better down to there.

    Raises
    ------
    ValueError
        If the sets differ in channels or times, or one is empty.

    References
    ----------
    .. [1] D. Chen, N. Yu, Y. Zhang and M. Fritz, "GAN-Leaks: a taxonomy of membership
       inference attacks against generative models", ACM CCS 2020 (full black box).

    Examples
    --------
    Training rows are 0 and 0.5 away, held-out rows 0.2 and 4: three pairs of four are
    in the right order.

    >>> from sksynth.metrics import membership_inference_auc
    >>> membership_inference_auc([[1.0], [9.0]], [[1.0], [8.5]], [[1.2], [5.0]])
    0.75
    """
    X_synthetic, X_train, X_held_out = _three_sets(X_synthetic, X_train, X_held_out)
    distance = np.concatenate(
        [_to_nearest(X, X_synthetic) for X in (X_train, X_held_out)]
    )
    is_member = np.arange(len(distance)) < len(X_train)
    return float(roc_auc_score(is_member, -distance))


def copy_fraction(X_synthetic, X_train, X_held_out, *, quantile=0.01):
    """Fraction of synthetic rows that are nearer to a training row than real rows are.

    A synthetic row counts as a copy if its distance to the nearest training row is at
    most the given quantile of the distances that held-out rows have to theirs. Rows
    drawn from the distribution itself are as far as held-out ones, so that `quantile`
    is the expected value without memorisation; a fraction well above it is the flag.

    Hold out at least ``1 / quantile`` rows: below, the threshold is their smallest
    distance, and the expected value ``1 / (n_out + 1)``. Split by patient, the
    threshold is how near two patients come, and a row that looks like a new beat of a
    training patient counts as a copy. Split by row, it is how near two beats of a
    patient come, and only rows nearer still do.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals.
    X_train : array-like of shape (n_train, n_channels, n_times) or (n_train, n_times)
        Real signals the generator was fitted on.
    X_held_out : array-like of shape (n_out, n_channels, n_times) or (n_out, n_times)
        Real signals it did not see; any number, need not be as many as `X_train`.
    quantile : float in (0, 1), default=0.01
        Which of the held-out distances is the threshold.

    Returns
    -------
    fraction : float in [0, 1]
        About `quantile` without memorisation, 1 for copies; lower is better.

    Raises
    ------
    ValueError
        If the sets differ in channels or times, one is empty, or `quantile` is not
        between 0 and 1.
    TypeError
        If `quantile` is no number.

    Examples
    --------
    The median held-out row is 2 from the training row; two of three rows are nearer:

    >>> from sksynth.metrics import copy_fraction
    >>> train, held_out = [[0.0]], [[1.0], [2.0], [3.0]]
    >>> round(copy_fraction([[0.0], [1.5], [5.0]], train, held_out, quantile=0.5), 4)
    0.6667
    """
    if isinstance(quantile, bool) or not isinstance(quantile, Real):
        raise TypeError(f"quantile must be a number; got {quantile!r}")
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must be between 0 and 1; got {quantile}")
    X_synthetic, X_train, X_held_out = _three_sets(X_synthetic, X_train, X_held_out)
    held_out = _to_nearest(X_held_out, X_train)
    # the quantile of which a further row of the same kind is below as often as asked
    threshold = np.quantile(held_out, quantile, method="weibull")
    return float((_to_nearest(X_synthetic, X_train) <= threshold).mean())


def _three_sets(X_synthetic, X_train, X_held_out):
    X_synthetic, X_train = check_arrays(
        X_synthetic, X_train, names=("X_synthetic", "X_train"), min_samples=1
    )
    _, X_held_out = check_arrays(
        X_train, X_held_out, names=("X_train", "X_held_out"), min_samples=1
    )
    return X_synthetic, X_train, X_held_out


def _to_nearest(X, Y):
    """Distance (n_X,) of each row of X to the nearest of Y."""
    return nearest(X, Y)[0][:, 0]


def _thinned(X, n_rows, rng):
    if len(X) == n_rows:
        return X
    return X[np.sort(rng.permutation(len(X))[:n_rows])]
