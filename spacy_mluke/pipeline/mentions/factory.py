"""The factory of `mluke_mentions`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from spacy.language import Language

from ..base.defaults import STORE, Source

if TYPE_CHECKING:
    from .component import MentionRecognizer

MENTIONS: Dict[str, Any] = {
    "candidates": STORE,
    "types": None,
    "min_length": 2,
    "skip_parts": True,
    "split_tokens": True,
    "overwrite": False,
    "scorer": {"@scorers": "spacy.ner_scorer.v1"},
}

MENTION_WEIGHTS: Dict[str, Optional[float]] = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}


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
    skip_parts: bool,
    split_tokens: bool,
    overwrite: bool,
    scorer: Optional[Callable],
) -> "MentionRecognizer":
    """Make `mluke_mentions`. See `MentionRecognizer` for the options."""
    from .component import MentionRecognizer

    return MentionRecognizer(
        nlp.vocab,
        candidates,
        name=name,
        types=types,
        min_length=min_length,
        skip_parts=skip_parts,
        split_tokens=split_tokens,
        overwrite=overwrite,
        scorer=scorer,
    )
