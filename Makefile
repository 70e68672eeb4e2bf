# Everything starts from a bare checkout with Python 3.11 to 3.13 and a package index.
# The two commands of the README: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin
READY = $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint types bench docs lock clean help

help:
	@echo "make demo   a demo company, analysed; prints the value table and where the report lies"
	@echo "make test   the whole test suite"
	@echo "make lint types docs bench   checks, documentation, benchmarks"
	@echo "make lock   pin today's versions in constraints.txt"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null \
	  || { echo "kezhi needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -c "import venv, ensurepip" 2>/dev/null \
	  || { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

demo: $(READY)
	$(RUN)/kezhi demo

test: $(READY)
	$(RUN)/python -m pytest

lint: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports

types: $(READY)
	$(RUN)/mypy

docs: $(READY)
	$(RUN)/mkdocs build --strict

bench: $(READY)
	$(RUN)/python benches/whole_run.py

lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable ".[dev]"
	.venv-lock/bin/python -m pip freeze --exclude-editable > constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf $(VENV) .venv-lock demo-company site
