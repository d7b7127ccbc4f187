"""Shards that end the process that reads them: all but the records that do it are annotated."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Union

from .child import Child, Died
from .job import Shard, ShardResult

# Records of a piece that is done, or done again, by itself.
_PIECE = 64
# Records of a shard that may end a process before the shard is left: each costs two processes.
MOST_DEADLY = 20


@dataclass(frozen=True)
class Left:
    """A shard that was left."""

    shard: Shard
    reason: str


def annotate(child: Child, shard: Shard) -> Union[ShardResult, Left]:
    """Annotate a shard. When the process dies, its records are tried again one at a time, in pieces that are kept; the
    record that a process had when it died is tried once more, alone in a new process, and set aside if that one dies.

    child (Child): The process.
    shard (Shard): The shard.
    RETURNS (Union[ShardResult, Left]): What became of it. It is left if more than MOST_DEADLY of its records end their
        process.
    RAISES (ValueError): As of `Worker.annotate`.
    """
    try:
        return child.annotate(shard)
    except Died as died:
        reason = died.reason
    pieces: List[Shard] = []
    deadly: List[Dict[str, Any]] = []
    end = shard.first + shard.n_records
    waiting = deque(shard.piece(first, min(_PIECE, end - first)) for first in range(shard.first, end, _PIECE))
    while waiting:
        piece = waiting.popleft()
        try:
            child.annotate(piece, one_by_one=True)
            pieces.append(piece)
        except Died as died:
            reason = died.reason
            if piece.n_records > 1:
                waiting.extendleft(reversed(_around(piece, piece.first if died.at is None else died.at[0])))
                continue
            deadly.append(_line(piece, died))
            if len(deadly) > MOST_DEADLY:
                return Left(shard, reason)
    try:
        return child.merge(shard, pieces, deadly)
    except Died as died:
        return Left(shard, died.reason)


def _around(piece: Shard, place: int) -> List[Shard]:
    """What comes before a record, the record, and what comes after it."""
    end = piece.first + piece.n_records
    bounds = [(piece.first, place), (place, place + 1), (place + 1, end)]
    return [piece.piece(low, high - low) for low, high in bounds if low < high]


def _line(piece: Shard, died: Died) -> Dict[str, Any]:
    place, own_id, text = died.at or (piece.first, f"{Path(piece.path).name}:{piece.first}", "")
    return {"id": own_id, "error": died.reason, "file": piece.path, "place": place, "record": text}
