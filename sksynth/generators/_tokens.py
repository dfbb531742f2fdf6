"""Tokens that come from callers."""

import numpy as np
from sklearn.utils import check_array


def check_tokens(tokens, n_columns, n_codes):
    """Tokens (n_samples, n_columns) as int64, all of them codes."""
    tokens = check_array(tokens, input_name="tokens")
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"tokens must be integers; got {tokens.dtype}")
    if tokens.shape[1] != n_columns:
        raise ValueError(f"tokens must have {n_columns} columns; got {tokens.shape[1]}")
    if tokens.min() < 0 or tokens.max() >= n_codes:
        raise ValueError(
            f"tokens must be from 0 to {n_codes - 1} ({n_codes} codes); got "
            f"{tokens.min()} to {tokens.max()}"
        )
    return tokens.astype(np.int64, copy=False)
