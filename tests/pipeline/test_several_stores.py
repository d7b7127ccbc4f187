"""`mluke_linker` with several stores, and several linkers in one pipeline."""

from __future__ import annotations

import pytest
import spacy

import spacy_mluke
from spacy_mluke.kb.store_build import build_store
from spacy_mluke.kb.store_rows import StoreClass, StoreRow
from tests.pipeline.link_docs import link_doc, link_store, links

TEXT, MENTIONS = "Paris and Fairphone and Anna", [(0, ""), (2, ""), (4, "")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return link_store(tmp_path_factory.mktemp("world")).path


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    rows = [
        StoreRow("p:5", "en", "Fairphone", "PHONE"),
        StoreRow("p:1", "en", "Paris", "PHONE"),
        StoreClass("p:5", "5G"),
    ]
    return build_store(rows, tmp_path_factory.mktemp("own") / "own.sqlite").path


def pipeline(name, *stores, **config):
    nlp = spacy.blank("xx")
    for i, store in enumerate(stores):
        own = {
            "model": {"encoder": {"name": str(name)}},
            "candidates": {"path": [str(p) for p in store] if isinstance(store, list) else str(store)},
            "grow": "none",
        }
        nlp.add_pipe("mluke_linker", name=f"linker_{i}", config={**own, **config})
    return nlp


def linked(nlp, text=TEXT, mentions=MENTIONS):
    return nlp(link_doc(nlp, text, mentions))


@pytest.mark.filterwarnings("ignore:.*ML186")
def test_a_linker_with_several_stores_links_the_entities_of_all(steady_checkpoint, world, own, tmp_path):
    nlp = pipeline(steady_checkpoint, [own, world])
    doc = linked(nlp)
    assert links(doc)[1:] == [("Fairphone", "p:5"), ("Anna", "NIL")]
    assert {c.entity for c in doc.ents[0]._.mluke_candidates} == {"p:1", "Q90", "Q167646"}
    nlp.to_disk(tmp_path / "saved")
    assert links(linked(spacy.load(tmp_path / "saved"))) == links(doc)


@pytest.mark.filterwarnings("ignore:.*ML186")
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_second_linker_keeps_the_links_of_the_first_and_links_the_rest(steady_checkpoint, world, own, overwrite):
    first = linked(pipeline(steady_checkpoint, own))
    doc = linked(pipeline(steady_checkpoint, own, world, overwrite=overwrite))
    assert links(first) == links(doc) == [("Paris", "p:1"), ("Fairphone", "p:5"), ("Anna", "NIL")]
    assert [c.entity for c in doc.ents[0]._.mluke_candidates] == ["p:1"]
    assert doc.ents[1]._.mluke_types == {"5G": 1.0}
    other = linked(pipeline(steady_checkpoint, world, own, overwrite=overwrite))
    assert links(other)[0][1] in ("Q90", "Q167646") and links(other)[1] == ("Fairphone", "p:5")


@pytest.mark.filterwarnings("ignore:.*ML186")
def test_a_linker_that_runs_again_replaces_its_own_links(steady_checkpoint, own, world):
    nlp = pipeline(steady_checkpoint, own, world)
    doc = linked(nlp)
    nlp.get_pipe("linker_0").set_store(world)
    doc = nlp.get_pipe("linker_0")(doc)
    assert links(doc)[0][1] in ("Q90", "Q167646")
    assert links(doc)[1] == ("Fairphone", "NIL")


def test_mentions_finds_the_names_of_all_stores(world, own):
    nlp = spacy.blank("en")
    nlp.add_pipe("mluke_mentions", config={"candidates": {"path": [str(own), str(world)]}})
    doc = nlp("In Paris and Tokyo people use the Fairphone .")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [
        ("Paris", "PHONE"),
        ("Tokyo", "city"),
        ("Fairphone", "PHONE"),
    ]


def test_load_takes_several_stores(own, world, steady_checkpoint):
    nlp = spacy_mluke.load(steady_checkpoint, store=[own, world], vectors=False)
    assert len(nlp.get_pipe("mluke_linker").candidates) == 8
    assert nlp.get_pipe("mluke_mentions").candidates.path == [str(own), str(world)]
