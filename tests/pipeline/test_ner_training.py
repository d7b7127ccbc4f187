"""`mluke_ner`: training."""

from __future__ import annotations

import math

import numpy
import pytest
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.pipeline.ner.sampling import sample
from tests.pipeline.ner_docs import LIMIT, bare, bare_docs, ner_docs, ner_examples, ner_pipeline, train_ner
from tests.pipeline.steps import copy_of, head_slopes


def test_it_overfits_the_entities_of_four_sentences(overfitted_ner):
    nlp, history = overfitted_ner
    assert history[-1] < 0.1 * history[0]
    scores = nlp.evaluate(ner_examples(nlp))
    assert scores["ents_f"] == 1.0 and set(scores["ents_per_type"]) == {"LOC", "PER"}


def test_it_overfits_with_isolated_candidates_and_sampled_negatives(steady_checkpoint):
    nlp = ner_pipeline(
        steady_checkpoint, encoder={"visibility": "isolated", "max_entities": 0}, negatives_per_token=2.0
    )
    gold, history = train_ner(nlp)
    assert history[-1] < 0.1 * history[0]
    assert nlp.evaluate(gold)["ents_f"] == 1.0


def test_the_gradient_of_the_loss_equals_finite_differences(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    pipe = fresh_ner.get_pipe("mluke_ner")
    pipe.cfg["negative_weight"] = 0.5
    spans, logits = pipe.predict([eg.predicted for eg in gold])
    logits = numpy.random.default_rng(0).normal(size=logits.shape)
    _, gradient = pipe.get_loss(gold, (spans, logits))
    for i, j in [(0, 0), (0, 1), (5, 2)]:
        step = numpy.zeros_like(logits)
        step[i, j] = 1e-5
        values = [pipe.get_loss(gold, (spans, logits + sign * step))[0] for sign in (1, -1)]
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[i, j], abs=1e-5)


def test_gradients_of_the_weights_equal_finite_differences(fresh_ner):
    gold = ner_examples(fresh_ner)
    places = {"W": [(0, 0), (1, 20), (2, 40)], "b": [(0,), (2,)]}
    for slope, gradient in head_slopes(fresh_ner, "mluke_ner", gold, places):
        assert slope == pytest.approx(gradient, rel=1e-2, abs=2e-2)


def test_sampling_takes_all_entities_and_a_fraction_of_the_negatives(fresh_ner, monkeypatch):
    pipe = fresh_ner.get_pipe("mluke_ner")
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    pipe.cfg["negatives_per_token"] = 0.5
    seen = []

    def spy(rows, spans, *args):
        chosen = sample(rows, spans, *args)
        seen.append(spans.take(chosen))
        return chosen

    monkeypatch.setattr("spacy_mluke.pipeline.ner.component.sample", spy)
    for _ in range(2):
        fresh_ner.update(gold, sgd=False)
    for spans in seen:
        # Half the number of tokens, rounded up, and the entities.
        assert spans.lengths.tolist() == [3 + 2, 3 + 2, 3 + 1, 2]
        assert {(0, 1), (5, 6)} <= {tuple(row) for row in spans.bounds[:5].tolist()}
    assert seen[0].bounds.tolist() != seen[1].bounds.tolist()


def test_examples_without_annotation_are_skipped(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    without = Example(bare(gold[0].predicted), bare(gold[0].predicted))
    assert fresh_ner.update([without], sgd=False)["mluke_ner"] == 0.0
    both = fresh_ner.update([gold[0], without], sgd=False)["mluke_ner"]
    assert both == pytest.approx(fresh_ner.update([gold[0]], sgd=False)["mluke_ner"], rel=1e-4)


def test_tokens_without_annotation_do_not_train(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    pipe = fresh_ner.get_pipe("mluke_ner")
    doc = bare(gold[0].reference)
    doc.set_ents([Span(doc, 0, 1, "LOC")], missing=[doc[4:6]], default="outside")
    spans, logits = pipe.predict([bare(doc)])
    _, gradient = pipe.get_loss([Example(bare(doc), doc)], (spans, logits))
    is_unknown = spans.dataXd[:, 1] > 4
    assert is_unknown.any() and not gradient[is_unknown].any()
    assert gradient[~is_unknown].any(axis=1).all()


def test_entities_without_a_candidate_are_counted_once(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint, suggester={**LIMIT, "max_size": 2})
    gold = ner_examples(nlp)
    # "Anna of Tokyo" is too long, and "Japan" is not a token of the predicted document.
    gold[0] = Example(Doc(nlp.vocab, words=["Tokyo", "is", "the", "capital", "ofJapan"]), gold[0].reference)
    with pytest.warns(UserWarning, match=r"\[ML105\] 2 of 5 .*suggester"):
        nlp.initialize(lambda: gold)


def test_misaligned_entities_do_not_train(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    pipe = fresh_ner.get_pipe("mluke_ner")
    words = ["Tokyo", "is", "the", "capital", "ofJapan"]
    reference = Doc(fresh_ner.vocab, words=["Tokyo", "is", "the", "capital", "of", "Japan"], spaces=[1, 1, 1, 1, 0, 0])
    reference.set_ents([Span(reference, 0, 1, "LOC"), Span(reference, 5, 6, "LOC")], default="outside")
    predicted = Doc(fresh_ner.vocab, words=words, spaces=[1, 1, 1, 1, 0])
    spans, logits = pipe.predict([predicted])
    _, gradient = pipe.get_loss([Example(predicted, reference)], (spans, logits))
    is_unknown = spans.dataXd[:, 1] > 4
    assert not gradient[is_unknown].any() and gradient[~is_unknown].any(axis=1).all()


def test_an_unknown_label_is_named(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold[:1])
    with pytest.raises(ValueError, match=r"\[ML076\].*'PER'"):
        fresh_ner.update(gold, sgd=False)


def test_without_annotation_initialize_says_what_is_missing(fresh_ner):
    doc = bare(ner_docs(fresh_ner)[0])
    with pytest.raises(ValueError, match=r"\[ML204\].*doc.ents"):
        fresh_ner.initialize(lambda: [Example(doc, doc.copy())])


def test_without_labels_the_error_says_how_to_get_them(fresh_ner):
    with pytest.raises(ValueError, match=r"\[ML075\] 'mluke_ner'"):
        fresh_ner("Tokyo")


def test_labels_can_be_added_to_a_trained_head(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    pipe = nlp.get_pipe("mluke_ner")
    doc = bare_docs(nlp)[0]
    before = pipe.predict([doc])[1]
    assert (pipe.add_label("NEW"), pipe.add_label("NEW")) == (1, 0)
    assert pipe.labels == ("LOC", "PER", "NEW")
    numpy.testing.assert_allclose(pipe.predict([doc])[1][:, :-1], before, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[ML085\]"):
        pipe.add_label("")


@pytest.mark.parametrize("option", ["negatives_per_token", "negative_weight"])
def test_negative_numbers_are_refused(tiny_checkpoint, option):
    with pytest.raises(ValueError, match=rf"\[ML071\] '{option}'"):
        ner_pipeline(tiny_checkpoint, **{option: -1.0})


def test_a_fresh_head_starts_with_the_frequencies_of_the_classes(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint)
    pipe = nlp.get_pipe("mluke_ner")
    nlp.initialize(lambda: ner_examples(nlp))
    bias = dict(zip(pipe.classes, pipe.model.get_ref("linear").get_param("b").tolist(), strict=True))
    assert bias["NIL"] > bias["LOC"] > bias["PER"]
    assert sum(math.exp(value) for value in bias.values()) == pytest.approx(1.0, abs=1e-5)


def test_a_head_that_was_trained_keeps_its_bias_when_it_is_initialized_again(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint)
    linear = nlp.get_pipe("mluke_ner").model.get_ref("linear")
    nlp.initialize(lambda: ner_examples(nlp))
    linear.get_param("b")[:] = 0.5
    nlp.initialize(lambda: ner_examples(nlp))
    assert linear.get_param("b").tolist() == [0.5, 0.5, 0.5]
