"""The factory of `mluke_cloze`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER

if TYPE_CHECKING:
    from .component import ClozeFiller

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
    marker: str,
    mode: str,
    top_k: int,
    n_negatives: int,
    show_linked: bool,
    scorer: Optional[Callable],
) -> "ClozeFiller":
    """Make the component that fills masks.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[MentionInput, EntityLogits]): `spacy-mluke.MaskedEntity.v1`.
    marker (str): What stands for a mask in a text.
    mode (str): "entity", "word", or "both".
    top_k (int): Fillers of a mask at most.
    n_negatives (int): Entities that a training step compares the right ones with, drawn from the labels; 0 for all.
    show_linked (bool): Whether the entities of a document's linked mentions are shown, too.
    scorer (Optional[Callable]): The scorer.
    RETURNS (ClozeFiller): The component.
    """
    from .component import ClozeFiller

    return ClozeFiller(
        nlp.vocab,
        model,
        name=name,
        lang=str(nlp.lang),
        marker=marker,
        mode=mode,
        top_k=top_k,
        n_negatives=n_negatives,
        show_linked=show_linked,
        scorer=scorer,
    )
