"""The script that checks a GPU, run on the CPU."""

from __future__ import annotations

import json

import torch

from scripts.check_gpu import Check, main


def test_the_checks_of_a_gpu_run_on_the_cpu(masked_lm, tmp_path, capsys):
    report = tmp_path / "report.json"
    arguments = ["--device", "cpu", "--encoder", str(masked_lm), "--components", "mluke_relations", "--sequences", "2"]
    assert main([*arguments, "--output", str(report)]) == 0
    found = json.loads(report.read_text())
    assert {check["part"] for check in found["checks"]} == {"mluke_relations", "speed"}
    assert all(check["ok"] for check in found["checks"])
    assert found["left_out"] == []
    assert "gradients" in capsys.readouterr().out


def test_checks_that_would_begin_too_late_are_skipped_and_reported(tmp_path, capsys):
    report = tmp_path / "report.json"
    assert main(["--device", "cpu", "--seconds", "0", "--output", str(report)]) == 0
    assert "mluke_linker" in json.loads(report.read_text())["left_out"]
    assert "because of the time limit" in " ".join(capsys.readouterr().out.split())


def test_without_a_gpu_the_script_ends_with_a_message(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["--output", str(tmp_path / "report.json")]) == 2
    assert "PyTorch finds no GPU" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "report.json").exists()


def test_a_value_beyond_its_limit_is_not_ok():
    assert Check("a", "b", 1.0, 2.0).ok
    assert not Check("a", "b", 3.0, 2.0).ok
    assert not Check("a", "b", 1.0, 2.0, is_least=True).ok
    assert not Check("a", "b", float("nan"), 2.0).ok
