# Every target sets up what it needs. `make` and `make help` list them.
SHELL := bash
VENV  ?= .venv
BIN   := $(VENV)/bin
ARGS  ?=
# folder of the development sets, for `make quality`; without it the shipped samples and a small simulated world
DATA  ?=
FAST  ?=
export DATA FAST

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

quality: ## quality: figures asked and reached, with peers, on the shipped data (or DATA=folder of the development sets)
	@scripts/setup-venv dev
	@scripts/setup-peers
	@$(BIN)/python -m benchmarks.quality.suite $(ARGS)

docs: ## write the reference pages anew, fail if they had gone stale, and check every link
	@scripts/setup-venv dev
	@$(BIN)/python -m scripts.docs; code=$$?; $(BIN)/python -m pytest -q tests/docs/test_links.py && exit $$code
