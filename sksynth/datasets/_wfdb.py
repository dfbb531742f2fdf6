"""Twelve-lead WFDB records: the header, and signals of 16 bits, read with numpy."""

import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
CANONICAL = {name.lower(): name for name in LEADS}  # AVR and avr are aVR
# the parts of "16x1:0+24" and of "1000.0(0)/mV"
_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?")
_GAIN = re.compile(r"([-+.\deE]+)(?:\((-?\d+)\))?(?:/(\S+))?")
_MISSING = -32768  # the code of format 16 for a sample that is missing


class MissingSamplesError(ValueError):
    """A record lacks samples."""


@dataclass(frozen=True)
class Header:
    """What a header says of its record; per lead in the order of the file."""

    name: str
    fs: float  # Hz
    n_times: int
    file: Path  # the signal file
    offset: int  # bytes before the first sample
    leads: tuple  # canonical names
    gain: np.ndarray  # codes per mV
    baseline: np.ndarray  # code of 0 mV
    checksum: np.ndarray  # sum of the codes, modulo 65536
    comments: dict  # "# Age: 5" -> {"age": "5"}


def read_header(stem):
    """Header of the record at `stem`, a path without suffix; files are checked.

    Only the length of the signal file is looked at.
    """
    file = stem.with_name(stem.name + ".hea")
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    lines = [line.strip() for line in file.read_text("latin-1").splitlines()]
    plain = [line for line in lines if line and not line.startswith("#")]
    try:
        name, n_leads, fs, n_times = _parse_record(plain)
        leads = [_parse_lead(line) for line in plain[1:]]
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if name != stem.name:
        raise ValueError(f"{file} is mislabelled: it is the header of record {name}")
    if len(leads) != n_leads or n_leads == 0:
        raise ValueError(f"{file} is damaged: {len(leads)} of {n_leads} leads")
    names, files, offsets, *numbers = zip(*leads, strict=True)
    if sorted(map(str.lower, names)) != sorted(CANONICAL):
        raise ValueError(f"{file}: leads must be {LEADS}; got {names}")
    if len(set(files)) > 1 or len(set(offsets)) > 1 or Path(files[0]).stem != name:
        raise ValueError(f"{file} is mislabelled: its signals are in {set(files)}")
    header = Header(
        name,
        fs,
        n_times,
        stem.with_name(files[0]),
        offsets[0],
        tuple(CANONICAL[lead.lower()] for lead in names),
        *map(np.array, numbers),
        _parse_comments(lines),
    )
    if not header.file.is_file():
        raise FileNotFoundError(f"there is no file {header.file}")
    _check_size(header, header.file.stat().st_size)
    return header


def read_signal(header):
    """Signal (n_times, n_leads) in mV, float64, leads in the order of ``LEADS``."""
    content = header.file.read_bytes()
    _check_size(header, len(content))
    codes = np.frombuffer(content, "<i2", offset=header.offset)
    codes = codes.reshape(header.n_times, len(LEADS))
    wrong = (codes.sum(axis=0, dtype=np.int16) - header.checksum) % 65536 != 0
    if wrong.any():
        leads = [lead for lead, bad in zip(header.leads, wrong, strict=True) if bad]
        raise ValueError(
            f"{header.file} is damaged: the checksums of {leads} are not its header's"
        )
    n_missing = int((codes == _MISSING).sum())
    if n_missing:
        raise MissingSamplesError(f"{header.file}: {n_missing} missing samples")
    signal = (codes.astype(np.float64) - header.baseline) / header.gain
    if header.leads == LEADS:
        return signal
    return signal[:, [header.leads.index(lead) for lead in LEADS]]


def _check_size(header, size):
    expected = header.offset + 2 * header.n_times * len(LEADS)
    if size != expected:
        what = "is truncated" if size < expected else "is longer than its header says"
        raise ValueError(f"{header.file} {what}: {size} bytes, not {expected}")


def _parse_record(lines):
    """Name, number of signals, rate and length, from ``JS1 12 500 5000 ...``."""
    fields = lines[0].split() if lines else []
    if len(fields) < 4:
        raise ValueError(f"name, leads, rate and length expected; got {fields}")
    name, n_leads, fs, n_times = fields[:4]
    n_leads, fs, n_times = int(n_leads), float(fs.split("/")[0]), int(n_times)
    if not (isfinite(fs) and fs > 0) or n_times < 1:
        raise ValueError(f"{n_times} samples at {fs:g} Hz")
    return name, n_leads, fs, n_times


def _parse_lead(line):
    """Name, file, offset, gain, baseline and checksum of a signal line."""
    fields = line.split(None, 8)
    if len(fields) < 9:
        raise ValueError(f"nine fields expected; got {line!r}")
    file, form, calibration, _, zero, _, checksum, _, name = fields
    form, calibration = _FORMAT.fullmatch(form), _GAIN.fullmatch(calibration)
    if not form or not calibration:
        raise ValueError(f"format and gain expected; got {line!r}")
    kind, per_frame, skew, offset = (int(part or 0) for part in form.groups())
    if kind != 16 or per_frame > 1 or skew:
        raise ValueError(f"format must be 16, a sample a frame; got {form[0]!r}")
    gain, baseline, unit = calibration.groups()
    if float(gain) == 0 or unit not in (None, "mV"):
        raise ValueError(f"signals must be in mV; got {calibration[0]!r}")
    baseline = int(zero if baseline is None else baseline)
    return name, file, offset, float(gain), baseline, int(checksum)


def _parse_comments(lines):
    """Comments ``#Key: value``, with or without a blank, by key in small letters."""
    pairs = (line.lstrip("# ").partition(":") for line in lines if line.startswith("#"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs}
