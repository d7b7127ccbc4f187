"""The span classifier has the logits of the reference."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from transformers import LukeForEntitySpanClassification, LukeTokenizer, MLukeTokenizer

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.listener import build_encoder_listener_v1
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.heads.span_classifier import boundary_rows, build_span_classifier_v1
from spacy_mluke.suggesters.candidates import CandidateSpans, suggest_candidates
from spacy_mluke.suggesters.ngrams import build_sentence_ngrams_v1
from tests.checkpoint.checkpoints import FULL, LITE, make_checkpoint
from tests.conftest import SAMPLES
from tests.heads.test_parity import add_markers

NAMES = {0: "NIL", 1: "LOC", 2: "ORG"}
TEXTS = {
    "latin": "Tokyo is the capital of Japan, and Paris (France) is far away.",
    "cjk_no_spaces": SAMPLES["cjk_no_spaces"],
    "rtl": SAMPLES["arabic_rtl"],
    "emoji_zwj": SAMPLES["emoji_zwj"],
    "two_spaces": "Tokyo  is big",
}


@pytest.fixture(scope="module", params=["mluke", "luke"])
def checkpoint(request, tmp_path_factory, tiny_sentencepiece, tiny_byte_level):
    is_aware = request.param == "luke"
    path = make_checkpoint(
        tmp_path_factory.mktemp("spans") / "checkpoint",
        tiny_byte_level if is_aware else tiny_sentencepiece,
        entities=LITE if is_aware else FULL,
        model=LukeForEntitySpanClassification,
        use_entity_aware_attention=is_aware,
        max_position_embeddings=258,
        id2label=NAMES,
        num_labels=len(NAMES),
    )
    if is_aware:
        add_markers(path)
    return path


def pipeline(path, **encoder):
    nlp = spacy.blank("xx")
    model = {"encoder": {"name": str(path), **encoder}, "dropout": 0.0}
    return nlp, nlp.add_pipe("mluke_ner", config={"model": model})


def reference_logits(path, text, spans, max_entities=None):
    """Return the logits of the reference, with its tokenizer. Each sequence holds up to `max_entities` candidates; the
    text is split at all candidates."""
    if (path / "vocab.json").exists():
        tokenizer = LukeTokenizer.from_pretrained(path, task="entity_span_classification")
    else:
        tokenizer = MLukeTokenizer.from_pretrained(path, task="entity_span_classification")
    network = LukeForEntitySpanClassification.from_pretrained(path).eval()
    inputs = tokenizer(text, entity_spans=spans, return_tensors="pt")
    logits = []
    for i in range(0, len(spans), max_entities or len(spans)):
        own = {
            k: v[:, i : i + max_entities] if max_entities and k.startswith("entity_") else v for k, v in inputs.items()
        }
        with torch.no_grad():
            logits.append(network(**own).logits[0].numpy())
    return numpy.concatenate(logits)


def char_spans(doc, bounds):
    return [(doc[start:end].start_char, doc[start:end].end_char) for start, end in bounds.tolist()]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_logits_equal_those_of_the_reference(checkpoint, text):
    nlp, pipe = pipeline(checkpoint, max_entities=0)
    doc = nlp.make_doc(text)
    spans, logits = pipe.predict([doc])
    assert pipe.classes == list(NAMES.values())
    expected = reference_logits(checkpoint, text, char_spans(doc, spans.dataXd))
    assert not numpy.isnan(logits).any()
    numpy.testing.assert_allclose(logits, expected, atol=1e-4)


def test_candidates_beyond_the_maximum_go_to_further_sequences_as_in_the_reference(checkpoint):
    nlp, pipe = pipeline(checkpoint, max_entities=25)
    doc = nlp.make_doc(TEXTS["latin"])
    spans, logits = pipe.predict([doc])
    n_sequences = -(-len(logits) // 25)
    max_entities = -(-len(logits) // n_sequences)  # as many to each, none full
    assert n_sequences > 3 and max_entities < 25
    expected = reference_logits(checkpoint, doc.text, char_spans(doc, spans.dataXd), max_entities)
    numpy.testing.assert_allclose(logits, expected, atol=1e-4)


def test_documents_of_a_batch_do_not_affect_each_other(checkpoint):
    nlp, pipe = pipeline(checkpoint, max_entities=0)
    docs = [nlp.make_doc(text) for text in [*TEXTS.values(), ""]]
    _, logits = pipe.predict(docs)
    alone = numpy.concatenate([pipe.predict([doc])[1] for doc in docs])
    numpy.testing.assert_allclose(logits, alone, atol=1e-5)


def test_wordpieces_do_not_depend_on_the_candidates(checkpoint):
    nlp, pipe = pipeline(checkpoint, max_entities=1)
    doc = nlp.make_doc(TEXTS["latin"])
    spans, logits = pipe.predict([doc])
    rows = numpy.array([3, 17, 40])
    few = CandidateSpans.from_ragged(spans).take(rows)
    numpy.testing.assert_allclose(pipe.model.predict(([doc], few.ragged)), logits[rows], atol=1e-5)


def test_training_and_prediction_have_the_same_logits(checkpoint):
    nlp, pipe = pipeline(checkpoint, max_entities=7)
    get_dropout(pipe)
    docs = [nlp.make_doc(text) for text in TEXTS.values()]
    spans, logits = pipe.predict(docs)
    trained, _ = pipe.model.begin_update((docs, spans))
    numpy.testing.assert_allclose(trained, logits, atol=1e-4)


def get_dropout(pipe):
    """Turn off the network's dropout."""

    for module in load_model(pipe.model.get_ref("encoder")).network.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0


def test_gradients_of_the_encoder_equal_finite_differences(checkpoint):

    nlp, pipe = pipeline(checkpoint, max_entities=5)
    get_dropout(pipe)
    docs = [nlp.make_doc("Tokyo is in Japan"), nlp.make_doc("Paris")]
    spans, logits = pipe.predict(docs)
    weights = numpy.random.default_rng(0).normal(size=logits.shape).astype("float32")
    _, backprop = pipe.model.begin_update((docs, spans))
    backprop(weights)
    network = load_model(pipe.model.get_ref("encoder")).network
    parameters = dict(network.named_parameters())
    for name in (
        "embeddings.LayerNorm.weight",
        "entity_embeddings.LayerNorm.bias",
        "encoder.layer.1.output.dense.bias",
    ):
        parameter = parameters[name]
        values = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                parameter[0] += step
                values.append(float((pipe.predict(docs)[1] * weights).sum()))
                parameter[0] -= step
        assert (values[0] - values[1]) / 2e-2 == pytest.approx(float(parameter.grad[0]), rel=2e-2, abs=2e-2)


def test_isolated_candidates_do_not_depend_on_other_candidates_or_on_sequences(checkpoint):
    found = []
    for max_entities in (0, 3):
        nlp, pipe = pipeline(checkpoint, visibility="isolated", max_entities=max_entities)
        docs = [nlp.make_doc(text) for text in TEXTS.values()]
        spans, logits = pipe.predict(docs)
        found.append(logits)
    numpy.testing.assert_allclose(found[0], found[1], atol=1e-5)
    rows = numpy.arange(0, len(logits), 5)
    few = CandidateSpans.from_ragged(spans).take(rows)
    numpy.testing.assert_allclose(pipe.model.predict((docs, few.ragged)), logits[rows], atol=1e-5)


def test_isolated_words_are_read_once_for_all_candidates(checkpoint):
    from spacy_mluke.encoder.inputs import EncoderInput

    nlp, pipe = pipeline(checkpoint, visibility="isolated", max_entities=0)
    doc = nlp.make_doc(TEXTS["latin"])
    pipe.load()
    spans = suggest_candidates(build_sentence_ngrams_v1(), [doc]).ragged
    batch = EncoderInput([doc], spans, with_tokens=False).align(pipe.model.get_ref("encoder"))
    assert batch.n_sequences == 1
    assert batch.entity_lengths.tolist() == [len(spans.dataXd)]


def test_candidates_without_wordpieces_have_no_logits(checkpoint):
    nlp, pipe = pipeline(checkpoint)
    if (checkpoint / "vocab.json").exists():
        pytest.skip("every byte is a piece")
    doc = Doc(nlp.vocab, words=["Tokyo", "\u200b", "is"])
    spans, logits = pipe.predict([doc])
    is_blank = numpy.isnan(logits).any(axis=1)
    assert spans.dataXd[is_blank].tolist() == [[1, 2]]
    with pytest.warns(UserWarning, match=r"\[ML104\] 1 of 6"):
        nlp(doc)


def test_a_listener_is_refused():
    with pytest.raises(ValueError, match=r"\[ML200\].*Encoder.v1"):
        build_span_classifier_v1(build_encoder_listener_v1())


def test_an_encoder_with_kb_id_input_is_refused():
    with pytest.raises(ValueError, match=r"\[ML201\].*mask"):
        build_span_classifier_v1(build_encoder_v1(entity_input="kb_id"))


def test_edges_are_the_first_and_last_wordpiece_in_the_window_of_the_candidate(checkpoint):
    from spacy_mluke.encoder.inputs import EncoderInput

    nlp, pipe = pipeline(checkpoint, window=40, overlap=10, max_entities=9)
    doc = nlp.make_doc(" ".join(f"Tokyo{i} capital" for i in range(40)))
    pipe.load()
    spans = suggest_candidates(build_sentence_ngrams_v1(max_size=2), [doc])
    encoder = pipe.model.get_ref("encoder")
    batch = EncoderInput([doc], spans.ragged, with_tokens=False, split_tokens=True).align(encoder)
    assert batch.n_sequences > 10
    edges = boundary_rows(batch)[batch.span_rows]
    tokens = {bounds[0]: i for i, bounds in enumerate(spans.bounds.tolist()) if bounds[1] == bounds[0] + 1}
    for (start, end), (first, last) in zip(spans.bounds.tolist(), batch.piece_ids[edges].tolist(), strict=True):
        assert first == batch.piece_ids[edges[tokens[start], 0]]
        assert last == batch.piece_ids[edges[tokens[end - 1], 1]]
