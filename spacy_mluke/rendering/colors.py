"""Colours of labels: classes of the style sheet."""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, Set
from zlib import crc32

from .markup import Html, fill, join

N_COLORS = 10  # style.css has them: .mluke-0 to .mluke-9
_NONE = N_COLORS - 1  # grey, also for mentions without a label


def assign_colors(labels: Iterable[str]) -> Dict[str, int]:
    """Assign a colour to each label: different ones, as long as there are enough, and mostly the same everywhere.

    labels (Iterable[str]): The labels.
    RETURNS (Dict[str, int]): Number of the colour, by label.
    """
    found: Dict[str, int] = {}
    taken: Set[int] = set()
    for label in sorted(set(labels) - {""}):
        first = crc32(label.encode("utf8", "surrogatepass")) % _NONE
        order = [*((first + i) % _NONE for i in range(_NONE)), _NONE]
        found[label] = next((color for color in order if color not in taken), first)
        taken.add(found[label])
    return found


def color_class(label: str, colors: Mapping[str, int]) -> str:
    """Return the CSS class of a label's colour.

    label (str): The label.
    colors (Mapping[str, int]): From `assign_colors`.
    RETURNS (str): The class.
    """
    return f"mluke-{colors.get(label, _NONE)}"


def legend(colors: Mapping[str, int], name: str = "Labels") -> Html:
    """Make a list of labels with their colours.

    colors (Mapping[str, int]): From `assign_colors`.
    name (str): Name of the list for screen readers.
    RETURNS (Html): The list; empty without labels.
    """
    if not colors:
        return Html()
    keys = join(fill('<li class="mluke-key {}">{}</li>', color_class(label, colors), label) for label in colors)
    return fill('<ul class="mluke-keys" aria-label="{}">{}</ul>', name, keys)
