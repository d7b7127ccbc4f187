"""What a linker learns from: gold links on the mentions of the predicted document, and the loss over candidates."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.training import Example
from thinc.util import to_numpy

from ...heads.losses import cross_entropy
from ...types import EntityLogits, Floats1d
from .mention_scores import PRIOR_FLOOR, Mention

Bounds = Tuple[int, int]
# Why a gold link cannot be learnt, and what to do.
REASONS = {
    "no_mention": "{} on spans that are no entities of the predicted document (read the corpus with "
    "spacy-mluke.EntityCorpus.v1)",
    "discarded": "{} on mentions whose label is in 'labels_discard'",
    "no_candidate": "{} not among the mention's candidates (give the entity that name in the knowledge base, raise "
    "'max_candidates', or set add_gold = true)",
    "unknown": "{} not in the encoder's vocabulary (see 'grow')",
}


def gold_links(eg: Example) -> Tuple[Dict[Bounds, str], int]:
    """Gold links on the tokens of the predicted document.

    eg (Example): The example.
    RETURNS (Tuple[Dict[Bounds, str], int]): Ids in the knowledge base by (start, end), and how many stand on spans that
        the tokens of the predicted document do not have.
    """
    gold: Dict[Bounds, str] = {}
    n_lost = 0
    for ent in eg.reference.ents:
        if ent.kb_id_:
            spans = eg.get_aligned_spans_y2x([ent], allow_overlap=True)
            n_lost += not spans
            gold.update({(span.start, span.end): ent.kb_id_ for span in spans})
    return gold, n_lost


def is_annotated(eg: Example) -> bool:
    """Whether somebody has said what an example's mentions mean, be it nothing that the knowledge base has."""
    return any(ent.kb_id for ent in eg.reference.ents)


def find_targets(
    examples: Sequence[Example], mentions: Sequence[Mention], *, nil: str, discard: Sequence[str]
) -> Tuple[List[Optional[int]], Counter]:
    """Which candidate of each mention is the right one.

    NIL is not learnt: mentions that mean nothing in the knowledge base are context for the others.

    examples (Sequence[Example]): The examples.
    mentions (Sequence[Mention]): Mentions of their predicted documents.
    nil (str): What stands for no entity.
    discard (Sequence[str]): Labels of mentions that are not linked.
    RETURNS (Tuple[List[Optional[int]], Counter]): Index among the mention's candidates, None if there is nothing to
        learn; and counts of gold links, `total`, and of those that cannot be learnt, by the keys of `REASONS`.
    """
    counts: Counter = Counter()
    golds = []
    for eg in examples:
        gold, n_lost = gold_links(eg)
        gold = {bounds: kb_id for bounds, kb_id in gold.items() if kb_id != nil}
        golds.append(gold)
        counts.update(total=len(gold) + n_lost, no_mention=n_lost)
    targets: List[Optional[int]] = []
    for mention in mentions:
        kb_id = golds[mention.doc].pop((mention.start, mention.end), None)
        targets.append(None)
        if kb_id is None:
            continue
        if kb_id not in mention.ids:
            label = examples[mention.doc].predicted[mention.start].ent_type_
            counts["discarded" if label in discard else "no_candidate"] += 1
        elif mention.rows[mention.ids.index(kb_id)] < 0:
            counts["unknown"] += 1
        else:
            targets[-1] = mention.ids.index(kb_id)
    counts["no_mention"] += sum(map(len, golds))
    return targets, counts


def add_candidate(mention: Mention, entity_id: str, row: int) -> None:
    """Let a mention mean one thing more, with the least prior.

    mention (Mention): The mention, changed in place.
    entity_id (str): Id in the knowledge base.
    row (int): Its id in the encoder, -1 if that lacks it.
    """
    mention.ids = [*mention.ids, entity_id]
    mention.priors = numpy.append(mention.priors, mention.priors.min(initial=1.0))
    mention.rows = numpy.append(mention.rows, row)


def prepare(mentions: Sequence[Mention], targets: Sequence[Optional[int]], *, show: bool) -> None:
    """Ask for mentions that there is something to learn about; let others be [MASK], or what they mean.

    mentions (Sequence[Mention]): The mentions, changed in place.
    targets (Sequence[Optional[int]]): As from `find_targets`.
    show (bool): Whether some stand there as what they mean, a random share of each document's: global mode meets texts
        of which anything from nothing to all but one mention is resolved.
    """
    shares: Dict[int, float] = {}
    for mention, target in zip(mentions, targets, strict=True):
        if target is None:
            mention.rows = numpy.full_like(mention.rows, -1)
        elif show and random.random() < shares.setdefault(mention.doc, random.random()):
            mention.shown = int(mention.rows[target])


def link_loss(
    mentions: Sequence[Mention], targets: Sequence[Optional[int]], output: EntityLogits, prior_weight: float
) -> Tuple[float, Floats1d]:
    """Cross-entropy over the candidates that the encoder knows, priors counted in as in prediction.

    mentions (Sequence[Mention]): The mentions of the model's input.
    targets (Sequence[Optional[int]]): Index of the right candidate of each; None for one that does not count.
    output (EntityLogits): Logits of those that were asked for.
    prior_weight (float): What the logarithm of a prior counts beside a logit.
    RETURNS (Tuple[float, Floats1d]): Sum over mentions, and its gradient, of the shape of the logits.
    """
    logits: Any = to_numpy(output.logits).astype("float64")
    gradient = numpy.zeros_like(logits)
    loss = 0.0
    ends = numpy.cumsum(output.lengths)
    for mention, target, end, length, has_state in zip(
        mentions, targets, ends, output.lengths, output.kept, strict=True
    ):
        if not length or target is None or not has_state:
            continue
        own = slice(end - length, end)
        priors = numpy.maximum(mention.priors[mention.known], PRIOR_FLOOR)
        right = numpy.array([mention.known[:target].sum()])
        one, gradient[own] = cross_entropy((logits[own] + prior_weight * numpy.log(priors))[None], right)
        loss += one
    return loss, gradient.astype("float32")
