import os
import warnings
from pathlib import Path

import numpy as np
import pytest

DATA = os.environ.get(
    "SKSYNTH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"
)


@pytest.fixture(scope="session")
def mitdb():
    """The real records, where there are any."""
    pytest.importorskip("wfdb", reason="wfdb is not installed")
    folder = Path(DATA) / "mitdb"
    if not folder.is_dir():
        pytest.skip(f"no MIT-BIH records in {folder}: set SKSYNTH_DATA to their parent")
    return folder


@pytest.fixture
def write_record(tmp_path):
    """Write a WFDB record as MIT-BIH has them and return its folder.

    ``signal`` is (n_times, n_leads) in mV; codes of 1/200 mV, format 212.
    """
    pytest.importorskip("wfdb", reason="wfdb is not installed")

    def write(
        name="101",
        signal=None,
        sample=(400,),
        symbol=None,
        leads=("MLII", "V1"),
        fs=360,
        units="mV",
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # wfdb's use of pandas
            import wfdb

            if signal is None:
                signal = np.random.default_rng(0).normal(size=(1000, len(leads)))
            n_leads = signal.shape[1]
            wfdb.wrsamp(
                name,
                fs=fs,
                units=[units] * n_leads,
                sig_name=list(leads),
                d_signal=np.rint(signal * 200).astype(int) + 1024,
                adc_gain=[200.0] * n_leads,
                baseline=[1024] * n_leads,
                fmt=["212"] * n_leads,
                write_dir=str(tmp_path),
            )
            symbol = ["N"] * len(sample) if symbol is None else list(symbol)
            wfdb.wrann(name, "atr", np.array(sample), symbol, write_dir=str(tmp_path))
        return tmp_path

    return write


TWELVE_LEADS = [
    *("I", "II", "III", "aVR", "aVL", "aVF"),
    *("V1", "V2", "V3", "V4", "V5", "V6"),
]


def write_twelve_leads(
    folder, stem, codes, fs=100, leads=TWELVE_LEADS, gain=1000.0, baseline=0
):
    """Write a record with wfdb, the names of the limb leads in capitals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb's use of pandas
        wfdb = pytest.importorskip("wfdb", reason="wfdb is not installed")
        (folder / stem).parent.mkdir(parents=True, exist_ok=True)
        wfdb.wrsamp(
            stem.rsplit("/", 1)[1],
            fs=fs,
            units=["mV"] * 12,
            sig_name=[lead.upper() for lead in leads],
            d_signal=codes,
            adc_gain=[gain] * 12,
            baseline=[baseline] * 12,
            fmt=["16"] * 12,
            write_dir=str((folder / stem).parent),
        )


@pytest.fixture(scope="session")
def write_signal():
    """Write a record of 12 leads as PTB-XL has them."""
    return write_twelve_leads


def real_folder(name):
    folder = Path(DATA) / name
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set SKSYNTH_DATA to its parent")
    return folder


@pytest.fixture(scope="session")
def ptbxl():
    """Three hundred real records, where there are any."""
    return real_folder("ptb-xl")


@pytest.fixture(scope="session")
def chapman():
    return real_folder("chapman")


@pytest.fixture(scope="session")
def georgia():
    return real_folder("georgia")


@pytest.fixture(scope="session")
def mrs():
    return real_folder("mrs")
