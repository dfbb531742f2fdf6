"""Further conditions of signals as numbers."""

import numpy as np

from sksynth._arrays import check_kind
from sksynth._preprocessing import as_one_hot, divisor


class ContextEncoder:
    """Further conditions as columns of numbers.

    Text and booleans are one-hot, numbers are standardised.

    Parameters
    ----------
    context : array-like of shape (n_samples,) or (n_samples, n_columns), or DataFrame
        One row for each signal; columns of numbers or of text. None has no columns.
    n_samples : int
        Number of signals.
    """

    attributes = ("names", "labels", "mean", "std")

    def __init__(self, context, n_samples):
        columns, self.names = _context_columns(context, n_samples)
        self.labels, numbers = [], []
        for column in map(_numbers_or_labels, columns):
            is_label = column.dtype.kind != "f"
            self.labels.append(np.unique(column) if is_label else None)
            numbers.append(np.zeros(1) if is_label else column)
        self.mean = np.array([column.mean() for column in numbers])
        self.std = np.array([column.std() for column in numbers])
        self.std = divisor(self.std, self.mean)

    def encode(self, context, n_samples):
        """Rows (n_samples, n_numbers) of one row or of ``n_samples`` of them."""
        columns, names = _context_columns(context, n_samples, len(self.labels))
        if names is not None and self.names is not None and names != self.names:
            raise ValueError(f"context must have the columns {self.names}; got {names}")
        if len(columns) != len(self.labels):
            raise ValueError(
                f"context must have {len(self.labels)} columns; got {len(columns)}"
            )
        parts = [np.zeros((n_samples, 0))]
        for column, labels, mean, std in zip(
            columns, self.labels, self.mean, self.std, strict=True
        ):
            if labels is not None:
                column = (
                    _as_bool(column) if labels.dtype == bool else column.astype(str)
                )
                parts.append(as_one_hot(column, labels, "context"))
                continue
            column = _numbers_or_labels(column)
            if column.dtype.kind != "f":
                raise ValueError(f"context must be numbers here; got {column[:3]}")
            parts.append(((column - mean) / std)[:, None])
        return np.concatenate(parts, axis=1).astype(np.float32)


def _context_columns(context, n_samples, n_columns=None):
    """Columns of n_samples numbers (float64) or labels, and their names if any."""
    if context is None:
        return [], None
    check_kind(context, "context")
    names = [str(name) for name in getattr(context, "columns", [])] or None
    if names:
        columns = [context.iloc[:, k].to_numpy() for k in range(len(names))]
        if n_columns is not None and len(context) == 1:  # one row for all
            columns = [np.repeat(column, n_samples) for column in columns]
    else:
        rows = np.asarray(context)
        is_one_row = rows.ndim == 1 and (n_columns or 1) > 1
        if rows.ndim == 0 or is_one_row:
            rows = np.broadcast_to(rows, (n_samples, *rows.shape))
        if rows.ndim not in (1, 2):
            raise ValueError(
                "context must have shape (n_samples,) or (n_samples, n_columns); got "
                f"{rows.shape}"
            )
        if n_columns is not None and rows.ndim == 2 and len(rows) == 1:
            rows = np.repeat(rows, n_samples, axis=0)
        columns = [rows] if rows.ndim == 1 else list(rows.T)
    if not columns or any(len(column) != n_samples for column in columns):
        shape = (len(columns[0]) if columns else 0, len(columns))
        raise ValueError(f"context must have {n_samples} rows; got shape {shape}")
    return columns, names


def _as_bool(column):
    """Column of booleans, which may come as 0 and 1."""
    known = np.isin(column, (False, True))
    if not known.all():
        raise ValueError(
            f"context must be False or True here; got {column[~known][:3].tolist()}"
        )
    return column.astype(bool)


def _numbers_or_labels(column):
    if column.dtype.kind == "b":
        return column
    try:
        numbers = column.astype(np.float64)
    except (TypeError, ValueError):
        return column.astype(str)
    if not np.isfinite(numbers).all():
        raise ValueError("context must not have NaN or infinity")
    return numbers
