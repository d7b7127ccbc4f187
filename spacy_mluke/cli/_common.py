"""Helpers of several commands."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Dict, Iterator, Sequence, Tuple

from tqdm import tqdm

from ..errors import Errors
from ..vocabulary.database import Progress

if TYPE_CHECKING:
    from spacy.tokens import Doc


def shown(text: str) -> str:
    """Return a text without control characters, so that it is safe to print in a terminal.

    text (str): A text from a file.
    RETURNS (str): One line.
    """
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    n (int): The number.
    noun (str): The noun, in the singular.
    RETURNS (str): "1 shard", "2,000 shards".
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def describe(docs: Sequence[Doc]) -> str:
    """Return the numbers of documents, of their entities by label, and of their relations.

    docs (Sequence[Doc]): The documents.
    RETURNS (str): "2 documents; entities: LOC 2; relations: 1".
    """
    from ..annotate.relations import get_relations

    labels = Counter(ent.label_ for doc in docs for ent in doc.ents)
    entities = ", ".join(f"{label} {n:,}" for label, n in labels.most_common()) or "none"
    n_relations = sum(len(get_relations(doc)) for doc in docs)
    return shown(f"{counted(len(docs), 'document')}; entities: {entities}; relations: {n_relations:,}")


def warn_skipped(skipped: Counter[str]) -> None:
    """Print what was skipped, with numbers; nothing if nothing was.

    skipped (Counter[str]): Number of skipped items by kind.
    """
    from wasabi import msg

    found = ", ".join(f"{kind}: {number:,}" for kind, number in skipped.most_common() if number)
    if found:
        msg.warn("Skipped", shown(found))


def n_cores() -> int:
    """Return the number of cores that this process may use.

    Containers and schedulers often allow fewer cores than the machine has.

    RETURNS (int): The number.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_mention(text: str, mention: str) -> Tuple[int, int]:
    """Return the character bounds of a mention.

    text (str): The text.
    mention (str): Text of the mention, or START:END.
    RETURNS (Tuple[int, int]): Start and end.
    RAISES (ValueError): ML090 if it is not in the text.
    """
    start, _, end = mention.partition(":")
    if start.isdigit() and end.isdigit() and int(start) < int(end) <= len(text):
        return int(start), int(end)
    if mention and mention in text:
        return text.index(mention), text.index(mention) + len(mention)
    raise ValueError(Errors.ML090.format(mention=mention))


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show the progress of building an entity database.

    YIELDS (Progress): The callback for the function that builds it.
    """
    bars: Dict[str, tqdm] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            in_bytes = stage == "reading"
            close()
            bars[stage] = tqdm(
                total=total or None,
                desc=f"Entity names: {stage}",
                unit="B" if in_bytes else " steps",
                unit_scale=in_bytes,
                unit_divisor=1024,
                disable=None,  # shown only in a terminal
            )
        bars[stage].update(done - bars[stage].n)

    def close() -> None:
        for bar in bars.values():
            bar.close()

    try:
        yield show
    finally:
        close()


@contextlib.contextmanager
def warnings_shown() -> Iterator[None]:
    """Print warnings, once each, as messages instead of lines of code."""
    from wasabi import msg

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught if _is_for_users(warning)):
        msg.warn(shown(text))


def _is_for_users(warning: warnings.WarningMessage) -> bool:
    return issubclass(warning.category, (UserWarning, FutureWarning))
