# `make demo` and `make test` need Python 3.11 or later with venv and pip, make and a package index.
# A mirror set for pip (pip.conf, PIP_INDEX_URL) is used for everything; UV_DEFAULT_INDEX overrides it.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Another one for another Python: make test PYTHON=python3.13 VENV=.venv-3.13
VENV ?= .venv
BIN := $(VENV)/bin
UV := .uv/bin/uv
INDEX = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PYTHON) -m pip config get global.index-url 2>/dev/null)}}"; \
	if [ -n "$$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX; else unset UV_DEFAULT_INDEX; fi;
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help install demo test faults e2e soak fuzz check format lock docs rules dashboards screenshots \
	bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## .venv with everything that development needs (seconds; nothing to do twice)

$(UV): requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later is needed: install it or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.installed: $(UV) requirements/dev.txt pyproject.toml exporter/__init__.py
	@$(INDEX) $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@$(INDEX) VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes requirements/dev.txt
	@$(INDEX) VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
# Bytecode of what a start loads: without it each start takes half a second more, for ever where
# PYTHONDONTWRITEBYTECODE is set.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import exporter.commands, exporter.simulator'
	@touch $@

demo: install ## both vendors simulated on loopback and the exporter polling them; no credentials
	@$(BIN)/outbound-exporter demo $(ARGS)

# A part is asked for by somebody who waits for its first line: that runs in one process.
test: install ## the test suite (under 5 minutes on 2 cores); ARGS are pytest's
	@$(BIN)/pytest $(if $(ARGS),$(ARGS),--numprocesses 2 --dist loadfile)

e2e: install ## every alert on real Prometheus and Alertmanager (7 minutes); ARGS="-k OutboundTaskStalled"
	@$(BIN)/pytest tests/e2e $(ARGS)

soak: install ## a week of polls, faults, reloads and scrapes (15 minutes); ARGS="--days 1 --seed 7"
	@$(BIN)/python -m tests.soak $(ARGS)

.venv-fuzz/.installed: $(UV) requirements/fuzz.txt
	@$(INDEX) $(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-fuzz
	@$(INDEX) VIRTUAL_ENV=.venv-fuzz $(UV) pip sync --quiet --require-hashes --only-binary atheris requirements/fuzz.txt || { \
		echo "make: the fuzzer could not be installed. There are wheels of atheris for CPython 3.11 to 3.14 on" >&2; \
		echo "x86-64 Linux alone: name such a Python with make fuzz PYTHON=python3.11" >&2; exit 1; }
	@touch $@

fuzz: .venv-fuzz/.installed ## every parser of bytes under a fuzzer (5 minutes); ARGS="--seconds 60 --target accept"
	@.venv-fuzz/bin/python -m tools.fuzz $(ARGS)

faults: install ## every fault of docs/reliability.md in every phase (some minutes)
	@$(BIN)/pytest tests/faults --whole-matrix $(ARGS)

check: install ## formatting, lint, types, layers, Dockerfile, spelling, YAML, lock files
	@$(BIN)/ruff format --check --quiet . && echo "ruff format: ok"
	@$(BIN)/ruff check --quiet . && echo "ruff check: ok"
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/hadolint Dockerfile && echo "hadolint: ok"
	@$(BIN)/codespell && echo "codespell: ok"
	@$(BIN)/yamllint --strict . && echo "yamllint: ok"
	@$(BIN)/python -m exporter.metrics_reference --check docs/metrics.md && echo "docs/metrics.md: current"
	@$(BIN)/python -m tools.rules --check && echo "prometheus/rules: current"
	@$(BIN)/python -m tools.dashboards --check && echo "grafana/dashboards: current"
	@$(BIN)/python -m tools.prometheus_rule --check && echo "prometheusrule.yaml: current"
	@sh .ci/lock-check && echo "requirements: current"

format: install ## format the code and mend what lint can mend
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

lock: OUT = requirements
lock: $(UV) ## make requirements/ anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@$(INDEX) $(COMPILE) $(UPGRADE) pyproject.toml -o $(OUT)/runtime.txt
	@$(INDEX) $(COMPILE) $(UPGRADE) pyproject.toml --group dev -c requirements/runtime.txt -o $(OUT)/dev.txt
	@$(INDEX) $(COMPILE) $(UPGRADE) pyproject.toml --group fuzz -c requirements/runtime.txt -o $(OUT)/fuzz.txt

docs: install ## write docs/metrics.md from the table of families
	@$(BIN)/python -m exporter.metrics_reference docs/metrics.md

dashboards: install ## write grafana/dashboards from tools/dashboards and tools/thresholds.py
	@$(BIN)/python -m tools.dashboards

rules: install ## write prometheus/rules from tools/rules and tools/thresholds.py
	@$(BIN)/python -m tools.rules
	@$(BIN)/python -m tools.prometheus_rule

bench: install ## the figures of docs/performance.md, which says what else to install; up to 20 minutes
	@$(BIN)/python -m benchmarks $(ARGS)

screenshots: install ## docs/images anew (17 minutes); tools/dashboard-preview says what else to install
	@$(BIN)/python -m tools.screenshots $(ARGS)

clean: ## remove the environments and caches
	@rm -rf .venv .venv-* .fuzz .uv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage build dist
