"""Model files that somebody made to do harm, and saves that go wrong."""

import errno
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import sksynth
from sksynth import _storage
from sksynth._storage import read_model, write_model
from tests.test_conventions import GENERATORS, TINY, TINY_MERGEN, TINY_VQVAE

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2, 16))
Y = np.tile(["a", "b"], 6)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Header and tensors of one saved generator, and a file to write to."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    TINY.fit(X, Y).save(path)
    return path


def parts(path):
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["sksynth"])
        return document, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def written(path, document, tensors):
    save_file(tensors, path, metadata={"sksynth": json.dumps(document)})
    return path


@pytest.mark.parametrize("name", ["os.system", "../../VAE", "builtins.eval", "", []])
def test_a_class_that_is_none_of_ours_is_never_looked_up(saved, tmp_path, name):
    document, tensors = parts(saved)
    path = written(tmp_path / "m", {**document, "class": name}, tensors)
    with pytest.raises(ValueError, match="allowed are"):
        sksynth.load(path)


@pytest.mark.parametrize("n", [10**9, 2**62, -1])
def test_a_header_that_lies_about_its_length_is_refused(saved, tmp_path, n):
    path = tmp_path / "m"
    content = saved.read_bytes()
    path.write_bytes(struct.pack("<q", n) + content[8:])
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        read_model(path)


@pytest.mark.parametrize(
    ("dtype", "shape"), [("F32", [10**6, 10**6]), ("F64", [3]), ("Q7", [3])]
)
def test_a_shape_or_dtype_that_the_bytes_do_not_hold_is_refused(tmp_path, dtype, shape):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, 12]}
    header = json.dumps({"network.w": entry, "__metadata__": {"sksynth": "{}"}})
    path = tmp_path / "m"
    content = struct.pack("<q", len(header)) + header.encode() + bytes(12)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        read_model(path)


def test_a_header_nested_too_deep_is_refused(tmp_path):
    deep = '{"format_version": 1, "a": ' + "[" * 10**5 + "]" * 10**5 + "}"
    path = tmp_path / "m"
    save_file({"w": torch.ones(2)}, path, metadata={"sksynth": deep})
    with pytest.raises(ValueError, match="damaged header: RecursionError"):
        sksynth.load(path)


def test_a_text_as_wide_as_the_memory_is_refused(tmp_path):
    item = {"~strings": ["a"], "dtype": f"<U{2**29 - 1}", "shape": [1]}
    path = written(tmp_path / "m", {"format_version": 1, "y": item}, {})
    with pytest.raises(ValueError, match="2147483644 bytes for few letters"):
        read_model(path)
    wide = np.array(["a" * 5000, "b"])
    write_model(path, {"y": wide}, {})
    assert read_model(path)[0]["y"].dtype == wide.dtype


@pytest.mark.parametrize(
    ("generator", "parameter"),
    [
        (TINY, "n_layers"),
        (TINY_VQVAE, "n_blocks"),
        (TINY_VQVAE, "prior_layers"),
        (GENERATORS[5], "n_units"),
        (GENERATORS[6], "n_layers"),
        (TINY_MERGEN, "n_fft"),
        (TINY_MERGEN, "n_mels"),
        (TINY_MERGEN, "n_codes"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_file_cannot_ask_for_a_network_that_fills_the_memory(
    tmp_path, generator, parameter
):
    path = tmp_path / "m"
    generator.fit(X).save(path)
    document, tensors = parts(path)
    document["parameters"][parameter] = 10**9
    with pytest.raises(ValueError, match="damaged content"):
        sksynth.load(written(path, document, tensors))


def test_weights_of_another_dtype_are_refused(saved, tmp_path):
    document, tensors = parts(saved)
    name = next(name for name in tensors if name.startswith("network."))
    for other in (tensors[name].double(), tensors[name].half()):
        path = written(tmp_path / "m", document, {**tensors, name: other})
        with pytest.raises(ValueError, match="weights must have the dtypes"):
            sksynth.load(path)


@pytest.mark.parametrize("change", ["flat", "empty", "more", "missing"])
def test_arrays_of_other_shapes_are_refused(saved, tmp_path, change):
    document, tensors = parts(saved)
    for name in [name for name in tensors if name.startswith("array.")]:
        array = tensors[name]
        others = {
            "flat": array.reshape(-1).clone(),
            "empty": array[:0].clone(),
            "more": torch.cat([array, array]),
        }
        changed = {**tensors, name: others.get(change)}
        if change == "missing":
            del changed[name]
        elif others[change].shape == array.shape:
            continue
        path = written(tmp_path / "m", document, changed)
        with pytest.raises(ValueError, match="damaged"):
            sksynth.load(path)


def test_weights_that_are_not_numbers_give_no_signals(saved, tmp_path):
    document, tensors = parts(saved)
    nan = {
        name: torch.full_like(tensor, torch.nan) if "network" in name else tensor
        for name, tensor in tensors.items()
    }
    generator = sksynth.load(written(tmp_path / "m", document, nan))
    with pytest.raises(FloatingPointError, match="not finite"):
        generator.sample(2)


def test_names_of_tensors_that_are_paths_touch_no_file(saved, tmp_path):
    document, tensors = parts(saved)
    hostile = {
        **tensors,
        "../../escape": torch.ones(2),
        "network./etc/x": torch.ones(2),
    }
    path = written(tmp_path / "m", document, hostile)
    with pytest.raises(ValueError, match="damaged content"):
        sksynth.load(path)
    assert os.listdir(tmp_path) == ["m"]


def test_what_is_no_file_is_not_waited_for(tmp_path, saved):
    os.mkfifo(tmp_path / "fifo")  # to open one waits until somebody writes to it
    for name in ("fifo", "."):
        with pytest.raises(FileNotFoundError, match="no file"):
            sksynth.load(tmp_path / name)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises((FileNotFoundError, OSError)):
        sksynth.load(tmp_path / "loop")
    (tmp_path / "link").symlink_to(saved)
    expected = sksynth.load(saved).sample(2, random_state=0)
    found = sksynth.load(tmp_path / "link").sample(2, random_state=0)
    np.testing.assert_array_equal(found, expected)


def test_an_archive_of_torch_is_no_model(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "torch")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("../escape", "x")
    for name in ("torch", "zip"):
        with pytest.raises(ValueError, match="damaged or no safetensors file"):
            sksynth.load(tmp_path / name)


class FullDisk:
    """A file that takes a hundred bytes."""

    def __init__(self, error, path, mode):
        self.error, self.file = error, open(path, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[:100])
        raise self.error


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_a_save_that_ends_in_the_middle_keeps_the_old_file(
    saved, tmp_path, monkeypatch, error
):
    path = tmp_path / "m"
    path.write_bytes(saved.read_bytes())
    generator = sksynth.load(path)
    monkeypatch.setattr(
        _storage, "open", lambda *args: FullDisk(error, *args), raising=False
    )
    with pytest.raises(type(error)):
        generator.save(path)
    assert os.listdir(tmp_path) == ["m"]
    assert path.read_bytes() == saved.read_bytes()


FILLS = """
import resource, sys
import sksynth
generator = sksynth.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    generator.save(sys.argv[1])
except OSError as error:
    print(error.errno)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs POSIX")
def test_a_disk_with_no_room_keeps_the_old_file(saved, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(saved.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", FILLS, path],
        env={**os.environ, "PYTHONPATH": str(Path(sksynth.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr
    assert os.listdir(tmp_path) == ["m"]
    assert path.read_bytes() == saved.read_bytes()
