import warnings

import numpy as np
import pytest

from sksynth.datasets._wfdb import LEADS, read_header, read_signal

CODES = np.random.default_rng(0).integers(-3000, 3000, (1000, 12))


@pytest.fixture
def stem(tmp_path, write_signal):
    write_signal(tmp_path, "records/00001_lr", CODES)
    write_signal(tmp_path, "records/00002_lr", CODES)
    return tmp_path / "records" / "00001_lr"


def test_a_header_is_read_as_it_was_written(stem):
    header = read_header(stem)
    assert (header.name, header.fs, header.n_times) == ("00001_lr", 100.0, 1000)
    assert header.leads == LEADS
    assert header.file == stem.with_suffix(".dat")
    np.testing.assert_array_equal(header.gain, 1000)
    np.testing.assert_array_equal((CODES.sum(axis=0) - header.checksum) % 65536, 0)
    np.testing.assert_array_equal(read_signal(header), CODES / 1000)


@pytest.mark.parametrize(("gain", "baseline"), [(1000.0, 0), (204.8, -7), (0.3, 500)])
def test_gain_and_zero_give_the_bits_that_wfdb_gives(
    stem, write_signal, gain, baseline
):
    write_signal(
        stem.parent.parent, "records/00001_lr", CODES, gain=gain, baseline=baseline
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb's use of pandas
        import wfdb

        expected = wfdb.rdrecord(str(stem)).p_signal
    assert read_signal(read_header(stem)).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("12 100 1000", "12 100 999", "is longer than its header says"),
        ("12 100 1000", "12 100 1001", "is truncated: 24000 bytes, not 24024"),
        ("12 100 1000", "12 100", "damaged: name, leads, rate and length"),
        ("12 100 1000", "12 100 0", "0 samples at 100 Hz"),
        ("12 100 1000", "12 0 1000", "1000 samples at 0 Hz"),
        ("12 100 1000", "12 inf 1000", "at inf Hz"),
        ("12 100 1000", "11 100 1000", "12 of 11 leads"),
        ("12 100 1000", "x 100 1000", "damaged: .*'x'"),
        ("00001_lr 12", "00003_lr 12", "mislabelled: it is the header of .* 00003_lr"),
        ("V6", "V7", r"leads must be .*'V6'\); got .*'V7'"),
        ("V6", "V5", r"leads must be .*'V6'\); got .*'V5', 'V5'"),
        (" 16 1000.0", " 212 1000.0", "format must be 16.*'212'"),
        (" 16 1000.0", " 16x2 1000.0", "format must be 16.*'16x2'"),
        (" 16 1000.0", " 16:3 1000.0", "format must be 16.*'16:3'"),
        (" 16 1000.0", " dat 1000.0", "format and gain expected"),
        ("1000.0(0)/mV", "1000.0(0)/uV", "must be in mV; got '1000.0.0./uV'"),
        ("1000.0(0)/mV", "0/mV", "must be in mV; got '0/mV'"),
        ("1000.0(0)/mV", "1.0.0/mV", "damaged"),
        (" 0 V6", "", "nine fields expected"),
        ("00001_lr.dat", "00002_lr.dat", "mislabelled: its signals are in"),
    ],
)
def test_a_wrong_header_is_named(stem, old, new, message):
    file = stem.with_suffix(".hea")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=f"00001_lr.*{message}"):
        read_header(stem)


@pytest.mark.parametrize("content", [b"", b"#\n", b"\x00\xff\r\n" * 9, b"a b c d\n"])
def test_a_header_of_noise_is_named(stem, content):
    stem.with_suffix(".hea").write_bytes(content)
    with pytest.raises(ValueError, match="00001_lr.hea is damaged"):
        read_header(stem)


def test_line_ends_of_windows_make_no_difference(stem):
    file = stem.with_suffix(".hea")
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    np.testing.assert_array_equal(read_signal(read_header(stem)), CODES / 1000)


def test_a_file_cut_after_its_header_was_read_is_named(stem):
    header = read_header(stem)
    header.file.write_bytes(header.file.read_bytes()[:500])
    with pytest.raises(ValueError, match="00001_lr.dat is truncated: 500 bytes"):
        read_signal(header)
