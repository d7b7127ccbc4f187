"""Logits of queries over the rows of an embedding table: some rows, the best rows, or the sum over all rows."""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

import torch
from torch import Tensor, nn

from .tables import table_parts

# Queries that are compared with a whole table together: with each part of it, they have 65,536 logits each.
_MAX_QUERIES = 256


def candidate_logits(
    queries: Tensor, table: nn.Module, bias: Tensor, candidates: Optional[Tensor], owners: Optional[Tensor] = None
) -> Tensor:
    """Return the logits of queries for rows of a table. Gradients flow to queries, rows and bias.

    queries (Tensor): The output of a head. Shape: (n, width of the table).
    table (nn.Module): Any module ids -> rows.
    bias (Tensor): Shape: (n_rows,).
    candidates (Optional[Tensor]): Ids of rows; None for all rows. Shape: (n_candidates,), int64.
    owners (Optional[Tensor]): The query of each candidate, if each query has separate candidates. Shape:
        (n_candidates,), int64.
    RETURNS (Tensor): Shape: (n, n_candidates); with owners, (n_candidates,).
    """
    if candidates is None:
        candidates = torch.arange(len(bias), device=queries.device)
    rows = table(candidates).to(queries.dtype)
    if owners is None:
        return queries @ rows.T + bias[candidates]
    return (queries[owners] * rows).sum(dim=1) + bias[candidates]


def top_rows(
    queries: Tensor, table: nn.Module, bias: Tensor, k: int, *, excluded: Tuple[int, ...] = ()
) -> Tuple[Tensor, Tensor]:
    """Return the rows of a whole table with the highest logits, computed a part of the table at a time.

    queries (Tensor): Shape: (n, width of the table).
    table (nn.Module): The table, such as 1,200,001 entities, or 250,004 words in 4 bits.
    bias (Tensor): Shape: (n_rows,).
    k (int): Number of rows to return for each query.
    excluded (Tuple[int, ...]): Rows that are never returned. They count in the softmax, as in the reference.
    RETURNS (Tuple[Tensor, Tensor]): Ids, int64, best first, and log-probabilities, float32. Shapes: (n, k) each, with
        a smaller k if there are fewer rows.
    """
    if len(queries) > _MAX_QUERIES:
        parts = [top_rows(part, table, bias, k, excluded=excluded) for part in queries.split(_MAX_QUERIES)]
        return torch.cat([ids for ids, _ in parts]), torch.cat([best for _, best in parts])
    best = torch.empty((len(queries), 0), device=queries.device)
    ids = torch.empty((len(queries), 0), dtype=torch.int64, device=queries.device)
    totals = torch.full((len(queries),), -torch.inf, device=queries.device)
    for start, logits in _logits_by_part(queries, table, bias):
        totals = torch.logaddexp(totals, logits.logsumexp(dim=1))
        inside = [row - start for row in excluded if start <= row < start + logits.shape[1]]
        logits[:, inside] = -torch.inf
        values, places = logits.topk(min(k, logits.shape[1]), dim=1)
        best, ids = torch.cat([best, values], dim=1), torch.cat([ids, places + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        ids = ids.gather(1, order)
    n_returned = max(min(k, len(bias) - len(set(excluded))), 0)
    return ids[:, :n_returned], best[:, :n_returned] - totals[:, None]


def log_totals(queries: Tensor, table: nn.Module, bias: Tensor) -> Tensor:
    """Return the log-sum-exp of the logits over a whole table, computed a part of the table at a time.

    queries (Tensor): Shape: (n, width of the table).
    table (nn.Module): The table.
    bias (Tensor): Shape: (n_rows,).
    RETURNS (Tensor): Shape: (n,), float32.
    """
    if len(queries) > _MAX_QUERIES:
        return torch.cat([log_totals(part, table, bias) for part in queries.split(_MAX_QUERIES)])
    totals = torch.full((len(queries),), -torch.inf, device=queries.device)
    for _, logits in _logits_by_part(queries, table, bias):
        totals = torch.logaddexp(totals, logits.logsumexp(dim=1))
    return totals


def _logits_by_part(queries: Tensor, table: nn.Module, bias: Tensor) -> Iterator[Tuple[int, Tensor]]:
    start = 0
    for rows in table_parts(table):
        end = start + len(rows)
        moved = rows.to(device=queries.device, dtype=queries.dtype)
        yield start, (queries @ moved.T + bias[start:end]).float()
        start = end
    assert start == len(bias)
