import re
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sksynth.datasets import load_mitbih

ALL = ("N", "S", "V", "F", "Q")
RAW = {"band": None}  # no filter: values can be followed by hand


def codes(n_times, n_leads=2, seed=0):
    """Random signal that format 212 at 200 per mV holds exactly."""
    rng = np.random.default_rng(seed)
    return rng.integers(-400, 400, (n_times, n_leads)) / 200


def test_beats_are_the_samples_around_each_annotation(write_record):
    signal, sample = codes(2000), [120, 300, 301, 1500]
    folder = write_record(signal=signal, sample=sample)
    bunch = load_mitbih(folder, window=(0.1, 0.2), **RAW)
    naive = np.stack([signal[s - 36 : s + 72].T for s in sample])
    assert bunch.data.dtype == np.float32
    assert bunch.r_index == 36
    np.testing.assert_allclose(bunch.data, naive, atol=1e-6)
    np.testing.assert_array_equal(bunch.sample, sample)


@pytest.mark.parametrize("fs", [90, 180, 125, 250, 720])
def test_a_bump_at_an_annotation_lands_on_r_index_after_resampling(write_record, fs):
    sample = np.array([300, 701, 1102, 1503, 2999])
    time = np.arange(3600)[:, None] / 360
    bumps = np.exp(-0.5 * ((time - sample / 360) / 0.02) ** 2).sum(axis=1)
    folder = write_record(signal=np.stack([bumps, -bumps], axis=1), sample=sample)
    bunch = load_mitbih(folder, fs=fs, **RAW)
    # the annotation is rounded to the new rate: the bump is off by the rest
    rest = sample / 360 - np.rint(sample * (fs / 360)) / fs
    after_r = (np.arange(bunch.data.shape[2]) - bunch.r_index) / fs
    expected = np.exp(-0.5 * ((after_r - rest[:, None]) / 0.02) ** 2)
    assert bunch.fs == fs
    np.testing.assert_allclose(bunch.data[:, 0], expected, atol=0.02)
    np.testing.assert_allclose(bunch.data[:, 1], -expected, atol=0.02)


def test_an_impulse_stays_on_its_index_when_the_rate_is_halved(write_record):
    sample = np.array([200, 500, 800])
    signal = np.zeros((1200, 2))
    signal[sample] = 2
    bunch = load_mitbih(write_record(signal=signal, sample=sample), fs=180, **RAW)
    peak = np.abs(bunch.data).argmax(axis=2)
    assert (peak == bunch.r_index).all()


@pytest.mark.parametrize(("fs", "n_times"), [(None, 256), (180, 128)])
def test_the_default_window_has_128_samples_at_180_hertz(write_record, fs, n_times):
    bunch = load_mitbih(write_record(), fs=fs)
    assert bunch.data.shape == (1, 2, n_times)
    assert bunch.r_index == n_times * 45 // 128
    assert bunch.lead_names == ["MLII", "V1"]


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    before=st.floats(0, 0.5),
    after=st.floats(0.01, 0.5),
    n_times=st.none() | st.integers(1, 150),
    fs=st.sampled_from([None, 90, 180]),
)
def test_the_window_is_as_long_as_asked(write_record, before, after, n_times, fs):
    folder = write_record(signal=codes(1200), sample=[600])
    bunch = load_mitbih(folder, window=(before, after), n_times=n_times, fs=fs, **RAW)
    rate = 360 if fs is None else fs
    expected = round(before * rate) + round(after * rate)
    assert bunch.r_index == round(before * rate)
    assert bunch.data.shape == (1, 2, expected if n_times is None else n_times)


def test_only_beats_whose_whole_window_is_in_the_record_are_kept(write_record):
    sample = [35, 36, 500, 928, 929]  # 36 before, 72 from the R peak on, 1000 in all
    folder = write_record(signal=codes(1000), sample=sample)
    bunch = load_mitbih(folder, window=(0.1, 0.2), **RAW)
    assert bunch.sample.tolist() == [36, 500, 928]


def test_signals_are_in_millivolt(write_record):
    signal = np.tile([1.5, -0.25], (1000, 1))
    folder = write_record(signal=signal, sample=[0, 500, 892])  # up to both ends
    data = load_mitbih(folder, fs=180, window=(0, 0.3), **RAW).data
    assert len(data) == 3
    np.testing.assert_allclose(data[:, 0], 1.5, atol=0.005)
    np.testing.assert_allclose(data[:, 1], -0.25, atol=0.005)


@pytest.mark.parametrize(("hertz", "gain"), [(0.05, 0), (10, 1), (120, 0)])
def test_the_band_pass_keeps_phase_and_size_inside_its_band(write_record, hertz, gain):
    time = np.arange(36000) / 360
    sine = np.sin(2 * np.pi * hertz * time)
    folder = write_record(signal=np.stack([sine, sine], axis=1), sample=[18000])
    data = load_mitbih(folder).data[0, 0]
    np.testing.assert_allclose(data, gain * sine[17910:18166], atol=0.03)


def test_symbols_become_aami_classes_and_other_annotations_are_dropped(write_record):
    symbol = list('NLRejAaJSVEF/fQ+~|"!')
    sample = 400 + 10 * np.arange(len(symbol))
    folder = write_record(signal=codes(1500), sample=sample, symbol=symbol)
    bunch = load_mitbih(folder, classes=ALL)
    assert "".join(bunch.target) == "NNNNNSSSSVVFQQQ"
    assert "".join(bunch.symbol) == "NLRejAaJSVEF/fQ"
    np.testing.assert_array_equal(bunch.sample, sample[:15])


def test_only_the_classes_asked_for_are_kept_in_the_order_of_time(write_record):
    folder = write_record(sample=[300, 400, 500, 600], symbol="VNFV")
    bunch = load_mitbih(folder, classes=["F", "V"])
    assert bunch.target.tolist() == ["V", "F", "V"]


def test_a_class_that_does_not_occur_gives_arrays_of_length_0(write_record):
    bunch = load_mitbih(write_record(), classes=["S"], fs=180)
    assert bunch.data.shape == (0, 2, 128)
    for name in ("target", "groups", "record", "symbol", "sample"):
        assert bunch[name].shape == (0,)


def test_leads_are_chosen_by_name(write_record):
    write_record("101", np.tile([1.0, 2.0], (1000, 1)), leads=("MLII", "V1"))
    folder = write_record("114", np.tile([2.0, 1.0], (1000, 1)), leads=("V1", "MLII"))
    data = load_mitbih(folder, leads=["V1", "MLII"], **RAW).data
    np.testing.assert_allclose(data[:, 0], 2)
    np.testing.assert_allclose(data[:, 1], 1)


def test_one_warning_names_the_records_without_the_leads(write_record):
    write_record("101")
    write_record("123", leads=("MLII", "V5"))
    folder = write_record("124", leads=("MLII", "V4"))
    with pytest.warns(UserWarning, match="123, 124") as caught:
        bunch = load_mitbih(folder)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert set(bunch.record) == {"101"}


def test_a_named_record_without_the_leads_is_an_error(write_record):
    folder = write_record("124", leads=("MLII", "V4"))
    with pytest.raises(ValueError, match=r"124 has the leads \['MLII', 'V4'\]"):
        load_mitbih(folder, ["124"])
    assert len(load_mitbih(folder, ["124"], leads=["V4"]).data) == 1


def test_a_folder_where_no_record_is_usable_is_an_error(write_record):
    folder = write_record("124", leads=("MLII", "V4"))
    with pytest.raises(ValueError, match="no usable record .*124"):
        load_mitbih(folder)


def test_paced_records_are_read_only_when_asked_for(write_record):
    write_record("101")
    folder = write_record("104", symbol="/")
    assert set(load_mitbih(folder, classes=ALL).record) == {"101"}
    with pytest.raises(ValueError, match="104.*include_paced=True"):
        load_mitbih(folder, ["101", "104"])
    bunch = load_mitbih(folder, classes=ALL, include_paced=True)
    assert bunch.target.tolist() == ["N", "Q"]


def test_records_201_and_202_are_of_one_patient(write_record):
    for name in ("101", "201", "202"):
        folder = write_record(name)
    bunch = load_mitbih(folder)
    assert bunch.record.tolist() == ["101", "201", "202"]
    assert bunch.groups.tolist() == ["101", "201", "201"]


def test_records_are_read_in_the_order_given_as_text_or_number(write_record):
    for name in ("101", "106", "108"):
        folder = write_record(name)
    bunch = load_mitbih(folder, [108, "101"])
    assert bunch.record.tolist() == ["108", "101"]


def test_records_of_different_rates_come_out_at_one(write_record):
    write_record("101")
    folder = write_record("106", fs=180)
    assert load_mitbih(folder).data.shape == (2, 2, 256)


def test_a_missing_folder_record_or_file_is_named(write_record, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_mitbih(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no WFDB record"):
        load_mitbih(tmp_path)
    folder = write_record("101")
    with pytest.raises(NotADirectoryError, match="101.hea"):
        load_mitbih(folder / "101.hea")
    with pytest.raises(FileNotFoundError, match="999.hea"):
        load_mitbih(folder, ["999"])
    for suffix in (".atr", ".dat"):
        (folder / f"101{suffix}").unlink()
        with pytest.raises(FileNotFoundError, match=f"101{suffix}"):
            load_mitbih(folder)


@pytest.mark.parametrize("size", [0, 1, 300, 2999])
def test_a_truncated_signal_file_is_named(write_record, size):
    file = write_record() / "101.dat"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match="101.dat is truncated"):
        load_mitbih(file.parent)


def test_a_changed_byte_of_the_signal_is_found_by_the_checksum(write_record):
    file = write_record() / "101.dat"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="101.dat is damaged: its checksum"):
        load_mitbih(file.parent)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[:8],
        lambda text: text[:30],
        lambda text: b"\x00\xff" * 40,
        lambda text: text.replace(b"360", b"0"),
        lambda text: b"101 0 360 1000\n",
    ],
)
def test_a_damaged_header_is_named(write_record, damage):
    file = write_record() / "101.hea"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match="101.hea is damaged"):
        load_mitbih(file.parent)


def test_a_format_that_wfdb_does_not_know_is_an_error(write_record):
    file = write_record() / "101.hea"
    file.write_bytes(file.read_bytes().replace(b" 212 ", b" 999 "))
    with pytest.raises(ValueError, match="101.dat is truncated or damaged"):
        load_mitbih(file.parent)


def test_signals_in_another_unit_are_refused(write_record):
    with pytest.raises(ValueError, match="101.hea: signals must be in mV.*uV"):
        load_mitbih(write_record(units="uV"))


def test_missing_samples_are_refused(write_record):
    signal = codes(1000)
    signal[700, 1] = (-2048 - 1024) / 200  # the code that format 212 keeps for them
    folder = write_record(signal=signal)
    with pytest.raises(ValueError, match="101.dat: 1 missing samples"):
        load_mitbih(folder)
    assert len(load_mitbih(folder, leads=["MLII"]).data) == 1


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_truncated_annotation_file_is_named(write_record, cut):
    file = write_record(sample=[300, 400, 500]) / "101.atr"
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(ValueError, match="101.atr is truncated"):
        load_mitbih(file.parent)


def test_annotations_outside_the_record_are_damage(write_record):
    folder = write_record(signal=codes(1000), sample=[300, 1000])
    with pytest.raises(ValueError, match="101.atr is damaged.*1000 samples"):
        load_mitbih(folder)


def test_an_annotation_file_of_noise_is_a_clear_error_or_beats(write_record):
    file = write_record() / "101.atr"
    rng = np.random.default_rng(0)
    for _ in range(30):
        file.write_bytes(rng.bytes(40) + b"\0\0")
        try:
            load_mitbih(file.parent)
        except ValueError as error:
            assert "101.atr is damaged" in str(error)  # noqa: PT017


def test_a_missing_wfdb_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(ImportError, match=re.escape('"sksynth[ecg]"')):
        load_mitbih(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("leads", "MLII", TypeError),
        ("leads", [], ValueError),
        ("leads", ["V1", "V1"], ValueError),
        ("classes", ["X"], ValueError),
        ("classes", [], ValueError),
        ("classes", "NSV", TypeError),
        ("window", (-0.1, 0.4), ValueError),
        ("window", (0.1,), ValueError),
        ("window", 0.4, TypeError),
        ("window", (0.1, np.nan), ValueError),
        ("window", ("0.1", 0.4), TypeError),
        ("window", (0, 0), ValueError),
        ("n_times", 0, ValueError),
        ("n_times", 12.5, TypeError),
        ("fs", 0, ValueError),
        ("fs", "180", TypeError),
        ("fs", 180.0001, ValueError),
        ("band", (40, 0.5), ValueError),
        ("band", (0, 40), ValueError),
        ("band", (1, 180), ValueError),
        ("band", 40, TypeError),
        ("records", "101", TypeError),
        ("records", [1.5], TypeError),
        ("records", [], ValueError),
        ("records", ["101", 101], ValueError),
    ],
)
def test_an_invalid_argument_is_named(write_record, name, value, error):
    folder = write_record()
    with pytest.raises(error, match=name):
        load_mitbih(folder, **{name: value})


# records: N, S, V, F, Q, as counted in the files
COUNTS = {
    "101": (1860, 3, 0, 0, 2),
    "106": (1507, 0, 520, 0, 0),
    "108": (1740, 4, 17, 2, 0),
    "109": (2492, 0, 38, 2, 0),
    "112": (2537, 2, 0, 0, 0),
    "114": (1820, 12, 43, 4, 0),
    "115": (1953, 0, 0, 0, 0),
    "116": (2302, 1, 109, 0, 0),
    "118": (2166, 96, 16, 0, 0),
    "119": (1543, 0, 444, 0, 0),
    "122": (2476, 0, 0, 0, 0),
    "124": (1536, 31, 47, 5, 0),
    "201": (1635, 128, 198, 2, 0),
    "203": (2529, 2, 444, 1, 4),
    "205": (2571, 3, 71, 11, 0),
    "207": (1543, 107, 210, 0, 0),
    "208": (1586, 2, 992, 373, 2),
    "209": (2621, 383, 1, 0, 0),
    "215": (3195, 3, 164, 1, 0),
    "220": (1954, 94, 0, 0, 0),
    "223": (2045, 73, 473, 14, 0),
    "230": (2255, 0, 1, 0, 0),
}


def test_the_real_records_hold_the_known_number_of_beats(mitdb):
    bunch = load_mitbih(
        mitdb,
        list(COUNTS),
        leads=["MLII"],
        classes=ALL,
        n_times=1,
        window=(0, 0),
        **RAW,
    )
    for name, expected in COUNTS.items():
        target = bunch.target[bunch.record == name]
        assert tuple((target == c).sum() for c in ALL) == expected, name
    symbols, counts = np.unique(bunch.symbol, return_counts=True)
    assert dict(zip(symbols.tolist(), counts.tolist(), strict=True)) == {
        **{"N": 38102, "L": 3949, "R": 3783, "V": 3683, "A": 810, "F": 415, "E": 105},
        **{"a": 100, "J": 32, "j": 16, "e": 16, "Q": 8, "S": 2},
    }


def test_real_beats_have_their_r_peak_on_r_index(mitdb):
    bunch = load_mitbih(mitdb, ["101", "114"], leads=["MLII"], classes=["N"], fs=180)
    assert bunch.data.shape[1:] == (1, 128)
    assert abs(len(bunch.data) - 1860 - 1820) <= 4  # at most one at each end
    for name in ("101", "114"):
        beats = bunch.data[bunch.record == name, 0]
        off = np.abs(beats[:, 35:56]).argmax(axis=1) - 10
        assert np.abs(np.median(off)) <= 1
        assert np.ptp(np.median(beats, axis=0)) > 0.5  # mV


def test_real_records_without_v1_are_left_out_with_a_warning(mitdb):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        bunch = load_mitbih(mitdb, classes=["F"], fs=180, **RAW)
    assert any("114, 124" in str(w.message) for w in caught)
    assert not {"114", "124"} & set(bunch.record)
    assert bunch.data.shape[1:] == (2, 128)
