# Everything is a target here: nothing has to be installed by hand but Go,
# Python 3 and make. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
TOOL := go tool -modfile=tools/go.mod
DEMO := examples/demo

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

.PHONY: build
build: ## build bin/pasted
	@go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/pasted ./cmd/pasted

.PHONY: serve
serve: build ## prepare the demo and serve it on http://127.0.0.1:8080
	@tools/venv python3 $(DEMO)/.venv $(DEMO)/requirements.txt
	@echo 'Try, once it serves:  a browser at http://127.0.0.1:8080/'
	@echo '                      curl http://127.0.0.1:8080/stream'
	@echo '                      curl http://127.0.0.1:8080/crash   # and see the worker come back'
	@exec bin/pasted serve $(DEMO)/demo.ini

.PHONY: check
check: ## formatting, vet, staticcheck, Python's syntax
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo 'make check: run gofmt -w on the files above'; exit 1; }
	@go vet ./...
	@$(TOOL) staticcheck ./...
	@go test -count=1 ./internal/floors
	@python3 -c 'import ast, pathlib; [ast.parse(p.read_text(), str(p)) for p in pathlib.Path(".").rglob("*.py") if ".venv" not in p.parts and ".cache" not in p.parts and "testdata" not in p.parts and "pasted_worker27" not in p.parts]' # the last is Python 2

.PHONY: prepare
prepare: ## install what the tests need into .cache
	@tools/need gcc gcc libc6-dev # the race detector is linked by it
	@tools/need haproxy haproxy # it speaks the PROXY protocol to us
	@go run ./e2e/prepare
	@python3 e2e/strict/prepare .cache/strict
	@python3 e2e/suites/prepare .cache/suites

.PHONY: test
test: prepare ## all tests, the end-to-end ones included
	@go test -race -timeout 20m $$(go list ./... | grep -vE '^pasted/e2e(/strict|/suites|/chaos)?$$')
	@go test -count=1 -timeout 30m ./e2e ./e2e/strict ./e2e/suites
	@go test -count=1 -timeout 15m ./e2e/chaos # alone: it looks at the clock
	@PASTED_E2E_SHORT=off go test -count=1 -timeout 30m ./e2e # the same, every request on the long way

.PHONY: chaos
chaos: build ## workers and servers killed, stopped, hung and drowned under load, beside gunicorn and uWSGI: docs/compare.md (25 minutes; ARGS='-short')
	@tools/need gcc gcc libc6-dev
	@test -e "$$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || tools/need python3-config python3-dev
	@tools/venv python3 .cache/chaos e2e/chaos/requirements.txt
	@go run ./e2e/chaos -peers -o docs/compare.md $(ARGS)

.PHONY: soak
soak: build ## an hour of it all, and what is left behind (ARGS='-soak 5m')
	@go run ./e2e/chaos -only soak -soak 1h $(ARGS)

.PHONY: fuzz-paste
fuzz-paste: ## PasteDeploy's answers and ours about made-up files (ARGS='-files 20000'; half an hour)
	@go run ./e2e/prepare
	@go run ./e2e/differ $(ARGS)

.PHONY: bench
bench: build ## Pasted beside its peers: docs/benchmarks.md (ARGS='-rounds 3'; two hours)
	@go run ./bench $(ARGS)

.PHONY: bench-quick
bench-quick: build ## a part of it in under five minutes, on the terminal
	@go run ./bench -quick $(ARGS)

.PHONY: clean
clean: ## remove what the other targets have made
	@rm -rf bin .cache $(DEMO)/.venv
