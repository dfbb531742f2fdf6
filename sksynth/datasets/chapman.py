"""Twelve-lead ECG records of Chapman-Shaoxing and Ningbo, and sets of their form."""

import math
import re

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ._checks import check_count, check_names, check_number
from ._reading import (
    ON_ERROR,
    RHYTHMS,
    check_choice,
    check_folder,
    query_rows,
    rate_ratio,
    read_headers,
    read_signals,
    report,
    resampled_length,
    split_missing,
    warn_of_missing,
)
from ._wfdb import LEADS

# SNOMED CT code: rhythm, by the names of PTB-XL
RHYTHM_OF_CODE = {
    "426177001": "SBRAD",  # sinus bradycardia, SB
    "426783006": "SR",  # sinus rhythm
    "164889003": "AFIB",  # atrial fibrillation
    "427084000": "STACH",  # sinus tachycardia, ST
    "164890007": "AFLT",  # atrial flutter, AF in Chapman's table
    "427393009": "SARRH",  # sinus irregularity, SA or SI
    "426761007": "SVTAC",  # supraventricular tachycardia, SVT
}

_DESCR = """\
Chapman-Shaoxing and Ningbo: 12-lead ECG records of 10 s with SNOMED CT codes.

data     (n, 12, n_times) float32, mV     target  (n,) rhythm, or (n, n_codes) 0 and 1
record   (n,) name of the record          groups  the same: no patients are given
frame    age, sex, codes, fs, n_times and file of each record

Licence CC BY 4.0. Cite Zheng et al., Sci Data 7:48, 2020, Zheng et al., Sci Rep
10:2898, 2020, and Goldberger et al., Circulation 101(23):e215-e220, 2000.
Other sets of this form, such as Georgia's, have their own licence and citation.
"""


def load_chapman(
    path,
    *,
    target="rhythm",
    fs=100,
    n_times=None,
    query=None,
    records=None,
    on_error="raise",
    n_jobs=None,
    verbose=0,
):
    """Load 12-lead ECG records of Chapman-Shaoxing and Ningbo from a local folder.

    All headers (``*.hea``) in the folder and below are read, then the signals of the
    records chosen: MATLAB files (``*.mat``) that WFDB headers describe, at 500 Hz.
    Both forms of header that are in use, the data set's own and that of the 2021
    PhysioNet challenge, are read. So are other sets of this form, such as Georgia's.
    Nothing is downloaded.

    Records are resampled with :func:`scipy.signal.resample_poly`: from 500 to 100 Hz
    its filter is flat up to 43 Hz, at one half at 50 Hz and at 0 from 58 Hz on. The
    study that chose these seven rhythms used the function ``resample_sig`` of wfdb, a
    Fourier transform of the whole record: it is flat up to 50 Hz, but rings where the
    two ends of a record differ.

    Parameters
    ----------
    path : str or path-like
        Folder of the data set.
    target : {"rhythm", "codes"}, default="rhythm"
        What to predict, from the SNOMED CT codes on the line ``Dx`` of the header.

        - "rhythm": SBRAD, SR, AFIB, STACH, AFLT, SARRH or SVTAC, the names of PTB-XL
          (here SB, SR, AFIB, ST, AF, SA or SI, and SVT); of several the first in the
          alphabet, as in the study. Records with none are dropped.
        - "codes": a column of 0 and 1 for each code that occurs, known or not; all
          records stay.
    fs : float, default=100
        Sampling rate of the output in Hz.
    n_times : int, default=None
        Number of samples at the rate `fs`: longer records lose their end, shorter ones
        are filled up with zeros. None takes the records as they are: those whose
        length is not the commonest are then an error, by name (see `on_error`).
    query : str, callable or boolean array, default=None
        Records to keep: an expression of :meth:`pandas.DataFrame.eval`, such as
        ``"age >= 60 and sex == 'Male'"``, a function of the table of headers (see
        `frame` below) that returns True or False for each row, or these values.
    records : sequence of str, default=None
        Names of records to read, in this order. None reads all, sorted by name.
        `query` and `target` choose among them.
    on_error : {"raise", "warn"}, default="raise"
        Whether files that are missing, damaged, mislabelled or of another length are
        an error, or are left out with a warning. Either names all of them.
    n_jobs : int, default=None
        Threads that read and resample, as in joblib. None is 1.
    verbose : int, default=0
        Whether to print the progress.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_records, 12, n_times), float32
            Signals in mV.
        target : ndarray of shape (n_records,), str, or (n_records, n_codes), int
            The rhythm, or for "codes" the indicator matrix.
        target_names : list of str
            The seven rhythms, or the codes of the columns, sorted as text. A code is
            text, for some have more than 32 bits.
        groups, record : ndarray of shape (n_records,), str
            Name of the record. The data set does not tell its patients apart; a split
            by groups is then a split by record.
        frame : DataFrame of n_records rows
            By record: age (years, NaN if unknown), sex and codes (text, codes
            separated by commas) as in the header, its rate fs in Hz and its number of
            samples n_times, and file, the path of the signal file in the folder.
        fs : float
            Sampling rate in Hz.
        unit : str
            "mV".
        lead_names : list of str
            I, II, III, aVR, aVL, aVF, V1 to V6.
        left_out : dict
            Record to why it was left out: missing samples, and with
            ``on_error="warn"`` all other problems.
        data_set : str
            "Chapman".
        DESCR : str
            Description, licence and citation.

        With no record left by the choice, the arrays have length 0.

    Raises
    ------
    FileNotFoundError
        If the folder, all headers, a record of `records` or only files are missing.
    NotADirectoryError
        If `path` is a file.
    TypeError, ValueError
        If an argument is invalid or, by name, files are missing, truncated, damaged,
        mislabelled (a header of another record) or of another length.

    Warns
    -----
    UserWarning
        If records are left out: those with missing samples always, others if
        ``on_error="warn"``.

    References
    ----------
    .. [1] J. Zheng et al., "A 12-lead electrocardiogram database for arrhythmia
       research covering more than 10,000 patients", Sci Data 7:48, 2020.
    .. [2] J. Zheng et al., "Optimal multi-stage arrhythmia classification approach",
       Sci Rep 10:2898, 2020.
    .. [3] M. A. Reyna et al., "Will two do? Varying dimensions in
       electrocardiography: the PhysioNet/Computing in Cardiology Challenge 2021",
       Computing in Cardiology 48, 2021.

    Examples
    --------
    >>> from sksynth.datasets import load_chapman
    >>> chapman = load_chapman("chapman", n_jobs=2)  # doctest: +SKIP
    >>> chapman.data.shape[1:]  # doctest: +SKIP
    (12, 1000)
    """
    check_choice("target", target, TARGETS)
    check_choice("on_error", on_error, ON_ERROR)
    fs = check_number("fs", fs, 0, strict=True)
    n_times = None if n_times is None else check_count("n_times", n_times)
    records = None if records is None else check_names("records", records)
    folder = check_folder(path)
    stems = _find(folder, records)

    headers, problems = read_headers(list(stems.values()), n_jobs, verbose)
    problems = {stem.name: problem for stem, problem in problems.items()}
    headers = {header.name: header for header in headers.values()}
    for rate in {header.fs for header in headers.values()}:
        rate_ratio(rate, fs)
    table = query_rows(_frame(headers, folder), query)
    table, labels, names = TARGETS[target](table)
    headers = {name: headers[name] for name in table.index}
    if n_times is None:
        headers, n_times, uneven = _of_one_length(headers, fs)
        problems |= uneven
    data, damaged = read_signals(headers, fs, n_times, n_jobs, verbose)
    lacking, damaged = split_missing(damaged)
    problems |= damaged
    report(problems, len(stems), on_error)
    warn_of_missing(lacking)
    problems |= lacking
    good = ~table.index.isin(problems)
    return Bunch(
        data=data,
        target=labels[good],
        target_names=list(names),
        groups=table.index[good].to_numpy(str),
        record=table.index[good].to_numpy(str),
        frame=table[good],
        fs=fs,
        unit="mV",
        lead_names=list(LEADS),
        left_out={name: str(problem) for name, problem in problems.items()},
        data_set="Chapman",
        DESCR=_DESCR,
    )


def _find(folder, records):
    """Paths without suffix by name, of the records named or of all."""
    files = sorted(folder.rglob("*.hea"), key=lambda file: (file.stem, file))
    if not files:
        raise FileNotFoundError(f"no WFDB record (*.hea) in {folder} or below")
    stems = {}
    for file in files:
        if file.stem in stems and (records is None or file.stem in records):
            first = stems[file.stem].with_suffix(".hea")
            raise ValueError(f"record {file.stem} is there twice: {first}, {file}")
        stems[file.stem] = file.with_suffix("")
    if records is None:
        return stems
    absent = [name for name in records if name not in stems]
    if absent:
        raise FileNotFoundError(f"there are no records {absent} in {folder} or below")
    return {name: stems[name] for name in records}


def _frame(headers, folder):
    """Table of what the headers tell, by record."""
    return pd.DataFrame(
        {
            "age": [_age(header.comments.get("age")) for header in headers.values()],
            "sex": [h.comments.get("sex", "Unknown") for h in headers.values()],
            "codes": [_codes(header.comments.get("dx")) for header in headers.values()],
            "fs": [header.fs for header in headers.values()],
            "n_times": [header.n_times for header in headers.values()],
            "file": [h.file.relative_to(folder).as_posix() for h in headers.values()],
        },
        index=pd.Index(list(headers), name="record", dtype=str),
    )


def _age(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan  # "Unknown", or no such line


def _codes(text):
    codes = re.split(r"[,\s]+", text or "")
    return ",".join(code for code in codes if code and code.lower() != "unknown")


def _rhythm(table):
    found = [
        sorted(RHYTHM_OF_CODE[c] for c in codes.split(",") if c in RHYTHM_OF_CODE)
        for codes in table["codes"]
    ]
    kept = np.array([len(names) > 0 for names in found], dtype=bool)
    first = np.array([names[0] for names in found if names], dtype=str)
    return table[kept], first, RHYTHMS


def _indicators(table):
    rows = [{code for code in codes.split(",") if code} for codes in table["codes"]]
    names = sorted(set().union(*rows))
    labels = [[int(name in row) for name in names] for row in rows]
    labels = np.array(labels, dtype=np.int64).reshape(len(rows), len(names))
    return table, labels, names


TARGETS = {"rhythm": _rhythm, "codes": _indicators}


def _of_one_length(headers, fs):
    """Headers of the commonest length, it, and a problem for each other record."""
    lengths = {n: resampled_length(h.n_times, h.fs, fs) for n, h in headers.items()}
    values, counts = np.unique(list(lengths.values()), return_counts=True)
    n_times = int(values[counts.argmax()]) if len(values) else 0
    uneven = {
        name: ValueError(
            f"{headers[name].file} has {length} samples at {fs:g} Hz, most have "
            f"{n_times}: n_times cuts or fills up all"
        )
        for name, length in lengths.items()
        if length != n_times
    }
    return {n: h for n, h in headers.items() if n not in uneven}, n_times, uneven
