"""`mluke_linker`: what types, facts and the possibility of no entity decide about candidates."""

from __future__ import annotations

import pytest
from spacy.tokens import Doc, Span

from spacy_mluke.kb.ranking import rank
from spacy_mluke.kb.store import STORE, Match
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.pipeline.linker.component import Links
from spacy_mluke.pipeline.linker.questions import Name, Question
from spacy_mluke.types import Counts
from tests.pipeline.link_docs import link_pipeline, mention


def typed_store(folder, place="France", facts=(("Q47899", "P27", "Q142"),)):
    folder.mkdir(exist_ok=True)
    rows = [
        StoreRow("Q90", "en", "Paris", "LOC", 0.9),
        StoreRow("Q47899", "en", "Paris", "PER", 0.1),
        StoreRow("Q142", "en", place, "LOC"),
        StoreRow("Q1", "en", "Anna", "PER"),
    ]
    classes = [("Q90", "big city"), ("Q90", "capital")]
    return build_store(rows, folder / STORE, facts=facts, classes=classes).path


def labelled(nlp, words, labels):
    doc = Doc(nlp.vocab, words=words.split())
    doc.ents = [Span(doc, i, i + 1, label) for i, label in labels.items()]
    return nlp(doc)


def test_a_label_selects_candidates_of_its_kind(steady_checkpoint, tmp_path):
    nlp = link_pipeline(steady_checkpoint, typed_store(tmp_path), prior_weight=50.0)
    for label, expected in (("PER", "Q47899"), ("GPE", "Q90"), ("X", "Q90")):
        doc = labelled(nlp, "Paris sings", {0: label})
        assert [(ent.kb_id_, ent.label_) for ent in doc.ents] == [(expected, label)]


def test_a_mention_is_nil_if_its_only_candidate_is_of_another_kind(steady_checkpoint, tmp_path):
    path = typed_store(tmp_path)
    for nil, expected in ((0.1, "NIL"), (0.0, "Q1")):
        doc = labelled(link_pipeline(steady_checkpoint, path, nil=nil), "Anna is here", {0: "LOC"})
        assert doc.ents[0].kb_id_ == expected


def test_a_threshold_holds_for_a_single_candidate(steady_checkpoint, tmp_path):
    path = typed_store(tmp_path)
    for threshold, expected in ((0.95, "NIL"), (0.9, "Q1")):
        doc = labelled(link_pipeline(steady_checkpoint, path, threshold=threshold), "Anna is here", {0: "PER"})
        assert doc.ents[0].kb_id_ == expected


def test_a_linked_mention_has_the_type_of_its_entity_if_its_label_is_that_of_another(steady_checkpoint, tmp_path):
    nlp = link_pipeline(steady_checkpoint, typed_store(tmp_path), prior_weight=50.0)
    nlp.get_pipe("mluke_linker").set_annotations(
        [doc := labelled(nlp, "Paris sings", {0: "PER"})], ([links_to("Q90", ["LOC", "PER"])], Counts())
    )
    assert [(ent.kb_id_, ent.label_) for ent in doc.ents] == [("Q90", "LOC")]
    assert doc.ents[0]._.mluke_types == {"big city": 1.0, "capital": 1.0}


def links_to(kb_id, types):
    found = mention(0, 0, [0.9, 0.1])
    found.ids, found.types = [kb_id, "Q0"], types
    return Links([found], [found.priors])


def test_a_fact_about_another_entity_of_the_text_selects_a_candidate(steady_checkpoint, tmp_path):
    path = typed_store(tmp_path)
    priors = {}
    for use_facts in (False, True):
        nlp = link_pipeline(steady_checkpoint, path, use_facts=use_facts)
        doc = labelled(nlp, "Paris of France", {0: "X"})
        priors[use_facts] = {c.entity: c.prior for c in doc.ents[0]._.mluke_candidates}
    assert priors[False]["Q47899"] == pytest.approx(0.1)
    assert priors[True]["Q47899"] == pytest.approx(0.4 / 1.3)


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_linker_forgets_the_knowledge_base_that_loading_replaces(steady_checkpoint, tmp_path, form):
    used = link_pipeline(steady_checkpoint, typed_store(tmp_path / "a", facts=[("Q1", "P27", "Q142")]))
    other = link_pipeline(steady_checkpoint, typed_store(tmp_path / "b", place="Gaul"))
    before, expected = found_by(used), found_by(other)
    assert before[1][:, 2].tolist() == [0.0, 0.0] != expected[1][:, 2].tolist()
    if form == "disk":
        other.get_pipe("mluke_linker").to_disk(tmp_path / "saved")
        used.get_pipe("mluke_linker").from_disk(tmp_path / "saved")
    else:
        used.get_pipe("mluke_linker").from_bytes(other.get_pipe("mluke_linker").to_bytes())
    priors, features = found_by(used)
    assert priors == expected[0] != before[0]
    assert features.tolist() == expected[1].tolist()


def found_by(nlp):
    """Priors and features of the candidates of "Paris" in a text with a name that only one store has."""
    linker, doc = nlp.get_pipe("mluke_linker"), labelled(nlp, "Paris of Gaul", {0: "X"})
    priors = {own.entity: own.prior for own in doc.ents[0]._.mluke_candidates}
    question = Question(0, doc.ents[0], rank(linker.candidates([doc.ents[0]])[0], "X"))
    names = [Name(2, 3, [Match("Q142", 1.0, "LOC")])]
    return priors, linker.fact_features([doc], [question], {0: names})[0]
