"""The factory of `mluke_typing`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Suggester

if TYPE_CHECKING:
    from .component import EntityTyper

TYPING: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.EntityClassifier.v1", "encoder": ENCODER, "dropout": 0.1},
    "suggester": {"@misc": "spacy-mluke.ents_suggester.v1"},
    "spans_key": "mluke_types",
    "threshold": 0.5,
    "temperature": 1.0,
    "overwrite_label": False,
    "scorer": {"@scorers": "spacy-mluke.typing_scorer.v1", "spans_key": "mluke_types"},
}

TYPING_WEIGHTS: Dict[str, Optional[float]] = {
    "types_micro_f": 1.0,
    "types_micro_p": 0.0,
    "types_micro_r": 0.0,
    "types_macro_f": 0.0,
    "types_macro_p": None,
    "types_macro_r": None,
    "types_per_type": None,
}


@Language.factory(
    "mluke_typing",
    requires=["doc.ents"],
    assigns=["span._.mluke_types", "doc.spans"],
    default_config=TYPING,
    default_score_weights=TYPING_WEIGHTS,
)
def make_mluke_typing(
    nlp: Language,
    name: str,
    model: Model,
    suggester: Suggester,
    spans_key: str,
    threshold: float,
    temperature: float,
    overwrite_label: bool,
    scorer: Optional[Callable],
) -> "EntityTyper":
    """Make `mluke_typing`. See `EntityTyper` for the options."""
    from .component import EntityTyper

    return EntityTyper(
        nlp.vocab,
        model,
        suggester,
        name=name,
        spans_key=spans_key,
        threshold=threshold,
        temperature=temperature,
        overwrite_label=overwrite_label,
        scorer=scorer,
    )
