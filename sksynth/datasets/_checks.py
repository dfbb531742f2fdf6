"""Argument checks that the data sets share; messages name the value received."""

from math import isfinite
from numbers import Integral, Real

import numpy as np


def check_names(parameter, names, allowed=None):
    """List of distinct str."""
    if isinstance(names, str) or not np.iterable(names):
        raise TypeError(f"{parameter} must be a sequence of str; got {names!r}")
    names = list(names)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"{parameter} must hold str; got {names!r}")
    if not names or len(set(names)) < len(names):
        expected = "one or more names, each once"
        raise ValueError(f"{parameter} must hold {expected}; got {names!r}")
    if allowed is not None and not set(names) <= set(allowed):
        raise ValueError(f"{parameter} must be among {allowed}; got {names!r}")
    return [str(name) for name in names]


def check_count(parameter, value):
    """Int of at least 1."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{parameter} must be an int; got {value!r}")
    if value < 1:
        raise ValueError(f"{parameter} must be at least 1; got {value}")
    return int(value)


def check_number(parameter, value, low, high=np.inf, *, strict=False):
    """Finite float in [low, high], or above `low` if strict."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{parameter} must be a number; got {value!r}")
    too_low = value <= low if strict else value < low
    if not isfinite(value) or too_low or value > high:
        bound = f"{'greater than' if strict else 'at least'} {low}"
        bound += f" and at most {high}" if isfinite(high) else ""
        raise ValueError(f"{parameter} must be finite, {bound}; got {value}")
    return float(value)


def check_pair(parameter, pair, *, strict):
    """Two finite floats, not negative, and not 0 if strict."""
    if isinstance(pair, str) or not np.iterable(pair):
        raise TypeError(f"{parameter} must be two numbers; got {pair!r}")
    pair = tuple(pair)
    if len(pair) != 2:
        raise ValueError(f"{parameter} must be two numbers; got {pair!r}")
    return tuple(check_number(parameter, value, 0, strict=strict) for value in pair)


def check_ids(parameter, values):
    """List of distinct int."""
    if isinstance(values, str) or not np.iterable(values):
        raise TypeError(f"{parameter} must be a sequence of int; got {values!r}")
    values = list(values)
    if not all(isinstance(v, Integral) and not isinstance(v, bool) for v in values):
        raise TypeError(f"{parameter} must hold int; got {values!r}")
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{parameter} must hold one or more, each once; got {values}")
    return [int(value) for value in values]
