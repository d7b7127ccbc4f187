"""The files of the explorer page."""

from __future__ import annotations

import json

from tests.conftest import REPO

STATIC = REPO / "spacy_mluke" / "serve" / "static"


def test_examples_are_in_ten_languages():
    examples = json.loads((STATIC / "examples.json").read_text(encoding="utf8"))
    assert len({example["lang"] for example in examples}) == 10
    assert all(example["text"] and example["question"] and "[MASK]" in example["mask"] for example in examples)


def test_the_page_loads_no_file_from_elsewhere_and_has_no_inline_script():
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf8")
        assert "://" not in text and "innerHTML" not in text and "eval(" not in text, file.name
        assert len(text.splitlines()) <= 350
    html = (STATIC / "index.html").read_text(encoding="utf8")
    assert html.count("<script") == 1 and "style=" not in html and "onclick" not in html
