# Every target sets up what it needs. `make` and `make help` list them.
SHELL := bash
VENV  ?= .venv
BIN   := $(VENV)/bin
ARGS  ?=
# folder:budget, false pages per series-week (grids: per service-week)
DATA  ?= tests/data/grid_bike_sample:2 tests/data/nab_sample:0.5

.DEFAULT_GOAL := help
.PHONY: help demo test check bench quality docs

help: ## list these targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: ## ten simulated hours in about a minute: what wakes you, what is held, and why
	@scripts/setup-venv run
	@$(BIN)/tocsin demo $(ARGS)

test: ## all tests, with a real Kafka, Prometheus and browser (installs them where it may)
	@scripts/setup-venv dev
	@scripts/setup-parts
	@$(BIN)/python -m pytest $(ARGS)

check: ## style, types, the import ladder, and the tests that read the docs
	@scripts/setup-venv dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/docs -q

bench: ## speed: time and bytes a row, beside the memory limit and the peers
	@scripts/setup-venv dev
	@$(BIN)/python -m benchmarks.speed $(ARGS)

quality: ## quality: recall, precision and false pages on the shipped data (or DATA="folder:budget ...")
	@scripts/setup-venv dev
	@scripts/setup-peers
	@set -e; for set in $(DATA); do \
	  folder=$${set%:*}; \
	  $(BIN)/python -m benchmarks.quality $$folder --out out/quality/$$(basename $$folder) --budget $${set##*:} --peer fast --json out/quality/$$(basename $$folder).json $(ARGS); \
	done

docs: ## write the reference pages anew, fail if they had gone stale, and check every link
	@scripts/setup-venv dev
	@$(BIN)/python -m scripts.docs; code=$$?; $(BIN)/python -m pytest -q tests/docs/test_links.py && exit $$code
