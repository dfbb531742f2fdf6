"""The file format of saved models: one safetensors file, which holds no code.

Weights and arrays are tensors; everything else is JSON in the header.
"""

import json
from pathlib import Path, PurePath

import numpy as np
import torch

from sksynth._files import replaced

FORMAT_VERSION = 1
# what a header that is not as it was written may raise; nested too deep: Recursion
DAMAGE = (KeyError, TypeError, AttributeError, ValueError, RecursionError)


def write_model(path, header, network_state):
    """Write a JSON-like header and tensors; the file appears complete or not at all."""
    _, save = _safetensors()
    arrays = {}
    document = {"format_version": FORMAT_VERSION, **_pack(header, arrays)}
    tensors = {f"array.{k}": torch.from_numpy(a) for k, a in arrays.items()}
    for name, tensor in network_state.items():
        tensors[f"network.{name}"] = tensor.detach().cpu().contiguous().clone()
    content = save(tensors, metadata={"sksynth": json.dumps(document)})
    with replaced(path) as beside, open(beside, "xb") as file:
        file.write(content)


def read_model(path):
    """Header and network tensors of a file written by ``write_model``."""
    safe_open, _ = _safetensors()
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # the library has one exception for all damage
        raise ValueError(f"{path} is damaged or no safetensors file: {error}") from None
    if "sksynth" not in metadata:
        raise ValueError(
            f"{path} is a safetensors file, but not one that sksynth saved"
        )
    try:
        document = json.loads(metadata["sksynth"])
        version = document.pop("format_version")
    except DAMAGE as error:
        raise ValueError(f"{path} has a damaged header: {error!r}") from None
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version!r}; this sksynth reads up to "
            f"{FORMAT_VERSION}: upgrade sksynth to load it"
        )
    arrays, network_state = {}, {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "array":
            arrays[rest] = tensor.numpy()
        else:
            network_state[rest] = tensor
    try:
        header = _unpack(document, arrays)
        header.keys()
    except DAMAGE as error:
        raise ValueError(f"{path} has a damaged header: {error!r}") from None
    return header, network_state


def _pack(value, arrays):
    """``value`` as JSON; numeric arrays move to ``arrays`` and leave their name."""
    if isinstance(value, dict):
        return {key: _pack(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_pack(item, arrays) for item in value]
    if isinstance(value, tuple):
        return {"~tuple": [_pack(item, arrays) for item in value]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        name = str(len(arrays))
        arrays[name] = np.array(value, value.dtype.newbyteorder("="), order="C")
        return {"~array": name}
    if isinstance(value, np.ndarray) and value.dtype.kind in "mM":  # times
        return {**_pack(value.view(np.int64), arrays), "view": value.dtype.str}
    if isinstance(value, np.ndarray):
        if not all(isinstance(item, str) for item in value.ravel().tolist()):
            raise TypeError(f"cannot save an array of dtype {value.dtype}: {value!r}")
        return {
            "~strings": value.ravel().tolist(),
            "dtype": value.dtype.str if value.dtype.kind == "U" else "O",
            "shape": list(value.shape),
        }
    if isinstance(value, np.datetime64 | np.timedelta64):
        return _pack(np.asarray(value), arrays)
    if isinstance(value, np.generic):
        return _pack(value.item(), arrays)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "__array__"):  # a DataFrame
        return _pack(np.asarray(value), arrays)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"cannot save a {type(value).__name__}: {value!r}")


def _unpack(value, arrays):
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "~tuple" in value:
        return tuple(_unpack(item, arrays) for item in value["~tuple"])
    if "~array" in value:
        array = arrays[value["~array"]]
        if "view" not in value:
            return array
        if np.dtype(value["view"]).kind not in "mM":
            raise ValueError(f"a time cannot have the dtype {value['view']}")
        return array.view(value["view"])[()]  # a scalar of no dimension
    if "~strings" in value:
        n_bytes = len(value["~strings"]) * np.dtype(value["dtype"]).itemsize
        if n_bytes > 2**24 + 4 * sum(map(len, value["~strings"])):
            raise ValueError(f"{n_bytes} bytes for few letters: {value['dtype']}")
        array = np.array(value["~strings"], dtype=value["dtype"])
        return array.reshape(value["shape"])
    return {key: _unpack(item, arrays) for key, item in value.items()}


def _safetensors():
    try:
        from safetensors import safe_open
        from safetensors.torch import save
    except ImportError:
        raise ImportError(
            'saving and loading models needs safetensors: pip install "sksynth[io]"'
        ) from None
    return safe_open, save
