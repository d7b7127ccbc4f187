"""What the factories share: the encoder's defaults."""

from typing import TYPE_CHECKING, Any, Callable, Dict

from thinc.types import Ragged

from ...encoder.model import encoder_config

# As spaCy's: (docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged of (start, end) token rows.
Suggester = Callable[..., Ragged]
if TYPE_CHECKING:
    from ...kb.candidate_sources import CandidateSource as Source
else:
    # What a config is checked against: the module is not needed before a component is made.
    Source = Callable[..., Any]

# A component's encoder.
ENCODER: Dict[str, Any] = encoder_config()

# The bundled store: a component works when it is added.
STORE: Dict[str, Any] = {
    "@misc": "spacy-mluke.store_candidates.v1",
    "path": "world",
    "lang": "auto",
    "match": "loose",
}
