"""The linker that is trained or measured."""

from __future__ import annotations

from typing import Any, Optional

from spacy.language import Language


def add_linker(nlp: Language, *, reranker: Optional[str] = None, nil: float = 0.1) -> Any:
    """Add a linker to the bundled knowledge base to a pipeline.

    nlp (Language): The pipeline.
    reranker (Optional[str]): The option of the linker.
    nil (float): The option of the linker.
    RETURNS (MaskedEntityLinker): The component.
    """
    config = {"candidates": {"path": "knowledge"}, "reranker": reranker, "nil": nil}
    return nlp.add_pipe("mluke_linker", config=config)
