# Every target does its own set-up, from a bare checkout with python3 (3.11 or newer), make, and Node or nothing.
PYTHON ?= python3
PY := .venv/bin/python
PORT ?= 8000
NAME ?=
ARGS ?=

.PHONY: help setup demo serve test soak check bench stop clean
.NOTPARALLEL:

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-6s %s\n' "$$name" "$$text"; done

setup: ## install packages and compile the contracts (the other targets do it themselves)
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "make: $(PYTHON) is not installed: install Python 3.11 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) scripts/setup.py

demo: setup ## issue, trade, settle and reconcile a security on a chain of our own, in front of you
	@$(PY) -m demo $(ARGS)

serve: setup ## run web, worker, beat and engines on demo data until ctrl-C (PORT=8000)
	@exec $(PY) -m apps.core.devstack serve --port $(PORT) --demo-data $(ARGS)

test: setup ## run the tests
	@$(PY) -m pytest -n 3 -q --dist loadfile --no-loadscope-reorder -m "not soak" $(ARGS)

soak: setup ## run the long tests: kills, races, load
	@$(PY) -m pytest -q -m soak $(ARGS)

check: setup ## style, types, imports, migrations, API description, contracts
	@$(PY) scripts/check.py

bench: setup ## measure against the peers in bench/ (NAME=x measures one)
	@$(PY) -m bench $(NAME)

stop: ## end every server and process of this checkout
	@$(PYTHON) scripts/stop.py

clean: stop ## stop, and remove everything that can be made again (data, packages, builds)
	@rm -rf .local .venv contracts/node_modules contracts/build contracts/out contracts/cache staticfiles
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@echo "clean (.env is kept)"
