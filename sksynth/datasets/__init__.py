"""Data sets: ``load_*`` read a folder the user has, ``make_*`` simulate."""

from .ecg import make_ecg
from .mitbih import load_mitbih

__all__ = ["load_mitbih", "make_ecg"]
