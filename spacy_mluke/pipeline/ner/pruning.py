"""Train the pruner of `mluke_ner`, and measure how many entities pruning loses."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Optional, Set, Tuple, cast

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Model
from thinc.types import Ragged
from thinc.util import to_numpy

from ...annotate.named_entities import write_candidates
from ...annotate.selection import pick_flat, pick_nested
from ...encoder.inputs import EncoderInput
from ...encoder.request import EncoderModel
from ...errors import Errors, check_at_least, check_by_label, check_fraction, check_number, check_positive
from ...errors.renamed import take_renamed, warn_renamed
from ...heads.candidate_selection import BIAS, FEATURES, Pruning, candidate_features
from ...heads.pruning import edge_columns, entity_edges, fit, fit_weights
from ...ragged import row_offsets
from ...suggesters.candidates import CandidateSpans, suggest_candidates
from ...types import Bools1d, Bools2d, Floats2d, Ints2d
from ..base.defaults import Suggester
from ..base.labels import LabelledPipe
from .decoding import rank_entities
from .gold_entities import UNKNOWN, GoldEntities, find_gold, find_gold_classes

# Maximum number of wordpieces to train on: all their states are in memory at once.
MAX_PIECES = 200_000
# What is saved about pruning, before there is any.
UNPRUNED: Dict[str, Any] = {"max_candidates_per_piece": None, "least_likelihood": 0.0, "candidate_weights": None}
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
        weights = state.get("candidate_weights")
        if weights is not None:
            check_by_label("candidate_weights", weights, check_number)
            missing = {*FEATURES, BIAS} - set(weights)
            if missing:
                raise ValueError(Errors.ML404.format(name=self.name, missing=", ".join(sorted(missing))))

    @property
    def negative_id(self) -> int:
        """Index of the negative class."""
        return self.classes.index(self.cfg["negative_label"])

    @property
    def pruning(self) -> Optional[Pruning]:
        """Which candidates are classified; None for all."""
        limit, weights = self.max_candidates_per_piece, self.cfg["candidate_weights"]
        return None if limit is None else Pruning(limit, self.least_likelihood, weights, self.negative_id)

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
        self.cfg["candidate_weights"] = None
        return n_entities

    def learn_candidate_weights(self, docs: Iterable[Doc], *, lost: float = 0.001) -> int:
        """Learn which of the candidates that the pruner selects need not be classified, from the predictions without.

        Six weights say, before a candidate is encoded, how probably it is an entity: by the pruner, by where other
        entities begin and end inside it, and by what the head says of its first and last word. The texts need no
        annotation. `learn_pruning` removes the weights again.

        docs (Iterable[Doc]): Texts, with some thousand entities: of fewer than 1 / `lost`, none is lost, and the least
            likely one decides how many candidates are left.
        lost (float): Fraction of the predicted entities that may be lost.
        RETURNS (int): Number of predicted entities in the texts.
        RAISES (ValueError): ML205 if it has not been trained to prune, ML403 if it predicts no entity.
        """
        check_fraction("lost", lost)
        self.load()
        self.cfg["candidate_weights"] = None
        if self.pruning is None:
            raise ValueError(Errors.ML205.format(name=self.name))
        parts = [self._judge_candidates(list(part)) for part in minibatch(docs, _DOCS)]
        n_entities = sum(int(is_found.sum()) for _, _, is_found in parts)
        if not n_entities:
            raise ValueError(Errors.ML403.format(name=self.name))
        columns = (numpy.concatenate(own) for own in zip(*parts, strict=True))
        self.cfg["candidate_weights"] = fit_weights(*columns, lost=lost)
        return n_entities

    def _judge_candidates(self, docs: List[Doc]) -> Tuple[Floats2d, Bools1d, Bools1d]:
        """Features of the selected candidates, whether each has a label, and whether it is predicted in the end."""
        model, options = self.model, self.cfg
        spans = suggest_candidates(self.suggester, docs)
        logits = self.predict(docs)[1]
        request = EncoderInput(docs, spans.ragged, with_all_pieces=True, split_tokens=True, with_entities=False)
        output = model.get_ref("encoder").predict(request)
        pruner = model.get_ref("pruner")
        columns = edge_columns(pruner, model.get_ref("linear"), cast(Any, output.piece_states))
        chosen = numpy.flatnonzero(numpy.isfinite(logits[:, 0]))
        rows, lengths = output.batch.span_rows[chosen], to_numpy(pruner.get_param("L"))
        features = candidate_features(columns, lengths, output.batch, rows, self.negative_id)
        ranked = rank_entities(
            spans,
            logits,
            self.classes,
            negative=self.negative_id,
            threshold=options["threshold"],
            temperature=options["temperature"],
        )
        found: Set[Tuple[int, ...]] = set()
        for n, (doc, own) in enumerate(zip(docs, ranked, strict=True)):
            kept = pick_nested(own.bounds) if options["keep_nested"] else pick_flat(own.bounds, len(doc), [])
            found.update((n, *own.bounds[i]) for i in kept)
        keys = zip(spans.docs[chosen].tolist(), *spans.bounds[chosen].T.tolist(), strict=True)
        is_found = numpy.asarray([key in found for key in keys], dtype=bool)
        return features, logits[chosen].argmax(axis=1) != self.negative_id, is_found

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
