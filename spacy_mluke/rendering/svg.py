"""Parts of SVG drawings."""

from __future__ import annotations

import math
from typing import Callable, List, Optional, Sequence, Tuple

from .markup import Html, fill, join

Point = Tuple[float, float]
WIDE, NARROW = 760, 340  # pixels: for desktops, and for phones
_RADIUS = 7  # of rounded corners


def drawing(draw: Callable[[int], Tuple[Html, float]], name: str, width: Optional[int] = None) -> Html:
    """Make a drawing for wide and one for narrow pages; the style sheet shows one of them.

    draw (Callable[[int], Tuple[Html, float]]): Function that takes the width in pixels, and returns the content and its
        height.
    name (str): Description for screen readers.
    width (Optional[int]): Width, for one drawing only.
    RETURNS (Html): SVG.
    """
    sizes = [(WIDE, "mluke-wide"), (NARROW, "mluke-narrow")] if width is None else [(width, "")]
    return join(_svg(*draw(size), size, kind, name) for size, kind in sizes)


def _svg(content: Html, height: float, width: int, kind: str, name: str) -> Html:
    return fill(
        '<svg class="mluke-drawing {}" viewBox="0 0 {} {:.0f}" width="{}" height="{:.0f}" role="img" aria-label="{}">'
        "{}</svg>",
        kind,
        width,
        height,
        width,
        height,
        name,
        content,
    )


def svg_text(x: float, y: float, text: str, *, size: float, width: Optional[float] = None, direction: str = "") -> Html:
    """Write a text, centred.

    x (float): Its middle.
    y (float): Its baseline.
    text (str): The text.
    size (float): Size of the letters.
    width (Optional[float]): The width that it is fitted into; None for its natural width.
    direction (str): "rtl" or "ltr".
    RETURNS (Html): SVG.
    """
    fitted = fill(' textLength="{:.1f}" lengthAdjust="spacingAndGlyphs"', width) if width else Html()
    turned = fill(' direction="{}"', direction) if direction else Html()
    return fill(
        '<text x="{:.1f}" y="{:.1f}" font-size="{}" text-anchor="middle"{}{}>{}</text>',
        x,
        y,
        size,
        fitted,
        turned,
        text,
    )


def rounded_path(points: Sequence[Point]) -> str:
    """Return the path along points, with rounded corners.

    points (Sequence[Point]): At least two points.
    RETURNS (str): The path's "d".
    """
    parts: List[str] = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{start[0]:.1f},{start[1]:.1f}Q{corner[0]:.1f},{corner[1]:.1f} {end[0]:.1f},{end[1]:.1f}")
    parts.append(f"L{points[-1][0]:.1f},{points[-1][1]:.1f}")
    return "".join(parts)


def arrow_tip(end: Point, before: Point) -> Html:
    """Draw the tip of an arrow.

    end (Point): Where it points.
    before (Point): Another point of its line.
    RETURNS (Html): SVG.
    """
    angle = math.atan2(end[1] - before[1], end[0] - before[0])
    corners = [end]
    corners += [(end[0] - 8 * math.cos(angle + turn), end[1] - 8 * math.sin(angle + turn)) for turn in (0.45, -0.45)]
    return fill('<polygon class="mluke-tip" points="{}"/>', " ".join(f"{x:.1f},{y:.1f}" for x, y in corners))


def plate(x: float, y: float, width: float, height: float) -> Html:
    """Draw a rectangle of the background's colour, for a text on a line.

    x (float): Its left side.
    y (float): Its upper side.
    width (float): Its width.
    height (float): Its height.
    RETURNS (Html): SVG.
    """
    return fill('<rect class="mluke-plate" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>', x, y, width, height)


def _towards(corner: Point, other: Point) -> Point:
    length = math.dist(corner, other)
    if not length:
        return corner
    part = min(_RADIUS, length / 2) / length
    return corner[0] + part * (other[0] - corner[0]), corner[1] + part * (other[1] - corner[1])
