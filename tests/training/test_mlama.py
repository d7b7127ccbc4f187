"""mLAMA: facts and patterns become documents with entities."""

from __future__ import annotations

from collections import Counter

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.annotate.fillers import gold_masks
from spacy_mluke.cli import app
from spacy_mluke.extensions import install_extensions
from spacy_mluke.training.cloze_corpus import build_cloze_corpus_v1
from spacy_mluke.training.mlama import make_cloze_docs, parse_patterns, read_mlama

install_extensions()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "mlama"
    path.mkdir()
    (path / "triples.tsv").write_text("P36\tQ17\tQ1490\nP36\tQ142\tQ90\nP47\tQ142\tQ39\nP47\tQ142\tQ38\n")
    labels = {
        "en": "Q17\tJapan\nQ1490\tTokyo\nQ142\tFrance\nQ90\tParis\nQ39\tSwitzerland\nQ38\tItaly\n",
        "ja": "Q17\t日本\nQ1490\t東京\nQ142\tフランス\n",
    }
    patterns = {
        "en": [
            "P36 [Y] is the capital of [X]",
            "P36 the capital of [X] is [Y].",
            "P47 [X] borders [Y]",
            "P36 [X] only",
        ],
        "ja": ["P36 [X]の首都は[Y]です"],
    }
    for lang in labels:
        (path / f"labels.{lang}.tsv").write_text(labels[lang], encoding="utf8")
        lines = []
        for pattern in patterns[lang]:
            relation, _, text = pattern.partition(" ")
            lines.append(f'{{"relation": "{relation}", "pattern": "{text}", "checked_by_human": true}}')
        (path / f"patterns.{lang}.jsonl").write_text("\n".join(lines), encoding="utf8")
    return path


def test_facts_are_inserted_into_patterns_in_each_language(folder):
    skipped = Counter()
    texts = [cloze.text()[0] for cloze in read_mlama(folder, relations=["P36"], skipped=skipped)]
    assert texts == [
        "Tokyo is the capital of Japan",
        "the capital of Japan is Tokyo.",
        "Paris is the capital of France",
        "the capital of France is Paris.",
        "日本の首都は東京です",
    ]
    assert skipped == {"names": 1, "patterns": 1}


def test_patterns_can_be_split(folder):
    first = [c.pattern for c in read_mlama(folder, relations=["P36"], languages=["en"], patterns=slice(0, 1))]
    rest = [c.pattern for c in read_mlama(folder, relations=["P36"], languages=["en"], patterns=slice(1, None))]
    assert first
    assert rest
    assert not set(first) & set(rest)


def test_the_object_is_an_entity_also_inside_a_token(folder):
    docs = list(make_cloze_docs(spacy.blank("xx"), read_mlama(folder, relations=["P36"], languages=["ja"])))
    (entity,) = docs[0].ents
    assert (entity.text, entity.kb_id_, entity.label_) == ("東京", "Q1490", "P36")
    ((filler,),) = docs[0]._.mluke_fillers
    assert (filler.text, filler.entity, filler.kb_id) == ("東京", "ja:東京", "Q1490")


def test_objects_can_be_replaced_by_masks(folder):
    clozes = list(read_mlama(folder, relations=["P36"], patterns=slice(0, 1)))
    for doc in make_cloze_docs(spacy.blank("xx"), clozes, masked=True):
        (gold,) = gold_masks(doc)
        assert doc.text[gold.start_char : gold.end_char] == doc.ents[0].text == "[MASK]"
        assert gold.fillers[0].text in ("Tokyo", "Paris", "東京")


def test_all_objects_of_a_subject_are_correct(folder):
    (doc,) = make_cloze_docs(spacy.blank("en"), read_mlama(folder, relations=["P47"], languages=["en"]))
    (gold,) = gold_masks(doc)
    assert doc.text == "France borders Switzerland"
    assert gold.kb_ids == ("Q39", "Q38")


@pytest.mark.parametrize(
    ("text", "found"), [(None, slice(None)), ("0:1", slice(0, 1)), ("1:", slice(1, None)), ("::2", slice(0, None, 2))]
)
def test_patterns_are_chosen_by_slices(text, found):
    parsed = parse_patterns(text)
    assert (list(range(9))[parsed] if parsed else list(range(9))) == list(range(9))[found]
    assert parse_patterns("3") == slice(3, 4)


@pytest.mark.parametrize("text", ["a", "", "1:2:3:4"])
def test_other_texts_for_patterns_are_refused(text):
    with pytest.raises(ValueError, match=r"\[ML070\]"):
        parse_patterns(text)


@pytest.mark.parametrize("break_it", ["missing", "columns", "json", "relation"])
def test_damaged_folders_are_refused(folder, break_it):
    relations = ["P36"]
    if break_it == "missing":
        (folder / "triples.tsv").unlink()
    elif break_it == "columns":
        (folder / "labels.en.tsv").write_text("Q17 Japan\n")
    elif break_it == "json":
        (folder / "patterns.en.jsonl").write_text('{"relation": "P36"}\n')
    else:
        relations = ["P99"]
    with pytest.raises(ValueError, match=r"\[ML227\]"):
        list(read_mlama(folder, relations=relations))


def test_the_command_writes_a_corpus_that_the_reader_can_mask(folder, tmp_path):
    target = tmp_path / "out" / "corpus.spacy"
    arguments = ["convert-mlama", str(folder), str(target), "--relations", "P36", "-l", "en,ja", "-p", "0:1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "3 texts, 2 objects" in result.output
    assert len(list(DocBin().from_disk(target).get_docs(spacy.blank("xx").vocab))) == 3
    examples = list(build_cloze_corpus_v1(target)(spacy.blank("xx")))
    texts = {eg.predicted.text for eg in examples}
    assert texts == {"[MASK] is the capital of Japan", "[MASK] is the capital of France", "日本の首都は[MASK]です"}
    for eg in examples:
        assert eg.reference.text == eg.predicted.text
        (gold,) = gold_masks(eg.reference)
        assert eg.reference.text[gold.start_char : gold.end_char] == "[MASK]"
        assert gold.kb_ids[0] in ("Q1490", "Q90")


def test_real_facts_are_read(data_dir):
    clozes = list(read_mlama(data_dir / "mlama", relations=["P36"], languages=["en", "ja"], patterns=slice(0, 1)))
    tokyo = {cloze.text()[0] for cloze in clozes if cloze.objects[0][0] == "Q1490"}
    assert any("Tokyo" in text for text in tokyo)
    assert any("東京" in text for text in tokyo)
