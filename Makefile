# flowbot: everything that a clean checkout needs, with Python and make alone.

PYTHON ?= python3
VENV := .venv
AUDIT := .venv-audit
BUILD := .venv-build
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check
# A copy that pip installed from this folder would be run in its place: its folder is newer than the stamps.
INPUTS := pyproject.toml constraints.txt $(wildcard $(VENV)/lib/python3*/site-packages/flowbot)

.DEFAULT_GOAL := help
.PHONY: help demo test test-long soak mutation lint bench readme pictures audit dist

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(firstword $(MAKEFILE_LIST))
	@echo '  ARGS="…" goes to the program; PYTHON=python3.12 chooses another Python'

demo: $(VENV)/.installed ## try flowbot in the browser: a stand-in Slack workspace with the real bot in it
	@$(VENV)/bin/flowbot demo $(ARGS)

# As many processes as tests/conftest.py says, yet few enough for a small memory. Bytecode is kept in any case, since
# compiling the tests takes longer than many of them.
test: $(VENV)/.installed-dev ## run the tests, but for those of test-long
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/pytest -n auto --maxprocesses 4 -m 'not long' $(ARGS)

# Two processes for the tests that kill bots, which need a machine that has time for them, and few for all others.
test-long: $(VENV)/.installed-dev ## run the other cases of tables of bots, scenes of faults, the browser, what kills processes, the bench
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/pytest -n 3 -m long $(ARGS)

soak: MINUTES ?= 30
soak: $(VENV)/.installed-dev ## run two processes under faults and kills for MINUTES=30, and count broken promises
	@$(VENV)/bin/python -m tests.soak --minutes $(MINUTES) $(ARGS)

mutation: $(VENV)/.installed-dev ## check that the tests find bugs put in on purpose; ARGS may name mutations
	@$(VENV)/bin/python -m tests.model.mutation_run $(ARGS)

lint: $(VENV)/.installed-dev ## check style, types and the walls between the rooms
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

readme: $(VENV)/.installed-dev ## write the README's table of commands anew, as the code has them
	@$(VENV)/bin/python -m tests.readme

pictures: $(VENV)/.installed-dev ## take the README's pictures anew, with Chromium
	@$(VENV)/bin/pytest tests/browser/take_pictures.py $(ARGS)

audit: | $(AUDIT)/bin/pip-audit ## look the pinned packages up among known vulnerabilities (asks PyPI)
	@$(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip $(ARGS)

# In an environment of its own: what audits is no part of what is audited.
$(AUDIT)/bin/pip-audit:
	@$(PYTHON) -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/python -m pip --quiet --disable-pip-version-check install pip-audit

dist: | $(BUILD)/bin/pyproject-build ## build the wheel and the source archive in dist/ (asks PyPI for the build tools)
	@$(BUILD)/bin/pyproject-build --outdir dist $(ARGS)

$(BUILD)/bin/pyproject-build:
	@$(PYTHON) -m venv --clear $(BUILD)
	@$(BUILD)/bin/python -m pip --quiet --disable-pip-version-check install build

bench: $(VENV)/.installed-dev ## measure what flowbot costs, some minutes; ARGS may name sections: answers catalog …, or be --growth
	@$(VENV)/bin/python -m benchmarks $(ARGS)

# The stamps are older than their inputs after a pull that changed what has to be installed.
$(VENV)/.installed: $(INPUTS) | $(VENV)/bin/pip
	@echo 'Installing flowbot into $(VENV) …'
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(INPUTS) | $(VENV)/bin/pip
	@echo 'Installing flowbot and its development tools into $(VENV) …'
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.installed $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'flowbot needs Python 3.11 or newer; "$(PYTHON)" is none. Choose one: make PYTHON=/path/to/python3.12 …' >&2; \
	  exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo 'No virtual environment could be made: does this Python lack venv (Debian: apt install python3-venv)?' >&2; \
	  rm -rf $(VENV); exit 1; }
