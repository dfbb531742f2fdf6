"""Electrograms recorded with the potentials of the body surface, from two npz files."""

import zipfile

import numpy as np
from sklearn.utils import Bunch

from ._reading import check_choice, check_folder

ACTIVATIONS = ("LV", "RV", "BiV", "LBBB")

_DESCR = {
    "utah": """\
Utah: one beat, mostly QRS, on 490 places of the epicardium and 192 of the torso.

data     (1, 490, 87) float32            bspm       (1, 192, 87) float32
forward  (192, 490) float32              positions  (490, 3), and the meshes

`forward` is the matrix of the file. ``forward @ data`` follows `bspm` with correlation
0.98 and relative error 0.30 (0.25 when multiplied by 1.2). The rows of `forward` sum to
about -1, not 1: the sign of the matrix or of the electrograms is reversed. Neither
unit nor sampling rate is stated; the unit is presumably mV.
Licence not stated: for local use only. Cite Aras et al., J Electrocardiol
48(6):975-981, 2015 (EDGAR).
""",
    "exp16": """\
Exp16: four beats of an animal experiment, on 107 electrodes of a sock and 123 leads.

data  (4, 107, 700) float32              bspm    (4, 123, 700) float32
                                         target  (4,) LV, RV, BiV, LBBB

Paced from the left, the right and both ventricles, and left bundle branch block. Bad
leads were taken out, and signals smoothed and detrended, by those who passed the files
on: where the leads lie is lost. The unit is presumably mV. The rate of 2048 Hz is
inferred from another recording of the experiment.
Licence not stated: for local use only. Cite Aras et al., J Electrocardiol
48(6):975-981, 2015 (EDGAR).
""",
}


def load_egm(path, *, recording="utah"):
    """Load electrograms and the body surface of the same beats from a local folder.

    The folder holds ``utah.npz`` or ``exp16.npz``, recordings of the EDGAR database
    [1]_ as arrays; nothing is downloaded. They are of ventricles and have few beats:
    enough for checks of shapes, forward matrices and regressions, not for training.

    Parameters
    ----------
    path : str or path-like
        Folder of the files.
    recording : {"utah", "exp16"}, default="utah"
        Which file is read: one beat with a forward matrix and meshes, or four beats of
        an experiment without.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes, as :func:`make_egm` has them:

        data : ndarray of shape (n_samples, n_electrodes, n_times), float32
            Electrograms of the epicardium: (1, 490, 87) or (4, 107, 700).
        bspm : ndarray of shape (n_samples, n_leads, n_times), float32
            Potentials of the body surface: (1, 192, 87) or (4, 123, 700).
        target : ndarray of shape (n_samples,), str
            How the beat arose: LV, RV, BiV (paced there), LBBB; for "utah" "unknown".
        target_names : list of str
            All labels of this recording.
        forward : ndarray of shape (n_leads, n_electrodes), float32, or None
            Matrix from electrograms to body surface, as the file has it. For "utah"
            ``forward @ data`` has correlation 0.98 with `bspm` and a relative error of
            0.30, of which 0.25 are left when it is multiplied by 1.2. With the mean of
            the leads removed from both, the error is 0.24. None for "exp16".
        positions : ndarray of shape (n_electrodes, 3), float32, or None
            Electrodes in the units of the file, presumably mm. None for "exp16".
        triangles : ndarray of shape (939, 3), int, or None
            Mesh of the epicardium: rows of `positions`, from 0.
        torso_positions : ndarray of shape (771, 3), float32, or None
            Nodes of the torso. The file does not tell which of them are leads.
        torso_triangles : ndarray of shape (1538, 3), int, or None
            Mesh of the torso.
        fs : float or None
            Sampling rate in Hz: 2048 for "exp16", as inferred; not known for "utah".
        unit : str
            "mV", presumably.
        data_set : str
            Name of the recording.
        DESCR : str
            Description, licence and citation.

    Raises
    ------
    FileNotFoundError
        If the folder or the file is missing.
    NotADirectoryError
        If `path` is a file.
    ValueError
        If `recording` is unknown, or the file is damaged, lacks arrays, has arrays that
        do not fit together or values that are not finite.

    References
    ----------
    .. [1] K. Aras et al., "Experimental Data and Geometric Analysis Repository -
       EDGAR", J Electrocardiol 48(6):975-981, 2015.

    Examples
    --------
    >>> from sksynth.datasets import load_egm
    >>> egm = load_egm("egm")  # doctest: +SKIP
    >>> egm.forward.shape  # doctest: +SKIP
    (192, 490)
    """
    check_choice("recording", recording, RECORDINGS)
    folder = check_folder(path, "electrograms")
    file = folder / f"{recording}.npz"
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    return RECORDINGS[recording](file)


def _read_utah(file):
    names = ["ep", "bspm", "ftm", "epigeom_pts", "torsogeom_pts"]
    faces = ["epigeom_fac", "torsogeom_fac"]
    arrays = _read(file, [f"utah_{name}" for name in names + faces])
    data, bspm, forward, heart, torso, heart_faces, torso_faces = arrays
    _check(file, "utah_ep and utah_bspm", data.shape[1:] == bspm.shape[1:])
    _check(file, "utah_ftm", forward.shape == (len(bspm), len(data)))
    _check(file, "utah_epigeom_pts", heart.shape == (3, len(data)))
    meshes = [(heart, heart_faces), (torso, torso_faces)]
    for name, (points, corners) in zip(faces, meshes, strict=True):
        known = corners.min() >= 1 and corners.max() <= points.shape[1]
        _check(file, f"utah_{name}", known and len(corners) == 3)
    return Bunch(
        data=data[None],
        bspm=bspm[None],
        target=np.array(["unknown"]),
        target_names=["unknown"],
        forward=forward,
        positions=heart.T,
        triangles=heart_faces.T.astype(np.int64) - 1,
        torso_positions=torso.T,
        torso_triangles=torso_faces.T.astype(np.int64) - 1,
        fs=None,
        unit="mV",
        data_set="Utah",
        DESCR=_DESCR["utah"],
    )


def _read_exp16(file):
    data = _read(file, [f"exp16_{name}_sock" for name in ACTIVATIONS])
    bspm = _read(file, [f"exp16_{name}_body" for name in ACTIVATIONS])
    for name, heart, body in zip(ACTIVATIONS, data, bspm, strict=True):
        fits = heart.shape == data[0].shape and body.shape == bspm[0].shape
        fits = fits and heart.shape[1] == body.shape[1]
        _check(file, f"exp16_{name}_sock and exp16_{name}_body", fits)
    return Bunch(
        data=np.stack(data),
        bspm=np.stack(bspm),
        target=np.array(ACTIVATIONS),
        target_names=list(ACTIVATIONS),
        forward=None,
        positions=None,
        triangles=None,
        torso_positions=None,
        torso_triangles=None,
        fs=2048.0,
        unit="mV",
        data_set="Exp16",
        DESCR=_DESCR["exp16"],
    )


RECORDINGS = {"utah": _read_utah, "exp16": _read_exp16}


def _read(file, names):
    """Arrays of two axes, all finite."""
    try:
        with open(file, "rb") as opened, np.load(opened) as stored:
            lacking = [name for name in names if name not in stored]
            arrays = [] if lacking else [stored[name] for name in names]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if lacking:
        raise ValueError(f"{file} has no arrays {lacking}")
    for name, array in zip(names, arrays, strict=True):
        _check(file, name, array.ndim == 2 and np.isfinite(array).all())
    return arrays


def _check(file, names, fits):
    if not fits:
        raise ValueError(
            f"{file} is damaged: {names} must be finite, with two axes that fit the "
            "other arrays"
        )
