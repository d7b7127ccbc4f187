"""Names without what is written at them."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc

from spacy_mluke.kb.affixes import bare_name, bare_names
from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.store import STORE
from spacy_mluke.kb.store_build import StoreRow, build_store


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ankara'da", ["Ankara"]),
        ("Mustafa Kemal Atatürk\u2019ün", ["Mustafa Kemal Atatürk"]),
        ("AB'nin", ["AB"]),
        ("@NASA", ["NASA"]),
        ("#NewYork", ["NewYork", "New York"]),
        ("#İstanbul'da", ["İstanbul"]),
        ("@МарияКюри", ["МарияКюри", "Мария Кюри"]),
        ("Levi's", []),
        ("L'Aquila", []),
        ("O'Brien", []),
        ("Xi'an", []),
        ("ANKARA'DA", []),
        ("'da", []),
        ("@", []),
        ("# 1", []),
        ("", []),
    ],
)
def test_endings_after_apostrophes_and_marks_of_tags_are_no_part_of_a_name(text, expected):
    assert list(bare_names(text)) == expected
    assert bare_name(text) == [text, *expected][-1]


@pytest.fixture
def source(tmp_path):
    rows = [StoreRow("Q3640", "en", "Ankara", "LOC"), StoreRow("Q1384", "en", "New York", "LOC")]
    rows += [
        StoreRow("Q1", "en", "Xian", "LOC"),
        StoreRow("Q2", "en", "Xi", "LOC"),
        StoreRow("Q3", "en", "Tarkan", "PER"),
    ]
    return StoreCandidates(build_store(rows, tmp_path / STORE).path)


def ids(source, *texts):
    vocab = spacy.blank("xx").vocab
    return [[match.id for match in own] for own in source([Doc(vocab, words=text.split(" "))[:] for text in texts])]


def test_a_mention_has_the_candidates_of_the_name_in_it(source):
    assert ids(source, "Ankara'da", "#NewYork", "@Ankara", "Prof. Tarkan'ın") == [
        ["Q3640"],
        ["Q1384"],
        ["Q3640"],
        ["Q3"],
    ]


def test_a_name_with_an_apostrophe_is_looked_up_as_a_whole_first(source):
    assert ids(source, "Xi'an") == [["Q1"]]


def test_a_stricter_spelling_has_no_affixes(source):
    source.match = "case"
    assert ids(source, "Ankara'da") == [[]]
