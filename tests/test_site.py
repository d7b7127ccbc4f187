"""The documentation site: its pages, and how docstrings become tables."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest
from spacy.language import Language

from scripts.docs.commands import render_commands
from scripts.docs.docstrings import parse, parse_function, table, to_markdown
from scripts.docs.functions import REGISTRIES, read_entry_points, render_components, render_functions
from scripts.docs.links import on_page_markdown
from scripts.docs.messages import render_messages
from spacy_mluke.cli._app import COMMANDS
from spacy_mluke.errors import Errors, Warnings
from tests.conftest import REPO
from tests.pages import PAGES

DOCSTRING = """Return the sum.

    More about it.

    first (int): A number of `0 < x` or <more>,
        in two lines.
    second (Optional[int]): Another, 1 | 2.
    RETURNS (int): The sum.
    RAISES (ValueError): ML070 if it is too large.
    """


def test_every_page_is_in_the_navigation():
    text = (REPO / "mkdocs.yml").read_text(encoding="utf8")
    named = re.findall(r": ([\w/-]+\.md)$", text, re.MULTILINE)
    assert sorted(named) == [page.relative_to(REPO / "docs").as_posix() for page in PAGES]


def test_the_reference_describes_every_option_function_command_and_message():
    # Rendering fails for an option or argument that its docstring does not describe.
    components, functions = render_components(), render_functions()
    for name in read_entry_points("spacy_factories"):
        assert f"\n## {name}\n" in f"\n{components}"
        for option in Language.get_factory_meta(name).default_config:
            assert f"| `{option}` |" in components
    for group in REGISTRIES:
        for name in read_entry_points(group):
            assert f"### {name} " in functions
    commands, messages = render_commands(), render_messages()
    assert all(f"\n## {name}\n" in f"\n{commands}" for name in COMMANDS)
    assert all(f"### {code}\n" in messages for code in dir(Errors) + dir(Warnings) if code.startswith("ML"))


def test_every_group_of_registered_functions_is_in_the_reference():
    config = ConfigParser(delimiters="=")
    config.read(REPO / "setup.cfg", encoding="utf8")
    assert set(config["options.entry_points"]) == {*REGISTRIES, "spacy_factories", "spacy_cli"}


def test_a_docstring_is_split_into_its_parts():
    found = parse(DOCSTRING)
    assert found.text == "Return the sum.\n\nMore about it."
    assert [*found.arguments] == ["first", "second"]
    assert found.arguments["first"].text == "A number of `0 < x` or <more>, in two lines."
    assert [(entry.name, entry.type) for entry in found.results + found.errors] == [
        ("RETURNS", "int"),
        ("RAISES", "ValueError"),
    ]


def test_an_argument_without_a_description_is_an_error():
    def add(first, second, third): ...

    add.__doc__ = DOCSTRING
    with pytest.raises(ValueError, match=r"add describes \['first', 'second'\], not \['first', 'second', 'third'\]"):
        parse_function(add)


def test_tags_and_bars_are_escaped_outside_code():
    assert to_markdown("`<s>` or <s>") == "`<s>` or &lt;s>"
    assert table(("a", "b"), [("1 | 2", "x\ny")]).splitlines()[2] == "| 1 \\| 2 | x y |"
    assert table(("a",), []) == ""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("../../configs/ner.cfg", "https://example.com/blob/main/configs/ner.cfg"),
        ("../architecture.md#flow", "../architecture.md#flow"),
        ("#options", "#options"),
        ("https://spacy.io", "https://spacy.io"),
    ],
)
def test_only_links_out_of_the_documentation_lead_to_the_repository(target, expected):
    class Page:
        class file:
            src_uri = "guides/ner.md"

    class Config:
        repo_url = "https://example.com"

    assert on_page_markdown(f"[x]({target})", page=Page, config=Config) == f"[x]({expected})"
