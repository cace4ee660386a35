# Everything a bare checkout needs: Python >= 3.11, Go >= 1.25, a C compiler.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
# `cpu` keeps torch's CUDA libraries (5 GB) away; any value but `locked` is handed to uv's --torch-backend. The choice
# stays until another is made.
TORCH_BACKEND ?= $(or $(patsubst .make/torch-%,%,$(firstword $(wildcard .make/torch-*))),locked)

VENV := .venv
BIN := $(VENV)/bin
HARNESS := compiler/bin/dwcpc-harness
GO_SOURCES := $(shell find go_harness -name '*.go' -o -name go.mod -o -name go.sum -o -name '*.json' 2>/dev/null)
FUZZ_TIME ?= 60s
# Processes that share the tests, a file at a time: more than the processors would disturb those that measure.
TEST_PROCESSES ?= 2
GO := cd go_harness && DWCPC_ORT_LIB="$$(cd .. && $(BIN)/dwcpc doctor --ort-lib)" go
BROWSER := tests/bench/reports/browser
TORCH_VERSION := $(shell sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements/torch.lock)

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.make/prerequisites:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "make: Python 3.11 or newer is needed and '$(PYTHON)' is not; install it or set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: $(PYTHON) has no venv module; install your system's python3-venv package"; exit 1; }
	@command -v go >/dev/null || { echo "make: Go 1.25 or newer is needed and 'go' is not on PATH; install it from your system or the Go project"; exit 1; }
	@go version | awk '{v=$$3; sub(/^go/,"",v); split(v,a,"."); exit !(a[1]>1 || a[2]>=25)}' || { echo "make: Go 1.25 or newer is needed, found $$(go version)"; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "make: a C compiler is needed for cgo and '$${CC:-cc}' is not on PATH; install gcc or clang"; exit 1; }
	@mkdir -p .make && touch $@

$(BIN)/uv: | .make/prerequisites
	@echo "setup: creating $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.lock

.make/torch-$(TORCH_BACKEND): requirements/torch.lock | $(BIN)/uv
	@echo "setup: installing torch ($(TORCH_BACKEND))" >&2
ifeq ($(TORCH_BACKEND),locked)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements/torch.lock
else
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --torch-backend $(TORCH_BACKEND) torch==$(TORCH_VERSION)
endif
	@rm -f .make/torch-* && touch $@

.make/packages: requirements/packages.lock | $(BIN)/uv
	@echo "setup: installing the locked packages" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements/packages.lock
	@touch $@

.make/project: pyproject.toml .make/packages
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@mkdir -p .dev && ln -sfn .. .dev/dwcpc && touch $@

$(HARNESS): $(GO_SOURCES) | .make/prerequisites
	@echo "setup: building $(HARNESS)" >&2
	@cd go_harness && go build -trimpath -o ../$(HARNESS) ./cmd/dwcpc-harness

setup: .make/torch-$(TORCH_BACKEND) .make/packages .make/project $(HARNESS)  ## make .venv with the CLI, all extras and the development tools

demo: setup  ## compile the trained models that ship with the project
	@$(BIN)/dwcpc compile --config models/trained/dwcpc.toml --out dist

# One that is installed anyway will do: CHROMIUM=/path/to/chromium.
ifdef CHROMIUM
export CHROMIUM
browser:
	@test -x "$(CHROMIUM)" || { echo "make: CHROMIUM is '$(CHROMIUM)' and cannot be run; name a Chromium, or unset it"; exit 1; }
else
browser: .make/browser/chromium  ## the headless Chromium that the HTML report is checked in
endif

.make/browser/chromium: $(BROWSER)/package.json $(BROWSER)/package-lock.json $(BROWSER)/unpack.cjs
	@test "$$(uname -sm)" = "Linux x86_64" || { echo "make: the browser that npm has is for Linux on x86-64; set CHROMIUM=/path/to/chromium to check the HTML report"; exit 1; }
	@command -v npm >/dev/null || { echo "make: npm is needed for the browser that checks the HTML report and is not on PATH; install Node.js 20 or newer, or set CHROMIUM=/path/to/chromium"; exit 1; }
	@echo "setup: installing Chromium" >&2
	@mkdir -p $(@D) && cp $(BROWSER)/package.json $(BROWSER)/package-lock.json $(@D)
	@npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	@node $(BROWSER)/unpack.cjs $(@D) && rm -rf $(@D)/node_modules

test: setup browser  ## every test, Python and Go
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadscope
	@$(GO) test -count=1 -race ./...

check: setup  ## formatting, lint, types, import rules, go vet, staticcheck
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pytest -q tests/test_imports.py tests/test_packaging.py
	@cd go_harness && test -z "$$(gofmt -l .)" || { gofmt -l go_harness; exit 1; }
	@cd go_harness && go vet ./... && go vet -race ./...
	@cd go_harness && go tool -modfile=tools.mod staticcheck ./...

bench: setup  ## micro-benchmarks, Python and Go
	@$(BIN)/pytest bench/micro --benchmark-only --benchmark-columns=min,median,iqr,rounds
	@$(GO) test -run '^$$' -bench . -benchmem -count 6 ./...

fuzz: setup  ## fuzz what Go reads from files, FUZZ_TIME (60s) for each target; failures go into testdata/fuzz
	@cd go_harness && set -o pipefail && grep -r --include=fuzz_test.go -o '^func Fuzz[A-Za-z]*' . | sed 's|/fuzz_test.go:func | |' | \
		while read -r package target; do echo "fuzz: $$package $$target" >&2; \
		go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 10x "$$package" </dev/null || exit 1; done

soak: setup  ## minutes of reloads, memory and crowds of callers in Go
	@export DWCPC_SOAK=1 && $(GO) test -count=1 -timeout 30m ./registry

wheel: setup  ## build wheels/*.whl with the Go harness inside
	@rm -rf build wheels && $(BIN)/python -m build --no-isolation --outdir wheels .

lock: $(BIN)/uv  ## resolve requirements/*.lock again
	@$(BIN)/uv pip compile pyproject.toml --group dev --all-extras -c requirements/constraints.txt --python-version 3.11 \
		--universal --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --quiet -o requirements/all.tmp
	@awk -f requirements/split.awk requirements/all.tmp && rm requirements/all.tmp
	@echo uv | $(BIN)/uv pip compile - --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --upgrade --quiet -o requirements/installer.lock

clean:  ## remove everything that make made
	@rm -rf .venv .dev .make build dist wheels compiler/bin ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks

.PHONY: help setup demo browser test check bench fuzz soak wheel lock clean
