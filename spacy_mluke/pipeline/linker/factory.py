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
    "max_candidates": 30,
    "labels_discard": [],
    "overwrite": True,
    "grow": "all",
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
    assigns=["doc.ents", "token.ent_kb_id", "span._.mluke_candidates"],
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
    max_candidates: int,
    labels_discard: List[str],
    overwrite: bool,
    grow: str,
    add_gold: bool,
    scorer: Optional[Callable],
) -> "MaskedEntityLinker":
    """Make the component that links entities to a knowledge base.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[MentionInput, EntityLogits]): `spacy-mluke.MaskedEntity.v1`.
    candidates (CandidateSource): What mentions may mean, `spacy-mluke.store_candidates.v1` or
        `spacy-mluke.kb_candidates.v1`.
    mode (str): "local", all mentions in one pass, or "global", the most confident first.
    prior_weight (float): What the logarithm of a candidate's prior counts beside its logit.
    threshold (Optional[float]): Least probability of a link; below it, a mention is NIL.
    max_candidates (int): Candidates of a mention that are compared; 0 for all.
    labels_discard (List[str]): Labels of mentions that are always NIL.
    overwrite (bool): Whether a `kb_id_` that stands there gives way.
    grow (str): Entities that are added to an encoder which lacks them: "all", "candidates" (of the examples' mentions)
        or "none".
    add_gold (bool): Whether training adds a gold entity that is not among a mention's candidates to them.
    scorer (Optional[Callable]): The scorer.
    RETURNS (MaskedEntityLinker): The component.
    """
    from .component import MaskedEntityLinker

    return MaskedEntityLinker(
        nlp.vocab,
        model,
        candidates,
        name=name,
        mode=mode,
        prior_weight=prior_weight,
        threshold=threshold,
        max_candidates=max_candidates,
        labels_discard=labels_discard,
        overwrite=overwrite,
        grow=grow,
        add_gold=add_gold,
        scorer=scorer,
    )
