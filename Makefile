# `make run` and `make test` need Python 3.11 to 3.13 and nothing else; both build .venv.

VENV := .venv
BIN := $(VENV)/bin
METADATA := setup.cfg setup.py pyproject.toml

# The newest Python that really runs here, has venv's pip, and has TensorFlow wheels.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	>/dev/null 2>&1 && echo $$python && break; done)

.PHONY: run test lint docs bench clean

run: $(VENV)/installed
	$(BIN)/zoo run dcgan --data bbbc

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	$(BIN)/python docs/reference.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# make bench ONLY="startup scaling" TORCH_PYTHON=PATH OTHER="datasette plugins" AGAIN=1
bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/bench.py $(if $(ONLY),--only $(ONLY)) $(if $(AGAIN),--again) \
		$(if $(TORCH_PYTHON),--torch-python $(TORCH_PYTHON)) $(if $(OTHER),--other "$(OTHER)")

clean:
	rm -rf $(VENV) build dist site *.egg-info

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "zoo needs Python 3.11, 3.12 or 3.13 with venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(METADATA) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-test: $(METADATA) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: $(METADATA) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/installed
