"""The factory of `mluke_pretraining`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Source
from ..cloze.factory import CLOZE_WEIGHTS

if TYPE_CHECKING:
    from .component import EntityPretrainer

PRETRAINING: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.MaskedEntity.v1", "encoder": ENCODER},
    "candidates": None,
    "masked": 0.5,
    "replaced": 0.7,
    "visible": 0.5,
    "entity_steps": 500,
    "n_negatives": 0,
    "masked_words": 0.0,
    "keep_words": 0.0,
    "top_k": 5,
    "scorer": {"@scorers": "spacy-mluke.cloze_scorer.v1"},
}


@Language.factory(
    "mluke_pretraining",
    assigns=["doc._.mluke_fillers"],
    default_config=PRETRAINING,
    default_score_weights=CLOZE_WEIGHTS,
)
def make_mluke_pretraining(
    nlp: Language,
    name: str,
    model: Model,
    candidates: Optional[Source],
    masked: float,
    replaced: float,
    visible: float,
    entity_steps: int,
    n_negatives: int,
    masked_words: float,
    keep_words: float,
    top_k: int,
    scorer: Optional[Callable],
    asked: Optional[float] = None,
    hidden: Optional[float] = None,
    shown: Optional[float] = None,
) -> "EntityPretrainer":
    """Make `mluke_pretraining`, for the pipeline's language. See `EntityPretrainer` for the options."""
    from .component import EntityPretrainer

    return EntityPretrainer(
        nlp.vocab,
        model,
        candidates,
        name=name,
        lang=str(nlp.lang),
        masked=masked,
        replaced=replaced,
        visible=visible,
        entity_steps=entity_steps,
        n_negatives=n_negatives,
        masked_words=masked_words,
        keep_words=keep_words,
        top_k=top_k,
        scorer=scorer,
        asked=asked,
        hidden=hidden,
        shown=shown,
    )
