"""The options that the guides explain exist, and every option of a component is in its guide."""

from __future__ import annotations

import re

import pytest
import spacy

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
