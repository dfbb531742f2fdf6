"""Lengths of trainings and dials of guidance, as several generators have them."""

import math
from numbers import Integral

from sklearn.utils._param_validation import Interval

AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")


def epochs_of(n_updates, n_rows, batch_size):
    """Epochs that make about ``n_updates`` updates of the weights."""
    return math.ceil(n_updates / math.ceil(n_rows / batch_size))


def check_guidance(guidance, label_dropout):
    """Refuse a guidance that a training with this ``label_dropout`` cannot serve."""
    if guidance != 1 and label_dropout == 0:
        raise ValueError(
            f"guidance={guidance!r} compares with the model without labels, "
            "which label_dropout=0 did not train; allowed is 1"
        )


def pair_of(name, value, kind=Integral, smallest=1):
    """Value of a parameter for each of two bands, of a number or a pair of them."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    is_number = [isinstance(v, kind) and not isinstance(v, bool) for v in pair]
    if len(pair) != 2 or not all(is_number) or min(pair) < smallest:
        number = "an integer" if kind is Integral else "a number"
        raise ValueError(
            f"{name} must be {number} from {smallest} or a pair of them; got {value!r}"
        )
    return pair
