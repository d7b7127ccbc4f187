"""What a knowledge base knows about names."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy
import pytest

from spacy_mluke.kb.entities import Entity, EntityName
from spacy_mluke.kb.known_names import N_FEATURES, KnownNames, NameEvidence, is_mixed_case, name_at
from spacy_mluke.kb.name_lexicon import NameLexicon


def entity(kind: str, *names: str, prior: float = 1.0) -> Entity:
    return Entity(names[0], kind, prior, tuple(map(EntityName, names)))


ENTITIES = [
    entity("PER", "Anna Kahn", "Анна Кан"),
    entity("PER", "Anna Horvat"),
    entity("LOC", "Zagreb", prior=3.0),
    entity("ORG", "Zagreb"),
    entity("LOC", "北京"),
    entity("WORK", "The Trial"),
]


@pytest.fixture(scope="module")
def known() -> KnownNames:
    return KnownNames.of(ENTITIES)


def evidence(known: KnownNames) -> NameEvidence:
    weights = numpy.zeros((N_FEATURES + 1, 2), dtype="float32")
    weights[1, 1], weights[-1, 1] = 2.0, -0.5  # of a person's name; always
    return NameEvidence(known, ["NIL", "PER"], weights)


def test_a_name_has_the_types_of_its_entities_by_their_priors(known):
    assert known.features(["Zagreb"])[0, :5] == pytest.approx([1, 0, 1 / 3, 2 / 3, 0])


def test_a_name_is_known_in_another_spelling(known):
    assert known.features(["ANNA KÁHN", "анна кан", "北京"])[:, 0].tolist() == [1, 1, 1]


def test_up_to_three_letters_of_an_ending_are_cut_off(known):
    assert known.features(["Zagrebom", "Zagreber", "Zagrebački"])[:, 0].tolist() == [1, 1, 0]


def test_words_have_the_types_of_the_names_that_begin_and_end_with_them(known):
    first, last = known.features(["Anna Beta"])[0, 5:10], known.features(["Beta Kahn"])[0, 10:15]
    assert first[:2].tolist() == [1, pytest.approx(4 / 3)]  # log(1 + 2), in steps of 2/3 with rounding
    assert last[0] == 1 and last[1] > 0 and not last[2:].any()


def test_unknown_and_empty_names_have_their_spelling_only(known):
    assert not known.features(["Qwert", "", "!?"])[:, :15].any()
    assert known.features(["Qwert"])[0, 15:].tolist() == [1, 0, 0, 0, 1, 0]


def test_rare_names_and_words_can_be_left_out():
    known = KnownNames.of(ENTITIES, least_prior=2.0, least_count=2)
    assert len(known.names) == 1 and len(known.words) == 1


def test_weights_are_for_classes_by_their_name(known):
    added = evidence(known).logits(["Anna Kahn", "Qwert"], ["PER", "LOC", "NIL"])
    assert added.tolist() == [[1.5, 0, 0], [-0.5, 0, 0]]


def test_no_names_have_no_logits(known):
    assert evidence(known).logits([], ["PER", "NIL"]).shape == (0, 2)


def test_evidence_is_the_same_after_saving(known):
    own = evidence(known)
    other = NameEvidence.from_bytes(own.to_bytes(), "the bytes")
    names = ["Anna Kahn", "Zagrebom", "北京", "Trial"]
    assert (other.logits(names, own.classes) == own.logits(names, own.classes)).all()
    assert (other.known.features(names) == known.features(names)).all()


def test_a_lexicon_is_the_same_after_saving(known):
    known = replace(known, lexicon=NameLexicon.of([("Anna met to", [(0, 4, "PER")])] * 40))
    weights = numpy.ones((known.n_features + 1, 1), dtype="float32")
    own = NameEvidence(known, ["PER"], weights).without_ordinary_words("NIL")
    other = NameEvidence.from_bytes(own.to_bytes(), "the bytes")
    names = ["Anna", "to", "Anna to", "Qwert"]
    assert other.classes == ["PER", "NIL"]
    assert (other.logits(names, own.classes) == own.logits(names, own.classes)).all()


def test_ordinary_words_are_of_the_negative_class(known):
    known = replace(known, lexicon=NameLexicon.of([("they went to it", [])] * 60))
    weights = numpy.zeros((known.n_features + 1, 1), dtype="float32")
    found = NameEvidence(known, ["PER"], weights).without_ordinary_words("NIL").logits(["to", "Anna"], ["NIL", "WORK"])
    assert found[0, 0] > 20 and not found[1].any() and not found[:, 1].any()


def test_half_a_lexicon_is_an_error(known):
    known = replace(known, lexicon=NameLexicon.of([("Anna", [])] * 3))
    own = NameEvidence(known, ["PER"], numpy.zeros((known.n_features + 1, 1), dtype="float32"))
    file = io.BytesIO()
    with numpy.load(io.BytesIO(own.to_bytes())) as columns:
        numpy.savez(file, **{name: columns[name] for name in columns if name != "lexicon_ratios"})
    with pytest.raises(ValueError, match="ML468"):
        NameEvidence.from_bytes(file.getvalue(), "the bytes")


def test_no_entities_give_no_names():
    assert not KnownNames.of([]).features(["Anna"])[:, :15].any()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"something else"])
def test_damaged_bytes_are_an_error(data):
    with pytest.raises(ValueError, match="ML468"):
        NameEvidence.from_bytes(data, "the bytes")


def test_arrays_that_do_not_belong_together_are_an_error(known):
    file = io.BytesIO()
    with numpy.load(io.BytesIO(evidence(known).to_bytes())) as columns:
        numpy.savez(file, **{**columns, "shares": columns["shares"][1:]})
    with pytest.raises(ValueError, match="ML468"):
        NameEvidence.from_bytes(file.getvalue(), "the bytes")


def test_the_at_sign_before_a_name_belongs_to_it():
    texts = {"@ann": "@ann", "@ ann": "@ann", "an@ ann": "@ann", "to ann": "ann", "ann": "ann", "@a ann": "ann"}
    for text, name in texts.items():
        assert name_at(text, len(text) - 3, len(text)) == name


def test_capitals_say_nothing_in_texts_of_one_case():
    known = KnownNames.of([])
    found = known.features(["zagreb", "zagreb", "Zagreb"], numpy.asarray([True, False, False]))[:, 15:18]
    assert found.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert [is_mixed_case(text) for text in ("Zagreb is big", "zagreb is big", "ZAGREB", "北京")] == [
        True,
        *[False] * 3,
    ]
