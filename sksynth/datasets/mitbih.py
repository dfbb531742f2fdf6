"""Heartbeats of the MIT-BIH Arrhythmia Database, cut around their R peaks."""

import warnings
from math import isfinite
from numbers import Integral

import numpy as np
from scipy.signal import butter, sosfiltfilt
from sklearn.utils import Bunch

from ._checks import check_count, check_names, check_number, check_pair
from ._reading import check_folder, resample

# ANSI/AAMI EC57: class -> symbols of the annotation files
AAMI_SYMBOLS = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
CLASS_OF_SYMBOL = {s: name for name, group in AAMI_SYMBOLS.items() for s in group}
PACED_RECORDS = frozenset({"102", "104", "107", "217"})
PATIENT_OF_RECORD = {"202": "201"}  # the only patient with two records
# what wfdb raises on damaged files, beside ValueError
_WFDB_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)

_DESCR = """\
MIT-BIH Arrhythmia Database: single heartbeats with their AAMI classes
(N normal, S supraventricular, V ventricular, F fusion, Q unknown or paced).

data     (n_beats, n_leads, n_times) float32, mV; R peak at index r_index
target   (n_beats,) AAMI class      groups   (n_beats,) patient
symbol   (n_beats,) annotation      record   (n_beats,) record
sample   (n_beats,) annotated sample of the record, at its native rate

Beats of one patient are near copies of each other: split by groups.
Licence ODC-By 1.0. Cite Moody and Mark, IEEE Eng Med Biol Mag 20(3):45-50, 2001,
and Goldberger et al., Circulation 101(23):e215-e220, 2000.
"""


def load_mitbih(
    path,
    records=None,
    *,
    leads=("MLII", "V1"),
    classes=("N", "S", "V", "F"),
    window=(0.25, 0.46),
    n_times=None,
    fs=None,
    band=(0.5, 40.0),
    include_paced=False,
):
    """Load heartbeats of the MIT-BIH Arrhythmia Database from a local folder.

    The folder holds the raw WFDB files (``101.hea``, ``101.dat``, ``101.atr``, ...)
    as PhysioNet distributes them; nothing is downloaded. Each record is filtered and
    resampled as a whole, then cut around its annotated beats. Beats whose window
    leaves the record are dropped, and so is each annotation that is no beat.

    With ``fs=180`` and the default window a beat has 128 samples.

    Parameters
    ----------
    path : str or path-like
        Folder of the records.
    records : sequence of str or int, default=None
        Records to read, in this order, such as ``["101", "106"]``. None reads all
        that the folder holds, without the paced ones and, with a warning that names
        them, without those that lack one of `leads`. A record named here is never
        left out: one that cannot be used is an error.
    leads : sequence of str, default=("MLII", "V1")
        Leads, chosen by name (the order differs between records). Of the 48 records
        all but 102 and 104 have MLII, and 40 have MLII and V1.
    classes : sequence of {"N", "S", "V", "F", "Q"}, default=("N", "S", "V", "F")
        AAMI classes to keep. Their symbols in the files: N = ``N L R e j``,
        S = ``A a J S``, V = ``V E``, F = ``F``, Q = ``/ f Q``.
    window : (float, float), default=(0.25, 0.46)
        Seconds before and after the R peak. The R peak is at index
        ``round(window[0] * fs)``, and ``round(window[1] * fs)`` samples, its own
        included, follow.
    n_times : int, default=None
        Exact number of samples of a beat; it then takes the place of ``window[1]``.
    fs : float, default=None
        Sampling rate of the output in Hz (polyphase resampling); None keeps the
        native rate, 360 Hz.
    band : (float, float) or None, default=(0.5, 40.0)
        Edges in Hz of a zero-phase Butterworth band-pass (order 2, run forward and
        backward, so that the edges are at -6 dB); None leaves the record unfiltered.
    include_paced : bool, default=False
        Whether to use the records of paced patients (102, 104, 107, 217), which
        AAMI practice leaves out.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_beats, n_leads, n_times), float32
            Beats in mV.
        target : ndarray of shape (n_beats,), str
            AAMI class.
        groups : ndarray of shape (n_beats,), str
            Patient: the name of the patient's first record (201 and 202 are of the
            same patient).
        record : ndarray of shape (n_beats,), str
            Record.
        symbol : ndarray of shape (n_beats,), str
            Symbol of the annotation.
        sample : ndarray of shape (n_beats,), int
            Annotated sample, at the native rate.
        fs : float
            Sampling rate of `data` in Hz.
        r_index : int
            Index of the R peak on the last axis of `data`.
        lead_names : list of str
            Leads, in the order of `data`.
        DESCR : str
            Description, licence and citation.

        Beats come in the order of `records`, then of time. With no beat of the
        classes asked for, the arrays have length 0.

    Raises
    ------
    ImportError
        If wfdb is not installed.
    FileNotFoundError
        If the folder or a file of a record is missing.
    NotADirectoryError
        If `path` is a file.
    TypeError, ValueError
        If an argument is invalid, a named record lacks a lead or is paced, or a file
        is damaged or truncated (as far as its end mark, its length and its checksum
        tell). The message names the file.

    Warns
    -----
    UserWarning
        If ``records=None`` and records lack one of the leads.

    References
    ----------
    .. [1] G. B. Moody and R. G. Mark, "The impact of the MIT-BIH Arrhythmia
       Database", IEEE Eng Med Biol Mag 20(3):45-50, 2001.
    .. [2] A. L. Goldberger et al., "PhysioBank, PhysioToolkit, and PhysioNet",
       Circulation 101(23):e215-e220, 2000.
    .. [3] P. de Chazal, M. O'Dwyer and R. B. Reilly, "Automatic classification of
       heartbeats using ECG morphology and heartbeat interval features", IEEE Trans
       Biomed Eng 51(7):1196-1206, 2004.

    Examples
    --------
    >>> from sksynth.datasets import load_mitbih
    >>> mitbih = load_mitbih("mitdb", fs=180)  # doctest: +SKIP
    >>> mitbih.data.shape[1:]  # doctest: +SKIP
    (2, 128)
    """
    leads = check_names("leads", leads)
    classes = check_names("classes", classes, allowed=tuple(AAMI_SYMBOLS))
    before, after = check_pair("window", window, strict=False)
    if n_times is not None:
        n_times = check_count("n_times", n_times)
    if fs is not None:
        fs = check_number("fs", fs, 0, strict=True)
    if band is not None:
        band = check_pair("band", band, strict=True)
        if band[0] >= band[1]:
            raise ValueError(f"band must rise, as in (0.5, 40.0); got {band}")
    folder = check_folder(path)
    wfdb = _import_wfdb()
    stems = _usable_records(wfdb, folder, records, leads, include_paced)

    parts = []
    for stem in stems:
        signal, native = _read_signal(wfdb, stem, leads)
        sample, symbol = _read_beats(wfdb, stem, signal.shape[1])
        fs = native if fs is None else fs
        n_before = round(before * fs)
        length = n_before + round(after * fs) if n_times is None else n_times
        if length < 1:
            raise ValueError(f"window {window} is shorter than a sample at {fs:g} Hz")
        if band is not None:
            signal = _band_pass(signal, band, native)
        signal = resample(signal, native, fs).astype(np.float32)
        start = np.rint(sample * (fs / native)).astype(np.int64) - n_before
        target = _aami_class(symbol)
        kept = np.isin(target, classes)
        kept &= (start >= 0) & (start + length <= signal.shape[1])
        times = start[kept, None] + np.arange(length)  # (n_beats, n_times)
        beats = signal[:, times].swapaxes(0, 1)  # (n_beats, n_leads, n_times)
        record = np.full(len(beats), stem.name)
        parts.append((beats, target[kept], record, symbol[kept], sample[kept]))

    data, target, record, symbol, sample = map(np.concatenate, zip(*parts, strict=True))
    groups = record.copy()
    for name, patient in PATIENT_OF_RECORD.items():
        groups[record == name] = patient
    return Bunch(
        data=data,
        target=target,
        groups=groups,
        record=record,
        symbol=symbol,
        sample=sample,
        fs=float(fs),
        r_index=n_before,
        lead_names=list(leads),
        DESCR=_DESCR,
    )


def _import_wfdb():
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="wfdb")  # its use of pandas
            import wfdb
    except ImportError as error:
        message = 'load_mitbih needs the package wfdb: pip install "sksynth[ecg]"'
        raise ImportError(message) from error
    return wfdb


def _usable_records(wfdb, folder, records, leads, include_paced):
    """Paths without suffix of the records to read."""
    named = records is not None
    if named:
        names = _check_records(records)
    else:
        names = sorted(file.stem for file in folder.glob("*.hea"))
        if not names:
            raise FileNotFoundError(f"no WFDB record (*.hea) in {folder}")
    if not include_paced:
        paced = [name for name in names if name in PACED_RECORDS]
        if named and paced:
            raise ValueError(
                f"records {paced} are of paced patients: leave them out or pass "
                "include_paced=True"
            )
        names = [name for name in names if name not in PACED_RECORDS]
    stems, lacking = [], []
    for stem in map(folder.joinpath, names):
        available = _read_header(wfdb, stem).sig_name
        if set(leads) <= set(available):
            stems.append(stem)
        elif named:
            raise ValueError(
                f"record {stem.name} has the leads {available}, not all of "
                f"{list(leads)}: choose other leads or leave it out"
            )
        else:
            lacking.append(stem.name)
    if not stems:
        why = f"; without all of the leads {list(leads)}: {lacking}" if lacking else ""
        raise ValueError(f"no usable record in {folder}{why}")
    if lacking:
        warnings.warn(
            f"left out, for they have not all of the leads {list(leads)}: "
            f"{', '.join(lacking)}",
            UserWarning,
            stacklevel=3,
        )
    return stems


def _read_header(wfdb, stem):
    file = _existing(stem, ".hea")
    try:
        header = wfdb.rdheader(str(stem))
        rate, names = float(header.fs), list(header.sig_name)
        units, files = list(header.units), set(header.file_name)
    except _WFDB_ERRORS as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if not (isfinite(rate) and rate > 0) or not names or None in names:
        raise ValueError(f"{file} is damaged: signals {names} at {rate:g} Hz")
    if set(units) != {"mV"}:
        raise ValueError(f"{file}: signals must be in mV; got {units}")
    for name in files:
        if not (stem.parent / name).is_file():
            raise FileNotFoundError(f"there is no file {stem.parent / name}")
    return header


def _read_signal(wfdb, stem, leads):
    """Read signals (n_leads, n_times) in mV, and their rate in Hz."""
    header = _read_header(wfdb, stem)
    file = stem.parent / header.file_name[0]
    try:
        record = wfdb.rdrecord(str(stem), physical=False)
        computed, stated = record.calc_checksum(), record.checksum
        signal = record.dac()[:, [record.sig_name.index(name) for name in leads]]
    except _WFDB_ERRORS as error:
        raise ValueError(f"{file} is truncated or damaged: {error}") from error
    for got, expected in zip(computed, stated, strict=True):
        if expected is not None and (got - expected) % 65536:
            raise ValueError(
                f"{file} is damaged: its checksum is {got}, its header says {expected}"
            )
    missing = np.isnan(signal).sum()
    if missing:
        raise ValueError(f"{file}: {missing} missing samples in {list(leads)}")
    return np.ascontiguousarray(signal.T), float(header.fs)


def _read_beats(wfdb, stem, n_times):
    """Read samples (n,) and symbols (n,) of the annotations that are beats."""
    file = _existing(stem, ".atr")
    content = file.read_bytes()
    if len(content) % 2 or content[-2:] != b"\0\0":
        raise ValueError(f"{file} is truncated: it does not end with a zero word")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="wfdb")  # its use of pandas
            annotation = wfdb.rdann(str(stem), "atr")
        sample = np.asarray(annotation.sample, dtype=np.int64)
        symbol = np.asarray(annotation.symbol, dtype=str)
    except _WFDB_ERRORS as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    outside = (sample < 0) | (sample >= n_times)
    if outside.any() or (np.diff(sample) < 0).any():
        raise ValueError(
            f"{file} is damaged: annotations out of order or outside the record's "
            f"{n_times} samples"
        )
    is_beat = np.isin(symbol, list(CLASS_OF_SYMBOL))
    return sample[is_beat], symbol[is_beat]


def _aami_class(symbol):
    distinct, index = np.unique(symbol, return_inverse=True)
    return np.array([CLASS_OF_SYMBOL[s] for s in distinct], dtype="<U1")[index]


def _band_pass(signal, band, native):
    if band[1] >= native / 2:
        raise ValueError(f"band {band} must end below half of {native:g} Hz")
    sections = butter(2, band, btype="bandpass", fs=native, output="sos")
    return sosfiltfilt(sections, signal, axis=-1)


def _existing(stem, suffix):
    file = stem.with_name(stem.name + suffix)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    return file


def _check_records(records):
    if isinstance(records, str | Integral) or not np.iterable(records):
        raise TypeError(f"records must be a sequence such as ['101']; got {records!r}")
    records = list(records)
    if not all(isinstance(record, str | Integral) for record in records):
        raise TypeError(f"records must hold str or int; got {records!r}")
    return check_names("records", [str(record) for record in records])
