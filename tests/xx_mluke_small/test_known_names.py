"""The sentences that `xx_mluke_small` learns from what known names say."""

from __future__ import annotations

import spacy

from scripts.xx_mluke_small.known_names import name_examples
from scripts.xx_mluke_small.training_files import NAME_FILES, NAMES, DataFolder
from spacy_mluke.extensions import install_extensions

SENTENCE = "Anna\tB-PER\nlebt\tO\nin\tO\nRom\tB-LOC\n\n"


def test_each_source_but_old_newspapers_gives_as_many_sentences(tmp_path):
    install_extensions()
    (tmp_path / NAMES).mkdir()
    for file in NAME_FILES:
        (tmp_path / NAMES / file).write_text(SENTENCE * 3, encoding="utf8")
    found = name_examples(spacy.blank("xx"), DataFolder(tmp_path), 2)
    n_old = sum("europeana" in file for file in NAME_FILES)
    assert len(found) == 2 * (len(NAME_FILES) - n_old)
    assert [ent.label_ for ent in found[0].reference.ents] == ["PER", "LOC"]
