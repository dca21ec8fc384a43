# Every developer verb.  A line `target: ## text` appears in the help, a line `##@ Name` starts a group.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run replay test unit alloc fuzz mailgate scenario oracle eval eval-full e2e hil house lint types layers bench check check-full clean

VENV := .venv
PYTHON_IN := $(VENV)/bin/python
READY := $(VENV)/.complete
PYTEST := $(PYTHON_IN) -m pytest
HOME_CAPTURE := build/home.pcap

##@ Start here
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv with the pinned versions (run and test do it themselves)

run: $(READY) ## a whole home on this machine, five of its devices infected: SECONDS=n, default 60; PLANE=lwip
	@ci/test_setup.sh lab
	@$(if $(filter lwip,$(PLANE)),ci/micropython.sh mailgate)
	@$(VENV)/bin/spamgate lab $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PLANE),--plane $(PLANE))

replay: $(READY) $(if $(CAPTURE),,$(HOME_CAPTURE)) ## judge the devices in a capture: CAPTURE=file, or a home made from a seed
	@$(VENV)/bin/spamgate replay "$(or $(CAPTURE),$(HOME_CAPTURE))"

##@ Tests (tests/README.md says what each level proves)
test: $(READY) ## every level of test that runs here, lint and types included
	@ci/test_setup.sh
	@ci/micropython.sh unix32 || true
	@ci/micropython.sh mailgate || true
	@ci/test.sh

unit: $(READY) ## the unit test files on MicroPython and on CPython
	@ci/test.sh tests/unit

alloc: $(READY) ## hot paths with the heap locked (MicroPython)
	@$(PYTEST) tests/alloc

fuzz: $(READY) ## random, cut and byte-by-byte input for every reader
	@ci/test.sh tests/fuzz

mailgate: $(READY) ## the mail gate in C: sanitizers, lwIP itself, fuzzing, two threads, instructions and bytes
	@ci/test_setup.sh
	@ci/micropython.sh mailgate || true
	@ci/test.sh tests/mailgate

scenario: $(READY) ## made homes of bots and clean devices, judged by the whole program
	@$(PYTEST) tests/scenario

oracle: $(READY) ## real captures and messages against independent readers
	@ci/test.sh tests/oracle

eval: $(READY) ## every detector over a seeded sample of made homes, against a bar
	@ci/test.sh tests/evaluation

e2e: $(READY) ## the gateway in a home of network namespaces, with real mail and DNS servers
	@ci/test_setup.sh
	@ci/micropython.sh unix32 || true
	@ci/micropython.sh mailgate || true
	@ci/test.sh tests/e2e

hil: $(READY) ## the same tests on boards: BOARD=pty, qemu, mock or a serial port; all that need no hardware
	@SPAMGATE_BOARD="$(BOARD)" $(PYTEST) tests/hil

eval-full: $(READY) ## all homes under all methods, with plots and a page in build/evaluation: an hour or two
	@$(VENV)/bin/spamgate eval --full --out build/evaluation $(if $(wildcard ../shared/data),--captures ../shared/data)

house: $(READY) ## README commands, layout, layers, lint and types
	@ci/test.sh tests/house

##@ Checks
lint: $(READY) ## ruff: style, mistakes, complexity
	@$(VENV)/bin/ruff check .

types: $(READY) ## mypy: core and wire strictly, the rest normally
	@$(VENV)/bin/mypy

layers: $(READY) ## imports point down only
	@$(PYTHON_IN) ci/check_layers.py

check: test ## all that CI does

check-full: $(READY) ## as check, with long campaigns from a new seed (printed)
	@ci/test_setup.sh
	@ci/micropython.sh unix32 || true
	@ci/micropython.sh mailgate || true
	@SPAMGATE_FUZZ=full SPAMGATE_LONG=1 ci/test.sh

##@ Numbers and tidying
bench: $(READY) ## measure, print a table and write build/bench.json
	@$(PYTHON_IN) ci/bench.py

clean: ## remove everything that make has made
	@rm -rf $(VENV) build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): ci/requirements.txt ci/setup.sh host_tools/pyproject.toml
	@ci/setup.sh

$(HOME_CAPTURE): $(READY) host_tools/spamgate_tools/sample_home.py $(wildcard host_tools/spamgate_tools/sample/*.py)
	@mkdir -p $(@D)
	@$(PYTHON_IN) -m spamgate_tools.sample_home --seed 1 $@
