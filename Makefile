# Everything goes through .venv, which the first target that needs it makes. Stamps keep repeated runs quick.
#   make demo    a migration from plan to report, into an embedded WorkOS emulator: within a minute
#   make test    all tests but the long ones
#   make test-long   the long ones: many seeds, fifty kills, real waiting
#   make check   lint, format, types, tests with branch coverage
#   make bench   the README's figures, measured on this machine (about half an hour)

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# More than the cores of a small machine: some tests wait for processes that they start and kill.
WORKERS ?= 4
# Tests make thousands of small databases and throw them away: in memory, where there is room for that.
IN_MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 2000000 {print "TMPDIR=/dev/shm"}')
EMULATOR := workos@0.14.0
DESCRIPTION := @workos/openapi-spec@0.1.0
PYTEST := $(IN_MEMORY) $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
# Tests start hundreds of processes: none of them should compile again what another one has.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-long check lint types tests-with-coverage bench emulator chromium clean

help:
	@sed -n 's/^#   //p' Makefile

install: .venv/.installed

.venv/bin/python:
	$(PYTHON) -m venv .venv

# An install with the dev extras holds the plain one as well.
.venv/.installed: pyproject.toml | .venv/bin/python
	$(PIP) install --editable .
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(PIP) install --editable '.[dev]'
	@touch $@ .venv/.installed

demo: .venv/.installed
	@$(BIN)/python -m tests.demo

test: .venv/.dev emulator
	$(PYTEST)

test-long: .venv/.dev emulator
	$(PYTEST) -m long

check: .venv/.dev emulator lint types tests-with-coverage

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

tests-with-coverage: .venv/.dev emulator
	$(PYTEST) --cov --cov-branch --cov-report=term:skip-covered --cov-fail-under=90

bench: .venv/.dev
	$(BIN)/python -m tests.bench

# The vendor's emulator needs Node, and its API description npm. Without them those tests are skipped, and everything
# else runs. Both in one call: npm takes away what it was not told to save.
VENDOR := .tools/.$(subst /,+,$(EMULATOR)+$(DESCRIPTION))
emulator:
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory $(VENDOR); \
	else \
	  echo "Node or npm is missing: the tests on the vendor's emulator and API description will be skipped" >&2; \
	fi

# The report's page is tested in Chromium. Without it those tests are skipped, and everything else runs.
chromium:
	@if command -v chromium >/dev/null; then \
	  true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	else \
	  echo "Chromium is missing, and only root can install it: the tests of the report's page will be skipped" >&2; \
	fi

$(VENDOR):
	@mkdir -p .tools
	npm install --prefix .tools --no-save --no-audit --no-fund --loglevel=error $(EMULATOR) $(DESCRIPTION)
	@touch $@

clean:
	rm -rf .venv .tools .demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	rm -f plans/.migrate/quickstart.sandbox.*
	find engine schemas tests -name __pycache__ -type d -prune -exec rm -rf {} +
