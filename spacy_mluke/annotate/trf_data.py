"""Whose states `doc._.trf_data` gives, where several encoders have read a document.

spacy-transformers has one place for them, and the last encoder to write there is the one that is read. A listener that
names its encoder must get the states of that one, though, wherever it stands. So what another transformer wrote before
`mluke` is put aside, and listeners say whose states they read while they run.
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
    """Make `mluke` the last encoder that has read a document.

    doc (Doc): The document.
    """
    user_data: Dict[Any, Any] = doc.user_data  # typed as if all keys were strings
    if _KEY in user_data:
        user_data[_BEFORE] = user_data.pop(_KEY)


def set_other_data(doc: Doc, value: Any) -> None:
    """Keep what another transformer writes.

    doc (Doc): The document.
    value (Any): Its TransformerData.
    """
    user_data: Dict[Any, Any] = doc.user_data
    user_data[_KEY] = value


def choose_data(doc: Doc, own: Callable[[Doc], Any]) -> Any:
    """The states that are to be read: those of the encoder that a listener names, else of the last one.

    doc (Doc): The document.
    own (Callable[[Doc], Any]): Gives those of `mluke`.
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
    """Let `doc._.trf_data` give the states of one encoder.

    source (str): MLUKE or OTHER.
    """
    token = _SOURCE.set(source)
    try:
        yield
    finally:
        _SOURCE.reset(token)


class ReadFrom:
    """The forward function of a listener that names its encoder.

    forward (Callable): The listener's own.
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
    """Let a listener read the states of one encoder.

    listener (Model): The listener, changed in place.
    source (str): MLUKE or OTHER.
    """
    forward = listener._func
    listener._func = ReadFrom(forward.forward if isinstance(forward, ReadFrom) else forward, source)
