"""Runs as files, summaries of runs, and the HTML page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import srsly
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.report.page import _colors, _mistake, render_report
from spacy_mluke.report.run import read_run, score_run
from spacy_mluke.report.summary import read_runs, summarize
from tests.report.helpers import relation_examples, relation_run

matplotlib = pytest.importorskip("matplotlib")
SYSTEMS = {"mLUKE-E": 0.9, "mLUKE-W": 0.5}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two systems, two languages, two seeds of the first."""
    root = tmp_path_factory.mktemp("runs")
    found = []
    for system, seed in (("mLUKE-E", 0), ("mLUKE-E", 1), ("mLUKE-W", 0)):
        folder = root / f"{system}-{seed}"
        for lang in ("en", "de"):
            loss = 0.3 if lang == "de" else 0.1 * seed
            relation_run(system, lang, SYSTEMS[system] - loss, seed).to_disk(folder / f"{lang}.json")
        srsly.write_jsonl(folder / "curve.jsonl", [{"step": 100 * i, "score": 0.1 * i} for i in range(5)])
        found.append(folder)
    return found


@pytest.fixture(scope="module")
def summary(folders):
    (found,) = summarize(*read_runs(folders), n_samples=200)
    return found


def test_a_run_is_the_same_after_writing_and_reading(folders):
    path = folders[0] / "de.json"
    run, again = relation_run("mLUKE-E", "de", 0.6), read_run(path)
    assert (run.matrix == again.matrix).all()
    assert run.metrics["macro_f1"] == pytest.approx(again.metrics["macro_f1"]) and run.data == again.data
    assert again.metrics["macro_f1"]["low"] <= again.metrics["macro_f1"]["value"] <= again.metrics["macro_f1"]["high"]
    assert again.labels["capital"]["gold"] > 0


def test_a_file_that_is_not_a_run_is_refused(tmp_path, folders):
    (tmp_path / "x.json").write_text('{"task": "relations"}')
    with pytest.raises(ValueError, match=r"\[ML270\]"):
        read_run(tmp_path / "x.json")
    content = srsly.read_json(folders[0] / "en.json")
    srsly.write_json(tmp_path / "x.json", {**content, "schema": 99})
    with pytest.raises(ValueError, match=r"\[ML270\].*schema"):
        read_run(tmp_path / "x.json")
    with pytest.raises(ValueError, match=r"\[ML272\]"):
        read_runs([tmp_path / "nowhere"])


def test_a_corpus_without_annotation_of_the_task_is_refused():
    with pytest.raises(ValueError, match=r"\[ML271\].*'qa'"):
        score_run("qa", relation_examples(0.5, n=3), system="x", lang="en")
    with pytest.raises(ValueError, match=r"\[ML070\]"):
        score_run("q", [], system="x", lang="en")


def test_scores_are_means_over_seeds_and_the_training_language_comes_first(summary, folders):
    assert summary.langs == ["en", "de"] and summary.systems == ["mLUKE-E", "mLUKE-W"]
    values = [read_run(folder / "en.json").metrics["macro_f1"]["value"] for folder in folders[:2]]
    assert summary.scores["mLUKE-E", "en"].value == pytest.approx(sum(values) / 2)


def test_a_page_shows_the_seeds_of_a_system(summary):
    assert summary.seeds == {"mLUKE-E": [0, 1], "mLUKE-W": [0]}
    page = render_report([summary], "Seeds")
    assert "seeds: 0, 1." in page
    assert "mLUKE-E<small>seeds 0, 1</small>" in page and "mLUKE-W<small>seeds 0</small>" in page


def test_differences_are_paired_and_gaps_start_from_the_training_language(summary):
    found = summary.differences["mLUKE-W", "en"]
    scores = summary.scores
    assert found.value == pytest.approx(scores["mLUKE-E", "en"].value - scores["mLUKE-W", "en"].value)
    assert found.low > 0
    assert ("mLUKE-E", "en") not in summary.differences
    assert summary.gaps["mLUKE-E", "de"].value == pytest.approx(
        scores["mLUKE-E", "en"].value - scores["mLUKE-E", "de"].value
    )


def test_another_corpus_in_the_training_language_has_no_gap():
    runs = [relation_run("mLUKE-E", lang, 0.8) for lang in ("de", "en-web", "en")]
    (found,) = summarize(runs, n_samples=20)
    assert found.langs == ["en", "en-web", "de"] and list(found.gaps) == [("mLUKE-E", "de")]


def test_systems_on_other_documents_are_not_compared(folders):
    runs, _ = read_runs(folders)
    for run in runs:
        if run.system == "mLUKE-W" and run.lang == "de":
            run.data = {**run.data, "md5": "another"}
    (found,) = summarize(runs, n_samples=20)
    assert ("mLUKE-W", "de") not in found.differences and ("mLUKE-W", "en") in found.differences


class Links(HTMLParser):
    """Collects external files of a page, and open elements."""

    def __init__(self):
        super().__init__()
        self.loads = []
        self.open = []

    def handle_starttag(self, tag, attributes):
        self.loads += [value for key, value in attributes if key in ("src", "href", "xlink:href") and value]
        if tag not in ("meta", "link", "br", "path", "use", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.loads += [value for key, value in attributes if key in ("src", "href", "xlink:href") and value]

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag


def test_the_page_is_complete_and_has_no_external_files(summary):
    page = render_report([summary], "A title <b>")
    links = Links()
    links.feed(page)
    assert all(link.startswith("#") for link in links.loads)
    assert "<script" not in page and "url(http" not in page and "A title &lt;b&gt;" in page
    assert not [tag for tag in links.open if tag != "path"]
    assert page.count('class="chart"') == 3 and 'class="mluke-arc"' in page and 'class="mluke-map"' in page


def test_ids_of_charts_do_not_clash_and_pages_are_the_same_every_time(summary):
    page = render_report([summary], "x")
    assert page == render_report([summary], "x")
    for ids in re.findall(r'<clipPath id="([^"]+)"', page):
        assert page.count(f'<clipPath id="{ids}"') == 1


def test_the_command_writes_a_page_and_a_file_of_figures(folders, tmp_path):
    output = tmp_path / "out" / "report.html"
    result = CliRunner().invoke(app, ["report", *map(str, folders), str(output), "--samples", "50"])
    assert result.exit_code == 0, result.output
    assert "mLUKE-W" in result.output and output.read_text(encoding="utf8").startswith("<!DOCTYPE html>")
    (task,) = srsly.read_json(tmp_path / "out" / "report.json")
    assert task["metric"] == "macro_f1" and len(task["scores"]) == 4 and len(task["differences"]) == 2
    assert {"first", "system", "lang", "value", "low", "high"} == set(task["differences"][0])


def test_folders_without_runs_are_an_error(tmp_path):
    result = CliRunner().invoke(app, ["report", str(tmp_path), str(tmp_path / "x.html")])
    assert result.exit_code == 1 and "[ML272]" in result.output


def test_a_label_has_one_color_in_all_mistakes():
    spans = {"PER": [0, 3], "LOC": [4, 9], "ORG": [4, 9]}

    def mistake(*labels):
        found = [{"start": spans[label][0], "end": spans[label][1], "label": label} for label in labels]
        return {"text": "Ada Paris", "gold": found, "predicted": []}

    drawn = [mistake("PER"), mistake("LOC", "PER"), mistake("ORG")]
    colors = _colors(drawn)
    assert len(set(colors.values())) == 3
    shown = "".join(_mistake(one, "en", colors) for one in drawn)
    assert len(re.findall(rf"\bmluke-{colors['PER']}\b", shown)) == 2


def test_with_many_labels_those_of_one_mistake_have_different_colors():
    labels = [f"L{i}" for i in range(20)]
    drawn = [{"text": "a b", "gold": [{"start": 0, "end": 1, "label": label}], "predicted": []} for label in labels]
    both = {**drawn[0], "predicted": [{"start": 2, "end": 3, "label": "L10"}]}
    shown = _mistake(both, "en", _colors(drawn))
    assert len(set(re.findall(r"\bmluke-\d", shown))) == 2
