# make dev and make test are all that is needed: both set up what is missing first, and are quick when nothing is.
.DEFAULT_GOAL := help
.PHONY: help setup dev test test-clients check checklist recording reference clean

BIN := .venv/bin
# Tests that share one engine and need the machine for themselves; the others run in several processes.
ALONE := tests/engine tests/faults

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22
	@echo '  make dev ARGS="--port 9000" passes flags on; PADDOCK_ENGINE=cpu|gpu|none chooses the engine to install'

setup: ## create .venv and install Paddock with its engine
	@.ci/setup

dev: setup ## start the dev server with the demo handler
	@trap : INT; $(BIN)/paddock dev $(ARGS) || [ $$? -eq 130 ] # 130 is ctrl-C, the ordinary end

check: setup ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tests/typing/check.py

test: check ## check, then the whole test suite; with ARGS, what they ask of pytest
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest $(ALONE)
else
	$(BIN)/python -m pytest $(ARGS)
endif

test-clients: setup ## install published clients, and test with them; ARGS go to pytest
	@.ci/clients
	@$(BIN)/python -m pytest -m clients --junitxml=.cache/clients/results.xml $(ARGS); code=$$?; \
	$(BIN)/python tests/integration/clients/report.py .cache/clients/results.xml; exit $$code

checklist: setup ## count the checklist numbers that tests cover; ARGS=--write corrects the page
	$(BIN)/python tests/checklist.py $(ARGS)

recording: setup ## record a session of the dev server anew, with the real engine: worker/RECORDING.md
	$(BIN)/python tests/recording.py

reference: setup ## write what the documentation says of commands and configuration
	$(BIN)/python tests/reference.py --write

clean: ## remove .venv and everything that was generated
	rm -rf .venv .cache .paddock build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
