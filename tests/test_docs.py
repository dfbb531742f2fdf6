"""The documentation names all that is public, links to what exists, shows commands."""

import csv
import re
from importlib import import_module
from pathlib import Path

import pytest

import sksynth

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.rst")) + sorted(DOCS.glob("[!_ag]*/*.rst"))
RESULTS = sorted((DOCS / "benchmarks").glob("*.csv"))
GALLERY = "sphx_glr_auto_examples_"


def listed_in_api():
    """Full names of all entries of docs/api.rst."""
    names, module = set(), None
    for line in (DOCS / "api.rst").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\.\. module:: (\S+)", line):
            module = found[1]
        elif found := re.match(r"(?:   |\.\. py:data:: )(\w+)$", line):
            names.add(f"{module}.{found[1]}")
    return names


def public_names():
    """Full names of what the public modules, those with ``__all__``, export."""
    homes = {f"sksynth.{home}.{name}" for name, home in sksynth._HOMES.items()}
    for path in Path(sksynth.__file__).parent.iterdir():
        if path.name.startswith("_") or path.suffix not in ("", ".py"):
            continue
        module = import_module(f"sksynth.{path.stem}")
        homes |= {f"sksynth.{path.stem}.{n}" for n in getattr(module, "__all__", ())}
    return homes


def command_and_rows(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    command = [line[2:] for line in lines if line.startswith("# ")]
    return command, list(csv.reader(line for line in lines if line[:1] != "#"))


def test_the_api_reference_has_every_public_name():
    assert sorted(public_names() - listed_in_api()) == []


def test_the_api_reference_has_only_names_that_exist():
    for full in listed_in_api():
        module, name = full.rsplit(".", 1)
        assert hasattr(import_module(module), name), full


def test_links_of_the_readme_are_files():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) > 10
    missing = [x for x in links if "://" not in x and not (ROOT / x).is_file()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_of_a_page_have_a_goal(page):
    text = page.read_text(encoding="utf-8")
    for goal in re.findall(r":doc:`(?:[^`<]*<)?([^`<>]+)>?`", text):
        folder = DOCS / goal[1:] if goal.startswith("/") else page.parent / goal
        built = goal.endswith("auto_examples/index")  # sphinx-gallery writes it
        assert built or folder.with_suffix(".rst").is_file(), goal
    labels = {
        label
        for other in PAGES
        for label in re.findall(r"^\.\. _([\w-]+):$", other.read_text("utf-8"), re.M)
    }
    for goal in re.findall(r":ref:`(?:[^`<]*<)?([^`<>]+)>?`", text):
        example = goal.removeprefix(GALLERY)
        known = goal in labels or (ROOT / "examples" / example).is_file()
        assert known, goal


def test_the_user_guide_lists_each_of_its_pages():
    index = (DOCS / "user_guide" / "index.rst").read_text(encoding="utf-8")
    pages = {path.stem for path in DOCS.glob("user_guide/*.rst")} - {"index"}
    assert pages == set(re.findall(r"^   (\w+)$", index, re.M))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_show_a_command_that_exists_and_a_whole_table(path):
    command, rows = command_and_rows(path)
    scripts = re.findall(r"python (\S+)", "\n".join(command))
    assert scripts and all((ROOT / script).is_file() for script in scripts)
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1


def test_each_table_of_results_is_on_a_page_and_each_page_has_its_tables():
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    shown = {x for t in texts for x in re.findall(r"^\.\. results:: (\S+)$", t, re.M)}
    assert shown == {path.stem for path in RESULTS}


@pytest.mark.parametrize("name", ["TimeDiffusion", "DiffWave", "TimeVQVAE", "ConvVAE"])
def test_the_advice_on_generators_has_the_figures_of_the_benchmarks(name):
    stem = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    stem = {"diff_wave": "diffwave"}.get(stem, stem)
    _, rows = command_and_rows(DOCS / "benchmarks" / f"utility_{stem}.csv")
    rows = [r[1:] if r[0] in ("extra trees", "small CNN") else r for r in rows]
    chosen = [r for r in rows if r[0] == "chosen strength"]
    advice = (DOCS / "user_guide" / "choosing.rst").read_text(encoding="utf-8")
    told = re.findall(rf"   \* - {name}\S*.*\n     - (.*)\n     - (.*)\n", advice)
    assert told == [(row[2], row[4]) for row in chosen]
