"""Options that the documentation names exist, and guides explain all options of their components."""

from __future__ import annotations

import re

import pytest
import spacy

from spacy_mluke.cli._app import COMMANDS, load_command
from tests.conftest import REPO

GUIDES = {
    "vectors": "mluke",
    "ner": "mluke_ner",
    "relations": "mluke_relations",
    "typing": "mluke_typing",
    "qa": "mluke_qa",
    "cloze": "mluke_cloze",
    "linking": "mluke_linker",
    "mentions": "mluke_mentions",
    "pretraining": "mluke_pretraining",
}
# Every component has these; the reference explains them.
COMMON = {"model", "scorer"}


def names_in(options):
    for name, value in options.items():
        yield name
        if isinstance(value, dict):
            yield from names_in(value)


@pytest.mark.parametrize(("guide", "factory"), GUIDES.items())
def test_a_guide_explains_the_options_of_its_component(guide, factory):
    page = (REPO / "docs" / "guides" / f"{guide}.md").read_text(encoding="utf8")
    options = spacy.blank("xx").get_factory_meta(factory).default_config
    (section,) = re.findall(r"^## Options that matter\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"\*\*`(\w+)`\*\*|^\| `(\w+)` \|", section, re.MULTILINE))
    assert {name for pair in named for name in pair if name} <= set(names_in(options))
    assert {name for name in options if f"`{name}`" not in page} <= COMMON


def options_of(command):
    """Return the visible options of a command, and of its subcommands."""
    parts = [command, *getattr(command, "commands", {}).values()]
    return {
        opt
        for part in parts
        for param in part.params
        if not getattr(param, "hidden", False)
        for opt in param.opts + param.secondary_opts
    }


OPTIONS = {name: options_of(load_command(name)) for name in COMMANDS}
PAGES = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md")), *sorted((REPO / "configs").rglob("*.cfg"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_of_commands_exist(page):
    for command, rest in re.findall(r"python -m spacy_mluke ([a-z][\w-]*)([^\n`#]*)", page.read_text(encoding="utf8")):
        # Options with a dot set values of a config.
        used = {opt for opt in re.findall(r" (--?[a-z][\w.-]*)", rest) if "." not in opt}
        assert used <= OPTIONS[command], command
