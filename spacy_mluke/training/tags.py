"""Tags of tokens, such as B-PER, to spans: IOB1, IOB2 (BIO), BIOES and BILOU alike."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

# What a tag's first letter says about a span: whether it begins there, and whether it ends.
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
    """Take a tag apart.

    tag (str): Such as "B-PER" or "O".
    RETURNS (Optional[Tuple[str, str]]): Letter and label, ("O", "") outside of spans; None if it is no tag.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, label = tag.partition("-")
    return (prefix, label) if dash and label and prefix in _PREFIXES else None


def tagged_spans(tags: Sequence[str]) -> List[Tuple[int, int, str]]:
    """The spans that tags describe.

    A tag that goes on with a span begins one where there is none of its label to go on with: so IOB1, where "B" stands
    only between neighbours of one label, reads as IOB2 does.

    tags (Sequence[str]): A tag for each token, as `parse_tag` takes them.
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
