"""Factories of components that know entities."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from spacy.language import Language
from thinc.api import Model

from .common import ENCODER, Source

if TYPE_CHECKING:
    from ..cloze import ClozeFiller
    from ..linker import MaskedEntityLinker
    from ..mentions import MentionRecognizer
    from ..pretraining import EntityPretrainer

# The bundled store: a component works when it is added.
STORE: Dict[str, Any] = {
    "@misc": "spacy-mluke.store_candidates.v1",
    "path": "world",
    "lang": "auto",
    "match": "loose",
}

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

MENTIONS: Dict[str, Any] = {
    "candidates": STORE,
    "types": None,
    "min_length": 2,
    "split_tokens": True,
    "overwrite": False,
    "scorer": {"@scorers": "spacy.ner_scorer.v1"},
}

MENTION_WEIGHTS: Dict[str, Optional[float]] = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}

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
    from ..linker import MaskedEntityLinker

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
    from ..cloze import ClozeFiller

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


@Language.factory(
    "mluke_mentions",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config=MENTIONS,
    default_score_weights=MENTION_WEIGHTS,
)
def make_mluke_mentions(
    nlp: Language,
    name: str,
    candidates: Source,
    types: Optional[List[str]],
    min_length: int,
    split_tokens: bool,
    overwrite: bool,
    scorer: Optional[Callable],
) -> "MentionRecognizer":
    """Make the component that finds the names of a knowledge base in text.

    nlp (Language): The pipeline.
    name (str): The component's name.
    candidates (CandidateSource): The knowledge base, `spacy-mluke.store_candidates.v1` or
        `spacy-mluke.kb_candidates.v1`.
    types (Optional[List[str]]): Types of entities whose names are looked for; None for all.
    min_length (int): Characters of a name at least.
    split_tokens (bool): Whether tokens are split where a name begins or ends inside them: in scripts without spaces, at
        apostrophes and dashes. If not, such names are left out.
    overwrite (bool): Whether entities that stand in `doc.ents` give way to names that overlap them.
    scorer (Optional[Callable]): The scorer.
    RETURNS (MentionRecognizer): The component.
    """
    from ..mentions import MentionRecognizer

    return MentionRecognizer(
        nlp.vocab,
        candidates,
        name=name,
        types=types,
        min_length=min_length,
        split_tokens=split_tokens,
        overwrite=overwrite,
        scorer=scorer,
    )


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
    from ..pretraining import EntityPretrainer

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
