"""Scripts that train and measure links: reading linked sentences, their split, and the threshold of NIL."""

from __future__ import annotations

import json
import lzma

import numpy
import pytest
import spacy

from scripts.linking import nil
from scripts.linking.distant import read_texts
from scripts.linking.gold import DEVELOPMENT, TEST, TRAIN, UNKNOWN, Gold, make_docs, part_of, read_corpus, read_relx
from scripts.linking.projections import Item, Options, accuracy, fit_projections
from scripts.train_similarity import sums_by_distance
from scripts.xx_mluke_small.training_files import DOCUMENTS_FILE
from spacy_mluke.kb.nil import NIL_FEATURES
from spacy_mluke.kb.projections import DISTANCES
from tests.pipeline.link_docs import passage

WEIGHTS = {name: float(name == "constant") for name in NIL_FEATURES}


def record(text, head, tail, relation="P19"):
    ends = {
        role: {"start": text.index(name), "end": text.index(name) + len(name), "name": name, "qid": qid}
        for role, (name, qid) in (("head", head), ("tail", tail))
    }
    return {"text": text, "relation": relation, **ends}


def case(score, kind=nil.IN_BASE, is_right=True, corpus="a"):
    features = None if score is None else numpy.array([score] + [0.0] * (len(NIL_FEATURES) - 1))
    return nil.Case(TRAIN, corpus, kind, features, is_right)


def test_mentions_of_a_sentence_are_read_once_with_their_kinds(tmp_path):
    text = "Ada was born in London"
    lines = [record(text, ("Ada", "Q1"), ("London", "Q84"), relation) for relation in ("P361", "P19")]
    lines.append(record("She was born in Rome", ("She", None), ("Rome", None)))
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    found = {sentence.text: sentence.golds for sentence in read_corpus(path)}
    assert found[text] == [Gold(0, 3, "Q1", "PER"), Gold(16, 22, "Q84", "LOC")]
    assert found["She was born in Rome"] == [Gold(16, 20, "", "LOC")]


def test_samples_of_relx_are_read(tmp_path):
    own = {"sentence": "ARTE und ZDF", "relation": "P127", "entity1": "Q8073", "entity2": "Q48989"}
    content = [{**own, "entity1_indices": [0, 4], "entity2_indices": [9, 12]}]
    (tmp_path / "RELX_distant_de.json").write_text(json.dumps(content), encoding="utf8")
    (sentence,) = read_relx(tmp_path, "de")
    assert (sentence.lang, [gold.qid for gold in sentence.golds]) == ("de", ["Q8073", "Q48989"])
    (doc,) = make_docs(spacy.blank("de"), [sentence], lambda gold: gold.kind)
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("ARTE", UNKNOWN), ("ZDF", UNKNOWN)]


def test_a_mention_is_held_out_by_its_sentence_or_by_its_entity():
    gold = [Gold(0, 1, f"Q{i}", "PER") for i in range(400)]
    by_entity = {own.qid: part_of("a sentence for training", own) for own in gold}
    parts = set(by_entity.values())
    assert parts == {TRAIN, DEVELOPMENT, TEST}
    held_out = next(text for text in map(str, range(400)) if part_of(text, gold[0]) == TEST)
    assert {part_of(held_out, own) for own in gold} == {TEST}


@pytest.mark.parametrize(("lost", "expected"), [(0.0, 1.0), (25.0, 2.0), (49.0, 2.0), (50.0, 3.0)])
def test_the_threshold_costs_the_allowed_points(lost, expected):
    cases = [case(score) for score in (1.0, 2.0, 3.0, 4.0)]
    assert nil.threshold_for(WEIGHTS, cases, lost) == expected


def test_mentions_without_candidates_are_not_linked():
    cases = [case(1.0), case(3.0), case(2.0, is_right=False), case(None, nil.REMOVED), case(3.0, nil.REMOVED)]
    figures = nil.measure(WEIGHTS, cases, 2.0)["a"]
    assert figures["right, all linked"] == 66.7 and figures["right"] == 33.3 and figures["lost"] == 33.4
    assert figures["not linked, removed"] == 50.0


def test_weights_tell_meant_candidates_from_others():
    cases = [case(1.0)] * 5
    other = numpy.zeros(len(NIL_FEATURES))
    other[[NIL_FEATURES.index("constant"), NIL_FEATURES.index("label")]] = 1.0, -3.0
    cases += [nil.Case(TRAIN, "a", nil.REMOVED, other, False)] * 5
    weights = nil.fit(cases)
    assert nil.logits(weights, cases[:1])[0] > 0 > nil.logits(weights, cases[-1:])[0]


def item(topic, rng, qid):
    """A mention whose text and entity share a topic, in different directions; its namesake has another one."""
    text, description = numpy.zeros((2, 8))
    text[topic], description[7 - topic] = 1.0, 1.0
    other = numpy.zeros(8)
    other[7 - (topic + 1) % 4] = 1.0
    sums = numpy.zeros((len(DISTANCES), 8))
    sums[1] = text + rng.normal(scale=0.1, size=8)
    counts = numpy.zeros(len(DISTANCES), dtype="float32")
    counts[1] = 1.0
    return Item("en", qid, sums, counts, numpy.stack([description, other]))


def test_projections_learn_which_descriptions_fit_a_text():
    rng = numpy.random.default_rng(0)
    items = [item(i % 4, rng, f"Q{i}") for i in range(200)]
    texts = {"de": numpy.ones((2, 8))}
    space = fit_projections(items, Options(n_rows=6, epochs=40, batch=20, rate=1e-2, dropout=0.0), texts)
    assert space.texts["de"].tolist() == [1.0] * 8
    assert accuracy(items, space.plain) < 75
    assert accuracy(items, space) > 95


def test_states_around_a_mention_are_summed_by_distance():
    states = passage([(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)])
    sums, counts = sums_by_distance(states, 1, 2)
    assert counts.tolist() == [2.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert sums[:3].tolist() == [[8.0, 10.0], [8.0, 9.0], [10.0, 11.0]]


def test_texts_of_every_format_are_read_once(tmp_path):
    text = "A long sentence about the old university of Uppsala, which is in Sweden."
    for folder in ("ner", "text", "relations", "qa"):
        (tmp_path / folder).mkdir()
    rows = "\n".join(f"{word}\t{'B-LOC' if word == 'Uppsala,' else 'O'}" for word in text.split())
    (tmp_path / "ner" / "en-wikigold.train.iob2").write_text(f"{rows}\n", encoding="utf8")
    with lzma.open(tmp_path / "text" / "sv-made.jsonl.xz", "wt", encoding="utf8") as file:
        file.write(json.dumps({"lang": "sv", "text": f"{text}  {text}"}))
    (tmp_path / "relations" / DOCUMENTS_FILE).write_text(json.dumps({"text": f"{text} " * 8}), encoding="utf8")
    articles = {"data": [{"paragraphs": [{"context": f"{i} {text}"} for i in range(5)]}]}
    (tmp_path / "qa" / "en-qamr.dev.json").write_text(json.dumps(articles), encoding="utf8")
    found = read_texts(tmp_path, 0)
    assert found["sv"] == [f"{text} {text}"]
    assert sorted(found["en"])[:4] == [f"{i} {text}" for i in range(4)]
    # The sentence of the corpus of names, and the first paragraph of the document.
    assert len(found["en"]) == 6
