"""`mluke_mentions` finds names of a store in text, with and without spaces."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.kb.store_build import StoreRow, build_store

ROWS = [
    StoreRow("JP", "en", "Japan", "COUNTRY", entity_prior=100.0),
    StoreRow("JP", "ja", "日本"),
    StoreRow("JP", "ru", "Япония"),
    StoreRow("JP", "ru", "Япони", kind="stem"),
    StoreRow("TYO", "en", "Tokyo", "CITY", entity_prior=10.0),
    StoreRow("TYO", "ja", "東京"),
    StoreRow("TYO", "de", "Tokio"),
    StoreRow("GE", "en", "Georgia", "COUNTRY", entity_prior=4.0),
    StoreRow("US-GA", "en", "Georgia", "REGION", entity_prior=10.0),
    StoreRow("NYC", "", "New York", "CITY", entity_prior=8.0),
    StoreRow("YRK", "", "York", "CITY", entity_prior=1.0),
    StoreRow("BKK", "th", "กรุงเทพ", "CITY"),
    StoreRow("X", "en", "Ö"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "entities.sqlite"
    build_store(ROWS, path)
    return path


def pipeline(store, lang="xx", **options):
    nlp = spacy.blank(lang)
    candidates = {"@misc": "spacy-mluke.store_candidates.v1", "path": str(store)}
    nlp.add_pipe("mluke_mentions", config={"candidates": candidates, **options})
    return nlp


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_names_become_entities_with_the_type_of_their_likeliest_candidate(store):
    doc = pipeline(store)("From TOKYO to Georgia, Japan.")
    assert ents(doc) == [("TOKYO", "CITY"), ("Georgia", "REGION"), ("Japan", "COUNTRY")]


def test_the_longest_name_is_used(store):
    assert ents(pipeline(store)("New York, not York")) == [("New York", "CITY"), ("York", "CITY")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京は日本の首都", ["東京", "は", "日本", "の首都"]),
        ("ในกรุงเทพมี", ["ใน", "กรุงเทพ", "มี"]),
        ("Japan's", ["Japan", "'s"]),
    ],
)
def test_tokens_are_split_where_a_name_begins_or_ends_in_them(store, text, words):
    nlp = pipeline(store)
    doc = nlp(text)
    assert [token.text for token in doc] == words
    assert doc.text == text
    assert [ent.text for ent in doc.ents] == [word for word in words if word in {row.name for row in ROWS}]


def test_span_groups_keep_their_text_when_tokens_are_split(store):
    nlp = pipeline(store)
    doc = nlp.make_doc("東京は日本の首都 and New York, Japan日本 too")
    kept = [Span(doc, 2, 4, label="CITY", kb_id="NYC", span_id="a"), Span(doc, 0, 6, label="ALL"), Span(doc, 6, 7)]
    doc.spans["places"] = kept
    doc.spans["places"].attrs["scores"] = [0.5, 0.25, 1.0]
    doc.spans["same"] = doc.spans["places"]
    group = doc.spans["places"]
    texts = [span.text for span in group]
    n_tokens = len(doc)
    doc = nlp(doc)
    assert len(doc) > n_tokens
    assert [span.text for span in group] == [span.text for span in doc.spans["same"]] == texts
    first = doc.spans["places"][0]
    assert (first.label_, first.kb_id_, first.id_) == ("CITY", "NYC", "a")
    assert doc.spans["places"].attrs["scores"] == [0.5, 0.25, 1.0]


def test_tokens_are_split_after_another_component_has_merged_tokens_and_left_spans_outside(store):
    nlp = pipeline(store)
    doc = nlp.make_doc("A long tail of words and 日本の")
    doc.spans["words"] = [doc[0:1], doc[6:7]]
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:4])
    assert ents(nlp(doc)) == [("日本", "COUNTRY")]


def test_tokens_are_not_split_without_split_tokens(store):
    doc = pipeline(store, split_tokens=False)("東京は日本の首都 日本")
    assert len(doc) == 2
    assert ents(doc) == [("日本", "COUNTRY")]


def test_names_inside_words_are_not_found(store):
    assert ents(pipeline(store)("Yorkshire Japanese Georgian")) == []


def test_an_inflected_name_is_found_where_the_store_has_its_stem(store):
    assert ents(pipeline(store, "ru")("Из Японии в Японию")) == [("Японии", "COUNTRY"), ("Японию", "COUNTRY")]


def test_in_text_of_a_known_language_only_names_of_that_language_are_found(store):
    assert ents(pipeline(store, "de")("Tokio, Tokyo, York")) == [("Tokio", "CITY"), ("York", "CITY")]


def test_types_limit_the_names_that_are_found(store):
    doc = pipeline(store, types=["COUNTRY"])("Tokyo, Japan; Georgia")
    assert ents(doc) == [("Japan", "COUNTRY"), ("Georgia", "COUNTRY")]


def test_a_type_that_no_entity_has_is_named(store):
    with pytest.raises(ValueError, match=r"ML311.*'CITTY'.*Did you mean 'CITY'"):
        pipeline(store, types=["COUNTRY", "CITTY"])("Tokyo")


def test_the_labels_are_the_types_of_the_knowledge_base_whatever_texts_were_read(store):
    nlp = pipeline(store)
    labels = nlp.get_pipe("mluke_mentions").labels
    assert labels == ("CITY", "COUNTRY", "ENTITY", "REGION")
    nlp("Tokyo")
    assert nlp.get_pipe("mluke_mentions").labels == labels
    assert pipeline(store, types=["CITY"]).get_pipe("mluke_mentions").labels == ("CITY",)


def test_labels_of_a_pipeline_are_listed_without_opening_the_knowledge_base(tmp_path):
    assert pipeline(tmp_path / "not_built_yet.sqlite").meta["labels"] == {}


@pytest.mark.parametrize(("overwrite", "expected"), [(False, [("York", "ORG")]), (True, [("New York", "CITY")])])
def test_existing_entities_are_kept_unless_overwrite_is_set(store, overwrite, expected):
    nlp = pipeline(store, overwrite=overwrite)
    doc = nlp.make_doc("in New York")
    doc.ents = [Span(doc, 2, 3, "ORG")]
    assert ents(nlp(doc)) == expected


@pytest.mark.parametrize(
    ("overwrite", "named", "blocked"),
    [(False, ["York"], ["is", "New"]), (True, ["York", "New York"], ["is"])],
)
def test_names_do_not_replace_blocked_tokens_unless_overwrite_is_set(store, overwrite, named, blocked):
    nlp = pipeline(store, overwrite=overwrite)
    doc = nlp.make_doc("York is New York")
    doc.set_ents([], blocked=[doc[1:2], doc[2:3]])
    doc = nlp(doc)
    assert [ent.text for ent in doc.ents] == named
    assert [token.text for token in doc if token.ent_iob_ == "B" and not token.ent_type] == blocked


def test_an_empty_document_has_no_mentions(store):
    nlp = pipeline(store)
    assert ents(nlp("")) == ents(nlp(" \n")) == []
    assert nlp(Doc(nlp.vocab)).ents == ()


def test_pipe_equals_one_by_one_calls_also_in_processes(store):
    nlp = pipeline(store)
    texts = ["Tokyo", "", "東京は日本", "New York"] * 3
    alone = [ents(nlp(text)) for text in texts]
    assert [ents(doc) for doc in nlp.pipe(texts)] == alone
    assert [ents(doc) for doc in nlp.pipe(texts, n_process=2, batch_size=3)] == alone


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_contains_its_store(store, tmp_path, form):
    nlp = pipeline(store, types=["CITY"])
    if form == "disk":
        nlp.to_disk(tmp_path / "pipeline")
        other = spacy.load(tmp_path / "pipeline", config={"components.mluke_mentions.candidates.path": None})
    else:
        other = spacy.blank("xx")
        other.add_pipe("mluke_mentions")
        other.from_bytes(nlp.to_bytes())
    assert ents(other("Tokyo, Japan")) == [("Tokyo", "CITY")]


def test_it_is_scored_like_a_named_entity_recognizer(store):
    nlp = pipeline(store)
    gold = nlp.make_doc("Tokyo, Japan")
    gold.ents = [Span(gold, 0, 1, "CITY"), Span(gold, 2, 3, "LOC")]
    scores = nlp.evaluate([Example(nlp.make_doc(gold.text), gold)])
    assert scores["ents_f"] == 0.5


def test_without_a_store_the_error_says_what_to_do():
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_mentions", config={"candidates": {"path": None}})
    with pytest.raises(ValueError, match=r"\[ML236\]"):
        nlp("Tokyo")


def test_by_default_it_finds_the_bundled_entities():
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_mentions")
    doc = nlp("Nairobi ni mji mkuu wa Kenya; 東京は日本の首都です。")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [
        ("Nairobi", "LOC"),
        ("Kenya", "LOC"),
        ("東京", "LOC"),
        ("日本", "LOC"),
    ]


def test_a_min_length_of_0_is_refused(store):
    with pytest.raises(ValueError, match=r"\[ML071\]"):
        pipeline(store, min_length=0)
