"""Errors of commands whose input is missing, damaged or of another kind: one message, no traceback."""

from __future__ import annotations

import json
import zlib

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.cli._errors import describe_error, reported_errors
from tests.conftest import REPO

TYPING = REPO / "configs" / "typing.cfg"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def says(result, *words):
    """Check for a message, which the terminal may wrap, and exit code 1."""
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    text = " ".join(result.output.split())
    return all(word in text for word in words) or pytest.fail(text)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(folder / "pipeline")
    doc = Doc(nlp.vocab, words=["Tokyo", "is", "big"])
    DocBin(docs=[doc]).to_disk(folder / "plain.spacy")
    whole = (folder / "plain.spacy").read_bytes()
    (folder / "cut.spacy").write_bytes(whole[:-20])
    (folder / "text.spacy").write_bytes(b"Tokyo is big")
    (folder / "object.spacy").write_bytes(zlib.compress(srsly.msgpack_dumps({"a": 1})))
    found = srsly.msgpack_loads(zlib.decompress(whole))
    (folder / "short.spacy").write_bytes(zlib.compress(srsly.msgpack_dumps({**found, "tokens": found["tokens"][:5]})))
    (folder / "latin1.txt").write_bytes("Bern B-LOC\nMünchen B-LOC\n".encode("latin1"))
    (folder / "deep.jsonl").write_text('{"text": "x", "entities": ' + "[" * 100_000, encoding="utf8")
    (folder / "deep.json").write_text("[" * 100_000, encoding="utf8")
    (folder / "empty").mkdir()
    return folder


@pytest.mark.parametrize("name", ["evaluate", "score", "annotate", "export", "prune"])
def test_a_missing_pipeline(name, files):
    rest = {
        "evaluate": ["plain.spacy"],
        "score": ["plain.spacy", "run.json", "--task", "ner", "--system", "x", "--lang", "en"],
        "annotate": ["plain.spacy", "annotated"],
        "export": ["mluke", "exported"],
        "prune": ["plain.spacy", "pruned"],
    }[name]
    given = [files / part if "." in part or part.endswith("ed") else part for part in rest]
    code = "[ML350]" if name == "annotate" else "[E050]"  # spaCy's own
    says(run(name, "nosuch", *given), code, "nosuch")


@pytest.mark.parametrize("name", ["cut", "text", "object", "short"])
@pytest.mark.parametrize("command", ["evaluate", "train", "convert-jsonl"])
def test_the_error_names_a_damaged_corpus(command, name, files, tmp_path):
    corpus = files / f"{name}.spacy"
    if command == "evaluate":
        result = run(command, files / "pipeline", corpus)
    elif command == "train":
        result = run(command, TYPING, tmp_path / "out", "--paths.train", corpus, "--paths.dev", corpus)
    else:
        result = run(command, corpus, tmp_path / "corpus.jsonl")
    says(result, "[ML324]", f"{name}.spacy")


def test_a_folder_without_a_corpus(files):
    says(run("evaluate", files / "pipeline", files / "empty"), "[ML325]", "empty")


@pytest.mark.parametrize("task", ["relations", "ner", "qa", "cloze", "linking"])
def test_a_corpus_without_annotation_of_the_task(task, files):
    result = run(
        "score", files / "pipeline", files / "plain.spacy", files / "x.json", "-t", task, "--system", "x", "-l", "en"
    )
    says(result, "[ML271]", task)


@pytest.mark.parametrize("command", ["convert-conll", "convert-jsonl", "convert-kbp37"])
def test_text_that_is_not_utf8(command, files, tmp_path):
    says(run(command, files / "latin1.txt", tmp_path / "corpus.spacy"), "[ML321]", "latin1.txt")


def test_an_error_in_the_encoding_of_questions_does_not_repeat_the_file(files, tmp_path):
    result = run("convert-squad", files / "latin1.txt", tmp_path / "corpus.spacy")
    says(result, "[ML213]", "latin1.txt")
    assert "Bern" not in result.output


def test_json_that_is_nested_too_deeply(files, tmp_path):
    says(run("convert-jsonl", files / "deep.jsonl", tmp_path / "corpus.spacy"), "[ML248]", "line 1")
    says(run("convert-squad", files / "deep.json", tmp_path / "corpus.spacy"), "[ML213]")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('factory = "mluke_typing"', 'factory = "mluke_typng"', "mluke_typng"),
        ('"spacy-mluke.Encoder.v1"', '"spacy-mluke.Encodr.v1"', "spacy-mluke.Encodr.v1"),
        ("mixed_precision = false", "mixed_precison = false", "mixed_precison"),
        ("[nlp]\n", "[nlp\n", "Config validation error"),
        ("eval_frequency = 100", "eval_frequency = 0", "[ML071]"),
    ],
    ids=["factory", "architecture", "setting", "syntax", "eval_frequency"],
)
def test_a_config_with_an_error(old, new, expected, files, tmp_path, monkeypatch):
    text = TYPING.read_text(encoding="utf8")
    assert old in text
    (tmp_path / "typing.cfg").write_text(text.replace(old, new), encoding="utf8")
    # The error comes before training.
    monkeypatch.setattr("spacy.language.Language.initialize", lambda self, *args, **options: None)
    corpus = ("--paths.train", files / "plain.spacy", "--paths.dev", files / "plain.spacy")
    says(run("train", tmp_path / "typing.cfg", tmp_path / "out", *corpus), expected)


def test_a_corpus_that_is_missing_or_not_named(files, tmp_path):
    says(run("train", TYPING, tmp_path / "out"), "[E913]")
    corpus = ("--paths.train", tmp_path / "nosuch.spacy", "--paths.dev", files / "plain.spacy")
    says(run("train", TYPING, tmp_path / "out", *corpus), "nosuch.spacy", "No such file")


def test_an_unknown_option(files, tmp_path):
    result = run("train", TYPING, tmp_path / "out", "--nonsense")
    assert result.exit_code == 2 and "--nonsense" in result.output


def test_a_missing_gpu(tmp_path, monkeypatch):
    def refuse(gpu_id, silent):
        raise ValueError("CuPy is not installed")

    monkeypatch.setattr("spacy.cli._util.setup_gpu", refuse)
    says(run("train", TYPING, tmp_path / "out", "--gpu-id", 3), "[ML326]", "GPU 3")


def test_output_that_cannot_be_written(files, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf8")
    says(run("train", TYPING, tmp_path / "file" / "out"), "[ML320]", "Not a directory")
    result = run("evaluate", files / "pipeline", files / "plain.spacy", "--output", tmp_path / "file" / "scores.json")
    says(result, "[ML360]", "scores.json")


def test_the_error_lists_components_that_can_be_exported_or_pruned(files, tmp_path):
    says(run("export", files / "pipeline", "sentencizer", tmp_path / "out"), "[ML329]", "none of its components")
    corpus = files / "plain.spacy"
    says(run("prune", files / "pipeline", corpus, tmp_path / "out", "--component", "sentencizer"), "[ML328]")


def test_the_kind_of_quantization_is_checked_even_if_nothing_can_be_quantized(files, tmp_path):
    result = run(
        "score", files / "pipeline", files / "plain.spacy", tmp_path / "x.json",
        "--task", "ner", "--system", "x", "--lang", "en", "--quantize", "int3",
    )  # fmt: skip
    says(result, "[ML070]", "int8")


def test_debug_shows_tracebacks_and_bugs_always_have_one(files, monkeypatch):
    result = run("--debug", "evaluate", "nosuch", files / "plain.spacy")
    assert isinstance(result.exception, OSError)
    monkeypatch.setenv("SPACY_MLUKE_DEBUG", "1")
    assert isinstance(run("evaluate", "nosuch", files / "plain.spacy").exception, OSError)
    with pytest.raises(ZeroDivisionError), reported_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(28, "No space left on device", "out/model"),
            "[ML320] 'out/model' cannot be read or written: No space",
        ),
        (OSError("damaged"), "damaged"),
        (KeyError("[E001] No component 'x'"), "[E001] No component 'x'"),
        (RecursionError("maximum depth"), "[ML322]"),
        (ImportError("Japanese support requires SudachiPy"), "Japanese support requires SudachiPy"),
        (json.JSONDecodeError("no JSON", "", 0), None),
        (ValueError("a bug"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_that_a_user_can_fix_have_a_message(error, text):
    found = describe_error(error)
    assert found is None if text is None else found is not None and found.startswith(text)
