"""Train the pruner of `mluke_ner`, and measure how many entities pruning loses."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Model
from thinc.types import Ragged
from thinc.util import to_numpy

from ...annotate.named_entities import write_candidates
from ...encoder.inputs import EncoderInput
from ...encoder.request import EncoderModel
from ...errors import Errors, check_at_least, check_fraction, check_positive
from ...errors.renamed import take_renamed, warn_renamed
from ...heads.pruning import entity_edges, fit
from ...ragged import row_offsets
from ...suggesters.candidates import CandidateSpans, suggest_candidates
from ...types import Bools2d, Floats2d, Ints2d
from ..base.defaults import Suggester
from ..base.labels import LabelledPipe
from .gold_entities import UNKNOWN, GoldEntities, find_gold, find_gold_classes

# Maximum number of wordpieces to train on: all their states are in memory at once.
MAX_PIECES = 200_000
# What is saved about pruning, before there is any.
UNPRUNED: Dict[str, Any] = {"max_candidates_per_piece": None, "least_likelihood": 0.0}
_DOCS = 64


class PrunablePipe(LabelledPipe):
    """Base of `EntityRecognizer`: suggests candidates, and holds the pruner, which selects those to be classified."""

    renamed_options: ClassVar[Mapping[str, str]] = {"keep": "max_candidates_per_piece"}
    suggester: Suggester

    @property
    def gold_key(self) -> Optional[str]:
        """Key in `doc.spans` of gold entities; None if they are in `doc.ents`."""
        return self.cfg["spans_key"] if self.cfg["keep_nested"] else None

    @property
    def gold_hint(self) -> str:
        """Where gold entities are expected, in words."""
        return "doc.ents" if self.gold_key is None else f"doc.spans['{self.gold_key}'] or doc.ents"

    def check_state(self, state: Mapping[str, Any]) -> None:
        super().check_state(state)
        option = "max_candidates_per_piece"
        check_at_least(option, state.get(option), 0, whole=False, optional=True)
        check_fraction("least_likelihood", state.get("least_likelihood", 0.0))

    @property
    def max_candidates_per_piece(self) -> Optional[float]:
        """Maximum number of candidates that are classified, for each wordpiece of a sequence and for 16 more; None for
        all."""
        return self.cfg["max_candidates_per_piece"]

    @max_candidates_per_piece.setter
    def max_candidates_per_piece(self, value: Optional[float]) -> None:
        option = "max_candidates_per_piece"
        check_positive(option, value, optional=True)
        if value is not None and not self._has_pruner:
            raise ValueError(Errors.ML205.format(name=self.name))
        self.cfg[option] = value

    @property
    def least_likelihood(self) -> float:
        """Likelihood that a candidate must have by the pruner, so as to be classified: of an entity that begins and
        ends with its words, and has its length. 0 for no bound."""
        return self.cfg["least_likelihood"]

    @least_likelihood.setter
    def least_likelihood(self, value: float) -> None:
        check_fraction("least_likelihood", value)
        self.cfg["least_likelihood"] = value

    @property
    def keep(self) -> Optional[float]:
        """Deprecated name of `max_candidates_per_piece`."""
        warn_renamed("EntityRecognizer", "keep", "max_candidates_per_piece", kind="Attribute")
        return self.max_candidates_per_piece

    @keep.setter
    def keep(self, value: Optional[float]) -> None:
        warn_renamed("EntityRecognizer", "keep", "max_candidates_per_piece", kind="Attribute")
        self.max_candidates_per_piece = value

    @property
    def _has_pruner(self) -> bool:
        pruner = self.model.maybe_get_ref("pruner")
        return pruner is not None and bool(pruner.has_param("W"))

    def extra_params(self) -> Dict[str, Tuple[Model, str]]:
        pruner = self.model.maybe_get_ref("pruner")
        return {} if pruner is None else {f"pruner.{param}": (pruner, param) for param in pruner.param_names}

    def set_candidates(self, docs: Iterable[Doc], *, candidates_key: str = "candidates") -> None:
        """Write the candidate spans of documents to a span group, as spaCy's `SpanCategorizer` does.

        docs (Iterable[Doc]): The documents, changed in place.
        candidates_key (str): Key in `doc.spans` of the group.
        """
        docs = list(docs)
        spans = suggest_candidates(self.suggester, docs)
        offsets = row_offsets(spans.lengths).tolist()
        for doc, start, end in zip(docs, offsets[:-1], offsets[1:], strict=True):
            write_candidates(doc, spans.bounds[start:end], candidates_key)

    def learn_pruning(
        self,
        examples: Iterable[Example],
        *,
        max_candidates_per_piece: Optional[float] = 0.5,
        least_likelihood: float = 0.0,
        keep: Optional[float] = None,
    ) -> int:
        """Train the pruner, which estimates from the states of words where entities begin and end.

        From then on, only the most likely candidates are classified, and the others are negative. Encoder and head do
        not change.

        examples (Iterable[Example]): Annotated examples; a thousand sentences are enough.
        max_candidates_per_piece (Optional[float]): Number of candidates to classify, for each wordpiece of a sequence
            and for 16 more: a short sentence may consist of names. None to classify all.
        least_likelihood (float): Likelihood that a candidate must have, so as to be classified; 0 for no bound.
        keep (Optional[float]): Deprecated name of `max_candidates_per_piece`.
        RETURNS (int): Number of gold entities used.
        RAISES (ValueError): ML204 if there is no gold entity, ML205 for a head that reads words only.
        """
        limit = take_renamed(
            "EntityRecognizer.learn_pruning", "keep", "max_candidates_per_piece", keep, max_candidates_per_piece
        )
        check_fraction("least_likelihood", least_likelihood)
        self.load()
        n_entities = self._fit_pruner(examples)
        self.max_candidates_per_piece, self.least_likelihood = limit, least_likelihood
        return n_entities

    def _fit_pruner(self, examples: Iterable[Example]) -> int:
        model = self.model
        if not model.attrs["with_entities"]:
            raise ValueError(Errors.ML205.format(name=self.name))
        encoder: EncoderModel = model.get_ref("encoder")
        states: List[Floats2d] = []
        is_edge: List[Bools2d] = []
        bounds: List[Ints2d] = []
        n_pieces = 0
        for batch in minibatch(examples, _DOCS):
            known = [(eg, gold) for eg in batch if (gold := find_gold(eg, self.gold_key)) and not gold.unknown.any()]
            if not known:
                continue
            request = EncoderInput([eg.predicted for eg, _ in known], _entity_spans([gold for _, gold in known]))
            request.split_tokens, request.with_entities = True, False
            output = encoder.predict(request)
            rows = output.batch.output_pieces
            states.append(to_numpy(output.piece_states))
            is_edge.append(entity_edges(output.batch, rows))
            bounds.append(output.batch.entity_bounds)
            n_pieces += len(rows)
            if n_pieces >= MAX_PIECES:
                break
        n_entities = sum(map(len, bounds))
        if not n_entities:
            raise ValueError(Errors.ML204.format(name=self.name, where=self.gold_hint))
        fit(model.get_ref("pruner"), states, is_edge, numpy.concatenate(bounds))
        return n_entities


def pruning_recall(pipe: PrunablePipe, examples: Iterable[Example]) -> Optional[float]:
    """Return the fraction of gold entities that are among the candidates left by pruning.

    pipe (EntityRecognizer): The component.
    examples (Iterable[Example]): Annotated examples.
    RETURNS (Optional[float]): From 0 to 1; None without gold entities.
    """
    n_entities = n_kept = 0
    for batch in minibatch(examples, _DOCS):
        known = [(eg, gold) for eg in batch if (gold := find_gold(eg, pipe.gold_key)) is not None]
        docs = [eg.predicted for eg, _ in known]
        spans = suggest_candidates(pipe.suggester, docs)
        logits = pipe.predict(docs)[1]
        gold_classes = find_gold_classes([gold for _, gold in known], spans, lambda label: 1, 0)
        is_entity = (gold_classes.class_ids != UNKNOWN) & (gold_classes.class_ids != 0)
        n_entities += gold_classes.n_entities
        n_kept += int((is_entity & numpy.isfinite(logits[:, 0])).sum())
    return n_kept / n_entities if n_entities else None


def _entity_spans(gold: List[GoldEntities]) -> Ragged:
    bounds = [place for found in gold for place in sorted(found.labels)]
    lengths = numpy.asarray([len(found.labels) for found in gold], dtype="int64")
    return CandidateSpans(numpy.asarray(bounds, dtype="int64").reshape((-1, 2)), lengths).ragged
