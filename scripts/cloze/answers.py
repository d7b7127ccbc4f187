"""What an encoder answers: logits of entities, with several kinds of rows for entities that it was not trained with."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence

import numpy
import spacy
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from scripts.cloze.questions import Question
from spacy_mluke.align.masked_docs import build_masked_docs
from spacy_mluke.checkpoint.add_entities import name_rows
from spacy_mluke.encoder.inputs import MentionInput
from spacy_mluke.heads.mask_states import predict_masks
from spacy_mluke.kb.entities import Entity
from spacy_mluke.kb.vocabulary_matching import find_entity, new_entity
from spacy_mluke.network.tables import row_spread
from spacy_mluke.pipeline.cloze.masked_texts import MaskedText, mask_input

# Languages of the names that an entity's row is computed from by the encoder.
NAME_LANGUAGES = ("en", "de", "es", "ru", "ja")
_BATCH = 64


class Rows(NamedTuple):
    """Rows of entities, and their bias."""

    rows: Tensor  # (n_entities, entity_emb_size) float32
    bias: Tensor  # (n_entities,) float32


class Answerer:
    """Computes logits of entities at masks.

    checkpoint (str): The checkpoint; it has a head for entities.
    entities (Sequence[Entity]): Entities of the knowledge base: the candidates of all relations.
    """

    def __init__(self, checkpoint: str, entities: Sequence[Entity]):
        pipe: Any = spacy.blank("xx").add_pipe("mluke_cloze", config={"model": {"encoder": {"name": checkpoint}}})
        pipe.load()
        self.encoder = pipe.model.get_ref("encoder")
        self.loaded = pipe.loaded_encoder()
        self.head = self.loaded.heads.entity_predictions
        self.entities = list(entities)
        self.known = numpy.asarray([self.row_of(entity.id, entity) for entity in self.entities])

    def row_of(self, entity_id: str, entity: Any) -> int:
        """Return an entity's row in the encoder, found by its id or its id in another register; -1 if it has none."""
        found = find_entity(self.loaded.entities, entity_id, entity)
        return -1 if found is None or found.by_name else found.id

    def states(self, questions: Sequence[Question], subjects: Sequence[int]) -> Tensor:
        """Compute the states at the masks of questions.

        questions (Sequence[Question]): The questions.
        subjects (Sequence[int]): Row of each question's subject, which is read beside its words; -1 for words only.
        RETURNS (Tensor): Shape: (n_questions, width), float32.
        """
        inputs = []
        for start in range(0, len(questions), _BATCH):
            texts = []
            for question, row in zip(questions[start : start + _BATCH], subjects[start : start + _BATCH], strict=True):
                linked = [(*question.place, row)] if row >= 0 else []
                texts.append(MaskedText(question.text, [question.mask], question.lang, linked))
            inputs.append(mask_input(texts, [1] * len(texts)))
        return self._states(inputs, "questions")

    def trained_rows(self) -> Rows:
        """Return the rows of the entities that the encoder was trained with; those of others mean nothing."""
        ids = torch.from_numpy(self.known.clip(0))
        with torch.no_grad():
            rows = self.loaded.network.entity_embeddings.entity_embeddings(ids).float()
            return Rows(rows, self.head.bias[ids])

    def table(self) -> Rows:
        """Return the rows and biases of the encoder's own entities."""
        table: Any = self.loaded.network.entity_embeddings.entity_embeddings
        return Rows(table.weight.detach().float(), self.head.bias.detach().float())

    def name_rows(self) -> Rows:
        """Return rows made from the words of names, as `add_entities` makes them."""
        return self._with_mean_bias(name_rows(self.loaded, [new_entity(entity) for entity in self.entities]))

    def state_rows(self) -> Rows:
        """Return rows made from states: what the head makes of a [MASK] entity on each name, as a mean over names."""
        names = [_chosen_names(entity) for entity in self.entities]
        owners = torch.from_numpy(numpy.repeat(numpy.arange(len(names)), [len(own) for own in names]))
        flat = [name for own in names for name in own]
        inputs = []
        for start in range(0, len(flat), _BATCH):
            texts = flat[start : start + _BATCH]
            docs, spans = build_masked_docs(texts, [[(0, len(text))] for text in texts])
            n = len(texts)
            lengths = numpy.zeros(n, dtype="int64")
            inputs.append(MentionInput(docs, spans, entity_ids=numpy.full(n, -1, dtype="int64"), mask_lengths=lengths))
        queries = self.queries(self._states(inputs, "names"))
        means = torch.zeros(len(names), queries.shape[1]).index_add_(0, owners, queries)
        means /= torch.bincount(owners, minlength=len(names))[:, None]
        centre, distance = row_spread(self.loaded.network.entity_embeddings.entity_embeddings)
        return self._with_mean_bias(F.normalize(means - means.mean(dim=0), dim=1) * distance + centre)

    def queries(self, states: Tensor) -> Tensor:
        """Return what the head compares with rows. Shapes: (n, width), (n, entity_emb_size)."""
        with torch.no_grad():
            return self.head(states)

    def mixed(self, trained: Rows, others: Rows) -> Rows:
        """Return the trained rows where there are any, and other rows elsewhere."""
        is_known = torch.from_numpy(self.known >= 0)
        return Rows(
            torch.where(is_known[:, None], trained.rows, others.rows),
            torch.where(is_known, trained.bias, others.bias),
        )

    def _with_mean_bias(self, rows: Tensor) -> Rows:
        return Rows(rows, self.head.bias.detach().mean().expand(len(rows)))

    def _states(self, inputs: Sequence[MentionInput], what: str) -> Tensor:
        found = []
        for own in tqdm(inputs, desc=what, disable=None):
            states = predict_masks(self.encoder, own, 0)
            assert states.kept.all()  # each text fits into a sequence
            found.append(torch.from_numpy(numpy.asarray(states.entities)))
        return torch.cat(found)


def best(queries: Tensor, rows: Rows, candidates: Sequence[int]) -> List[int]:
    """Return the index of the entity with the highest logit.

    queries (Tensor): Shape: (n, entity_emb_size).
    rows (Rows): Rows of all entities.
    candidates (Sequence[int]): Indices of the entities to choose from.
    RETURNS (List[int]): Shape: (n,).
    """
    own = torch.tensor(list(candidates))
    places = (queries @ rows.rows[own].T + rows.bias[own]).argmax(dim=1)
    return own[places].tolist()


def _chosen_names(entity: Entity) -> List[str]:
    titles = new_entity(entity).titles
    chosen = [titles[lang] for lang in (*NAME_LANGUAGES, "") if lang in titles]
    return list(dict.fromkeys(chosen)) or list(titles.values())[:1]
