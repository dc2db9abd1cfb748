# Each target needs nothing before it: a fresh Debian or Ubuntu with Python 3.11+ and make is enough.
#
#   make demo    the whole idea on bundled recordings
#   make test    formatting, lint, types, layers, tests
#   make bench   how fast, and in how much memory
#   make soak    the sensor's endurance, as root: forbidden programs, floods, kills, new pods; about an hour
#   make setup   .venv/bin/plimsoll with every engine and the development tools
#   make bpf     the sensor's kernel programs, and what they and their tests take (as root; else it says what is missing)
#   make lock    newest versions into requirements.lock
#   make clean   everything the other targets made

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup demo test bench soak bpf lock clean

VENV := .venv
BIN := $(VENV)/bin
# Downloads stay inside the clone: beside the environment uv links them into place instead of copying.
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/cache
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# requirements.lock pins every version by hash: those installed and those that build what is installed.
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python \
  --constraint requirements.lock --build-constraint requirements.lock

help:
	@sed -n 's/^#   //p' Makefile

setup: $(VENV)/everything.stamp bpf

demo: $(VENV)/core.stamp
	@$(BIN)/plimsoll demo $(ARGS)

test: $(VENV)/everything.stamp bpf
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses 2 --dist loadfile --benchmark-disable $(ARGS)

bench: $(VENV)/everything.stamp bpf
	@for script in $(or $(wildcard benchmarks/run.py),$(wildcard benchmarks/*.py)); do $(BIN)/python "$$script" $(ARGS); done

soak: $(VENV)/everything.stamp bpf
	@$(BIN)/python benchmarks/sensor_soak.py $(ARGS)

# Again whenever its sources changed; what else there is works without it.
bpf: $(VENV)/core.stamp
	@.ci/sensor
	$(BIN)/python -m plimsoll.sensor.building || true

lock: $(VENV)/core.stamp
	@$(BIN)/uv lock --upgrade
	$(BIN)/uv export --quiet --all-extras --all-groups --format requirements-txt --no-emit-project \
	  --output-file requirements.lock > /dev/null

clean:
	@rm -rf $(VENV) build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find plimsoll tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# What the command line needs, no more: the demo should not wait for Spark.
$(VENV)/core.stamp: pyproject.toml requirements.lock $(BIN)/uv
	@echo "Installing Plimsoll …"
	$(INSTALL) --editable .
	rm -rf $(UV_CACHE_DIR)
	touch $@

# Every engine and the tools of the test run. Spark is Java: without it its tests skip, saying so.
$(VENV)/everything.stamp: $(VENV)/core.stamp
	@echo "Installing every engine and the development tools …"
	$(INSTALL) --editable '.[duckdb,spark]' --group dev
	rm -rf $(UV_CACHE_DIR)
	.ci/java
	touch $@

$(BIN)/uv: requirements.lock
	@.ci/venv $(VENV)
	touch $@
