"""Splitting input files of every format into shards, and reading their records."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.bulk.input_files import find_files
from spacy_mluke.bulk.job import Job
from spacy_mluke.bulk.plan import plan
from spacy_mluke.bulk.records import BadRecord, Record, read
from tests.bulk.corpora import TEXTS, records, write_corpus

NLP = spacy.blank("xx")


def read_all(path: Path, **options):
    job = Job("", str(path), "out", **options)
    shards = plan(job, find_files(path))
    return shards, [one for shard in shards for one in read(job, shard, NLP, Counter())]


def test_with_another_key_of_ids_the_key_id_is_kept(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Tokyo", "url": "x", "id": {"a": 1}}\n', encoding="utf8")
    _, (found,) = read_all(path, id_key="url")
    assert (found.id, found.meta) == ("x", {"id": {"a": 1}})


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".spacy"])
@pytest.mark.parametrize("size", [1, 4, 10, 100])
def test_every_record_is_read_once_and_in_order(tmp_path, suffix, size):
    path = write_corpus(tmp_path / f"a{suffix}", records(10))
    shards, found = read_all(path, shard_size=size)
    assert [(one.id, one.doc.text) for one in found] == [(one["id"], one["text"]) for one in records(10)]
    assert [shard.n_records for shard in shards] == [min(size, 10 - first) for first in range(0, 10, size)]
    assert [shard.number for shard in shards] == list(range(len(shards)))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=6), max_size=12))
@settings(max_examples=50, deadline=None)
def test_lines_of_text_are_documents_for_any_shard_size(lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        for end in ("", "\n"):
            path.write_text("\n".join(lines) + end, encoding="utf8", newline="")
            expected = [(i, line) for i, line in enumerate(lines) if line.encode().strip()]
            for size in (1, 3, 100):
                _, found = read_all(path, shard_size=size)
                assert [(one.index, one.doc.text.lstrip("\ufeff")) for one in found] == [
                    (i, line.lstrip("\ufeff")) for i, line in expected
                ]


def test_a_long_file_is_split_at_its_lines(tmp_path):
    path = tmp_path / "a.txt"
    lines = [f"{i} " + "x" * (i % 4000) for i in range(1500)]
    path.write_bytes("\r\n".join(lines).encode())
    _, found = read_all(path, shard_size=7)
    assert [one.doc.text for one in found] == lines


def test_records_that_are_not_documents_are_bad_records_with_their_index_and_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"text": "one", "id": 1, "source": "web"}\n{"text": 2}\n\nno json\n[1]\n{"text": "\xff"}\n'
        b'{"text": "two", "entities": [{"start": 0, "end": 9}]}\n{"id": "x"}\n{"text": "three"}\n'
    )
    _, found = read_all(path)
    good = [one for one in found if isinstance(one, Record)]
    bad = [one for one in found if isinstance(one, BadRecord)]
    assert [(one.id, one.doc.text, one.meta) for one in good] == [
        ("1", "one", {"source": "web"}),
        ("a.jsonl:8", "three", {}),
    ]
    assert [one.index for one in bad] == [1, 3, 4, 5, 6, 7]
    assert bad[1].record == "no json"
    assert bad[3].record == '{"text": "\\xff"}'
    assert "[ML248]" in bad[4].error
    assert bad[5].id == "x"


def test_annotation_of_the_input_is_set_on_the_document(tmp_path):
    record = {
        "text": "Tokyo is far",
        "entities": [{"start": 0, "end": 5, "label": "LOC", "id": "Q1490"}],
        "questions": [{"text": "What is far?"}],
    }
    _, ((found),) = read_all(write_corpus(tmp_path / "a.jsonl", [record]))
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in found.doc.ents] == [("Tokyo", "LOC", "Q1490")]
    assert [question.text for question in found.doc._.mluke_questions] == ["What is far?"]


def test_keys_of_text_and_id_can_be_set(tmp_path):
    path = write_corpus(tmp_path / "a.parquet", [{"body": text, "url": i, "n": None} for i, text in enumerate(TEXTS)])
    _, found = read_all(path, text_key="body", id_key="url")
    assert [(one.id, one.doc.text) for one in found] == [(str(i), text) for i, text in enumerate(TEXTS)]
    with pytest.raises(ValueError, match=r"\[ML282\].*'text'.*body, url"):
        read_all(path)


def test_another_text_key_does_not_affect_text_files_or_the_key_text(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    write_corpus(tmp_path / "b.jsonl", [{"body": "two", "text": "mine"}])
    _, (first, second) = read_all(tmp_path, text_key="body")
    assert (first.doc.text, first.meta) == ("one", {})
    assert (second.doc.text, second.meta) == ("two", {"text": "mine"})


def test_files_of_a_folder_are_read_in_the_order_of_their_names(tmp_path):
    write_corpus(tmp_path / "b.txt", [{"text": "two"}])
    write_corpus(tmp_path / "a" / "x.jsonl", [{"text": "one"}])
    (tmp_path / "README").write_text("no")
    _, found = read_all(tmp_path)
    assert [(one.id, one.doc.text) for one in found] == [("x.jsonl:0", "one"), ("b.txt:0", "two")]


def test_an_input_without_files_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"\[ML280\]"):
        find_files(tmp_path)


@pytest.mark.parametrize("suffix", [".parquet", ".spacy"])
def test_a_damaged_file_is_named(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"\[ML282\].*a\.(parquet|spacy)"):
        read_all(tmp_path)


def test_output_of_annotate_can_be_its_input_with_text_entities_and_meta(tmp_path):
    row = {
        "id": "a", "text": "Tokyo", "lang": "xx", "n_tokens": 1, "cats": [{"label": "X", "score": 1.0}],
        "entities": [{"start": 0, "end": 5, "label": "LOC", "kb_id": "Q1490", "vector": [0.0, 1.0]}],
        "relations": [{"head_start": 0, "label": "in"}], "meta": '{"source": "web"}',
    }  # fmt: skip
    _, ((found),) = read_all(write_corpus(tmp_path / "a.parquet", [row]))
    assert [(ent.text, ent.kb_id_) for ent in found.doc.ents] == [("Tokyo", "Q1490")]
    assert (found.id, found.meta) == ("a", {"source": "web"})
