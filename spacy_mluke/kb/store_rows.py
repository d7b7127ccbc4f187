"""Rows that an entity store is built from: names, descriptions, finer types and facts of entities."""

from __future__ import annotations

import math
from typing import NamedTuple, Optional, Union

from .store_format import KINDS


class StoreRow(NamedTuple):
    """One name of one entity, as input of `build_store`. The rows of an entity need not be adjacent."""

    id: str
    lang: str
    name: str
    type: str = ""  # the first type in an entity's rows is used
    prior: Optional[float] = None  # weight of the entity among those with this name
    # One of `store_format.KINDS`; if empty, the first row of a language is the name.
    kind: str = ""
    entity_prior: Optional[float] = None  # weight of the entity for names without a prior; the greatest is used


class StoreDescription(NamedTuple):
    """A description of an entity. The first one in a language is used."""

    id: str
    lang: str
    text: str


class StoreClass(NamedTuple):
    """A finer type of an entity."""

    id: str
    name: str


class StoreFact(NamedTuple):
    """A fact about an entity."""

    id: str
    property: str
    object: str  # id of an entity, of this store or of another one


AnyRow = Union[StoreRow, StoreDescription, StoreClass, StoreFact]


def check_prior(value: object) -> Optional[float]:
    """Convert a value to a prior.

    value (object): A number of 0 or more; None or an empty text for no prior.
    RETURNS (Optional[float]): The prior.
    RAISES (ValueError, TypeError, OverflowError): If it is not a prior.
    """
    if value is None or value == "":
        return None
    found = float(value)  # type: ignore[arg-type]
    if isinstance(value, bool) or not math.isfinite(found) or found < 0:
        raise ValueError(value)
    return found


def problem_of(row: AnyRow) -> str:
    """Return why a row cannot be part of a store.

    row (AnyRow): The row.
    RETURNS (str): The reason; empty for a row without problems.
    """
    if not isinstance(row.id, str) or not row.id:
        return "it has no id"
    if isinstance(row, StoreRow) and (not isinstance(row.name, str) or not row.name.strip()):
        return f"it has no name for '{row.id}'"
    if not isinstance(row, StoreRow):
        if not all(isinstance(text, str) and (text or field == "lang") for field, text in row._asdict().items()):
            return f"a description, type or fact of '{row.id}' is not text"
    elif not (_is_text(row.lang) and _is_text(row.type) and _is_text(row.kind)):
        return f"the language, type or kind of '{row.id}' is not text"
    elif row.kind and row.kind not in KINDS:
        return f"'{row.kind}' is not a kind of name ({', '.join(KINDS)})"
    try:
        for text in row:
            if isinstance(text, str):
                text.encode("utf8")
        if isinstance(row, StoreRow):
            check_prior(row.prior), check_prior(row.entity_prior)
    except UnicodeEncodeError:
        return f"the text of '{row.id!a}' is not Unicode (a lone surrogate)"
    except (TypeError, ValueError, OverflowError):
        return f"a prior of '{row.id}' is not a number of 0 or more"
    return ""


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def with_type(row: AnyRow, entity_type: str) -> AnyRow:
    """Return a row with a type, if it is a name without one.

    row (AnyRow): The row.
    entity_type (str): The type.
    RETURNS (AnyRow): The row.
    """
    return row._replace(type=entity_type) if isinstance(row, StoreRow) and not row.type else row
