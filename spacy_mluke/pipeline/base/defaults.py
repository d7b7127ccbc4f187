"""What the factories share: the encoder's defaults."""

from typing import TYPE_CHECKING, Any, Callable, Dict

from thinc.types import Ragged

# As spaCy's: (docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged of (start, end) token rows.
Suggester = Callable[..., Ragged]
if TYPE_CHECKING:
    from ...kb.candidate_sources import CandidateSource as Source
else:
    # What a config is checked against: the module is not needed before a component is made.
    Source = Callable[..., Any]

ENCODER: Dict[str, Any] = {
    "@architectures": "spacy-mluke.Encoder.v1",
    "name": "mluke-small",
    "visibility": "joint",
    "segmentation": "auto",
    "entity_input": "mask",
    "window": 512,
    "overlap": 128,
    "max_entities": 128,
    "max_mention_length": 30,
    "batch_rows": 1024,
    "dtype": "float32",
    "frozen": [],
    "mixed_precision": False,
    "quantize": None,
    "revision": None,
}

# The bundled store: a component works when it is added.
STORE: Dict[str, Any] = {
    "@misc": "spacy-mluke.store_candidates.v1",
    "path": "world",
    "lang": "auto",
    "match": "loose",
}
