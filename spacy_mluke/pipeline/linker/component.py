"""The `mluke_linker` component: which entity of a knowledge base a mention means."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence, Tuple, cast

import numpy
from spacy.language import Language
from spacy.pipeline import EntityLinker, TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import set_dropout_rate

from ...annotate.candidates import Candidate, write_links
from ...errors import (
    Errors,
    Warnings,
    check_at_least,
    check_choice,
    check_flag,
    check_fraction,
    check_names,
    check_number,
)
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource
from ...kb.store import Match
from ...types import Counts, DeviceFloats1d, EntityLogits, Floats1d
from ..base.knowledge import KnowledgePipe
from ..base.published import load_encoder_model
from ..base.task import Scorer
from .mention_scores import Mention, link_globally, link_locally, mention_input
from .training import REASONS, add_candidate, find_targets, gold_links, is_annotated, link_loss, prepare

MODES = ("local", "global")
NIL = EntityLinker.NIL


@dataclass
class Links:
    """What the mentions of a document mean."""

    bounds: List[Tuple[int, int]] = field(default_factory=list)  # in tokens
    kb_ids: List[str] = field(default_factory=list)
    candidates: List[List[Candidate]] = field(default_factory=list)  # best first

    def add(self, bounds: Tuple[int, int], kb_id: str, candidates: List[Candidate]) -> None:
        """Add a mention."""
        self.bounds.append(bounds)
        self.kb_ids.append(kb_id)
        self.candidates.append(candidates)


Prediction = Tuple[List[Links], Counts]


class MaskedEntityLinker(KnowledgePipe, TrainablePipe):
    """Links mentions to entities: the entity of a mention is [MASK], and its logits are compared over its candidates
    (Yamada et al., 2020, "Global Entity Disambiguation with BERT").

    vocab (Vocab): The pipeline's vocabulary.
    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`.
    candidates (CandidateSource): What a mention may mean.
    name (str): The component's name.
    mode (str): "local": all mentions in one pass. "global": the most confident mention of a document is resolved, its
        entity read in place of [MASK], and so on until none is left.
    prior_weight (float): What the logarithm of a candidate's prior counts beside its logit.
    threshold (Optional[float]): Least probability of a link; below it, a mention is NIL.
    max_candidates (int): Candidates of a mention that are compared, those of greatest prior; 0 for all.
    labels_discard (Sequence[str]): Labels of mentions that are always NIL.
    overwrite (bool): Whether a `kb_id_` that stands there gives way. If not, it is left alone, and in global mode read
        as what the mention means.
    grow (str): Entities of the knowledge base that are added to an encoder which lacks them, starting from their names:
        "all"; "candidates" of mentions in the examples of `initialize`; "none".
    add_gold (bool): Whether training adds a gold entity that is not among a mention's candidates to them.
    scorer (Optional[Scorer]): Scores predictions.
    RAISES (ValueError): ML070, ML071, ML310 for values that are not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        candidates: CandidateSource,
        *,
        name: str = "mluke_linker",
        mode: str = "local",
        prior_weight: float = 1.0,
        threshold: Optional[float] = None,
        max_candidates: int = 30,
        labels_discard: Sequence[str] = (),
        overwrite: bool = True,
        grow: str = "all",
        add_gold: bool = False,
        scorer: Optional[Scorer] = None,
    ):
        check_names("labels_discard", labels_discard)
        options = {
            "mode": mode,
            "prior_weight": prior_weight,
            "threshold": threshold,
            "max_candidates": max_candidates,
            "labels_discard": list(labels_discard),
            "overwrite": overwrite,
            "grow": grow,
            "add_gold": add_gold,
        }
        super().__init__(vocab, model, candidates, name, options, scorer)

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        check_choice("mode", options["mode"], MODES)
        check_number("prior_weight", options["prior_weight"])
        check_fraction("threshold", options["threshold"], optional=True)
        check_at_least("max_candidates", options["max_candidates"], 0)
        check_names("labels_discard", options["labels_discard"])
        for option in ("overwrite", "add_gold"):
            check_flag(option, options[option])

    # --- predicting ---

    def mentions(self, docs: Sequence[Doc]) -> List[Mention]:
        """The mentions of documents, and what they may mean.

        docs (Sequence[Doc]): The documents.
        RETURNS (List[Mention]): Document after document. Those that are to be NIL have no candidates.
        """
        spans = [(i, ent) for i, doc in enumerate(docs) for ent in doc.ents]
        asked = [ent for _, ent in spans if not self._is_settled(ent) and ent.label_ not in self.cfg["labels_discard"]]
        matches = iter(self.candidates(asked) if asked else ())
        found = []
        for i, ent in spans:
            own: List[Match] = []
            shown = -1
            if self._is_settled(ent):
                shown = self.row_of(ent.kb_id_)[0] if ent.kb_id_ != NIL and self.cfg["mode"] == "global" else -1
            elif ent.label_ not in self.cfg["labels_discard"]:
                own = next(matches)[: self.cfg["max_candidates"] or None]
            found.append(self._mention(i, ent, own, shown))
        return found

    def _is_settled(self, ent: Span) -> bool:
        return bool(ent.kb_id) and not self.cfg["overwrite"]

    def _mention(self, doc: int, ent: Span, matches: List[Match], shown: int) -> Mention:
        places = [self.row_of(match.id) for match in matches]
        rows = numpy.asarray([row for row, _ in places], dtype="int64")
        priors = numpy.asarray([match.prior for match in matches], dtype="float64")
        is_guess = numpy.asarray([by_name for _, by_name in places], dtype=bool)
        for row in numpy.unique(rows[is_guess]):
            # The vocabulary has one entity of that name. It is the one that is known to be it, else the likeliest of
            # those that are called so, if there is such a one.
            rivals = numpy.flatnonzero((rows == row) & is_guess)
            is_best = priors[rivals] == priors[rivals].max()
            is_free = len(rivals) == (rows == row).sum() and is_best.sum() == 1
            rows[rivals] = numpy.where(is_best & is_free, row, -1)
        return Mention(doc, ent.start, ent.end, [match.id for match in matches], priors, rows, shown)

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Link the mentions of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): Links of each, and what was left out.
        """
        self.load()
        docs = list(docs)
        mentions = self.mentions(docs)
        weight, threshold = self.cfg["prior_weight"], self.cfg["threshold"]
        unknown = sum(int((~mention.known).sum()) for mention in mentions)
        total = sum(len(mention.ids) for mention in mentions)
        if self.cfg["mode"] == "global":
            scores, counts = link_globally(self.model, docs, mentions, weight, threshold)
        else:
            scores, counts = link_locally(self.model, docs, mentions, weight)
        counts.candidates, counts.unknown_candidates = total, unknown
        links = [Links() for _ in docs]
        for mention, own in zip(mentions, scores, strict=True):
            ranked = _ranked(mention, own)
            is_link = bool(ranked) and (threshold is None or ranked[0].score >= threshold)
            links[mention.doc].add((mention.start, mention.end), ranked[0].entity if is_link else NIL, ranked)
        return links, counts

    def counts_of(self, prediction: Prediction) -> Counts:
        """What was left out for a prediction."""
        return prediction[1]

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Set `ent.kb_id_` and `span._.mluke_candidates`.

        docs (Iterable[Doc]): The documents.
        prediction (Prediction): What `predict` returned for them.
        """
        for doc, link in zip(docs, prediction[0], strict=True):
            write_links(doc, link.bounds, link.kb_ids, link.candidates, overwrite=self.cfg["overwrite"])

    def warn(self, counts: Counts) -> None:
        """Say once what was left out."""
        super().warn(counts)
        if counts.unknown_candidates:
            n, total = counts.unknown_candidates, counts.candidates
            warnings.warn(Warnings.ML186.format(n=n, total=total, name=self.name), stacklevel=3)

    # --- training ---

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        # spaCy reads these types where only typing's own are known.
        kb_loader: Optional[Callable] = None,
        store: Optional[str] = None,
    ) -> None:
        """Read the checkpoint, add entities as `grow` says, and start a head if there is none.

        get_examples (Callable[[], Iterable[Example]]): Examples whose reference entities have a `kb_id_`.
        nlp (Optional[Language]): The pipeline.
        kb_loader (Optional[Callable]): Makes a knowledge base to take candidates from, such as `spacy.KBFromFile.v1`.
        store (Optional[str]): An entity store to take candidates from.
        RAISES (ValueError): ML077 if no example is annotated, and the checkpoint has no head.
        """
        validate_get_examples(get_examples, "MaskedEntityLinker.initialize")
        if kb_loader is not None:
            self.set_kb(kb_loader)
        if store is not None:
            self.set_store(store)
        load_encoder_model(self.model)
        examples = list(get_examples())
        if not any(map(is_annotated, examples)):
            wanted = "set kb_id_ of the entities of the reference documents"
            self.check_annotation(len(examples), Errors.ML077.format(name=self.name, wanted=wanted))
            self.load()
            return
        docs = [eg.predicted for eg in examples]
        if self.cfg["grow"] == "candidates":
            ids = {entity_id for mention in self.mentions(docs) for entity_id in mention.ids}
            ids.update(kb_id for eg in examples for kb_id in gold_links(eg)[0].values())
            self.grow(sorted(ids))
        self.load()
        _, counts = self._targets(examples, self.mentions(docs))
        reasons = [text.format(counts[key]) for key, text in REASONS.items() if counts[key]]
        if reasons:
            n, total = sum(counts[key] for key in REASONS), counts["total"]
            text = Warnings.ML185.format(n=n, total=total, name=self.name, reasons="; ".join(reasons))
            warnings.warn(text, stacklevel=2)

    def learn(self, examples: List[Example], drop: float) -> float:
        """Learn from a batch of examples. Losses and gradients are sums over mentions.

        Mentions whose gold entity is not among their candidates, and NIL, teach nothing.

        examples (List[Example]): Annotated examples.
        drop (float): Not used: the encoder has dropout of its own.
        RETURNS (float): The loss.
        """
        self.load()
        docs = [eg.predicted for eg in examples]
        mentions = self.mentions(docs)
        targets, _ = self._targets(examples, mentions)
        prepare(mentions, targets, show=self.cfg["mode"] == "global")
        inputs, used = mention_input(docs, mentions)
        if not used:
            return 0.0
        set_dropout_rate(self.model, drop)
        output, backprop = self.model.begin_update(inputs)
        loss, gradient = self._loss([mentions[i] for i in used], [targets[i] for i in used], output)
        backprop(replace(output, logits=gradient))
        return loss

    def _targets(self, examples: Sequence[Example], mentions: List[Mention]) -> Tuple[List[Optional[int]], Counter]:
        if self.cfg["add_gold"]:
            golds = [gold_links(eg)[0] for eg in examples]
            for mention in mentions:
                kb_id = golds[mention.doc].get((mention.start, mention.end), NIL)
                if kb_id != NIL and kb_id not in mention.ids:
                    add_candidate(mention, kb_id, self.row_of(kb_id)[0])
        return find_targets(examples, mentions, nil=NIL, discard=self.cfg["labels_discard"])

    def _loss(
        self, mentions: List[Mention], targets: List[Optional[int]], output: EntityLogits
    ) -> Tuple[float, DeviceFloats1d]:
        loss, gradient = link_loss(mentions, targets, output, self.cfg["prior_weight"])
        return loss, self.model.ops.asarray1f(cast(Any, gradient))


def _ranked(mention: Mention, scores: Floats1d) -> List[Candidate]:
    order = numpy.argsort(-scores, kind="stable")
    return [Candidate(mention.ids[i], float(mention.priors[i]), float(scores[i])) for i in order]
