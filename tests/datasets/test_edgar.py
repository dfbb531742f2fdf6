import os
from pathlib import Path

import numpy as np
import pytest

from sksynth.datasets import load_egm

DATA = os.environ.get(
    "SKSYNTH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"
)


@pytest.fixture(scope="module")
def folder():
    found = Path(DATA) / "egm"
    if not found.is_dir():
        pytest.skip(f"no electrograms in {found}: set SKSYNTH_DATA to its parent")
    return found


def utah_arrays():
    rng = np.random.default_rng(0)
    arrays = {
        "ep": rng.normal(size=(5, 9)),
        "bspm": rng.normal(size=(4, 9)),
        "ftm": rng.normal(size=(4, 5)),
        "epigeom_pts": rng.normal(size=(3, 5)),
        "torsogeom_pts": rng.normal(size=(3, 7)),
    }
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    faces = {
        "epigeom_fac": np.array([[1, 2], [2, 3], [5, 4]], dtype=np.uint16),
        "torsogeom_fac": np.array([[1], [7], [3]], dtype=np.uint16),
    }
    return {f"utah_{name}": array for name, array in (arrays | faces).items()}


def exp16_arrays():
    rng = np.random.default_rng(0)
    return {
        f"exp16_{name}_{place}": rng.normal(size=(n, 11)).astype(np.float32)
        for name in ("LV", "RV", "BiV", "LBBB")
        for place, n in (("sock", 3), ("body", 4))
    }


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def best_factor(found, expected):
    return (found * expected).sum() / (found * found).sum()


def test_the_forward_matrix_reproduces_the_body_surface_map_up_to_its_scale(folder):
    egm = load_egm(folder)
    A, heart, body = egm.forward, egm.data[0], egm.bspm[0]
    seen = A @ heart
    correlation = np.corrcoef(seen.ravel(), body.ravel())[0, 1]
    assert correlation == pytest.approx(0.979, abs=0.001)
    assert relative_error(seen, body) == pytest.approx(0.300, abs=0.001)
    factor = best_factor(seen, body)
    assert factor == pytest.approx(1.196, abs=0.002)
    assert relative_error(factor * seen, body) == pytest.approx(0.255, abs=0.001)
    # referred to the mean of the leads it is too large, not too small
    seen, body = seen - seen.mean(axis=0), body - body.mean(axis=0)
    assert relative_error(seen, body) == pytest.approx(0.236, abs=0.001)
    assert best_factor(seen, body) == pytest.approx(0.872, abs=0.002)
    # leads or electrodes in another order would not do
    assert relative_error(seen[::-1], body) > 0.9
    assert relative_error(A @ heart[::-1], egm.bspm[0]) > 0.7


def test_utah_is_one_beat_with_its_geometry(folder):
    egm = load_egm(folder, recording="utah")
    assert egm.data.shape == (1, 490, 87) and egm.bspm.shape == (1, 192, 87)
    assert egm.data.dtype == egm.bspm.dtype == egm.forward.dtype == np.float32
    assert egm.forward.shape == (192, 490)
    sums = egm.forward.sum(axis=1)
    assert -1.08 < sums.min() and sums.max() < -0.93  # the sign is reversed
    assert egm.positions.shape == (490, 3) and egm.torso_positions.shape == (771, 3)
    assert egm.triangles.shape == (939, 3) and egm.torso_triangles.shape == (1538, 3)
    for points, corners in (
        (egm.positions, egm.triangles),
        (egm.torso_positions, egm.torso_triangles),
    ):
        assert corners.min() == 0 and corners.max() == len(points) - 1
        edges = points[corners] - np.roll(points[corners], 1, axis=1)
        size = np.ptp(points, axis=0).max()
        assert np.linalg.norm(edges, axis=2).max() < 0.5 * size  # neighbours
    assert egm.fs is None and egm.target.tolist() == ["unknown"]


def test_exp16_has_four_beats_and_no_geometry(folder):
    egm = load_egm(folder, recording="exp16")
    assert egm.data.shape == (4, 107, 700) and egm.bspm.shape == (4, 123, 700)
    assert egm.target.tolist() == egm.target_names == ["LV", "RV", "BiV", "LBBB"]
    assert egm.forward is None and egm.positions is None
    assert egm.fs == 2048
    assert 0.85 < egm.data.std() < 1  # presumably mV
    with np.load(folder / "exp16.npz") as stored:
        np.testing.assert_array_equal(egm.data[1], stored["exp16_RV_sock"])
        np.testing.assert_array_equal(egm.bspm[3], stored["exp16_LBBB_body"])


def test_meshes_count_from_0(tmp_path):
    np.savez(tmp_path / "utah.npz", **utah_arrays())
    egm = load_egm(tmp_path)
    assert egm.triangles.tolist() == [[0, 1, 4], [1, 2, 3]]
    assert egm.torso_triangles.tolist() == [[0, 6, 2]]


def test_a_missing_folder_or_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_egm(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"exp16\.npz"):
        load_egm(tmp_path, recording="exp16")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file"):
        load_egm(tmp_path / "file")
    with pytest.raises(ValueError, match="'mars'"):
        load_egm(tmp_path, recording="mars")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "utah.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"utah\.npz is damaged"):
        load_egm(tmp_path)


def test_a_file_that_is_cut_is_damaged(tmp_path):
    np.savez(tmp_path / "utah.npz", **utah_arrays())
    whole = (tmp_path / "utah.npz").read_bytes()
    (tmp_path / "utah.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"utah\.npz is damaged"):
        load_egm(tmp_path)


def test_arrays_of_objects_are_refused(tmp_path):
    arrays = utah_arrays() | {"utah_ep": np.array([[{}]], dtype=object)}
    np.savez(tmp_path / "utah.npz", **arrays)
    with pytest.raises(ValueError, match=r"utah\.npz is damaged"):
        load_egm(tmp_path)


@pytest.mark.parametrize("name", ["utah_ftm", "utah_torsogeom_fac"])
def test_a_missing_array_is_named(tmp_path, name):
    arrays = utah_arrays()
    del arrays[name]
    np.savez(tmp_path / "utah.npz", **arrays)
    with pytest.raises(ValueError, match=rf"no arrays \['{name}'\]"):
        load_egm(tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("utah_ep", lambda a: a[:, :-1]),
        ("utah_ep", lambda a: np.where(a == a.max(), np.nan, a)),
        ("utah_bspm", lambda a: a[0]),
        ("utah_ftm", lambda a: a.T),
        ("utah_epigeom_pts", lambda a: a[:, 1:]),
        ("utah_epigeom_fac", lambda a: a - 1),
        ("utah_torsogeom_fac", lambda a: a + 1),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, name, change):
    arrays = utah_arrays()
    arrays[name] = change(arrays[name])
    np.savez(tmp_path / "utah.npz", **arrays)
    with pytest.raises(ValueError, match=name):
        load_egm(tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("exp16_RV_sock", lambda a: a[1:]),
        ("exp16_BiV_body", lambda a: a[:, 1:]),
        ("exp16_LBBB_body", lambda a: a * np.inf),
    ],
)
def test_beats_that_do_not_fit_are_named(tmp_path, name, change):
    arrays = exp16_arrays()
    np.savez(tmp_path / "exp16.npz", **arrays)
    assert load_egm(tmp_path, recording="exp16").data.shape == (4, 3, 11)
    arrays[name] = change(arrays[name])
    np.savez(tmp_path / "exp16.npz", **arrays)
    with pytest.raises(ValueError, match=name):
        load_egm(tmp_path, recording="exp16")
