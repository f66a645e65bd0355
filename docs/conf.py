"""Settings of the documentation; the reference pages are written from the code first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

import offtake

project = "Offtake"
author = "The Offtake authors"
copyright = "2026, The Offtake authors"  # noqa: A001
version = release = str(offtake.__version__)

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
suppress_warnings: list[str] = []
nitpicky = True

html_theme = "furo"
html_title = "Offtake"
html_copy_source = False
html_theme_options = {"source_repository": "", "top_of_page_buttons": []}
templates_path: list[str] = []

generate.main()
