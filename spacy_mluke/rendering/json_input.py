"""Read an annotated text from JSON, as `POST /v1/annotate` of the server returns it."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Tuple

import numpy

from ..errors import Errors
from ..types import Floats1d, Floats2d
from .annotated import AnnotatedText, Fact, Mention

MAX_FACTS = 1000  # drawings of more take too long


def read_json(values: Any) -> AnnotatedText:
    """Read an annotated text from a JSON object.

    values (Any): An object with "text", and optionally "lang", "entities" (each with "start" and "end", in characters,
        and optionally "label", "kb_id", "name", "score", "types" and "vector") and "relations" (each with "head" and
        "tail", ids of entities or their numbers, "label", and optionally "score" and "property"), and "similarity".
    RETURNS (AnnotatedText): The text.
    RAISES (ValueError): ML453 for any other value, and for more than 1,000 relations.
    """
    try:
        text = _string(values, "text")
        entities = _objects(values, "entities")
        relations = _objects(values, "relations")
        mentions = [_mention(entity, len(text)) for entity in entities]
        numbers: Dict[Any, int] = {i: i for i in range(len(entities))}
        numbers.update({entity["id"]: i for i, entity in enumerate(entities) if entity.get("id") is not None})
        if len(relations) > MAX_FACTS:
            raise ValueError(f"it has more than {MAX_FACTS} relations")
        facts = [_fact(relation, numbers) for relation in relations]
        cosines = _cosines(values.get("similarity"), len(entities))
        return AnnotatedText(text, mentions, facts, _string(values, "lang", ""), _vectors(entities), cosines)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing or unknown" if isinstance(error, KeyError) else error
        raise ValueError(Errors.ML453.format(reason=reason)) from error


def _mention(entity: Dict[str, Any], length: int) -> Mention:
    start, end = entity["start"], entity["end"]
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise ValueError(f"{start!r} to {end!r} are no characters of its text")
    return Mention(
        start,
        end,
        _string(entity, "label", ""),
        _string(entity, "kb_id", ""),
        _string(entity, "name", ""),
        _number(entity, "score"),
        tuple(_type(one) for one in entity.get("types") or ()),
    )


def _fact(relation: Dict[str, Any], numbers: Dict[Any, int]) -> Fact:
    head, tail = numbers[relation["head"]], numbers[relation["tail"]]
    return Fact(head, tail, _string(relation, "label"), _number(relation, "score"), _string(relation, "property", ""))


def _type(value: Any) -> Tuple[str, Optional[float]]:
    if isinstance(value, str):
        return value, None
    return _string(value, "label"), _number(value, "score")


def _vectors(entities: List[Dict[str, Any]]) -> Dict[int, Floats1d]:
    found = {
        i: numpy.asarray(entity["vector"], dtype="float64")
        for i, entity in enumerate(entities)
        if entity.get("vector") is not None
    }
    if len({vector.shape for vector in found.values()}) > 1 or any(vector.ndim != 1 for vector in found.values()):
        raise ValueError("its vectors have different widths")
    if not all(numpy.isfinite(vector).all() for vector in found.values()):
        raise ValueError("its vectors are not finite")
    return found


def _cosines(rows: Any, n: int) -> Optional[Floats2d]:
    """Read cosines; null becomes NaN."""
    if rows is None:
        return None
    found = numpy.asarray(rows, dtype="float64").reshape((-1, n)) if n else numpy.zeros((0, 0))
    if found.shape != (n, n) or (numpy.abs(found) > 1.001).any():
        raise ValueError("'similarity' is not a cosine for each two entities")
    # A pair has a cosine if both have one with themselves.
    known = ~numpy.isnan(found.diagonal())
    if numpy.isnan(found[numpy.ix_(known, known)]).any():
        raise ValueError("'similarity' lacks cosines of entities that have some")
    return found


def _objects(values: Any, key: str) -> List[Dict[str, Any]]:
    found = values.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{key!r} is not a list of objects")
    return found


def _string(values: Any, key: str, default: Optional[str] = None) -> str:
    found = values[key] if default is None else values.get(key)
    if found is None and default is not None:
        return default
    if not isinstance(found, str):
        raise ValueError(f"{key!r} is not a string")
    return found


def _number(values: Any, key: str) -> Optional[float]:
    found = values.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise ValueError(f"{key!r} is not a number")
    return float(found)
