"""The answer extractor: logits equal those of the reference, and the search equals a search over all answers."""

from __future__ import annotations

import json

import numpy
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Span
from transformers import LukeForQuestionAnswering

from spacy_mluke.annotate.answers import Question
from spacy_mluke.extensions import install_extensions
from spacy_mluke.heads.answer_extractor import sequence_loss
from spacy_mluke.heads.answer_search import AnswerSearch, WindowLogits
from tests.checkpoint.checkpoints import FULL, LITE, make_checkpoint
from tests.pipeline.relation_docs import own_model

install_extensions()
TEXT = "Tokyo is the capital of Japan, and Paris is far away."


@pytest.fixture
def tokenizer(request, tiny_sentencepiece, tiny_byte_level):
    return tiny_byte_level if request.param == "luke" else tiny_sentencepiece


def reference_logits(network, batch):
    """Return the logits of the reference for the aligned sequences, one at a time."""
    found = []
    ends, entity_ends = numpy.cumsum(batch.piece_lengths), numpy.cumsum(batch.entity_lengths)
    for i in range(batch.n_sequences):
        ids = batch.piece_ids[ends[i] - batch.piece_lengths[i] : ends[i]]
        rows = slice(entity_ends[i] - batch.entity_lengths[i], entity_ends[i])
        size = int(batch.entity_lengths[i])
        inputs = {}
        if size:
            positions = torch.full((1, size, 30), -1)
            for j, (start, end) in enumerate(batch.entity_bounds[rows].tolist()):
                positions[0, j, : end - start] = torch.arange(start, end)
            inputs = {
                "entity_ids": torch.tensor(batch.entity_ids[rows][None]),
                "entity_attention_mask": torch.ones(1, size, dtype=torch.int64),
                "entity_position_ids": positions,
            }
        with torch.no_grad():
            output = network(input_ids=torch.tensor(ids[None].astype("int64")), **inputs)
        found.append(torch.stack([output.start_logits[0], output.end_logits[0]], dim=1).numpy())
    return numpy.concatenate(found)


@pytest.mark.parametrize("n_texts", [1, 6], ids=["one_window", "windows"])
@pytest.mark.parametrize("has_entities", [True, False], ids=["entities", "words"])
@pytest.mark.parametrize("entities", [LITE, FULL], ids=["lite", "full"])
@pytest.mark.parametrize("tokenizer", ["luke", "mluke"], indirect=True)
def test_logits_equal_those_of_the_reference(tmp_path, tokenizer, entities, has_entities, n_texts):
    path = make_checkpoint(
        tmp_path / "checkpoint",
        tokenizer,
        entities=entities,
        model=LukeForQuestionAnswering,
        use_entity_aware_attention=tokenizer.is_dir(),
        num_labels=2,
        max_position_embeddings=130,
    )
    if tokenizer.is_dir():
        n = len(json.loads((path / "vocab.json").read_text(encoding="utf8")))
        (path / "added_tokens.json").write_text(json.dumps({"<ent>": n, "<ent2>": n + 1}), encoding="utf8")
    nlp = spacy.blank("xx")
    config = {"model": own_model(path, entity_input="kb_id")}
    if has_entities:
        config["suggester"] = {"@misc": "spacy-mluke.ents_suggester.v1"}
    pipe = nlp.add_pipe("mluke_qa", config=config)
    doc = nlp.make_doc(" ".join([TEXT] * n_texts))
    doc.ents = [Span(doc, 0, 1, "A", kb_id="en:Tokyo"), Span(doc, 5, 6, "B"), Span(doc, 8, 9, "C")]
    named = Question("Is Paris the capital?", entities=((3, 8, "en:Paris"),) if has_entities else ())
    doc._.mluke_questions = ["What is Tokyo?", named]
    output = pipe.predict([doc]).output
    assert (output.batch.n_sequences > 2) == (n_texts > 1)
    assert (len(output.batch.entity_ids) > 0) == has_entities
    network = LukeForQuestionAnswering.from_pretrained(path).eval()
    numpy.testing.assert_allclose(output.logits, reference_logits(network, output.batch), atol=1e-4)


def test_training_gives_the_same_logits(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(
        tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForQuestionAnswering, num_labels=2,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("mluke_qa", config={"model": own_model(path)})
    doc = nlp.make_doc(" ".join([TEXT] * 3))
    doc._.mluke_questions = ["What is Tokyo?"]
    predicted = pipe.predict([doc]).output
    inputs = pipe._inputs([doc], [[Question("What is Tokyo?")]])
    numpy.testing.assert_allclose(pipe.model.begin_update(inputs)[0].logits, predicted.logits, atol=1e-5)


# --- the search ---


@st.composite
def searches(draw):
    """Draw windows of equal length over one document, as alignment makes them, or one shorter window."""
    numbers = st.integers(-20, 20).map(float)
    if draw(st.booleans()):
        starts, room = [0], draw(st.integers(0, 8))
    else:
        room = draw(st.integers(2, 6))
        starts = [0]
        for step in draw(st.lists(st.integers(1, room), min_size=1, max_size=3)):
            starts.append(starts[-1] + step)
    total = starts[-1] + room
    has_chars = draw(st.lists(st.booleans(), min_size=total, max_size=total))
    windows = []
    for start in starts:
        logits = draw(st.lists(st.tuples(numbers, numbers), min_size=room, max_size=room))
        # Distinct sums: the best answer is one, whatever the order of looking.
        noise = numpy.random.default_rng(start).normal(scale=1e-3, size=(room, 2))
        rows = numpy.array(logits, dtype="float64").reshape((-1, 2)) + noise
        windows.append(
            WindowLogits(start, rows, draw(numbers), numpy.array(has_chars[start : start + room], dtype=bool))
        )
    return windows, draw(st.integers(1, 5)), has_chars


def every_answer(windows, max_pieces, has_chars):
    """Return all answers and their logits, by scoring every range."""
    total = len(has_chars)
    found = {}
    for first in range(total):
        for end in range(first + 1, min(first + max_pieces, total) + 1):
            if not any(has_chars[first:end]):
                continue
            best_context, judged = -1, None
            for window in windows:
                stop = window.start + len(window.logits)
                if window.start <= first and end <= stop:
                    left = total + 1 if window.start == 0 else first - window.start
                    right = total + 1 if stop == total else stop - end
                    if min(left, right) > best_context:
                        best_context, judged = min(left, right), window
            if judged is not None:
                start = judged.start
                found[first, end] = judged.logits[first - start, 0] + judged.logits[end - 1 - start, 1]
    return found


@given(searches())
@settings(max_examples=300, deadline=None)
def test_the_search_equals_a_search_over_all_answers(drawn):
    windows, max_pieces, has_chars = drawn
    answers = every_answer(windows, max_pieces, has_chars)
    search = AnswerSearch(windows, max_pieces)
    null = min(window.null for window in windows)
    logits = numpy.array([null, *answers.values()])
    total = numpy.log(numpy.exp(logits - logits.max()).sum()) + logits.max()
    assert search.null_score == pytest.approx(null - total, abs=1e-9)
    found = search.take(3)
    for best in found:
        place = max(answers, key=answers.__getitem__)
        assert (best.first, best.end) == place
        assert best.score == pytest.approx(answers[place] - total, abs=1e-9)
        answers = {key: value for key, value in answers.items() if key[0] >= place[1] or key[1] <= place[0]}
    assert len(found) == 3 or not answers


def test_of_answers_that_share_a_token_one_is_returned():
    logits = numpy.array([[5.0, 0.0], [0.0, 4.0], [3.0, 3.0], [0.0, 0.0]])
    search = AnswerSearch([WindowLogits(0, logits, -9.0, numpy.ones(4, dtype=bool))], 4)

    def grow(first, end):
        return first - first % 2, end + end % 2

    assert [(best.first, best.end) for best in search.take(3)] == [(0, 2), (2, 3), (3, 4)]
    assert [(best.first, best.end) for best in search.take(3, grow)] == [(0, 2), (2, 3)]


# --- the loss ---


@pytest.fixture
def sequences():
    rng = numpy.random.default_rng(0)
    lengths = numpy.array([4, 7, 3], dtype="int32")
    targets = numpy.array([[1, 2], [0, 0], [2, 2]])
    return rng.normal(size=(14, 2)), lengths, targets, numpy.array([True, True, False])


def test_the_loss_equals_the_cross_entropy_of_the_reference(sequences):
    logits, lengths, targets, counted = sequences
    loss, _ = sequence_loss(logits, lengths, targets, counted)
    expected = 0.0
    for rows, target in list(zip(torch.tensor(logits).split(lengths.tolist()), targets, strict=True))[:2]:
        for column in range(2):
            expected += 0.5 * float(torch.nn.functional.cross_entropy(rows[:, column], torch.tensor(target[column])))
    assert loss == pytest.approx(expected, abs=1e-9)


def test_the_gradient_of_the_loss_equals_finite_differences(sequences):
    logits, lengths, targets, counted = sequences
    _, gradient = sequence_loss(logits, lengths, targets, counted)
    for place in numpy.ndindex(logits.shape):
        step = numpy.zeros_like(logits)
        step[place] = 1e-5
        ends = [sequence_loss(logits + sign * step, lengths, targets, counted)[0] for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(gradient[place], abs=1e-6)
