# Regulars (熟客). `make help` lists what there is; every target sets up .venv by itself the first time.
#
#   make demo ARGS="--limit-days 30"     flags are passed on to the command
#   PYTHON=/opt/python3.12/bin/python3   names the Python to make .venv with

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo up down status secrets test test-long check format lint types contracts schemas migrations compose bench mutants clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN := $(BIN)/python -m deploy.cli
ARGS ?=
AREA ?= conditions
SEED ?= 1
COUNT ?= 45

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml uv.lock deploy/local/venv.sh
	@deploy/local/venv.sh $(VENV)
	@touch $@

setup: $(READY) ## Make .venv with everything in it (the other targets do so by themselves)

demo: $(READY) ## The year 2017 of a real grocery chain through all four services; ARGS="--limit-days 30"
	@$(RUN) demo $(ARGS)

up: $(READY) ## PostgreSQL, Kafka and the services on this machine, until Ctrl-C; ARGS="--detach --fresh"
	@$(RUN) up $(ARGS)

status: $(READY) ## What runs, and where
	@$(RUN) status $(ARGS)

down: $(READY) ## Stop what `up --detach` started and clear its state
	@$(RUN) down --clear $(ARGS)

test: $(READY) ## All tests but the long ones; ARGS="tests/unit -k refund"
	@$(BIN)/pytest -m "not long" $(ARGS)

test-long: $(READY) ## The tests that take minutes: kill -9 at random, the whole year, sizes
	@$(BIN)/pytest -m long --timeout 3600 $(ARGS)

check: format lint types contracts schemas migrations compose ## Everything that can be said without running the system

format: $(READY)
	@echo "· format" && $(BIN)/ruff format --quiet --check .

lint: $(READY)
	@echo "· lint" && $(BIN)/ruff check --quiet .

types: $(READY)
	@echo "· types" && $(BIN)/mypy --no-error-summary

contracts: $(READY)
	@echo "· import contracts" && $(BIN)/lint-imports --no-logo > .contracts.log || (cat .contracts.log; exit 1)
	@rm -f .contracts.log

schemas: $(READY)
	@echo "· event schemas are compatible with what is committed" && $(BIN)/python -m shared.events.schemas check

migrations: $(READY)
	@echo "· migrations make the tables that the code describes" && $(BIN)/python -m deploy.local.migrations check

compose: $(READY)
	@echo "· docker-compose.yml" && $(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

bench: $(READY) ## Measure against a bare loop; ARGS="points --json points.json"
	@$(RUN) bench $(ARGS)

mutants: $(READY) ## Change the code at random and show what no test notices; AREA=points SEED=1,2,3 COUNT=45
	@$(BIN)/python -m deploy.mutants $(AREA) --seed $(SEED) --count $(COUNT) $(ARGS)

secrets: $(READY) ## Write .env with random passwords and keys for docker compose
	@$(RUN) secrets

clean: ## Remove .venv and caches, not the state
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutants .coverage*
