"""The script that measures how many examples new types need."""

from __future__ import annotations

import spacy
from spacy.tokens import Span

from scripts.measure_few_shot import count, main
from tests.pipeline.conftest import steady_checkpoint  # noqa: F401

SENTENCES = """Tokyo\tB-LOC\nis\tO\nlarge\tO

Anna\tB-PER\nlives\tO\nin\tO\nParis\tB-LOC

Paris\tB-LOC\nis\tO\nfar\tO
"""


def test_a_line_for_each_start_and_size_has_scores_of_the_given_types(steady_checkpoint, tmp_path, capsys):  # noqa: F811
    file = tmp_path / "sentences.iob2"
    file.write_text(SENTENCES, encoding="utf8")
    options = ["--labels", "LOC", "--starts", str(steady_checkpoint), "--sizes", "1,3", "--steps", "2"]
    main([str(file), str(file), *options, "--test-limit", "2"])
    printed = capsys.readouterr().out
    assert "2 test documents, 2 entities or questions; 2 steps" in printed
    rows = [
        [cell.strip() for cell in line.split("|")] for line in printed.splitlines() if str(steady_checkpoint) in line
    ]
    assert [row[2] for row in rows] == ["1", "3"]
    assert rows[1][3] == "3"
    assert all(0.0 <= float(row[8]) <= 100.0 for row in rows)


def test_settings_of_the_config_can_be_changed_and_no_step_trains_nothing(steady_checkpoint, tmp_path, capsys):  # noqa: F811
    file = tmp_path / "sentences.iob2"
    file.write_text(SENTENCES, encoding="utf8")
    options = ["--labels", "LOC", "--starts", str(steady_checkpoint), "--sizes", "0", "--steps", "0"]
    main([str(file), str(file), *options, "--components.mluke_ner.threshold", "0.99"])
    row = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-1].split("|")]
    assert row[2] == "3"
    assert row[8] == "0.0"  # no candidate of an untrained head is this probable


def test_a_training_is_scored_with_each_threshold(steady_checkpoint, tmp_path, capsys):  # noqa: F811
    file = tmp_path / "sentences.iob2"
    file.write_text(SENTENCES, encoding="utf8")
    options = ["--labels", "LOC", "--starts", str(steady_checkpoint), "--sizes", "0", "--steps", "1"]
    main([str(file), str(file), *options, "--thresholds", "0.0,0.99"])
    rows = [[cell.strip() for cell in line.split("|")] for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [row[5] for row in rows] == ["0.0", "0.99"]
    assert rows[0][-2] == rows[1][-2]  # seconds: it is trained once


def test_questions_are_counted(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("mluke_qa")
    docs = [nlp.make_doc("Anna is in Rome"), nlp.make_doc("Paris is large")]
    docs[0]._.mluke_questions = ["Where is Anna?", "Who is in Rome?"]
    docs[1].set_ents([Span(docs[1], 0, 1, label="LOC")])
    assert [count(docs[:1]), count(docs)] == [2, 3]
