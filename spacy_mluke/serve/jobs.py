"""What the server's thread is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple, Union


@dataclass(frozen=True)
class Annotate:
    """Key of texts to annotate."""

    disabled: Tuple[str, ...]  # components that are skipped


@dataclass(frozen=True)
class Answer:
    """Key of texts with questions."""

    top_k: Optional[int]


@dataclass(frozen=True)
class Fill:
    """Key of texts with masks."""

    top_k: Optional[int]
    mode: Optional[str]
    lang: Optional[str]
    candidates: Optional[Tuple[str, ...]]


Key = Union[Annotate, Answer, Fill]


@dataclass(frozen=True)
class Text:
    """A text to annotate."""

    text: str
    lang: Optional[str] = None  # of the names of linked entities
    with_vectors: bool = False
