import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from sksynth.metrics import limb_lead_error

LIMB = ["I", "II", "III", "aVR", "aVL", "aVF"]


def recording(n=5, n_times=20, seed=0):
    """Limb leads as differences of three electrodes' potentials."""
    rng = np.random.default_rng(seed)
    RA, LA, LL = rng.normal(size=(3, n, n_times))  # right arm, left arm, left leg
    leads = [
        *(LA - RA, LL - RA, LL - LA),
        *(RA - (LA + LL) / 2, LA - (RA + LL) / 2, LL - (RA + LA) / 2),
    ]
    return np.stack(leads, axis=1)


def test_leads_of_three_electrodes_obey_all_equations():
    errors = limb_lead_error(recording(), LIMB)
    assert list(errors) == ["III", "aVR", "aVL", "aVF"]
    assert max(errors.values()) < 1e-15


def test_the_error_is_the_root_mean_square_of_what_was_added():
    X = recording()
    added = np.random.default_rng(1).normal(size=X.shape)
    added[:, :2] = 0  # I and II as they are
    added[:, 4] = 0.25
    errors = limb_lead_error(X + added, LIMB)
    for lead, error in errors.items():
        expected = np.sqrt(np.mean(added[:, LIMB.index(lead)] ** 2))
        assert error == pytest.approx(expected, rel=1e-12)
    assert errors["aVL"] == pytest.approx(0.25)


def test_an_error_of_lead_I_or_II_shows_with_its_weight():
    X = recording()
    X[:, 0] += 2.0
    assert limb_lead_error(X, LIMB) == pytest.approx(
        {"III": 2, "aVR": 1, "aVL": 2, "aVF": 1}
    )
    X = recording()
    X[:, 1] += 2.0
    assert limb_lead_error(X, LIMB) == pytest.approx(
        {"III": 2, "aVR": 1, "aVL": 1, "aVF": 2}
    )


def test_the_error_has_the_unit_of_X():
    X = recording() + np.random.default_rng(1).normal(size=(5, 6, 20))
    in_mV, in_uV = limb_lead_error(X, LIMB), limb_lead_error(X * 1000, LIMB)
    for lead in in_mV:
        assert in_uV[lead] == pytest.approx(1000 * in_mV[lead])


def test_leads_are_found_by_name_in_any_order_and_case():
    order = [4, 1, 5, 0, 3, 2]
    X = recording()[:, order]
    X = np.insert(X, 2, 99.0, axis=1)  # a precordial lead
    names = ["avl", "ii", "V1", "AVF", "i", "aVR", "Iii"]
    errors = limb_lead_error(X, names)
    assert set(errors) == {"III", "aVR", "aVL", "aVF"}
    assert max(errors.values()) < 1e-15


def test_only_equations_whose_leads_are_there_are_checked():
    X = recording()
    assert set(limb_lead_error(X[:, [0, 1, 4]], ["I", "II", "aVL"])) == {"aVL"}


def test_many_rows_are_read_in_blocks():
    X = recording(3, 2**19).astype(np.float32)  # more than a block
    X.flags.writeable = False
    X_wrong = X.copy()
    X_wrong[1, 2] += 3.0
    assert limb_lead_error(X, LIMB)["III"] < 1e-6
    expected = np.sqrt(9 / 3)
    assert limb_lead_error(X_wrong, LIMB)["III"] == pytest.approx(expected, rel=1e-6)


def test_wrong_names_are_refused():
    X = recording()
    with pytest.raises(ValueError, match=r"I, II and at least one .*got \['I', 'III'"):
        limb_lead_error(X[:, :3], ["I", "III", "V1"])
    with pytest.raises(ValueError, match=r"I, II and at least one .*got \['I', 'II'\]"):
        limb_lead_error(X[:, :2], ["I", "II"])
    with pytest.raises(ValueError, match=r"6 channels of X; got 2 names"):
        limb_lead_error(X, ["I", "II"])
    with pytest.raises(ValueError, match="each name once"):
        limb_lead_error(X[:, :3], ["I", "II", "i"])
    with pytest.raises(TypeError, match="sequence of str; got 'I, II'"):
        limb_lead_error(X, "I, II")
    with pytest.raises(TypeError, match="must hold str; got"):
        limb_lead_error(X[:, :2], [1, 2])


@pytest.fixture(scope="module")
def ptbxl():
    """A few real 10 s records: signals (n, 12, 1000) in mV and their lead names."""
    pytest.importorskip("wfdb", reason="wfdb is not installed")
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("SKSYNTH_DATA", default)) / "ptb-xl"
    stems = [path.with_suffix("") for path in folder.glob("records100/*/*_lr.hea")]
    if not stems:
        pytest.skip(f"no PTB-XL records in {folder}: set SKSYNTH_DATA to its parent")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb's use of pandas
        import wfdb

        records = [wfdb.rdrecord(str(stem)) for stem in sorted(stems)[:40]]
    X = np.stack([record.p_signal.T for record in records]).astype(np.float32)
    return X, records[0].sig_name


def test_real_records_obey_the_equations_up_to_their_resolution(ptbxl):
    X, lead_names = ptbxl
    errors = limb_lead_error(X, lead_names)
    assert set(errors) == {"III", "aVR", "aVL", "aVF"}
    assert max(errors.values()) < 0.002  # mV; the resolution is 0.001 mV
    rng = np.random.default_rng(0)
    shuffled = np.stack([rng.permutation(X[:, c]) for c in range(12)], axis=1)
    assert min(limb_lead_error(shuffled, lead_names).values()) > 0.05
