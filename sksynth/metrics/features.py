"""Fixed random convolutions as features, and the Fréchet distance over features."""

import numpy as np
import torch
from sklearn.utils import check_array
from torch.nn.functional import conv1d

from sksynth._arrays import (
    blocks,
    channel_moments,
    check_arrays,
    check_integer,
    check_signals,
)
from sksynth._random import as_rng

_KERNEL_LENGTH = 9


def random_convolution_features(X, *, n_features=128, random_state=0):
    """Features of signals by fixed, untrained convolutions.

    In the manner of ROCKET [1]_: each kernel has weights of length 9 (less for shorter
    signals) on a random choice of the channels, a dilation that is a random power of
    two, up to the length of the signal, and a bias from U(-1, 1). Weights are normal,
    scaled to a sum of squares of 1; those of every second kernel, on average, have
    mean 0 in each channel and so do not see offsets. A kernel gives two features of
    its output z (no padding): the mean over time of max(z, 0), and the largest z.

    The features depend on the scale of X, and the biases suit channels of mean 0 and
    standard deviation 1. Scale two sets by the same numbers before their features are
    compared; :func:`frechet_distance` does it by those of the real set.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
        Signals, of any number of channels and times.
    n_features : int, default=128
        Number of features; fewer are the first of more.
    random_state : int, RandomState or None, default=0
        Draws the kernels. The default gives the same kernels everywhere; None gives
        others at each call.

    Returns
    -------
    features : ndarray of shape (n_samples, n_features), float32
        Mean of max(z, 0) and maximum of z of the first kernel, of the second, ...

    Raises
    ------
    ValueError, TypeError
        If X has a wrong shape or is not finite, or `n_features` is no int >= 1.

    References
    ----------
    .. [1] A. Dempster, F. Petitjean and G. I. Webb, "ROCKET: exceptionally fast and
       accurate time series classification using random convolutional kernels", Data
       Mining and Knowledge Discovery 34:1454-1495, 2020.

    Examples
    --------
    Signals of zeros leave the biases b: features max(b, 0) and b.

    >>> import numpy as np
    >>> from sksynth.metrics import random_convolution_features
    >>> features = random_convolution_features(np.zeros((5, 2, 30)), n_features=6)
    >>> features.shape
    (5, 6)
    >>> np.allclose(features[:, ::2], features[:, 1::2].clip(min=0))
    True
    """
    X = check_signals(X)
    check_integer(n_features, "n_features", 1)
    return convolved(X, n_features=n_features, random_state=random_state)


def frechet_distance(X_real, X_synthetic, *, features=None):
    r"""Fréchet distance between the features of two sets; lower is better.

    With means m and covariances S of the features of the two sets,

    .. math:: |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^{1/2}),

    the squared 2-Wasserstein distance of two normal distributions [1]_, without unit.
    It is 0 for a set against itself. Two samples of one distribution have a positive
    distance, which falls as 1/n: compare sets of equal size, and give the distance of
    one half of the real set to the other beside it.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_channels, n_times) or (n_real, n_times)
        Real signals.
    X_synthetic : array-like of shape (n_new, n_channels, n_times) or (n_new, n_times)
        Synthetic signals.
    features : callable, default=None
        Takes signals (n, n_channels, n_times) and returns (n, n_features) numbers, such
        as the ``features`` of a fitted :class:`sksynth.classifiers.FCNClassifier`. None
        takes the 128 of :func:`random_convolution_features`, after both sets were
        standardised by the mean and standard deviation of each channel of the real
        set. Distances of different features cannot be compared.

    Returns
    -------
    distance : float
        From 0 (equal means and covariances) up.

    Raises
    ------
    ValueError
        If a set has less than 2 rows, the sets differ in channels or times, or
        `features` returns something else than finite numbers (n, n_features).
    TypeError
        If `features` is neither None nor callable.

    References
    ----------
    .. [1] M. Heusel et al., "GANs trained by a two time-scale update rule converge to a
       local Nash equilibrium", NeurIPS 2017 (equation 6).

    Examples
    --------
    Equal variances and means 1 and 4:

    >>> from sksynth.metrics import frechet_distance
    >>> round(frechet_distance([[0], [2]], [[3], [5]], features=lambda X: X[:, 0]), 6)
    9.0
    """
    X_real, X_synthetic = check_arrays(
        X_real, X_synthetic, names=("X_real", "X_synthetic"), min_samples=2
    )
    if features is None:
        scaling = channel_moments(X_real)
        real = convolved(X_real, *scaling)
        synthetic = convolved(X_synthetic, *scaling)
    else:
        real = mapped(features, X_real)
        synthetic = mapped(features, X_synthetic)
        if real.shape[1] != synthetic.shape[1]:
            raise ValueError(
                "features must return as many columns for both sets; got shapes "
                f"{real.shape} and {synthetic.shape}"
            )
    m_1, root_1 = _mean_and_root(real)
    m_2, root_2 = _mean_and_root(synthetic)
    # R_1'R_1 = S_1: the singular values of R_1 R_2' are the roots of the eigenvalues
    # of S_1 S_2; half the digits would be lost if the product itself were decomposed
    cross = np.linalg.svd(root_1 @ root_2.T, compute_uv=False).sum()
    spread = np.sum(root_1**2) + np.sum(root_2**2) - 2 * cross
    return float(np.sum((m_1 - m_2) ** 2) + max(spread, 0.0))


def mapped(features, X):
    """What a callable makes of signals: finite float64, (n_samples, n_features)."""
    if not callable(features):
        raise TypeError(f"features must be None or a callable; got {features!r}")
    result = check_array(features(X), dtype=np.float64, input_name="features(X)")
    if len(result) != len(X):
        raise ValueError(
            f"features must return a row for each of the {len(X)} signals; got shape "
            f"{result.shape}"
        )
    return result


def convolved(X, mean=0.0, sd=1.0, *, n_features=128, random_state=0):
    """Random convolution features of ``(X - mean) / sd``, block by block."""
    _, n_channels, n_times = X.shape
    n_kernels = -(-n_features // 2)
    weight, bias, dilation = _draw_kernels(
        n_kernels, n_channels, n_times, as_rng(random_state)
    )
    groups = [(int(d), np.flatnonzero(dilation == d)) for d in np.unique(dilation)]
    mean, sd = np.reshape(mean, (-1, 1)), np.reshape(sd, (-1, 1))
    pooled = np.empty((len(X), n_kernels, 2), dtype=np.float32)
    start = 0
    with torch.inference_mode():
        for block in blocks(X):
            rows = slice(start, start + len(block))
            start = rows.stop
            signals = torch.from_numpy(((block - mean) / sd).astype(np.float32))
            for step, members in groups:
                z = conv1d(signals, weight[members], bias[members], dilation=step)
                pooled[rows, members, 0] = z.relu().mean(dim=2)
                pooled[rows, members, 1] = z.amax(dim=2)
    return pooled.reshape(len(X), -1)[:, :n_features]


def _draw_kernels(n_kernels, n_channels, n_times, rng):
    """Weights (n_kernels, n_channels, length), biases and dilations (n_kernels,)."""
    length = min(_KERNEL_LENGTH, n_times)
    largest = int(np.log2((n_times - 1) // (length - 1))) if length > 1 else 0
    weight = np.zeros((n_kernels, n_channels, length), dtype=np.float32)
    bias = np.empty(n_kernels, dtype=np.float32)
    dilation = np.empty(n_kernels, dtype=int)
    for k in range(n_kernels):  # one after the other: fewer are the first of more
        n_used = int(2 ** rng.uniform(0, np.log2(n_channels + 1)))
        used = rng.permutation(n_channels)[:n_used]
        w = rng.normal(size=(len(used), length))
        if rng.uniform() < 0.5 and length > 1:
            w -= w.mean(axis=1, keepdims=True)
        weight[k, used] = w / np.linalg.norm(w)
        bias[k] = rng.uniform(-1, 1)
        dilation[k] = 2 ** rng.randint(largest + 1)
    return torch.from_numpy(weight), torch.from_numpy(bias), dilation


def _mean_and_root(features):
    """Mean m, and R with R'R the (unbiased) covariance."""
    features = features.astype(np.float64)
    mean = features.mean(axis=0)
    root = np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), mode="r")
    return mean, root
