"""How the documentation is built."""

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "mrcpbalance"
copyright = "the mrcpbalance authors"  # noqa: A001 - Sphinx's word
release = metadata.version("mrcpbalance")

extensions = ["myst_parser", "rules"]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"mrcpbalance {release}"
html_show_sphinx = False
