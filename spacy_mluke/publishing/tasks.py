"""What components do, in the words of the Hugging Face hub, and what their scores are called."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .saved_pipeline import Component


class Task(NamedTuple):
    """A task of a component."""

    tag: str  # on the hub
    predicts: str
    where: str  # in which attribute


TASKS: Dict[str, Task] = {
    "mluke_ner": Task("token-classification", "named entities", "`doc.ents`"),
    "mluke_relations": Task("relation-extraction", "relations", "`doc._.mluke_relations`"),
    "mluke_linker": Task("entity-linking", "links to a knowledge base", "`ent.kb_id_`"),
    "mluke_mentions": Task("entity-linking", "mentions of known entities", "`doc.ents`"),
    "mluke_typing": Task("entity-typing", "types of entities", "`span._.mluke_types`"),
    "mluke_qa": Task("question-answering", "answers to questions", "`doc._.mluke_answers`"),
    "mluke_cloze": Task("fill-mask", "entities at masks", "`doc._.mluke_fillers`"),
    "mluke": Task("feature-extraction", "vectors of tokens and entities", "`doc._.mluke`, `span._.mluke_vector`"),
    "ner": Task("token-classification", "named entities", "`doc.ents`"),
    "tagger": Task("token-classification", "tags", "`token.tag_`"),
    "morphologizer": Task("token-classification", "morphology", "`token.morph`, `token.pos_`"),
    "parser": Task("token-classification", "dependencies", "`token.dep_`, `token.head`"),
    "senter": Task("token-classification", "sentences", "`doc.sents`"),
    "textcat": Task("text-classification", "categories", "`doc.cats`"),
    "textcat_multilabel": Task("text-classification", "categories", "`doc.cats`"),
    "spancat": Task("token-classification", "spans", "`doc.spans`"),
}
# Tasks of which the hub has a filter and a form to try a model.
_HUB_TASKS = ("token-classification", "question-answering", "text-classification", "fill-mask", "feature-extraction")
_METRICS = {"f": "f1", "f1": "f1", "p": "precision", "r": "recall", "em": "exact_match", "acc": "accuracy"}
# The beginning of a score's name, and its task.
_PREFIXES: Sequence[Any] = (
    ("ents_", "token-classification", "Named entities"),
    ("rel_", "relation-extraction", "Relations"),
    ("nel_", "entity-linking", "Links"),
    ("types_", "entity-typing", "Entity types"),
    ("qa_", "question-answering", "Answers"),
    ("cloze_", "fill-mask", "Masked entities"),
    ("cats_", "text-classification", "Categories"),
    ("spans_", "token-classification", "Spans"),
    ("tag_", "token-classification", "Tags"),
    ("pos_", "token-classification", "Parts of speech"),
    ("morph_", "token-classification", "Morphology"),
    ("dep_", "token-classification", "Dependencies"),
    ("sents_", "token-classification", "Sentences"),
)


class Score(NamedTuple):
    """A score of `meta["performance"]`."""

    key: str
    task: str  # tag of its task
    title: str
    metric: str  # as the hub calls it: f1, precision
    value: float  # from 0 to 1


def tags_of(components: Sequence[Component]) -> List[str]:
    """Return the tasks of components.

    components (Sequence[Component]): The components.
    RETURNS (List[str]): Tags, in the order of the components, each once.
    """
    found = [TASKS[one.factory].tag for one in components if one.factory in TASKS]
    # Vectors are mentioned only if they are all that there is.
    tags = list(dict.fromkeys(tag for tag in found if tag != "feature-extraction"))
    return tags or list(dict.fromkeys(found))


def hub_task(tags: Sequence[str]) -> Optional[str]:
    """Return the first task that the hub has a filter for.

    tags (Sequence[str]): Tags of tasks.
    RETURNS (Optional[str]): The tag; None if there is none.
    """
    return next((tag for tag in tags if tag in _HUB_TASKS), None)


def scores_of(performance: Mapping[str, Any]) -> List[Score]:
    """Return the scores that a card can show.

    performance (Mapping[str, Any]): `performance` of a pipeline's meta data.
    RETURNS (List[Score]): Numbers from 0 to 1 of known tasks, in their order. Losses, speeds and scores by label are
        not among them.
    """
    found = []
    for key, value in performance.items():
        known = next((own for own in _PREFIXES if key.startswith(own[0])), None)
        if known is None or isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            continue
        prefix, task, title = known
        parts = key[len(prefix) :].split("_")
        metric = next((_METRICS[part] for part in parts if part in _METRICS), key[len(prefix) :])
        found.append(Score(key, task, title, metric, float(value)))
    return found
