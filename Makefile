# make scan   examine this machine's cards, or a simulated one where there is no NVIDIA driver
# make test   everything that continuous integration checks
# make fuzz   feed the VBIOS parser made-up ROMs, guided by coverage; SECONDS=120 says how long
# make docs   write the generated pages and schemas anew
#
# Only Python 3.11 or newer is needed beforehand; the rest goes into .venv.

.DEFAULT_GOAL := help
.PHONY: help scan test fraud-pairs lab lab-fit lab-mutations lint format fuzz docs schema clean

VENV := .venv
BIN := $(VENV)/bin
SUITABLE := import sys; raise SystemExit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUITABLE)' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DRIVER := $(shell if [ -e /dev/nvidiactl ] || [ -d /proc/driver/nvidia ] || command -v nvidia-smi >/dev/null; \
	then echo yes; fi)

help:
	@sed -n 's/^# \{0,1\}//; 1,6p' Makefile
	@echo "make lab, make lab-fit, make lab-mutations, make fraud-pairs, make lint, make format, make clean"

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "That Python cannot make a venv; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing gpucheck into $(VENV)"
ifeq ($(DRIVER),yes)
	@$(PIP) install -e '.[cuda12]' || { echo "CuPy could not be installed: nothing will be measured on the card." >&2; $(PIP) install -e .; }
else
	@$(PIP) install -e .
endif
	@$(BIN)/python -m compileall -q gpucheck
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Installing the development tools into $(VENV)"
	@$(PIP) install -e '.[dev]'
	@touch $@

# A card that is authentic or undecided lets the target succeed; every worse verdict keeps its exit code.
scan: $(VENV)/.installed
ifeq ($(DRIVER),yes)
	@$(BIN)/gpucheck scan $(ARGS) || { code=$$?; [ $$code -eq 10 ] || exit $$code; }
else
	@echo "This machine has no NVIDIA driver, so no real card can be examined. A simulated RTX 4090 instead:"
	@echo
	@$(BIN)/gpucheck scan --simulate rtx-4090 $(ARGS)
endif

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

# Every SKU's silicon under every other SKU's declaration: minutes. ARGS='--limit 300' bounds it, '--hard' shortens it.
fraud-pairs: $(VENV)/.dev
	$(BIN)/python -m tests.lab.fraud_pairs $(ARGS)

# 40,800 honest and forged cards, at most 15 minutes; writes docs/detection.md. ARGS='--seed 7' draws others.
lab: $(VENV)/.dev
	$(BIN)/python -m tests.lab.run $(ARGS)
	$(BIN)/python -m tests.lab.tenth

# What the laboratory says of the weights. It proposes, a person commits.
lab-fit: $(VENV)/.dev
	$(BIN)/python -m tests.lab.fit

# Takes each check and each weight away in turn and looks whether anything notices.
lab-mutations: $(VENV)/.dev
	$(BIN)/python -m tests.lab.mutations

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Atheris is built for few systems and Pythons; where it cannot be had, that is said and nothing fails.
SECONDS ?= 120
fuzz: $(VENV)/.dev
	@$(PIP) install -e '.[fuzz]' || echo "Atheris cannot be installed here." >&2
	@if $(BIN)/python -c 'import atheris' 2>/dev/null; \
	then $(BIN)/python -m tests.vbios.fuzz_target --seconds $(SECONDS); \
	else echo "Skipped: coverage-guided fuzzing needs Atheris. 'make test' fuzzes without it."; fi

docs schema: $(VENV)/.dev
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .fuzz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
