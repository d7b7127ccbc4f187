"""The factory of `mluke_relations`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER

if TYPE_CHECKING:
    from .component import RelationExtractor

RELATIONS: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.PairClassifier.v1", "encoder": ENCODER, "dropout": 0.1},
    "pairs": {
        "@misc": "spacy-mluke.entity_pairs.v1",
        "order": "both",
        "same_sentence": True,
        "max_distance": None,
        "labels": None,
    },
    "threshold": 0.0,
    "temperature": 1.0,
    "bias": 0.0,
    "no_label": "no_relation",
    "multi_label": False,
    "scorer": {"@scorers": "spacy-mluke.relation_scorer.v1", "macro_labels": None, "pool_directions": False},
}

RELATION_WEIGHTS: Dict[str, Optional[float]] = {
    "rel_micro_f": 1.0,
    "rel_micro_p": 0.0,
    "rel_micro_r": 0.0,
    "rel_macro_f": 0.0,
    "rel_macro_p": None,
    "rel_macro_r": None,
    "rel_per_type": None,
}


@Language.factory(
    "mluke_relations",
    requires=["doc.ents"],
    assigns=["doc._.mluke_relations"],
    default_config=RELATIONS,
    default_score_weights=RELATION_WEIGHTS,
)
def make_mluke_relations(
    nlp: Language,
    name: str,
    model: Model,
    pairs: Callable[..., Any],
    threshold: float,
    temperature: float,
    bias: float,
    no_label: str,
    multi_label: bool,
    scorer: Optional[Callable],
) -> "RelationExtractor":
    """Make `mluke_relations`. See `RelationExtractor` for the options."""
    from .component import RelationExtractor

    return RelationExtractor(
        nlp.vocab,
        model,
        pairs,
        name=name,
        threshold=threshold,
        temperature=temperature,
        bias=bias,
        no_label=no_label,
        multi_label=multi_label,
        scorer=scorer,
    )
