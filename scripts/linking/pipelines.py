"""The pipeline with the linker that is trained or measured."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import spacy

_PIECES = {
    "@tokenizers": "spacy-mluke.PieceTokenizer.v1",
    "base": {"@tokenizers": "spacy.Tokenizer.v1"},
    "split_particles": True,
}


def make_linker(
    lang: str = "xx", *, reranker: Optional[str] = None, nil: float = 0.1, pieces: bool = False
) -> Tuple[Any, Any]:
    """Return a pipeline with a linker to the bundled knowledge base.

    lang (str): Language of the tokenizer.
    reranker (Optional[str]): The option of the linker.
    nil (float): The option of the linker.
    pieces (bool): Whether text without spaces is split at wordpieces, as in `xx_mluke_small`.
    RETURNS (Tuple[Language, MaskedEntityLinker]): The pipeline and the component.
    """
    config: Dict[str, Any] = {"nlp": {"tokenizer": _PIECES}} if pieces else {}
    nlp = spacy.blank(lang, config=config)
    options = {"candidates": {"path": "knowledge"}, "reranker": reranker, "nil": nil}
    return nlp, nlp.add_pipe("mluke_linker", config=options)
