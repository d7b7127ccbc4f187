"""`mluke_cloze` reads a document's linked mentions with their entities."""

from __future__ import annotations

import numpy
import pytest
import torch
from spacy.tokens import Doc
from spacy.training import Example
from transformers import LukeForMaskedLM

from spacy_mluke import StoreRow, build_store
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import MentionInput
from spacy_mluke.pipeline.cloze.masked_texts import find_linked
from tests.pipeline.cloze_docs import cloze_pipeline, scores_of
from tests.pipeline.steps import copy_of

TEXT = "Tokyo is the capital of [MASK], Paris is not."


@pytest.fixture(scope="module")
def nlp(masked_lm):
    return cloze_pipeline(masked_lm)


def linked(nlp, text: str = TEXT, **names: str) -> Doc:
    """Make a document with some linked mentions."""
    doc = nlp.make_doc(text)
    places = {name: text.index(name) for name in names}
    doc.ents = [
        doc.char_span(start, start + len(name), label="CITY", kb_id=names[name]) for name, start in places.items()
    ]
    return doc


def reference_scores(path, loaded, shown) -> numpy.ndarray:
    """Return the reference's probabilities of all entities at the mask; `shown`: pieces -> entity id."""
    parts = {
        "Tokyo": " Tokyo",
        "rest": " is the capital of",
        "mask": "",
        "between": ",",
        "Paris": " Paris",
        "end": " is not.",
    }
    ids, places = [loaded.wordpieces.bos_id], {}
    for name, text in parts.items():
        own = [loaded.wordpieces.mask_id] if name == "mask" else loaded.wordpieces.encode([text])[0].ids.tolist()
        places[name] = range(len(ids), len(ids) + len(own))
        ids += own
    ids.append(loaded.wordpieces.eos_id)
    entities = {"mask": loaded.entities.mask_id, **shown}
    positions = torch.full((1, len(entities), 30), -1)
    for row, name in enumerate(entities):
        positions[0, row, : len(places[name])] = torch.tensor(places[name])
    network = LukeForMaskedLM.from_pretrained(path).eval()
    with torch.no_grad():
        logits = network(
            input_ids=torch.tensor([ids]), entity_ids=torch.tensor([list(entities.values())]),
            entity_attention_mask=torch.ones(1, len(entities), dtype=torch.int64), entity_position_ids=positions,
        ).entity_logits[0, 0]  # fmt: skip
    return logits.softmax(0).numpy()


@pytest.mark.parametrize(
    "names, shown",
    [
        ({}, {}),
        ({"Tokyo": "en:Tokyo"}, {"Tokyo": 3}),
        ({"Paris": "en:Paris", "Tokyo": "de:Tokio"}, {"Tokyo": 3, "Paris": 4}),
        ({"Tokyo": "en:Osaka"}, {}),  # an entity that the vocabulary lacks is read as words
        ({"Tokyo": "NIL"}, {}),
    ],
)
def test_a_mask_is_filled_like_the_reference_with_linked_entities(nlp, masked_lm, names, shown):
    pipe = nlp.get_pipe("mluke_cloze")
    loaded = load_model(pipe.model.get_ref("encoder"))
    (fillers,) = pipe.fill(linked(nlp, **names))
    expected = reference_scores(masked_lm, loaded, shown)
    found = {filler.entity: filler.score for filler in fillers}
    for name, entity_id in (("en:Tokyo", 3), ("en:Paris", 4), ("en:Moscow", 5)):
        assert found[name] == pytest.approx(float(expected[entity_id]), abs=1e-5)


def test_a_linked_document_is_filled_alike_by_the_pipeline_and_by_fill(nlp):
    doc = linked(nlp, Tokyo="en:Tokyo")
    expected = nlp.get_pipe("mluke_cloze").fill(doc)
    filled = nlp.get_pipe("mluke_cloze")(doc)
    numpy.testing.assert_allclose(scores_of(filled), [f.score for own in expected for f in own], atol=1e-6)


def test_linked_mentions_are_read_as_words_without_show_linked(masked_lm, nlp):
    plain = cloze_pipeline(masked_lm, show_linked=False)
    texts = [linked(plain, Tokyo="en:Tokyo"), TEXT]
    with_link, without = plain.get_pipe("mluke_cloze").fill(texts)
    assert with_link == without
    assert nlp.get_pipe("mluke_cloze").fill(linked(nlp, Tokyo="en:Tokyo")) != [without[0]]
    assert copy_of(plain).get_pipe("mluke_cloze").cfg["show_linked"] is False


def test_an_entity_that_covers_a_mask_is_not_visible(nlp):
    pipe = nlp.get_pipe("mluke_cloze")
    doc = nlp.make_doc("Tokyo is [MASK].")
    start = doc.text.index("[")
    doc.ents = [doc.char_span(start, start + 6, label="CITY", kb_id="en:Paris")]
    assert pipe.fill(doc) == pipe.fill(doc.text)


def test_several_masks_and_links_of_many_texts_keep_their_order(nlp):
    pipe = nlp.get_pipe("mluke_cloze")
    docs = [
        linked(nlp, "[MASK] and Tokyo and [MASK]", Tokyo="en:Tokyo"),
        nlp.make_doc(""),
        linked(nlp, "Paris", Paris="en:Paris"),
        linked(nlp, "Paris or [MASK]", Paris="en:Paris"),
    ]
    together = pipe.fill(docs)
    assert [len(own) for own in together] == [2, 0, 0, 1]
    for doc, own in zip(docs, together, strict=True):
        for fillers, others in zip(own, pipe.fill(doc), strict=True):
            assert [filler.entity for filler in fillers] == [filler.entity for filler in others]
            numpy.testing.assert_allclose([f.score for f in fillers], [f.score for f in others], atol=1e-5)


def test_words_are_scored_beside_linked_entities_too(masked_lm):
    pipe = cloze_pipeline(masked_lm, mode="word").get_pipe("mluke_cloze")
    nlp = cloze_pipeline(masked_lm)
    shown, plain = pipe.fill([linked(nlp, Tokyo="en:Tokyo"), TEXT], ["is", "capital of"])
    assert {filler.text for filler in shown[0]} == {"is", "capital of"}
    assert [f.score for f in shown[0]] != [f.score for f in plain[0]]


def test_training_and_prediction_show_the_same_entities(masked_lm):
    nlp = cloze_pipeline(masked_lm)
    pipe = nlp.get_pipe("mluke_cloze")
    gold = nlp.make_doc("Tokyo is not Paris")
    gold.ents = [gold[3:4].char_span(0, 5, label="CITY", kb_id="en:Paris")]
    labels = {"en:Paris": {"en": "Paris"}, "en:Moscow": {"en": "Moscow"}}
    losses = []
    for predicted in (nlp.make_doc(gold.text), linked(nlp, gold.text, Tokyo="en:Tokyo")):
        pipe.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)], labels=labels)
        losses.append(pipe.learn([Example(predicted, gold)], 0.0))
    assert losses[0] != losses[1]


def long_doc(nlp, n_before: int, n_after: int) -> Doc:
    """Make a document with one mask among many sentences with linked mentions."""
    other = "Tokyo is far away from Paris ."
    text = " ".join([other] * n_before + [TEXT] + [other] * n_after)
    doc = nlp.make_doc(text)
    doc.ents = [
        doc.char_span(start, start + len(name), label="CITY", kb_id="en:Tokyo")
        for name in ("Tokyo", "Paris")
        for start in range(len(text))
        if text.startswith(name, start)
    ]
    return doc


def test_only_windows_with_a_mask_are_encoded(nlp, monkeypatch):
    doc = long_doc(nlp, 300, 300)
    shim, n_read = nlp.get_pipe("mluke_cloze").model.get_ref("encoder").shims[0], []
    read = shim.predict

    def count(batch, *args, **kwargs):
        n_read.append((batch.n_sequences, len(batch.entity_ids)))
        return read(batch, *args, **kwargs)

    monkeypatch.setattr(shim, "predict", count)
    found = nlp.get_pipe("mluke_cloze").fill(doc, mode="entity")
    monkeypatch.setattr(MentionInput, "needed", None)
    every = nlp.get_pipe("mluke_cloze").fill(doc, mode="entity")
    (n_sequences, n_entities), (n_all, _) = n_read
    assert n_sequences == 1 and 1 < n_entities < 1200 and n_all > 10
    assert [(f.text, round(f.score, 5)) for f in found[0]] == [(f.text, round(f.score, 5)) for f in every[0]]


def test_finding_linked_mentions_takes_time_linear_in_masks(nlp):
    doc = long_doc(nlp, 20, 20)
    many = [(i, i + 1) for i in range(0, 600, 3)]
    for masks in ([], [(5, 9)], [(0, 5), (6, 8)], [(4, 6)], [(0, len(doc.text))], many):
        expected = [
            (ent.start_char, ent.end_char)
            for ent in doc.ents
            if not any(ent.start_char < end and start < ent.end_char for start, end in masks)
        ]
        linked_ones = find_linked(doc, nlp.get_pipe("mluke_cloze").loaded_encoder(), masks)
        assert [place[:2] for place in linked_ones] == expected


@pytest.fixture(scope="module")
def known(masked_lm, tmp_path_factory):
    """A pipeline with a knowledge base that has other ids than the vocabulary."""
    rows = [
        StoreRow("city:1", "en", "Tokyo"),
        StoreRow("city:1", "", "en:Tokyo", kind="xref"),
        StoreRow("city:2", "en", "Paris"),
    ]
    path = tmp_path_factory.mktemp("cloze") / "cities.sqlite"
    build_store(rows, path)
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": str(path)}
    return cloze_pipeline(masked_lm, candidates=source)


def test_a_mention_that_is_linked_to_a_knowledge_base_is_read_with_its_entity(nlp, known):
    expected = nlp.get_pipe("mluke_cloze").fill(linked(nlp, Tokyo="en:Tokyo"))
    (found,) = known.get_pipe("mluke_cloze").fill(linked(known, Tokyo="city:1"))
    assert [(f.entity, f.score) for f in found] == [(f.entity, f.score) for f in expected[0]]


def test_a_name_that_several_entities_may_have_is_read_as_words(nlp, known):
    # The vocabulary has "en:Paris", but nothing says that this is city:2.
    expected = nlp.get_pipe("mluke_cloze").fill(TEXT)
    found = known.get_pipe("mluke_cloze").fill(linked(known, Paris="city:2"))
    assert [[f.score for f in own] for own in found] == [[f.score for f in own] for own in expected]


def test_fillers_have_the_ids_of_the_knowledge_base_and_are_chosen_by_them(known):
    pipe = known.get_pipe("mluke_cloze")
    (fillers,) = pipe.fill(TEXT, candidates=["city:1", "en:Moscow"])
    assert {(filler.entity, filler.kb_id) for filler in fillers} == {
        ("en:Tokyo", "city:1"),
        ("en:Moscow", "Q649"),
    }
    with pytest.raises(ValueError, match="ML223"):
        pipe.fill(TEXT, candidates=["city:2"])


def test_a_saved_component_has_its_knowledge_base(known):
    text = linked(known, Tokyo="city:1")
    assert copy_of(known).get_pipe("mluke_cloze").fill(text) == known.get_pipe("mluke_cloze").fill(text)
