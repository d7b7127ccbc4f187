# Every target installs what it needs into .venv; only Python 3.10 or newer must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test browser lint bench smoke docs mluke-small xx-mluke-small knowledge clean

demo: $(READY)
	$(BIN)/python -m spacy_mluke demo

test: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Run the tests in a browser. Chromium must be there; on Debian: apt-get install chromium.
browser: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[browser]"
	$(BIN)/python -m pytest tests/serve/test_explorer.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-manifest --no-build-isolation

bench: $(READY)
	$(BIN)/python -m benchmarks

# Run every command of project.yml on a few sentences.
smoke: $(READY)
	$(BIN)/python -m spacy project run smoke

# Build the documentation site in out/site. The theme's announcement of its successor is turned off.
docs: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# Rebuild the bundled checkpoint from public sources.
mluke-small: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[build]"
	$(BIN)/python -m spacy project run mluke-small projects/mluke_small

# Build the ready-made pipeline from the data that projects/xx_mluke_small/manifest.json lists.
xx-mluke-small: $(READY)
	$(BIN)/python -m spacy project run xx_mluke_small projects/xx_mluke_small

# Build the knowledge base, and train what links to it, from the data that their README files list.
knowledge: $(READY)
	$(BIN)/python -m spacy project run knowledge projects/knowledge

$(READY): setup.cfg setup.py pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $(READY)

clean:
	rm -rf $(VENV) build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis
