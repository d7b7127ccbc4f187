"""Spans of the groups in `doc.spans`."""

from __future__ import annotations

from typing import List

from spacy.tokens import Doc, Span

from ..errors import Errors


def spans_of(doc: Doc, key: str) -> List[Span]:
    """Return the spans of a group.

    doc (Doc): The document.
    key (str): Key in `doc.spans`.
    RETURNS (List[Span]): The spans; empty if there is no such group.
    RAISES (ValueError): ML413 if a span is outside the document, because tokens were merged after the group was set:
        spaCy does not move the spans of groups.
    """
    if key not in doc.spans:
        return []
    try:
        return list(doc.spans[key])
    except IndexError as error:
        raise ValueError(Errors.ML413.format(key=key, n=len(doc))) from error
