"""`mluke_linker`: candidates ranked by what the text says."""

from __future__ import annotations

import pickle

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.evidence import FACT_FEATURES
from spacy_mluke.kb.nil import NIL_FEATURES
from spacy_mluke.kb.projections import DISTANCES, Projections
from spacy_mluke.kb.reranker import FEATURES, Reranker
from spacy_mluke.kb.store import STORE
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_rows import StoreDescription
from tests.pipeline.link_docs import link_pipeline

ROWS = [
    StoreRow("city", "en", "Paris", "LOC", 0.9),
    StoreRow("hero", "en", "Paris", "PER", 0.1),
    StoreRow("troy", "en", "Troy", "LOC"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return build_store(ROWS, tmp_path_factory.mktemp("store") / STORE, facts=[("hero", "P551", "troy")]).path


@pytest.fixture
def nlp(steady_checkpoint, store):
    return link_pipeline(steady_checkpoint, store)


def weights(path, **own):
    found = Reranker({**dict.fromkeys(FEATURES, 0.0), **own}, {**dict.fromkeys(FACT_FEATURES, 0.0), **own})
    found.to_disk(path)
    return str(path)


def nil_weights(path, constant, first_names=(), **own):
    found = {**dict.fromkeys(NIL_FEATURES, 0.0), "constant": constant, **own}
    ones = [dict.fromkeys(own, 1.0) for own in (FEATURES, FACT_FEATURES)]
    Reranker(*ones, nil=found, first_names=first_names).to_disk(path)
    return str(path)


def linked(nlp, words="Paris came to Troy"):
    doc = Doc(nlp.vocab, words=words.split())
    doc.ents = [Span(doc, 0, 1, "X")]
    return {c.entity: c.prior for c in nlp(doc).ents[0]._.mluke_candidates}


def examples(nlp):
    found = []
    for words, kb_id in (("Paris came to Troy", "hero"), ("Paris is large", "city"), ("Troy is old", "troy")):
        docs = [Doc(nlp.vocab, words=words.split()) for _ in range(2)]
        for doc, own in zip(docs, ("", kb_id), strict=True):
            doc.ents = [Span(doc, 0, 1, "X", kb_id=own)]
        found.append(Example(*docs))
    return found


def test_weights_of_features_decide(steady_checkpoint, store, tmp_path):
    path = weights(tmp_path / "weights.json", facts=20.0)
    found = linked(link_pipeline(steady_checkpoint, store, reranker=path))
    assert found["hero"] > 0.99 and sum(found.values()) == pytest.approx(1.0)


def test_candidates_that_the_vocabulary_lacks_raise_no_warning_if_a_reranker_ranks_them(
    steady_checkpoint, store, tmp_path, recwarn
):
    path = weights(tmp_path / "weights.json", prior=1.0)
    linked(link_pipeline(steady_checkpoint, store, reranker=path, grow="none"))
    assert not [own for own in recwarn if "ML186" in str(own.message)]


def test_other_knowledge_bases_have_no_reranker_by_default(nlp):
    assert nlp.get_pipe("mluke_linker").reranker is None
    assert linked(nlp, "Paris is large") == pytest.approx({"city": 0.9, "hero": 0.1})


def test_training_makes_the_gold_candidates_more_probable(nlp):
    before = linked(nlp)["hero"]
    found = nlp.get_pipe("mluke_linker").fit_reranker(examples(nlp), texts={"de": [nlp.make_doc("Ein Satz")]})
    assert set(found.space.texts) == {"", "xx", "de"}
    assert linked(nlp)["hero"] > before


def test_training_needs_an_ambiguous_mention(nlp):
    with pytest.raises(ValueError, match="ML416"):
        nlp.get_pipe("mluke_linker").fit_reranker(examples(nlp)[-1:])


def test_without_similarity_the_encoder_reads_nothing(nlp, monkeypatch):
    linker = nlp.get_pipe("mluke_linker")
    linker.fit_reranker(examples(nlp))
    with_encoder = linked(nlp)
    linker.cfg["similarity"] = False
    monkeypatch.setattr(linker, "vectors", None)
    without = linked(nlp)
    assert without.keys() == with_encoder.keys() and without != with_encoder


def test_the_encoder_reads_nothing_for_a_mention_that_needs_no_comparison(nlp, monkeypatch):
    linker = nlp.get_pipe("mluke_linker")
    reranker = linker.fit_reranker(examples(nlp))
    reranker.without_encoder["facts"] = 20.0
    monkeypatch.setattr(linker, "vectors", None)
    assert linked(nlp)["hero"] > 0.99


def test_candidates_that_are_hardly_possible_are_not_compared_with_the_text(steady_checkpoint, tmp_path, monkeypatch):
    rows = [StoreRow(own, "en", "Paris", "LOC", prior) for own, prior in (("city", 0.6), ("hero", 0.39), ("inn", 0.01))]
    nlp = link_pipeline(steady_checkpoint, build_store(rows, tmp_path / STORE).path)
    linker = nlp.get_pipe("mluke_linker")
    linker.fit_reranker(examples(nlp)).without_encoder = {**dict.fromkeys(FACT_FEATURES, 0.0), "prior": 1.0}
    compared, vectors = [], linker.vectors

    def record(docs, questions, projections=None):
        compared.extend(match.id for question in questions for match in question.ranking.matches)
        return vectors(docs, questions, projections)

    monkeypatch.setattr(linker, "vectors", record)
    found = linked(nlp)
    assert sorted(compared) == ["city", "hero"]
    assert found["inn"] == pytest.approx(0.01) and sum(found.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(("descriptions", "is_projected"), [({}, True), ({"en": "a large city"}, False)])
def test_descriptions_that_users_wrote_are_compared_without_projections(nlp, monkeypatch, descriptions, is_projected):
    linker = nlp.get_pipe("mluke_linker")
    space = linker.fit_reranker(examples(nlp)).space
    matrix = numpy.eye(len(space.common), dtype="float32")
    space.projections = Projections(matrix, matrix, numpy.ones(len(DISTANCES), dtype="float32"))
    used, vectors = [], linker.vectors

    def record(docs, questions, projections=None):
        used.append(projections is not None)
        return vectors(docs, questions, projections)

    monkeypatch.setattr(linker, "vectors", record)
    monkeypatch.setattr(linker.candidates, "descriptions", lambda entity_id: descriptions)
    assert sum(linked(nlp).values()) == pytest.approx(1.0)
    assert used == [is_projected]


def test_weights_of_another_encoder_are_used_without_similarity(nlp, monkeypatch):
    linker = nlp.get_pipe("mluke_linker")
    linker.fit_reranker(examples(nlp)).encoder = "another"
    monkeypatch.setattr(linker, "vectors", None)
    assert linked(nlp)


def test_rows_of_an_encoder_that_was_not_trained_to_link_to_knowledge_are_not_compared(nlp, monkeypatch):
    linker = nlp.get_pipe("mluke_linker")
    linker.fit_reranker(examples(nlp))
    docs = [eg.predicted for eg in examples(nlp)]
    assert linker.mentions(docs, rerank=True)[0].is_open
    monkeypatch.setattr(StoreCandidates, "has_knowledge", True)
    assert not linker.mentions(docs, rerank=True)[0].is_open
    assert linker.mentions(docs)[0].is_open  # training compares them
    linker.learn(examples(nlp), 0.0)
    assert linker.mentions(docs, rerank=True)[0].is_open


def test_a_linker_that_was_saved_before_training_was_noted_counts_as_trained(nlp):
    linker = nlp.get_pipe("mluke_linker")
    assert not linker.cfg["trained"]
    linker.cfg_from_bytes(b"{}")
    assert linker.cfg["trained"]


def test_the_reranker_is_saved_with_the_pipeline(nlp, tmp_path):
    nlp.get_pipe("mluke_linker").fit_reranker(examples(nlp))
    expected = linked(nlp)
    nlp.to_disk(tmp_path / "pipe")
    assert linked(spacy.load(tmp_path / "pipe")) == pytest.approx(expected)
    copy = pickle.loads(pickle.dumps(nlp.get_pipe("mluke_linker")))
    assert copy.reranker.to_bytes() == nlp.get_pipe("mluke_linker").reranker.to_bytes()


def test_a_reranker_that_the_config_names_replaces_the_saved_one(nlp, tmp_path):
    nlp.get_pipe("mluke_linker").fit_reranker(examples(nlp))
    nlp.to_disk(tmp_path / "pipe")
    own = weights(tmp_path / "own.json", prior=2.5)
    loaded = spacy.load(tmp_path / "pipe", config={"components.mluke_linker.reranker": own})
    assert loaded.get_pipe("mluke_linker").reranker.weights["prior"] == 2.5


def test_the_reranker_is_in_the_bytes_of_the_component(nlp, steady_checkpoint, store):
    nlp.get_pipe("mluke_linker").fit_reranker(examples(nlp))
    other = link_pipeline(steady_checkpoint, store).get_pipe("mluke_linker")
    other.from_bytes(nlp.get_pipe("mluke_linker").to_bytes())
    assert other.reranker.weights == nlp.get_pipe("mluke_linker").reranker.weights


def test_a_text_without_ambiguous_mentions_is_linked(nlp, tmp_path):
    nlp.get_pipe("mluke_linker").cfg["reranker"] = weights(tmp_path / "reranker.json", prior=1.0)
    doc = Doc(nlp.vocab, words=["Troy", "and", "Nowhere"])
    doc.ents = [Span(doc, 0, 1, "X"), Span(doc, 2, 3, "X")]
    assert [ent.kb_id_ for ent in nlp(doc).ents] == ["troy", "NIL"]


@pytest.mark.parametrize(
    ("constant", "nil", "expected"),
    [(5.0, 0.1, "troy"), (-5.0, 0.1, "NIL"), (-5.0, 0.0, "troy"), (-5.0, 0.0001, "troy")],
    ids=["meant", "not_meant", "always", "less_weight_of_nil"],
)
@pytest.mark.filterwarnings("ignore:.*ML186")
def test_the_reranker_says_whether_a_single_candidate_is_meant(
    steady_checkpoint, store, tmp_path, constant, nil, expected
):
    path = nil_weights(tmp_path / "weights.json", constant)
    nlp = link_pipeline(steady_checkpoint, store, reranker=path, nil=nil)
    nlp.get_pipe("mluke_linker").candidates.store.has_prominence = True
    doc = Doc(nlp.vocab, words=["Troy", "fell"])
    doc.ents = [Span(doc, 0, 1, "X")]
    assert nlp(doc).ents[0].kb_id_ == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [("Anna sings", ["NIL"]), ("Anna Bell sings and Anna dances", ["bell", "bell"])],
    ids=["alone", "after_the_whole_name"],
)
def test_a_first_name_is_linked_if_the_text_has_the_whole_name(steady_checkpoint, tmp_path, words, expected):
    rows = [StoreRow("bell", "en", name, "PER", 0.9) for name in ("Anna Bell", "Anna")]
    path = nil_weights(tmp_path / "weights.json", 5.0, ["anna"])
    nlp = link_pipeline(steady_checkpoint, build_store(rows, tmp_path / STORE).path, reranker=path)
    nlp.get_pipe("mluke_linker").candidates.store.has_prominence = True
    doc = Doc(nlp.vocab, words=words.split())
    starts = [(0, 2), (4, 5)] if len(doc) > 2 else [(0, 1)]
    doc.ents = [Span(doc, start, end, "PER") for start, end in starts]
    assert [ent.kb_id_ for ent in nlp(doc).ents] == expected


def test_priors_of_other_stores_do_not_say_whether_a_candidate_is_meant(steady_checkpoint, store, tmp_path):
    nlp = link_pipeline(steady_checkpoint, store, reranker=nil_weights(tmp_path / "weights.json", -5.0))
    assert "city" in linked(nlp, "Paris is large") and nlp.get_pipe("mluke_linker").reranker.nil
    doc = Doc(nlp.vocab, words=["Troy", "fell"])
    doc.ents = [Span(doc, 0, 1, "X")]
    assert nlp(doc).ents[0].kb_id_ == "troy"


@pytest.mark.parametrize("description", ["", "a city on the river"], ids=["without", "with"])
def test_the_bundled_model_ranks_candidates_that_have_descriptions(steady_checkpoint, tmp_path, description):
    more = [StoreDescription("city", "en", description)] if description else []
    path = build_store([*ROWS, *more], tmp_path / STORE).path
    linker = link_pipeline(steady_checkpoint, path).get_pipe("mluke_linker")
    assert (linker.reranker is not None) == bool(description)


@pytest.mark.parametrize(("label", "expected"), [("PER", "NIL"), ("ORG", "troy"), ("X", "troy")])
def test_what_is_labelled_as_a_person_is_linked_to_no_place(steady_checkpoint, store, tmp_path, label, expected):
    nlp = link_pipeline(steady_checkpoint, store, reranker=nil_weights(tmp_path / "weights.json", 5.0))
    candidates = nlp.get_pipe("mluke_linker").candidates
    candidates.store.has_prominence = True
    assert candidates.type_of("troy") == "LOC"
    doc = Doc(nlp.vocab, words=["Troy", "fell"])
    doc.ents = [Span(doc, 0, 1, label)]
    assert nlp(doc).ents[0].kb_id_ == expected
