# Everything a user or a developer does with otpvoice. `make` alone lists it.
# Nothing here needs root, and nothing outside .venv, demo/ and the rig's folder is changed; but for the container images,
# where no engine runs that could be asked.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Programs that were unpacked and not installed, see tests/rig/setup.sh; the machine's own come first.
RIG := $(or $(OTPVOICE_RIG),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/otpvoice)
export PATH := $(PATH):$(RIG)/bin

# make demo TO=+15550100 CODE=493817
TO ?=
CODE ?=
ifneq ($(TO),)
export TO
endif
ifneq ($(CODE),)
export CODE
endif

# make test PYTEST_ARGS="-k digits"
PYTEST_ARGS ?=
# More than there are cores on the smallest machine: real calls mostly wait, for somebody to speak or to pick up.
WORKERS ?= 5
# What Python and pytest make of each file is kept, whatever is set here: else each worker, and each service that a test
# starts, makes it anew.
unexport PYTHONDONTWRITEBYTECODE

UV := 0.13.8
COMPILE = build/lock/bin/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet $(if $(UPGRADE),--upgrade) pyproject.toml

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: demo
demo: venv rig-demo ## places one OTP call through a real Asterisk, and shows it (TO=, CODE=)
	@.venv/bin/otpvoice demo

.PHONY: test
test: venv rig ## sets up all that the tests need, and runs every one (PYTEST_ARGS=)
	@rm -f .pytest_cache/exit
	@$(MAKE) --no-print-directory -j 2 lint compiled
	.venv/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) || \
		{ code=$$?; mkdir -p .pytest_cache; echo $$code >.pytest_cache/exit; exit $$code; }

# What pytest makes of each file: in a fresh clone two processes make it, before all of the workers would. They need as long
# as mypy does, which has one core: both run side by side.
.PHONY: compiled
compiled: venv
	@compgen -G 'tests/core/__pycache__/*-pytest-*.pyc' >/dev/null || { \
		for half in 'tests/[a-d]*' 'tests/[e-z]*'; do .venv/bin/pytest -q --collect-only $$half >/dev/null & done; wait; }

.PHONY: test-again
test-again: venv rig ## the few that failed last time once more, alone: says which of them pass so
	@.venv/bin/python -m tests.rig.again

.PHONY: lint
lint: venv ## style and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

.PHONY: audit
audit: venv ## known vulnerabilities of what otpvoice needs at run time (without a network it says so)
	@.venv/bin/python -m tests.rig.audit

.PHONY: bench
bench: venv rig ## the benchmarks, in one table
	.venv/bin/python -m benchmarks

.PHONY: faults
faults: venv rig ## somebody dies at each point of a call: the crash table of docs/faults.md (7 minutes)
	.venv/bin/python -m tests.faults.matrix

.PHONY: soak soak-streams
soak: venv rig ## half an hour of calls while all parts fail at random, and the checker at its end (MINUTES=, SEED=, RATE=)
	@MINUTES=$(MINUTES) SEED=$(SEED) RATE=$(RATE) .venv/bin/python -m tests.soak
soak-streams: venv rig ## a hundred streams on the real Asterisk for a minute: what is lost of them
	.venv/bin/python -m benchmarks --only soak

# With a container engine: one that runs, or as root one that is started for this alone, or, where OTPVOICE_IMAGES=install
# allows it, one that is installed. OTPVOICE_IMAGES="install require": to have none is a failure. See tests/images/engine.sh.
.PHONY: image image-test
image: ## the container images otpvoice and otpvoice-asterisk
	@tests/images/engine.sh tests/images/build.sh
image-test: venv ## builds them, places a call through docker/compose.yaml, looks at what is inside (exit code 77: no engine)
	@mkdir -p .pytest_cache; rm -f .pytest_cache/image-exit
	@tests/images/engine.sh tests/images/test.sh || { code=$$?; echo $$code >.pytest_cache/image-exit; exit $$code; }

.PHONY: docs
docs: venv ## what is made from the code: tables in docs/, the OpenAPI document
	@.venv/bin/python -m tests.docs.outcome_table
	@.venv/bin/python -m tests.docs.argument_table
	@.venv/bin/python -m tests.docs.number_table
	@.venv/bin/python -m tests.docs.language_table
	@.venv/bin/python -m tests.docs.doctor_table
	@.venv/bin/python -m tests.docs.settings_table
	@.venv/bin/python -m tests.docs.licence_table
	@.venv/bin/python -m tests.docs.metric_table
	@.venv/bin/python -m tests.docs.fault_table
	@.venv/bin/python -m tests.docs.error_index
	@.venv/bin/python -m tests.docs.word_table
	@.venv/bin/python -m tests.docs.openapi_document

.PHONY: venv
venv: ## the virtual environment, .venv
	@tests/rig/venv.sh .venv

.PHONY: rig rig-demo
rig: ## Asterisk and its prompts, Redis, espeak-ng, flite, SIPp, baresip, promtool, fail2ban, nft, nginx: what is not installed is unpacked, without root
	@tests/rig/setup.sh test
rig-demo:
	@tests/rig/setup.sh demo

.PHONY: lock
lock: ## resolves the requirements again (UPGRADE=1: to the newest)
	@test -x build/lock/bin/uv || { python3 -m venv build/lock && build/lock/bin/pip install --quiet uv==$(UV); }
	$(COMPILE) --output-file requirements/runtime.txt
	$(COMPILE) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt

.PHONY: clean distclean
clean: ## removes what was made in this folder
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo/heard.wav
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
distclean: clean ## removes the unpacked programs, too
	rm -rf "$(RIG)/bin" "$(RIG)/roots" "$(RIG)/engine" "$(RIG)/.lock" "$(RIG)/.work"
