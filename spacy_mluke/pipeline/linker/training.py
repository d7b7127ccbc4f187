"""Training of `mluke_linker`: gold links of the predicted documents' mentions, and the loss over candidates."""

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
# Why a gold link cannot be used in training, and what to do about it.
REASONS = {
    "no_mention": "{} on spans that are not entities of the predicted document (read the corpus with "
    "spacy-mluke.EntityCorpus.v1)",
    "discarded": "{} on mentions whose label is in 'labels_discard'",
    "no_candidate": "{} not among the mention's candidates (give the entity that name in the knowledge base, raise "
    "'max_candidates', or set add_gold = true)",
    "unknown": "{} not in the encoder's vocabulary (see 'grow')",
}


def gold_links(eg: Example) -> Tuple[Dict[Bounds, str], int]:
    """Align gold links with the tokens of the predicted document.

    eg (Example): The example.
    RETURNS (Tuple[Dict[Bounds, str], int]): Ids in the knowledge base by token bounds, and the number of links whose
        spans are not aligned with tokens of the predicted document.
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
    """Return whether a reference has links; they may be NIL."""
    return any(ent.kb_id for ent in eg.reference.ents)


def find_targets(
    examples: Sequence[Example], mentions: Sequence[Mention], *, nil: str, discard: Sequence[str]
) -> Tuple[List[Optional[int]], Counter]:
    """Find the gold candidate of each mention.

    NIL is not learned: mentions without an entity in the knowledge base only are context for the others.

    examples (Sequence[Example]): The examples.
    mentions (Sequence[Mention]): Mentions of their predicted documents.
    nil (str): The id that means "no entity".
    discard (Sequence[str]): Labels of mentions that are not linked.
    RETURNS (Tuple[List[Optional[int]], Counter]): Index of the gold candidate, None if there is none; and the number of
        gold links, `total`, and of those that cannot be learned, by the keys of `REASONS`.
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
        elif mention.entity_ids[mention.ids.index(kb_id)] < 0:
            counts["unknown"] += 1
        else:
            targets[-1] = mention.ids.index(kb_id)
    counts["no_mention"] += sum(map(len, golds))
    return targets, counts


def add_candidate(mention: Mention, kb_id: str, entity_id: int) -> None:
    """Add a candidate to a mention, with the lowest prior.

    mention (Mention): The mention, changed in place.
    kb_id (str): The candidate's id in the knowledge base.
    entity_id (int): Its id in the encoder's vocabulary, -1 if that lacks it.
    """
    mention.ids = [*mention.ids, kb_id]
    mention.types = [*mention.types, ""]
    mention.priors = numpy.append(mention.priors, mention.priors.min(initial=1.0))
    mention.entity_ids = numpy.append(mention.entity_ids, entity_id)


def mask_mentions(mentions: Sequence[Mention], targets: Sequence[Optional[int]], *, show_some: bool) -> None:
    """Choose the mentions to score: those with a target. The others are [MASK], or visible.

    mentions (Sequence[Mention]): The mentions, changed in place.
    targets (Sequence[Optional[int]]): Targets, as returned by `find_targets`.
    show_some (bool): Whether to make a random fraction of each document's mentions visible: in global mode, the encoder
        reads documents of which no mention, some, or all but one are linked.
    """
    fractions: Dict[int, float] = {}
    for mention, target in zip(mentions, targets, strict=True):
        if target is None:
            mention.entity_ids = numpy.full_like(mention.entity_ids, -1)
        elif show_some and random.random() < fractions.setdefault(mention.doc, random.random()):
            mention.visible = int(mention.entity_ids[target])


def link_loss(
    mentions: Sequence[Mention], targets: Sequence[Optional[int]], output: EntityLogits, prior_weight: float
) -> Tuple[float, Floats1d]:
    """Return the cross-entropy over the candidates in the encoder's vocabulary, with priors as in prediction.

    mentions (Sequence[Mention]): The mentions of the model's input.
    targets (Sequence[Optional[int]]): Index of each mention's gold candidate; None for a mention that does not count.
    output (EntityLogits): Logits of the candidates of scored mentions.
    prior_weight (float): Weight of the logarithm of a prior, which is added to the logit.
    RETURNS (Tuple[float, Floats1d]): Sum over mentions, and its gradient, which has the shape of the logits.
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
