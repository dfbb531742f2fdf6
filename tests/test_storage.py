import json
import os
import pickle
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.exceptions import NotFittedError

import sksynth
from sksynth import VAE, _storage
from sksynth._storage import FORMAT_VERSION, read_model, write_model
from sksynth.training import EarlyStopping

SIZES = {"latent_dim": 2, "hidden_dim": 4, "n_layers": 1, "max_epochs": 1}
TINY = {**SIZES, "random_state": 0}
RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(12, 2, 5)).astype(np.float32)
LABELS = np.tile(["af", "sinus", "other"], 4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


numeric = arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_, np.float16]),
    array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
texts = st.lists(text, max_size=4).flatmap(
    lambda items: st.sampled_from(
        [np.array(items, dtype=object), np.array(items, dtype=str)]
    )
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | text
    | numeric
    | texts
)
documents = st.dictionaries(
    text.filter(lambda key: not key.startswith("~") and key != "format_version"),
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(
                text.filter(lambda key: not key.startswith("~")), inner, max_size=3
            )
        ),
        max_leaves=8,
    ),
    max_size=3,
)


def assert_same(left, right):
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        np.testing.assert_array_equal(left, right)
    else:
        assert left == right


@given(header=documents, seed=st.integers(0, 2**31), n=st.integers(0, 3))
def test_what_is_written_is_read_back(header, seed, n):
    torch_rng = torch.Generator().manual_seed(seed)
    weights = {f"layer.{i}": torch.randn(2, i, generator=torch_rng) for i in range(n)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        write_model(file, header, weights)
        assert os.listdir(folder) == ["model"]
        header_again, weights_again = read_model(file)
    assert_same(header_again, header)
    assert weights_again.keys() == weights.keys()
    for name, tensor in weights.items():
        assert torch.equal(tensor, weights_again[name])


def test_an_array_of_no_dimensions_stays_one(path):
    write_model(path, {"std": np.array(2.5)}, {})
    assert read_model(path)[0]["std"].shape == ()


@pytest.mark.parametrize("dtype", [">i8", ">f4", "<f8"])
def test_arrays_of_each_byte_order_can_be_saved(path, dtype):
    write_model(path, {"classes": np.array([1, 2, 3], dtype=dtype)}, {})
    np.testing.assert_array_equal(read_model(path)[0]["classes"], [1, 2, 3])


def test_numpy_scalars_become_plain_numbers(path):
    write_model(path, {"n": np.int64(3), "lr": np.float32(0.5), "b": np.True_}, {})
    assert_same(read_model(path)[0], {"n": 3, "lr": 0.5, "b": True})


def test_views_and_shared_tensors_are_saved_as_they_look(path):
    whole = torch.arange(12.0).view(3, 4)
    weights = {"whole": whole, "turned": whole.T, "part": whole[1]}
    array = np.arange(6).reshape(2, 3).T
    write_model(path, {"array": array}, weights)
    header, again = read_model(path)
    np.testing.assert_array_equal(header["array"], array)
    assert all(torch.equal(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "cannot save a object"),
        ({1, 2}, "cannot save a set"),
        (np.array([1j]), "cannot save an array of dtype complex128"),
        (np.array(["a", 1], dtype=object), "cannot save an array of dtype object"),
        (np.array([b"a"]), r"cannot save an array of dtype \|S1"),
        (pd.Timestamp(0), "cannot save a Timestamp"),
    ],
)
def test_what_json_cannot_hold_is_refused_before_a_file_is_made(path, value, message):
    with pytest.raises(TypeError, match=message):
        write_model(path, {"value": [value]}, {})
    assert os.listdir(path.parent) == []


def tampered(path, change):
    """Apply ``change(document, tensors)`` to a saved file."""
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["sksynth"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    document = change(document, tensors) or document
    save_file(tensors, path, metadata={"sksynth": json.dumps(document)})


@pytest.fixture
def saved(path):
    VAE(**TINY).fit(SIGNALS, LABELS).save(path)
    return path


@pytest.mark.parametrize("read", [VAE.load, sksynth.load, read_model])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="no file .*nothing.here"):
        read(tmp_path / "nothing.here")
    with pytest.raises(FileNotFoundError, match="no file"):
        read(tmp_path)


@pytest.mark.parametrize("read", [VAE.load, sksynth.load])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(saved, read, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="model.safetensors is damaged or no safetens"):
        read(saved)


@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused(content):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        file.write_bytes(content)
        with pytest.raises(ValueError, match="damaged or no safetensors|is a safetens"):
            sksynth.load(file)


@given(where=st.floats(0, 1), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_harmless(where, value):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        write_model(file, {"a": np.arange(3), "b": ("x", None)}, {"w": torch.ones(2)})
        content = bytearray(file.read_bytes())
        content[int(where * (len(content) - 1))] = value
        file.write_bytes(content)
        try:
            read_model(file)
        except ValueError as error:
            assert str(file) in str(error)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("read", [VAE.load, sksynth.load])
def test_a_pickle_in_disguise_runs_no_code(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    Path("model").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        read("model")
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_foreign_safetensors_file_is_refused(path, metadata):
    save_file({"w": torch.ones(2)}, path, metadata=metadata)
    with pytest.raises(ValueError, match="a safetensors file, but not one that sksynt"):
        sksynth.load(path)


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", "null", '"a"', "{}", '{"class": "VAE"}', "NaN"]
)
def test_a_damaged_header_is_refused(path, text):
    save_file({"w": torch.ones(2)}, path, metadata={"sksynth": text})
    with pytest.raises(ValueError, match="model.safetensors has a damaged header"):
        sksynth.load(path)


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, "1", None, 1.5])
def test_another_format_version_is_refused(saved, version):
    tampered(saved, lambda document, _: {**document, "format_version": version})
    expected = f"has format version {version!r}; this sksynth reads up to 1: upgrade"
    with pytest.raises(ValueError, match=expected):
        sksynth.load(saved)


@pytest.mark.parametrize(
    "item",
    [
        {"~array": "99"},
        {"~array": ["0"]},
        {"~tuple": 3},
        {"~strings": ["a", "b"], "dtype": "<U1", "shape": [3]},
        {"~strings": ["a"], "dtype": "no dtype", "shape": [1]},
        {"~strings": ["a"], "dtype": "<i8", "shape": [1]},
        {"~strings": ["a"]},
    ],
    ids=lambda item: json.dumps(item)[:30],
)
def test_a_damaged_entry_is_an_error_that_names_the_file(saved, item):
    tampered(saved, lambda document, _: {**document, "extra": item})
    with pytest.raises(ValueError, match="model.safetensors has a damaged"):
        sksynth.load(saved)


def test_a_header_that_is_no_dict_is_refused(path):
    header = {"format_version": 1, "~tuple": []}
    save_file({"w": torch.ones(2)}, path, metadata={"sksynth": json.dumps(header)})
    for read in (VAE.load, sksynth.load):
        with pytest.raises(ValueError, match="model.safetensors"):
            read(path)


class OtherVAE(VAE):
    """A class of somebody else."""


def test_a_model_of_another_class_is_refused(saved, tmp_path):
    with pytest.raises(ValueError, match="holds a 'VAE'; this is 'OtherVAE'.load"):
        OtherVAE.load(saved)
    other = tmp_path / "other"
    OtherVAE(**TINY).fit(SIGNALS).save(other)
    with pytest.raises(ValueError, match="holds a 'OtherVAE'; this is 'VAE'.load"):
        VAE.load(other)
    with pytest.raises(ValueError, match=r"holds a 'OtherVAE'; allowed are \["):
        sksynth.load(other)
    assert type(OtherVAE.load(other)) is OtherVAE


@pytest.mark.parametrize("name", ["__builtins__", "make_published", "BaseGenerator"])
def test_a_name_that_is_no_generator_is_refused(saved, name):
    tampered(saved, lambda document, _: {**document, "class": name})
    names = ["ConvVAE", "DiffWave", "MerGen", "SpectrumVAE", "TimeDiffusion"]
    names += ["TimeVQVAE", "VAE"]
    allowed = re.escape(str(names))
    with pytest.raises(ValueError, match=f"holds a '{name}'; allowed are {allowed}"):
        sksynth.load(saved)


@pytest.mark.parametrize("key", ["class", "parameters", "fitted"])
def test_a_missing_entry_is_refused(saved, key):
    def change(document, tensors):
        del document[key]

    tampered(saved, change)
    with pytest.raises(ValueError, match="model.safetensors"):
        sksynth.load(saved)


@pytest.mark.parametrize(
    "key", ["container_", "scaler_", "conditions_", "input_shape_"]
)
def test_a_missing_fitted_attribute_is_refused(saved, key):
    def change(document, tensors):
        del document["fitted"][key]

    tampered(saved, change)
    with pytest.raises(ValueError, match="model.safetensors has a damaged content"):
        sksynth.load(saved)


@pytest.mark.parametrize(
    ("helper", "key"),
    [
        ("container_", "dtype_name"),
        ("scaler_", "offset"),
        ("conditions_", "classes"),
        ("conditions_", "cumulative"),
    ],
)
def test_a_missing_part_of_a_fitted_attribute_is_refused(saved, helper, key):
    def change(document, tensors):
        del document["fitted"][helper][key]

    tampered(saved, change)
    with pytest.raises(ValueError, match="model.safetensors has a damaged content"):
        sksynth.load(saved)


@pytest.mark.parametrize(
    "parameters",
    [
        {"latent_dim": 3},
        {"latent_dim": 10**9},
        {"hidden_dim": 5},
        {"n_layers": 2},
        {"latent_dim": -1},
        {"latent_dim": "two"},
        {"no_such_parameter": 1},
    ],
    ids=str,
)
def test_parameters_that_do_not_fit_the_weights_are_refused(saved, parameters):
    def change(document, tensors):
        document["parameters"].update(parameters)

    tampered(saved, change)
    with pytest.raises(ValueError, match="model.safetensors has a damaged content"):
        sksynth.load(saved)


class NoteDevice(VAE):
    """Notes where tensors are made while it makes its network."""

    def _make_network(self, *shape):
        NoteDevice.device = torch.empty(0).device.type
        return super()._make_network(*shape)


def test_the_shapes_of_the_weights_are_compared_before_memory_is_taken(path):
    NoteDevice(**TINY).fit(SIGNALS).save(path)
    assert NoteDevice.device == "meta"  # to compare shapes
    again = NoteDevice.load(path)
    assert NoteDevice.device == "meta"
    assert {p.device.type for p in again.network_.parameters()} == {"cpu"}


def test_missing_or_additional_weights_are_refused(saved, tmp_path):
    def remove(document, tensors):
        del tensors["network.raw_log_scale"]

    def add(document, tensors):
        tensors["network.more"] = torch.ones(1)

    content = saved.read_bytes()
    for change, message in [(remove, "Missing key"), (add, "Unexpected key")]:
        saved.write_bytes(content)
        tampered(saved, change)
        with pytest.raises(ValueError, match=f"damaged content: .*\n?.*{message}"):
            VAE.load(saved)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_a_save_that_fails_keeps_the_old_file_and_leaves_no_other(
    saved, monkeypatch, error
):
    before = saved.read_bytes()

    def fail(part, target):  # between the writing and the renaming
        Path(part).write_bytes(Path(part).read_bytes()[:50])
        raise error

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises((KeyboardInterrupt, OSError)):
        VAE(**TINY).fit(SIGNALS[:, :1]).save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.parametrize(
    "value",
    [
        np.array(["2026-11-27", "NaT"], dtype="M8[ns]"),
        np.array([[3], [4]], dtype="m8[s]"),
    ],
)
def test_times_come_back_as_they_were(path, value):
    write_model(path, {"times": value}, {})
    assert_same(read_model(path)[0]["times"], value)


@pytest.mark.parametrize("view", ["O", "f8", "S8", "M8[parsec]", 3])
def test_numbers_are_viewed_as_times_alone(view):
    document = {"times": {"~array": "0", "view": view}}
    with pytest.raises((ValueError, TypeError)):
        _storage._unpack(document, {"0": np.zeros(2, dtype=np.int64)})


def test_a_path_and_a_frame_among_the_parameters_are_saved(path):
    places = pd.DataFrame({"x": [0.0, 1.0]})
    write_model(path, {"folder": path.parent, "places": places}, {})
    header, _ = read_model(path)
    assert header["folder"] == str(path.parent)
    np.testing.assert_array_equal(header["places"], places)


def test_labels_that_are_dates_are_saved(path):
    days = np.where(
        LABELS == "af", np.datetime64("2026-01-01"), np.datetime64("2026-01-02")
    )
    generator = VAE(**TINY).fit(SIGNALS, days)
    generator.save(path)
    again = VAE.load(path)
    np.testing.assert_array_equal(again.classes_, generator.classes_)
    found, expected = (
        g.sample(3, y=np.datetime64("2026-01-02"), random_state=0)
        for g in (again, generator)
    )
    np.testing.assert_array_equal(found, expected)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no folder {tmp_path / 'no'} for"):
        VAE(**TINY).fit(SIGNALS).save(tmp_path / "no" / "model.safetensors")


def test_a_save_replaces_an_older_file(saved):
    generator = VAE(**TINY).fit(SIGNALS[:, :1])
    generator.save(str(saved))
    assert VAE.load(str(saved)).input_shape_ == (1, 5)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        VAE(**TINY).fit(SIGNALS).save(tmp_path / "none" / "model")


def test_saving_onto_a_folder_leaves_no_temporary_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        VAE(**TINY).fit(SIGNALS).save(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_saved_file_may_be_read_by_whom_other_files_may(saved):
    ordinary = saved.parent / "ordinary"
    ordinary.touch()
    assert saved.stat().st_mode == ordinary.stat().st_mode


def test_before_fit_there_is_nothing_to_save(path):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        VAE().save(path)
    assert not path.exists()


@pytest.mark.parametrize("module", ["safetensors", "safetensors.torch"])
def test_without_safetensors_the_extra_is_named(saved, monkeypatch, module):
    generator = VAE(**TINY).fit(SIGNALS)
    monkeypatch.setitem(sys.modules, module, None)
    for use in (generator.save, VAE.load, sksynth.load):
        with pytest.raises(ImportError, match=r'pip install "sksynth\[io\]"'):
            use(saved)


TARGETS = {
    "none": None,
    "str": LABELS,
    "object": LABELS.astype(object),
    "series": pd.Series(LABELS),
    "category": pd.Series(LABELS, dtype="category"),
    "int": np.arange(12) % 3,
    "big-endian": (np.arange(12) % 3).astype(">i4"),
    "Int64": pd.Series(np.arange(12) % 3, dtype="Int64"),
    "bool": np.arange(12) % 2 == 0,
    "float": np.arange(12) % 3 * 1.0,
    "several": np.stack([np.arange(12) % 3, np.arange(12) % 2], axis=1),
    "measurement": np.linspace(0.5, 9.2, 12),
    "measurements": RNG.normal(size=(12, 2)),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_loaded_generator_samples_and_scores_the_same(path, kind):
    y = TARGETS[kind]
    generator = VAE(**TINY, scaler="maxabs", batch_size=5).fit(SIGNALS, y)
    generator.save(path)
    for again in (sksynth.load(path), VAE.load(path)):
        assert type(again) is VAE
        assert again.get_params() == generator.get_params()
        assert again.history_ == generator.history_
        assert vars(again).keys() == vars(generator).keys()
        expected = generator.sample(9, random_state=1)
        np.testing.assert_array_equal(again.sample(9, random_state=1), expected)
        scores = [g.score_samples(SIGNALS, y) for g in (again, generator)]
        np.testing.assert_array_equal(*scores)
        if y is not None:
            rows = [g.sample(12, y=y, random_state=1) for g in (again, generator)]
            np.testing.assert_array_equal(*rows)
        if kind in ("str", "int", "bool"):
            np.testing.assert_array_equal(again.classes_, generator.classes_)
            assert again.classes_.dtype == generator.classes_.dtype
        again.save(path)  # a second round
    again.fit(SIGNALS[:, 0])  # and it can be fitted again
    assert again.sample(2).shape == (2, 5)


@pytest.mark.parametrize(
    "columns",
    [list("abcd"), [0, 1, 2, 3], pd.MultiIndex.from_product([["I", "II"], [0, 1]])],
    ids=["names", "numbers", "two levels"],
)
def test_a_frame_keeps_its_columns(path, columns):
    X = pd.DataFrame(SIGNALS[:, 0, :4], columns=columns)
    generator = VAE(**TINY).fit(X)
    generator.save(path)
    X_new = VAE.load(path).sample(3, random_state=0)
    pd.testing.assert_frame_equal(X_new, generator.sample(3, random_state=0))
    assert VAE.load(path).encode(X).shape == (12, 2)


def test_a_list_comes_back_as_a_list(path):
    generator = VAE(**TINY).fit(SIGNALS.tolist())
    generator.save(path)
    X_new = VAE.load(path).sample(3, random_state=0)
    assert X_new == generator.sample(3, random_state=0)


def test_what_is_code_or_state_is_not_saved(path):
    parameters = {**TINY, "random_state": np.random.RandomState(0)}
    generator = VAE(**parameters, callbacks=[EarlyStopping(patience=2)]).fit(SIGNALS)
    generator.save(path)
    again = VAE.load(path)
    assert again.callbacks is None
    assert again.random_state is None
    assert generator.callbacks is not None
    expected = generator.sample(2, random_state=0)
    np.testing.assert_array_equal(again.sample(2, random_state=0), expected)


def test_a_model_of_a_gpu_loads_and_samples_where_there_is_none(path, monkeypatch):
    generator = VAE(**TINY).fit(SIGNALS)
    expected = generator.sample(3, random_state=0)
    generator.set_params(device="cuda:7").save(path)  # as if fitted there
    again = VAE.load(path)
    assert again.device == "cuda:7"
    assert {p.device.type for p in again.network_.parameters()} == {"cpu"}
    with pytest.warns(UserWarning, match="device='cuda:7' cannot be used .* on the CP"):
        X_new = again.sample(3, random_state=0)
    np.testing.assert_array_equal(X_new, expected)
    with pytest.raises(ValueError, match="device='cuda:7' cannot be used"):
        again.fit(SIGNALS)
    assert again.input_shape_ == (2, 5)  # still the fitted one


@pytest.mark.gpu
def test_a_gpu_fit_is_saved_from_the_cpu(path):
    generator = VAE(**TINY, device="cuda").fit(SIGNALS)
    generator.save(path)
    again = VAE.load(path).set_params(device="cpu")
    X_new = again.sample(3, random_state=0)
    expected = generator.sample(3, random_state=0)
    np.testing.assert_allclose(X_new, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("changed", [{"latent_dim": 3}, {"hidden_dim": 5}])
def test_parameters_that_changed_since_fit_are_not_saved(path, changed):
    generator = VAE(**TINY).fit(SIGNALS).save(path) or VAE(**TINY).fit(SIGNALS)
    old = path.read_bytes()
    generator.set_params(**changed)
    with pytest.raises(ValueError, match="parameters were changed after fit"):
        generator.save(path)
    assert path.read_bytes() == old
    generator.set_params(**TINY, lr=0.5).save(path)  # of the fit alone
    assert sksynth.load(path).lr == 0.5


@pytest.mark.parametrize(
    "name", ["fit", "sample", "_make_network", "_signal_shape", "other", "_private_"]
)
def test_names_in_a_file_that_are_not_fitted_ones_are_ignored(saved, name):
    tampered(saved, lambda header, _: header["fitted"].update({name: "planted"}))
    again = sksynth.load(saved)
    assert name not in vars(again)
    assert again.sample(2, random_state=0).shape == (2, 2, 5)


def test_a_scaler_of_another_number_of_channels_is_refused(path):
    generator = VAE(**TINY, rows="signals").fit(SIGNALS)
    generator.scaler_.offset = generator.scaler_.offset[:1]
    generator.save(path)
    with pytest.raises(ValueError, match="2 channels need as many offsets"):
        sksynth.load(path)


@pytest.mark.parametrize("rows", ["auto", "table", "signals"])
def test_a_loaded_generator_knows_what_its_rows_are(path, rows):
    for X in (SIGNALS, SIGNALS.cumsum(axis=2)):
        generator = VAE(**TINY, rows=rows).fit(X)
        generator.save(path)
        again = sksynth.load(path)
        assert again.is_table_ is generator.is_table_
        X_new, expected = (g.sample(3, random_state=0) for g in (again, generator))
        np.testing.assert_array_equal(X_new, expected)
