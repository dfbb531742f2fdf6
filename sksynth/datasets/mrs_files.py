"""In vivo and synthetic MR spectra at 7 T, from a folder of npz files."""

import re
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from sksynth.mrs import ppm_axis

from ._reading import check_choice, check_folder

DWS = "MRS_DWS_7T"
STEAM = "MRS_STEAM7T"
WATER = 4.65  # ppm, for which the shifts of these data were checked
FS, LARMOR = 3000.0, 298.06  # Hz and MHz, of MRS_DWS_7T
SYNTHETIC_B = (0, 1000, 3000, 6000, 10000, 20000, 30000, 40000, 50000)  # s/mm2
PER_GRADIENT = 3  # conditions of one gradient amplitude: its directions
TIMES_WEIGHTED = 8  # first points of the water FIDs, whose phases are the coils'

_DESCR = """\
1H MR spectra at 7 T as FIDs, from {name}.

data     (n, n_points) complex64, arbitrary units   target  (n,) b-value, s/mm2
ppm      (n_points,) axis of the spectra, water at 4.65 ppm

{source}
No licence is stated for the data: keep them local.
"""
_SOURCES = {
    DWS: "Cite the data of the workshop on diffusion MRS, Lorentz Center, 2021.",
    STEAM: "From wtclarke/nifti_mrs_tools, tests/test_data.",
}


class _Part(NamedTuple):
    data: np.ndarray  # (n_averages, n_conditions, n_points)
    water: np.ndarray | None  # the same
    b_values: np.ndarray  # (n_conditions,), s/mm2
    fs: float
    larmor: float
    extra: dict


def load_mrs(path, *, part="invivo1"):
    """Load transients of MR spectroscopy at 7 T from a local folder.

    The folder holds ``MRS_DWS_7T`` and ``MRS_STEAM7T`` with an npz file of that name
    each; nothing is downloaded. None of the data is edited for GABA. All FIDs get the
    sign of :mod:`sksynth.mrs`, ppm increasing along the spectrum: those of STEAM are
    conjugated.

    Parameters
    ----------
    path : str or path-like
        Folder of the data sets.
    part : {"invivo1", "invivo2", "synthetic", "steam"}, default="invivo1"
        - "invivo1": diffusion-weighted STEAM, TE 45 ms, parietal white matter; 24
          averages of 10 conditions.
        - "invivo2": diffusion-weighted sLASER, TE 125 ms, posterior cingulate cortex;
          24 averages of 9 conditions.
        - "synthetic": 32 averages at 9 b-values with known drift, and the clean FIDs.
        - "steam": STEAM, TE 11 ms, 16 averages of 4 coils, which are combined here with
          the conjugates of the first points of the mean water reference as weights.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes:

        data : ndarray of shape (n_transients, n_points), complex64
            FIDs in arbitrary units, condition after condition. They are as measured:
            neither aligned nor rid of residual water.
        target : ndarray of shape (n_transients,)
            b-value in s/mm2: that of the condition for "synthetic", 0 for "steam". For
            the in vivo parts the mean over the three directions of its gradient
            amplitude, for the order of the directions in the file is not documented.
        condition : ndarray of shape (n_transients,), int
            Condition, from 0.
        ppm : ndarray of shape (n_points,)
            Shift of each point of :func:`sksynth.mrs.fid_to_spectrum` in ppm.
        water : ndarray of shape (n_water, n_points), complex64, or None
            Transients without water suppression; None for "synthetic".
        clean : ndarray of the shape of `data`, complex64
            For "synthetic" only: without noise and drift.
        frequency_offset, phase_offset : ndarray of shape (n_transients,)
            For "synthetic" only: drift in Hz and in degrees.
        fs, larmor : float
            Sampling rate in Hz and Larmor frequency in MHz.
        data_set : str
            "MRS_DWS_7T" or "MRS_STEAM7T".
        DESCR : str
            Description and citation.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing.
    NotADirectoryError
        If `path` is a file.
    ValueError
        If `part` is unknown, or a file is damaged.

    Examples
    --------
    >>> from sksynth.datasets import load_mrs
    >>> load_mrs("mrs").data.shape  # doctest: +SKIP
    (240, 1024)
    """
    check_choice("part", part, PARTS)
    folder = check_folder(path, "MRS_DWS_7T and MRS_STEAM7T")
    name = STEAM if part == "steam" else DWS
    found = PARTS[part](folder / name)
    n_averages, n_conditions, n_points = found.data.shape
    condition = np.repeat(np.arange(n_conditions), n_averages)
    return Bunch(
        data=_rows(found.data),
        target=found.b_values[condition],
        condition=condition,
        ppm=ppm_axis(n_points, found.fs, found.larmor, center=WATER),
        water=None if found.water is None else _rows(found.water),
        fs=found.fs,
        larmor=found.larmor,
        data_set=name,
        DESCR=_DESCR.format(name=name, source=_SOURCES[name]),
        **found.extra,
    )


def _rows(fids):
    """From (n_averages, n_conditions, n_points), condition after condition."""
    rows = fids.swapaxes(0, 1).reshape(-1, fids.shape[-1])
    return np.ascontiguousarray(rows, dtype=np.complex64)


def _read(file, shapes):
    """Arrays of an npz file by name; `shapes` has None where any length will do."""
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    try:
        with file.open("rb") as opened, np.load(opened) as archive:
            lacking = [name for name in shapes if name not in archive]
            if lacking:
                raise ValueError(f"it has no arrays {lacking}")
            arrays = {name: archive[name] for name in shapes}
    except (ValueError, TypeError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    for name, shape in shapes.items():
        array = arrays[name]
        fits = len(shape) == array.ndim and all(
            want in (None, n) for want, n in zip(shape, array.shape, strict=True)
        )
        if not fits or not np.isfinite(array).all():
            raise ValueError(
                f"{file} is damaged: {name} has shape {array.shape} and must be finite "
                f"of shape {shape}"
            )
    return arrays


def _invivo(number, n_conditions):
    metab, water = f"invivo{number}_metab", f"invivo{number}_water"

    def read(folder):
        shape = (None, n_conditions, 1024)
        arrays = _read(folder / f"{DWS}.npz", {metab: shape, water: shape})
        b_values = _read_b_values(folder / f"bvalues{number}.txt", n_conditions)
        return _Part(arrays[metab], arrays[water], b_values, FS, LARMOR, {})

    return read


def _read_b_values(file, n_conditions):
    """Mean b-values of each gradient amplitude, in the order of the amplitudes."""
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    found = re.findall(r"G=(\d+)mT.*?b=(\d+)s/mm2", file.read_text(encoding="utf-8"))
    if len(found) != n_conditions:
        raise ValueError(
            f"{file} is damaged: {len(found)} b-values for {n_conditions} conditions"
        )
    table = pd.DataFrame(found, columns=["gradient", "b"]).astype(float)
    means = table.groupby("gradient")["b"].transform("mean")
    return means[table["gradient"].argsort(kind="stable")].to_numpy()


def _synthetic(folder):
    n_b = len(SYNTHETIC_B)
    shapes = {"synthetic_clean": (n_b, 1024), "synthetic_noisy": (None, n_b, 1024)}
    arrays = _read(folder / f"{DWS}.npz", shapes)
    clean, noisy = arrays.values()
    columns = [b // 1000 for b in SYNTHETIC_B]  # the files count in ms/um2
    hertz, radians = (
        _read_drift(folder / f"GT_{name}_shift.csv", len(noisy), columns)
        for name in ("freq", "phase")
    )
    extra = {
        "clean": _rows(np.broadcast_to(clean, noisy.shape)),
        "frequency_offset": hertz.T.ravel(),
        "phase_offset": np.degrees(radians.T.ravel()),
    }
    b_values = np.array(SYNTHETIC_B, dtype=float)
    return _Part(noisy, None, b_values, FS, LARMOR, extra)


def _read_drift(file, n_averages, columns):
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    try:
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if len(table) != n_averages or table.shape[1] <= max(columns):
        expected = f"{n_averages} rows of more than {max(columns)} columns"
        raise ValueError(f"{file} is damaged: {expected} expected; got {table.shape}")
    return table[:, columns]


def _steam(folder):
    n_coils, n_points = None, None
    shapes = {
        "metab_raw": (n_coils, None, n_points),
        "wref_raw": (n_coils, None, n_points),
        "dwell_s": (),
        "freq_MHz": (),
    }
    arrays = _read(folder / f"{STEAM}.npz", shapes)
    metab, water = arrays["metab_raw"], arrays["wref_raw"]
    if metab.shape[::2] != water.shape[::2]:
        shapes = f"metab_raw {metab.shape} and wref_raw {water.shape} differ"
        raise ValueError(f"{folder / STEAM}.npz is damaged: {shapes}")
    weights = water[:, :, :TIMES_WEIGHTED].mean(axis=(1, 2)).conj()
    weights /= np.linalg.norm(weights)
    metab, water = (
        np.einsum("c,cat->at", weights, fids).conj()[:, None] for fids in (metab, water)
    )
    fs, larmor = 1 / float(arrays["dwell_s"]), float(arrays["freq_MHz"])
    return _Part(metab, water, np.zeros(1), fs, larmor, {})


PARTS = {
    "invivo1": _invivo(1, 10),
    "invivo2": _invivo(2, 9),
    "synthetic": _synthetic,
    "steam": _steam,
}
