# Every target is one or two lines; the work is in scripts/. Paths are relative, so the folder's name may hold spaces.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
PYTHON ?= python3
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes -r
UV_COMPILE := UV_CUSTOM_COMPILE_COMMAND='make lock' uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links

.PHONY: help setup setup-dev run demo test soak lint check check-config prices doctor poll report gateway bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: .venv/.stamp-runtime ## Make .venv and install what running needs

setup-dev: .venv/.stamp-dev ## Make .venv and install what testing needs, too

# The text goes through the environment, unexpanded: quotes, $ and newlines in a task stay what they are.
run: override export REPO := $(value REPO)
run: override export TASK := $(value TASK)
run: setup ## Run one task: make run REPO=folder TASK='text' [OPTIONS='-n --explain']
	@./orchestrate.sh $(OPTIONS) "$${REPO:?is missing: make run REPO=folder TASK=text}" "$${TASK:?is missing: make run REPO=folder TASK=text}"

demo: setup ## See it work, without keys or a network
	@scripts/demo.sh

test: ## Run the linters and every test
	@scripts/test.sh

soak: ## Run the long stress tests, too
	@scripts/test.sh --soak

lint: setup-dev ## Run the linters
	@scripts/lint.sh

check: lint check-config ## Before a commit: linters, config, quick unit tests
	@.venv/bin/python -m pytest -q -n 2 -m 'not slow and not soak' tests/python

check-config: setup ## Name every problem in config/
	@.venv/bin/python -I -X utf8 lib check-config

prices: setup-dev ## Write config/prices.json anew
	@scripts/prices.sh

doctor: ## Tell what works, what does not, and what to do
	@scripts/doctor.sh

poll: setup ## Renew the usage figures of the providers (for cron: scripts/poll_usage.sh)
	@scripts/poll_usage.sh

gateway: setup .venv-gateway/.stamp ## Install and run the LiteLLM proxy: make gateway [OPTIONS='--config FILE --port N']
	@scripts/litellm_proxy.sh $(OPTIONS)

report: setup ## Print what was spent and saved: make report [OPTIONS='--this-month --detailed']
	@scripts/report.sh $(OPTIONS)

bench: setup ## Measure decisions, books, logs, polling, memory and the report
	@scripts/bench.sh

lock: ## Resolve the dependencies anew (needs uv)
	$(UV_COMPILE) requirements.in -o requirements.txt
	$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt
	$(UV_COMPILE) requirements-gateway.in -o requirements-gateway.txt

clean: ## Remove .venv, caches and the demo's logs; never your settings, state or logs
	rm -rf .venv .venv-gateway build dist logs/demo tests/clients/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find lib scripts tests -type d -name __pycache__ -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make setup PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear .venv

.venv/.stamp-runtime: requirements.txt .venv/pyvenv.cfg
	.venv/bin/python $(PIP_INSTALL) requirements.txt
	@touch $@

# The proxy wants other versions of what we use: it has a place of its own, and nothing here imports it. Its list
# constrains, too: pip would else look at a newer pydantic for pydantic[email], and refuse it for its hash.
.venv-gateway/.stamp: requirements-gateway.txt
	$(PYTHON) -m venv --clear .venv-gateway
	.venv-gateway/bin/python $(PIP_INSTALL) requirements-gateway.txt -c requirements-gateway.txt
	@touch $@

.venv/.stamp-dev: requirements-dev.txt .venv/.stamp-runtime
	.venv/bin/python $(PIP_INSTALL) requirements-dev.txt
	@touch $@
