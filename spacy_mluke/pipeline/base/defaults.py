"""Defaults and types that several factories use."""

from typing import TYPE_CHECKING, Any, Callable, Dict

from thinc.types import Ragged

from ...encoder.model import encoder_config

# A suggester of spaCy: (docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged of token bounds (start, end).
Suggester = Callable[..., Ragged]
if TYPE_CHECKING:
    from ...kb.candidate_sources import CandidateSource as Source
else:
    # The type that configs are checked against: the module itself is only needed to make a component.
    Source = Callable[..., Any]

# A component's encoder.
ENCODER: Dict[str, Any] = encoder_config()

# The bundled knowledge base that `load` links to, so that a component works without options, and has the same ids.
STORE: Dict[str, Any] = {
    "@misc": "spacy-mluke.store_candidates.v1",
    "path": "knowledge",
    "lang": "auto",
    "match": "loose",
    "same_ids": "error",
    "inflections": False,
}
