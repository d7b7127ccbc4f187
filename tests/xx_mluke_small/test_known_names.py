"""The sentences that `xx_mluke_small` learns from what known names say."""

from __future__ import annotations

import pytest
import spacy

from scripts.xx_mluke_small.known_names import name_examples, split_texts
from scripts.xx_mluke_small.training_files import NAME_FILES, NAMES, DataFolder
from spacy_mluke.extensions import install_extensions

SENTENCE = "Anna\tB-PER\nlebt\tO\nin\tO\nRom\tB-LOC\n\n"
OTHER = "Otto\tB-PER\nschläft\tO\n\n"


@pytest.fixture
def data(tmp_path):
    install_extensions()
    (tmp_path / NAMES).mkdir()
    for file in NAME_FILES:
        (tmp_path / NAMES / file).write_text(SENTENCE + OTHER + SENTENCE, encoding="utf8")
    return DataFolder(tmp_path)


def test_each_source_but_old_newspapers_gives_as_many_sentences(data):
    found = name_examples(spacy.blank("xx"), split_texts(data, 2))
    n_old = sum("europeana" in file for file in NAME_FILES)
    assert len(found) == 2 * (len(NAME_FILES) - n_old)
    assert {ent.label_ for eg in found for ent in eg.reference.ents} == {"PER", "LOC"}


def test_some_sentences_are_in_small_letters(data):
    found = name_examples(spacy.blank("xx"), split_texts(data, 3))
    n_lower = sum(eg.predicted.text.islower() for eg in found)
    assert 0 < n_lower < len(found) / 2


def test_words_are_not_counted_in_sentences_that_weights_are_learned_from(data):
    for part in split_texts(data, 1).values():
        assert {item.text for item in part.counted}.isdisjoint({item.text for item in part.learned})
