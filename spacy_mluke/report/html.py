"""Parts of HTML pages without external files, readable on phones and in print."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import Any, Dict, Iterable, List, Sequence

from spacy import displacy

from .markup import Html, escape_text, fill, join

# Ten colours, distinct for most kinds of colour vision and light enough for dark text.
COLORS = ("#a6cee3", "#fdbf6f", "#b2df8a", "#fb9a99", "#cab2d6", "#ffe08a", "#9ad9cf", "#e6b8d7", "#c9d1a0", "#c4c4c4")
_NO_COLOR = "#dddddd"
RTL = ("ar", "fa", "he", "ur")
# An arc diagram: maximum length of its two names, their distance, and the space beside and below them.
_WORD_LENGTH = 18
_DISTANCE, _MARGIN, _WORD_SPACING = 340, 85, 30
_SIZE = re.compile(r'width="(\d+)" height="([\d.]+)"([^>]*?) style="[^"]*"')
_ID = re.compile(r"\b[0-9a-f]{32}\b")
# Placeholders for texts, because displaCy does not escape every text.
_SLOT = "\ue000{}\ue001"
_SLOTS = re.compile("\ue000([0-9]+)\ue001")
# A page runs no scripts, and loads and sends nothing, whatever its content is. Inline styles are allowed.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>{title}</title><style>{style}</style></head><body>
{body}
</body></html>
"""

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 66rem; padding: 1rem; color: #1c1c1c; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
.scroll { overflow-x: auto; }
.maps { display: flex; flex-wrap: wrap; gap: 0 2rem; } .maps section { max-width: 100%; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .3rem .45rem; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; white-space: nowrap; }
.map td { min-width: 1.6rem; text-align: center; border: 1px solid #fff; }
.map thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; font-weight: 500; white-space: nowrap; }
.map thead th.number { writing-mode: horizontal-tb; transform: none; text-align: center; }
.key { display: inline-block; padding: .05rem .45rem; border-radius: .3rem; }
.text { display: flex; gap: .75rem; border-top: 1px solid #e4e4e4; padding: .4rem 0; break-inside: avoid; }
.text > b { flex: 0 0 2rem; color: #666; font-weight: 500; }
.text .entities { flex: 1; line-height: 2.1; }
.entities { line-height: 2.5; }
mark.entity { padding: .3rem .5rem; margin: 0 .2rem; line-height: 1; border-radius: .35rem; display: inline-block; max-width: 100%; }
mark.entity span { margin-inline-start: .5rem; font-size: .8em; font-weight: bold; vertical-align: middle; }
@media print { body { max-width: none; padding: 0; } td, mark { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def document(title: str, style: str, body: Html) -> Html:
    """Make a page without external files, whose Content-Security-Policy forbids scripts and requests.

    title (str): Title of the page.
    style (str): More CSS, from the code.
    body (Html): The content.
    RETURNS (Html): The page.
    """
    return fill(_PAGE, policy=Html(_POLICY), title=title, style=Html(STYLE + style), body=body)


def heat_map(rows: Sequence[str], columns: Sequence[str], values: Any, shown: Sequence[Sequence[str]]) -> Html:
    """Make a table whose cells are darker for higher values.

    rows (Sequence[str]): Names of the rows.
    columns (Sequence[str]): Names of the columns.
    values (Floats2d): Values, clipped to 0 to 1. Shape: (n_rows, n_columns).
    shown (Sequence[Sequence[str]]): Texts of the cells.
    RETURNS (Html): The table.
    """
    head = join(fill("<th{}>{}</th>", Html(" class=number" if name.isdigit() else ""), name) for name in columns)
    lines = []
    for name, own, texts in zip(rows, values, shown, strict=True):
        cells = join(_cell(float(value), text) for value, text in zip(own, texts, strict=True))
        lines.append(fill("<tr><th>{}</th>{}</tr>", name, cells))
    return fill('<table class="map"><thead><tr><td></td>{}</tr></thead>{}</table>', head, join(lines))


def marked_text(
    text: str, spans: Iterable[Dict[str, Any]], lang: str, colors: Dict[str, str], *, kind: str = ""
) -> Html:
    """Mark spans in a text, in the style of displaCy.

    text (str): The text.
    spans (Iterable[Dict[str, Any]]): Objects with "start", "end" and "label", in text order.
    lang (str): Language of the text.
    colors (Dict[str, str]): Colours by label.
    kind (str): Another CSS class of the element.
    RETURNS (Html): The marked text.
    """
    parts: List[Html] = []
    done = 0
    for span in spans:
        parts.append(_lines(text[done : span["start"]]))
        shown = _lines(text[span["start"] : span["end"]])
        color = colors.get(span["label"], _NO_COLOR)
        parts.append(
            fill('<mark class="entity" style="background:{}">{}<span>{}</span></mark>', color, shown, span["label"])
        )
        done = max(done, span["end"])
    parts.append(_lines(text[done:]))
    direction = "rtl" if lang in RTL else "ltr"
    classes = f"entities {kind}".strip()
    return fill('<div class="{}" style="direction: {}">{}</div>', classes, direction, join(parts))


def _lines(text: str) -> Html:
    return join(text.splitlines() if "\n" in text else [text], "<br>")


def arc_diagram(head: str, tail: str, arcs: Dict[str, str]) -> Html:
    """Draw relations between two names as arcs, with displaCy.

    head (str): The name that comes first in the text.
    tail (str): The other name.
    arcs (Dict[str, str]): Labels, by kind of arc ("gold"); a label that ends with (e2,e1) points from second to first.
    RETURNS (Html): SVG; empty if no arc has a label.
    """
    labels = {kind: label for kind, label in arcs.items() if label}
    if not labels:
        return Html()
    texts = [_shortened(name) for name in (head, tail)]
    texts += [f"{kind}: {label.partition('(')[0]}" for kind, label in labels.items()]
    words = [{"text": _SLOT.format(i), "tag": ""} for i in range(2)]
    drawn = [_arc(label, _SLOT.format(i)) for i, label in enumerate(labels.values(), 2)]
    options = {
        "compact": True,
        "distance": _DISTANCE,
        "offset_x": _MARGIN,
        "word_spacing": _WORD_SPACING,
        "bg": "#ffffff",
        "font": "inherit",
    }
    svg = displacy.render(
        {"words": words, "arcs": drawn}, style="dep", manual=True, page=False, jupyter=False, options=options
    )
    svg = _SIZE.sub(partial(_cropped, n_arcs=len(drawn)), svg, count=1)
    # displaCy's ids are random; a page should be the same every time.
    content = repr((head, tail, arcs)).encode("utf8", "surrogatepass")
    svg = _ID.sub(hashlib.md5(content, usedforsecurity=False).hexdigest(), svg)
    escaped = [escape_text(text) for text in texts]
    # A function, because backslashes have a meaning in replacement strings.
    return Html(_SLOTS.sub(partial(_fill_slot, texts=escaped), svg))


def _fill_slot(slot: re.Match[str], *, texts: List[Html]) -> str:
    return texts[int(slot[1])]


def _arc(label: str, slot: str) -> Dict[str, Any]:
    direction = "left" if label.endswith("(e2,e1)") else "right"
    return {"start": 0, "end": 1, "label": slot, "dir": direction}


def _cropped(size: re.Match[str], *, n_arcs: int) -> str:
    """Fill the container's width, without the margins that displaCy leaves for longer sentences."""
    width, bottom = _DISTANCE + 2 * _MARGIN, float(size[2]) - 1.5 * _WORD_SPACING
    # The lines of compact arcs have a sixth of the words' distance.
    top = float(size[2]) - 3 * _WORD_SPACING - n_arcs * _DISTANCE / 6 - _WORD_SPACING / 2
    box = f"0 {top:.0f} {width} {bottom - top:.0f}"
    return f'viewBox="{box}"{size[3]} style="width: 100%; max-width: {width}px; color: #1c1c1c; font-family: inherit"'


def _shortened(name: str) -> str:
    return name if len(name) <= _WORD_LENGTH else name[: _WORD_LENGTH - 1] + "…"


def _cell(value: float, text: str) -> Html:
    strength = min(max(value, 0.0), 1.0)
    color = "#fff" if strength > 0.55 else "#1c1c1c"
    return fill('<td style="background:rgba(0,75,135,{:.2f});color:{}">{}</td>', strength, color, text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Make a table that scrolls horizontally if it is too wide.

    header (Sequence[str]): Names of the columns.
    rows (Iterable[Sequence[str]]): Cells, as text or Html; the first cell is the row's name.
    RETURNS (Html): The table.
    """
    head = join(fill("<th>{}</th>", name) for name in header)
    lines: List[Html] = []
    for name, *cells in rows:
        lines.append(fill("<tr><th>{}</th>{}</tr>", name, join(fill("<td>{}</td>", cell) for cell in cells)))
    return fill(
        '<div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>', head, join(lines)
    )
