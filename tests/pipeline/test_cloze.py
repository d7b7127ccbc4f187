"""`mluke_cloze`: filling masks with entities and words, and training."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.training import Example
from transformers import LukeForMaskedLM

from spacy_mluke.annotate.fillers import get_masks
from spacy_mluke.encoder.access import load_model
from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.cloze_docs import (
    TEXTS,
    best,
    cloze_pipeline,
    filled_examples,
    found,
    gold_doc,
    masked_examples,
    scores_of,
)


@pytest.fixture(scope="module")
def published(masked_lm):
    """A pipeline with a published checkpoint, without further training. Tests must not change it."""
    return cloze_pipeline(masked_lm, mode="both")


# --- filling ---


def test_every_mask_of_a_text_gets_its_fillers_best_first(published):
    pipe = published.get_pipe("mluke_cloze")
    filled = pipe.fill("[MASK] is far from [MASK].", mode="entity", top_k=3)
    assert [len(own) for own in filled] == [3, 3]
    for own in filled:
        scores = [filler.score for filler in own]
        assert scores == sorted(scores, reverse=True)
        assert 0 < sum(scores) < 1
        assert {filler.entity for filler in own} == {"en:Tokyo", "en:Paris", "en:Moscow"}


def test_several_texts_are_filled_like_each_alone(published):
    pipe = published.get_pipe("mluke_cloze")
    together = pipe.fill(TEXTS, mode="both")
    assert [len(own) for own in together] == [1, 0, 0, 2, 1]
    for text, own in zip(TEXTS, together, strict=True):
        alone = pipe.fill(text, mode="both")
        for fillers, others in zip(own, alone, strict=True):
            assert [filler.text for filler in fillers] == [filler.text for filler in others]
            numpy.testing.assert_allclose([f.score for f in fillers], [f.score for f in others], atol=1e-5)


def test_names_are_those_of_the_texts_language(published):
    pipe = published.get_pipe("mluke_cloze")
    for lang, name in (("de", "Tokio"), ("ja", "東京"), ("en", "Tokyo"), ("pt", "Tokyo")):
        ((filler,),) = pipe.fill("[MASK]", ["en:Tokyo"], mode="entity", lang=lang)
        assert filler.text == name
        assert filler.kb_id == "en:Tokyo"
    ((filler,),) = pipe.fill("[MASK]", ["Moscow"], mode="entity")
    assert (filler.text, filler.entity, filler.kb_id) == ("Moscow", "en:Moscow", "Q649")
    assert filler.score == pytest.approx(1.0)


def test_candidates_may_be_names_titles_or_keys(published):
    pipe = published.get_pipe("mluke_cloze")
    ((*fillers,),) = pipe.fill("[MASK]", ["Tokio", "en:Paris", "Q649"], mode="entity", lang="de")
    assert {filler.text for filler in fillers} == {"Tokio", "Paris", "Moscow"}
    assert sum(filler.score for filler in fillers) == pytest.approx(1.0)


def test_candidates_may_be_titles_in_any_language_of_the_texts(published):
    pipe = published.get_pipe("mluke_cloze")
    texts = [published.make_doc("[MASK]"), spacy.blank("de").make_doc("[MASK]")]
    for ((*fillers,),) in pipe.fill(texts, ["Tokio", "Paris"], mode="entity"):
        assert {filler.kb_id for filler in fillers} == {"en:Tokyo", "en:Paris"}


@pytest.mark.parametrize("candidate", ["Berlin", "[UNK]", ""])
def test_a_candidate_that_is_not_an_entity_is_named(published, candidate):
    with pytest.raises(ValueError, match=r"\[ML223\]"):
        published.get_pipe("mluke_cloze").fill("[MASK]", ["Tokyo", candidate], mode="entity")


def test_words_are_scored_by_the_mean_of_their_pieces(published, masked_lm):
    import torch

    pipe = published.get_pipe("mluke_cloze")
    loaded = load_model(pipe.model.get_ref("encoder"))
    words = ["Tokyo", "is", "capital"]
    ((*fillers,),) = pipe.fill("[MASK] is", words, mode="word")
    assert {filler.text for filler in fillers} == set(words)
    network = LukeForMaskedLM.from_pretrained(masked_lm).eval()
    pieces = loaded.wordpieces
    tail = pieces.encode([" is"])[0].ids.tolist()
    for filler in fillers:
        encoded = pieces.encode([filler.text])[0]
        ids = encoded.ids[encoded.offsets[:, 1] > encoded.offsets[:, 0]].tolist()
        row = [pieces.bos_id, *[pieces.mask_id] * len(ids), *tail, pieces.eos_id]
        positions = torch.full((1, 1, 30), -1)
        positions[0, 0, : len(ids)] = torch.arange(1, len(ids) + 1)
        with torch.no_grad():
            logits = network(
                input_ids=torch.tensor([row]),
                entity_ids=torch.tensor([[loaded.entities.mask_id]]),
                entity_attention_mask=torch.ones(1, 1, dtype=torch.int64),
                entity_position_ids=positions,
            ).logits[0, 1 : len(ids) + 1]
        expected = logits.log_softmax(dim=1)[range(len(ids)), ids].mean().exp()
        assert filler.score == pytest.approx(float(expected), abs=1e-4)
        assert filler.entity == filler.kb_id == ""


def test_words_of_several_masks_are_scored_each_with_one_piece_in_the_others(published):
    pipe = published.get_pipe("mluke_cloze")
    first, second = pipe.fill("[MASK] is far from [MASK]", ["Tokyo", "is"], mode="word")
    assert {filler.text for filler in first} == {filler.text for filler in second} == {"Tokyo", "is"}


def test_open_words_are_pieces_with_text(published):
    ((*fillers,),) = published.get_pipe("mluke_cloze").fill("[MASK] is", mode="word", top_k=4)
    assert len(fillers) == 4
    assert len({filler.text for filler in fillers}) == 4
    for filler in fillers:
        assert filler.text == filler.text.strip() != ""
        assert not filler.text.startswith(("<", "▁"))


def test_both_kinds_are_ranked_together(published):
    ((*fillers,),) = published.get_pipe("mluke_cloze").fill("[MASK] is", ["Tokyo", "far"], mode="both")
    assert [bool(filler.entity) for filler in fillers].count(True) == 1
    assert [filler.score for filler in fillers] == sorted((filler.score for filler in fillers), reverse=True)


def test_a_mask_in_a_long_text_is_filled_from_its_window(published):
    pipe = published.get_pipe("mluke_cloze")
    filled = pipe.fill("Tokyo is far. " * 100 + "[MASK] is the capital. " + "Paris is far. " * 100, mode="both")
    assert len(filled) == 1
    assert filled[0]


def test_another_marker_may_mark_a_mask(masked_lm):
    nlp = cloze_pipeline(masked_lm, marker="___")
    doc = nlp("___ is the capital of [MASK]")
    ((mask,)) = get_masks(doc)
    assert (mask.start_char, mask.end_char) == (0, 3)


def test_mask_tokens_in_the_text_are_not_masks(published):
    pipe = published.get_pipe("mluke_cloze")
    plain = pipe.fill("[MASK] is < mask >", mode="entity")
    written = pipe.fill("[MASK] is <mask>", mode="entity")
    assert len(plain) == len(written) == 1


@pytest.mark.parametrize("text", ["", "No mask here.", "   "])
def test_texts_without_masks_have_no_fillers(published, text):
    assert published(text)._.mluke_fillers == []


def test_pipe_equals_one_by_one_calls(trained_cloze):
    alone = [trained_cloze(text) for text in TEXTS]
    for doc, other in zip(trained_cloze.pipe(TEXTS, batch_size=3), alone, strict=True):
        assert found(doc) == found(other)
        numpy.testing.assert_allclose(scores_of(doc), scores_of(other), atol=1e-5)


def test_two_processes_fill_the_same(trained_cloze):
    alone = list(trained_cloze.pipe(TEXTS))
    shared = list(trained_cloze.pipe(TEXTS, n_process=2, batch_size=3))
    assert [found(doc) for doc in shared] == [found(doc) for doc in alone]


# --- learning ---


def test_the_component_learns_six_sentences(trained_cloze):
    scores = trained_cloze.evaluate(masked_examples(trained_cloze))
    assert scores["cloze_p1"] == 1.0
    assert scores["cloze_mrr"] == 1.0
    assert best(trained_cloze("[MASK], the capital of Japan, is far away")) == ["Tokyo"]
    assert trained_cloze.get_pipe("mluke_cloze").labels == ("Q1490", "Q649", "Q90")


def test_masked_and_filled_examples_train_the_same(steady_checkpoint):
    losses = []
    for make in (filled_examples, masked_examples):
        nlp = cloze_pipeline(steady_checkpoint)
        nlp.initialize(lambda nlp=nlp: filled_examples(nlp))
        losses.append(nlp.update(make(nlp), sgd=False)["mluke_cloze"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_published_checkpoint_keeps_its_head_and_its_entities(masked_lm):
    nlp = cloze_pipeline(masked_lm)
    gold = gold_doc(nlp, "Tokyo is far", "Tokyo", "en:Tokyo")
    before = nlp.get_pipe("mluke_cloze").fill("[MASK] is far", ["Tokyo", "Paris"])
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    pipe = nlp.get_pipe("mluke_cloze")
    assert pipe.labels == ("en:Tokyo",)
    assert pipe.loaded_encoder().config.entity_vocab_size == 7
    after = pipe.fill("[MASK] is far", ["Tokyo", "Paris"])
    assert [filler.score for filler in after[0]] == pytest.approx([filler.score for filler in before[0]])


def test_the_gradient_of_the_loss_equals_finite_differences(steady_checkpoint):
    nlp = cloze_pipeline(steady_checkpoint)
    gold = filled_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_cloze")
    loaded = pipe.loaded_encoder()
    nlp.update(gold, sgd=False)
    parameters = dict(loaded.named_parameters())
    row = int(pipe.label_ids()[0])
    for name, place in (
        ("entity_predictions.bias", (row,)),
        ("entity_embeddings.entity_embeddings.weight", (row, 1)),
        ("entity_embeddings.entity_embeddings.weight", (loaded.entities.mask_id, 1)),
        ("entity_predictions.transform.dense.weight", (1, 2)),
        ("encoder.layer.0.output.dense.bias", (3,)),
    ):
        data, gradient, values = parameters[name].data, float(parameters[name].grad[place]), []
        before = float(data[place])
        for step in (1e-2, -1e-2):
            data[place] = before + step
            values.append(pipe.get_loss(gold, None)[0])
            data[place] = before
        assert (values[0] - values[1]) / 2e-2 == pytest.approx(gradient, abs=5e-2, rel=5e-2), name


def test_the_loss_can_use_a_sample_of_the_labels(steady_checkpoint):
    nlp = cloze_pipeline(steady_checkpoint, n_negatives=1)
    gold = filled_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_cloze")
    right, compared = pipe._targets(["Q90"])
    assert pipe.label_ids()[2] in compared
    assert len(compared) <= 2
    assert compared[right[0]] == pipe.label_ids()[2]
    assert nlp.update(gold, sgd=False)["mluke_cloze"] >= 0


def test_examples_without_annotation_are_skipped(trained_cloze):
    nlp = trained_cloze
    doc = nlp.make_doc("Tokyo is far")
    assert nlp.update([Example(doc, doc.copy())], sgd=False)["mluke_cloze"] == 0.0


def test_without_annotation_initialize_says_what_is_missing(tiny_checkpoint):
    nlp = cloze_pipeline(tiny_checkpoint)
    doc = nlp.make_doc("Tokyo")
    with pytest.raises(ValueError, match=r"\[ML077\].*kb_id"):
        nlp.initialize(lambda: [Example(doc, doc.copy())])


def test_an_unknown_entity_in_training_is_named(steady_checkpoint):
    nlp = cloze_pipeline(steady_checkpoint)
    nlp.initialize(lambda: filled_examples(nlp)[:2])
    with pytest.raises(ValueError, match=r"\[ML076\].*Q90"):
        nlp.update(filled_examples(nlp), sgd=False)


def test_missing_gold_entities_are_counted(steady_checkpoint):
    nlp = cloze_pipeline(steady_checkpoint)
    gold = gold_doc(nlp, "Tokyo is far", "Tokyo", "Q1490")
    eg = Example(nlp.make_doc("[MASK] or [MASK] is far"), gold)
    with pytest.warns(UserWarning, match=r"\[ML181\] 1 of 1"):
        nlp.initialize(lambda: [eg])


def test_without_a_head_the_error_says_how_to_get_one(tiny_checkpoint):
    with pytest.raises(ValueError, match=r"\[ML221\].*LukeForMaskedLM"):
        cloze_pipeline(tiny_checkpoint)("[MASK]")
    with pytest.raises(ValueError, match=r"\[ML221\].*lm_head"):
        cloze_pipeline(tiny_checkpoint, mode="word")("[MASK]")


def test_a_vocabulary_of_special_entities_is_refused(tmp_path, tiny_sentencepiece):
    from tests.checkpoint.checkpoints import LITE

    path = make_checkpoint(tmp_path / "lite", tiny_sentencepiece, entities=LITE, model=LukeForMaskedLM)
    with pytest.raises(ValueError, match=r"\[ML222\]"):
        cloze_pipeline(path)("[MASK]")


def test_wrong_options_are_refused(tiny_checkpoint):
    with pytest.raises(ValueError, match=r"\[ML070\].*Did you mean 'word'"):
        cloze_pipeline(tiny_checkpoint, mode="words")
    with pytest.raises(ValueError, match=r"\[ML071\].*top_k"):
        cloze_pipeline(tiny_checkpoint, top_k=0)
