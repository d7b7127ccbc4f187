"""An entity store as a spaCy knowledge base."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import spacy
from spacy.kb import InMemoryLookupKB

from spacy_mluke.kb.candidate_sources import KBCandidates
from spacy_mluke.kb.spacy_kb import StoreKB, build_store_kb_v1


@pytest.fixture
def kb(store):
    return StoreKB(spacy.blank("en").vocab, 3, store)


def test_the_knowledge_base_returns_spacys_candidates(kb):
    doc = spacy.blank("en")("I love Paris")
    best, other = kb.get_candidates(doc[2:3])
    assert (best.entity_, best.alias_, round(best.prior_prob, 2)) == ("Q90", "Paris", 0.9)
    assert list(other.entity_vector) == [0.0, 0.0, 0.0]
    assert [len(list(found)) for found in kb.get_candidates_batch([doc[2:3], doc[0:1]])] == [2, 0]
    assert kb.contains_alias("paris") and kb.contains_entity("Q90") and not kb.contains_entity("Q1")


def test_the_knowledge_base_saves_its_store(kb, tmp_path):
    kb.to_disk(tmp_path / "kb")
    for other in (StoreKB(kb.vocab, 3).from_disk(tmp_path / "kb"), StoreKB(kb.vocab, 3).from_bytes(kb.to_bytes())):
        assert other.get_entity_strings() == kb.get_entity_strings()
    with pytest.raises(ValueError, match=r"\[ML236\]"):
        StoreKB(kb.vocab, 3).to_bytes()


def test_spacys_linker_links_with_a_store(store, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": "Paris"}, {"label": "LOC", "pattern": "Rome"}])
    config = {
        "incl_context": False,
        "entity_vector_length": 1,
        "generate_empty_kb": {"@misc": "spacy-mluke.store_kb.v1", "path": str(store.path)},
    }
    linker = nlp.add_pipe("entity_linker", config=config)
    assert not linker.kb.is_empty()
    doc = nlp("Paris is not Rome.")
    assert [ent.kb_id_ for ent in doc.ents] == ["Q90", "NIL"]
    nlp.to_disk(tmp_path / "saved")
    store.path.unlink()
    again = spacy.load(tmp_path / "saved")("Paris is not Rome.")
    assert [ent.kb_id_ for ent in again.ents] == ["Q90", "NIL"]


def test_a_knowledge_base_without_its_file_is_empty():
    assert build_store_kb_v1(Path("nowhere.sqlite"))(spacy.blank("en").vocab, 1).is_empty()


class _OtherKB(StoreKB):
    """A knowledge base of an unknown class, which saves nothing that spaCy can read."""

    def to_disk(self, path, exclude=()):
        Path(path).mkdir(parents=True)


def kb_candidates(kb_class, store, **options):
    candidates = KBCandidates(lambda vocab: kb_class(vocab, 3, store, **options))
    candidates.bind(spacy.blank("en").vocab)
    return candidates


@pytest.mark.parametrize("way", ["disk", "bytes", "pickle"])
def test_a_store_from_set_kb_is_saved_and_loaded_without_being_in_the_config(store, tmp_path, way):
    given = kb_candidates(StoreKB, store, match="exact", use_lang=True)
    other = KBCandidates()
    other.bind(spacy.blank("en").vocab)
    if way == "disk":
        given.to_disk(tmp_path)
        other.from_disk(tmp_path)
    elif way == "bytes":
        other.from_bytes(given.to_bytes())
    else:
        other = pickle.loads(pickle.dumps(given))
    doc = spacy.blank("en")("Paris paris")
    assert [[match.id for match in found][:1] for found in other([doc[:1], doc[1:]])] == [["Q90"], []]
    assert other.kb.use_lang


def test_a_knowledge_base_of_spacys_has_ids_without_types():
    def make(vocab):
        kb = InMemoryLookupKB(vocab, 1)
        for entity in ("Q90", "Q17"):
            kb.add_entity(entity, 1.0, [0.0])
        return kb

    source = KBCandidates(make)
    source.bind(spacy.blank("en").vocab)
    assert list(source.ids()) == [entity.id for entity in source.entities()] == ["Q17", "Q90"]
    assert (source.type_of("Q90"), source.type_of("Q1")) == ("", None)


def test_a_knowledge_base_of_another_class_than_in_the_config_is_refused(store, tmp_path):
    kb_candidates(_OtherKB, store).to_disk(tmp_path)
    other = KBCandidates()
    other.bind(spacy.blank("en").vocab)
    with pytest.raises(ValueError, match=r"\[ML333\].*generate_empty_kb"):
        other.from_disk(tmp_path)


def test_spacys_loader_raises_an_error_for_a_store_and_does_not_crash(kb, tmp_path):
    kb.to_disk(tmp_path / "kb")
    with pytest.raises(ValueError, match=r"strings\.json"):
        InMemoryLookupKB(kb.vocab, 3).from_disk(tmp_path / "kb")
