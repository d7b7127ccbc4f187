"""Scorers of relations and of entity types."""

import re
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example

from ..annotate.relations import Relation, get_relations, has_relations

Facts = Set[Tuple[Any, ...]]  # (characters..., label)
_DIRECTION = re.compile(r"\(e[12],e[12]\)$")


def build_relation_scorer_v1(
    macro_labels: Optional[List[str]] = None, pool_directions: bool = False
) -> Callable[..., Dict[str, Any]]:
    """Score `doc._.mluke_relations`. Registered as `spacy-mluke.relation_scorer.v1`.

    A prediction is correct if head, tail and label are correct. Gold relations between spans that were never proposed
    count as misses. Examples without annotation are skipped.

    macro_labels (Optional[List[str]]): Labels over which macro scores are averaged. By default, those of the gold and
        predicted relations.
    pool_directions (bool): Count labels that differ only in direction, `x(e1,e2)` and `x(e2,e1)`, as one label; a
        wrong direction is still an error. KBP37 and RELX are scored like this.
    RETURNS (Callable): Examples -> rel_micro_{p,r,f}, rel_macro_{p,r,f}, rel_per_type; None without gold annotation.
    """
    return partial(score_relations, macro_labels=macro_labels, pool_directions=pool_directions)


def build_typing_scorer_v1(spans_key: str = "mluke_types") -> Callable[..., Dict[str, Any]]:
    """Score the types of entities in a span group. Registered as `spacy-mluke.typing_scorer.v1`.

    A prediction is correct if span and label are correct. If a reference lacks the group, the labels of its `doc.ents`
    are gold.

    spans_key (str): Key in `doc.spans`.
    RETURNS (Callable): Examples -> types_micro_{p,r,f}, types_macro_{p,r,f}, types_per_type; None without gold
        annotation.
    """
    return partial(score_types, spans_key=spans_key)


def score_relations(
    examples: Iterable[Example],
    *,
    macro_labels: Optional[List[str]] = None,
    pool_directions: bool = False,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Score relations; arguments as for `build_relation_scorer_v1`.

    examples (Iterable[Example]): Predicted and reference documents.
    RETURNS (Dict[str, Any]): The scores.
    """
    facts = [
        (relation_facts(eg.predicted), relation_facts(eg.reference)) for eg in examples if has_relations(eg.reference)
    ]
    return _score(facts, "rel", macro_labels, pooled_label if pool_directions else str)


def score_types(examples: Iterable[Example], *, spans_key: str, **kwargs: Any) -> Dict[str, Any]:
    """Score types; arguments as for `build_typing_scorer_v1`.

    examples (Iterable[Example]): Predicted and reference documents.
    RETURNS (Dict[str, Any]): The scores.
    """
    facts = []
    for eg in examples:
        has_group = spans_key in eg.reference.spans
        if not has_group and not eg.reference.has_annotation("ENT_IOB"):
            continue
        gold = eg.reference.spans[spans_key] if has_group else eg.reference.ents
        predicted = list(eg.predicted.spans.get(spans_key, []))
        facts.append((labelled_facts(predicted), labelled_facts(gold)))
    return _score(facts, "types", None, str)


def _score(
    facts: List[Tuple[Facts, Facts]], prefix: str, macro_labels: Optional[List[str]], name: Callable[[str], str]
) -> Dict[str, Any]:
    keys = [f"{prefix}_{mean}_{letter}" for mean in ("micro", "macro") for letter in "prf"]
    if not facts:
        return {**dict.fromkeys(keys), f"{prefix}_per_type": None}
    micro = PRFScore()
    per_type = {name(label): PRFScore() for label in macro_labels or []}
    for predicted, gold in facts:
        micro.score_set(predicted, gold)
        for label in {name(fact[-1]) for fact in predicted | gold}:
            per_type.setdefault(label, PRFScore()).score_set(
                {fact for fact in predicted if name(fact[-1]) == label},
                {fact for fact in gold if name(fact[-1]) == label},
            )
    means = [per_type[label] for label in (set(map(name, macro_labels)) if macro_labels else per_type)]
    n = max(len(means), 1)
    values = [micro.precision, micro.recall, micro.fscore]
    values += [sum(score.precision for score in means) / n, sum(score.recall for score in means) / n]
    values.append(sum(score.fscore for score in means) / n)
    scores: Dict[str, Any] = dict(zip(keys, values, strict=True))
    scores[f"{prefix}_per_type"] = {label: score.to_dict() for label, score in sorted(per_type.items())}
    return scores


def relation_facts(doc: Doc) -> Facts:
    """Return the relations of a document as tuples that can be compared.

    doc (Doc): The document.
    RETURNS (Facts): Character bounds of head and tail, and the label.
    """
    return set(map(relation_fact, get_relations(doc)))


def relation_fact(relation: Relation) -> Tuple[Any, ...]:
    """Return a relation as a tuple that can be compared.

    relation (Relation): The relation.
    RETURNS (Tuple[Any, ...]): Character bounds of head and tail, and the label.
    """
    head, tail = relation.head, relation.tail
    return head.start_char, head.end_char, tail.start_char, tail.end_char, relation.label


def labelled_facts(spans: Iterable[Any]) -> Facts:
    """Return labelled spans as tuples that can be compared.

    spans (Iterable[Span]): The spans.
    RETURNS (Facts): Character bounds and label of each.
    """
    return {(span.start_char, span.end_char, span.label_) for span in spans}


def pooled_label(label: str) -> str:
    """Remove the direction from a relation's label: `x` for `x(e1,e2)` and `x(e2,e1)`.

    label (str): The label.
    RETURNS (str): The label without the direction.
    """
    return _DIRECTION.sub("", label)
