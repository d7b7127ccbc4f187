"""Positions of a graph's nodes: a force-directed layout without random numbers."""

from __future__ import annotations

import math
from typing import Dict, List, Sequence, Tuple

import numpy

from ..types import Floats1d, Floats2d, Ints2d

_STEPS = 120
_GAPS = numpy.asarray([28.0, 40.0])  # pixels between nodes, beside and above each other
_ARROW = 34.0  # pixels beside the label of an edge between two nodes
_MARGIN = 4.0


def lay_out(sizes: Floats2d, edges: Sequence[Tuple[int, int]], labels: Sequence[float], width: float) -> Floats2d:
    """Place nodes so that connected ones are close and none overlap (Fruchterman and Reingold, 1991).

    Each connected part of the graph is placed alone; the parts are beside or below each other, the largest first.

    sizes (Floats2d): Width and height of each node, in pixels. Shape: (n_nodes, 2).
    edges (Sequence[Tuple[int, int]]): Pairs of connected nodes.
    labels (Sequence[float]): Width of the label of each edge.
    width (float): Width of the drawing.
    RETURNS (Floats2d): Middle of each node. Shape: (n_nodes, 2), float64.
    """
    places = numpy.zeros((len(sizes), 2))
    left = top = bottom = 0.0
    for nodes in _components(len(sizes), edges):
        numbers = {node: i for i, node in enumerate(nodes)}
        inside = [i for i, (head, _) in enumerate(edges) if head in numbers]
        pairs = [(numbers[edges[i][0]], numbers[edges[i][1]]) for i in inside]
        own = sizes[nodes]
        needed = _distances(own, pairs, [labels[i] for i in inside])
        found = _place(own, numpy.asarray(pairs, dtype="int64").reshape((-1, 2)), needed, width)
        extent = (found + own / 2).max(axis=0) + _MARGIN
        if left and left + extent[0] > width:
            left, top = 0.0, bottom
        places[nodes] = found + (left, top)
        left += float(extent[0]) + _GAPS[0]
        bottom = max(bottom, top + float(extent[1]) + _GAPS[1] / 2)
    return places


def _components(n: int, edges: Sequence[Tuple[int, int]]) -> List[List[int]]:
    """Return the connected parts of a graph, the largest first."""
    part = list(range(n))
    for head, tail in edges:
        old, new = part[head], part[tail]
        part = [new if own == old else own for own in part]
    found: Dict[int, List[int]] = {}
    for node, own in enumerate(part):
        found.setdefault(own, []).append(node)
    return sorted(found.values(), key=len, reverse=True)


def _distances(sizes: Floats2d, pairs: Sequence[Tuple[int, int]], labels: Sequence[float]) -> Floats2d:
    """Return the least distance of nodes beside and above each other. Shape: (n_nodes, n_nodes, 2)."""
    needed = (sizes[:, None] + sizes[None]) / 2 + _GAPS
    for (head, tail), label in zip(pairs, labels, strict=True):
        beside = (sizes[head, 0] + sizes[tail, 0]) / 2 + label + _ARROW
        for one, other in ((head, tail), (tail, head)):
            needed[one, other, 0] = max(needed[one, other, 0], beside)
    return needed


def _place(sizes: Floats2d, pairs: Ints2d, needed: Floats2d, width: float) -> Floats2d:
    """Place the nodes of a connected graph, beginning at (0, 0)."""
    n = len(sizes)
    # A grid with this space for each node has room for them and for labels. More edges than nodes need more.
    column, row = float(sizes[:, 0].mean()) + 90, float(sizes[:, 1].mean()) + 1.3 * float(_GAPS[1])
    n_cells = max(n, round(1.5 * len(pairs)))
    n_columns = max(1, min(round(width / column), math.ceil(math.sqrt(1.8 * n_cells))))
    n_rows = math.ceil(n_cells / n_columns)
    area = numpy.asarray([min(width, n_columns * column), max(1.2 * n_rows, min(n - 1, 2)) * row])
    # On a spiral around the middle, in the order of the text.
    turns = 2.4 * numpy.arange(n)
    radii = 0.4 * numpy.sqrt((numpy.arange(n) + 0.5) / n)[:, None]
    # Nodes are wider than high: distances are measured in units of the area's sides.
    scale = area / math.sqrt(area.prod())
    points = (area / 2 + radii * area * numpy.stack([numpy.cos(turns), numpy.sin(turns)], axis=1)) / scale
    ideal = 0.8 * math.sqrt(area.prod() / n)
    for step in range(_STEPS):
        moves = _repulsion(points, ideal) + _attraction(points, pairs, ideal)
        lengths = numpy.maximum(numpy.linalg.norm(moves, axis=1, keepdims=True), 1e-9)
        points = points + moves / lengths * numpy.minimum(lengths, ideal * 0.25 * (1 - step / _STEPS))
    places = _separate(_stretch(points * scale, sizes, area), sizes, needed, width)
    return places - (places - sizes / 2).min(axis=0) + _MARGIN


def _repulsion(points: Floats2d, ideal: float) -> Floats2d:
    between = points[:, None] - points[None]
    squares = numpy.maximum((between**2).sum(axis=2), 1.0)
    return (between * (ideal**2 / squares)[:, :, None]).sum(axis=1)


def _attraction(points: Floats2d, pairs: Ints2d, ideal: float) -> Floats2d:
    moves = numpy.zeros_like(points)
    between = points[pairs[:, 1]] - points[pairs[:, 0]]
    pulls = between * (numpy.linalg.norm(between, axis=1, keepdims=True) / ideal)
    numpy.add.at(moves, pairs[:, 0], pulls)
    numpy.add.at(moves, pairs[:, 1], -pulls)
    return moves


def _stretch(places: Floats2d, sizes: Floats2d, area: Floats1d) -> Floats2d:
    """Let the nodes fill an area."""
    spread = numpy.maximum(places.max(axis=0) - places.min(axis=0), 1.0)
    room = numpy.maximum(area - sizes.max(axis=0) - 2 * _MARGIN, 1.0)
    return (places - places.min(axis=0)) * numpy.minimum(room / spread, 4.0) + sizes.max(axis=0) / 2 + _MARGIN


def _separate(places: Floats2d, sizes: Floats2d, needed: Floats2d, width: float) -> Floats2d:
    """Push nodes apart that are too close, along the side that needs less; all stay within the width."""
    places = places.copy()
    low = sizes[:, 0] / 2 + _MARGIN
    high = numpy.maximum(width - low, low)
    # Which of two nodes goes up: the lower number, if they are at one place.
    order = numpy.sign(numpy.arange(len(places))[:, None] - numpy.arange(len(places))[None])[:, :, None]
    for _ in range(200):
        places[:, 0] = numpy.clip(places[:, 0], low, high)
        between = places[:, None] - places[None]
        overlap = needed - numpy.abs(between)
        close = (overlap > 0.5).all(axis=2) & (order[:, :, 0] != 0)
        if not close.any():
            break
        signs = numpy.where(between == 0, order, numpy.sign(between))
        is_beside = (overlap[:, :, 0] < overlap[:, :, 1]) & close
        moves = signs * overlap * numpy.stack([is_beside, ~is_beside & close], axis=2)
        places += 0.35 * moves.sum(axis=1)
    places[:, 0] = numpy.clip(places[:, 0], low, high)
    return places
