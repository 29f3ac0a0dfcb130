# Everything runs in .venv, which scripts/setup.sh makes from requirements.lock.

PYTHON ?=
PY := .venv/bin/python
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
DIR ?= demo
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadgroup
SOURCES := audit tests $(wildcard benchmarks)

export PYTHON
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: install demo test lint types layers unit coverage wheel-check lock clean help

install:  ## make .venv with the locked dependencies
	@sh scripts/setup.sh

demo: install  ## build a small world in DIR (default: demo) and report on it
	@$(PY) -m audit demo $(DIR)

test: lint types layers coverage  ## all that must hold before a change is merged

lint: install  ## ruff: style, likely mistakes, format
	@$(PY) -m ruff check --quiet $(SOURCES)
	@$(PY) -m ruff format --quiet --check $(SOURCES)

types: install  ## mypy, strict
	@$(PY) -m mypy --no-error-summary

layers: install  ## rooms import only from rooms below them
	@.venv/bin/lint-imports --no-logo

unit: install  ## the fast tests only
	@$(PYTEST) tests/unit

coverage: install  ## all tests, with branch coverage of at least 90 per cent
	@$(PYTEST) --cov --cov-report=term

wheel-check: install  ## build the wheel, install it into an empty environment, run it
	@$(PY) -m pytest tests/integration/test_wheel.py

lock: install  ## resolve the dependencies again; UPGRADE=--upgrade takes newer ones
	@sh scripts/lock.sh $(UPGRADE)

clean:  ## remove all that can be made again, .venv included
	@rm -rf .venv .cache .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
	  .pytest_cache .ruff_cache build dist demo
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
