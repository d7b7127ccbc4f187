"""Annotating a stream of documents: together where it goes well, one by one where it does not."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Protocol

from spacy.tokens import Doc

from ...types import Counts


class Annotator(Protocol):
    """What a component brings along."""

    name: str

    def predict(self, docs: Iterable[Doc]) -> Any: ...

    def set_annotations(self, docs: Iterable[Doc], predictions: Any) -> None: ...

    def get_error_handler(self) -> Callable: ...

    def counts_of(self, prediction: Any) -> Counts:
        """What alignment had to leave out for a prediction."""
        ...


def annotate(pipe: Annotator, docs: List[Doc], counts: Counts) -> List[Doc]:
    """Annotate documents together, and after an error each by itself: only those that cause it are lost to it.

    pipe (Annotator): The component.
    docs (List[Doc]): The documents, changed in place.
    counts (Counts): Gets what was left out.
    RETURNS (List[Doc]): The documents but for those that went to the component's error handler.
    """
    try:
        prediction = pipe.predict(docs)
        pipe.set_annotations(docs, prediction)
    except Exception as error:
        if len(docs) > 1:
            return [done for doc in docs for done in annotate(pipe, [doc], counts)]
        pipe.get_error_handler()(pipe.name, pipe, docs, error)
        return []
    counts.add(pipe.counts_of(prediction))
    return docs
