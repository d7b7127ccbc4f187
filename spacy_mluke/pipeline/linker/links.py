"""From the probabilities of candidates to links, and a comparison with gold links."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.pipeline import EntityLinker
from spacy.training import Example

from ...annotate.links import Candidate
from ...heads.calibration import ClassLogits
from ...scorers.confidence import Judged, judge_links
from ...types import Counts, Floats1d
from .mention_scores import Mention, temper
from .training import Bounds, gold_links

NIL = EntityLinker.NIL


class Link(NamedTuple):
    """What a mention is linked to."""

    bounds: Bounds  # in tokens
    kb_id: str  # NIL for nothing
    candidates: List[Candidate]  # best first
    types: List[str]  # types of the candidates


@dataclass
class Links:
    """The mentions of a document, and the probabilities of their candidates at temperature 1."""

    mentions: List[Mention] = field(default_factory=list)
    scores: List[Floats1d] = field(default_factory=list)

    def decide(self, threshold: Optional[float], temperature: float) -> List[Link]:
        """Link each mention to its best candidate, or to nothing.

        threshold (Optional[float]): Minimum probability of a link.
        temperature (float): Temperature of the probabilities.
        RETURNS (List[Link]): The links of the mentions.
        """
        found = []
        for mention, scores in zip(self.mentions, self.scores, strict=True):
            tempered = temper(scores, temperature)
            order = numpy.argsort(-scores, kind="stable").tolist()
            ranked = [Candidate(mention.ids[i], float(mention.priors[i]), float(tempered[i])) for i in order]
            is_link = bool(ranked) and mention.nil <= 0.5
            if is_link and threshold is not None:
                is_link = ranked[0].score * (1 - mention.nil) >= threshold
            kb_id = ranked[0].entity if is_link else NIL
            found.append(Link((mention.start, mention.end), kb_id, ranked, [mention.types[i] for i in order]))
        return found


class JudgedLinks:
    """Base of `MaskedEntityLinker`: compares its predictions with gold links."""

    def class_logits(self, examples: Sequence[Example], prediction: Tuple[List[Links], Counts]) -> ClassLogits:
        """Return the logits of the candidates of annotated mentions, to fit the temperature.

        examples (Sequence[Example]): Examples with gold links.
        prediction (Prediction): The prediction, as returned by `predict`.
        RETURNS (ClassLogits): An item for each mention whose gold entity is one of its candidates.
        """
        return candidate_logits([gold_links(eg)[0] for eg in examples], prediction[0])

    def judge(self, example: Example) -> Judged:
        """Compare the links of an annotated document with the gold ones.

        example (Example): The annotated document, and its reference.
        RETURNS (Judged): The links of mentions that have a gold entity, or are NIL.
        """
        return judge_links(example, nil=NIL)


def candidate_logits(golds: Sequence[Dict[Bounds, str]], links: Sequence[Links]) -> ClassLogits:
    """Return the log-probabilities of mentions' candidates, as logits.

    golds (Sequence[Dict[Bounds, str]]): The gold links of each document.
    links (Sequence[Links]): Its mentions, and the probabilities of their candidates.
    RETURNS (ClassLogits): An item for each mention whose gold entity is one of its candidates.
    """
    scores = [numpy.zeros(0)]
    truth: List[bool] = []
    lengths: List[int] = []
    for gold, link in zip(golds, links, strict=True):
        for mention, own in zip(link.mentions, link.scores, strict=True):
            kb_id = gold.get((mention.start, mention.end))
            if kb_id in mention.ids:
                scores.append(own)
                truth += [entity == kb_id for entity in mention.ids]
                lengths.append(len(own))
    with numpy.errstate(divide="ignore"):
        logits = numpy.log(numpy.concatenate(scores))
    return ClassLogits.of(logits, numpy.asarray(truth, dtype=bool), numpy.asarray(lengths, dtype="int64"))
