"""The examples of the documentation run, and give what they say."""

from __future__ import annotations

import re

from tests.conftest import REPO


def run(page: str) -> dict:
    """Run the examples of a page; those fenced as `py` need a network."""
    text = (REPO / "docs" / page).read_text(encoding="utf8")
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    return names


def test_the_page_on_relations_finds_the_relation():
    (relation,) = run("relations.md")["doc"]._.mluke_relations
    assert (relation.head.text, relation.label, relation.tail.text) == ("Tokyo", "capital", "Japan")
    assert relation.score > 0.8


def test_the_page_on_typing_finds_two_types():
    doc = run("typing.md")["doc"]
    assert {span.label_ for span in doc.spans["mluke_types"]} == {"city", "place"}
    assert doc.ents[0]._.mluke_types["person"] < 0.5
