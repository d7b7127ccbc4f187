"""The factory of `mluke_cloze`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Source

if TYPE_CHECKING:
    from .component import ClozeFiller

CLOZE: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.MaskedEntity.v1", "encoder": ENCODER},
    "candidates": None,
    "marker": "[MASK]",
    "mode": "entity",
    "top_k": 5,
    "n_negatives": 0,
    "show_linked": True,
    "entity_rows": None,
    "scorer": {"@scorers": "spacy-mluke.cloze_scorer.v1"},
}

CLOZE_WEIGHTS: Dict[str, Optional[float]] = {"cloze_p1": 1.0, "cloze_p5": 0.0, "cloze_mrr": 0.0}


@Language.factory(
    "mluke_cloze",
    assigns=["doc._.mluke_fillers"],
    default_config=CLOZE,
    default_score_weights=CLOZE_WEIGHTS,
)
def make_mluke_cloze(
    nlp: Language,
    name: str,
    model: Model,
    candidates: Optional[Source],
    marker: str,
    mode: str,
    top_k: int,
    n_negatives: int,
    show_linked: bool,
    entity_rows: Optional[str],
    scorer: Optional[Callable],
) -> "ClozeFiller":
    """Make `mluke_cloze`, for the pipeline's language. See `ClozeFiller` for the options."""
    from .component import ClozeFiller

    return ClozeFiller(
        nlp.vocab,
        model,
        candidates,
        name=name,
        lang=str(nlp.lang),
        marker=marker,
        mode=mode,
        top_k=top_k,
        n_negatives=n_negatives,
        show_linked=show_linked,
        entity_rows=entity_rows,
        scorer=scorer,
    )
