"""The factory of `mluke_linker`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, STORE, Source

if TYPE_CHECKING:
    from .component import MaskedEntityLinker

LINKER: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.MaskedEntity.v1", "encoder": ENCODER},
    "candidates": STORE,
    "mode": "local",
    "prior_weight": 1.0,
    "threshold": None,
    "temperature": 1.0,
    "max_candidates": 30,
    "labels_discard": [],
    "overwrite": True,
    "nil": 0.1,
    "use_facts": True,
    "reranker": "auto",
    "similarity": True,
    "grow": "auto",
    "add_gold": False,
    "scorer": {"@scorers": "spacy.entity_linker_scorer.v1"},
}

LINKER_WEIGHTS: Dict[str, Optional[float]] = {
    "nel_micro_f": 1.0,
    "nel_micro_r": None,
    "nel_micro_p": None,
}


@Language.factory(
    "mluke_linker",
    requires=["doc.ents"],
    assigns=["doc.ents", "token.ent_kb_id", "span._.mluke_candidates", "span._.mluke_types"],
    default_config=LINKER,
    default_score_weights=LINKER_WEIGHTS,
)
def make_mluke_linker(
    nlp: Language,
    name: str,
    model: Model,
    candidates: Source,
    mode: str,
    prior_weight: float,
    threshold: Optional[float],
    temperature: float,
    max_candidates: int,
    labels_discard: List[str],
    overwrite: bool,
    nil: float,
    use_facts: bool,
    reranker: Optional[str],
    similarity: bool,
    grow: str,
    add_gold: bool,
    scorer: Optional[Callable],
) -> "MaskedEntityLinker":
    """Make `mluke_linker`. See `MaskedEntityLinker` for the options."""
    from .component import MaskedEntityLinker

    return MaskedEntityLinker(
        nlp.vocab,
        model,
        candidates,
        name=name,
        mode=mode,
        prior_weight=prior_weight,
        threshold=threshold,
        temperature=temperature,
        max_candidates=max_candidates,
        labels_discard=labels_discard,
        overwrite=overwrite,
        nil=nil,
        use_facts=use_facts,
        reranker=reranker,
        similarity=similarity,
        grow=grow,
        add_gold=add_gold,
        scorer=scorer,
    )
