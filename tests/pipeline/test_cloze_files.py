"""`mluke_cloze`: entities, files, annotation, scores and config."""

from __future__ import annotations

import warnings

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from transformers import LukeForMaskedLM

from spacy_mluke.annotate.fillers import Filler, get_masks
from spacy_mluke.pipeline.export import export_component
from spacy_mluke.scorers.cloze import score_cloze
from tests.conftest import REPO
from tests.pipeline.cloze_docs import (
    FACTS,
    TEXTS,
    cloze_pipeline,
    filled_examples,
    found,
    masked_examples,
    scores_of,
)
from tests.pipeline.steps import copy_of, run_spacy

# --- entities of one's own ---


def test_entities_can_be_added_and_chosen_from(trained_cloze):
    nlp = copy_of(trained_cloze)
    pipe = nlp.get_pipe("mluke_cloze")
    assert pipe.add_entities({"Q64": {"en": "Berlin", "de": ["Berlin", "Spree-Athen"]}, "Q90": {"en": "Paris"}}) == 1
    assert pipe.add_label("Q64") == 0
    assert "Q64" in pipe.labels
    filled = pipe.fill("[MASK] is the capital of Japan", top_k=4)
    assert {filler.kb_id for filler in filled[0]} == {"Q1490", "Q649", "Q90", "Q64"}
    assert pipe.label_data["Q64"] == {"de": "Berlin", "en": "Berlin"}
    with pytest.raises(ValueError, match=r"\[ML085\]"):
        pipe.add_label("")


def test_labels_can_be_given(steady_checkpoint, trained_cloze):
    nlp = cloze_pipeline(steady_checkpoint)
    data = trained_cloze.get_pipe("mluke_cloze").label_data
    assert data["Q1490"] == {"en": "Tokyo", "ja": "東京"}
    nlp.get_pipe("mluke_cloze").initialize(lambda: filled_examples(nlp), nlp=nlp, labels=data)
    assert nlp.get_pipe("mluke_cloze").labels == trained_cloze.get_pipe("mluke_cloze").labels


# --- files ---


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_fills_the_same(trained_cloze, tmp_path, form):
    if form == "disk":
        trained_cloze.to_disk(tmp_path / "saved")
        loaded = spacy.load(tmp_path / "saved")
        assert {path.name for path in (tmp_path / "saved" / "mluke_cloze").iterdir()} == {
            "cfg",
            "encoder",
            "files.json",
        }
    else:
        loaded = copy_of(trained_cloze)
    for doc, other in zip(loaded.pipe(TEXTS), trained_cloze.pipe(TEXTS), strict=True):
        assert found(doc) == found(other)
        numpy.testing.assert_allclose(scores_of(doc), scores_of(other), atol=1e-5)


def test_a_saved_encoder_without_the_labels_is_refused(trained_cloze, tmp_path):
    trained_cloze.to_disk(tmp_path / "saved")
    cfg = tmp_path / "saved" / "mluke_cloze" / "cfg"
    cfg.write_text(cfg.read_text().replace('"classes":[', '"classes":["Q7",'))
    cfg.with_name("files.json").unlink()
    with pytest.raises(ValueError, match=r"\[ML229\].*Q7"):
        spacy.load(tmp_path / "saved")("[MASK]")


def test_fillers_survive_a_docbin_joining_and_splitting(trained_cloze):
    docs = list(trained_cloze.pipe(TEXTS))
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    for doc, other in zip(DocBin().from_bytes(data).get_docs(trained_cloze.vocab), docs, strict=True):
        assert doc._.mluke_fillers == other._.mluke_fillers
    again = Doc(trained_cloze.vocab).from_bytes(docs[3].to_bytes())
    assert again._.mluke_fillers == docs[3]._.mluke_fillers
    joined = Doc.from_docs(docs)
    assert joined._.mluke_fillers == [own for doc in docs for own in doc._.mluke_fillers]
    for mask in get_masks(joined):
        assert joined.text[mask.start_char : mask.end_char] == "[MASK]"
    part = docs[3][3:].as_doc(copy_user_data=True)
    assert [mask.fillers for mask in get_masks(part)] == docs[3]._.mluke_fillers[1:]


def test_fillers_of_another_kind_are_refused(trained_cloze):
    doc = trained_cloze.make_doc("[MASK] is far")
    doc._.mluke_fillers = [[Filler("Tokyo")]]
    assert doc._.mluke_fillers == [[Filler("Tokyo")]]
    for wrong in ([["Tokyo"]], [[Filler("a")], [Filler("b")]], "Tokyo", [Filler]):
        with pytest.raises(ValueError, match=r"\[ML228\]"):
            doc._.mluke_fillers = wrong


def test_only_the_document_that_fails_goes_to_the_error_handler(trained_cloze, monkeypatch):
    from spacy_mluke.pipeline.cloze import component as cloze

    nlp = copy_of(trained_cloze)
    fill, failed = cloze.fill_masks, []

    def fail(model, texts, *rest):
        if any("Bad" in masked.text for masked in texts):
            raise ValueError("bad text")
        return fill(model, texts, *rest)

    def handler(name, component, docs, error):
        failed.extend(doc.text for doc in docs)

    monkeypatch.setattr(cloze, "fill_masks", fail)
    nlp.set_error_handler(handler)
    assert len(list(nlp.pipe([*TEXTS, "Bad [MASK]"]))) == len(TEXTS)
    assert failed == ["Bad [MASK]"]


def test_masks_without_wordpieces_are_counted_in_one_warning(masked_lm):
    nlp = cloze_pipeline(masked_lm, marker="\u200b")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        docs = list(nlp.pipe(["a \u200b b", "\u200b c"]))
    coded = [str(warning.message) for warning in caught if "[ML180]" in str(warning.message)]
    blank = sum(not own for doc in docs for own in doc._.mluke_fillers)
    assert blank == 0 or (len(coded) == 1 and f"{blank} of 2" in coded[0])


def test_a_trained_component_exports_to_a_model_that_transformers_loads(trained_cloze, tmp_path):
    assert export_component(trained_cloze.get_pipe("mluke_cloze"), tmp_path / "exported") == "LukeForMaskedLM"
    _, info = LukeForMaskedLM.from_pretrained(tmp_path / "exported", output_loading_info=True)
    assert not info["unexpected_keys"]
    assert not [name for name in info["missing_keys"] if name.startswith("entity_predictions")]
    again = cloze_pipeline(tmp_path / "exported")
    candidates = ["Tokyo", "Paris", "Moscow"]
    text = "[MASK] is the capital of Japan"
    ((*fillers,),) = again.get_pipe("mluke_cloze").fill(text, candidates)
    ((*expected,),) = trained_cloze.get_pipe("mluke_cloze").fill(text, candidates)
    assert [filler.kb_id for filler in fillers] == [filler.kb_id for filler in expected]
    numpy.testing.assert_allclose([f.score for f in fillers], [f.score for f in expected], atol=1e-5)


# --- scores ---


def scored(nlp, text, gold, fillers):
    predicted, reference = nlp.make_doc(text), nlp.make_doc(text)
    predicted._.mluke_fillers = fillers
    reference._.mluke_fillers = gold
    return Example(predicted, reference)


def test_scores_count_ranks(trained_cloze):
    right, other = Filler("Paris", "en:Paris", 0.5, "Q90"), Filler("Rome", "en:Rome", 0.6, "Q220")
    gold = [[Filler("Paris", kb_id="Q90")]]
    examples = [
        scored(trained_cloze, "[MASK] a", gold, [[right, other]]),
        scored(trained_cloze, "[MASK] b", gold, [[other, right]]),
        scored(trained_cloze, "[MASK] c", gold, [[other]]),
        scored(trained_cloze, "[MASK] d", gold, [[]]),
    ]
    scores = score_cloze(examples)
    assert scores == {"cloze_p1": 0.25, "cloze_p5": 0.5, "cloze_mrr": pytest.approx(0.375)}


def test_any_of_several_correct_entities_counts_and_words_by_their_text(trained_cloze):
    gold = [[Filler("Italy", kb_id="Q38"), Filler("Spain", kb_id="Q29")]]
    entity, word = Filler("Spain", "en:Spain", 0.9, "Q29"), Filler("italy", "", 0.9)
    for filler in (entity, word):
        assert score_cloze([scored(trained_cloze, "[MASK]", gold, [[filler]])])["cloze_p1"] == 1.0


def test_without_annotation_there_is_no_score(trained_cloze):
    doc = trained_cloze("[MASK]")
    assert set(score_cloze([Example(doc, trained_cloze.make_doc("[MASK]"))]).values()) == {None}


def test_a_gold_mask_that_was_not_predicted_is_a_miss(trained_cloze):
    (eg, *_) = filled_examples(trained_cloze)
    trained_cloze(eg.predicted)
    assert score_cloze([eg])["cloze_p1"] == 0.0


def test_facts_have_labels(trained_cloze):
    assert {kb_id for _, _, kb_id in FACTS} == set(trained_cloze.get_pipe("mluke_cloze").labels)


def test_the_config_trains_and_the_result_is_evaluated(steady_checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    DocBin(docs=[eg.reference for eg in filled_examples(nlp)]).to_disk(tmp_path / "train.spacy")
    DocBin(docs=[eg.reference for eg in masked_examples(nlp)]).to_disk(tmp_path / "dev.spacy")
    overrides = {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "dev.spacy"),
        "paths.checkpoint": str(steady_checkpoint),
        "training.max_steps": "4",
        "training.eval_frequency": "2",
    }
    arguments = [part for key, value in overrides.items() for part in (f"--{key}", value)]
    config = REPO / "configs" / "cloze_mlama.cfg"
    printed = run_spacy("train", config, "--output", tmp_path / "out", *arguments)
    assert "CLOZE_P1" in printed
    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.get_pipe("mluke_cloze").labels == ("Q1490", "Q649", "Q90")
    assert len(trained("[MASK] is far")._.mluke_fillers[0]) == 3
    assert trained.evaluate(masked_examples(trained))["cloze_mrr"] > 0
