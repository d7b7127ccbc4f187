"""Every registered name can be imported, and importing is fast."""

from __future__ import annotations

import configparser
import importlib
import subprocess
import sys

import pytest
import spacy
from spacy.cli.debug_config import debug_config
from spacy.util import registry

from tests.conftest import REPO


def entry_points():
    config = configparser.ConfigParser()
    config.read(REPO / "setup.cfg")
    for group, lines in config["options.entry_points"].items():
        for line in lines.strip().splitlines():
            name, _, target = line.partition("=")
            yield pytest.param(group, name.strip(), target.strip(), id=f"{group}:{name.strip()}")


@pytest.mark.parametrize(("group", "name", "target"), list(entry_points()))
def test_every_entry_point_resolves(group, name, target):
    module, _, attribute = target.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))
    if group not in ("spacy_factories", "spacy_cli"):
        assert registry.get(group.partition("_")[2], name) is not None


def test_a_new_language_has_the_factory():
    assert spacy.blank("xx").has_factory("mluke")


def test_the_defaults_of_the_factory_are_complete():
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke")
    config = nlp.config["components"]["mluke"]
    assert config["model"]["@architectures"] == "spacy-mluke.Encoder.v1"
    assert config["model"]["name"] == "mluke-small"
    assert config["suggester"]["@misc"] == "spacy-mluke.ents_suggester.v1"
    assert config["keep_token_states"] is True


def test_importing_the_factories_and_align_imports_no_heavy_packages():
    factories = [param.values[2].partition(":")[0] for param in entry_points() if param.values[0] == "spacy_factories"]
    code = (
        f"import sys, spacy_mluke.align, spacy_mluke.suggesters.entities, {', '.join(factories)}\n"
        "heavy = {'transformers', 'spacy_transformers', 'sentencepiece', 'tokenizers', 'safetensors', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("config", sorted(path.name for path in (REPO / "configs").glob("*.cfg")))
def test_spacys_debug_config_finds_no_errors(config):
    # `spacy debug config` calls this function, which exits on an error. A new process would be 10 times slower.
    debug_config(REPO / "configs" / config, overrides={"paths.train": "train.spacy", "paths.dev": "dev.spacy"})
