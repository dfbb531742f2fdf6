"""How Sphinx builds the documentation; no network is needed."""

import sys
import warnings
from pathlib import Path

from sksynth import __version__

project = "sksynth"
author = "The sksynth developers"
copyright = author
version = release = __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
extensions = [
    "results",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "_extensions"]
default_role = "code"

autosummary_generate = True
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False  # the template of classes lists them
numpydoc_validation_checks = set()

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("sksynth",),
    "backreferences_dir": "generated/backreferences",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "min_reported_time": 3600,  # those of a busy machine say nothing
    "parallel": True,  # as many examples at a time as sphinx-build -j says
}
# an example ends with plt.show(), which cannot show anything here
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

html_static_path = ["_static"]
html_css_files = ["style.css"]
html_theme = "pydata_sphinx_theme"
html_title = f"sksynth {version}"
html_copy_source = False
html_sidebars = dict.fromkeys(
    ["index", "install", "quick_start", "papers", "changes/index"], []
)
html_theme_options = {
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
