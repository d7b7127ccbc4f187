"""The factory of `mluke`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Suggester

if TYPE_CHECKING:
    from .component import MLuke

MLUKE: Dict[str, Any] = {
    "model": ENCODER,
    "suggester": {"@misc": "spacy-mluke.ents_suggester.v1"},
    "keep_token_states": True,
    "span_vectors": "entity",
    "set_vectors": False,
    "buffer_tokens": 50_000,
    "set_extra_annotations": None,
}


@Language.factory(
    "mluke",
    assigns=["doc._.mluke", "doc._.trf_data", "span._.mluke_vector"],
    default_config=MLUKE,
)
def make_mluke(
    nlp: Language,
    name: str,
    model: Model,
    suggester: Suggester,
    keep_token_states: bool,
    span_vectors: str,
    set_vectors: bool,
    buffer_tokens: int,
    set_extra_annotations: Optional[Callable],
) -> "MLuke":
    """Make `mluke`. See `MLuke` for the options."""
    from .component import MLuke

    return MLuke(
        nlp.vocab,
        model,
        suggester,
        name=name,
        keep_token_states=keep_token_states,
        span_vectors=span_vectors,
        set_vectors=set_vectors,
        buffer_tokens=buffer_tokens,
        set_extra_annotations=set_extra_annotations,
    )
