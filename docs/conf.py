"""The documentation site: `make docs` writes it to docs/_build/html."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "workflow/scripts"), str(ROOT / "docs/_ext")]
# Notebooks import the library, in processes of their own.
before = os.environ.get("PYTHONPATH")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[0], before]))

project = "lagbias"
author = "the lagbias developers"
copyright = author
html_title = "lagbias"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "arrays",
    "mathml",
    "plain_docstrings",
    "printed_table",
]
# Parts that pages include.
INCLUDED = ["reference/config_keys.md", "size/*.md", "training/*.md", "boxes/*.md"]
exclude_patterns = ["_build", "_templates", *INCLUDED]

# A class of the config has the name of one of the fields (Mesh): a docstring that names it is
# linked to the first of them.
suppress_warnings = ["ref.python"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A notebook that fails stops the build; none runs a simulation.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120

autosummary_generate = True
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # docstrings have types, with shapes and units
autodoc_inherit_docstrings = False  # Lightning's own, of methods that are overridden
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_param = False
napoleon_use_rtype = False
templates_path = ["_templates"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
