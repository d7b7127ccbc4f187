"""Learning which candidates `mluke_ner` need not look at, and how many names that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, List, Optional

import numpy
from spacy.training import Example
from spacy.util import minibatch
from thinc.types import Ragged
from thinc.util import to_numpy

from ...encoder.inputs import EncoderInput
from ...encoder.request import EncoderModel
from ...errors import Errors
from ...heads.pruning import entity_edges, fit
from ...suggesters.candidates import CandidateSpans, suggest_candidates
from ...types import Bools2d, Floats2d, Ints2d
from .gold_spans import UNKNOWN, Gold, classify, find_gold

if TYPE_CHECKING:
    from .component import EntityRecognizer

# Wordpieces that are learnt from at most: their states are held together.
MAX_PIECES = 200_000
_DOCS = 64


def learn_pruning(pipe: EntityRecognizer, examples: Iterable[Example]) -> int:
    """Learn where names begin and end, from the states of words.

    pipe (EntityRecognizer): The component. Its encoder and its head stay as they are.
    examples (Iterable[Example]): Annotated examples; those where anything is unknown are left out.
    RETURNS (int): Names that it was learnt from.
    RAISES (ValueError): ML205 for a head without entities, ML204 if there is no name.
    """
    model = pipe.model
    if not model.attrs["with_entities"]:
        raise ValueError(Errors.ML205.format(name=pipe.name))
    encoder: EncoderModel = model.get_ref("encoder")
    states: List[Floats2d] = []
    is_edge: List[Bools2d] = []
    bounds: List[Ints2d] = []
    n_pieces = 0
    for batch in minibatch(examples, _DOCS):
        known = [(eg, gold) for eg in batch if (gold := find_gold(eg, pipe.gold_key)) and not gold.unknown.any()]
        if not known:
            continue
        asked = EncoderInput([eg.predicted for eg, _ in known], _names([gold for _, gold in known]))
        asked.split_tokens, asked.with_entities = True, False
        output = encoder.predict(asked)
        rows = output.batch.output_pieces
        states.append(to_numpy(output.piece_states))
        is_edge.append(entity_edges(output.batch, rows))
        bounds.append(output.batch.entity_bounds)
        n_pieces += len(rows)
        if n_pieces >= MAX_PIECES:
            break
    n_names = sum(map(len, bounds))
    if not n_names:
        raise ValueError(Errors.ML204.format(name=pipe.name, where=pipe.gold_hint))
    fit(model.get_ref("pruner"), states, is_edge, numpy.concatenate(bounds))
    return n_names


def pruning_recall(pipe: EntityRecognizer, examples: Iterable[Example]) -> Optional[float]:
    """How many gold names are among the candidates that are looked at.

    pipe (EntityRecognizer): The component.
    examples (Iterable[Example]): Annotated examples.
    RETURNS (Optional[float]): From 0 to 1; None without names.
    """
    n_names = n_kept = 0
    for batch in minibatch(examples, _DOCS):
        known = [(eg, gold) for eg in batch if (gold := find_gold(eg, pipe.gold_key)) is not None]
        docs = [eg.predicted for eg, _ in known]
        spans = suggest_candidates(pipe.suggester, docs)
        logits = pipe.predict(docs)[1]
        truth = classify([gold for _, gold in known], spans, lambda label: 1, 0)
        is_name = (truth.rows != UNKNOWN) & (truth.rows != 0)
        n_names += truth.n_names
        n_kept += int((is_name & numpy.isfinite(logits[:, 0])).sum())
    return n_kept / n_names if n_names else None


def _names(gold: List[Gold]) -> Ragged:
    bounds = [place for found in gold for place in sorted(found.labels)]
    lengths = numpy.asarray([len(found.labels) for found in gold], dtype="int64")
    return CandidateSpans(numpy.asarray(bounds, dtype="int64").reshape((-1, 2)), lengths).ragged
