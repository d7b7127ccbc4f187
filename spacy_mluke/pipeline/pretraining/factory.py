"""The factory of `mluke_pretraining`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Source

if TYPE_CHECKING:
    from .component import EntityPretrainer

CLOZE: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.MaskedEntity.v1", "encoder": ENCODER},
    "marker": "[MASK]",
    "mode": "entity",
    "top_k": 5,
    "n_negatives": 0,
    "show_linked": True,
    "scorer": {"@scorers": "spacy-mluke.cloze_scorer.v1"},
}

CLOZE_WEIGHTS: Dict[str, Optional[float]] = {"cloze_p1": 1.0, "cloze_p5": 0.0, "cloze_mrr": 0.0}

PRETRAINING: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.MaskedEntity.v1", "encoder": ENCODER},
    "candidates": None,
    "asked": 0.5,
    "hidden": 0.7,
    "shown": 0.5,
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
    asked: float,
    hidden: float,
    shown: float,
    entity_steps: int,
    n_negatives: int,
    masked_words: float,
    keep_words: float,
    top_k: int,
    scorer: Optional[Callable],
) -> "EntityPretrainer":
    """Make the component that teaches an encoder entities.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[MentionInput, EntityLogits]): `spacy-mluke.MaskedEntity.v1`.
    candidates (Optional[CandidateSource]): The entities, `spacy-mluke.store_candidates.v1`; None for those of the
        examples alone.
    asked (float): Share of mentions that are asked for; one of a text at least.
    hidden (float): Share of those whose words are hidden.
    shown (float): Share of the others whose entity is shown.
    entity_steps (int): Steps of the first stage, in which only entities are learnt.
    n_negatives (int): Entities that a step compares the right ones with; 0 for all.
    masked_words (float): Share of wordpieces that are to be predicted, too.
    keep_words (float): Weight of the squared distance of words' states from those of the checkpoint.
    top_k (int): Entities that evaluation ranks.
    scorer (Optional[Callable]): The scorer.
    RETURNS (EntityPretrainer): The component.
    """
    from .component import EntityPretrainer

    return EntityPretrainer(
        nlp.vocab,
        model,
        candidates,
        name=name,
        lang=str(nlp.lang),
        asked=asked,
        hidden=hidden,
        shown=shown,
        entity_steps=entity_steps,
        n_negatives=n_negatives,
        masked_words=masked_words,
        keep_words=keep_words,
        top_k=top_k,
        scorer=scorer,
    )
