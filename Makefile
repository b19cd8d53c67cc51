# Lettershop from a clone. Nothing outside the package registries is reached; no root is needed to run it.
#
#   make demo     the main job, from nothing              make test    everything that CI runs
#   make serve    the server on its embedded default      make lint    format, lint, types, layers
#   make bench    the benchmarks                          make screens screenshots of every screen

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
ARGS   ?=

.PHONY: demo serve test lint bench screens static pins clean
.DELETE_ON_ERROR:

demo: $(VENV)/.runtime $(VENV)/.static
	@$(PY) -m lettershop demo $(ARGS)

serve: $(VENV)/.runtime $(VENV)/.static
	@$(PY) -m lettershop serve --here $(ARGS)

test: $(VENV)/.dev $(VENV)/.static $(VENV)/.system
	$(PY) -m ruff check src tests benchmarks tools
	$(PY) -m ruff format --check src tests benchmarks tools
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(VENV)/.dev
	$(PY) -m ruff format src tests benchmarks tools
	$(PY) -m ruff check --fix src tests benchmarks tools
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/vulture
	$(VENV)/bin/deptry src

bench: $(VENV)/.dev
	@$(PY) -m benchmarks $(ARGS)

screens: $(VENV)/.dev $(VENV)/.static $(VENV)/.system
	@$(PY) tools/with_demo.py $(PY) tools/screens.py --make $(ARGS)

# -- set-up: each step leaves a mark, so a second run is fast --------------------------------------------------------

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed ($(PYTHON) was not found)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)."; exit 1; }

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Lettershop into $(VENV) …" >&2
	@tools/install runtime
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the development tools into $(VENV) …" >&2
	@tools/install dev
	@touch $@ $(VENV)/.runtime

# Front-end files: brought by npm from the pins in package-lock.json, never committed.
$(VENV)/.static: package.json package-lock.json tools/static_files.py | $(VENV)/bin/python
	@[ -e $(VENV)/.runtime ] || [ -e $(VENV)/.dev ] || $(MAKE) --no-print-directory $(VENV)/.runtime
	@tools/static
	@touch $@

# Chromium for the browser tests, where apt-get is there; without it those tests say why they skip.
$(VENV)/.system: | $(VENV)/bin/python
	@tools/system
	@touch $@

# New pins from pyproject.toml, without any index address in them.
pins: $(VENV)/.dev
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links pyproject.toml --extra static --extra dev -o requirements/dev.txt
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links pyproject.toml --extra static -c requirements/dev.txt -o requirements/runtime.txt

clean:
	rm -rf $(VENV) node_modules src/lettershop/servers/web/static/vendor
