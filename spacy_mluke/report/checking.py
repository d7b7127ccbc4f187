"""Checks of the content of a run's file, which may come from anywhere."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict

import numpy

from ..errors import check_choice
from .metrics import METRICS, TASKS

# Maximum number of documents times columns: the counts of a run are an array of this size.
MAX_CELLS = 100_000_000
MAX_NUMBER = 2**53  # larger integers are not exact as floats
_SIDES = ("gold", "predicted")
Check = Callable[[Any, str], None]


def check_run(content: Any) -> None:
    """Check that the content of a file is a run that a report can show.

    content (Any): The result of `json.load`.
    RAISES (ValueError): If a part is missing or wrong; the message names it.
    """
    fields: Dict[str, Check] = {
        "task": _text,
        "system": _text,
        "lang": _text,
        "seed": _number,
        "data": _data,
        "metrics": _by_name(_by_name(_number)),
        "labels": _by_name(_by_name(_number)),
        "counts": _counts,
        "confusion": _list_of(_confused),
        "mistakes": _list_of(_mistake),
    }
    _object(content, "the file")
    for name, check in fields.items():
        check(_part(content, name, "the file"), name)
    about = content.get("about", {})
    _object(about, "about")
    for name in ("checkpoints", "versions"):
        _by_name(_text)(about.get(name, {}), f"about.{name}")
    unknown = set(content) - {*fields, "about", "schema"}
    if unknown:
        raise ValueError(f"'{min(unknown)}' is not a part of a run")
    check_choice("task", content["task"], TASKS)
    _check_counts(content)


def _check_counts(content: Dict[str, Any]) -> None:
    counts, n_docs = content["counts"], content["data"]["documents"]
    n_columns = len(counts["columns"])
    if n_docs * n_columns > MAX_CELLS:
        raise ValueError(f"{n_docs:,} documents times {n_columns:,} columns are more than {MAX_CELLS:,} counts")
    if not len(counts["row"]) == len(counts["column"]) == len(counts["value"]):
        raise ValueError("counts.row, counts.column and counts.value have different lengths")
    for name, limit in (("row", n_docs), ("column", n_columns)):
        if max(counts[name], default=-1) >= limit:
            raise ValueError(f"counts.{name} contains {max(counts[name])}, but there are only {limit}")
    try:
        for metric in METRICS[content["task"]].values():
            metric(numpy.zeros((1, n_columns)), counts["columns"])
    except ValueError as error:
        raise ValueError(f"counts.columns do not fit the task '{content['task']}'") from error


def _fail(place: str, expected: str, value: Any) -> None:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    raise ValueError(f"'{place}' must be {expected}, but is {shown}")


def _part(value: Dict[str, Any], name: str, place: str) -> Any:
    if name not in value:
        raise ValueError(f"'{name}' is missing in {place}")
    return value[name]


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str):
        _fail(place, "a text", value)


def _number(value: Any, place: str) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or abs(value) > MAX_NUMBER:
        _fail(place, "a number", value)


def _whole(value: Any, place: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        _fail(place, "an integer of 0 or more", value)


def _count(value: Any, place: str) -> None:
    _number(value, place)
    if value < 0:
        _fail(place, "0 or more", value)


def _object(value: Any, place: str) -> None:
    if not isinstance(value, dict):
        _fail(place, "an object", value)


def _list(value: Any, place: str) -> None:
    if not isinstance(value, list):
        _fail(place, "a list", value)


def _list_of(check: Check) -> Check:
    def check_list(value: Any, place: str) -> None:
        _list(value, place)
        for item in value:
            check(item, place)

    return check_list


def _by_name(check: Check) -> Check:
    def check_object(value: Any, place: str) -> None:
        _object(value, place)
        for name, item in value.items():
            check(item, f"{place}.{name}")

    return check_object


def _data(value: Any, place: str) -> None:
    _object(value, place)
    for name, check in {"name": _text, "documents": _whole, "md5": _text}.items():
        check(_part(value, name, place), f"{place}.{name}")


def _counts(value: Any, place: str) -> None:
    _object(value, place)
    for name, check in {"columns": _text, "row": _whole, "column": _whole, "value": _count}.items():
        _list_of(check)(_part(value, name, place), f"{place}.{name}")


def _confused(value: Any, place: str) -> None:
    _list(value, place)
    if len(value) != 3:
        _fail(place, "a list of gold label, predicted label and number", value)
    _text(value[0], place)
    _text(value[1], place)
    _whole(value[2], place)


def _mistake(value: Any, place: str) -> None:
    _object(value, place)
    text = _part(value, "text", place)
    _text(text, f"{place}.text")
    for side in _SIDES:
        where = f"{place}.{side}"
        spans = _part(value, side, place)
        _list(spans, where)
        for span in spans:
            _object(span, where)
            _text(_part(span, "label", where), where)
            start, end = (_part(span, name, where) for name in ("start", "end"))
            _whole(start, where)
            _whole(end, where)
            if not start <= end <= len(text):
                _fail(where, f"within a text of {len(text)} characters", [start, end])
    if value.get("title") is not None:
        _text(value["title"], f"{place}.title")
    if "arc" in value:
        arc = value["arc"]
        _object(arc, f"{place}.arc")
        for side in _SIDES:
            _text(_part(arc, side, f"{place}.arc"), f"{place}.arc.{side}")
        if len(value["gold"]) != 2:
            _fail(f"{place}.gold", "two spans, because it has an arc", value["gold"])
