# Everything starts from a bare checkout with Python 3.11 to 3.13 and a package index.
# The two commands of the README: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin
READY = $(VENV)/.ready
WEB = $(VENV)/.ready-web
INSTALL = $(RUN)/python -m pip install --quiet --constraint constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# What the benchmarks may be told: PEERS, a Python with lifetimes and PyMC-Marketing; RESULTS, a folder that keeps the figures
# as JSON; FOLDER, a disk with room for bench-large (tens of GB).
PEERS ?=
RESULTS ?=
FOLDER ?=
BENCH = $(RUN)/python benches
OUT = $(if $(RESULTS),--out $(RESULTS)/$(1).json)
ROOM = $(if $(FOLDER),--folder $(FOLDER))

.PHONY: demo test test-web lint types bench bench-large bench-spark bench-pages docs lock clean help

help:
	@echo "make demo   a demo company, analysed, in the web application on http://127.0.0.1:8000; Ctrl-C ends it"
	@echo "make test   the whole test suite"
	@echo "make lint types docs   checks, documentation"
	@echo "make audit  known vulnerabilities in the pinned versions"
	@echo "make bench  benchmarks up to a million customers, minutes; PEERS=PYTHON measures the peers too, RESULTS=FOLDER keeps the figures"
	@echo "make bench-large   ten million customers, a hundred million orders: much longer; FOLDER=DISK with room"
	@echo "make bench-spark   the same run on DuckDB and Spark; needs Java and the extra spark"
	@echo "make bench-pages   docs/performance from the figures in benches/results"
	@echo "make lock   pin today's versions in constraints.txt"

define environment
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null \
	  || { echo "kezhi needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -c "import venv, ensurepip" 2>/dev/null \
	  || { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
endef

$(READY): pyproject.toml constraints.txt
	$(environment)
	$(INSTALL) --editable ".[dev]"
	@touch $(READY) $(WEB)

# all that the demo needs, and nothing of what only developers need; Python compiles what is used when it is used
$(WEB): pyproject.toml constraints.txt
	$(environment)
	$(INSTALL) --no-compile --editable ".[web]"
	@touch $(WEB)

demo: $(WEB)
	$(RUN)/kezhi demo

test: $(READY)
	$(RUN)/python -m pytest --numprocesses auto --dist loadfile

# the application's own tables in the database that DATABASE_URL names; browsers have seen the pages by then
test-web: $(READY)
	$(RUN)/python -m pytest tests/web --numprocesses auto --dist loadfile -m "not browser"

lint: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports

# as each system sees it: what only one of them has must be asked for before it is used
types: $(READY)
	$(RUN)/mypy --platform linux
	$(RUN)/mypy --platform win32
	$(RUN)/mypy --platform darwin

audit: $(READY)
	$(RUN)/python .ci/audit.py

docs: $(READY)
	$(RUN)/mkdocs build --strict

bench: $(READY)
	$(BENCH)/start.py $(call OUT,start)
	$(BENCH)/whole_run.py $(call OUT,whole_run)
	$(BENCH)/whole_run.py --model auto $(call OUT,whole_run)
	$(BENCH)/nightly.py $(call OUT,nightly)
	$(BENCH)/senses.py $(call OUT,senses)
	$(BENCH)/models.py $(call OUT,models)
	$(BENCH)/web.py $(call OUT,web)
	$(BENCH)/web_start.py $(call OUT,web_start)
	$(if $(PEERS),$(BENCH)/peers_job.py --peers $(PEERS) $(call OUT,peers_job))

bench-large: $(READY)
	$(BENCH)/whole_run.py --customers 10000000 $(ROOM) $(call OUT,whole_run)
	$(if $(PEERS),$(BENCH)/peers_job.py --peers $(PEERS) --customers 10000000 --runs 1 \
	  --jobs "kezhi BG/NBD" "kezhi run BG/NBD" "lifetimes BG/NBD" $(ROOM) $(call OUT,peers_job))
	$(BENCH)/whole_run.py --customers 42000000 --runs 1 --memory-limit 8GiB $(ROOM) $(call OUT,whole_run)

bench-spark: $(READY)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,spark]"
	$(BENCH)/spark.py $(call OUT,spark)

bench-pages: $(READY)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,bench]"
	$(BENCH)/plot.py
	$(BENCH)/pages.py

lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable ".[dev]"
	.venv-lock/bin/python -m pip freeze --exclude-editable > constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf $(VENV) .venv-lock demo-company site
