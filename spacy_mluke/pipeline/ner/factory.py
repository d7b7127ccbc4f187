"""The factory of `mluke_ner`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Suggester

if TYPE_CHECKING:
    from .component import EntityRecognizer

NER: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.SpanClassifier.v1", "encoder": ENCODER, "dropout": 0.1},
    "suggester": {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 16},
    "negative_label": "NIL",
    "threshold": 0.0,
    "temperature": 1.0,
    "spans_key": "mluke_ner",
    "keep_nested": False,
    "overwrite_ents": False,
    "negatives_per_token": None,
    "negative_sampling": "uniform",
    "negative_weight": 1.0,
    "scorer": {"@scorers": "spacy-mluke.ner_scorer.v1"},
}

NER_WEIGHTS: Dict[str, Optional[float]] = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}


@Language.factory(
    "mluke_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans"],
    default_config=NER,
    default_score_weights=NER_WEIGHTS,
)
def make_mluke_ner(
    nlp: Language,
    name: str,
    model: Model,
    suggester: Suggester,
    negative_label: str,
    threshold: float,
    temperature: float,
    spans_key: str,
    keep_nested: bool,
    overwrite_ents: bool,
    negatives_per_token: Optional[float],
    negative_sampling: str,
    negative_weight: float,
    scorer: Optional[Callable],
) -> "EntityRecognizer":
    """Make `mluke_ner`. See `EntityRecognizer` for the options."""
    from .component import EntityRecognizer

    return EntityRecognizer(
        nlp.vocab,
        model,
        suggester,
        name=name,
        negative_label=negative_label,
        threshold=threshold,
        temperature=temperature,
        spans_key=spans_key,
        keep_nested=keep_nested,
        overwrite_ents=overwrite_ents,
        negatives_per_token=negatives_per_token,
        negative_sampling=negative_sampling,
        negative_weight=negative_weight,
        scorer=scorer,
    )
