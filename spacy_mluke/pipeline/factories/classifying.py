"""Factories of components that label spans and pairs."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from .common import ENCODER, Suggester

if TYPE_CHECKING:
    from ..ner import EntityRecognizer
    from ..relations import RelationExtractor
    from ..typing import EntityTyper

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
    "no_label": "no_relation",
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

NER: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.SpanClassifier.v1", "encoder": ENCODER, "dropout": 0.1},
    "suggester": {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 16},
    "negative_label": "NIL",
    "threshold": 0.0,
    "spans_key": "mluke_ner",
    "keep_nested": False,
    "overwrite_ents": False,
    "negatives_per_token": None,
    "negative_weight": 1.0,
    "scorer": {"@scorers": "spacy.ner_scorer.v1"},
}

NER_WEIGHTS: Dict[str, Optional[float]] = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}

TYPING: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.EntityClassifier.v1", "encoder": ENCODER, "dropout": 0.1},
    "suggester": {"@misc": "spacy-mluke.ents_suggester.v1"},
    "spans_key": "mluke_types",
    "threshold": 0.5,
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
    no_label: str,
    scorer: Optional[Callable],
) -> "RelationExtractor":
    """Make the component that finds relations between entities.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[MarkedInput, GroupLogits]): `spacy-mluke.PairClassifier.v1`.
    pairs (PairGenerator): Which pairs of entities are looked at, `spacy-mluke.entity_pairs.v1`.
    threshold (float): Least probability of a relation.
    no_label (str): What the head's labels call the absence of a relation.
    scorer (Optional[Callable]): The scorer.
    RETURNS (RelationExtractor): The component.
    """
    from ..relations import RelationExtractor

    return RelationExtractor(nlp.vocab, model, pairs, name=name, threshold=threshold, no_label=no_label, scorer=scorer)


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
    spans_key: str,
    keep_nested: bool,
    overwrite_ents: bool,
    negatives_per_token: Optional[float],
    negative_weight: float,
    scorer: Optional[Callable],
) -> "EntityRecognizer":
    """Make the component that finds names.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[Tuple[List[Doc], Ragged], Floats2d]): `spacy-mluke.SpanClassifier.v1`.
    suggester (Suggester): Which spans are looked at, by default all of up to 16 tokens.
    negative_label (str): What the head's labels call a span that is no name.
    threshold (float): Least probability of a name.
    spans_key (str): Key in `doc.spans` of what was found, with scores.
    keep_nested (bool): Whether names inside names are learnt and found, too, for `doc.spans`.
    overwrite_ents (bool): Whether entities that stand in `doc.ents` give way to predicted ones.
    negatives_per_token (Optional[float]): Spans without a name that are drawn in training for each token; None for all.
    negative_weight (float): Their weight in the loss.
    scorer (Optional[Callable]): The scorer.
    RETURNS (EntityRecognizer): The component.
    """
    from ..ner import EntityRecognizer

    return EntityRecognizer(
        nlp.vocab,
        model,
        suggester,
        name=name,
        negative_label=negative_label,
        threshold=threshold,
        spans_key=spans_key,
        keep_nested=keep_nested,
        overwrite_ents=overwrite_ents,
        negatives_per_token=negatives_per_token,
        negative_weight=negative_weight,
        scorer=scorer,
    )


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
    overwrite_label: bool,
    scorer: Optional[Callable],
) -> "EntityTyper":
    """Make the component that types entities.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[MarkedInput, GroupLogits]): `spacy-mluke.EntityClassifier.v1`.
    suggester (Suggester): Which spans are typed, by default `doc.ents`.
    spans_key (str): Key in `doc.spans` of the types that reach the threshold, and of gold ones.
    threshold (float): Least probability.
    overwrite_label (bool): Whether entities of `doc.ents` get their most probable type as label.
    scorer (Optional[Callable]): The scorer.
    RETURNS (EntityTyper): The component.
    """
    from ..typing import EntityTyper

    return EntityTyper(
        nlp.vocab,
        model,
        suggester,
        name=name,
        spans_key=spans_key,
        threshold=threshold,
        overwrite_label=overwrite_label,
        scorer=scorer,
    )
