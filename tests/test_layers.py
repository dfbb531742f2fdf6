"""Imports point down: what each part of the package may know of the others."""

import ast
import sys
from pathlib import Path

import pytest

import sksynth

PACKAGE = Path(sksynth.__file__).parent
PATHS = sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"})
EVERYWHERE = {"numpy", "scipy"}
PUBLIC = {
    *("classifiers", "datasets", "generators", "metrics", "mrs", "over_sampling"),
    *("persistence", "selection", "training"),
}
MAY_IMPORT = {  # our own parts, and other people's packages
    "_events": {"sklearn"},
    "_fitting": set(),
    "_sources": {"_arrays", "torch", "sklearn"},
    "_drawing": {"_arrays"},
    "_random": {"_shares", "torch", "sklearn"},
    "_shares": {"torch"},
    "_preprocessing": {"_arrays", "sklearn", "pandas"},
    "_context": {"_arrays", "_preprocessing"},
    "_anchors": {"_arrays", "torch", "sklearn"},
    "_files": set(),
    "_storage": {"_files", "torch", "safetensors"},
    "_saving": {"_storage", "torch", "sklearn"},
    "_arrays": {"sklearn"},
    "_neighbors": {"_arrays"},
    "_leads": {"_arrays"},
    "diffusion": {"_shares", "torch"},
    "mrs": {"_arrays"},
    "spectral": {"torch"},
    "nn": {"_shares", "spectral", "torch"},
    "training": {"_shares", "torch", "skorch"},
    "_estimator": {
        *("_arrays", "_events", "_shares", "_sources", "training"),
        *("torch", "sklearn", "joblib"),
    },
    "base": {
        *("_anchors", "_arrays", "_drawing", "_estimator", "_events", "_fitting"),
        *("_preprocessing", "_random", "_saving", "_shares", "_sources"),
        "training",
        *("torch", "sklearn"),
    },
    "generators": {
        *("base", "diffusion", "metrics", "mrs", "nn", "spectral", "training"),
        *("_arrays", "_context", "_events", "_leads", "_preprocessing", "_random"),
        *("_shares", "_sources", "_storage"),
        *("torch", "sklearn", "joblib"),
    },
    "over_sampling": {
        *("_arrays", "_files", "_fitting", "_preprocessing", "_random", "_shares"),
        *("base", "generators", "selection"),
        *("sklearn", "imblearn", "joblib", "filelock", "distributed"),
    },
    "datasets": {"mrs", "pandas", "sklearn", "wfdb", "joblib"},
    "metrics": {
        *("_arrays", "_leads", "_neighbors", "_random", "mrs"),
        *("torch", "sklearn"),
    },
    "classifiers": {
        *("_arrays", "_estimator", "_events", "_fitting", "_preprocessing", "_random"),
        *("_shares", "nn", "training"),
        *("torch", "sklearn"),
    },
    "selection": {
        *("_arrays", "_fitting", "_neighbors", "_preprocessing", "metrics"),
        "sklearn",
    },
    "evaluation": {
        *("_arrays", "_files", "_preprocessing", "_random", "classifiers"),
        "generators",
        "metrics",
        *("over_sampling", "plotting", "sklearn", "joblib", "pandas", "matplotlib"),
    },
    "persistence": {"_storage", "generators"},
    "plotting": {*PUBLIC, "_arrays", "_random", "matplotlib", "sklearn"},
    "testing": {
        *PUBLIC,
        *("torch", "sklearn", "imblearn", "joblib", "pandas", "pytest", "psutil"),
    },
}


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(path):
    """Parts of ours, and packages of others, that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:  # relative
                folder = path.parents[node.level - 1]
                base = ("sksynth", *folder.relative_to(PACKAGE).parts)
                names = [".".join((*base, node.module or ""))]
            elif node.module == "sksynth":
                names = [f"sksynth.{alias.name}" for alias in node.names]
            else:
                names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, *rest = name.split(".")
            if package == "sksynth" and rest and rest[0]:
                yield rest[0]
            elif package != "sksynth" and package not in sys.stdlib_module_names:
                yield package


@pytest.mark.parametrize("path", PATHS, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    part = part_of(path)
    known = MAY_IMPORT[part] | EVERYWHERE | {part}
    assert set(imported_parts(path)) <= known


def test_the_allowed_imports_have_no_cycle():
    parts = dict(MAY_IMPORT)
    while parts:
        lowest = [p for p, imports in parts.items() if not imports & parts.keys() - {p}]
        assert lowest, f"a cycle among {sorted(parts)}"
        for part in lowest:
            del parts[part]


def test_skorch_and_imbalanced_learn_have_one_home_each():
    homes = {"skorch": {"training"}, "imblearn": {"over_sampling", "testing"}}
    for path in PATHS:
        for package in homes.keys() & set(imported_parts(path)):
            assert part_of(path) in homes[package]


LONG = {  # modules of more than 400 lines, and why
    "base.py": "documentation of fit, sample and iter_samples is half of it",
    "generators/mergen.py": "forty parameters and their documentation",
}


def test_a_long_module_has_a_reason():
    lengths = {
        path.relative_to(PACKAGE).as_posix(): path.read_text().count("\n")
        for path in PATHS
    }
    assert {name for name, n in lengths.items() if n > 400} == LONG.keys()
