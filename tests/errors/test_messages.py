"""Every message has a code from its file's ranges, and is used."""

import ast
import re
from pathlib import Path

import pytest

import spacy_mluke
from spacy_mluke import errors
from spacy_mluke.errors import Errors, Warnings

PACKAGE = Path(spacy_mluke.__file__).parent
RANGES = re.findall(r"^    (\w+\.py) .*?((?:ML\d{3}(?: to ML\d{3})?(?:, )?)+)$", errors.__doc__, re.MULTILINE)


def codes_of(file):
    tree = ast.parse((PACKAGE / "errors" / file).read_text(encoding="utf8"))
    names = [node.targets[0].id for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return [name for name in names if re.fullmatch(r"ML\d{3}", name)]


@pytest.mark.parametrize(("file", "ranges"), RANGES, ids=[file for file, _ in RANGES])
def test_a_file_has_only_codes_of_its_ranges(file, ranges):
    allowed = set()
    for part in ranges.split(", "):
        first, last = (int(code[2:]) for code in (part.split(" to ") * 2)[:2])
        allowed.update(range(first, last + 1))
    codes = codes_of(file)
    assert codes
    assert [code for code in codes if int(code[2:]) not in allowed] == []


def test_a_code_has_one_message_and_is_used():
    codes = [code for file, _ in RANGES for code in codes_of(file)]
    assert len(codes) == len(set(codes))
    source = "".join(path.read_text(encoding="utf8") for path in PACKAGE.rglob("*.py"))
    assert set(codes) - set(re.findall(r"(?:Errors|Warnings)\.(ML\d{3})\b", source)) == set()
    assert all(
        getattr(Warnings if hasattr(Warnings, code) else Errors, code).startswith(f"[{code}] ") for code in codes
    )
