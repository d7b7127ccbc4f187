"""Question answering: the component, from training to saving."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from thinc.api import Adam
from transformers import LukeForQuestionAnswering

from spacy_mluke.annotate.answers import Question
from spacy_mluke.encoder.access import encoder_settings
from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.question_docs import TEXTS, answers, ask, question_examples, question_pipeline
from tests.pipeline.steps import head_slopes, take_steps, update_until

GOLD = [[[answer] if answer else [] for _, answer in questions] for _, questions in TEXTS]


def train(nlp, steps=70, rate=0.01):
    gold = question_examples(nlp)
    return gold, [losses["mluke_qa"] for losses in take_steps(nlp, gold, steps, rate)]


@pytest.fixture(scope="module")
def trained(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint)
    nlp.history = train(nlp)[1]
    return nlp


def bare_docs(nlp):
    docs = [eg.predicted for eg in question_examples(nlp)]
    empty = Doc(nlp.vocab)
    empty._.mluke_questions = ["Who?"]
    return [*docs, empty, nlp.make_doc("Nobody asks.")]


def scores_of(doc):
    return [[answer.score for answer in found] for found in doc._.mluke_answers]


def with_options(nlp, **cfg):
    """Return the trained component with other options."""
    pipe = spacy.util.load_model_from_config(nlp.config).get_pipe("mluke_qa")
    pipe.from_bytes(nlp.get_pipe("mluke_qa").to_bytes())
    pipe.cfg.update(cfg)
    return pipe


def assert_same(doc, other):
    assert answers(doc) == answers(other)
    for found, expected in zip(scores_of(doc), scores_of(other), strict=True):
        numpy.testing.assert_allclose(found, expected, atol=1e-5)


def test_it_overfits_five_questions(trained):
    assert trained.history[-1] < 0.1 * trained.history[0]
    gold = question_examples(trained)
    scores = trained.evaluate(gold)
    assert (scores["qa_em"], scores["qa_f1"], scores["qa_no_answer"]) == (1.0, 1.0, 1.0)
    assert [answers(doc) for doc in trained.pipe(eg.predicted for eg in gold)] == GOLD


def test_predicted_documents_without_questions_get_those_of_their_references(trained):
    examples = [Example(trained.make_doc(eg.reference.text), eg.reference) for eg in question_examples(trained)]
    assert trained.evaluate(examples)["qa_em"] == 1.0


def test_gradients_of_the_weights_equal_finite_differences(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint)
    gold = question_examples(nlp)
    for slope, gradient in head_slopes(nlp, "mluke_qa", gold):
        assert slope == pytest.approx(gradient, abs=2e-2)


def test_the_encoder_gets_gradients(steady_checkpoint):
    from spacy_mluke.encoder.access import load_model

    nlp = question_pipeline(steady_checkpoint)
    gold = question_examples(nlp)
    nlp.initialize(lambda: gold)
    nlp.update(gold, sgd=False, losses={})
    loaded = load_model(nlp.get_pipe("mluke_qa").model.get_ref("encoder"))
    assert sum(float(p.grad.abs().sum()) for p in loaded.network.parameters() if p.grad is not None) > 0.0


def test_pipe_equals_one_by_one_calls(trained):
    alone = [trained(doc) for doc in bare_docs(trained)]
    piped = list(trained.pipe(bare_docs(trained), batch_size=3))
    assert [doc.text for doc in piped] == [doc.text for doc in alone]
    for doc, other in zip(piped, alone, strict=True):
        assert_same(doc, other)


def test_two_processes_predict_the_same(trained):
    alone = list(trained.pipe(bare_docs(trained)))
    shared = list(trained.pipe(bare_docs(trained), n_process=2, batch_size=3))
    for doc, other in zip(shared, alone, strict=True):
        assert_same(doc, other)


def test_empty_docs_have_no_answer_and_docs_without_questions_do_not_change(trained):
    *_, empty, bare = trained.pipe(bare_docs(trained))
    assert empty._.mluke_answers == [[]]
    assert bare._.mluke_answers == [] and not bare.user_data


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_predicts_the_same(trained, tmp_path, form):
    if form == "disk":
        trained.to_disk(tmp_path / "saved")
        loaded = spacy.load(tmp_path / "saved")
        files = {path.name for path in (tmp_path / "saved" / "mluke_qa").iterdir()}
        assert files == {"cfg", "head.safetensors", "encoder", "files.json"}
    else:
        loaded = spacy.util.load_model_from_config(trained.config)
        loaded.from_bytes(trained.to_bytes())
    for doc, other in zip(loaded.pipe(bare_docs(loaded)), trained.pipe(bare_docs(trained)), strict=True):
        assert_same(doc, other)


def test_answers_survive_bytes_a_docbin_and_joining(trained):
    docs = list(trained.pipe(bare_docs(trained)[:3]))
    copies = DocBin(store_user_data=True, docs=docs)
    for doc, other in zip(DocBin().from_bytes(copies.to_bytes()).get_docs(trained.vocab), docs, strict=True):
        assert_same(doc, other)
    assert_same(Doc(trained.vocab).from_bytes(docs[0].to_bytes()), docs[0])
    joined = Doc.from_docs(docs)
    assert answers(joined) == [found for doc in docs for found in answers(doc)]
    assert [q.text for q in joined._.mluke_questions] == [q.text for doc in docs for q in doc._.mluke_questions]


def test_answer_does_not_change_the_document(trained):
    pipe = trained.get_pipe("mluke_qa")
    doc = trained.make_doc("Paris is far.")
    (answer,) = pipe.answer(doc, "What is far?")
    assert answer.text == "Paris" and answer.span.doc is doc and 0.5 < answer.score <= 1.0
    assert answer.score + answer.null_score <= 1.0 + 1e-6
    assert not doc.user_data
    assert pipe.answer("Paris is far.", Question("What is far?"))[0].text == "Paris"
    assert pipe.answer("Paris is far.", trained.make_doc("Who is near?")) == []


def test_several_answers_do_not_overlap_and_are_sorted_by_score(trained):
    found = trained.get_pipe("mluke_qa").answer("Tokyo is the capital of Japan.", "capital of Japan", top_k=4)
    assert found[0].text == "Tokyo" and len(found) > 1
    assert [answer.score for answer in found] == sorted((answer.score for answer in found), reverse=True)
    tokens = [token.i for answer in found for token in answer.span]
    assert len(tokens) == len(set(tokens))


def test_without_a_threshold_there_always_is_an_answer(trained):
    pipe = with_options(trained, null_threshold=None)
    (answer,) = pipe.answer("Paris is far.", "Who is near?")
    assert answer.null_score > 0.5
    assert pipe.answer("", "Who?") == []


def test_an_answer_in_a_later_window_is_learned_and_found(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint, {"overlap": 20})
    filler = "Paris is far. " * 6
    text = f"{filler}Anna lives in Tokyo. {filler}"
    predicted = nlp.make_doc(text)
    predicted._.mluke_questions = ["Where does Anna live?"]
    gold = [Example(predicted, ask(nlp.make_doc(text), ("Where does Anna live?", "Tokyo")))]
    nlp.initialize(lambda: gold)
    update_until(nlp, gold, Adam(learn_rate=0.01, L2=0.0, grad_clip=1.0), "mluke_qa", 0.005, at_most=120)
    batch = nlp.get_pipe("mluke_qa").predict([predicted]).output.batch
    assert batch.n_sequences > 3
    assert answers(nlp(predicted)) == [["Tokyo"]]


def test_entities_of_question_and_document_change_the_logits(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint, suggester={"@misc": "spacy-mluke.ents_suggester.v1"})
    nlp.initialize(lambda: question_examples(nlp))
    doc = nlp.make_doc("Paris is far.")
    pipe = nlp.get_pipe("mluke_qa")
    doc._.mluke_questions = ["Is Paris far?"]
    plain = pipe.predict([doc]).output
    doc._.mluke_questions = [Question("Is Paris far?", entities=((3, 8),))]
    doc.ents = [Span(doc, 0, 1, "LOC")]
    marked = pipe.predict([doc]).output
    assert plain.batch.entity_lengths.tolist() == [0] and marked.batch.entity_lengths.tolist() == [2]
    asked = nlp.make_doc("Is Paris far?")
    asked.ents = [Span(asked, 1, 2, "LOC", kb_id="en:Paris")]
    assert Question.of(asked).entities == ((3, 8, "en:Paris"),)


def test_a_published_head_is_used(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForQuestionAnswering, num_labels=2)
    nlp = question_pipeline(path, null_threshold=None)
    assert len(answers(nlp(question_examples(nlp)[0].predicted))) == 2
    nlp.initialize(lambda: question_examples(nlp))
    weight = LukeForQuestionAnswering.from_pretrained(path).qa_outputs.weight.detach().numpy()
    numpy.testing.assert_array_equal(nlp.get_pipe("mluke_qa").head_tensors()["qa_outputs.weight"], weight)
    nlp.to_disk(tmp_path / "saved")
    doc, other = question_examples(nlp)[0].predicted, question_examples(nlp)[0].predicted
    assert_same(spacy.load(tmp_path / "saved")(doc), nlp(other))


def test_a_head_with_other_rows_is_refused(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForQuestionAnswering, num_labels=3)
    with pytest.raises(ValueError, match=r"\[ML079\]"):
        question_pipeline(path).get_pipe("mluke_qa").answer("Paris", "Who?")


def test_a_damaged_head_is_refused(trained, tmp_path):
    trained.to_disk(tmp_path / "saved")
    (tmp_path / "saved" / "mluke_qa" / "head.safetensors").write_bytes(b"nothing")
    (tmp_path / "saved" / "mluke_qa" / "files.json").unlink()
    with pytest.raises(ValueError, match=r"\[ML087\]"):
        spacy.load(tmp_path / "saved")


def test_only_the_document_that_fails_goes_to_the_error_handler(trained):
    nlp = spacy.util.load_model_from_config(trained.config)
    nlp.from_bytes(trained.to_bytes())
    pipe = nlp.get_pipe("mluke_qa")
    predict, failed = pipe.predict, []

    def fail(docs):
        docs = list(docs)
        if any(doc.text.startswith("Anna") for doc in docs):
            raise ValueError("bad text")
        return predict(docs)

    def handler(name, component, docs, error):
        failed.extend(doc.text for doc in docs)

    pipe.predict = fail
    nlp.set_error_handler(handler)
    assert len(list(nlp.pipe(bare_docs(nlp)))) == 4
    assert failed == ["Anna lives in Los Angeles."]


def test_without_training_the_error_says_what_to_do(tiny_checkpoint):
    nlp = question_pipeline(tiny_checkpoint)
    with pytest.raises(ValueError, match=r"\[ML212\] 'mluke_qa'"):
        nlp(question_examples(nlp)[0].predicted)


def test_without_annotation_initialize_says_what_is_missing(tiny_checkpoint):
    nlp = question_pipeline(tiny_checkpoint)
    doc = nlp.make_doc("Tokyo")
    doc._.mluke_questions = ["Who?"]
    with pytest.raises(ValueError, match=r"\[ML077\].*mluke_answers"):
        nlp.initialize(lambda: [Example(doc.copy(), doc)])


def test_questions_without_annotation_are_skipped_in_updates(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint)
    nlp.initialize(lambda: question_examples(nlp))
    doc = nlp.make_doc("Tokyo")
    doc._.mluke_questions = ["Who?"]
    assert nlp.update([Example(nlp.make_doc("Tokyo"), doc)], sgd=False, losses={})["mluke_qa"] == 0.0


def test_gold_answers_that_cannot_be_found_are_counted(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint, max_answer_pieces=3)
    gold = question_examples(nlp)
    long = ask(nlp.make_doc("Tokyo is the capital of Japan."), ("What?", "the capital of Japan"))
    gold.append(Example(nlp.make_doc(long.text), long))
    with pytest.warns(UserWarning, match=r"\[ML178\] \d of 5 gold answers of 'mluke_qa'"):
        nlp.initialize(lambda: gold)


def test_documents_with_another_text_than_their_references_are_refused(steady_checkpoint):
    nlp = question_pipeline(steady_checkpoint)
    nlp.initialize(lambda: question_examples(nlp))
    reference = question_examples(nlp)[0].reference
    with pytest.raises(ValueError, match=r"\[ML216\]"):
        nlp.update([Example(nlp.make_doc("Paris"), reference)], sgd=False)


def test_long_questions_and_too_many_entities_give_one_warning(trained):
    nlp = question_pipeline(
        encoder_settings(trained.get_pipe("mluke_qa").model.get_ref("encoder"))["name"],
        {"max_entities": 1},
        suggester={"@misc": "spacy-mluke.ents_suggester.v1"},
    )
    nlp.from_bytes(trained.to_bytes())
    docs = bare_docs(nlp)[:3]
    for doc in docs:
        doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 2, 3, "B")]
        doc._.mluke_questions = ["Who? " * 60]
    with pytest.warns(UserWarning) as caught:
        list(nlp.pipe(docs, batch_size=1))
    messages = [str(warning.message) for warning in caught if "[ML1" in str(warning.message)]
    assert [message[:9] for message in messages] == ["[ML176] 3", "[ML177] 3"]


def test_options_that_make_no_sense_are_coded_errors(tiny_checkpoint, trained):
    for option in ("top_k", "max_answer_pieces"):
        with pytest.raises(ValueError, match=r"\[ML071\]"):
            question_pipeline(tiny_checkpoint, **{option: 0})
    with pytest.raises(ValueError, match=r"\[ML071\]"):
        trained.get_pipe("mluke_qa").answer("Paris", "Who?", top_k=0)
    listener = {"@architectures": "spacy-mluke.EncoderListener.v1", "upstream": "*"}
    model = {"@architectures": "spacy-mluke.AnswerExtractor.v1", "encoder": listener, "dropout": 0.0}
    with pytest.raises(ValueError, match=r"\[ML214\]"):
        spacy.blank("xx").add_pipe("mluke_qa", config={"model": model})


def test_the_component_has_no_labels_and_adds_its_scores(trained):
    pipe = trained.get_pipe("mluke_qa")
    assert pipe.labels == () and pipe.add_label("X") == 0
    assert trained.get_pipe_meta("mluke_qa").default_score_weights["qa_f1"] == 1.0


def test_an_answer_within_a_token_is_found_by_its_characters(trained):
    doc = Doc(trained.vocab, words=["Tokyo-Paris"])
    (found,) = with_options(trained, null_threshold=None).answer(doc, "What is far?", top_k=3)
    assert found.span.text == "Tokyo-Paris" and found.text in found.span.text
