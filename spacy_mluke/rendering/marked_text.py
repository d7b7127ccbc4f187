"""A text with its mentions marked, and a table of them."""

from __future__ import annotations

import re
from typing import List, Mapping, Optional

from .annotated import AnnotatedText
from .colors import assign_colors, color_class
from .entity_links import entity_url
from .markup import Html, fill, join
from .tables import table
from .text_direction import text_width

_MAX_UNBROKEN = 290  # pixels: a mention and its label stay on one line if they fit on a phone's
_SIZE, _SMALL = 16, 11
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")


def marked_text(
    content: AnnotatedText, *, colors: Optional[Mapping[str, int]] = None, kb_url_template: Optional[str] = None
) -> Html:
    """Mark the mentions of a text, each with its label and a link to its entity.

    content (AnnotatedText): The text. Of overlapping mentions only the first, the longest, is marked.
    colors (Optional[Mapping[str, int]]): Colours by label, from `assign_colors`; None to assign them.
    kb_url_template (Optional[str]): See `entity_url`.
    RETURNS (Html): The text. The element of a mention has its number in `data-mention`.
    """
    if colors is None:
        colors = assign_colors(mention.label for mention in content.mentions)
    parts: List[Html] = []
    done = 0
    for i in content.visible():
        mention = content.mentions[i]
        parts.append(_lines(content.text[done : mention.start]))
        parts.append(_mark(content, i, colors, kb_url_template))
        done = mention.end
    parts.append(_lines(content.text[done:]))
    return fill(
        '<div class="mluke-text" dir="{}"{}>{}</div>', content.direction, lang_attribute(content.lang), join(parts)
    )


def mention_table(content: AnnotatedText, *, kb_url_template: Optional[str] = None) -> Html:
    """Make a table of all mentions of a text.

    content (AnnotatedText): The text.
    kb_url_template (Optional[str]): See `entity_url`.
    RETURNS (Html): The table; empty without mentions.
    """
    if not content.mentions:
        return Html()
    has = {
        "entity": any(mention.is_linked for mention in content.mentions),
        "types": any(mention.types for mention in content.mentions),
        "score": any(mention.score is not None for mention in content.mentions),
    }
    rows: List[List[str]] = []
    for i, mention in enumerate(content.mentions):
        cells = {
            "entity": entity_link(content, i, kb_url_template),
            "types": ", ".join(_with_score(label, score) for label, score in mention.types),
            "score": "" if mention.score is None else f"{mention.score:.2f}",
        }
        first = fill("<bdi>{}</bdi>", content.string(i))
        rows.append([first, mention.label, *(cells[name] for name in cells if has[name])])
    header = ["mention", "label", *(name for name in has if has[name])]
    return table(header, rows, kind="mluke-facts", name="Mentions")


def entity_link(content: AnnotatedText, number: int, kb_url_template: Optional[str] = None) -> Html:
    """Link to the entity of a mention, with its id, and its name if the mention is another one.

    content (AnnotatedText): The text.
    number (int): Number of the mention.
    kb_url_template (Optional[str]): See `entity_url`.
    RETURNS (Html): The link; plain text if the id has no page, empty if the mention is not linked.
    """
    mention = content.mentions[number]
    if not mention.is_linked:
        return Html()
    name = fill("<bdi>{}</bdi> ", mention.name) if mention.name not in ("", content.string(number)) else Html()
    return fill("{}{}", name, link(mention.kb_id, entity_url(mention.kb_id, kb_url_template)))


def link(text: str, url: str, title: str = "") -> Html:
    """Make a link that opens in a new tab.

    text (str): Its text.
    url (str): Its address; "" for no link.
    title (str): A longer text, shown under the pointer.
    RETURNS (Html): The link, or the text.
    """
    if not url:
        return fill("{}", text) if not title else fill('<span title="{}">{}</span>', title, text)
    more = fill(' title="{}"', title) if title else Html()
    return fill('<a href="{}" target="_blank" rel="noopener noreferrer"{}>{}</a>', url, more, text)


def lang_attribute(lang: str) -> Html:
    """Return the attribute that names a language; empty for no language, or spaCy's "xx" for any."""
    return fill(' lang="{}"', lang) if lang not in ("", "xx") else Html()


def _mark(content: AnnotatedText, number: int, colors: Mapping[str, int], kb_url_template: Optional[str]) -> Html:
    mention = content.mentions[number]
    text = content.text[mention.start : mention.end]
    label = fill('<span class="mluke-label">{}</span>', mention.label) if mention.label else Html()
    target = Html()
    if mention.is_linked:
        types = ", ".join(label for label, _ in mention.types)
        title = ": ".join(part for part in (mention.name, types) if part)
        target = link(mention.kb_id, entity_url(mention.kb_id, kb_url_template), title)
    more = join((part for part in (label, target) if part), " ")
    small = f"{mention.label} {mention.kb_id if mention.is_linked else ''}"
    is_short = text_width(text, _SIZE) + text_width(small, _SMALL) <= _MAX_UNBROKEN and "\n" not in text
    return fill(
        '<mark class="mluke-mention {}{}" data-mention="{}">{}{}</mark>',
        color_class(mention.label, colors),
        " mluke-short" if is_short else "",
        number,
        _lines(text),
        fill("<small><bdi>{}</bdi></small>", more) if more else Html(),
    )


def _lines(text: str) -> Html:
    return join(_LINE_END.split(text), "<br>")


def _with_score(label: str, score: Optional[float]) -> str:
    return label if score is None else f"{label} {score:.2f}"
