# Two commands on a fresh machine with Python 3.11, pip, make and git: `make demo` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help setup demo audit test month topology soak docs reference coverage mutants dist services clean lock

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
UV := .uv/bin/uv
DATA ?=
PREVIOUS ?=
N ?= 50
PICTURES ?= 10000

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: $(SETUP) ## install everything, hash-checked, into .venv

demo: $(SETUP) ## the whole loop on handwritten digits; DATA=folder for your own class folders
	$(BIN)/nightsort demo $(if $(DATA),--data "$(DATA)")

test: $(SETUP) ## lint, types, layers and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

docs: $(SETUP) ## the documentation as a site, docs/_build/html/index.html
	$(BIN)/sphinx-build -W --keep-going -n --quiet docs docs/_build/html

reference: $(SETUP) ## write docs/reference/ anew from the code
	$(BIN)/python -m docs.reference
	$(BIN)/python -m docs.house

coverage: $(SETUP) ## every test, with the lines and branches that none of them reaches; half an hour
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=html --cov-report=term:skip-covered

mutants: $(SETUP) ## change ledger, gate, splits and balance a thousand times; a test must fail each time; an hour
	$(BIN)/mutmut run --max-children 2

dist: $(SETUP) ## wheel and sdist, installed in a new environment and proved by the demo; PREVIOUS=wheel of the release before
	$(BIN)/python -m tests.release $(if $(PREVIOUS),--previous "$(PREVIOUS)")

soak: $(SETUP) ## kill it N=50 times in PICTURES=10000 and break the disk at every step; an hour
	$(BIN)/python -m tests.soak --kills $(N) --pictures $(PICTURES)

month: $(SETUP) ## rehearse thirty nights: drift, review, retraining, the gate, a power cut
	$(BIN)/python -m rehearsal

topology: $(SETUP) ## PostgreSQL, server, workers, Dask and a store on loopback, each killed once in mid-run
	$(BIN)/python -m topology

services: ## install what only some tests need (Debian: chromium, gcc, PostgreSQL, nginx)
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends gcc libc6-dev chromium chromium-driver fonts-dejavu-core \
		postgresql iproute2 nginx-light

audit: $(SETUP) ## licences, a bill of materials (sbom.json), and known vulnerabilities of what is locked
	$(BIN)/pip-licenses --output-file licences.txt
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-file sbom.json
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off

lock: $(UV) ## resolve pyproject.toml into requirements.lock anew
	$(UV) pip compile pyproject.toml --group dev --extra openvino --extra s3 --extra http --extra label-noise --extra tensorboard \
		--extra jobqueue --extra kubernetes --extra docker --extra redis --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --output-file requirements.lock

clean: ## remove what setup, demo and tests made
	rm -rf $(VENV) .uv demo month dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# uv installs the lock in a tenth of pip's time; pip is only used to get uv.
$(UV): requirements-uv.lock
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock

$(SETUP): requirements.lock pyproject.toml | $(UV)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nightsort needs Python 3.11 or newer, got " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
