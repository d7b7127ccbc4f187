"""Spelling varied in training."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.training.spelling import build_spelling_augmenter_v1, strip_accents


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def example(nlp, words=("Beyoncé", "lives", "in", "Los", "Angeles", ".")):
    gold = Doc(nlp.vocab, words=list(words))
    gold.set_ents([Span(gold, 0, 1, label="PER"), Span(gold, 3, 5, label="LOC")], default="outside")
    return Example(nlp.make_doc(gold.text), gold)


def only(augment, nlp, eg):
    (found,) = augment(nlp, eg)
    return found


@pytest.mark.parametrize(
    "options, text",
    [
        ({"lower": 1.0}, "beyoncé lives in los angeles . "),
        ({"upper": 1.0}, "BEYONCÉ LIVES IN LOS ANGELES . "),
        ({"no_accents": 1.0}, "Beyonce lives in Los Angeles . "),
        ({"upper": 1.0, "no_accents": 1.0}, "BEYONCE LIVES IN LOS ANGELES . "),
    ],
)
def test_the_text_changes_and_the_entities_stay(nlp, options, text):
    found = only(build_spelling_augmenter_v1(**options), nlp, example(nlp))
    assert found.reference.text == found.predicted.text == text
    assert [(ent.start, ent.end, ent.label_) for ent in found.reference.ents] == [(0, 1, "PER"), (3, 5, "LOC")]


def test_without_a_draw_the_example_itself_comes(nlp):
    eg = example(nlp)
    assert only(build_spelling_augmenter_v1(), nlp, eg) is eg


def test_letters_that_grow_keep_the_entities(nlp):
    gold = Doc(nlp.vocab, words=["Die", "Straße", "nach", "İzmir"])
    gold.set_ents([Span(gold, 3, 4, label="LOC")], default="outside")
    found = only(build_spelling_augmenter_v1(upper=1.0), nlp, Example(nlp.make_doc(gold.text), gold))
    assert [(ent.text, ent.label_) for ent in found.reference.ents] == [("İZMIR", "LOC")]


def test_marks_that_are_vowels_stay():
    assert strip_accents("Tōkyō Řecko Ёлка नई กรุงเทพ が") == "Tokyo Recko Елка नई กรุงเทพ が"


def test_probabilities_are_checked():
    with pytest.raises(ValueError, match="ML310"):
        build_spelling_augmenter_v1(lower=0.7, upper=0.7)
