"""Pages of the documentation: their examples, and what these print."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from tests.conftest import REPO

README = REPO / "README.md"
PAGES = sorted((REPO / "docs").rglob("*.md"))
_EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n?```text\n(?P<shown>.*?)^```$)?", re.DOTALL | re.MULTILINE)
_DECIMAL = re.compile(r"-?\d+\.\d+")


class Example(NamedTuple):
    """A block of Python in a page."""

    page: str
    line: int  # of the first line of code
    code: str
    shown: Optional[str]  # the output that the page shows


def name_of(page: Path) -> str:
    """Return the path of a page in the repository."""
    return os.path.relpath(page, REPO)


def examples_of(page: Path) -> List[Example]:
    """Return the blocks of Python of a page, each with the output shown after it."""
    text = page.read_text(encoding="utf8")
    return [
        Example(name_of(page), text.count("\n", 0, match.start("code")) + 1, match["code"], match["shown"])
        for match in _EXAMPLE.finditer(text)
    ]


def run(example: Example, names: Dict[str, Any]) -> str:
    """Execute an example, and return what it prints. Tracebacks have the line numbers of the page."""
    printed = io.StringIO()
    code = compile("\n" * (example.line - 1) + example.code, example.page, "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue()


def check_output(example: Example, printed: str) -> None:
    """Compare what an example prints with what the page shows.

    Numbers with a decimal point have the same number of digits and differ by at most 1 in the last one. All other text
    is equal, but for spaces at the ends of lines.
    """
    place = f"{example.page}:{example.line}"
    if example.shown is None:
        assert not printed, f"{place} prints this, and no ```text block shows it:\n{printed}"
        return
    message = f"{place} shows:\n{example.shown}\nand prints:\n{printed}"
    assert _without_decimals(example.shown) == _without_decimals(printed), message
    for shown, number in zip(_DECIMAL.findall(example.shown), _DECIMAL.findall(printed), strict=True):
        digits = len(shown.partition(".")[2])
        assert len(number.partition(".")[2]) == digits, message
        assert abs(float(shown) - float(number)) < 1.01 * 10**-digits, message


def _without_decimals(text: str) -> List[str]:
    return [_DECIMAL.sub("#.#", line.rstrip()) for line in text.rstrip().split("\n")]
