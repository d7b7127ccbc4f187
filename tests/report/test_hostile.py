"""Pages and charts of runs with hostile content."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from html.parser import HTMLParser

import numpy
import pytest
import srsly
from typer.testing import CliRunner

from spacy_mluke.annotate.fillers import Filler
from spacy_mluke.cli import app
from spacy_mluke.cli.demo_page import render_page
from spacy_mluke.cli.demo_reading import AnsweredText, ReadText
from spacy_mluke.cli.demo_tasks import CompletedText, LinkedText
from spacy_mluke.cli.demo_texts import Mention
from spacy_mluke.cli.demo_vectors import Comparison
from spacy_mluke.rendering.markup import Html, fill, join
from spacy_mluke.report.charts import score_chart
from spacy_mluke.report.page import render_report
from spacy_mluke.report.run import Run, read_run
from spacy_mluke.report.summary import read_runs, summarize
from tests.report.helpers import NLP, relation_run

pytest.importorskip("matplotlib")
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" evil="',
    "single_quotes": "' onmouseover='alert(1)' evil='",
    "comment": "--><img src=x onerror=alert(1)><!--",
    "style": "</style></svg></title><iframe src=javascript:alert(1)>",
    "entity": "&lt;b&gt;&#60;script&#62;",
    "braces": "{0} {title} {} %s {{",
    "mathtext": r"$\frac{$ $x_1$ \$ _under",
    "underscore": "_hidden",
    "slots": "\ue0002\ue001 \\g<0> \\1",
    "controls": "a\x00\x1b]0;x\x07\u202e\ud800\n\r\n b",
    "long": "x" * 5000,
}
EVIL_TAGS = {"script", "img", "iframe", "object", "embed", "link", "base", "form"}


class Structure(HTMLParser):
    """Collects elements with their attributes, without attribute values that may be data."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.text = []
        self.policy = ""

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        assert tag not in EVIL_TAGS
        assert not [name for name, _ in attributes if name.startswith("on") or name == "evil"]
        assert all(re.match("#|https://", value) for name, value in attributes if name in ("href", "src", "xlink:href"))
        assert "javascript" not in found.get("style", "") and "alert" not in found.get("style", "")
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        self.tags.append((tag, tuple(sorted(found))))

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text.append(data)


def structure(page):
    found = Structure()
    found.feed(page)
    assert "default-src 'none'" in found.policy and "script" not in found.policy
    page.encode("utf8")
    return found


def hostile_run(text, system):
    """Make a run with the text in every place for texts."""
    span = {"start": 0, "end": 2, "label": text, "kb_id": text, "kb_url": f"javascript:{text}"}
    tail = {**span, "start": 3, "end": 5}
    run = relation_run(system, text, 0.5)
    run.mistakes = [
        {"text": f"ab cd {text}", "gold": [span, tail], "predicted": [], "arc": {"gold": text, "predicted": text}},
        {"text": f"ab cd {text}", "gold": [span], "predicted": [tail], "title": text},
        {"text": text[:40] + " ab", "gold": [{"start": 0, "end": 2, "label": text}], "predicted": []},
    ]
    run.confusion = [(text, "", 2), ("x", text, 1)]
    run.data = {**run.data, "name": text, "md5": text}
    run.about = {"checkpoints": {text: text}, "versions": {text: text}}
    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of runs with every hostile text in every place, and the same page with harmless texts."""
    found = []
    for text in ("\n".join(HOSTILE.values()), "\n".join(HOSTILE)):
        folder = tmp_path_factory.mktemp("runs")
        for name, system in (("1.json", text), ("2.json", f"{text} again")):
            # Through a file, as runs of other people are read.
            (folder / name).write_text(json.dumps(asdict(hostile_run(text, system))), encoding="utf8")
        runs, _ = read_runs([folder])
        found.append(structure(render_report(summarize(runs, source=text, n_samples=5), text)))
    return found


def test_no_text_of_a_run_becomes_an_element_or_an_attribute(pages):
    hostile, plain = pages
    assert set(hostile.tags) == set(plain.tags)
    # A longer text has more lines in its drawing.
    lines = ("br", "text", "rect", "path", "polygon", "g", "title")
    assert [tag for tag in hostile.tags if tag[0] not in lines] == [tag for tag in plain.tags if tag[0] not in lines]


@pytest.mark.parametrize("name", ["script", "attribute", "comment", "entity", "braces", "slots"])
def test_a_page_shows_hostile_texts_unchanged(pages, name):
    # In headings, tables, maps, mistakes and arcs.
    assert "".join(pages[0].text).count(HOSTILE[name]) > 20


def test_a_system_named_like_a_formula_is_drawn_with_its_name():
    names = (r"$\frac{$", "$x$ a_1", "_first", r"\$ 5 $")
    (summary,) = summarize([relation_run(name, "en", 0.5) for name in names], n_samples=5)
    chart = score_chart(summary)
    assert all(f">{name}<" in chart.replace("\u200b", "") for name in names)


def test_the_demo_shows_hostile_names_as_text():
    text = HOSTILE["comment"]
    doc = NLP.make_doc(f"Tokyo {text}")
    doc.ents = [doc.char_span(0, 5, label=text)]
    linked = LinkedText(
        text, f"ab {text}", [{"start": 0, "end": 2, "id": text, "name": text, "kb_url": "javascript:x"}]
    )
    filler = Filler(text=text, entity=text, score=0.5, kb_id=text)
    page = render_page(
        text,
        [doc],
        [Comparison(text, numpy.ones((1, 1)), 1.0, 0.0, 1)],
        [Mention(text, "Tokyo", text)],
        [text],
        [linked],
        [CompletedText(text, f"{text} [MASK] {text}", [filler, filler], True)],
        [ReadText(text, doc)],
        [AnsweredText(text, text, text, None, False)],
    )
    assert "".join(structure(page).text).count(text) > 10


def test_only_templates_make_markup():
    assert fill('<p title="{}">{}</p>', '"', Html("<b>")) == '<p title="&quot;"><b></p>'
    assert fill("{:.1f} {n:,}", 0.25, n=1000) == "0.2 1,000"
    assert join(["<", Html("<")], "|") == "&lt;|<"
    assert fill("{}", f"{Html('<i>')} x") == "&lt;i&gt; x"


def changed(content, path, value):
    """Copy a run with another value in one place."""
    content = srsly.json_loads(srsly.json_dumps(content))
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


@pytest.fixture(scope="module")
def content():
    run = relation_run("x", "en", 0.5)
    run.about = {"checkpoints": {"x": "y"}, "versions": {"x": "1"}}
    return asdict(run)


PLACES = [
    ("task",), ("system",), ("lang",), ("seed",), ("data",), ("data", "documents"), ("data", "md5"), ("metrics",),
    ("metrics", "macro_f1"), ("metrics", "macro_f1", "value"), ("labels",), ("counts",), ("counts", "columns"),
    ("counts", "row"), ("counts", "row", 0), ("counts", "column", 0), ("counts", "value", 0), ("confusion",),
    ("confusion", 0), ("confusion", 0, 2), ("mistakes",), ("mistakes", 0), ("mistakes", 0, "gold"),
    ("mistakes", 0, "gold", 0), ("mistakes", 0, "gold", 0, "end"), ("mistakes", 0, "arc"), ("about",),
    ("about", "versions"), ("schema",),
]  # fmt: skip
VALUES = [None, -1, 10**15, 1e300, True, float("nan"), [[]], {"a": []}, "x" * 3]
FITS = {("seed", "-1"), ("seed", str(10**15)), ("system", "xxx"), ("lang", "xxx"), ("data.md5", "xxx")}
FITS |= {("metrics.macro_f1.value", str(value)) for value in (-1, 10**15)} | {("counts.value.0", str(10**15))}
FITS |= {("confusion.0.2", str(10**15)), ("about", "{'a': []}"), ("schema", "True")}


@pytest.mark.parametrize("path", PLACES, ids=[".".join(map(str, path)) for path in PLACES])
def test_a_run_with_a_wrong_value_is_refused(tmp_path, content, path):
    for value in VALUES:
        (tmp_path / "x.json").write_text(json.dumps(changed(content, path, value)), encoding="utf8")
        if (".".join(map(str, path)), str(value)) in FITS:
            assert isinstance(read_run(tmp_path / "x.json"), Run)
            continue
        with pytest.raises(ValueError, match=r"\[ML270\]"):
            read_run(tmp_path / "x.json")


BROKEN = {
    "empty": b"",
    "list": b"[]",
    "nested": b"[" * 100_000,
    "nested_objects": b'{"a":' * 100_000,
    "not_utf8": b'{"task": "\xff"}',
    "huge_number": b'{"task": ' + b"9" * 5000 + b"}",
    "cut": b'{"task": "relations", "sys',
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_the_command_refuses_files_that_are_not_runs(tmp_path, data):
    (tmp_path / "x.json").write_bytes(data)
    result = CliRunner().invoke(app, ["report", str(tmp_path), str(tmp_path / "x.html")])
    assert result.exit_code == 1 and "[ML270]" in result.output


@pytest.mark.parametrize("line", ["", "[", "5", '{"step": "x", "score": 1}', '{"step": 1}', "[" * 100_000])
def test_a_damaged_curve_is_named_in_the_error(tmp_path, content, line):
    srsly.write_json(tmp_path / "x.json", content)
    (tmp_path / "curve.jsonl").write_text(f'{{"step": 1, "score": 0.5}}\n{line}\n', encoding="utf8")
    if line:
        with pytest.raises(ValueError, match=r"\[ML361\]"):
            read_runs([tmp_path])
    else:
        assert read_runs([tmp_path])[1][0].points == [(1, 0.5)]


def test_a_report_that_cannot_be_written_is_an_error_and_leaves_no_files(tmp_path, content):
    srsly.write_json(tmp_path / "x.json", content)
    (tmp_path / "file").write_text("x", encoding="utf8")
    result = CliRunner().invoke(app, ["report", str(tmp_path), str(tmp_path / "file" / "page.html"), "--samples", "5"])
    assert result.exit_code == 1 and "[ML360]" in result.output
