"""Select spans that do not overlap, or do not cross: greedily, best first."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

Bounds = Tuple[int, int]


def pick_flat(bounds: Sequence[Bounds], n_tokens: int, existing: Sequence[Bounds]) -> List[int]:
    """Select spans greedily so that none overlap.

    bounds (Sequence[Bounds]): Token bounds, best first.
    n_tokens (int): Number of tokens in the document.
    existing (Sequence[Bounds]): Token bounds that selected spans must not overlap.
    RETURNS (List[int]): Indices of the selected spans, best first.
    """
    taken = bytearray(n_tokens)
    for start, end in existing:
        taken[start:end] = b"\1" * (end - start)
    picked = []
    for i, (start, end) in enumerate(bounds):
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            picked.append(i)
    return picked


def pick_nested(bounds: Sequence[Bounds]) -> List[int]:
    """Select spans greedily so that none cross; one may lie inside another.

    bounds (Sequence[Bounds]): Token bounds, best first.
    RETURNS (List[int]): Indices of the selected spans, best first.
    """
    ends: Dict[int, int] = {}  # start token -> furthest end of a selected span
    starts: Dict[int, int] = {}  # end token -> first start of a selected span
    picked = []
    for i, (start, end) in enumerate(bounds):
        inside = range(start + 1, end)
        if any(ends.get(token, end) > end or starts.get(token, start) < start for token in inside):
            continue
        ends[start] = max(ends.get(start, end), end)
        starts[end] = min(starts.get(end, start), start)
        picked.append(i)
    return picked
