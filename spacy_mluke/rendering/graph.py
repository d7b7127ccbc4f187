"""Entities and relations as a graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy

from .annotated import AnnotatedText
from .colors import assign_colors, color_class
from .entity_links import without_property
from .forces import lay_out
from .line_wrapping import shorten
from .markup import Html, fill, join
from .svg import Point, arrow_tip, drawing, plate, svg_text
from .text_direction import text_width

MAX_NODES = 40  # that are drawn: those with the most relations
_SIZE, _EDGE_SIZE = 14, 11.5  # of letters, in pixels
_HEIGHT, _ROW = 30, 40  # of a node, and of a row of nodes without relations
_MAX_NAME, _MAX_LABEL = 24, 30  # characters
# Where a label may be on its line, the best places first.
_PLACES = (0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8)
_BEND = 26  # pixels between the lines of opposite relations


@dataclass(frozen=True)
class Node:
    """An entity: all mentions with one id, or with one text and label."""

    name: str
    label: str
    kb_id: str
    n_mentions: int

    @property
    def shown(self) -> str:
        return shorten(self.name, _MAX_NAME)

    @property
    def width(self) -> float:
        return text_width(self.shown, _SIZE) + 18


@dataclass(frozen=True)
class Edge:
    """All relations from one entity to another."""

    head: int
    tail: int
    label: str


def merge(content: AnnotatedText) -> Tuple[List[Node], List[Edge]]:
    """Merge the mentions of a text into entities, and its relations into edges.

    content (AnnotatedText): The text.
    RETURNS (Tuple[List[Node], List[Edge]]): Entities in text order, and edges. A relation between two mentions of one
        entity makes no edge.
    """
    keys = [
        ("id", mention.kb_id) if mention.is_linked else ("text", content.string(i), mention.label)
        for i, mention in enumerate(content.mentions)
    ]
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    counts = Counter(keys)
    nodes: Dict[int, Node] = {}
    for i, (key, mention) in enumerate(zip(keys, content.mentions, strict=True)):
        kb_id = mention.kb_id if mention.is_linked else ""
        nodes.setdefault(numbers[key], Node(mention.name or content.string(i), mention.label, kb_id, counts[key]))
    labels: Dict[Tuple[int, int], List[str]] = {}
    for fact in content.facts:
        pair = numbers[keys[fact.head]], numbers[keys[fact.tail]]
        label = without_property(fact.label)
        if pair[0] != pair[1] and label not in labels.setdefault(pair, []):
            labels[pair].append(label)
    return list(nodes.values()), [Edge(*pair, shorten(", ".join(own), _MAX_LABEL)) for pair, own in labels.items()]


def graph_drawing(
    content: AnnotatedText, *, colors: Optional[Mapping[str, int]] = None, width: Optional[int] = None
) -> Html:
    """Draw entities and relations as a graph. The same text gives the same drawing.

    content (AnnotatedText): The text.
    colors (Optional[Mapping[str, int]]): Colours by label, from `assign_colors`; None to assign them.
    width (Optional[int]): Width in pixels; None for two drawings, for wide and for narrow pages.
    RETURNS (Html): SVG; a note without entities. Of many entities, those with the most relations are drawn, with a
        note.
    """
    if colors is None:
        colors = assign_colors(mention.label for mention in content.mentions)
    nodes, edges = merge(content)
    if not nodes:
        return Html('<p class="mluke-note">No entities.</p>')
    degrees = Counter(end for edge in edges for end in (edge.head, edge.tail))
    kept = sorted(sorted(range(len(nodes)), key=degrees.__getitem__, reverse=True)[:MAX_NODES])
    numbers = {old: new for new, old in enumerate(kept)}
    shown = [nodes[i] for i in kept]
    lines = [
        Edge(numbers[edge.head], numbers[edge.tail], edge.label)
        for edge in edges
        if edge.head in numbers and edge.tail in numbers
    ]
    name = f"Graph of {len(shown)} entities and {len(lines)} relations"
    drawn = drawing(partial(_draw, shown, lines, colors), name, width)
    if len(kept) == len(nodes):
        return drawn
    note = "Drawn are the {} entities with the most relations, of {}."
    return fill('{}<p class="mluke-note">{}</p>', drawn, note.format(len(kept), len(nodes)))


def _draw(nodes: Sequence[Node], edges: Sequence[Edge], colors: Mapping[str, int], width: int) -> Tuple[Html, float]:
    connected = sorted({end for edge in edges for end in (edge.head, edge.tail)})
    alone = [i for i in range(len(nodes)) if i not in set(connected)]
    places: Dict[int, Point] = {}
    bottom = 0.0
    if connected:
        sizes = numpy.asarray([[nodes[i].width, _HEIGHT] for i in connected], dtype="float64")
        numbers = {node: i for i, node in enumerate(connected)}
        pairs = [(numbers[edge.head], numbers[edge.tail]) for edge in edges]
        found = lay_out(sizes, pairs, [text_width(edge.label, _EDGE_SIZE) for edge in edges], width)
        places = {node: (float(x), float(y)) for node, (x, y) in zip(connected, found, strict=True)}
        bottom = float(found[:, 1].max()) + _HEIGHT / 2 + 4
    bottom = _rows(nodes, alone, places, bottom, width)
    opposite = {(edge.tail, edge.head) for edge in edges}
    lines = [_Line(places[e.head], places[e.tail], nodes[e.tail].width, (e.head, e.tail) in opposite) for e in edges]
    parts = [line.draw() for line in lines]
    taken = [(*places[i], node.width / 2, _HEIGHT / 2) for i, node in enumerate(nodes)]
    parts += [_edge_label(edge.label, line, taken, width) for edge, line in zip(edges, lines, strict=True)]
    parts += [_node(node, places[i], colors) for i, node in enumerate(nodes)]
    return join(parts), bottom


def _rows(nodes: Sequence[Node], alone: Sequence[int], places: Dict[int, Point], top: float, width: float) -> float:
    """Place nodes without relations in rows, and return where the last row ends."""
    x, y = 4.0, top + (_ROW - _HEIGHT) / 2 + (12 if top else 0)
    for i in alone:
        if x > 4 and x + nodes[i].width > width - 4:
            x, y = 4.0, y + _ROW
        places[i] = (x + nodes[i].width / 2, y + _HEIGHT / 2)
        x += nodes[i].width + 10
    return y + _HEIGHT + 5 if alone else top


@dataclass(frozen=True)
class _Line:
    """The line of an edge, a curve if there is one in the other direction, too."""

    head: Point
    tail: Point
    width: float  # of the tail's node
    is_bent: bool

    def at(self, part: float) -> Point:
        """Return a point of the line; 0 is the middle of the head's node, 1 that of the tail's."""
        (x0, y0), (x1, y1) = self.head, self.tail
        length = max(float(numpy.hypot(x1 - x0, y1 - y0)), 1.0)
        bend = _BEND if self.is_bent else 0
        control = (x0 + x1) / 2 - (y1 - y0) / length * bend, (y0 + y1) / 2 + (x1 - x0) / length * bend
        weights = ((1 - part) ** 2, 2 * part * (1 - part), part**2)
        points = (self.head, control, self.tail)
        x, y = (sum(weight * point[i] for weight, point in zip(weights, points, strict=True)) for i in (0, 1))
        return x, y

    def draw(self) -> Html:
        """Draw the line up to the side of the tail's node, with an arrow."""
        parts = numpy.linspace(0, 1, 41).tolist()
        points = [self.at(part) for part in parts]
        half = self.width / 2 + 2, _HEIGHT / 2 + 2
        outside = [p for p in points if abs(p[0] - self.tail[0]) > half[0] or abs(p[1] - self.tail[1]) > half[1]]
        shown = outside or points[:1]
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in shown)
        before = shown[-2] if len(shown) > 1 else self.head
        return fill('<path class="mluke-arc" d="{}"/>{}', path, arrow_tip(shown[-1], before))


def _edge_label(label: str, line: _Line, taken: List[Tuple[float, float, float, float]], width: float) -> Html:
    """Write a label on its line, where it covers the least of nodes and other labels."""
    half = text_width(label, _EDGE_SIZE) / 2 + 3
    best: Optional[Tuple[float, float, float]] = None
    for part in _PLACES:
        x, y = line.at(part)
        x = min(max(x, half), width - half)
        covered = sum(
            max(0.0, own + half - abs(x - left)) * max(0.0, high + 8 - abs(y - top)) for left, top, own, high in taken
        )
        if best is None or covered < best[0] - 1:
            best = covered, x, y
    assert best is not None
    _, x, y = best
    taken.append((x, y, half, 8))
    text = svg_text(x, y + 4, label, size=_EDGE_SIZE, width=2 * half - 6)
    return join((plate(x - half, y - 8, 2 * half, 16), text))


def _node(node: Node, place: Point, colors: Mapping[str, int]) -> Html:
    x, y = place
    about = [node.name, node.label, node.kb_id, f"{node.n_mentions} mentions" if node.n_mentions > 1 else ""]
    return fill(
        '<g class="{}"><title>{}</title>'
        '<rect class="mluke-box" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="15"/>{}</g>',
        color_class(node.label, colors),
        ", ".join(part for part in about if part),
        x - node.width / 2,
        y - _HEIGHT / 2,
        node.width,
        _HEIGHT,
        svg_text(x, y + 5, node.shown, size=_SIZE, width=node.width - 18),
    )
