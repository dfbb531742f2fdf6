import numpy as np
import pandas as pd
import pytest
from scipy.signal import resample_poly
from sklearn.utils import Bunch

from sksynth.datasets import load_chapman, load_ptbxl, merge


def make(n=5, leads=("I", "II", "V1"), n_times=40, seed=0, **fields):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(n, len(leads), n_times)).astype(np.float32)
    target = np.array(["SR", "AFIB"])[np.arange(n) % 2]
    groups = np.arange(n) // 2
    for array in (data, target, groups):
        array.flags.writeable = False  # any write to the caller's array raises
    bunch = Bunch(data=data, target=target, groups=groups, fs=100, data_set="a")
    return Bunch(**{**bunch, "lead_names": list(leads), **fields})


def test_rows_come_in_order_and_unchanged_where_nothing_differs():
    a, b = make(300, seed=1), make(4, seed=2, data_set="b")
    both = merge(a, b)
    np.testing.assert_array_equal(both.data, np.concatenate([a.data, b.data]))
    assert both.data.dtype == np.float32
    np.testing.assert_array_equal(both.target, np.concatenate([a.target, b.target]))
    assert (both.fs, both.unit, both.lead_names) == (100.0, "mV", ["I", "II", "V1"])
    assert both.data_set.tolist() == ["a"] * 300 + ["b"] * 4
    assert both.frame["data_set"].tolist() == both.data_set.tolist()


def test_one_data_set_alone_can_be_merged_to_change_its_rate():
    a = make(n_times=500, fs=500.0)
    expected = resample_poly(a.data.astype(float), 1, 5, axis=-1, padtype="line")
    np.testing.assert_allclose(merge(a, fs=100).data, expected, atol=1e-6)


@pytest.mark.parametrize(("unit", "size"), [("uV", 1e-3), ("µV", 1e-3), ("V", 1e3)])
def test_units_become_millivolt(unit, size):
    a = make(unit=unit)
    both = merge(a, make(data_set="b", unit="mV"))
    np.testing.assert_allclose(both.data[:5], a.data * size, rtol=1e-6)
    np.testing.assert_array_equal(both.data[5:], a.data)


def test_leads_are_found_by_name_whatever_their_order_and_spelling():
    a = make(leads=("AVR", "I", "MLII", "V1"))
    b = make(leads=("V1", "aVL", "avr", "I"), data_set="b", seed=1)
    both = merge(a, b)
    assert both.lead_names == ["aVR", "I", "V1"]
    np.testing.assert_array_equal(both.data[:5], a.data[:, [0, 1, 3]])
    np.testing.assert_array_equal(both.data[5:], b.data[:, [2, 3, 0]])
    both = merge(a, b, lead_names=["V1", "AVR"])
    assert both.lead_names == ["V1", "aVR"]
    np.testing.assert_array_equal(both.data[5:], b.data[:, [0, 2]])
    with pytest.raises(ValueError, match=r"data set 1 \(b\) has no leads \['MLII'\]"):
        merge(a, b, lead_names=["I", "MLII"])
    with pytest.raises(ValueError, match="share no lead"):
        merge(make(leads=("V5",)), b)


def test_the_lowest_rate_is_taken_and_times_stay():
    time = {fs: np.arange(2 * fs) / fs for fs in (100, 250, 500)}
    bumps = {
        fs: np.exp(-0.5 * ((t - 1.3) / 0.05) ** 2) * np.ones((2, 1, 1))
        for fs, t in time.items()
    }
    parts = [
        make(2, ("I",), data=bump, fs=fs, data_set=str(fs))
        for fs, bump in bumps.items()
    ]
    both = merge(*parts[::-1])
    assert both.fs == 100.0
    np.testing.assert_allclose(both.data, np.tile(bumps[100], (3, 1, 1)), atol=2e-3)
    both = merge(*parts, fs=250)
    np.testing.assert_allclose(both.data, np.tile(bumps[250], (3, 1, 1)), atol=2e-3)


def test_resampling_is_the_same_on_both_sides_of_a_block():
    a = make(257, n_times=80, fs=200)
    expected = resample_poly(a.data.astype(float), 1, 2, axis=-1, padtype="line")
    np.testing.assert_allclose(merge(a, fs=100).data, expected, atol=1e-6)


def test_lengths_must_agree_after_resampling_or_be_given():
    a, b = make(n_times=40), make(n_times=60, fs=200, data_set="b")
    with pytest.raises(ValueError, match=r"lengths differ at 100 Hz.*40.*30"):
        merge(a, b)
    both = merge(a, b, n_times=35)
    assert both.data.shape == (10, 3, 35)
    np.testing.assert_array_equal(both.data[:5], a.data[:, :, :35])
    assert both.data[5:, :, :30].any(axis=2).all()
    assert not both.data[5:, :, 30:].any()


def test_only_labels_that_all_know_are_kept():
    a = make(4, target=np.array(["SR", "X", "AFIB", "SR"]), target_names=["SR", "AFIB"])
    b = make(3, target=np.array(["SR", "SR", "Y"]), target_names=["Y", "AFIB", "SR"])
    both = merge(a, b, names=["a", "b"])
    assert both.target_names == ["SR", "AFIB"]
    assert both.target.tolist() == ["SR", "AFIB", "SR", "SR", "SR"]
    assert both.groups.tolist() == ["a:0", "a:1", "a:1", "b:0", "b:0"]
    np.testing.assert_array_equal(both.data[:3], a.data[[0, 2, 3]])
    np.testing.assert_array_equal(both.data[3:], b.data[:2])
    b.pop("target_names")  # now those that occur: AFIB does not
    assert merge(a, b, names=["a", "b"]).target.tolist() == ["SR"] * 4
    with pytest.raises(ValueError, match="share no label.*Z"):
        merge(a, make(3, target=np.array(["Z"] * 3), data_set="b"))


def test_of_indicator_matrices_the_common_columns_are_kept():
    a = make(2, target=np.array([[1, 0, 1], [0, 1, 0]]), target_names=["p", "q", "r"])
    b = make(1, target=np.array([[1, 0]]), target_names=["r", "p"], data_set="b")
    both = merge(a, b)
    assert both.target_names == ["p", "r"]
    assert both.target.tolist() == [[1, 1], [0, 0], [0, 1]]
    with pytest.raises(ValueError, match="target_names for 3 columns; got None"):
        merge(make(2, target=a.target))
    with pytest.raises(ValueError, match="targets differ"):
        merge(a, make(data_set="b"))
    with pytest.raises(ValueError, match="targets differ"):
        merge(make(), make(target=np.arange(5), data_set="b"))


def test_groups_of_two_data_sets_are_never_the_same():
    a, b = make(), make(data_set="b")
    both = merge(a, b)
    assert not set(both.groups[:5]) & set(both.groups[5:])
    again = merge(both, make(data_set="c"))
    assert again.groups[:10].tolist() == both.groups.tolist()
    assert again.groups[10:].tolist() == ["c:0", "c:0", "c:1", "c:1", "c:2"]
    assert again.data_set.tolist() == ["a"] * 5 + ["b"] * 5 + ["c"] * 5
    named = merge(both, a, names=["both", "a"])
    assert named.groups[0] == "both:a:0"
    with pytest.raises(ValueError, match=r"different names; got \['a', 'b', 'b'\]"):
        merge(both, b)


def test_frames_are_put_one_below_the_other_with_their_index():
    index = pd.Index([7, 8, 9], name="ecg_id")
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0]}, index=index)
    a = make(3, target=np.array(["SR", "X", "SR"]), frame=frame)
    b = make(1, frame=pd.DataFrame({"age": [4.0], "sex": ["F"]}), data_set="b")
    both = merge(a, b, make(1, data_set="c"), lead_names=["I"])
    assert both.frame.columns.tolist() == ["data_set", "ecg_id", "age", "sex"]
    assert both.frame["data_set"].tolist() == ["a", "a", "b", "c"]
    assert both.frame["ecg_id"].fillna(0).tolist() == [7, 9, 0, 0]
    assert both.frame["age"].fillna(0).tolist() == [1, 3, 4, 0]
    assert frame.columns.tolist() == ["age"]
    again = merge(both, names=["all"])
    assert again.frame.columns.tolist() == both.frame.columns.tolist()
    assert again.frame["data_set"].tolist() == ["all"] * 4


def test_a_merged_data_set_is_left_as_it_was():
    a = make(unit="uV", fs=200, leads=("II", "I"))
    before = {name: np.copy(a[name]) for name in a}
    merge(a, make(n_times=20, data_set="b"))
    for name, value in before.items():
        np.testing.assert_array_equal(a[name], value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": np.zeros((5, 3))}, r"data of data set 0 \(a\) must be \(n, 3 leads"),
        ({"data": np.zeros((5, 2, 9))}, r"got \(5, 2, 9\)"),
        ({"target": np.zeros(4)}, r"must have 5 rows; got \(4,\) and \(5,\)"),
        ({"groups": np.zeros(6)}, r"must have 5 rows; got \(5,\) and \(6,\)"),
        ({"unit": "mm"}, "unit of data set 0 .* got 'mm'"),
        ({"fs": 0}, "fs of data set 0 .* got 0"),
        ({"data_set": None}, "data set 0 has no data_set: pass names"),
        ({"data_set": ["a", "b"]}, r"a name a row; got \(2,\), for 5 rows"),
        ({"lead_names": ["I", "I", "V1"]}, "lead_names of data set 0"),
    ],
)
def test_a_data_set_that_does_not_fit_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        merge(make(**fields))


def test_arguments_are_checked():
    a = make()
    with pytest.raises(TypeError, match="one data set or more"):
        merge()
    with pytest.raises(TypeError, match="must be a Bunch or dict; got 3"):
        merge(a, 3)
    with pytest.raises(ValueError, match=r"has no \['groups'\]"):
        merge({name: a[name] for name in a if name != "groups"})
    with pytest.raises(ValueError, match="different names"):
        merge(a, make())
    with pytest.raises(ValueError, match=r"name 1 data sets; got \['a', 'b'\]"):
        merge(a, names=["a", "b"])
    with pytest.raises(ValueError, match="fs must be"):
        merge(a, fs=-1)
    with pytest.raises(ValueError, match="fs=33.3333 is no simple fraction"):
        merge(a, fs=33.3333)
    with pytest.raises(TypeError, match="lead_names must be"):
        merge(a, lead_names="I")
    with pytest.raises(ValueError, match="n_times must be"):
        merge(a, n_times=0)


def test_the_real_data_sets_become_one(ptbxl, chapman, georgia):
    one = load_ptbxl(ptbxl, target="rhythm")
    two = load_chapman(chapman, fs=500)
    both = merge(
        one, two, load_chapman(georgia), names=["PTB-XL", "Chapman", "Georgia"]
    )
    assert both.data.shape == (285 + 11 + 5, 12, 1000)
    np.testing.assert_array_equal(both.data[:285], one.data)
    resampled = load_chapman(chapman, fs=100).data
    np.testing.assert_allclose(both.data[285:296], resampled, atol=1e-5)
    assert len(np.unique(both.groups)) == 263 + 11 + 5
    assert len(both.frame) == len(both.data)
    assert both.target_names == one.target_names


def test_a_target_of_codes_is_not_dropped_in_silence():
    codes = {"data": np.ones((2, 1, 4)), "target": np.array([0, 1]), "fs": 100}
    codes |= {"groups": [1, 2], "lead_names": ["I"], "data_set": "a"}
    with pytest.raises(ValueError, match=r"holds \[0, 1\], none of its target_names"):
        merge(Bunch(target_names=["x", "y"], **codes))
