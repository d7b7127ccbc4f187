"""Spans of a text that are masked."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from ..annotate.fillers import Chars, find_markers
from ..errors import Errors
from .problems import Problem


def put_masks(text: str, masks: Sequence[Chars], marker: str) -> Tuple[str, List[Chars]]:
    """Replace spans of a text by the marker of masks.

    text (str): The text, which may contain the marker already.
    masks (Sequence[Chars]): First character and end of each span.
    marker (str): The marker.
    RETURNS (Tuple[str, List[Chars]]): The text with a marker for every mask, and the masks' places in the original
        text, in order.
    RAISES (Problem): ML448 for spans that overlap each other or a marker, are empty, or outside the text.
    """
    places = sorted([*masks, *find_markers(text, marker)])
    parts, last = [], (0, 0)
    for place in places:
        if not last[1] <= place[0] < place[1] <= len(text):
            raise Problem(422, Errors.ML448.format(first=list(last), second=list(place)))
        parts += [text[last[1] : place[0]], marker]
        last = place
    return "".join([*parts, text[last[1] :]]), places
