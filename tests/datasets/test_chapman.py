import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from sksynth.datasets import load_chapman, load_ptbxl

LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
SB, SR, AFIB, ST = "426177001", "426783006", "164889003", "427084000"
AFLT, SARRH, SVT = "164890007", "427393009", "426761007"
CHALLENGE, OWN = "# {}: {}\n", "#{}: {}\n"  # comments of the two forms


def some_codes(seed, n_times=5000):
    return np.random.default_rng(seed).integers(-3000, 3000, (n_times, 12))


@pytest.fixture
def write(tmp_path):
    """Write a record below the folder, as a .mat by scipy and a header, and return it.

    ``form`` is the comment line of the challenge's headers or of the set's own.
    """

    def write(
        name="JS00001",
        codes=None,
        dx=SR,
        form=CHALLENGE,
        fs=500,
        age="61",
        sex="Male",
        where="WFDBRecords/01/010",
    ):
        codes = some_codes(0) if codes is None else codes
        folder = tmp_path / where
        folder.mkdir(parents=True, exist_ok=True)
        matrix = {"val": codes.T.astype(np.int16)}
        savemat(folder / f"{name}.mat", matrix, format="4")
        own = form == OWN
        calibration = "16+24 1000/mV" if own else "16x1+24 1000.0(0)/mV"
        text = f"{name} 12 {fs} {len(codes)}{' 23-Mar-2021 20:20:47' * own}\n"
        for lead, column in zip(LEADS, codes.T, strict=True):
            checksum = (column.sum() + 2**15) % 2**16 - 2**15
            text += f"{name}.mat {calibration} 16 0 {column[0]} {checksum} 0 {lead}\n"
        comments = {"Age": age, "Sex": sex, "Dx": dx, "Rx": "Unknown"}
        for key, value in comments.items():
            text += form.format(key, value) if value is not None else ""
        (folder / f"{name}.hea").write_text(text)
        return tmp_path

    return write


def native(folder, **options):
    return load_chapman(folder, **{"target": "codes", "fs": 500, **options})


@pytest.mark.parametrize("form", [CHALLENGE, OWN])
def test_both_forms_of_header_give_the_same(write, form):
    bunch = native(write(form=form, dx=f"{SR},{ST}"))
    expected = (some_codes(0).T / 1000).astype(np.float32)
    np.testing.assert_array_equal(bunch.data, expected[None])
    assert bunch.data.dtype == np.float32
    assert (bunch.fs, bunch.unit, bunch.lead_names) == (500.0, "mV", LEADS)
    assert bunch.groups.tolist() == bunch.record.tolist() == ["JS00001"]
    assert bunch.frame.loc["JS00001"].to_dict() == {
        **{"age": 61.0, "sex": "Male", "codes": f"{SR},{ST}", "fs": 500.0},
        **{"n_times": 5000, "file": "WFDBRecords/01/010/JS00001.mat"},
    }
    assert bunch.target_names == [SR, ST]
    assert bunch.target.tolist() == [[1, 1]]
    assert (bunch.left_out, bunch.data_set) == ({}, "Chapman")
    assert "CC BY 4.0" in bunch.DESCR


@pytest.mark.parametrize("fs", [50, 100, 125, 250, 360])
def test_bumps_keep_their_time_and_size_at_the_new_rate(write, fs):
    centre, width = np.arange(0.5, 9.5, 0.7), 0.04  # s
    time = np.arange(5000) / 500
    bumps = np.exp(-0.5 * ((time[:, None] - centre) / width) ** 2).sum(axis=1)
    codes = np.rint(np.outer(bumps, np.linspace(-2000, 3000, 12))).astype(int)
    data = load_chapman(write(codes=codes), fs=fs).data[0]
    time = np.arange(10 * fs) / fs
    bumps = np.exp(-0.5 * ((time[:, None] - centre) / width) ** 2).sum(axis=1)
    assert data.shape == (12, 10 * fs)
    expected = np.outer(np.linspace(-2, 3, 12), bumps)
    np.testing.assert_allclose(data, expected, atol=0.01)


@pytest.mark.parametrize(("hertz", "gain"), [(0, 1), (10, 1), (43, 0.987), (60, 0)])
def test_resampling_keeps_the_band_below_half_the_rate(write, hertz, gain):
    time = np.arange(5000) / 500
    codes = np.rint(1000 * np.cos(2 * np.pi * hertz * time)).astype(int)
    data = load_chapman(write(codes=np.tile(codes[:, None], 12))).data[0]
    inner = slice(100, -100)  # a second from both ends
    expected = gain * np.cos(2 * np.pi * hertz * time[::5])
    np.testing.assert_allclose(data[:, inner], [expected[inner]] * 12, atol=0.005)


@pytest.mark.parametrize(
    ("dx", "rhythm"),
    [
        (SB, "SBRAD"),
        (SR, "SR"),
        (AFIB, "AFIB"),
        (ST, "STACH"),
        (AFLT, "AFLT"),
        (SARRH, "SARRH"),
        (SVT, "SVTAC"),
        (f"284470004,{SVT}", "SVTAC"),
        (f"{AFLT},{AFIB}", "AFIB"),  # the first in the alphabet
        (f"{ST}, {SARRH} ,{SR}", "SARRH"),
    ],
)
def test_the_rhythm_is_the_first_in_the_alphabet(write, dx, rhythm):
    bunch = load_chapman(write(dx=dx))
    assert bunch.target.tolist() == [rhythm]
    names = ["SBRAD", "SR", "AFIB", "STACH", "AFLT", "SARRH", "SVTAC"]
    assert bunch.target_names == names


@pytest.mark.parametrize("dx", ["284470004", "Unknown", "", None])
def test_records_without_a_rhythm_are_dropped_but_keep_their_codes(write, dx):
    write("JS1", dx=dx)
    folder = write("JS2", dx=SR)
    assert load_chapman(folder).record.tolist() == ["JS2"]
    bunch = native(folder)
    assert bunch.record.tolist() == ["JS1", "JS2"]
    assert bunch.target.sum(axis=1).tolist() == [dx == "284470004", 1]


def test_codes_are_text_known_or_not_and_of_any_length(write):
    write("JS1", dx="67741000119109,164889003")
    folder = write("JS2", dx="164889003, RBBB")
    bunch = native(folder)
    assert bunch.target_names == ["164889003", "67741000119109", "RBBB"]
    assert bunch.target.tolist() == [[1, 1, 0], [1, 0, 1]]


def test_the_tree_is_walked_and_sorted_by_name(write):
    write("JS3", where="a/b/c")
    write("JS1", where="z")
    folder = write("JS2", where=".")
    assert native(folder).record.tolist() == ["JS1", "JS2", "JS3"]
    assert native(folder, records=["JS3", "JS1"]).record.tolist() == ["JS3", "JS1"]
    with pytest.raises(FileNotFoundError, match=r"no records \['JS4'\]"):
        native(folder, records=["JS4", "JS1"])
    write("JS2", where="y")
    with pytest.raises(ValueError, match="JS2 is there twice"):
        native(folder)
    assert native(folder, records=["JS1"]).record.tolist() == ["JS1"]


@pytest.mark.parametrize(
    "query",
    ["age > 60 and sex == 'Male'", lambda t: t["age"] > 60, [False, True, False]],
)
def test_only_the_signals_that_the_query_chooses_are_read(write, query):
    write("JS1", age="20")
    write("JS2", age="80", codes=some_codes(2))
    folder = write("JS3", age="NaN")
    for name in ("JS1", "JS3"):  # the checksum does not hold: reading would tell
        file = folder / f"WFDBRecords/01/010/{name}.mat"
        file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    bunch = native(folder, query=query)
    assert bunch.record.tolist() == ["JS2"]
    assert bunch.data[0, :, 0].tolist() == pytest.approx(some_codes(2)[0] / 1000)
    with pytest.raises(ValueError, match="2 of 3 records"):
        native(folder)


def test_an_unknown_age_is_not_a_number(write):
    for name, age in [("a", "NaN"), ("b", None), ("c", "Unknown"), ("d", "7")]:
        folder = write(name, age=age, sex=None if age is None else "Female")
    frame = native(folder).frame
    assert frame["age"].isna().tolist() == [True, True, True, False]
    assert frame["sex"].tolist() == ["Female", "Unknown", "Female", "Female"]


def test_a_choice_of_no_record_gives_arrays_of_length_0(write):
    folder = write(dx="284470004")
    for bunch in (load_chapman(folder), native(folder, query="age > 100")):
        assert len(bunch.data) == len(bunch.target) == len(bunch.frame) == 0
        assert bunch.data.shape[1] == 12
    assert load_chapman(folder, n_times=7).data.shape == (0, 12, 7)


def test_records_of_another_length_are_named(write):
    write("JS1", some_codes(1))
    write("JS2", some_codes(2, 4000))
    folder = write("JS3", some_codes(3))
    message = "JS2.mat has 800 samples at 100 Hz, most have 1000"
    with pytest.raises(ValueError, match=message):
        load_chapman(folder)
    with pytest.warns(UserWarning, match=message) as caught:
        bunch = load_chapman(folder, on_error="warn")
    assert caught[0].filename == __file__
    assert bunch.record.tolist() == ["JS1", "JS3"]
    assert bunch.target.tolist() == ["SR", "SR"]


def test_n_times_cuts_longer_records_and_fills_shorter_ones(write):
    write("JS1", some_codes(1, 5000))
    folder = write("JS2", some_codes(2, 4000))
    data = native(folder, n_times=4500).data
    expected = [(some_codes(s, n).T / 1000) for s, n in [(1, 5000), (2, 4000)]]
    np.testing.assert_allclose(data[0], expected[0][:, :4500], rtol=1e-6)
    np.testing.assert_allclose(data[1, :, :4000], expected[1], rtol=1e-6)
    assert not data[1, :, 4000:].any()


def test_records_of_different_rates_come_out_at_one(write):
    write("JS1", some_codes(1), fs=500)
    folder = write("JS2", some_codes(1, 2500), fs=250)
    bunch = load_chapman(folder)
    assert bunch.data.shape == (2, 12, 1000)
    assert bunch.frame["fs"].tolist() == [500.0, 250.0]
    with pytest.raises(ValueError, match="fs=99.9999 is no simple fraction of"):
        load_chapman(folder, fs=99.9999)


def test_records_with_missing_samples_are_dropped_with_a_warning(write):
    codes = some_codes(1)
    codes[10, 3] = codes[4000, 5] = -32768
    write("JS1", codes)
    folder = write("JS2", some_codes(2))
    with pytest.warns(UserWarning, match="JS1.mat: 2 missing samples") as caught:
        bunch = native(folder)
    assert caught[0].filename == __file__
    assert bunch.record.tolist() == ["JS2"]
    assert list(bunch.left_out) == ["JS1"]
    np.testing.assert_allclose(bunch.data[0], some_codes(2).T / 1000, rtol=1e-6)


def test_every_unusable_file_is_named_in_one_error(write):
    for number in range(1, 6):
        folder = write(f"JS{number}")
    below = folder / "WFDBRecords/01/010"
    (below / "JS1.mat").unlink()
    (below / "JS2.mat").write_bytes((below / "JS2.mat").read_bytes()[:-2])
    (below / "JS3.hea").write_text("")
    (below / "JS4.hea").write_text((below / "JS5.hea").read_text())
    message = "(?s)4 of 5.*JS1.mat.*JS2.mat is truncated.*JS3.hea is damaged.*JS4.hea "
    message += "is mislabelled: it is the header of record JS5"
    with pytest.raises(ValueError, match=message):
        native(folder)
    with pytest.warns(UserWarning, match=message):
        bunch = native(folder, on_error="warn")
    assert bunch.record.tolist() == ["JS5"]
    assert sorted(bunch.left_out) == ["JS1", "JS2", "JS3", "JS4"]


def test_a_missing_folder_or_an_empty_one_is_an_error(tmp_path, write):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_chapman(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no WFDB record"):
        load_chapman(tmp_path)
    with pytest.raises(NotADirectoryError, match="JS00001.mat"):
        load_chapman(write(where=".") / "JS00001.mat")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("target", "rhythms", ValueError),
        ("fs", 0, ValueError),
        ("fs", "100", TypeError),
        ("n_times", 0, ValueError),
        ("n_times", 2.5, TypeError),
        ("records", "JS1", TypeError),
        ("records", ["JS1", "JS1"], ValueError),
        ("records", [20000], TypeError),
        ("on_error", None, ValueError),
    ],
)
def test_an_invalid_argument_is_named_before_anything_is_read(name, value, error):
    with pytest.raises(error, match=f"{name}.*{re.escape(str(value))}"):
        load_chapman("nowhere", **{name: value})


def test_threads_change_nothing(write):
    for number in range(40):  # more than one chunk
        folder = write(f"JS{number:02}", some_codes(number, 500))
    one, two = load_chapman(folder), load_chapman(folder, n_jobs=2)
    np.testing.assert_array_equal(one.data, two.data)


def test_the_real_records_are_those_that_wfdb_reads_bit_for_bit(chapman, georgia):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wfdb = pytest.importorskip("wfdb", reason="wfdb is not installed")
    for folder in (chapman, georgia):
        bunch = native(folder)
        for signal, file in zip(bunch.data, bunch.frame["file"], strict=True):
            stem = str(folder / file.removesuffix(".mat"))
            expected = wfdb.rdrecord(stem).p_signal.T.astype(np.float32)
            assert signal.tobytes() == expected.tobytes(), file
        three = bunch.data[:, 1] - bunch.data[:, 0]
        assert np.abs(bunch.data[:, 2] - three).max() < 0.0011  # mV


def test_the_real_records_have_the_known_codes(chapman, georgia):
    bunch = load_chapman(chapman)
    assert bunch.data.shape == (11, 12, 1000)
    rhythms = pd.Series(bunch.target, index=bunch.record)
    assert rhythms["JS20007"] == "SBRAD"
    assert rhythms["JS20008"] == "SARRH"
    assert (rhythms.drop(["JS20007", "JS20008"]) == "STACH").all()
    assert "JS20002" not in rhythms
    bunch = native(chapman)
    number = dict(zip(bunch.target_names, bunch.target.sum(axis=0), strict=True))
    assert number == {
        **{ST: 9, SB: 1, SARRH: 1, "284470004": 12, "164934002": 5, "427172004": 4},
        **{"55827005": 3, "59931005": 3, "698252002": 2, "55930002": 2},
        **{"251187003": 1, "89792004": 1},
    }
    bunch = native(georgia)
    number = dict(zip(bunch.target_names, bunch.target.sum(axis=0), strict=True))
    assert (number[ST], number[SB], number[SR]) == (3, 1, 1)
    assert number["67741000119109"] == 1


def test_both_real_data_sets_have_the_same_leads_and_rhythms(chapman, ptbxl):
    one, two = load_ptbxl(ptbxl, target="rhythm"), load_chapman(chapman)
    for name in ("lead_names", "target_names", "fs", "unit"):
        assert one[name] == two[name]
    assert one.data.shape[1:] == two.data.shape[1:]
