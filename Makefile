# One command each; every target sets up what it needs and is quick when that is done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/.ready
ONEGRID_HOME ?= var
PORT ?= 3000
export DAGSTER_DISABLE_TELEMETRY := yes
export GX_ANALYTICS_ENABLED := false
# the many processes of a test run read compiled modules instead of compiling them anew
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help:
	@echo "make demo   a synthetic district of 20,000 residents, two nights, and where to look"
	@echo "make test   linters, types, tests; in under ten minutes"
	@echo "make test-all   the same, and the tests that take long"
	@echo "make ui     Dagster's pages on http://127.0.0.1:$(PORT), over $(ONEGRID_HOME)"

# The first Python on the path that is new enough.
$(READY): pyproject.toml constraints.txt
	@python=""; for name in python3 python3.13 python3.12 python3.11; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed" >&2; exit 1; fi; \
	echo "setting up .venv with $$($$python --version)"; \
	$$python -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip  # a new one is done in half the time
	@$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[dev]"
	@touch $@

.PHONY: demo
demo: $(READY)
	@$(BIN)/onegrid demo --home "$(ONEGRID_HOME)"

.PHONY: test test-all
test-all: TESTS := -m "thorough or not thorough"
test test-all: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy & types=$$!; passed=0; $(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder $(TESTS) || passed=$$?; \
	wait $$types || { echo "mypy found errors, see above"; exit 1; }; exit $$passed

.PHONY: ui
ui: $(READY)
	@$(BIN)/onegrid ui --home "$(ONEGRID_HOME)" --port $(PORT)
