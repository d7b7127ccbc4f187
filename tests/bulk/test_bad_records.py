"""Records that cannot be read, annotated or written do not stop a run."""

from __future__ import annotations

import array
import datetime
import decimal
import json
from pathlib import Path
from types import SimpleNamespace

import pyarrow
import pyarrow.parquet
import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_mluke.bulk.job import Job
from spacy_mluke.bulk.worker import Worker
from tests.bulk.corpora import bad_records, records, rows_of, run, save_pipeline, write_corpus


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("pipeline"))


@Language.component("fails_between_documents")
class FailsBetweenDocuments:
    """A component whose stream raises an error that no document causes."""

    def __init__(self, nlp=None, name=""):
        pass

    def __call__(self, doc):
        return doc

    def pipe(self, docs, **_):
        for i, doc in enumerate(docs):
            if i == 2:
                raise KeyError("not a document's fault")
            yield doc


def annotated(pipeline: Path, source: Path, **options):
    """Annotate a file, and return the annotated texts and the bad records."""
    job = Job(str(pipeline), str(source), str(source.parent / "out"), **{"shard_size": 100, **options})
    run(job)
    if job.format == "docbin":
        vocab = spacy.blank("xx").vocab
        paths = Path(job.output).glob("part-*.spacy")
        texts = [doc.text for path in paths for doc in DocBin().from_disk(path).get_docs(vocab)]
    else:
        texts = [row["text"] for row in rows_of(Path(job.output))]
    return texts, bad_records(Path(job.output))


LINES = {
    "half_a_surrogate_pair_as_id": b'{"text": "x", "id": "\\ud800"}',
    "half_a_surrogate_pair_in_text": b'{"text": "\\udfff"}',
    "half_a_surrogate_pair_as_label": b'{"text": "x", "entities": [{"start": 0, "end": 1, "label": "\\ud800"}]}',
    "bytes_that_are_no_text": b'{"text": "\xff\xfe"}',
    "deeply_nested": b'{"text": "x", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "more_digits_than_python_reads": b'{"text": "x", "n": ' + b"9" * 5000 + b"}",
    "a_number_as_text": b'{"text": 1}',
    "no_text": b'{"text": null}',
    "a_list_as_text": b'{"text": ["x"]}',
    "a_list": b"[]",
    "an_endless_category": b'{"text": "x", "cats": {"A": ' + b"9" * 400 + b"}}",
    "zeros": b"\x00\x00",
    "half": b'{"text": "x',
    "text_that_is_too_long": b'{"text": "' + b"x" * 1_000_001 + b'"}',
}


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_a_line_that_is_not_a_document_is_a_bad_record_and_others_are_annotated(pipeline, tmp_path, line):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"text": "first"}\n' + line + b'\n{"text": "last"}\n')
    texts, (bad,) = annotated(pipeline, source)
    assert texts == ["first", "last"]
    assert (bad["place"], bool(bad["error"]), len(bad["record"]) > 0) == (1, True, True)


@pytest.mark.parametrize("line", ["half_a_surrogate_pair_as_id", "an_endless_category"])
def test_a_line_that_a_docbin_cannot_store_is_a_bad_record(pipeline, tmp_path, line):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"text": "first"}\n' + LINES[line] + b'\n{"text": "y", "n": ' + b"9" * 40 + b"}\n")
    texts, bad = annotated(pipeline, source, format="docbin")
    assert (texts, [one["place"] for one in bad]) == (["first"], [1, 2])


def test_unusual_but_valid_lines_are_annotated(pipeline, tmp_path):
    source = tmp_path / "in.jsonl"
    lines = [
        b'\xef\xbb\xbf{"text": "bom", "id": null}',
        b'{"text": "return"}\r',
        b"   ",
        b'{"text": "zero\\u0000"}',
        b'{"text": "", "id": ["a"]}',
        b'{"text": "same", "id": 1}',
        b'{"text": "same", "id": 1}',
        b'{"text": "nan", "score": NaN, "many": [Infinity, 1]}',
        b'{"text": "huge", "n": ' + b"9" * 400 + b"}",
    ]
    source.write_bytes(b"\n".join(lines))
    texts, bad = annotated(pipeline, source)
    assert texts == ["bom", "return", "zero\0", "", "same", "same", "nan", "huge"]
    assert not bad
    rows = rows_of(tmp_path / "out")
    assert [row["id"] for row in rows[:6]] == ["in.jsonl:0", "in.jsonl:1", "in.jsonl:3", "['a']", "1", "1"]
    assert rows[6]["meta"] == '{"score": null, "many": [null, 1]}'


def test_bad_records_can_be_read_back_with_any_content(pipeline, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"text": "\xe2\x80\xa8 \\ud83d", "id": "\\ud800"}\n' * 2)
    texts, (bad, _) = annotated(pipeline, source)
    assert not texts
    assert bad["id"] == "\ud800"
    assert json.loads(bad["record"]) == {"text": "\u2028 \ud83d", "id": "\ud800"}


@pytest.mark.parametrize("suffix", [".jsonl", ".txt", ".parquet"])
def test_a_file_without_records_gives_no_documents(pipeline, tmp_path, suffix):
    source = tmp_path / f"in{suffix}"
    if suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), source)
    else:
        source.write_bytes(b"")
    assert annotated(pipeline, source) == ([], [])


FIRST_OF_1601 = -11_644_473_600
COLUMNS = {
    "invalid_utf8": pyarrow.Array.from_buffers(
        pyarrow.string(),
        3,
        [None, pyarrow.py_buffer(array.array("i", range(4))), pyarrow.py_buffer(b"a\xffb")],
    ),
    "date_past_9999": pyarrow.array([0, 253_402_300_800, FIRST_OF_1601], pyarrow.timestamp("s")),
    "day_past_9999": pyarrow.array([0, 2_932_897, 1], pyarrow.date32()),
}
FINE = {
    "decimal": pyarrow.array([decimal.Decimal("1.50")] * 3),
    "binary": pyarrow.array([b"\xff", b"a", None]),
    "nested": pyarrow.array([{"a": [{"b": 1}]}] * 3),
    "map": pyarrow.array([[("a", 1)]] * 3, pyarrow.map_(pyarrow.string(), pyarrow.int32())),
    "dictionary": pyarrow.array(["a", "b", "a"]).dictionary_encode(),
    "duration": pyarrow.array([datetime.timedelta(1)] * 3),
    "not_a_number": pyarrow.array([float("nan")] * 3),
    "lang": pyarrow.array(["a", "b", "a"]),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=list(COLUMNS))
def test_a_row_with_a_value_that_python_cannot_represent_is_a_bad_record(pipeline, tmp_path, column):
    source = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b", "c"], "other": column}), source)
    texts, (bad,) = annotated(pipeline, source)
    assert texts == ["a", "c"]
    assert bad["place"] == 1 and "'other'" in bad["error"] and '"text": "b"' in bad["record"]


def test_rows_in_an_unknown_time_zone_are_bad_records_and_other_files_are_annotated(pipeline, tmp_path):
    column = pyarrow.array([0], pyarrow.timestamp("s", "Mars/Olympus"))
    (tmp_path / "in").mkdir()
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"], "when": column}), tmp_path / "in" / "a.parquet")
    write_corpus(tmp_path / "in" / "b.parquet", [{"text": "b"}])
    texts, (bad,) = annotated(pipeline, tmp_path / "in")
    assert texts == ["b"] and "'when'" in bad["error"]


@pytest.mark.parametrize("column", FINE.values(), ids=list(FINE))
def test_columns_of_any_type_go_to_meta(pipeline, tmp_path, column):
    name = "lang" if column.type == "string" else "other"
    source = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b", "c"], name: column}), source)
    texts, bad = annotated(pipeline, source)
    assert (texts, bad) == (["a", "b", "c"], [])
    assert all(name in json.loads(row["meta"]) for row in rows_of(tmp_path / "out"))


def test_a_damaged_page_loses_the_rest_of_its_row_group_and_the_error_names_the_rows(pipeline, tmp_path):
    source = tmp_path / "in.parquet"
    table = pyarrow.Table.from_pylist(records(30))
    pyarrow.parquet.write_table(table, source, row_group_size=10, compression="zstd", use_dictionary=False)
    chunk = pyarrow.parquet.ParquetFile(source).metadata.row_group(1).column(1)
    data = bytearray(source.read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle : middle + 20] = bytes(20)
    source.write_bytes(data)
    job = Job(str(pipeline), str(source), str(tmp_path / "out"), shard_size=15)
    results = run(job)
    ids = [row["id"] for row in rows_of(tmp_path / "out")]
    assert ids == [f"d{i}" for i in range(30) if not 10 <= i < 20]
    assert [(one["place"], one["n_records"]) for one in bad_records(tmp_path / "out")] == [(10, 5), (15, 5)]
    assert "rows 10 to 14 cannot be read, in row group 1" in bad_records(tmp_path / "out")[0]["error"]
    assert [(result.n_docs, result.n_bad) for result in results] == [(10, 5), (10, 5)]


def _packed(change) -> bytes:
    """Return the bytes of a DocBin of three documents whose content was changed."""
    import zlib

    nlp = spacy.blank("xx")
    docs = [nlp.make_doc(word) for word in ("a", "Zürich", "c")]
    data = srsly.msgpack_loads(zlib.decompress(DocBin(docs=docs, store_user_data=True).to_bytes()))
    change(data)
    return zlib.compress(srsly.msgpack_dumps(data))


def _set(key, value):
    def change(data):
        data[key][1] = value

    return change


DOCBINS = {
    "user_data_that_is_cut": _set("user_data", b"\xdf\xff"),
    "user_data_that_is_a_list": _set("user_data", srsly.msgpack_dumps([1, 2])),
    "span_groups_that_are_none": _set("span_groups", b"\x93damaged"),
    "categories_that_are_none": _set("cats", 5),
    "flags_that_are_none": _set("flags", None),
    "a_string_that_is_missing": lambda data: data["strings"].remove("Zürich"),
}


@pytest.mark.parametrize("change", DOCBINS.values(), ids=list(DOCBINS))
def test_a_damaged_document_of_a_docbin_is_a_bad_record(pipeline, tmp_path, change):
    (tmp_path / "in.spacy").write_bytes(_packed(change))
    texts, (bad,) = annotated(pipeline, tmp_path / "in.spacy")
    assert texts == ["a", "c"]
    assert bad["place"] == 1 and bad["error"]


def test_a_list_of_a_docbin_that_is_too_short_loses_only_the_missing_documents(pipeline, tmp_path):
    (tmp_path / "in.spacy").write_bytes(_packed(lambda data: data["cats"].pop()))
    texts, (bad,) = annotated(pipeline, tmp_path / "in.spacy")
    assert (texts, bad["place"]) == (["a", "Zürich"], 2)


def test_a_component_that_fails_between_documents_loses_none(tmp_path):
    pipeline = save_pipeline(tmp_path / "pipeline")
    write_corpus(tmp_path / "in.jsonl", records(6))
    job = Job(str(pipeline), str(tmp_path / "in.jsonl"), str(tmp_path / "out"))
    worker = Worker(job)
    worker.nlp._components.append(("fails", FailsBetweenDocuments()))
    worker.nlp._pipe_meta["fails"] = SimpleNamespace(factory="fails")
    worker.nlp._pipe_configs["fails"] = {}
    from spacy_mluke.bulk.run import Run

    results = [worker.annotate(shard) for shard in Run.begin(job).todo]
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"d{i}" for i in range(6)]
    assert results[0].n_bad == 0
