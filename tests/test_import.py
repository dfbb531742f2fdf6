import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sksynth

HEAVY = ("torch", "skorch", "sklearn", "imblearn", "pandas")


def modules_after(code):
    """Names of the modules that a fresh interpreter has loaded after ``code``."""
    code += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy():
    code = "import sksynth; dir(sksynth); sksynth.__version__"
    assert modules_after(code).isdisjoint(HEAVY)


def test_the_data_sets_need_no_torch():
    code = "import sksynth; sksynth.datasets.make_ecg(3, random_state=0)"
    loaded = modules_after(code)
    assert "sksynth.datasets" in loaded
    assert loaded.isdisjoint({"torch", "skorch", "imblearn", "wfdb", "matplotlib"})


def test_samplers_and_generators_load_no_extra():
    loaded = modules_after("from sksynth import VAE, GeneratorOverSampler")
    assert loaded.isdisjoint({"matplotlib", "wfdb", "safetensors", "dask"})


@pytest.mark.parametrize("name", sksynth.__all__)
def test_each_public_name_resolves(name):
    assert getattr(sksynth, name) is not None
    assert name in dir(sksynth)


def test_editors_see_the_names_and_where_they_are():
    (block,) = (
        node
        for node in ast.parse(Path(sksynth.__file__).read_text()).body
        if isinstance(node, ast.If)
    )
    homes = {
        name.name: line.module.removeprefix("sksynth").lstrip(".")
        for line in block.body
        for name in line.names
    }
    assert homes == sksynth._HOMES | dict.fromkeys(sksynth._MODULES, "")


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'sksynth' has no attribute 'GAN'"):
        sksynth.GAN  # noqa: B018


def test_the_parts_list_public_names_that_exist():
    for part in ("generators", "over_sampling", "datasets", "training"):
        module = getattr(sksynth, part)
        assert module.__all__ == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
