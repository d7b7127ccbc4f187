"""Lines of a text for drawings: which mention or other text is where, by estimated widths."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Iterator, List, Tuple

from .annotated import AnnotatedText
from .text_direction import text_width

SIZE = 16  # of the text's letters, in pixels
LABEL_SIZE = 11
PADDING = 5  # beside a mention's text, inside its box
NO_MENTION = -1
_WORD = re.compile(r"\s*\S+\s*|\s+")
_CLOSING = ("Pe", "Pf", "Po")  # kinds of punctuation
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")


@dataclass
class Box:
    """A mention, or text between mentions, on one line."""

    text: str
    mention: int  # its number; NO_MENTION for other text
    line: int
    start: float  # pixels from the side where lines start
    width: float

    @property
    def middle(self) -> float:
        return self.start + self.width / 2


@dataclass
class _Unit:
    """Text that is not broken."""

    text: str
    mention: int
    before: float = 0.0  # space inside the mention's box
    after: float = 0.0

    @property
    def width(self) -> float:
        return text_width(self.text, SIZE) + self.before + self.after


def wrap(content: AnnotatedText, width: float) -> List[Box]:
    """Wrap a text into lines.

    content (AnnotatedText): The text.
    width (float): Width of a line, in pixels.
    RETURNS (List[Box]): The boxes, in text order. A mention that is longer than a line has several.
    """
    boxes: List[Box] = []
    line, position = 0, 0.0
    ended = False  # whether the next box begins another line
    for unit in _units(content, width):
        if unit is None:
            ended = position > 0
            continue
        text = unit.text
        needed = unit.width - text_width(text[len(text.rstrip()) :], SIZE)
        # A full stop stays beside its word, also where that is a mention.
        is_bound = all(unicodedata.category(one) in _CLOSING for one in text.rstrip()) and not text.isspace()
        if ended or (position > 0 and position + needed > width and not is_bound):
            line, position, ended = line + 1, 0.0, False
        if position == 0 and unit.mention == NO_MENTION:
            text = text.lstrip()
        if not text:
            continue
        own = text_width(text, SIZE) + unit.before + unit.after
        last = boxes[-1] if boxes else None
        if last is not None and last.line == line and last.mention == unit.mention:
            last.text += text
            last.width = position + own - last.start
        else:
            boxes.append(Box(text, unit.mention, line, position, own))
        position += own
    for box in boxes:
        # Spaces at the end are not drawn.
        kept = box.text.rstrip()
        box.width -= text_width(box.text[len(kept) :], SIZE)
        box.text = kept
    return [box for box in boxes if box.text]


def label_of(content: AnnotatedText, number: int) -> str:
    """Return what is written below a mention: its label, and the id of its entity.

    content (AnnotatedText): The text.
    number (int): Number of the mention.
    RETURNS (str): The text; long ones are shortened.
    """
    mention = content.mentions[number]
    return shorten(f"{mention.label} {mention.kb_id if mention.is_linked else ''}".strip(), 30)


def shorten(text: str, length: int) -> str:
    """Return a text on one line, shortened to a number of characters.

    text (str): The text.
    length (int): Maximum number of characters.
    RETURNS (str): The text, with "…" at its end if it was longer.
    """
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _units(content: AnnotatedText, width: float) -> Iterator[_Unit | None]:
    """Yield the units of a text; None ends a line."""
    done = 0
    for i in content.visible():
        mention = content.mentions[i]
        yield from _split(content.text[done : mention.start], NO_MENTION, width)
        own = [_Unit(content.string(i), i)]
        if own[0].width > 0.9 * width:
            own = [unit for unit in _split(own[0].text, i, width) if unit]
        if own:
            missing = text_width(label_of(content, i), LABEL_SIZE) - sum(unit.width for unit in own)
            own[0].before = own[-1].after = max(PADDING, missing / 2)
            yield from own
        done = mention.end
    yield from _split(content.text[done:], NO_MENTION, width)


def _split(text: str, mention: int, width: float) -> Iterator[_Unit | None]:
    for i, line in enumerate(_LINE_END.split(text)):
        if i:
            yield None
        for word in _WORD.findall(line):
            for part in _parts(word, width):
                yield _Unit(part, mention)


def _parts(word: str, width: float) -> Iterator[str]:
    """Split text without spaces at wide characters, and words that are longer than a line anywhere."""
    start, used = 0, 0.0
    for i, character in enumerate(word):
        own = text_width(character, SIZE)
        is_breakable = i > start and own > 0 and not unicodedata.category(character).startswith(("P", "Z", "M"))
        # A word that is still too long has a part for each two thirds of a line.
        if is_breakable and (_is_wide(character) or _is_wide(word[i - 1]) or used + own > width * 2 / 3):
            yield word[start:i]
            start, used = i, 0.0
        used += own
    yield word[start:]


def _is_wide(character: str) -> bool:
    kind: Tuple[str, str] = unicodedata.east_asian_width(character), unicodedata.category(character)
    return kind[0] in ("W", "F") and not kind[1].startswith("P")
