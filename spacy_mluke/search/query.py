"""Queries in words: a mention in a sentence, or a name that a knowledge base knows."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from spacy.language import Language
from spacy.tokens import Span

from ..annotate.mentions import write_mentions
from ..bulk.vectors import find_encoder
from ..errors import Errors
from ..kb.store import EntityStore

_CROSS_REFERENCE = "xref"


def split_brackets(query: str) -> Optional[Tuple[str, int, int]]:
    """Return the sentence of a query such as "[Tokyo] is far.", without the brackets.

    query (str): The query.
    RETURNS (Optional[Tuple[str, int, int]]): The sentence, and first character and end of the mention; None if the
        query has no brackets.
    RAISES (ValueError): ML434 if it has more than a pair of them, or nothing in them.
    """
    if "[" not in query and "]" not in query:
        return None
    before, _, rest = query.partition("[")
    mention, _, after = rest.partition("]")
    if query.count("[") != 1 or query.count("]") != 1 or query.index("[") > query.index("]") or not mention.strip():
        reason = "one mention must be in square brackets, as in 'We met in [Tokyo].'"
        raise ValueError(Errors.ML434.format(query=query, reason=reason))
    return before + mention + after, len(before), len(before) + len(mention)


def encode_mention(nlp: Language, text: str, start: int, end: int) -> Span:
    """Annotate a sentence with one mention that is given.

    nlp (Language): The pipeline. Its components find other mentions, too, as in the corpus that it annotated.
    text (str): The sentence.
    start (int): First character of the mention.
    end (int): End of the mention. Both are moved to bounds of tokens.
    RETURNS (Span): The mention, with `span._.mluke_vector`, and `kb_id_` if the pipeline links it.
    RAISES (ValueError): ML434 if there is no such mention, or if the pipeline has no `mluke`.
    """
    encoder = find_encoder(nlp)
    if encoder is None:
        raise ValueError(Errors.ML434.format(query=text, reason="the pipeline has no 'mluke', which makes vectors"))
    doc = nlp.make_doc(text)
    mention = doc.char_span(start, end, alignment_mode="expand") if 0 <= start < end <= len(text) else None
    if mention is None:
        raise ValueError(Errors.ML434.format(query=text, reason=f"it has no mention from {start} to {end}"))
    for name, pipe in nlp.pipeline:
        if name == encoder:
            # Components may have split tokens since.
            there: Any = doc.char_span(mention.start_char, mention.end_char, alignment_mode="expand")
            found = next((ent for ent in doc.ents if (ent.start, ent.end) == (there.start, there.end)), None)
            if found is None:
                write_mentions(doc, [Span(doc, there.start, there.end, label="ENTITY")], overwrite=True)
        doc = pipe(doc)
    there = doc.char_span(mention.start_char, mention.end_char, alignment_mode="expand")
    return next((ent for ent in doc.ents if (ent.start, ent.end) == (there.start, there.end)), there)


def all_ids(store: EntityStore, kb_id: str) -> List[str]:
    """Return the ids of an entity in all registers that a knowledge base knows.

    store (EntityStore): The knowledge base.
    kb_id (str): One of its ids.
    RETURNS (List[str]): That of the store, and those in other registers; only `kb_id` for an unknown one.
    """
    entity = store.get(kb_id)
    if entity is None:
        return [kb_id]
    return list(dict.fromkeys([entity.id, *(own.name for own in entity.names if own.kind == _CROSS_REFERENCE)]))


def find_ids(store: EntityStore, name: str, lang: Optional[str] = None) -> List[List[str]]:
    """Return the entities that a name may mean.

    store (EntityStore): The knowledge base.
    name (str): The name, or an id.
    lang (Optional[str]): Its language; None for any.
    RETURNS (List[List[str]]): For each entity its ids: that of the store, and those in other registers. The most likely
        entity is first.
    RAISES (ValueError): ML434 if the store has no entity with that name.
    """
    ids = [name] if store.get(name) is not None else [match.id for match in store.candidates(name, lang)]
    found = [all_ids(store, kb_id) for kb_id in ids]
    if not found:
        reason = "the knowledge base has no entity with this name"
        raise ValueError(Errors.ML434.format(query=name, reason=reason))
    return found
