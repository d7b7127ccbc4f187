"""Crash recovery: if a shard crashes the worker process, find the records that do it, and annotate all others."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Union

from .job import Shard, ShardResult
from .worker_process import WorkerDied, WorkerProcess

_PIECE_SIZE = 64  # records of a piece, which is annotated again as a whole if it crashes the process
# Maximum number of crashing records before the shard is skipped: each of them crashes two processes.
MAX_CRASHING_RECORDS = 20


@dataclass(frozen=True)
class CrashingShard:
    """A shard that is skipped because it crashes the worker process."""

    shard: Shard
    reason: str


def annotate(process: WorkerProcess, shard: Shard) -> Union[ShardResult, CrashingShard]:
    """Annotate a shard, with crash recovery.

    If the worker process dies, the records are annotated one at a time, in pieces that are saved. The record that a
    process read last is tried once more, alone in a new process. If that dies, too, the record is a bad record.

    process (WorkerProcess): The process.
    shard (Shard): The shard.
    RETURNS (Union[ShardResult, CrashingShard]): The result; a CrashingShard if more than MAX_CRASHING_RECORDS of its
        records crash the process.
    RAISES (ValueError): As in `Worker.annotate`.
    """
    try:
        return process.annotate(shard)
    except WorkerDied as death:
        reason = death.reason
    pieces: List[Shard] = []
    crashing: List[Dict[str, Any]] = []
    end = shard.first + shard.n_records
    waiting = deque(shard.piece(first, min(_PIECE_SIZE, end - first)) for first in range(shard.first, end, _PIECE_SIZE))
    while waiting:
        piece = waiting.popleft()
        try:
            process.annotate(piece, one_by_one=True)
            pieces.append(piece)
        except WorkerDied as death:
            reason = death.reason
            if piece.n_records > 1:
                index = piece.first if death.last_record is None else death.last_record[0]
                waiting.extendleft(reversed(_split_at(piece, index)))
                continue
            crashing.append(_line(piece, death))
            if len(crashing) > MAX_CRASHING_RECORDS:
                return CrashingShard(shard, reason)
    try:
        return process.merge(shard, pieces, crashing)
    except WorkerDied as death:
        return CrashingShard(shard, death.reason)


def _split_at(piece: Shard, index: int) -> List[Shard]:
    """Split a piece into the records before one, this record, and those after it; empty pieces are left out."""
    end = piece.first + piece.n_records
    bounds = [(piece.first, index), (index, index + 1), (index + 1, end)]
    return [piece.piece(low, high - low) for low, high in bounds if low < high]


def _line(piece: Shard, death: WorkerDied) -> Dict[str, Any]:
    index, own_id, text = death.last_record or (piece.first, f"{Path(piece.path).name}:{piece.first}", "")
    return {"id": own_id, "error": death.reason, "file": piece.path, "place": index, "record": text}
