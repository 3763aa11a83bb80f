# Everything stays inside this folder: no root, no Docker, nothing to prepare by hand. `make` alone tells what there is.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := $(BIN)/uv
# Neither a registry's certificates nor its address is our business; the interpreter is the one that was chosen above.
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# How many examples each property is tried with.
export EXAMPLES ?= 40
# Demo and tests start a hundred processes: what one of them has compiled, the next need not compile again.
unexport PYTHONDONTWRITEBYTECODE

INSTALLED := .venv/.installed
KAFKA := .local/kafka/.installed
SYNAPSE := .venv-synapse/.installed
FUZZ := .venv-fuzz/.installed
BOVINE := .venv-bovine/.installed
FEDIFY := tests/real/fedify/node_modules/.package-lock.json

say = @printf '\033[1m▸ %s\033[0m\n' $(1)

.PHONY: help install kafka synapse demo test unit test-long test-real check lint bench chaos fuzz lock clean

help: ## Prints what each target does
	@printf "Trait d'union — relie les réseaux sociaux internes des ministères.\n\n"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  Needs Python 3.11+, Java 17+ and Maven. Another Python: make PYTHON=python3.12 …\n'

install: $(INSTALLED) ## Installs the Python part into .venv (once; again when the lock changes)

kafka: $(KAFKA) ## Copies a real Kafka broker into .local/kafka (Maven)

synapse: $(SYNAPSE) ## Installs a real Matrix server, Synapse, into .venv-synapse

demo: install kafka $(if $(filter synapse,$(RSE)),synapse) ## Plays the whole way; ONCE=1 checks and ends, RSE=synapse uses a real Matrix server
	@$(BIN)/traitdunion demo $(if $(ONCE),--once) $(if $(RSE),--rse $(RSE))

test: install kafka ## Runs the tests, five minutes; EXAMPLES=1000 tries that many of each property
	$(call say,'Tests')
	@$(BIN)/pytest -q -n 3 --dist loadfile -m 'not real and not long' --ignore tests/e2e
	$(call say,'Whole systems one at a time')
	@$(BIN)/pytest -q -m 'not real and not long' tests/e2e

test-long: install kafka ## Runs the tests that take long: faults, floods, histories, generated stories, the integrators' page
	$(call say,'Tests that take long')
	@$(BIN)/pytest -q -n 2 --dist loadfile -m 'long and not real'

unit: install ## Runs the unit tests alone, in seconds, half and half: a quarter as many examples of each property
	@ls tests/unit/test_*.py | EXAMPLES=$$(($(EXAMPLES) / 4)) xargs -P 2 -n $$((($$(ls tests/unit/test_*.py | wc -l) + 1) / 2)) $(BIN)/pytest -q

test-real: install kafka synapse $(BOVINE) $(FEDIFY) ## Runs the tests against servers that others wrote: Synapse, bovine, Fedify
	$(call say,'Tests against servers that others wrote')
	@$(BIN)/pytest -q -m real

check: lint test test-long test-real ## Does all that CI does: lint, test, test-long, test-real

lint: install ## Format, rules, types and who may import whom
	$(call say,'Format and rules (ruff)')
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	$(call say,'Types (mypy)')
	@$(BIN)/mypy
	$(call say,'Imports (import-linter)')
	@$(BIN)/lint-imports --no-logo

bench: install kafka ## Measures this machine: each figure beside its own ceiling
	@$(BIN)/python -m tests.bench

chaos: install kafka ## Breaks everything for a while, then compares every RSE; SEED=, MINUTES=, TWINS=, RATE=, BEYOND=1
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(TWINS),--twins $(TWINS)) \
		$(if $(RATE),--rate $(RATE)) $(if $(BEYOND),--beyond)

fuzz: install $(FUZZ) ## Throws bytes at all that reads strangers' bytes (atheris, Linux); SECONDS=60 of each target
	@.venv-fuzz/bin/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS))

lock: install ## Compiles the lock files again, with hashes and without addresses
	$(call say,'Locking Python packages')
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group dev pyproject.toml -o requirements.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group image --constraints requirements.lock pyproject.toml -o deploy/requirements.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group fuzz --constraints requirements.lock pyproject.toml -o tests/fuzz/requirements.lock
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		deploy/synapse/requirements.in -o deploy/synapse/requirements.lock
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		tests/real/bovine/requirements.in -o tests/real/bovine/requirements.lock
	@! command -v npm >/dev/null || { npm update --silent --package-lock-only --prefix tests/real/fedify && node tests/real/fedify/lock.mjs; }

clean: ## Removes all that was installed and made in this folder
	@rm -rf .venv .venv-synapse .venv-fuzz .venv-bovine tests/real/fedify/node_modules .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

# --- what is made once ---------------------------------------------------------------------------------------------

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or later is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	$(call say,'Making .venv')
	@$(PYTHON) -m venv .venv || { echo "Python's own venv module is missing: install it (on Debian and Ubuntu: python3-venv)." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): requirements.lock pyproject.toml | $(UV)
	$(call say,'Installing Python packages (a minute with a cold cache)')
	@$(UV) pip sync --quiet --compile-bytecode requirements.lock
	@$(UV) pip install --quiet --no-deps --editable .
	@$(BIN)/python -m compileall -q adapters deploy hub schemas tests
	@touch $@

$(KAFKA): deploy/kafka/pom.xml
	@java -version >/dev/null 2>&1 || { echo "Java 17 or later is needed, with 'java' on the path." >&2; exit 1; }
	@java -version 2>&1 | awk -F '"' '/version/ { split($$2, part, "."); if (part[1] + 0 < 17) \
		{ print "Java 17 or later is needed; this is " $$2 "." > "/dev/stderr"; exit 1 } }'
	@command -v mvn >/dev/null || { echo "Maven is needed, with 'mvn' on the path." >&2; exit 1; }
	$(call say,'Copying Kafka from Maven (44 MB)')
	@rm -rf .local/kafka
	@mvn -q -B -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/.local/kafka"
	@touch $@

$(SYNAPSE): deploy/synapse/requirements.lock | $(UV)
	$(call say,'Installing Synapse into .venv-synapse (half a minute)')
	@test -x .venv-synapse/bin/python || $(UV) venv --quiet --python $(BIN)/python .venv-synapse
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-synapse/bin/python deploy/synapse/requirements.lock
	@.venv-synapse/bin/python -c 'import synapse'
	@touch $@

$(FUZZ): tests/fuzz/requirements.lock | $(UV)
	$(call say,'Installing a fuzzer into .venv-fuzz')
	@test -x .venv-fuzz/bin/python || $(UV) venv --quiet --python $(BIN)/python .venv-fuzz
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-fuzz/bin/python tests/fuzz/requirements.lock
	@touch $@

$(BOVINE): tests/real/bovine/requirements.lock | $(UV)
	$(call say,'Installing bovine into .venv-bovine')
	@test -x .venv-bovine/bin/python || $(UV) venv --quiet --python $(BIN)/python .venv-bovine
	@$(UV) pip sync --quiet --compile-bytecode --python .venv-bovine/bin/python tests/real/bovine/requirements.lock
	@.venv-bovine/bin/python -c 'import bovine'
	@touch $@

# Where there is no Node.js, its tests are skipped and say so.
$(FEDIFY): tests/real/fedify/package-lock.json
	$(call say,'Installing Fedify into tests/real/fedify')
	@if node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; \
		then npm ci --silent --prefix tests/real/fedify && touch $@; else echo "Node.js 20 or later is missing: no test against Fedify."; fi
