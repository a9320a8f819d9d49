# Everything that one does here is a target of this file; `make` alone lists them.
# The work is done by scripts/*.py, which need nothing but Python's standard library.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-access dev build test check bench torture generate clean

PYTHON  ?= python3
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

help: ## this list
	@echo 'Indent: code awaits, a person decides, the code goes on.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: build ## the quickstart from beginning to end: ask, approve, deny, audit (Go, Python 3.10+)
	@$(PYTHON) scripts/demo.py

demo-access: build ## access to a real PostgreSQL for ten seconds: refused, accepted, refused (Go, Python 3.10+, PostgreSQL)
	@$(PYTHON) scripts/demo_access.py

dev: build ## a server to play with on http://127.0.0.1:8080 (DEV_ARGS="--addr … --data-dir …")
	@bin/indent dev $(DEV_ARGS)

build: ## bin/indent, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/indent ./cmd/indent

test: ## every test there is, set-up included (STAGES="go python" for some of it)
	@$(PYTHON) scripts/run_tests.py $(STAGES)

check: ## formatting, vet, staticcheck, govulncheck, ruff, pyright, tsc, generated-is-fresh, links, commands in docs
	@$(PYTHON) scripts/run_checks.py $(CHECKS)

bench: build ## speed beside the least that is possible, all bars (BENCH="sqlite growth", BENCH=--quick; Go, a C compiler, PostgreSQL)
	@$(PYTHON) scripts/bench.py $(BENCH)

torture: ## breaks it on purpose, for hours: kill -9, power cuts, faults, fuzzing (TORTURE="crashes", TORTURE="--share 0.1 --seed 42")
	@$(PYTHON) scripts/torture.py $(TORTURE)

generate: ## rewrite what is generated: the API's description, the references of commands and settings
	go generate ./...
	$(call write,spec/openapi.json,go run ./cmd/indent openapi)
	$(call write,docs/operations/configuration.md,go run ./cmd/indent config)
	go run ./internal/cli/clidoc docs/cli.md

# write a file from a command's output; a failing command leaves the file as it was
write = $(2) >$(1).tmp && mv $(1).tmp $(1) || { rm -f $(1).tmp; exit 1; }

clean: ## remove what the other targets made
	rm -rf bin .build .venv .venv-demo .venv-endpoint tests/browser/node_modules sdk/js/*/node_modules sdk/js/*/dist
