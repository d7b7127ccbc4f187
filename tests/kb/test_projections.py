"""Learned maps of vectors: their files, and the space that they make."""

from __future__ import annotations

import json

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spacy_mluke.kb.projections import DISTANCES, Projections
from spacy_mluke.kb.vector_space import VectorSpace

NEARNESS = numpy.linspace(2.0, 0.2, len(DISTANCES), dtype="float32")


def projections(text=None, description=None):
    text = numpy.eye(2, 3, dtype="float32") if text is None else text
    return Projections(text, text if description is None else description, NEARNESS)


def space(own=None):
    means = {"": numpy.zeros(3), "de": numpy.array([0.0, 0.0, 9.0])}
    return VectorSpace(means, numpy.zeros(3), numpy.array([1.0, 0.0, 0.0]), own)


@given(arrays("float32", (3, 5), elements=st.floats(-8, 8, width=32)))
def test_maps_are_saved_in_eight_bits(matrix):
    found = Projections.from_json(json.loads(json.dumps(projections(matrix).to_json())))
    assert numpy.abs(found.text - matrix).max() <= 0.51 * numpy.abs(matrix).max() / 127 + 1e-6
    again = found.rounded()
    assert again.text == pytest.approx(found.text, abs=1e-4) and again.nearness == pytest.approx(found.nearness)


def test_near_wordpieces_count_more():
    found = projections().piece_weights(numpy.array([1, 2, 3, 4, 5, 64]))
    assert found.tolist() == [NEARNESS[i] for i in (0, 1, 2, 2, 3, 6)]


def test_a_space_with_projections_maps_texts_and_descriptions():
    swapped = numpy.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype="float32")
    own = space(projections(description=swapped))
    assert own.text(numpy.array([[3.0, 4.0, 9.0]]), "de")[0] == pytest.approx([0.6, 0.8], abs=1e-3)
    assert own.description(numpy.array([[3.0, 4.0, 5.0]]))[0] == pytest.approx([0.8, 0.6], abs=1e-3)


def test_a_space_without_projections_removes_a_direction():
    assert space().text(numpy.array([[3.0, 4.0, 0.0]]), "en")[0].tolist() == [0.0, 1.0, 0.0]


def test_a_saved_space_gives_the_same_vectors():
    own = space(projections(numpy.array([[0.3, 0.1, 0.2], [0.7, -0.1, 0.4]], dtype="float32")))
    found = VectorSpace.from_json(json.loads(json.dumps(own.to_json())))
    vectors = numpy.array([[3.0, 4.0, 5.0], [0.0, 0.0, 9.0]])
    assert found.text(vectors, "de").tolist() == own.text(vectors, "de").tolist()
    assert found.description(vectors).tolist() == own.description(vectors).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"nearness": [1.0]},
        {"nearness": [0.0] * len(DISTANCES)},
        {"nearness": [float("inf")] * len(DISTANCES)},
        {"text": {"scales": [1.0, 2.0, 3.0], "int8": "AAAA"}},
        {"text": {"scales": [], "int8": ""}},
        {"text": {"scales": [float("nan")], "int8": "AAAA"}},
        {"text": {"scales": [1.0], "int8": "no base64!"}},
    ],
)
def test_damaged_projections_are_refused(change):
    with pytest.raises(ValueError):
        Projections.from_json({**projections().to_json(), **change})


def test_projections_of_another_width_do_not_fit_a_space():
    with pytest.raises(ValueError, match="do not fit"):
        space(projections(numpy.eye(2, 4, dtype="float32")))
