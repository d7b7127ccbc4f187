"""The registered factories. spaCy imports this file whenever a Language is made, so nothing heavy stands here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model
from thinc.types import Ragged

if TYPE_CHECKING:
    from .mluke import MLuke
    from .relations import RelationExtractor
    from .typing import EntityTyper

# As spaCy's: (docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged of (start, end) token rows.
Suggester = Callable[..., Ragged]

ENCODER: Dict[str, Any] = {
    "@architectures": "spacy-mluke.Encoder.v1",
    "name": "mluke-small",
    "visibility": "joint",
    "segmentation": "auto",
    "entity_input": "mask",
    "window": 512,
    "overlap": 128,
    "max_entities": 128,
    "max_mention_length": 30,
    "batch_rows": 1024,
    "dtype": "float32",
}

MLUKE: Dict[str, Any] = {
    "model": ENCODER,
    "suggester": {"@misc": "spacy-mluke.ents_suggester.v1"},
    "keep_token_states": True,
    "set_vectors": False,
    "buffer_tokens": 50_000,
}

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
    "mluke",
    assigns=["doc._.mluke", "doc._.trf_data", "span._.mluke_vector"],
    default_config=MLUKE,
)
def make_mluke(
    nlp: Language,
    name: str,
    model: Model,
    suggester: Suggester,
    keep_token_states: bool,
    set_vectors: bool,
    buffer_tokens: int,
) -> MLuke:
    """Make the component that encodes documents and their entity spans.

    nlp (Language): The pipeline.
    name (str): The component's name.
    model (Model[EncoderInput, EncoderOutput]): The encoder, `spacy-mluke.Encoder.v1`.
    suggester (Suggester): Which spans become entities, by default `doc.ents`.
    keep_token_states (bool): Whether wordpiece states stay on the document. Listeners and `token_vectors` need them;
        without them, windows of a long document that hold no entity are not even read.
    set_vectors (bool): Whether `.vector` and `.similarity` of the document, its spans and tokens read mLUKE's vectors.
    buffer_tokens (int): Tokens that `nlp.pipe` reads ahead, to encode passes of like length together.
    RETURNS (MLuke): The component.
    """
    from .mluke import MLuke

    return MLuke(
        nlp.vocab,
        model,
        suggester,
        name=name,
        keep_token_states=keep_token_states,
        set_vectors=set_vectors,
        buffer_tokens=buffer_tokens,
    )


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
) -> RelationExtractor:
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
    from .relations import RelationExtractor

    return RelationExtractor(nlp.vocab, model, pairs, name=name, threshold=threshold, no_label=no_label, scorer=scorer)


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
) -> EntityTyper:
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
    from .typing import EntityTyper

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
