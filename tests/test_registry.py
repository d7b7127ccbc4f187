"""Every registered name resolves, and none costs anything before it is used."""

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


def test_the_factory_is_known_to_a_new_language():
    assert spacy.blank("xx").has_factory("mluke")


def test_the_factorys_defaults_are_complete():
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke")
    config = nlp.config["components"]["mluke"]
    assert config["model"]["@architectures"] == "spacy-mluke.Encoder.v1"
    assert config["model"]["name"] == "mluke-small"
    assert config["suggester"]["@misc"] == "spacy-mluke.ents_suggester.v1"
    assert config["keep_token_states"] is True


def test_importing_the_package_and_its_factories_loads_nothing_heavy():
    code = (
        "import sys, importlib.util\n"
        "before = set(sys.modules)\n"
        "import spacy_mluke, spacy_mluke.align, spacy_mluke.entities\n"
        "heavy = {'transformers', 'spacy_transformers', 'sentencepiece', 'safetensors'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("config", sorted(path.name for path in (REPO / "configs").glob("*.cfg")))
def test_spacys_debug_config_is_clean(config):
    # What `spacy debug config` calls, which exits where it finds a fault; a process of its own takes ten times as long.
    debug_config(REPO / "configs" / config, overrides={"paths.train": "train.spacy", "paths.dev": "dev.spacy"})
