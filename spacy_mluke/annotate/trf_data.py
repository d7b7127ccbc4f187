"""`doc._.trf_data` in pipelines with several encoders.

spacy-transformers stores the states of one encoder there, and the last encoder overwrites those of the others. A
listener that names its encoder must read that encoder's states at any position in the pipeline. Therefore `mluke` keeps
the data that another transformer wrote before it, and a listener selects the source while it runs.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, Optional

from spacy.tokens import Doc
from thinc.api import Model

MLUKE, OTHER = "mluke", "other"
_KEY = ("._.", "trf_data", None, None)
_BEFORE = ("._.", "mluke_trf_data_before", None, None)
_SOURCE: ContextVar[Optional[str]] = ContextVar("spacy_mluke_trf_data", default=None)


def put_aside(doc: Doc) -> None:
    """Store another transformer's data under a second key, so that `doc._.trf_data` shows the states of `mluke`.

    doc (Doc): The document.
    """
    user_data: Dict[Any, Any] = doc.user_data  # spaCy's annotation allows string keys only
    if _KEY in user_data:
        user_data[_BEFORE] = user_data.pop(_KEY)


def set_other_data(doc: Doc, value: Any) -> None:
    """Store the data of another transformer.

    doc (Doc): The document.
    value (Any): The TransformerData.
    """
    user_data: Dict[Any, Any] = doc.user_data
    user_data[_KEY] = value


def choose_data(doc: Doc, own: Callable[[Doc], Any]) -> Any:
    """Return the data of the encoder that the running listener names; outside a listener, of the last encoder.

    doc (Doc): The document.
    own (Callable[[Doc], Any]): Returns the data of `mluke`.
    RETURNS (Any): A TransformerData, or None.
    """
    user_data: Dict[Any, Any] = doc.user_data
    source = _SOURCE.get()
    if source == MLUKE:
        return own(doc)
    if source == OTHER:
        return user_data.get(_KEY, user_data.get(_BEFORE))
    if _KEY in user_data:
        return user_data[_KEY]
    found = own(doc)
    return user_data.get(_BEFORE) if found is None else found


@contextlib.contextmanager
def reading(source: str) -> Iterator[None]:
    """Select the encoder whose states `doc._.trf_data` returns.

    source (str): MLUKE or OTHER.
    """
    token = _SOURCE.set(source)
    try:
        yield
    finally:
        _SOURCE.reset(token)


class ReadFrom:
    """Forward function of a listener that names its encoder.

    forward (Callable): The listener's original forward function.
    source (str): MLUKE or OTHER.
    """

    def __init__(self, forward: Callable[..., Any], source: str):
        self.forward = forward
        self.source = source

    def __call__(self, model: Model, X: Any, is_train: bool) -> Any:
        """Run the listener."""
        with reading(self.source):
            return self.forward(model, X, is_train)


def read_from(listener: Any, source: str) -> None:
    """Make a listener read the states of a given encoder.

    listener (Model): The listener, changed in place.
    source (str): MLUKE or OTHER.
    """
    forward = listener._func
    listener._func = ReadFrom(forward.forward if isinstance(forward, ReadFrom) else forward, source)
