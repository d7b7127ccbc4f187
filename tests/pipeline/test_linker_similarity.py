"""What the linker compares: orders of candidates, and vectors of the text around a mention."""

from __future__ import annotations

import numpy
import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.encoder.optimizer import build_adamw_v1
from spacy_mluke.kb.projections import DISTANCES, Projections
from spacy_mluke.kb.ranking import DISAGREEMENT, Ranking
from spacy_mluke.kb.store import Match
from spacy_mluke.pipeline.linker.questions import Name, Question, favoured, reorder
from spacy_mluke.pipeline.linker.similarity import Similarity, context_vector, description_doc, piece_distances
from tests.pipeline.link_docs import passage


def test_only_the_first_candidates_change():
    ranking = Ranking([Match("a", 0.5), Match("b", 0.3), Match("c", 0.2)], 1.0)
    found = reorder(ranking, numpy.array([0.25, 0.75]), "X")
    assert [(match.id, round(match.prior, 2)) for match in found.matches] == [("b", 0.6), ("a", 0.2), ("c", 0.2)]


def test_a_likely_candidate_of_the_right_type_supports_a_mention():
    ranking = Ranking([Match("city", 0.9, "LOC"), Match("club", 0.1, "ORG")], 0.1)
    assert reorder(ranking, numpy.array([0.0, 1.0]), "ORG").support == pytest.approx(1.0)
    assert reorder(ranking, numpy.array([1.0, 0.0]), "ORG").support == pytest.approx(DISAGREEMENT)


@pytest.mark.parametrize(
    ("bounds", "ids", "is_changed"),
    [((0, 3), ["texas"], True), ((0, 1), ["texas"], False), ((2, 3), ["texas"], False), ((0, 3), ["song"], False)],
)
def test_a_longer_name_says_which_candidate_is_meant(bounds, ids, is_changed):
    doc = Doc(Vocab(), words=["Paris", ",", "Texas"])
    question = Question(0, doc[0:1], Ranking([Match("city", 0.9), Match("texas", 0.1)], 1.0))
    names = [Name(*bounds, [Match(own, 1.0) for own in ids])]
    found = favoured(numpy.array([0.8, 0.2]), question, names)
    assert found.sum() == pytest.approx(1.0)
    assert (found[1] > 0.9) == is_changed and is_changed != (found.tolist() == [0.8, 0.2])


def test_the_text_around_a_mention_has_a_vector():
    states = passage([(1, 2), (2, 3), (3, 4)])
    assert context_vector(states, 1, 3).tolist() == states.piece_states[1].tolist()
    assert context_vector(states, 0, 0).tolist() == states.piece_states[1:4].mean(axis=0).tolist()
    assert context_vector(states, 0, 3).tolist() == states.piece_states[1:4].mean(axis=0).tolist()
    assert context_vector(passage([]), 0, 0).tolist() == [0.0, 0.0]


def test_wordpieces_near_a_mention_count_more_with_projections():
    states = passage([(1, 2), (2, 3), (3, 4), (4, 5)])
    pieces = states.piece_states
    matrix = numpy.eye(2, dtype="float32")
    nearness = numpy.array([3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], dtype="float32")
    own = Projections(matrix, matrix, nearness)
    # The mention is the second wordpiece: its neighbours count three times, the last one once.
    expected = (3 * pieces[1] + 3 * pieces[3] + pieces[4]) / 7
    assert context_vector(states, 1, 2, own).tolist() == pytest.approx(expected.tolist())
    assert context_vector(states, 0, 0, own).tolist() == pytest.approx(pieces[1:5].mean(axis=0).tolist())
    assert context_vector(passage([(1, 2)]), 0, 1, own).tolist() == passage([(1, 2)]).piece_states[1].tolist()


def test_wordpieces_have_distances_from_a_mention():
    states = passage([(1, 3), (3, 3), (3, 4), (4, 7)])
    assert piece_distances(states, 2, 3).tolist() == [0, 2, 1, 0, 1, 2, 3, 0]
    assert piece_distances(states, 0, 2).tolist() == [0, 0, 0, 1, 2, 3, 4, 0]
    # A mention without wordpieces: the whole text.
    assert piece_distances(states, 1, 2).tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


def test_far_wordpieces_do_not_count():
    states = passage([(i, i + 1) for i in range(1, 2 + 2 * DISTANCES[-1])])
    assert context_vector(states, 0, 1).tolist() == states.piece_states[2 : 2 + DISTANCES[-1]].mean(axis=0).tolist()


@pytest.mark.parametrize(("name", "text"), [("New York", "New York: city. USA"), ("X", "X"), ("A b", "A b is a b")])
def test_the_name_of_a_description_has_its_own_tokens(name, text):
    doc = description_doc(Vocab(), name, text)
    assert doc.text.strip() == text
    assert doc[: len(name.split())].text == name


def test_descriptions_are_read_again_after_the_encoder_has_changed(steady_checkpoint):
    encoder = build_encoder_v1(str(steady_checkpoint))
    similarity = Similarity(encoder, Vocab())
    texts = [("Tokyo", "Tokyo is the capital of Japan")]
    load_model(encoder)
    before = similarity.descriptions(texts)
    assert (similarity.descriptions(texts) == before).all()
    shim = encoder.shims[0]
    name, weights = next(
        (name, own) for name, own in shim.load().named_parameters() if name.endswith("LayerNorm.weight")
    )
    averages = {(shim.id, name): weights.detach().numpy() * 2}
    with encoder.use_params(averages):
        averaged = similarity.descriptions(texts)
    assert numpy.abs(averaged - before).max() > 0.01
    assert (similarity.descriptions(texts) == before).all()
    weights.grad = weights.detach().clone()
    encoder.finish_update(build_adamw_v1(0.5))
    assert numpy.abs(similarity.descriptions(texts) - before).max() > 0.01
