# Every target sets up what it needs: a machine with Python 3.11 to 3.13 and a package index is enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One thread a process: tests and tools run side by side.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint types fast slow bench contacts head viewer-check docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), f"visemic needs Python 3.11 to 3.13, this is {sys.version.split()[0]}; set PYTHON=python3.12, say"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[espeak]'
	touch $@

# torch goes first and alone: where an index offers several builds, the others would choose for it.
TORCH := torch==2.13.0

$(VENV)/.dev: pyproject.toml $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[espeak,usd,train,dev]'
	touch $@

setup: $(VENV)/.dev  ## make the virtual environment with everything for development

demo: $(VENV)/.demo  ## speak one sentence: mp4, glb and csv in out/
	@mkdir -p out
	$(BIN)/visemic speak "Hello! My name is Mia. Every voice needs a face, so here are both." \
	  -o out/demo.mp4 -o out/demo.glb -o out/demo.csv --overwrite

test: $(VENV)/.dev  ## every test
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=5

check: $(VENV)/.dev format lint types fast  ## everything a change must pass: format, lint, types, fast tests

format: $(VENV)/.dev  ## refuse unformatted code
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev  ## refuse what ruff finds
	$(BIN)/ruff check .

types: $(VENV)/.dev  ## refuse wrong types
	$(BIN)/mypy

fast: $(VENV)/.dev  ## fast tests; trainings and the examples in docstrings run in make test
	$(BIN)/python -m pytest tests --ignore tests/training -m "not slow" -n 2 --dist worksteal -q

slow: $(VENV)/.dev  ## slow tests only
	$(BIN)/python -m pytest -m slow -n 2 -q

bench: $(VENV)/.dev  ## speed and memory against the limits, with machine and commit
	$(BIN)/python benchmarks/bench.py

contacts: $(VENV)/.dev  ## lips, teeth and false closures on 200 strings and 20 sentences
	$(BIN)/python benchmarks/contacts.py

head: $(VENV)/.dev  ## intersections, proportions, mirror and contacts of the built-in head
	$(BIN)/python benchmarks/head.py

viewer-check: $(VENV)/.demo  ## Khronos validator and three.js on a GLB (needs node and npm)
	@mkdir -p out
	test -f out/demo.glb || $(MAKE) demo
	cd tests/viewer_checks && npm install --silent --no-audit --no-fund --no-package-lock && node validate.mjs ../../out/demo.glb && node load_three.mjs ../../out/demo.glb

docs: $(VENV)/.dev  ## write docs/cli.md from the help texts
	$(BIN)/python docs/generate_cli.py

clean:  ## remove the environment and the demo's output
	rm -rf $(VENV) out
