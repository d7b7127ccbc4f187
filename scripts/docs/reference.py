"""Fill the pages of `docs/reference/` at build time: `<!-- generated: NAME -->` stands for what NAME renders."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.docs.commands import render_commands
from scripts.docs.functions import render_components, render_functions
from scripts.docs.messages import render_messages

RENDERERS: Dict[str, Callable[[], str]] = {
    "commands": render_commands,
    "components": render_components,
    "functions": render_functions,
    "messages": render_messages,
}
_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with its generated parts.

    markdown (str): Source of the page.
    RETURNS (str): The source to render.
    """
    return _MARK.sub(lambda match: RENDERERS[match[1]](), markdown)
