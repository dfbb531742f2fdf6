"""What the loaders share: tables, many records at a time, problems by name."""

import time
import warnings
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.signal import resample_poly

from ._wfdb import LEADS, MissingSamplesError, read_header, read_signal

# the rhythms that PTB-XL and Chapman share, by the names of PTB-XL
RHYTHMS = ("SBRAD", "SR", "AFIB", "STACH", "AFLT", "SARRH", "SVTAC")
ON_ERROR = ("raise", "warn")


def check_choice(parameter, value, allowed):
    if value not in tuple(allowed):
        raise ValueError(f"{parameter} must be one of {tuple(allowed)}; got {value!r}")


def check_folder(path, content="WFDB records"):
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise NotADirectoryError(f"path must be a folder of {content}; got {folder}")
    return folder


def rate_ratio(native, fs):
    """Fraction fs / native, in lowest terms."""
    ratio = Fraction(fs / native).limit_denominator(1000)
    if abs(float(ratio) * native - fs) > 1e-9 * fs:
        raise ValueError(f"fs={fs:g} is no simple fraction of {native:g} Hz")
    return ratio


def resample(signal, native, fs):
    """Signal at rate `fs` (time last); its sample k is at time k / fs, as before."""
    if fs == native:
        return signal
    ratio = rate_ratio(native, fs)
    up, down = ratio.numerator, ratio.denominator
    return resample_poly(signal, up, down, axis=-1, padtype="line")


def resampled_length(n_times, native, fs):
    return ceil(n_times * rate_ratio(native, fs))


def query_rows(table, query):
    """Rows of a table by a pandas expression, a function or a boolean mask."""
    if query is None:
        return table
    if isinstance(query, str):
        try:
            mask = table.eval(query)
        except Exception as error:  # the parser's own, of many kinds
            raise ValueError(f"query {query!r} is not understood: {error}") from error
    else:
        mask = query(table) if callable(query) else query
    if isinstance(mask, pd.Series) and set(mask.index) == set(table.index):
        mask = mask.reindex(table.index)
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != (len(table),):
        raise ValueError(
            f"query must give True or False for each of the {len(table)} rows; got "
            f"{mask.dtype} of shape {mask.shape}"
        )
    return table[mask]


def read_headers(stems, n_jobs, verbose):
    """Headers by stem, and what stood in the way of the others: (dict, dict)."""
    found = _attempt_all(read_header, stems, n_jobs, verbose, "headers")
    return _split(zip(stems, found, strict=True))


def read_signals(headers, fs, n_times, n_jobs, verbose):
    """Signals (n, 12, n_times) in mV at rate `fs`, and problems by stem.

    Signals are cut at `n_times`, or filled up with zeros. `headers` is by stem; rows
    are of those without a problem, in its order.
    """
    data = np.zeros((len(headers), len(LEADS), n_times), dtype=np.float32)

    def read(row_header):
        row, header = row_header
        signal = read_signal(header).T
        if header.fs != fs:
            signal = resample(np.ascontiguousarray(signal), header.fs, fs)
        length = min(n_times, signal.shape[1])
        data[row, :, :length] = signal[:, :length]

    items = list(enumerate(headers.values()))
    found = _attempt_all(read, items, n_jobs, verbose, "signals")
    good, problems = _split(zip(headers, found, strict=True))
    if problems:
        data = data[[stem in good for stem in headers]]
    return data, problems


def report(problems, n_records, on_error):
    """Raise, or warn in the name of the loader's caller, naming every problem."""
    if not problems:
        return
    message = f"{len(problems)} of {n_records} records cannot be used:\n  "
    message += "\n  ".join(map(str, problems.values()))
    if on_error == "warn" and len(problems) < n_records:
        warnings.warn(f"left out: {message}", UserWarning, stacklevel=3)
        return
    missing = all(isinstance(p, FileNotFoundError) for p in problems.values())
    if on_error == "raise":
        message += '\non_error="warn" leaves them out'
    raise (FileNotFoundError if missing else ValueError)(message)


def split_missing(problems):
    """Records that lack samples, and other problems."""
    lacking = {k: p for k, p in problems.items() if isinstance(p, MissingSamplesError)}
    return lacking, {k: p for k, p in problems.items() if k not in lacking}


def warn_of_missing(lacking):
    """Warn in the name of the loader's caller."""
    if lacking:
        text = "left out, for samples are missing:\n  "
        text += "\n  ".join(map(str, lacking.values()))
        warnings.warn(text, UserWarning, stacklevel=3)


def _split(pairs):
    good, problems = {}, {}
    for stem, result in pairs:
        (problems if isinstance(result, Exception) else good)[stem] = result
    return good, problems


def _attempt_all(function, items, n_jobs, verbose, what):
    """Result of each item or its error, by threads: they wait for files, not for us."""
    start, results = time.perf_counter(), []
    size = min(512, max(16, ceil(len(items) / 40)))
    chunks = (items[first : first + size] for first in range(0, len(items), size))
    parallel = Parallel(n_jobs=n_jobs, require="sharedmem", return_as="generator")
    for part in parallel(delayed(_attempt)(function, chunk) for chunk in chunks):
        results += part
        if verbose:
            elapsed = time.perf_counter() - start
            print(f"{what} {len(results)} of {len(items)}, {elapsed:.1f} s")
    return results


def _attempt(function, items):
    results = []
    for item in items:
        try:
            results.append(function(item))
        except (ValueError, OSError) as error:
            results.append(error)
    return results
