"""Annotate documents in batches, and one by one after an error."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Protocol

from spacy.tokens import Doc

from ...types import Counts


class Annotator(Protocol):
    """The methods of a component that `annotate` uses."""

    name: str

    def predict(self, docs: Iterable[Doc]) -> Any: ...

    def set_annotations(self, docs: Iterable[Doc], predictions: Any) -> None: ...

    def get_error_handler(self) -> Callable: ...

    def counts_of(self, prediction: Any) -> Counts:
        """Return the counts of skipped and truncated inputs of a prediction."""
        ...


def annotate(pipe: Annotator, docs: List[Doc], counts: Counts) -> List[Doc]:
    """Annotate documents together. After an error, annotate each alone, so that only the failing documents are lost.

    pipe (Annotator): The component.
    docs (List[Doc]): The documents, changed in place.
    counts (Counts): The counts of the predictions are added to it.
    RETURNS (List[Doc]): The documents, without those that went to the component's error handler.
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
