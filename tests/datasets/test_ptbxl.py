import re
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from sksynth.datasets import load_ptbxl

LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
STATEMENTS = """\
,description,diagnostic,form,rhythm,diagnostic_class
NORM,normal ECG,1.0,,,NORM
IMI,inferior infarction,1.0,,,MI
ASMI,anteroseptal infarction,1.0,,,MI
LVH,hypertrophy,1.0,,,HYP
NDT,non-diagnostic T,1.0,1.0,,STTC
LVOLT,low voltage,,1.0,,HYP
SR,sinus rhythm,,,1.0,
AFIB,atrial fibrillation,,,1.0,
AFLT,atrial flutter,,,1.0,
PACE,pacemaker,,,1.0,
"""
CODES = {
    1: "{'NORM': 100.0, 'LVOLT': 0.0, 'SR': 0.0}",
    2: "{'IMI': 0.0, 'ASMI': 50.0, 'AFLT': 100.0, 'AFIB': 100.0}",
    3: "{'IMI': 100.0, 'LVH': 100.0, 'PACE': 0.0, 'SR': 0.0}",
    4: "{'LVOLT': 100.0}",
    5: "{'NDT': 15.0, 'SR': 0.0}",
}


def some_codes(seed, n_times=1000):
    return np.random.default_rng(seed).integers(-3000, 3000, (n_times, 12))


def millivolt(seed):
    return (some_codes(seed).T / 1000).astype(np.float32)


@pytest.fixture(scope="module")
def original(tmp_path_factory, write_signal):
    """Five records in the layout of PTB-XL."""
    tmp_path = tmp_path_factory.mktemp("ptb-xl")
    (tmp_path / "scp_statements.csv").write_text(STATEMENTS)
    stem = "records{}00/00000/{:05d}_{}"
    table = pd.DataFrame(
        {
            "ecg_id": list(CODES),
            "patient_id": [10.0, 10.0, 11.0, 12.0, 13.0],
            "age": [60.0, 60.0, np.nan, 44.0, 80.0],
            "sex": [0, 0, 1, 1, 1],
            "scp_codes": list(CODES.values()),
            "strat_fold": [1, 1, 2, 9, 10],
            "filename_lr": [stem.format(1, i, "lr") for i in CODES],
            "filename_hr": [stem.format(5, i, "hr") for i in CODES],
        }
    )
    table.to_csv(tmp_path / "ptbxl_database.csv", index=False)
    for record, name in zip(CODES, table["filename_lr"], strict=True):
        write_signal(tmp_path, name, some_codes(record))
    return tmp_path


@pytest.fixture
def folder(original, tmp_path):
    """A copy, to be damaged."""
    return shutil.copytree(original, tmp_path / "ptb-xl")


def load(folder, **options):
    return load_ptbxl(folder, **{"target": "multilabel", **options})


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def header(folder, record, suffix=".hea"):
    return folder / "records100" / "00000" / f"{record:05d}_lr{suffix}"


def test_signals_are_those_written_in_millivolt(folder):
    bunch = load(folder)
    assert bunch.data.dtype == np.float32
    assert bunch.data.shape == (5, 12, 1000)
    np.testing.assert_array_equal(bunch.data, [millivolt(i) for i in CODES])
    assert (bunch.fs, bunch.unit, bunch.lead_names) == (100.0, "mV", LEADS)
    assert bunch.ecg_id.tolist() == bunch.frame.index.tolist() == [1, 2, 3, 4, 5]
    assert bunch.groups.tolist() == [10, 10, 11, 12, 13]
    assert bunch.strat_fold.tolist() == [1, 1, 2, 9, 10]
    assert (bunch.left_out, bunch.data_set) == ({}, "PTB-XL")
    assert "CC BY 4.0" in bunch.DESCR


def test_leads_come_in_the_usual_order_whatever_that_of_the_file(folder, write_signal):
    stem = "records100/00000/00002_lr"
    write_signal(folder, stem, some_codes(2)[:, ::-1], leads=LEADS[::-1])
    np.testing.assert_array_equal(load(folder).data[1], millivolt(2))


def test_the_records_at_500_hertz_are_read_from_their_own_folder(folder, write_signal):
    with pytest.raises(FileNotFoundError, match="no records at 500 Hz.*records500"):
        load(folder, fs=500)
    write_signal(folder, "records500/00000/00003_hr", some_codes(0, 5000), fs=500)
    bunch = load(folder, fs=500, records=[3])
    assert bunch.data.shape == (1, 12, 5000)
    assert bunch.fs == 500.0


def test_superclass_keeps_records_with_exactly_one(folder):
    bunch = load(folder, target="superclass")
    assert dict(zip(bunch.ecg_id.tolist(), bunch.target.tolist(), strict=True)) == {
        1: "NORM",
        2: "MI",  # two statements of one class, one of likelihood 0
        5: "STTC",
    }
    assert bunch.target_names == ["NORM", "MI", "STTC", "CD", "HYP"]


def test_rhythm_is_the_first_statement_and_must_be_one_of_seven(folder):
    bunch = load(folder, target="rhythm")
    assert dict(zip(bunch.ecg_id.tolist(), bunch.target.tolist(), strict=True)) == {
        1: "SR",
        2: "AFLT",  # AFIB comes second
        5: "SR",  # 3 begins with PACE, 4 has none
    }
    assert len(bunch.target_names) == 7


def test_multilabel_keeps_all_records(folder):
    target = load(folder).target
    assert target.tolist() == [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
    ]


def test_folds_and_records_choose_rows_in_the_order_asked(folder):
    assert load(folder, folds=range(1, 9)).ecg_id.tolist() == [1, 2, 3]
    assert load(folder, folds=10).ecg_id.tolist() == [5]
    assert load(folder, folds=np.int64(10)).ecg_id.tolist() == [5]
    bunch = load(folder, records=[5, 1, 3], folds=[1, 10])
    assert bunch.ecg_id.tolist() == [5, 1]
    np.testing.assert_array_equal(bunch.data[0], millivolt(5))
    with pytest.raises(FileNotFoundError, match=r"no ecg_id \[6, 7\]"):
        load(folder, records=[1, 6, 7])


@pytest.mark.parametrize(
    "query",
    [
        "age >= 60 and sex == 1 or ecg_id == 2",
        lambda table: (table["age"] > 70) | (table.index == 2),
        [False, True, False, False, True],
        pd.Series([True, False, False, True, False], index=[5, 4, 3, 2, 1]),
    ],
    ids=["text", "function", "mask", "series"],
)
def test_only_the_signals_that_the_query_chooses_are_read(folder, query):
    for record in (1, 3, 4):
        header(folder, record).unlink()
    assert load(folder, query=query).ecg_id.tolist() == [2, 5]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("age >=", "query 'age >=' is not understood"),
        ("agee > 3", "agee"),
        ("age", "True or False for each of the 5 rows; got float64"),
        ([True], "5 rows"),
        (lambda table: 1, "5 rows"),
    ],
)
def test_a_query_that_does_not_choose_is_an_error(folder, query, message):
    with pytest.raises(ValueError, match=message):
        load(folder, query=query)


def test_a_choice_of_no_record_gives_arrays_of_length_0(folder):
    for target in ("superclass", "rhythm", "multilabel"):
        bunch = load(folder, target=target, query="age > 200")
        assert bunch.data.shape == (0, 12, 1000)
        for name in ("target", "groups", "ecg_id", "strat_fold", "frame"):
            assert len(bunch[name]) == 0


def damage_all(folder):
    """Damage records 1 to 4, each in its way; 5 is whole."""
    header(folder, 1, ".dat").unlink()
    file = header(folder, 2, ".dat")
    file.write_bytes(file.read_bytes()[:-1])
    edit(header(folder, 3), "00003_lr 12", "00004_lr 12")
    file = header(folder, 4, ".dat")
    content = bytearray(file.read_bytes())
    content[777] ^= 1
    file.write_bytes(content)


def test_every_unusable_file_is_named_in_one_error(folder):
    damage_all(folder)
    with pytest.raises(ValueError, match="4 of 5 records") as caught:
        load(folder)
    for text in (
        "there is no file .*00001_lr.dat",
        "00002_lr.dat is truncated: 23999 bytes, not 24000",
        "00003_lr.hea is mislabelled: it is the header of record 00004_lr",
        r"00004_lr.dat is damaged: the checksums of \['aVL'\]",
    ):
        assert re.search(text, str(caught.value)), text


def test_unusable_files_can_be_left_out_with_a_warning(folder):
    damage_all(folder)
    with pytest.warns(UserWarning, match="left out: 4 of 5") as caught:
        bunch = load_ptbxl(folder, on_error="warn", target="multilabel")
    assert caught[0].filename == __file__
    assert bunch.ecg_id.tolist() == [5]
    assert list(bunch.left_out) == [1, 2, 3, 4]
    assert "checksum" in bunch.left_out[4]
    assert bunch.target.tolist() == [[0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(bunch.data[0], millivolt(5))


def test_missing_files_alone_are_a_file_not_found_error(folder):
    header(folder, 1).unlink()
    header(folder, 4, ".dat").unlink()
    with pytest.raises(FileNotFoundError, match="(?s)00001_lr.hea.*00004_lr.dat"):
        load(folder)
    with pytest.raises(FileNotFoundError, match="1 of 1"):
        load(folder, records=[1], on_error="warn")


def test_a_record_of_another_rate_or_length_is_named(folder, write_signal):
    write_signal(folder, "records100/00000/00001_lr", some_codes(1), fs=500)
    write_signal(folder, "records100/00000/00002_lr", some_codes(2, 900))
    message = "(?s)1000 samples at 500 Hz, not 1000 at 100 Hz.*900 samples at 100 Hz"
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_missing_samples_are_refused(folder, write_signal):
    codes = some_codes(1)
    codes[500, 3] = -32768
    write_signal(folder, "records100/00000/00001_lr", codes)
    with pytest.raises(ValueError, match="00001_lr.dat: 1 missing samples"):
        load(folder)


def test_a_table_that_names_the_file_of_another_record_is_found(folder):
    edit(folder / "ptbxl_database.csv", "00000/00002_lr", "00000/00003_lr")
    with pytest.raises(ValueError, match="mislabelled: ecg_id 2 has .*00003_lr"):
        load(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("patient_id", "patient", r"no columns \['patient_id'\]"),
        ("ecg_id", "id", "ptbxl_database.csv is damaged"),
        ("\n2,10.0", "\n2,", r"missing for ecg_id \[2\]"),
        ("\n2,10.0", "\n1,10.0", r"several rows for \[1\]"),
        ("{'NORM'", "['NORM'", "scp_codes of ecg_id 1 is no dictionary"),
    ],
)
def test_a_damaged_table_is_named(folder, old, new, message):
    edit(folder / "ptbxl_database.csv", old, new)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_a_missing_folder_or_table_is_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match="PTB-XL; got .*csv"):
        load(folder / "scp_statements.csv")
    for name in ("scp_statements.csv", "ptbxl_database.csv"):
        (folder / name).unlink()
        with pytest.raises(FileNotFoundError, match=name):
            load(folder)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("target", "rythm", ValueError),
        ("fs", 250, ValueError),
        ("on_error", "ignore", ValueError),
        ("folds", [1, 1], ValueError),
        ("folds", [], ValueError),
        ("folds", ["1"], TypeError),
        ("folds", True, TypeError),
        ("folds", "12", TypeError),
        ("records", 5, TypeError),
        ("records", [1.0], TypeError),
    ],
)
def test_an_invalid_argument_is_named_before_anything_is_read(name, value, error):
    with pytest.raises(error, match=f"{name}.*{re.escape(repr(value))}"):
        load_ptbxl("nowhere", **{name: value})


def test_threads_change_nothing_and_progress_is_printed_on_request(folder, capsys):
    one = load(folder)
    assert capsys.readouterr().out == ""
    two = load(folder, n_jobs=2, verbose=1)
    assert "signals 5 of 5" in capsys.readouterr().out
    np.testing.assert_array_equal(one.data, two.data)


def test_the_real_records_are_those_that_wfdb_reads_bit_for_bit(ptbxl):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wfdb = pytest.importorskip("wfdb", reason="wfdb is not installed")
    bunch = load(ptbxl, n_jobs=2, records=range(1, 301, 3))
    for signal, name in zip(bunch.data, bunch.frame["filename_lr"], strict=True):
        expected = wfdb.rdrecord(str(ptbxl / name)).p_signal.T.astype(np.float32)
        assert signal.tobytes() == expected.tobytes(), name


def counts(bunch):
    names, number = np.unique(bunch.target, return_counts=True)
    return dict(zip(names.tolist(), number.tolist(), strict=True))


def test_the_real_records_have_the_known_classes_patients_and_folds(ptbxl):
    bunch = load(ptbxl)
    assert bunch.data.shape == (300, 12, 1000)
    assert bunch.target.sum(axis=0).tolist() == [186, 43, 50, 44, 23]
    number = bunch.target.sum(axis=1)
    assert ((number == 0).sum(), (number > 1).sum()) == (8, 43)
    assert len(np.unique(bunch.groups)) == 275
    folds = np.bincount(bunch.strat_fold)[1:]
    assert folds.tolist() == [23, 31, 24, 26, 27, 21, 25, 23, 58, 42]
    assert counts(load(ptbxl, target="superclass")) == {
        **{"NORM": 182, "STTC": 24, "CD": 21, "MI": 18, "HYP": 4}
    }
    assert counts(load(ptbxl, target="rhythm")) == {
        **{"SR": 250, "SARRH": 14, "SBRAD": 9, "AFLT": 5, "STACH": 5, "AFIB": 2}
    }


def test_the_real_limb_leads_obey_einthoven_and_goldberger(ptbxl):
    data = load(ptbxl).data
    one, two, three, right = (data[:, i] for i in range(4))
    assert np.abs(three - (two - one)).max() < 0.0021  # mV
    assert np.abs(right + (one + two) / 2).max() < 0.0016
    assert np.abs(data).max() == pytest.approx(5.674)
