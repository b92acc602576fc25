# `make` alone prints what there is. The first `make reproduce` or `make test` builds .venv; later calls start at once.

PYTHON ?= python3
VENV ?= .venv
PROFILE ?=
TORCH ?=
TESTERS ?= 2
DATA_DIR ?=
SEEDS ?=
AUTHORS ?=
PORT ?=
LAB ?=

PY := $(VENV)/bin/python
READY := $(VENV)/.ready
BUILDING := $(VENV)/.building
PINS := constraints.txt
RUN := $(PY) -m cfa_pages
FOR_PROFILE := $(if $(PROFILE),--profile "$(PROFILE)") $(if $(DATA_DIR),--data-dir "$(DATA_DIR)") $(if $(SEEDS),--seeds "$(SEEDS)")

# TORCH=keep: the torch and torchvision that are there stay; all that belongs to their build is not pinned.
ifeq ($(TORCH),keep)
PINS := $(VENV)/constraints.txt
SITE := --system-site-packages
else ifneq ($(TORCH),)
$(error TORCH=$(TORCH) is unknown; there is TORCH=keep, which keeps the torch and torchvision that are installed)
endif

.PHONY: help reproduce render test test-fast test-browser lab status bench lint format clean

help:
	@echo "make reproduce   train what is missing, then draw every page  (default: PROFILE=fashion)"
	@echo "                 SEEDS=10: on ten seeds (1 to 20); SEEDS=50-59: on others"
	@echo "                 PROFILE=cifar10-quick wants a GPU; DATA_DIR=... trains on a folder of images instead"
	@echo "make render      draw every page from the published records, without training  (PROFILE=...)"
	@echo "make status      what is finished, missing or stale, and what is left in time and disk  (PROFILE=...)"
	@echo "make lab         open the notebooks in JupyterLab  (PORT=8890; LAB=... further options of JupyterLab)"
	@echo "make test        all tests;  make test-fast: without the slow ones;  make test-browser: every notebook in Chromium"
	@echo "make bench       what a training step costs  (AUTHORS=... the released code, to compare with)"
	@echo "make lint        check code and notebooks;  make format: format them"
	@echo "make clean       remove caches and .venv; never runs/ or outputs/"
	@echo
	@echo "The first call builds .venv (some minutes, about 6 GB with torch). PYTHON=... names a Python of at least 3.11."
	@echo "TORCH=keep keeps your own torch and torchvision (another CUDA build, or CPU only): those of PYTHON, or those"
	@echo "that you put into .venv:  $(PYTHON) -m venv .venv && .venv/bin/pip install torch torchvision [your options]"

reproduce: $(READY)
	@$(RUN) reproduce $(FOR_PROFILE)

render: $(READY)
	@$(RUN) render $(FOR_PROFILE)

status: $(READY)
	@$(RUN) status $(FOR_PROFILE)

test: $(READY)
	@$(PY) -m pytest -q -n $(TESTERS) --dist loadscope --no-loadscope-reorder

test-fast: $(READY)
	@$(PY) -m pytest -q -n $(TESTERS) --dist loadscope --no-loadscope-reorder -m "not slow and not gpu and not browser"

test-browser: $(READY)
	@$(PY) -c 'import playwright' 2>/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check -e '.[browser]'
	@$(PY) -m pytest -q -m browser tests/test_browser.py

# Also as root, as in a container; with the kernel of $(VENV) alone, so that no other environment's can be chosen.
lab: $(READY)
	@$(PY) -m jupyterlab --allow-root --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	    --KernelSpecManager.allowed_kernelspecs=python3 $(if $(PORT),--port=$(PORT) --ServerApp.port_retries=0) $(LAB)

bench: $(READY)
	@$(PY) -m benchmarks.all --quick $(if $(AUTHORS),--authors "$(AUTHORS)")

lint: $(READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(READY)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# A venv whose building was interrupted is started anew; one that somebody else made is only added to.
$(READY): pyproject.toml constraints.txt $(wildcard docs/nbconvert/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "cfa-nb needs Python 3.11 or newer, and $(PYTHON) is not; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if [ -e $(BUILDING) ] && [ "$(TORCH)" != keep ]; then echo "$(VENV) is half-built: starting anew"; rm -rf $(VENV); fi
	@echo "setting up $(VENV), once; this takes some minutes"
	@[ -e $(VENV) ] || [ "$(TORCH)" = keep ] || { mkdir -p $(VENV) && touch $(BUILDING); }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(SITE) $(VENV)
ifeq ($(TORCH),keep)
	@$(PY) -c 'import torch, torchvision' || { \
	    echo "TORCH=keep, but $(PY) finds no torch and torchvision; install yours first (see make help)" >&2; exit 1; }
	@grep -vE '^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==' constraints.txt > $(PINS)
endif
	@$(PY) -m pip install --quiet --disable-pip-version-check -c $(PINS) -e '.[pages,dev]'
	@mkdir -p $(VENV)/etc/jupyter $(VENV)/share/jupyter/nbconvert/templates
	@cp docs/nbconvert/jupyter_nbconvert_config.json $(VENV)/etc/jupyter/
	@cp -r docs/nbconvert/cfa $(VENV)/share/jupyter/nbconvert/templates/
	@rm -f $(BUILDING) && touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find cfa_nb cfa_pages tests notebooks -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
