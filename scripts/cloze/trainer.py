"""Make examples of facts, and train rows of their objects."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Dict, List, Sequence

import torch

from scripts.cloze.answers import Answerer, Rows
from scripts.cloze.fitting import Examples, fit_rows, make_examples
from scripts.cloze.questions import Question
from scripts.cloze.statements import bundled_templates, make_statements, own_templates
from scripts.cloze.states import StateFiles
from scripts.world.facts import Fact
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.vocabulary.entity_names import key_of

# Sentences for each fact of mluke-small that is repeated.
_N_REPEATED = 2


class Trainer:
    """Makes examples of facts, and trains rows.

    answerer (Answerer): The encoder, for the entities that get rows.
    store (EntityStore): The knowledge base.
    output (Path): Folder for states.
    ids (Sequence[str]): Ids of the entities that get rows.
    """

    def __init__(self, answerer: Answerer, store: EntityStore, output: Path, ids: Sequence[str]):
        self.answerer = answerer
        self.store = store
        self.states = StateFiles(answerer, output / "states")
        self.places = {entity_id: place for place, entity_id in enumerate(ids)}
        self.special = sorted(set(answerer.loaded.entities.special))
        self._known: Dict[str, int] = {}

    def known(self, entity_id: str) -> int:
        """Return the row of an entity in the encoder; -1 for none."""
        if entity_id not in self._known:
            self._known[entity_id] = self.answerer.row_of(entity_id, self.store.get(entity_id))
        return self._known[entity_id]

    def id_of(self, row: int) -> str:
        """Return the id of an entity of the encoder in the knowledge base, which may lack it: then "#" and the row."""
        names = self.answerer.loaded.entities.names(row)
        key = key_of(names) if names else ""
        return (self.store.find_id(key) if key else None) or f"#{row}"

    def examples(
        self, stated: List[Fact], facts: List[Fact], repeated: List[Fact], bundled: List[Fact], n_sentences: int
    ) -> Examples:
        """Return sentences of new facts, and of facts that the encoder was trained with.

        stated (List[Fact]): Facts to state.
        facts (List[Fact]): All facts that may be stated: their objects do not count as wrong.
        repeated (List[Fact]): Facts of the encoder to repeat.
        bundled (List[Fact]): All facts that it was trained with.
        n_sentences (int): Sentences for each fact. In every second one, the encoder reads the subject's entity, if it
            has a row.
        RETURNS (Examples): The examples.
        """
        objects: Dict[tuple[str, str], List[str]] = defaultdict(list)
        for fact in (*facts, *bundled):
            objects[fact.relation, fact.subject].append(fact.object)
        questions: List[Question] = []
        found: List[torch.Tensor] = []
        # Sentences of a fact have different templates.
        parts = [{r: own[turn::n_sentences] for r, own in own_templates().items()} for turn in range(n_sentences)]
        kinds = ((stated, parts), (repeated, [bundled_templates()] * _N_REPEATED))
        for own, templates_of in kinds:
            for turn, templates in enumerate(templates_of):
                made = make_statements(own, templates, self.store, seed=turn)
                subjects = [self.known(question.subject) if turn % 2 else -1 for question in made]
                found.append(self.states.queries(made, subjects))
                questions += made
        right = [
            list(dict.fromkeys([question.right[0], *objects[question.relation, question.subject]]))
            for question in questions
        ]
        known = {entity_id: self.known(entity_id) for own in right for entity_id in own}
        known = {entity_id: row for entity_id, row in known.items() if row >= 0}
        return make_examples(torch.cat(found), right, self.places, known)

    def fit(self, examples: Examples, stated: Sequence[Fact], epochs: int, decay: float) -> Rows:
        """Train the rows. They start from names. The objects of a relation are a group.

        examples (Examples): The sentences.
        stated (Sequence[Fact]): The facts whose objects get rows.
        epochs (int): Times that each sentence is seen.
        decay (float): As for `fit_rows`.
        RETURNS (Rows): The rows.
        """
        relations = sorted({fact.relation for fact in stated})
        groups = torch.zeros(len(self.places), len(relations))
        for fact in stated:
            groups[self.places[fact.object], relations.index(fact.relation)] = 1
        table, start = self.answerer.table(), self.answerer.name_rows()
        return fit_rows(examples, table, self.special, start, epochs, groups=groups, decay=decay)
