import numpy as np
import pytest

from sksynth.datasets import load_mrs
from sksynth.mrs import align_transients, estimate_noise, fid_to_spectrum

B_VALUES = """\
-- G=0mT: b=0s/mm2
-- G=15mT, direction [1,1,-0.5]: b=900s/mm2
-- G=25mT, direction [1,1,-0.5]: b=2000s/mm2
-- G=35mT, direction [1,1,-0.5]: b=3900s/mm2
-- G=15mT, direction [1,-0.5,1]: b=910s/mm2
-- G=25mT, direction [1,-0.5,1]: b=2100s/mm2
-- G=35mT, direction [1,-0.5,1]: b=4000s/mm2
-- G=15mT, direction [-0.5,1,1]: b=920s/mm2
-- G=25mT, direction [-0.5,1,1]: b=2200s/mm2
-- G=35mT, direction [-0.5,1,1]: b=4100s/mm2
"""


def fids(*shape, seed=0):
    parts = np.random.default_rng(seed).normal(size=(*shape, 2)) @ [1, 1j]
    return parts.astype(np.complex64)


@pytest.fixture
def folder(tmp_path):
    """Both sets in their layout, with noise for FIDs."""
    dws, steam = tmp_path / "MRS_DWS_7T", tmp_path / "MRS_STEAM7T"
    dws.mkdir(), steam.mkdir()
    np.savez(
        dws / "MRS_DWS_7T.npz",
        invivo1_metab=fids(2, 10, 1024),
        invivo1_water=fids(1, 10, 1024, seed=1),
        synthetic_clean=fids(9, 1024, seed=2),
        synthetic_noisy=fids(3, 9, 1024, seed=3),
    )
    (dws / "bvalues1.txt").write_text(B_VALUES)
    drift = np.arange(3 * 51).reshape(3, 51) / 100
    np.savetxt(dws / "GT_freq_shift.csv", drift, delimiter=",")
    np.savetxt(dws / "GT_phase_shift.csv", drift / 2, delimiter=",")
    t = np.arange(256) * 1e-4
    line = np.exp(-2j * np.pi * 500 * t - t / 0.01)  # of the opposite sign
    coils = np.array([1, 2j])[:, None, None]
    np.savez(
        steam / "MRS_STEAM7T.npz",
        metab_raw=(coils * line * np.ones((2, 3, 1))).astype(np.complex64),
        wref_raw=(3 * coils * np.exp(-t / 0.02) * np.ones((2, 2, 1))),
        dwell_s=1e-4,
        freq_MHz=300.0,
    )
    return tmp_path


def test_rows_are_the_conditions_one_after_the_other(folder):
    loaded = load_mrs(folder)
    raw = np.load(folder / "MRS_DWS_7T" / "MRS_DWS_7T.npz")
    assert loaded.data.shape == (20, 1024) and loaded.data.dtype == np.complex64
    np.testing.assert_array_equal(loaded.data[5], raw["invivo1_metab"][1, 2])
    np.testing.assert_array_equal(loaded.water[4], raw["invivo1_water"][0, 4])
    assert loaded.condition.tolist() == np.repeat(range(10), 2).tolist()
    b = [0] + [910] * 3 + [2100] * 3 + [4000] * 3  # means over the directions
    np.testing.assert_allclose(loaded.target, np.repeat(b, 2))
    assert (loaded.fs, loaded.larmor, loaded.data_set) == (3000, 298.06, "MRS_DWS_7T")
    assert loaded.ppm[512] == 4.65


def test_the_synthetic_rows_have_their_drift_and_clean_fid(folder):
    loaded = load_mrs(folder, part="synthetic")
    raw = np.load(folder / "MRS_DWS_7T" / "MRS_DWS_7T.npz")
    average, k, b = 1, 3, 6  # the fourth b-value is 6 ms/um2
    row = 3 * k + average
    np.testing.assert_array_equal(loaded.data[row], raw["synthetic_noisy"][average, k])
    np.testing.assert_array_equal(loaded.clean[row], raw["synthetic_clean"][k])
    assert loaded.target[row] == 1000 * b
    assert loaded.frequency_offset[row] == pytest.approx((51 * average + b) / 100)
    radians = (51 * average + b) / 200
    assert loaded.phase_offset[row] == pytest.approx(np.degrees(radians))
    assert loaded.water is None


def test_coils_are_combined_in_phase_and_the_sign_is_turned(folder):
    loaded = load_mrs(folder, part="steam")
    assert loaded.data.shape == (3, 256) and loaded.water.shape == (2, 256)
    spectra = np.abs(fid_to_spectrum(loaded.data))
    peak = loaded.ppm[spectra.argmax(axis=1)]
    assert peak == pytest.approx([4.65 + 500 / 300] * 3, abs=0.1)
    assert np.abs(loaded.data[:, 0]) == pytest.approx(np.sqrt(5))  # of 1 and 2j
    assert loaded.target.tolist() == [0, 0, 0]


def rewrite(file, **changes):
    arrays = dict(np.load(file)) | changes
    np.savez(file, **{k: v for k, v in arrays.items() if v is not None})


def test_wrong_arguments_and_missing_files_are_named(folder, tmp_path):
    with pytest.raises(ValueError, match="part must be one of .* got 'invivo3'"):
        load_mrs(folder, part="invivo3")
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        load_mrs(tmp_path / "nowhere")
    file = folder / "MRS_DWS_7T" / "bvalues1.txt"
    with pytest.raises(NotADirectoryError, match="folder of MRS_DWS_7T"):
        load_mrs(file)
    file.unlink()
    with pytest.raises(FileNotFoundError, match="no file .*bvalues1.txt"):
        load_mrs(folder)
    (folder / "MRS_DWS_7T" / "GT_freq_shift.csv").unlink()
    with pytest.raises(FileNotFoundError, match="no file .*GT_freq_shift.csv"):
        load_mrs(folder, part="synthetic")
    (folder / "MRS_STEAM7T" / "MRS_STEAM7T.npz").unlink()
    with pytest.raises(FileNotFoundError, match="no file .*MRS_STEAM7T.npz"):
        load_mrs(folder, part="steam")


def test_damaged_files_are_named(folder):
    npz = folder / "MRS_DWS_7T" / "MRS_DWS_7T.npz"
    with pytest.raises(ValueError, match=r"has no arrays \['invivo2_metab', 'invivo2"):
        load_mrs(folder, part="invivo2")
    (folder / "MRS_DWS_7T" / "bvalues1.txt").write_text(B_VALUES[:200])
    with pytest.raises(ValueError, match="5 b-values for 10 conditions"):
        load_mrs(folder)
    rewrite(npz, invivo1_metab=fids(2, 9, 1024))
    with pytest.raises(ValueError, match=r"invivo1_metab has shape \(2, 9, 1024\)"):
        load_mrs(folder)
    rewrite(npz, synthetic_noisy=np.full((3, 9, 1024), np.nan * 1j))
    with pytest.raises(ValueError, match="synthetic_noisy .* must be finite"):
        load_mrs(folder, part="synthetic")
    rewrite(npz, synthetic_noisy=fids(4, 9, 1024))
    with pytest.raises(ValueError, match=r"4 rows of more than 50 .* got \(3, 51\)"):
        load_mrs(folder, part="synthetic")
    (folder / "MRS_DWS_7T" / "GT_freq_shift.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match="GT_freq_shift.csv is damaged"):
        load_mrs(folder, part="synthetic")
    npz.write_bytes(npz.read_bytes()[:1000])
    with pytest.raises(ValueError, match="MRS_DWS_7T.npz is damaged"):
        load_mrs(folder)
    steam = folder / "MRS_STEAM7T" / "MRS_STEAM7T.npz"
    rewrite(steam, wref_raw=fids(3, 2, 256))
    with pytest.raises(ValueError, match=r"metab_raw \(2, 3, 256\) and wref_raw \(3,"):
        load_mrs(folder, part="steam")


NAA_CR_CHO = {  # ppm, of the README of the data
    "invivo1": (1.99, 3.02, 3.21),
    "invivo2": (1.98, 3.00, 3.18),
    "synthetic": (2.01, 3.03, 3.21),
    "steam": (1.99, 3.01, 3.20),
}


@pytest.mark.parametrize("part", NAA_CR_CHO)
def test_peaks_of_real_spectra_are_where_they_should_be(mrs, part):
    loaded = load_mrs(mrs, part=part)
    mean = loaded.data[loaded.condition == 0].mean(axis=0)
    spectrum = np.abs(fid_to_spectrum(mean))
    for shift in NAA_CR_CHO[part]:
        near = np.abs(loaded.ppm - shift) < 0.08
        found = loaded.ppm[near][spectrum[near].argmax()]
        assert found == pytest.approx(shift, abs=0.012)


def test_sizes_of_the_real_parts(mrs):
    sizes = {part: load_mrs(mrs, part=part).data.shape for part in NAA_CR_CHO}
    assert sizes == {
        "invivo1": (240, 1024),
        "invivo2": (216, 1024),
        "synthetic": (288, 1024),
        "steam": (16, 4096),
    }


def test_metabolites_fall_with_the_b_value(mrs):
    loaded = load_mrs(mrs)
    aligned = np.stack(
        [
            align_transients(loaded.data[loaded.condition == k], loaded.fs)[0].mean(0)
            for k in range(10)
        ]
    )
    near_naa = np.abs(loaded.ppm - 2.0) < 0.05
    height = np.abs(fid_to_spectrum(aligned))[:, near_naa].max(axis=1)
    b = loaded.target[loaded.data.shape[0] // 20 :: 24]
    by_b = [height[b == value].mean() for value in np.unique(b)]
    assert (np.diff(by_b) < 0).all()


def test_registration_finds_the_known_drift_of_others_data(mrs):
    loaded = load_mrs(mrs, part="synthetic")
    rows = loaded.target == 0
    _, frequency, phase = align_transients(
        loaded.data[rows], loaded.fs, reference=loaded.clean[rows][0]
    )
    error = frequency - loaded.frequency_offset[rows]
    assert error.std() < 0.2 and abs(error.mean()) < 0.1  # Hz, offsets to +-4
    error = phase - loaded.phase_offset[rows]
    assert error.std() < 1 and abs(error.mean()) < 0.4  # degrees, to +-36


def test_noise_of_others_data_has_the_stated_level(mrs):
    loaded = load_mrs(mrs, part="synthetic")
    spectra = fid_to_spectrum(loaded.data)
    noise = estimate_noise(spectra, loaded.ppm, window=(7.5, 9.0))
    assert noise.sd.mean() * np.sqrt(2) == pytest.approx(1.41e-3, rel=0.03)
