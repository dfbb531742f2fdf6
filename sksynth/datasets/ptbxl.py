"""Twelve-lead ECG records of PTB-XL, in the layout of the published folder."""

from ast import literal_eval
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ._checks import check_ids
from ._reading import (
    ON_ERROR,
    RHYTHMS,
    check_choice,
    check_folder,
    query_rows,
    read_headers,
    read_signals,
    report,
)
from ._wfdb import LEADS

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
SECONDS = 10  # length of each record
STATEMENT_COLUMNS = ["diagnostic", "diagnostic_class", "rhythm"]
FILE_COLUMNS = {100: "filename_lr", 500: "filename_hr"}  # rate in Hz: column

_DESCR = """\
PTB-XL: 12-lead ECG records of 10 s with the statements of cardiologists.

data     (n, 12, n_times) float32, mV     target      (n,) label, or (n, 5) 0 and 1
groups   (n,) patient                     strat_fold  (n,) fold, 1 to 10
ecg_id   (n,) record                      frame       rows of ptbxl_database.csv

Folds keep a patient together; 9 and 10 hold records that a person has validated.
Licence CC BY 4.0. Cite Wagner et al., Sci Data 7:154, 2020, and Goldberger et al.,
Circulation 101(23):e215-e220, 2000.
"""


def load_ptbxl(
    path,
    *,
    target="superclass",
    fs=100,
    folds=None,
    query=None,
    records=None,
    on_error="raise",
    n_jobs=None,
    verbose=0,
):
    """Load 12-lead ECG records of PTB-XL from a local folder.

    The folder holds ``ptbxl_database.csv``, ``scp_statements.csv`` and ``records100``
    or ``records500`` as PhysioNet distributes them; nothing is downloaded. Records
    are chosen by the table, and only the signals of those chosen are read. The length
    and the checksums of each signal are compared with its header.

    Parameters
    ----------
    path : str or path-like
        Folder of the data set.
    target : {"superclass", "rhythm", "multilabel"}, default="superclass"
        What to predict, from the statements in the column ``scp_codes``. Statements
        count whatever their likelihood: 0 stands for "not given".

        - "superclass": the diagnostic superclass (NORM, MI, STTC, CD, HYP); records
          with none or with more than one are dropped.
        - "rhythm": the first rhythm statement of the record; records without one, or
          whose first is not among SBRAD, SR, AFIB, STACH, AFLT, SARRH, SVTAC, are
          dropped.
        - "multilabel": a column of 0 and 1 for each superclass; all records stay, and
          one without a diagnosis has a row of zeros.
    fs : {100, 500}, default=100
        Sampling rate in Hz: which of the two folders of signals is read. For another
        rate, see :func:`merge`.
    folds : int or sequence of int, default=None
        Values of ``strat_fold`` to keep, such as ``range(1, 9)``. None keeps all.
    query : str, callable or boolean array, default=None
        Rows of the table to keep: an expression of :meth:`pandas.DataFrame.eval`, such
        as ``"age >= 60 and sex == 1"``, a function of the table that returns True or
        False for each row, or these values themselves. The table has ``ecg_id`` as its
        index and its other columns as in the file.
    records : sequence of int, default=None
        Values of ``ecg_id`` to read, in this order. None reads all, in the order of
        the table. `folds`, `query` and `target` choose among them.
    on_error : {"raise", "warn"}, default="raise"
        Whether files that are missing, damaged or mislabelled are an error, or are
        left out with a warning. Either names all of them.
    n_jobs : int, default=None
        Threads that read, as in joblib. None is 1, which is as fast as more unless the
        files are slow to reach.
    verbose : int, default=0
        Whether to print the progress.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_records, 12, n_times), float32
            Signals in mV; `n_times` is 1000 at 100 Hz and 5000 at 500 Hz.
        target : ndarray of shape (n_records,), str, or (n_records, 5), int
            The label, or for "multilabel" the indicator matrix.
        target_names : list of str
            All labels of this target, or the columns of the matrix.
        groups : ndarray of shape (n_records,), int
            Patient.
        ecg_id, strat_fold : ndarray of shape (n_records,), int
            Record and fold.
        frame : DataFrame of n_records rows
            Rows of the table.
        fs : float
            Sampling rate in Hz.
        unit : str
            "mV".
        lead_names : list of str
            I, II, III, aVR, aVL, aVF, V1 to V6; the files write AVR, AVL, AVF.
        left_out : dict
            Record to what was wrong with it, for ``on_error="warn"``.
        data_set : str
            "PTB-XL".
        DESCR : str
            Description, licence and citation.

        With no record left by the choice, the arrays have length 0.

    Raises
    ------
    FileNotFoundError
        If the folder, a table, a record of `records` or only files are missing.
    NotADirectoryError
        If `path` is a file.
    TypeError, ValueError
        If an argument is invalid, a table is damaged, or, by name, files of signals
        are missing, truncated, damaged or mislabelled (a header of another record).

    Warns
    -----
    UserWarning
        If ``on_error="warn"`` and records are left out.

    References
    ----------
    .. [1] P. Wagner et al., "PTB-XL, a large publicly available electrocardiography
       dataset", Sci Data 7:154, 2020.
    .. [2] A. L. Goldberger et al., "PhysioBank, PhysioToolkit, and PhysioNet",
       Circulation 101(23):e215-e220, 2000.

    Examples
    --------
    >>> from sksynth.datasets import load_ptbxl
    >>> train = load_ptbxl("ptb-xl", folds=range(1, 9))  # doctest: +SKIP
    >>> train.data.shape[1:]  # doctest: +SKIP
    (12, 1000)
    """
    check_choice("target", target, TARGETS)
    check_choice("fs", fs, FILE_COLUMNS)
    fs = int(fs)  # 100.0, as the loaders give it, is 100
    check_choice("on_error", on_error, ON_ERROR)
    folds = [folds] if isinstance(folds, Integral) else folds
    folds = None if folds is None else check_ids("folds", folds)
    records = None if records is None else check_ids("records", records)
    folder = check_folder(path, "PTB-XL")
    table = _choose(_read_table(folder, FILE_COLUMNS[fs]), query, folds, records)
    statements = _read_csv(folder / "scp_statements.csv", 0, STATEMENT_COLUMNS)
    table, labels, names = TARGETS[target](table, statements)

    headers, problems = _read_headers(folder, table, fs, n_jobs, verbose)
    data, damaged = read_signals(headers, fs, SECONDS * fs, n_jobs, verbose)
    problems |= damaged
    report(problems, len(table), on_error)
    good = ~table.index.isin(problems)
    table = table[good]
    return Bunch(
        data=data,
        target=labels[good],
        target_names=list(names),
        groups=table["patient_id"].to_numpy(np.int64),
        ecg_id=table.index.to_numpy(np.int64),
        strat_fold=table["strat_fold"].to_numpy(np.int64),
        frame=table,
        fs=float(fs),
        unit="mV",
        lead_names=list(LEADS),
        left_out={int(record): str(problem) for record, problem in problems.items()},
        data_set="PTB-XL",
        DESCR=_DESCR,
    )


def _read_csv(file, index, columns):
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    try:
        table = pd.read_csv(file, index_col=index, low_memory=False)
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise ValueError(f"{file} has no columns {lacking}")
    return table


def _read_table(folder, file_column):
    """Read the table of records by ecg_id."""
    file = folder / "ptbxl_database.csv"
    needed = ["patient_id", "scp_codes", "strat_fold", file_column]
    table = _read_csv(file, "ecg_id", needed)
    incomplete = table.index[table[needed].isna().any(axis=1)].tolist()
    repeated = table.index[table.index.duplicated()].tolist()
    if incomplete or repeated:
        raise ValueError(
            f"{file} is damaged: {needed} are missing for ecg_id {incomplete}, and "
            f"there are several rows for {repeated}"
        )
    return table


def _choose(table, query, folds, records):
    if records is not None:
        absent = [record for record in records if record not in table.index]
        if absent:
            raise FileNotFoundError(f"ptbxl_database.csv has no ecg_id {absent}")
    chosen = query_rows(table, query)
    if records is not None:
        chosen = chosen.loc[[record for record in records if record in chosen.index]]
    if folds is not None:
        chosen = chosen[chosen["strat_fold"].isin(folds)]
    return chosen


def _statements_of(table):
    """List the statements of each record, in the order of the file."""
    codes = []
    for record, text in table["scp_codes"].items():
        try:
            codes.append(list(dict(literal_eval(text))))
        except (ValueError, TypeError, SyntaxError) as error:
            message = f"scp_codes of ecg_id {record} is no dictionary: {text!r}"
            raise ValueError(message) from error
    return codes


def _multilabel(table, statements):
    known = statements["diagnostic_class"][statements["diagnostic"] == 1].to_dict()
    rows = [{known[c] for c in codes if c in known} for codes in _statements_of(table)]
    labels = [[int(name in row) for name in SUPERCLASSES] for row in rows]
    labels = np.array(labels, dtype=np.int64).reshape(-1, len(SUPERCLASSES))
    return table, labels, SUPERCLASSES


def _superclass(table, statements):
    table, labels, names = _multilabel(table, statements)
    one = labels.sum(axis=1) == 1
    return table[one], np.array(names)[labels[one].argmax(axis=1)], names


def _rhythm(table, statements):
    known = set(statements.index[statements["rhythm"] == 1])
    first = np.array(
        [next((c for c in codes if c in known), "") for codes in _statements_of(table)],
        dtype=str,
    )
    kept = np.isin(first, RHYTHMS)
    return table[kept], first[kept], RHYTHMS


TARGETS = {"superclass": _superclass, "rhythm": _rhythm, "multilabel": _multilabel}


def _read_headers(folder, table, fs, n_jobs, verbose):
    """Headers and problems, both by ecg_id."""
    stems = {i: folder / name for i, name in table[FILE_COLUMNS[fs]].items()}
    tops = {stem.relative_to(folder).parts[0] for stem in stems.values()}
    if stems and not any((folder / top).is_dir() for top in tops):
        where = ", ".join(str(folder / top) for top in sorted(tops))
        raise FileNotFoundError(f"no records at {fs} Hz: there is no folder {where}")
    found, failed = read_headers(list(stems.values()), n_jobs, verbose)
    headers, problems = {}, {}
    for record, stem in stems.items():
        header = found.get(stem)
        if header is None:
            problems[record] = failed[stem]
        elif stem.name.partition("_")[0] != f"{record:05d}":
            text = f"ptbxl_database.csv is mislabelled: ecg_id {record} has {stem}"
            problems[record] = ValueError(text)
        elif (header.fs, header.n_times) != (fs, SECONDS * fs):
            text = f"{stem}.hea: {header.n_times} samples at {header.fs:g} Hz, not "
            problems[record] = ValueError(f"{text}{SECONDS * fs} at {fs} Hz")
        else:
            headers[record] = header
    return headers, problems
