"""The loop on the command line: export, corrections, import, training."""

from __future__ import annotations

import json

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_mluke import export_annotations
from spacy_mluke.cli._app import app
from spacy_mluke.training.resumable import train
from tests.annotation_tools.samples import NLP, facts, make
from tests.conftest import REPO


def run(*arguments, fails=False):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert bool(result.exit_code) == fails, result.output
    return " ".join(result.output.split())


@pytest.fixture
def corpus(tmp_path):
    docs = [
        make(
            ["Paris", "in", "France"], [True, True, False], [(0, 1, "LOC", "Q90")], (), [((0, 1), (2, 3), "P17", 0.5)]
        ),
        make(["Tokyo", "is", "far", "away"], [True, True, True, False], [(0, 1, "LOC", "Q1490")]),
    ]
    path = tmp_path / "docs.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def read(path):
    return list(DocBin().from_disk(path).get_docs(NLP.vocab))


def test_corrections_made_in_label_studio_train_a_pipeline(corpus, tmp_path, tiny_checkpoint):
    tasks, corrected = tmp_path / "tasks.json", tmp_path / "corrected.spacy"
    assert "2 documents" in run("export-annotations", corpus, tasks, "-f", "label-studio")
    exported = json.loads(tasks.read_text(encoding="utf8"))
    for task in exported:
        (prediction,) = task.pop("predictions")
        task["annotations"] = [{"result": prediction["result"]}]
        prediction["result"][0]["value"]["labels"] = ["CITY"]
    tasks.write_text(json.dumps(exported), encoding="utf8")
    shown = run("import-annotations", tasks, corrected, "-f", "label-studio", "--docs", corpus)
    assert "2 documents; entities: CITY 2; relations: 1" in shown
    settings = {
        "paths.checkpoint": str(tiny_checkpoint),
        "paths.train": str(corrected),
        "paths.dev": str(corrected),
        "training.max_steps": 2,
        "training.eval_frequency": 2,
    }
    nlp = init_nlp(load_config(REPO / "configs" / "ner_wikineural.cfg", overrides=settings, interpolate=False))
    assert nlp.get_pipe("mluke_ner").labels == ("CITY",)
    (tmp_path / "out").mkdir()
    train(nlp, tmp_path / "out", use_gpu=-1, every=0)
    assert (tmp_path / "out" / "model-last").is_dir()


def test_a_pipeline_can_annotate_before_the_export(tmp_path):
    nlp = spacy.blank("xx")
    patterns = [{"label": "LOC", "pattern": "Paris"}, {"label": "ORG", "pattern": "Acme"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "pipeline")
    (tmp_path / "texts.jsonl").write_text('{"text": "Paris, Paris"}\n', encoding="utf8")
    tasks = tmp_path / "tasks.json"
    run(
        "export-annotations", tmp_path / "texts.jsonl", tasks, "-f", "label-studio", "--pipeline", tmp_path / "pipeline"
    )
    (task,) = json.loads(tasks.read_text(encoding="utf8"))
    assert task["predictions"][0]["model_version"] == "xx_pipeline-0.0.0"
    assert len(task["predictions"][0]["result"]) == 2
    # Annotators can also choose labels that were not predicted.
    assert 'value="ORG"' in (tmp_path / "tasks.xml").read_text(encoding="utf8")


def test_entities_that_are_not_on_tokens_are_counted(tmp_path):
    record = {"text": "東京は日本の首都である", "entities": [{"start": 0, "end": 2, "label": "LOC"}]}
    (tmp_path / "texts.jsonl").write_text(json.dumps(record), encoding="utf8")
    shown = run("export-annotations", tmp_path / "texts.jsonl", tmp_path / "tasks.jsonl", "-f", "prodigy")
    assert "entities not on tokens: 1" in shown


def test_documents_survive_both_commands(corpus, tmp_path):
    run("export-annotations", corpus, tmp_path / "tasks.jsonl", "-f", "prodigy")
    run("import-annotations", tmp_path / "tasks.jsonl", tmp_path / "again.spacy", "-f", "prodigy")
    assert [facts(doc) for doc in read(tmp_path / "again.spacy")] == [facts(doc) for doc in read(corpus)]


def test_a_folder_of_documents_is_exported(corpus, tmp_path):
    (tmp_path / "annotated").mkdir()
    for name in ("part-1.spacy", "part-0.spacy"):
        (tmp_path / "annotated" / name).write_bytes(corpus.read_bytes())
    assert "4 documents" in run("export-annotations", tmp_path / "annotated", tmp_path / "tasks.jsonl", "-f", "prodigy")
    (tmp_path / "empty").mkdir()
    assert "[ML325]" in run("export-annotations", tmp_path / "empty", tmp_path / "x.jsonl", "-f", "prodigy", fails=True)


def test_what_was_changed_is_shown(tmp_path):
    task = {"text": "Paris is", "spans": [{"start": 0, "end": 3, "label": "LOC"}]}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task), encoding="utf8")
    shown = run("import-annotations", tmp_path / "tasks.jsonl", tmp_path / "out.spacy", "-f", "prodigy")
    assert "entities moved to tokens (expand): 1" in shown
    shown = run(
        "import-annotations", tmp_path / "tasks.jsonl", tmp_path / "x.spacy", "-f", "prodigy", "-a", "raise", fails=True
    )
    assert "[ML471]" in shown and not (tmp_path / "x.spacy").exists()


def test_unknown_formats_are_refused_before_anything_is_read(corpus, tmp_path):
    assert "[ML070]" in run("export-annotations", corpus, tmp_path / "x", "-f", "doccano", fails=True)
    assert "[ML070]" in run("import-annotations", corpus, tmp_path / "x", "-f", "doccano", fails=True)


def test_documents_without_annotation_have_a_warning_with_their_number(corpus, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": "Paris"}\n{"text": "Tokyo"}\n', encoding="utf8")
    shown = run("export-annotations", tmp_path / "texts.jsonl", tmp_path / "tasks.jsonl", "-f", "prodigy")
    assert "[ML479] None of the 2 documents" in shown and "2 documents; entities: none; relations: 0" in shown
    shown = run("export-annotations", corpus, tmp_path / "tasks.jsonl", "-f", "prodigy")
    assert "ML479" not in shown and "2 documents; entities: LOC 2; relations: 1" in shown


def test_a_warning_names_the_groups_of_spans_that_were_not_written(tmp_path):
    doc = make(["Tokyo"], [False])
    doc.spans["mine"] = [doc[:1]]
    with pytest.warns(UserWarning, match=r"\[ML479\].*\(doc.spans has 'mine'\)"):
        export_annotations([doc], tmp_path / "tasks.jsonl", "prodigy")
