"""Relations as arcs above a text of any number of lines, and as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .annotated import AnnotatedText, Fact
from .colors import assign_colors, color_class
from .entity_links import property_url, without_property
from .line_wrapping import LABEL_SIZE, NO_MENTION, SIZE, Box, label_of, shorten, wrap
from .marked_text import entity_link, link
from .markup import Html, fill, join
from .svg import Point, arrow_tip, drawing, plate, rounded_path, svg_text
from .tables import table
from .text_direction import text_width

_LEVEL = 21  # pixels between arcs
_TEXT, _BELOW, _GAP = 26, 15, 12  # height of a text line's boxes, of the labels below, and of the space after them
_LANE, _MAX_LANES = 9, 10  # in the margin, for arcs between lines
_ARC_SIZE = 11.5  # of the letters on arcs
_MAX_LABEL = 32  # characters


@dataclass
class _Piece:
    """The part of an arc above one line, from one horizontal position to another."""

    fact: int
    line: int
    ends: Tuple[float, float]  # at its first and its second end, which may be on the left
    label: str = ""
    level: float = 0.0  # its upper side, in units of _LEVEL
    least: float = 0.0  # where its label may begin: beside the lines in the margin

    @property
    def half(self) -> float:
        """Half of the space that its label needs."""
        return text_width(self.label, _ARC_SIZE) / 2 + 5 if self.label else 0.0

    @property
    def rise(self) -> float:
        """Height of its label above its line, in units of _LEVEL: a label that is too long for the line is above it."""
        return 0.6 if 2 * self.half > abs(self.ends[1] - self.ends[0]) - 12 else 0.0

    @property
    def middle(self) -> float:
        """The middle of its label."""
        return max(sum(self.ends) / 2, self.least + self.half)

    @property
    def extent(self) -> Tuple[float, float]:
        """Its sides, with those of its label."""
        return min(*self.ends, self.middle - self.half), max(*self.ends, self.middle + self.half)


@dataclass
class _Arcs:
    """The arcs of a text, and the margin for those between lines."""

    pieces: List[_Piece] = field(default_factory=list)
    lanes: Dict[int, float] = field(default_factory=dict)  # by fact: its position in the margin
    heights: Dict[int, float] = field(default_factory=dict)  # by line: of the arcs above it


def arc_diagram(
    content: AnnotatedText, *, colors: Optional[Mapping[str, int]] = None, width: Optional[int] = None
) -> Html:
    """Draw a text with its relations as arcs from head to tail, wrapped into lines.

    content (AnnotatedText): The text.
    colors (Optional[Mapping[str, int]]): Colours by label, from `assign_colors`; None to assign them.
    width (Optional[int]): Width in pixels; None for two drawings, for wide and for narrow pages.
    RETURNS (Html): SVG. Relations whose mentions overlap other mentions are only in `fact_table`, with a note here.
    """
    if colors is None:
        colors = assign_colors(mention.label for mention in content.mentions)
    visible = set(content.visible())
    facts = [fact for fact in content.facts if {fact.head, fact.tail} <= visible and fact.head != fact.tail]
    name = f"Text with {len(facts)} relations as arcs; the table lists them"
    drawn = drawing(partial(_draw, content, facts, colors), name, width)
    hidden = len(content.facts) - len(facts)
    if not hidden:
        return drawn
    return fill('{}<p class="mluke-note">Not drawn, since their mentions overlap: {}.</p>', drawn, hidden)


def fact_table(content: AnnotatedText, *, kb_url_template: Optional[str] = None) -> Html:
    """Make a table of the relations of a text.

    content (AnnotatedText): The text.
    kb_url_template (Optional[str]): See `entity_url`.
    RETURNS (Html): The table; a note without relations.
    """
    if not content.facts:
        return Html('<p class="mluke-note">No relations.</p>')
    rows: List[List[str]] = []
    for fact in content.facts:
        ends = [_with_entity(content, i, kb_url_template) for i in (fact.head, fact.tail)]
        relation = link(fact.label, property_url(fact.property or fact.label))
        rows.append([ends[0], relation, ends[1], "" if fact.score is None else f"{fact.score:.2f}"])
    return table(["head", "relation", "tail", "score"], rows, kind="mluke-facts", name="Relations")


def _with_entity(content: AnnotatedText, number: int, kb_url_template: Optional[str]) -> Html:
    entity = entity_link(content, number, kb_url_template)
    mention, name = content.string(number), content.mentions[number].name
    return fill("<bdi>{}</bdi>{}{}", mention, " · " if entity and name not in (None, "", mention) else " ", entity)


def _draw(content: AnnotatedText, facts: Sequence[Fact], colors: Mapping[str, int], width: int) -> Tuple[Html, float]:
    margin = 0.0
    boxes = wrap(content, width - 8)
    main = _main_boxes(boxes)
    crossing = sum(main[fact.head].line != main[fact.tail].line for fact in facts)
    if crossing:
        margin = _LANE * min(crossing, _MAX_LANES) + 6
        boxes = wrap(content, width - 8 - margin)
    for box in boxes:
        box.start += margin + 1
    main = _main_boxes(boxes)
    arcs = _place([(main[fact.head], main[fact.tail]) for fact in facts], facts, margin)
    labelled_lines = {box.line for box in main.values()}
    tops: List[float] = []
    y = 2.0
    for line in range(1 + max((box.line for box in boxes), default=-1)):
        y += arcs.heights.get(line, 0.0)
        tops.append(y)
        y += _TEXT + _GAP + (_BELOW if line in labelled_lines else 0)
    mirror = width if content.direction == "rtl" else 0
    labelled = {id(box) for box in main.values()}
    parts = [_box(content, box, tops[box.line], colors, mirror, is_labelled=id(box) in labelled) for box in boxes]
    parts += [_arc(arcs, i, tops, mirror) for i in range(len(facts))]
    # Labels last: no arc may cross them.
    parts += [_arc_label(piece, tops, mirror) for piece in arcs.pieces]
    return join(parts), y


def _main_boxes(boxes: Sequence[Box]) -> Dict[int, Box]:
    """Return the widest box of each mention: its label is below it, and its arcs begin and end there."""
    found: Dict[int, Box] = {}
    for box in boxes:
        if box.mention != NO_MENTION and (box.mention not in found or box.width > found[box.mention].width):
            found[box.mention] = box
    return found


def _place(ends: Sequence[Tuple[Box, Box]], facts: Sequence[Fact], margin: float) -> _Arcs:
    """Place arcs; `ends` are the boxes of head and tail of each."""
    arcs = _Arcs()
    crossing = {i: abs(head.line - tail.line) for i, (head, tail) in enumerate(ends) if head.line != tail.line}
    n_lanes = min(len(crossing), _MAX_LANES)
    # The longest are outside.
    for lane, i in enumerate(sorted(crossing, key=crossing.__getitem__, reverse=True)):
        arcs.lanes[i] = 3.0 + (margin - 6) / n_lanes * (lane % n_lanes)
    places = _attach(ends, arcs.lanes)
    for i, (head, tail) in enumerate(ends):
        label = shorten(without_property(facts[i].label), _MAX_LABEL)
        if i in arcs.lanes:
            pieces = [
                _Piece(i, head.line, (places[i, 0], arcs.lanes[i]), least=arcs.lanes[i]),
                _Piece(i, tail.line, (arcs.lanes[i], places[i, 1]), least=arcs.lanes[i]),
            ]
            max(pieces, key=_length).label = label
        else:
            pieces = [_Piece(i, head.line, (places[i, 0], places[i, 1]), label)]
        arcs.pieces.extend(pieces)
    _stack(arcs)
    return arcs


def _length(piece: _Piece) -> float:
    return abs(piece.ends[1] - piece.ends[0])


def _attach(ends: Sequence[Tuple[Box, Box]], lanes: Mapping[int, float]) -> Dict[Tuple[int, int], float]:
    """Distribute the ends of arcs over their mentions, so that few cross: by fact and side (0: head, 1: tail)."""
    by_box: Dict[int, List[Tuple[Tuple[bool, float], int, int, Box]]] = {}
    for i, pair in enumerate(ends):
        for side in (0, 1):
            own = pair[side]
            other = lanes[i] if i in lanes else pair[1 - side].middle
            goes_right = other > own.middle
            # To the start: nearest first. To the end: farthest first.
            by_box.setdefault(id(own), []).append(((goes_right, -other), i, side, own))
    places: Dict[Tuple[int, int], float] = {}
    for found in by_box.values():
        for k, (_, i, side, own) in enumerate(sorted(found, key=_key)):
            places[i, side] = own.start + own.width * (k + 1) / (len(found) + 1)
    return places


def _key(item: Tuple[Tuple[bool, float], int, int, Box]) -> Tuple[Tuple[bool, float], int, int]:
    return item[:3]


def _stack(arcs: _Arcs) -> None:
    """Give each piece the lowest level above all shorter ones that it covers."""
    placed: Dict[int, List[_Piece]] = {}
    for piece in sorted(arcs.pieces, key=_length):
        others = placed.setdefault(piece.line, [])
        start, end = piece.extent
        below = [other.level for other in others if other.extent[0] < end and start < other.extent[1]]
        piece.level = 1 + piece.rise + max(below, default=0)
        others.append(piece)
        arcs.heights[piece.line] = max(arcs.heights.get(piece.line, 0.0), _LEVEL * piece.level + 9)


def _mirrored(x: float, width: float) -> float:
    """Return a position from the left; `width` is 0 for text from left to right."""
    return width - x if width else x


def _box(
    content: AnnotatedText, box: Box, top: float, colors: Mapping[str, int], width: float, *, is_labelled: bool
) -> Html:
    middle = _mirrored(box.middle, width)
    direction = content.direction
    fitted = text_width(box.text, SIZE)
    if box.mention == NO_MENTION:
        return svg_text(middle, top + 18, box.text, size=SIZE, width=fitted, direction=direction)
    mention = content.mentions[box.mention]
    label = label_of(content, box.mention) if is_labelled else ""
    label_width = min(text_width(label, LABEL_SIZE), box.width)
    return fill(
        '<g class="{}" data-mention="{}"><title>{}</title>'
        '<rect class="mluke-box" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="5"/>{}{}</g>',
        color_class(mention.label, colors),
        box.mention,
        " ".join(part for part in (content.string(box.mention), mention.name, mention.kb_id) if part),
        middle - box.width / 2,
        top,
        box.width,
        _TEXT,
        svg_text(middle, top + 18, box.text, size=SIZE, width=fitted, direction=direction),
        svg_text(middle, top + _TEXT + 12, label, size=LABEL_SIZE, width=label_width) if label else Html(),
    )


def _arc(arcs: _Arcs, fact: int, tops: Sequence[float], width: float) -> Html:
    """Draw the line of an arc, from its head up, along its level, and down to its tail."""
    points: List[Point] = []
    for piece in arcs.pieces:
        if piece.fact == fact:
            height = tops[piece.line] - _LEVEL * (piece.level - piece.rise)
            points += [(_mirrored(x, width), height) for x in piece.ends]
    own = [piece for piece in arcs.pieces if piece.fact == fact]
    start = (points[0][0], tops[own[0].line])
    end = (points[-1][0], tops[own[-1].line] - 1)
    path = rounded_path([start, *points, end])
    return fill('<path class="mluke-arc" d="{}"/>{}', path, arrow_tip(end, (end[0], end[1] - 10)))


def _arc_label(piece: _Piece, tops: Sequence[float], width: float) -> Html:
    if not piece.label:
        return Html()
    own = text_width(piece.label, _ARC_SIZE)
    middle = _mirrored(piece.middle, width)
    y = tops[piece.line] - _LEVEL * piece.level
    text = svg_text(middle, y + 4, piece.label, size=_ARC_SIZE, width=own)
    return join((plate(middle - own / 2 - 4, y - 8, own + 8, 16), text))
