# Everything that a fresh machine needs is set up by these targets. Python 3.11, git and make are enough to begin.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Where an environment forbids bytecode, each start would compile the source anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: up setup test clients lint bench demo demo-abaku clean

up: $(STAMP)
	$(BIN)/mrak up

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

lint: $(STAMP)
	$(BIN)/ruff check src tests tools examples
	$(BIN)/ruff format --check src tests tools examples
	$(BIN)/mypy
	$(BIN)/lint-imports

# The clients that tests run are fetched while the linters work; then a process for each core (four at most, since a
# container may see more than it has) takes file after file.
test: $(STAMP)
	$(MAKE) --no-print-directory --jobs 2 lint clients
	PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

clients: $(STAMP)
	$(BIN)/python -m tests.clients.packages

bench: $(STAMP)
	$(BIN)/python -m tools.bench

demo: $(STAMP)
	examples/hello/demo.sh

demo-abaku: $(STAMP)
	$(BIN)/python -m examples.abaku.demo

clean:
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info
