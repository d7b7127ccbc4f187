"""The script that measures how many examples new types need."""

from __future__ import annotations

from scripts.measure_few_shot import main
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
    assert "2 test documents, 2 entities; 2 steps" in printed
    rows = [
        [cell.strip() for cell in line.split("|")] for line in printed.splitlines() if str(steady_checkpoint) in line
    ]
    assert [row[2] for row in rows] == ["1", "3"]
    assert rows[1][3] == "3"
    assert all(0.0 <= float(row[7]) <= 100.0 for row in rows)
