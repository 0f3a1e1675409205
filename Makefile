# Every command of the README, of CI and of daily work. PYTHON is any Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data

.PHONY: setup app check test chromium weights bench sweeps gallery site tables efficiency lock audit load

setup: $(VENV)/ready

$(VENV)/ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

app: setup
	$(BIN)/streamlit run app.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 -m "not slow and not browser"

# A frame rate can only be measured while nothing else runs: those tests come last, one at a time.
test: setup chromium
	$(BIN)/pytest -q -n 2 -m "not browser"
	$(BIN)/pytest -q -n 2 --dist loadfile -m "browser and not alone" --reruns 2
	$(BIN)/pytest -q -m alone --reruns 2

# The browser tests drive Debian's Chromium; without it they skip and say so.
chromium:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -q && apt-get install -y -q chromium; \
	else echo "chromium is not installed: the browser tests will be skipped (apt-get install chromium)"; fi

bench: setup
	$(BIN)/python -m benchmarks.bench

# Each goes on where it stopped. A look at the first thousand test images: TABLES="--levels none --limit 1000".
tables: setup
	$(BIN)/python -m e2viz tables --data $(DATA) $(TABLES)

efficiency: setup
	$(BIN)/python -m benchmarks.efficiency

# The trained models; and what is made from them, to be run after any of them changed.
weights: setup
	$(BIN)/python -m e2viz models

sweeps: setup
	$(BIN)/python -m e2viz make sweeps
	$(BIN)/python -m e2viz make results
	$(BIN)/python -m e2viz make panels

# Static pages for any web host: SITE=folder to write them elsewhere.
SITE ?= build/site
site: setup
	$(BIN)/python -m e2viz site $(SITE)

gallery: sweeps
	$(BIN)/python -m e2viz make gallery $(if $(wildcard $(DATA)),--data $(DATA))
	$(BIN)/python -m e2viz make icon
	$(BIN)/python -m e2viz models --write README.md

# The exact versions that the tests ran with; and a comparison with the published advisories, where the network allows.
lock: setup
	$(BIN)/python .ci/lock.py

audit: setup
	$(BIN)/pip check
	@$(BIN)/pip install --quiet pip-audit && $(BIN)/pip-audit --no-deps -r requirements.lock \
	|| echo "advisories were not compared: they need the network"

# Twenty people at once, without browsers; for figures that mean something, on a machine that does nothing else.
load: setup
	$(BIN)/python -m benchmarks.load --people 20 --rounds 5
