"""What the factories share: the encoder's defaults."""

from __future__ import annotations

from typing import Any, Callable, Dict

from thinc.types import Ragged

# As spaCy's: (docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged of (start, end) token rows.
Suggester = Callable[..., Ragged]

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
}
