# Every target is a thin call; what is done, and how, is in sedna-dash itself.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help build lint test verify check deploy docs docs-site demo bench clean tools

help: ## Show what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "No venv could be made; on Debian install python3-venv, then run make again." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --editable '.[dev]'
	@touch $@

build: $(READY) ## Render dashboards, rules and charts (sets up .venv when there is none)
	@$(BIN)/sedna-dash build
	@$(BIN)/sedna-dash rules build
	@$(BIN)/sedna-dash chart
	@$(BIN)/sedna-dash stack

lint: $(READY) ## Check dashboards and rules, and the code that makes them
	@$(BIN)/sedna-dash lint --strict
	@$(BIN)/sedna-dash rules check
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

tools: # Prometheus and promtool, which the tests run for real
	@.ci/tools

test: $(READY) tools ## Run all tests
	@$(BIN)/python -m pytest

verify: $(READY) tools ## Simulate a site, and prove panel by panel that data arrives
	@$(BIN)/python -m tests.proof

check: lint ## Fail when anything is wrong or build/ or docs/ is not up to date
	@$(BIN)/sedna-dash build --check
	@$(BIN)/sedna-dash rules build --check
	@$(BIN)/sedna-dash chart --check
	@$(BIN)/sedna-dash stack --check
	@$(BIN)/sedna-dash docs --check

deploy: $(READY) ## Deploy to the Grafana at GRAFANA_URL, with the token in GRAFANA_TOKEN
	@$(BIN)/sedna-dash deploy

docs: $(READY) ## Write the reference pages in docs/reference
	@$(BIN)/sedna-dash docs

docs-site: $(READY) ## Build the site of the docs in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

demo: $(READY) tools ## Show everything at work without a cluster; STORY=alarms tells another story
	@$(BIN)/sedna-dash demo $(if $(STORY),--story $(STORY))

bench: $(READY) ## Measure speed against its floor
	@$(BIN)/python -m tests.bench

clean: ## Remove what can be made again, but not build/, which is committed
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
