"""Requests with a reducer or a selector give what the states of the encoder give, in prediction and in training."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import spacy
from thinc.api import Linear, Model
from thinc.types import Ragged

from spacy_mluke.encoder.inputs import AlignedInput, EncoderInput, MarkedInput
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.encoder.reducers import PieceLayer, Selector
from spacy_mluke.heads.linear import build_linear, start_weights
from spacy_mluke.heads.mask_states import MaskReducer
from spacy_mluke.heads.span_classifier import SpanReducer
from spacy_mluke.types import EncoderOutput
from tests.checkpoint.checkpoints import make_checkpoint
from tests.conftest import SAMPLES

WIDTH = 16
TEXTS = [SAMPLES["latin"], SAMPLES["cjk_no_spaces"], "Tokyo is big"]


@pytest.fixture(scope="module")
def path(tmp_path_factory, tiny_sentencepiece):
    # Without dropout, training and prediction give the same states.
    return make_checkpoint(
        tmp_path_factory.mktemp("checkpoint"),
        tiny_sentencepiece,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


@pytest.fixture
def request_of():
    nlp = spacy.blank("xx")

    def make(**options):
        docs = [nlp.make_doc(text) for text in TEXTS]
        bounds = [(i, min(i + 2, len(doc))) for doc in docs for i in range(min(3, len(doc)))]
        lengths = [min(3, len(doc)) for doc in docs]
        spans = Ragged(numpy.asarray(bounds, dtype="int32"), numpy.asarray(lengths, dtype="int32"))
        return EncoderInput(docs, spans, with_tokens=False, **options)

    return make


def span_reducer(with_entities):
    linear = build_linear(has_bias=True)
    start_weights(linear, 5, WIDTH * (3 if with_entities else 2))
    return SpanReducer(linear, linear, with_entities=with_entities)


REDUCERS = {
    "pieces": (lambda: PieceLayer(fresh_layer(), 2), True),
    "masks": (lambda: MaskReducer(WIDTH, 2), True),
    "spans": (lambda: span_reducer(True), True),
    "spans_of_words": (lambda: span_reducer(False), False),
}


def fresh_layer():
    layer: Model = Linear(2, WIDTH)
    layer.initialize()
    return layer


@pytest.fixture(params=sorted(REDUCERS))
def case(request):
    make, with_entities = REDUCERS[request.param]
    return make(), with_entities


def test_a_reducer_gives_in_prediction_and_in_training_what_it_makes_of_the_states(path, request_of, case):
    reducer, with_entities = case
    encoder = build_encoder_v1(str(path))
    asked = request_of(with_entities=with_entities)
    states = encoder.predict(replace(asked, with_all_pieces=True))
    expected = reducer.predict(states.batch, states.piece_states, states.entity_states)
    # A few sequences at a time, in another order.
    small = build_encoder_v1(str(path), max_batch_items=8)
    for found in (
        encoder.predict(replace(asked, reducer=reducer)),
        small.predict(replace(asked, reducer=reducer)),
        small.begin_update(replace(asked, reducer=reducer))[0],
    ):
        assert found.piece_states is None and found.entity_states is None
        assert found.reduced.shape == (len(expected), reducer.n_out)
        numpy.testing.assert_allclose(found.reduced, expected, atol=1e-5)


def test_a_reducer_takes_gradients_to_the_states(path, request_of, case):
    """By finite differences of the states, in the direction of the gradient."""
    reducer, with_entities = case
    encoder = build_encoder_v1(str(path))
    states = encoder.predict(request_of(with_entities=with_entities, with_all_pieces=True))
    pieces, entities = states.piece_states.copy(), states.entity_states.copy()
    rows, backprop = reducer.begin_update(states.batch, pieces, entities)
    d_rows = numpy.random.default_rng(0).normal(size=rows.shape).astype("float32")
    d_pieces, d_entities = backprop(d_rows)
    squared = 0.0
    moved = []
    for array, gradient in ((pieces, d_pieces), (entities, d_entities)):
        if gradient is not None:
            squared += float((gradient.astype("float64") ** 2).sum())
        moved.append(array if gradient is None else array + 1e-2 * gradient)
    change = ((reducer.predict(states.batch, *moved) - rows) * d_rows).sum() / 1e-2
    assert squared > 0
    # All reducers are linear.
    assert change == pytest.approx(squared, rel=1e-3)


def test_the_gradient_of_a_reducer_reaches_the_encoder(path, request_of):
    encoder = build_encoder_v1(str(path))
    output, backprop = encoder.begin_update(request_of(reducer=span_reducer(True)))
    backprop(EncoderOutput(None, None, output.batch, reduced=numpy.ones_like(output.reduced)))
    network = encoder.shims[0].load().network
    assert all(layer.attention.self.query.weight.grad.abs().sum() > 0 for layer in network.encoder.layer)


class EveryOther(Selector):
    def select(self, batch, piece_states):
        assert len(piece_states) == len(batch.piece_ids)
        return numpy.arange(0, len(batch.entity_ids), 2)


@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_a_selector_says_which_entities_are_encoded(path, request_of, visibility):
    encoder = build_encoder_v1(str(path), visibility=visibility, segmentation="plain")
    reducer = span_reducer(True)
    asked = request_of(reducer=reducer)
    found = encoder.predict(replace(asked, selector=EveryOther())).reduced
    is_selected = numpy.isfinite(found[:, 0])
    assert 0 < is_selected.sum() < len(found)
    assert (found[~is_selected] == -numpy.inf).all()
    if visibility == "isolated":
        # An entity has the state that it has among all entities.
        numpy.testing.assert_allclose(found[is_selected], encoder.predict(asked).reduced[is_selected], atol=1e-5)


def test_a_selector_is_refused_without_a_reducer_of_entities_and_in_training(path, request_of):
    encoder = build_encoder_v1(str(path))
    for wrong in (request_of(selector=EveryOther()), request_of(selector=EveryOther(), reducer=PieceLayer(None, 2))):
        with pytest.raises(ValueError, match=r"\[ML380\]"):
            encoder.predict(wrong)
    with pytest.raises(ValueError, match=r"\[ML380\]"):
        encoder.begin_update(request_of(selector=EveryOther(), reducer=span_reducer(True)))


def test_aligned_sequences_are_encoded_as_they_are(path, request_of):
    encoder = build_encoder_v1(str(path))
    asked = request_of()
    again = encoder.predict(AlignedInput(asked.align(encoder)))
    numpy.testing.assert_array_equal(again.entity_states, encoder.predict(asked).entity_states)


def test_a_reducer_of_no_documents_gives_no_rows(path):
    encoder = build_encoder_v1(str(path))
    none = Ragged(numpy.zeros((0, 2), dtype="int32"), numpy.zeros(0, dtype="int32"))
    output = encoder.predict(EncoderInput([], none, reducer=PieceLayer(fresh_layer(), 2)))
    assert output.reduced.shape == (0, 2)
    marked = encoder.predict(MarkedInput([], [], 1, reducer=MaskReducer(WIDTH, 1)))
    assert marked.reduced.shape == (0, 2 * WIDTH)
