"""The learning curve, also of a resumed training."""

from __future__ import annotations

import io
import json

import spacy

from spacy_mluke.training.curve import build_curve_logger_v1


def info(step, score):
    return {
        "step": step, "epoch": 0, "words": 10, "losses": {"x": 1.5}, "score": score, "checkpoints": [], "seconds": 0,
        "other_scores": {"f": score, "per_type": {"A": 1}, "none": None},
    }  # fmt: skip


def log(path, *infos):
    nlp = spacy.blank("xx")
    log_step, finalize = build_curve_logger_v1(path)(nlp, io.StringIO(), io.StringIO())
    for own in infos:
        log_step(own)
    finalize()


def test_each_evaluation_is_one_line(tmp_path):
    log(tmp_path / "out" / "curve.jsonl", info(0, 0.1), None, info(50, 0.5))
    lines = [json.loads(line) for line in (tmp_path / "out" / "curve.jsonl").read_text().splitlines()]
    assert [(line["step"], line["score"]) for line in lines] == [(0, 0.1), (50, 0.5)]
    assert lines[0]["scores"] == {"f": 0.1} and lines[0]["losses"] == {"x": 1.5}


def test_a_resumed_training_appends_to_the_curve(tmp_path):
    path = tmp_path / "curve.jsonl"
    log(path, info(0, 0.1), info(50, 0.5), info(100, 0.6))
    log(path, info(100, 0.7), info(150, 0.8))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["step"], line["score"]) for line in lines] == [(0, 0.1), (50, 0.5), (100, 0.7), (150, 0.8)]


def test_without_a_path_nothing_is_written(tmp_path):
    log(None, info(0, 0.1))
    assert list(tmp_path.iterdir()) == []
