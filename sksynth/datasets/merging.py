"""Several data sets as one: the same rate, leads, unit and classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ._checks import check_count, check_names, check_number
from ._reading import resample, resampled_length
from ._wfdb import CANONICAL

MILLIVOLT = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "V": 1e3}  # size of each unit in mV
NEEDED = ("data", "target", "groups", "fs", "lead_names")
ROWS_AT_ONCE = 256  # bounds the memory of resampling


@dataclass
class _Part:
    """A data set, checked; all that differs between data sets has one form here."""

    label: str  # for messages
    site: np.ndarray  # (n,) name of the data set
    data: np.ndarray  # (n, n_leads, n_times)
    target: np.ndarray
    target_names: list
    groups: np.ndarray  # (n,) with the name of the data set
    fs: float  # Hz
    leads: list  # canonical names
    scale: float  # of the unit, in mV
    frame: Any  # DataFrame or None
    description: str


def merge(*bunches, fs=None, lead_names=None, n_times=None, names=None):
    """Merge ECG data sets with different rates, leads, lead orders and units.

    Rows come in the order of the arguments. Only classes that all data sets know are
    kept, and only leads that all have; the spelling AVR or aVR makes no difference.
    The data sets given are not changed.

    Parameters
    ----------
    *bunches : :class:`~sklearn.utils.Bunch`
        One or more data sets as :func:`load_ptbxl` or :func:`load_chapman` return
        them, or dictionaries of your own, with `data` of shape (n, n_leads, n_times),
        `target`, `groups`, `fs` in Hz and `lead_names`. They may have `unit` ("mV",
        "uV", "µV" or "V"; without it, mV), `target_names`, `frame` and `data_set`.
    fs : float, default=None
        Sampling rate of the output in Hz, by polyphase resampling. None takes the
        lowest of the data sets, so that no frequency is made up.
    lead_names : sequence of str, default=None
        Leads, in this order; each data set must have them. None takes those that all
        have, in the order of the first.
    n_times : int, default=None
        Number of samples at the rate `fs`: longer signals lose their end, shorter ones
        are filled up with zeros. None needs equal lengths.
    names : sequence of str, default=None
        Name of each data set, which must differ. None takes their `data_set`.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n, n_leads, n_times), float32
            Signals in mV.
        target : ndarray of shape (n,) or (n, n_labels)
            Labels; rows whose label is not known to all data sets are dropped. Of
            indicator matrices all rows, and the columns that all have.
        target_names : list
            The labels known to all: of `target_names`, or where a data set has none, of
            those that occur in its target.
        groups : ndarray of shape (n,), str
            Group after the name of its data set, as in "PTB-XL:15709": no two data
            sets share one.
        data_set : ndarray of shape (n,), str
            Name of the data set.
        frame : DataFrame of n rows
            The frames one below the other, with the columns of all, ``data_set`` in
            front and their index as a column.
        fs, unit, lead_names
            Rate in Hz, "mV", leads by their usual spelling.
        DESCR : str
            The descriptions.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, or data sets share no lead or label, or differ in
        length or kind of target. The message names the data set.

    Examples
    --------
    A set of 200 Hz in mV with leads I and II, and one of 100 Hz in uV with II and I:

    >>> import numpy as np
    >>> from sklearn.utils import Bunch
    >>> from sksynth.datasets import merge
    >>> a = Bunch(data=np.ones((2, 2, 8)) * [[1.0], [2.0]], target=np.array(["x", "y"]),
    ...           groups=[7, 8], fs=200, lead_names=["I", "II"], data_set="a")
    >>> b = Bunch(data=np.full((1, 2, 4), 500.0), target=np.array(["x"]), groups=[7],
    ...           fs=100, lead_names=["II", "I"], unit="uV", data_set="b")
    >>> both = merge(a, b)
    >>> both.data.shape, both.fs, both.lead_names
    ((2, 2, 4), 100.0, ['I', 'II'])
    >>> both.data[:, :, 2].round(3).tolist()
    [[1.0, 2.0], [0.5, 0.5]]
    >>> both.target.tolist(), both.groups.tolist()
    (['x', 'x'], ['a:7', 'b:7'])
    """
    if not bunches:
        raise TypeError("merge needs one data set or more; got none")
    names = None if names is None else check_names("names", names)
    parts = _parts(bunches, names)
    rates = [part.fs for part in parts]
    fs = min(rates) if fs is None else check_number("fs", fs, 0, strict=True)
    leads = _common_leads(parts, lead_names)
    n_times = _common_length(parts, fs, n_times)
    target_names, kept, target = _common_targets(parts)

    data = np.zeros((len(target), len(leads), n_times), dtype=np.float32)
    first = 0
    for part, rows in zip(parts, kept, strict=True):
        _fill(data[first : first + len(rows)], part, rows, leads, fs)
        first += len(rows)
    chosen = list(zip(parts, kept, strict=True))
    return Bunch(
        data=data,
        target=target,
        target_names=target_names,
        groups=np.concatenate([part.groups[rows] for part, rows in chosen]),
        data_set=np.concatenate([part.site[rows] for part, rows in chosen]),
        frame=pd.concat([_frame(*pair) for pair in chosen], ignore_index=True),
        fs=fs,
        unit="mV",
        lead_names=leads,
        DESCR="\n".join(part.description for part in parts),
    )


def _parts(bunches, names):
    if names is not None and len(names) != len(bunches):
        raise ValueError(f"names must name {len(bunches)} data sets; got {names}")
    parts, seen = [], []
    for place, bunch in enumerate(bunches):
        if not isinstance(bunch, dict):
            raise TypeError(f"data set {place} must be a Bunch or dict; got {bunch!r}")
        name = bunch.get("data_set") if names is None else names[place]
        if name is None:
            raise ValueError(f"data set {place} has no data_set: pass names")
        known = [name] if isinstance(name, str) else np.unique(name).tolist()
        if set(known) & set(seen):
            raise ValueError(f"the data sets need different names; got {seen + known}")
        seen += known
        parts.append(_part(bunch, name, f"data set {place} ({', '.join(known)})"))
    return parts


def _part(bunch, name, label):
    lacking = [field for field in NEEDED if field not in bunch]
    if lacking:
        raise ValueError(f"{label} has no {lacking}; it has {sorted(bunch)}")
    leads = check_names(f"lead_names of {label}", bunch["lead_names"])
    data, target = np.asarray(bunch["data"]), np.asarray(bunch["target"])
    groups = np.asarray(bunch["groups"]).astype(str)
    if data.ndim != 3 or data.shape[1] != len(leads):
        form = f"(n, {len(leads)} leads, n_times)"
        raise ValueError(f"data of {label} must be {form}; got {data.shape}")
    if target.ndim not in (1, 2) or not len(target) == len(data) == len(groups):
        shapes = f"{target.shape} and {groups.shape}"
        raise ValueError(
            f"target and groups of {label} must have {len(data)} rows; got {shapes}"
        )
    unit = bunch.get("unit", "mV")
    if unit not in MILLIVOLT:
        raise ValueError(f"unit of {label} must be in {list(MILLIVOLT)}; got {unit!r}")
    if isinstance(name, str):
        site = np.full(len(data), name)
        groups = np.char.add(f"{name}:", groups)
    else:
        site = np.asarray(name, dtype=str)  # merged before: its groups have the names
        if site.shape != groups.shape:
            got = f"{site.shape}, for {len(groups)} rows"
            raise ValueError(f"data_set of {label} must be a name a row; got {got}")
    return _Part(
        label,
        site,
        data,
        target,
        _target_names(bunch, target, label),
        groups,
        check_number(f"fs of {label}", bunch["fs"], 0, strict=True),
        [_canonical(lead) for lead in leads],
        MILLIVOLT[unit],
        bunch.get("frame"),
        bunch.get("DESCR", ""),
    )


def _target_names(bunch, target, label):
    names = bunch.get("target_names")
    if target.ndim == 1:
        if names is None:
            return np.unique(target).tolist()
        if len(target) and not np.isin(target, list(names)).any():
            raise ValueError(
                f"target of {label} holds {np.unique(target)[:5].tolist()}, "
                f"none of its target_names {list(names)}"
            )
        return list(names)
    if names is None or len(names) != target.shape[1]:
        raise ValueError(
            f"{label} needs target_names for {target.shape[1]} columns; got {names}"
        )
    return list(names)


def _canonical(lead):
    return CANONICAL.get(lead.lower(), lead)


def _common_leads(parts, lead_names):
    if lead_names is None:
        common = _in_all([part.leads for part in parts])
        if not common:
            each = {part.label: part.leads for part in parts}
            raise ValueError(f"the data sets share no lead: {each}")
        return common
    asked = [_canonical(lead) for lead in check_names("lead_names", lead_names)]
    for part in parts:
        lacking = [lead for lead in asked if lead not in part.leads]
        if lacking:
            raise ValueError(f"{part.label} has no leads {lacking}, but {part.leads}")
    return asked


def _common_length(parts, fs, n_times):
    lengths = {p.label: resampled_length(p.data.shape[2], p.fs, fs) for p in parts}
    if n_times is not None:
        return check_count("n_times", n_times)
    if len(set(lengths.values())) > 1:
        raise ValueError(f"lengths differ at {fs:g} Hz: {lengths}; pass n_times")
    return lengths[parts[0].label]


def _common_targets(parts):
    """Names of the common labels, rows to keep of each data set, target of all."""
    kinds = {part.label: (part.target.ndim, part.target.dtype.kind) for part in parts}
    if len(set(kinds.values())) > 1:
        raise ValueError(f"targets differ in dimensions or kind of labels: {kinds}")
    common = _in_all([part.target_names for part in parts])
    if not common:
        each = {part.label: part.target_names for part in parts}
        raise ValueError(f"the data sets share no label: {each}")
    if parts[0].target.ndim == 1:
        kept = [np.flatnonzero(np.isin(part.target, common)) for part in parts]
        targets = [part.target[rows] for part, rows in zip(parts, kept, strict=True)]
    else:
        kept = [np.arange(len(part.target)) for part in parts]
        columns = [[part.target_names.index(n) for n in common] for part in parts]
        targets = [p.target[:, c] for p, c in zip(parts, columns, strict=True)]
    return common, kept, np.concatenate(targets)


def _in_all(lists):
    """Members of the first list that all have."""
    return [member for member in lists[0] if all(member in other for other in lists)]


def _fill(out, part, rows, leads, fs):
    """Write rows of a data set into `out`, in mV, in the order of `leads`."""
    order = [part.leads.index(lead) for lead in leads]
    for first in range(0, len(rows), ROWS_AT_ONCE):
        block = part.data[rows[first : first + ROWS_AT_ONCE]][:, order]
        if part.scale != 1 or part.fs != fs:
            block = resample(block.astype(np.float64) * part.scale, part.fs, fs)
        length = min(block.shape[2], out.shape[2])
        out[first : first + ROWS_AT_ONCE, :, :length] = block[:, :, :length]


def _frame(part, rows):
    site = pd.Series(part.site[rows], name="data_set", dtype=object)
    if part.frame is None:
        return site.to_frame()
    frame = part.frame.iloc[rows].drop(columns="data_set", errors="ignore")
    frame = frame.reset_index(drop=frame.index.name is None)
    return pd.concat([site, frame], axis=1)
