"""Convert tags of tokens, such as B-PER, to spans: IOB1, IOB2 (BIO), BIOES and BILOU."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

# First letter of a tag -> (whether a span begins there, whether it ends there).
_PREFIXES = {
    "B": (True, False),
    "I": (False, False),
    "M": (False, False),
    "E": (False, True),
    "L": (False, True),
    "S": (True, True),
    "U": (True, True),
}
OUTSIDE = "O"


def parse_tag(tag: str) -> Optional[Tuple[str, str]]:
    """Split a tag into its letter and its label.

    tag (str): Such as "B-PER" or "O".
    RETURNS (Optional[Tuple[str, str]]): Letter and label; ("O", "") outside of spans; None if it is not a tag.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, label = tag.partition("-")
    return (prefix, label) if dash and label and prefix in _PREFIXES else None


def tagged_spans(tags: Sequence[str]) -> List[Tuple[int, int, str]]:
    """Return the spans that tags describe.

    A tag that continues a span begins a new one if there is no open span of its label. So IOB1, which uses "B" only
    between two adjacent spans of one label, is read correctly, too.

    tags (Sequence[str]): One tag for each token, as in `parse_tag`.
    RETURNS (List[Tuple[int, int, str]]): First token, end and label of each span, in text order.
    """
    spans: List[Tuple[int, int, str]] = []
    start, open_label = 0, ""
    for i, tag in enumerate(tags):
        prefix, label = parse_tag(tag) or (OUTSIDE, "")
        begins, ends = _PREFIXES.get(prefix, (True, False))
        if open_label and (begins or label != open_label):
            spans.append((start, i, open_label))
            open_label = ""
        if label and not open_label:
            start, open_label = i, label
        if ends:
            spans.append((start, i + 1, open_label))
            open_label = ""
    if open_label:
        spans.append((start, len(tags), open_label))
    return spans
