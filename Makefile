# Needs a POSIX sh and Python 3.11 or newer, nothing else: tools/environment.py makes .venv from the hashed locks.
# Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
# Tests of one file share what they solved: each worker takes a run of files, and steals only at the end.
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist worksteal
VENV = .venv/bin/python

help:
	@echo "make demo     set up what is needed to run, and plan examples/alliance-5gw.yaml"
	@echo "make test     set up the rest, and run the tests (PYTEST_ARGS= passes options)"
	@echo "make check    lint, types, layers and tests: what .ci/run runs"
	@echo "make figures  solve the large example and its variants, and write their figures into the docs (FIGURES_ARGS=--check writes none)"
	@echo "make lint types layers docs format notebooks bench lock clean"

# Exit code 1 is an answer with findings (docs/how-to/read-the-answer.md): on some paths of the example the developer needs an emergency loan.
demo: run-time
	@$(VENV) -m offtake plan examples/alliance-5gw.yaml || test $$? -eq 1

test: developer
	$(VENV) -m pytest $(PYTEST_ARGS)

check: lint types layers test

lint: developer
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .

format: developer
	$(VENV) -m ruff check --fix .
	$(VENV) -m ruff format .

types: developer
	$(VENV) -m mypy

layers: developer
	.venv/bin/lint-imports --no-cache --no-logo

docs: developer
	$(VENV) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

notebooks: developer
	$(VENV) tools/notebook.py examples/*.ipynb

figures: developer
	$(VENV) -m tools.figures $(FIGURES_ARGS)

bench: developer
	$(VENV) -m benchmarks

lock: developer
	$(VENV) tools/lock.py

run-time: python
	@"$(PYTHON)" tools/environment.py run-time

developer: python
	@"$(PYTHON)" tools/environment.py developer

# One expression that every Python since 2 can read, so that an old one is named and refused.
python:
	@"$(PYTHON)" -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "offtake needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")' \
	|| { command -v "$(PYTHON)" >/dev/null 2>&1 || echo "offtake needs Python 3.11 or newer; there is no $(PYTHON) here. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache docs/_build dist

.PHONY: help demo test check lint format types layers docs notebooks bench lock run-time developer python clean
