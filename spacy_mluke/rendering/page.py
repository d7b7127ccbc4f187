"""HTML pages without external files, readable on phones and in print, in light and dark."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from .markup import Html, fill

STYLE_FILE = Path(__file__).with_name("style.css")
# A page runs no scripts, and loads and sends nothing, whatever its content is. Inline styles are allowed.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark"><title>{title}</title><style>{style}</style></head><body class="mluke">
<main class="mluke-page">
{body}
</main>
</body></html>
"""


@lru_cache(maxsize=1)
def base_style() -> Html:
    """Return the style sheet of everything that this folder renders.

    RETURNS (Html): CSS.
    """
    return Html(STYLE_FILE.read_text(encoding="utf8"))


def document(title: str, style: str, body: Html) -> Html:
    """Make a page without external files, whose Content-Security-Policy forbids scripts and requests.

    title (str): Title of the page.
    style (str): More CSS, from the code.
    body (Html): The content.
    RETURNS (Html): The page.
    """
    return fill(_PAGE, policy=Html(_POLICY), title=title, style=Html(base_style() + style), body=body)
