"""What a selection accepts."""

import numpy as np

from sksynth._preprocessing import check_targets, is_discrete


def check_labels(y, n_samples):
    y = check_targets(y, n_samples)
    if y is not None and (y.ndim != 1 or not is_discrete(y)):
        raise ValueError(
            "y must be labels of shape (n_samples,); got "
            + ("measurements" if y.ndim == 1 else f"shape {y.shape}")
        )
    return y


def check_known(labels, known):
    labels = np.asarray(labels).tolist()
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise ValueError(f"labels must be some of {known}; got {unknown}")
    return labels


def check_scale(scale, X):
    """Scale in the dtype of X, or None; of a shape to divide (n, channels, times)."""
    if scale is None:
        return None
    scale = np.asarray(scale, dtype=X.dtype)
    try:
        np.broadcast_to(scale, X.shape[1:])
    except ValueError:
        raise ValueError(
            f"scale must broadcast to a row of shape {X.shape[1:]}; got {scale.shape}"
        ) from None
    if not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(f"scale must be positive and finite; got {scale}")
    return scale
