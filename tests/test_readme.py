"""What the README shows works as shown."""

from __future__ import annotations

import re

import pytest
import spacy

from spacy_mluke.pipeline.base.defaults import ENCODER
from spacy_mluke.pipeline.mluke.factory import MLUKE
from tests.conftest import REPO

README = (REPO / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_python_block_runs(block):
    # Blocks after the first go on with a pipeline; a hub's checkpoint is not fetched before a document comes.
    exec(block, {"nlp": spacy.blank("xx")})


def test_the_first_example_gives_what_its_comments_say():
    namespace = {}
    exec(BLOCKS[0], namespace)
    doc = namespace["doc"]
    assert doc.ents[0]._.mluke_vector.shape == (384,)
    assert doc._.mluke.vectors.shape == (2, 384)
    assert doc._.mluke.token_vectors.shape == (7, 384)


@pytest.mark.parametrize("option", [*MLUKE, *ENCODER])
def test_every_option_is_documented(option):
    if option not in ("model", "@architectures"):
        assert f"`{option}`" in README or option == "suggester"


def test_links_to_files_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (REPO / target).exists(), target


def test_the_readme_begins_with_the_two_commands():
    head = README[:400]
    assert "make demo" in head
    assert "make test" in head
