"""Data sets: ``load_*`` read a folder the user has, ``make_*`` simulate."""

from .chapman import load_chapman
from .ecg import make_ecg
from .edgar import load_egm
from .egm import make_egm
from .mer import make_mer
from .merging import merge
from .mitbih import load_mitbih
from .mrs import make_mrs
from .mrs_files import load_mrs
from .ptbxl import load_ptbxl
from .rhythms import make_ecg_rhythms

__all__ = [
    "load_chapman",
    "load_egm",
    "load_mitbih",
    "load_mrs",
    "load_ptbxl",
    "make_ecg",
    "make_ecg_rhythms",
    "make_egm",
    "make_mer",
    "make_mrs",
    "merge",
]
