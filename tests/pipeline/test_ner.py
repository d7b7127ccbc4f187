"""`mluke_ner`: annotating, saving, published checkpoints."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.util import fix_random_seed
from transformers import LukeForEntitySpanClassification

from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.ner_docs import (
    SENTENCES,
    bare,
    bare_docs,
    grouped,
    names,
    ner_docs,
    ner_examples,
    ner_pipeline,
    train_ner,
)
from tests.pipeline.steps import copy_of

GOLD = [list(found) for _, found in SENTENCES]


@pytest.fixture
def trained(overfitted_ner):
    return overfitted_ner[0]


# --- annotating ---


def test_entities_are_in_doc_ents_and_in_a_group_with_scores(trained):
    docs = list(trained.pipe(bare_docs(trained)))
    assert [names(doc) for doc in docs] == [*GOLD, [], []]
    assert [grouped(doc) for doc in docs] == [*GOLD, [], []]
    for doc in docs:
        scores = doc.spans["mluke_ner"].attrs["scores"]
        assert len(scores) == len(doc.ents) and all(0.5 < score <= 1.0 for score in scores)
        assert doc.has_annotation("ENT_IOB")


def test_pipe_equals_one_by_one_calls(trained):
    alone = [trained(doc) for doc in bare_docs(trained)]
    piped = list(trained.pipe(bare_docs(trained), batch_size=4))
    for doc, other in zip(piped, alone, strict=True):
        assert grouped(doc) == grouped(other)
        found, expected = (d.spans["mluke_ner"].attrs["scores"] for d in (doc, other))
        numpy.testing.assert_allclose(found, expected, atol=1e-5)


def test_splitting_documents_into_batches_by_tokens_changes_nothing(trained, monkeypatch):
    pipe = trained.get_pipe("mluke_ner")
    spans, logits = pipe.predict(bare_docs(trained))
    monkeypatch.setattr("spacy_mluke.pipeline.ner.component.MAX_TOKENS", 7)
    parts, part_logits = pipe.predict(bare_docs(trained))
    assert parts.dataXd.tolist() == spans.dataXd.tolist()
    assert parts.lengths.tolist() == spans.lengths.tolist()
    numpy.testing.assert_allclose(part_logits, logits, atol=1e-5)


def test_two_processes_find_the_same(trained):
    docs = list(trained.pipe(bare_docs(trained), n_process=2, batch_size=3))
    assert [names(doc) for doc in docs] == [*GOLD, [], []]


def test_an_empty_stream_of_documents_is_accepted(trained):
    pipe = trained.get_pipe("mluke_ner")
    assert pipe.predict([])[1].shape == (0, 3)
    assert list(trained.pipe([])) == []


def test_a_threshold_removes_improbable_entities(trained):
    nlp = copy_of(trained)
    nlp.get_pipe("mluke_ner").cfg["threshold"] = 1.1
    assert not nlp(bare_docs(nlp)[0]).ents


def test_existing_entities_are_kept_unless_overwrite_ents_is_set(trained):
    nlp = copy_of(trained)
    for overwrite, expected in ((False, [(0, 2, "OLD"), (5, 6, "LOC")]), (True, GOLD[0])):
        nlp.get_pipe("mluke_ner").cfg["overwrite_ents"] = overwrite
        doc = bare_docs(nlp)[0]
        doc.ents = [Span(doc, 0, 2, "OLD")]
        assert names(nlp(doc)) == expected


def test_entities_without_overlap_are_kept_when_others_are_overwritten(trained):
    nlp = copy_of(trained)
    nlp.get_pipe("mluke_ner").cfg["overwrite_ents"] = True
    doc = bare_docs(nlp)[0]
    doc.ents = [Span(doc, 3, 4, "OLD", kb_id="Q1")]
    doc = nlp(doc)
    assert names(doc) == [(0, 1, "LOC"), (3, 4, "OLD"), (5, 6, "LOC")]
    assert doc.ents[1].kb_id_ == "Q1"


def test_blocked_tokens_are_in_no_entity(trained):
    doc = bare_docs(trained)[0]
    doc.set_ents([], blocked=[doc[0:1]])
    assert names(trained(doc)) == [(5, 6, "LOC")]


def test_only_the_document_that_fails_goes_to_the_error_handler(trained, monkeypatch):
    nlp = copy_of(trained)
    pipe = nlp.get_pipe("mluke_ner")
    suggester, failed = pipe.suggester, []

    def fail(docs, *, ops=None):
        if any(doc.text.startswith("Bob") for doc in docs):
            raise ValueError("bad text")
        return suggester(docs, ops=ops)

    pipe.suggester = fail
    nlp.set_error_handler(lambda name, component, docs, error: failed.extend(doc.text.strip() for doc in docs))
    assert len(list(nlp.pipe(bare_docs(nlp)))) == 5
    assert failed == ["Bob lives in the capital"]


# --- candidates of others ---


def test_span_finder_may_suggest_the_candidates(steady_checkpoint):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("span_finder", config={"spans_key": "span_candidates", "threshold": 0.5, "max_length": 4})
    model = {"encoder": {"name": str(steady_checkpoint)}, "dropout": 0.0}
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "span_candidates"}
    nlp.add_pipe("mluke_ner", config={"model": model, "suggester": suggester})
    gold = ner_examples(nlp)
    for eg in gold:
        for doc in (eg.reference, eg.predicted):
            # Those of predicted documents replace the output of a trained span_finder.
            doc.spans["span_candidates"] = [Span(doc, ent.start, ent.end) for ent in eg.reference.ents]
    optimizer = nlp.initialize(lambda: gold)
    optimizer.learn_rate = 0.007
    for _ in range(60):
        losses = nlp.update(gold, sgd=optimizer, losses={}, annotates=["span_finder"])
    assert set(losses) == {"span_finder", "mluke_ner"}
    docs = list(nlp.pipe(map(bare, ner_docs(nlp))))
    assert [set(map(tuple, grouped(doc))) for doc in docs] == [set(found) for found in GOLD]


def test_candidates_can_be_written_to_a_span_group(trained):
    doc = bare_docs(trained)[3]
    trained.get_pipe("mluke_ner").set_candidates([doc])
    assert [span.text for span in doc.spans["candidates"]] == ["is", "is far", "is far away", "far", "far away", "away"]


# --- nested names ---


def nested_examples(nlp):
    gold = ner_examples(nlp)
    for eg in gold:
        spans = [Span(eg.reference, ent.start, ent.end, ent.label_) for ent in eg.reference.ents]
        if eg is gold[1]:
            spans.append(Span(eg.reference, 2, 3, "LOC"))
        eg.reference.spans["mluke_ner"] = spans
        eg.reference.ents = []
    return gold


def test_nested_entities_are_learned_and_written_to_the_group(steady_checkpoint):
    scorer = {"@scorers": "spacy.spancat_scorer.v1"}
    nlp = ner_pipeline(steady_checkpoint, keep_nested=True, scorer=scorer)
    gold, _ = train_ner(nlp, nested_examples(nlp), steps=130)
    doc = nlp(bare(gold[1].reference))
    assert grouped(doc) == [(0, 3, "PER"), (2, 3, "LOC"), (5, 6, "LOC")]
    assert len(doc.ents) == 2
    assert nlp.evaluate(gold)["spans_mluke_ner_f"] == 1.0


def test_two_labels_of_one_span_are_refused(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint, keep_nested=True)
    gold = nested_examples(nlp)
    gold[0].reference.spans["mluke_ner"].append(Span(gold[0].reference, 0, 1, "PER"))
    with pytest.raises(ValueError, match=r"\[ML203\].*'Tokyo'.*'LOC'.*'PER'"):
        nlp.initialize(lambda: gold)


# --- saving ---


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_finds_the_same(trained, tmp_path, form):
    if form == "disk":
        trained.to_disk(tmp_path / "saved")
        loaded = spacy.load(tmp_path / "saved")
        files = {path.name for path in (tmp_path / "saved" / "mluke_ner").iterdir()}
        assert files == {"cfg", "head.safetensors", "encoder", "files.json"}
    else:
        loaded = copy_of(trained)
    assert loaded.get_pipe("mluke_ner").labels == ("LOC", "PER")
    assert [names(doc) for doc in loaded.pipe(bare_docs(loaded))] == [*GOLD, [], []]


def test_entities_survive_a_docbin_and_joining(trained):
    docs = list(trained.pipe(bare_docs(trained)[:3]))
    loaded = list(DocBin().from_bytes(DocBin(docs=docs, store_user_data=True).to_bytes()).get_docs(trained.vocab))
    assert [names(doc) for doc in loaded] == [grouped(doc) for doc in loaded] == GOLD[:3]
    for doc, other in zip(loaded, docs, strict=True):
        assert list(doc.spans["mluke_ner"].attrs["scores"]) == list(other.spans["mluke_ner"].attrs["scores"])
    assert len(Doc.from_docs(docs).ents) == 5


def test_a_head_with_other_labels_than_its_cfg_is_refused(trained, tmp_path):
    trained.to_disk(tmp_path / "saved")
    cfg = tmp_path / "saved" / "mluke_ner" / "cfg"
    cfg.write_text(cfg.read_text().replace('"classes":[', '"classes":["ANOTHER",'))
    cfg.with_name("files.json").unlink()
    with pytest.raises(ValueError, match=r"\[ML079\]"):
        spacy.load(tmp_path / "saved")


# --- published checkpoints ---


@pytest.fixture(scope="module")
def published(tmp_path_factory, tiny_sentencepiece):
    names_of = {0: "NIL", 1: "MISC", 2: "PER", 3: "ORG", 4: "LOC"}
    return make_checkpoint(
        tmp_path_factory.mktemp("published") / "checkpoint",
        tiny_sentencepiece,
        model=LukeForEntitySpanClassification,
        id2label=names_of,
        num_labels=5,
    )


def test_head_and_labels_of_a_published_checkpoint_are_used(published, tmp_path):
    nlp = ner_pipeline(published)
    doc = nlp(bare_docs(nlp)[0])
    assert nlp.get_pipe("mluke_ner").labels == ("MISC", "PER", "ORG", "LOC")
    assert doc.ents and {ent.label_ for ent in doc.ents} <= {"MISC", "PER", "ORG", "LOC"}
    nlp.to_disk(tmp_path / "saved")
    assert names(spacy.load(tmp_path / "saved")(bare_docs(nlp)[0])) == names(doc)


def test_initialize_keeps_a_published_head_that_has_all_labels(published):
    nlp = ner_pipeline(published)
    gold = ner_examples(nlp)
    before = [names(nlp(doc)) for doc in bare_docs(nlp)]
    nlp = ner_pipeline(published)
    nlp.initialize(lambda: gold)
    assert [names(nlp(doc)) for doc in bare_docs(nlp)] == before


def test_the_negative_class_of_a_published_head_must_be_named(published):
    nlp = ner_pipeline(published, negative_label="nil")
    with pytest.raises(ValueError, match=r"\[ML202\].*'nil'.*negative_label"):
        nlp("Tokyo")
    nlp = ner_pipeline(published, negative_label="MISC")
    nlp("Tokyo")
    assert nlp.get_pipe("mluke_ner").labels == ("NIL", "PER", "ORG", "LOC")


def test_the_component_adds_its_scores_to_the_config(tiny_checkpoint):
    nlp = ner_pipeline(tiny_checkpoint)
    assert nlp.get_pipe_meta("mluke_ner").default_score_weights["ents_f"] == 1.0
