# Everything here needs python3 (3.10 or newer), make and a package index; nothing is installed outside .venv.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Modules are compiled when they are first imported: a third of the installation went into those that nobody imports.
PIP = $(BIN)/python -m pip install -qq --no-compile -c constraints.txt
WORKERS ?= 2
ARGS ?=
# What `make regress` scores and where the data lie; some of the 112 pairs are in no folder, hence the last one.
TASKS ?= bitext_tatoeba
DATA ?= $(or $(XSTILTS_SHARED),../shared)/data
REGRESS ?= --allow-missing
# Which torch the lowest other versions are tested with: the lowest one is gigabytes of CUDA on most indexes.
TORCH ?= $(patsubst torch==%,%,$(filter torch==%,$(file <constraints.txt)))

export PIP_DISABLE_PIP_VERSION_CHECK = 1

# One thread per process: with more, workers wait for each other's cores. By file: several keep costly things at hand.
TEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help quickstart env test test-slow test-lowest regress study lint modules docs clean

help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

quickstart: $(VENV)/.demo  ## Fit a head on real weights, score it on the bundled sample, show the scoreboard
	@$(BIN)/python -m xstilts_eval.quickstart

env: $(VENV)/.dev  ## The development environment in .venv

test: $(VENV)/.dev  ## The default tests; ARGS='-k bridge' selects some
	@$(TEST) $(ARGS)

test-slow: $(VENV)/.dev  ## The tests that take minutes
	@$(TEST) -m 'slow and not gpu and not network' $(ARGS)

test-lowest: .venv-lowest/.lowest  ## The default tests with the lowest versions of pyproject.toml; TORCH=2.4.0 with that torch
	@OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

regress: $(VENV)/.demo  ## Score real weights, compare with published numbers; TASKS=, DATA= and REGRESS= choose
	@model="$$($(BIN)/xstilts weights minilm)" && \
	$(BIN)/xstilts eval "$$model" --tasks '$(TASKS)' --data '$(DATA)' --output results/regress/run --overwrite --no-languages
	@$(BIN)/xstilts regress results/regress/run --against all-MiniLM-L6-v2 --tasks '$(TASKS)' $(REGRESS) \
	  --markdown results/regress/regress.md --junit results/regress/junit.xml --json results/regress/regress.json

study: $(VENV)/.dev  ## The next two hours of the study (study/README.md); ARGS='--hours 1' bounds them
	@OMP_NUM_THREADS=1 $(BIN)/xstilts study run --data '$(DATA)' $(addprefix --include ,$(wildcard study/datasets/*.py)) $(ARGS)

lint: $(VENV)/.dev  ## ruff (rules and format) and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

modules: $(VENV)/.dev  ## Write the table of modules in docs/architecture.md anew
	@$(BIN)/python -m tests.module_table

docs: .venv-docs/.docs  ## The documentation as a site in build/site; warnings are errors
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet

clean:  ## Remove .venv, the quickstart's results and all caches
	rm -rf $(VENV) .venv-lowest .venv-docs results/quickstart results/regress build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew whenever the dependencies change.
$(VENV)/.demo: pyproject.toml constraints.txt
	@echo "installing into $(VENV), a minute or two ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@$(PIP) -e '.[test,dev,demo]'
	@touch $@

.venv-docs/.docs: pyproject.toml
	@$(PYTHON) -m venv --clear .venv-docs
	@.venv-docs/bin/python -c 'import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["docs"], sep="\n")' > .venv-docs/docs.txt
	@.venv-docs/bin/python -m pip install -qq -r .venv-docs/docs.txt
	@touch $@

.venv-lowest/.lowest: pyproject.toml tests/lowest.py
	@echo "installing the lowest versions into .venv-lowest, minutes ..."
	@$(PYTHON) -m venv --clear .venv-lowest
	@.venv-lowest/bin/python -m pip install -qq 'tomli; python_version < "3.11"'
	@.venv-lowest/bin/python -m tests.lowest 'torch==$(TORCH)' > .venv-lowest/constraints.txt
	@.venv-lowest/bin/python -m pip install -qq -c .venv-lowest/constraints.txt -e '.[test,demo,translate]'
	@touch $@
