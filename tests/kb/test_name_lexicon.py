"""What annotated texts say about the words of names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spacy_mluke.kb.known_names import N_FEATURES, KnownNames
from spacy_mluke.kb.name_lexicon import N_LEXICON_FEATURES, ORDINARY, NameLexicon
from spacy_mluke.kb.name_words import split_name

# Columns: a name of one word, the first word and the last word of longer ones; then the lowest share in names.
ALONE, FIRST, LAST, LOWEST = 0, 6, 12, 18
ANNOTATED = [
    ("Anna Kahn went to Rome", [(0, 9, "PER"), (18, 22, "LOC")]),
    ("Anna Horvat went to the Bank of Rome", [(0, 11, "PER"), (24, 36, "ORG")]),
    *[("they went to the end of the world", [])] * 40,
]


@pytest.fixture(scope="module")
def lexicon() -> NameLexicon:
    return NameLexicon.of(ANNOTATED)


def features(lexicon, *names):
    return lexicon.features(names, [split_name(name) for name in names])


def test_words_have_ratios_of_their_place_in_names(lexicon):
    alone, first, last = features(lexicon, "rome", "Anna Beta", "Beta Rome")
    assert alone[ALONE + 2] > 1 and not alone[FIRST:LOWEST].any()
    assert first[FIRST] > 1 > first[FIRST + 2] and not first[LAST:LOWEST].any()
    assert last[LAST + 1] > 1


def test_words_that_are_hardly_ever_in_names_have_low_ratios(lexicon):
    went, bank = features(lexicon, "went", "Anna went")
    assert went[FIRST - 1] < -2 and bank[LOWEST] < -2


def test_words_that_are_not_known_have_zeros(lexicon):
    assert not features(lexicon, "Qwert", "Qwert Beta", "", "!?").any()


def test_rare_words_are_skipped(lexicon):
    assert not features(lexicon, "Kahn").any()
    assert features(NameLexicon.of(ANNOTATED, least_count=1), "Kahn").any()


def test_ordinary_words_are_single_or_in_small_letters(lexicon):
    names = ["to", "To", "to the", "To The", "of", "Rome", "to Rome", "qwert"]
    assert features(lexicon, *names)[:, ORDINARY].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]


def test_adjectives_of_countries_are_a_type_and_other_labels_are_one():
    lexicon = NameLexicon.of([("Dune is a French film", [(0, 4, "WORK"), (10, 16, "NORP")])] * 3)
    found = features(lexicon, "French", "Dune")[:, ALONE:FIRST]
    assert (found[:, 3] > 0).tolist() == [True, False]
    assert (found[:, 4] > 0).tolist() == [False, True]


def test_characters_of_chinese_names_are_no_words_but_may_be_ordinary():
    lexicon = NameLexicon.of([("我在北京", [(2, 4, "LOC")])] * 60)
    found = features(lexicon, "北京", "在")
    assert not found[:, :ORDINARY].any() and found[:, ORDINARY].tolist() == [0, 1]


def test_texts_without_words_give_no_words():
    assert not features(NameLexicon.of([("!", [(0, 1, "PER")])]), "Anna").any()


def test_names_have_the_features_of_their_lexicon(lexicon):
    known = replace(KnownNames.of([]), lexicon=lexicon)
    found = known.features(["Rome", "to"])
    assert found.shape == (2, known.n_features) == (2, N_FEATURES + N_LEXICON_FEATURES)
    assert (found[:, N_FEATURES:] == features(lexicon, "Rome", "to")).all()
