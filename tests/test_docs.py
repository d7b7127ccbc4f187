"""The examples of the documentation run, and print what the pages show.

Conventions of a page:

- Blocks fenced as `python` run in order, in one namespace and an empty folder. `py` marks Python that is not run: it
  needs a network or a file. Of the README, each block runs alone (tests/test_readme.py).
- A `text` block directly after a `python` block shows exactly what that block prints. A block that prints has one.
- Numbers with a decimal point have as many digits as are printed, and may differ by 1 in the last one: print them with
  f"{score:.2f}". Examples that train a model briefly vary between processors: show one digit of their scores.
- Results are printed, not stated in comments.
- Examples import from this package only public names of its root. `bash` blocks call commands that exist.
"""

from __future__ import annotations

import ast
import functools
import re

import pytest

import spacy_mluke
from spacy_mluke.cli._app import COMMANDS, load_command
from spacy_mluke.errors import Errors, Warnings
from tests.conftest import REPO
from tests.pages import PAGES, README, check_output, examples_of, name_of, run

WITH_EXAMPLES = [page for page in PAGES if examples_of(page)]
ALL = [README, *PAGES]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_print_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for example in examples_of(page):
        check_output(example, run(example, names))


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_examples_import_only_public_names(page):
    for code in re.findall(r"^```(?:python|py)\n(.*?)^```", page.read_text(encoding="utf8"), re.DOTALL | re.MULTILINE):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spacy_mluke"):
                assert node.module == "spacy_mluke"
                assert {alias.name for alias in node.names} <= set(spacy_mluke.__all__)
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("spacy_mluke.") for alias in node.names)


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_commands_of_a_page_exist(page):
    text = page.read_text(encoding="utf8")
    named = re.findall(r"(?:-m spacy_mluke|spacy mluke) ([a-z][a-z0-9-]*)(?![\w-])", text)
    named += re.findall(r"`(convert-[\w-]+)", text)
    assert set(named) <= set(COMMANDS)


@functools.cache
def options_of(name):
    command = load_command(name)
    commands = [command, *getattr(command, "commands", {}).values()]
    return {option for one in commands for param in one.params for option in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_options_of_the_commands_of_a_page_exist(page):
    text = page.read_text(encoding="utf8").replace("\\\n", " ")
    for name, rest in re.findall(r"(?:-m spacy_mluke|spacy mluke) ([a-z][a-z0-9-]*)([^\n`#]*)", text):
        if name not in ("train", "pretrain"):  # they also take settings of the config
            assert set(re.findall(r"(?<!\S)--[a-z][\w-]*", rest)) <= options_of(name)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_has_one_title_and_begins_with_a_paragraph(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf8"), flags=re.DOTALL | re.MULTILINE)
    title, first = text.strip().split("\n\n")[:2]
    assert re.findall(r"^# .*", text, re.MULTILINE) == [title]
    assert first[0].isalpha() or first[0] in "`[*"


@pytest.mark.parametrize("page", [*ALL, REPO / "CONTRIBUTING.md", REPO / "SECURITY.md"], ids=name_of)
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
        assert (page.parent / target).exists(), target


def test_no_page_and_no_message_installs_a_package_that_is_not_published():
    texts = [page.read_text(encoding="utf8") for page in ALL]
    texts += [getattr(messages, code) for messages in (Errors, Warnings) for code in dir(messages) if code[:2] == "ML"]
    assert not re.findall(r"install [^\n`]*(?<!/)spacy[-_]mluke(?:\[|[ '\"`\n]|$)", "\n".join(texts))


def test_the_page_on_training_names_every_config():
    text = (REPO / "docs" / "guides" / "training.md").read_text(encoding="utf8")
    configs = {path.name for path in (REPO / "configs").glob("*.cfg")}
    assert configs <= set(re.findall(r"[a-z0-9_]+\.cfg", text))
    assert set(re.findall(r"`([a-z0-9_]+\.cfg)`", text)) <= configs


def example_in(folder, code, shown):
    page = folder / "page.md"
    page.write_text(f"# Title\n\n```python\n{code}\n```\n" + (f"\n```text\n{shown}\n```\n" if shown else ""))
    (example,) = examples_of(page)
    return example


def test_the_comparison_allows_another_last_digit_and_nothing_else(tmp_path):
    example = example_in(tmp_path, "print('Bern 0.91 7')", "Bern 0.92 7")
    check_output(example, run(example, {}))
    for printed in ("Bern 0.90 7\n", "Bern 0.9 7\n", "Bern 0.92 8\n", "Basel 0.92 7\n", "Bern 0.92 7\nBern\n", ""):
        with pytest.raises(AssertionError, match=r"page\.md:4 shows"):
            check_output(example, printed)


def test_printing_without_a_text_block_is_an_error(tmp_path):
    example = example_in(tmp_path, "print('Bern')", None)
    with pytest.raises(AssertionError, match="no ```text block"):
        check_output(example, run(example, {}))


def test_errors_name_the_line_of_the_page(tmp_path):
    with pytest.raises(ZeroDivisionError) as error:
        run(example_in(tmp_path, "x = 1\nx / 0", None), {})
    assert error.traceback[-1].lineno + 1 == 5
