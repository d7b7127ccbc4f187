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
    """Make the component that encodes documents and their entity spans.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[EncoderInput, EncoderOutput]): The encoder, `spacy-mluke.Encoder.v1`.
    suggester (Suggester): Which spans become entities, by default `doc.ents`.
    keep_token_states (bool): Whether wordpiece states stay on the document. Listeners and `token_vectors` need them;
        without them, windows of a long document that hold no entity are not even read.
    span_vectors (str): What a span's vector is. "entity": the state of its entity, as in the papers. "both": the mean
        of that and of the mean state of its wordpieces, each of length 1: it finds the same entity elsewhere best.
    set_vectors (bool): Whether `.vector` and `.similarity` of the document, its spans and tokens read mLUKE's vectors.
    buffer_tokens (int): Tokens that `nlp.pipe` reads ahead, to encode passes of like length together.
    set_extra_annotations (Optional[Callable]): Called with a batch's documents, and their states in the form of
        spacy-transformers, after these are on the documents.
    RETURNS (MLuke): The component.
    """
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
