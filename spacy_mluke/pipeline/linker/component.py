"""The `mluke_linker` component: links mentions to entities of a knowledge base."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from itertools import compress
from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence, Tuple, cast

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import set_dropout_rate

from ...annotate.entity_types import write_known_types
from ...annotate.links import is_kept, linkers_of, relabel, write_links
from ...errors import (
    Errors,
    Warnings,
    check_at_least,
    check_choice,
    check_flag,
    check_fraction,
    check_names,
    check_number,
    check_positive,
)
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource
from ...kb.store import Match
from ...types import Counts, DeviceFloats1d, EntityLogits
from ..base.published import load_encoder_model
from ..base.task import Scorer
from .links import NIL, JudgedLinks, Links
from .mention_scores import Mention, link_globally, link_locally, mention_input
from .reranking import RerankingPipe
from .training import (
    REASONS,
    add_candidate,
    find_targets,
    gold_links,
    is_annotated,
    link_loss,
    mask_mentions,
)

MODES = ("local", "global")
Prediction = Tuple[List[Links], Counts]


class MaskedEntityLinker(JudgedLinks, RerankingPipe, TrainablePipe):
    """Links mentions to entities of a knowledge base.

    Mentions are `doc.ents`. Links are in `ent.kb_id_`, and all candidates of a mention in `span._.mluke_candidates`.
    The encoder reads a [MASK] entity at each mention, and the logits of the mention's candidates are compared
    (Yamada et al., 2020, "Global Entity Disambiguation with BERT").

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[MentionInput, EntityLogits]): `spacy-mluke.MaskedEntity.v1`.
    candidates (CandidateSource): The knowledge base, which returns the candidates of mentions:
        `spacy-mluke.store_candidates.v1` or `spacy-mluke.kb_candidates.v1`.
    name (str): The component's name.
    mode (str): "local" to link all mentions of a document in one forward pass. "global" to link the most confident
        mention first, read its entity instead of [MASK], and repeat this until all mentions are linked.
    prior_weight (float): Weight of the logarithm of a candidate's prior, which is added to its logit.
    threshold (Optional[float]): Minimum probability of a link; below it, the mention gets NIL. A candidate's score is
        multiplied by the probability that the knowledge base has the entity, so it counts for single candidates, too.
    temperature (float): Number that the logarithms of the candidates' probabilities are divided by: above 1 for lower
        probabilities, below 1 for higher ones. The best candidate stays the best. `python -m spacy_mluke calibrate`
        fits it.
    max_candidates (int): Maximum number of candidates of a mention, those with the highest priors; 0 for all.
    labels_discard (Sequence[str]): Labels of mentions that always get NIL.
    overwrite (bool): Whether to replace a `kb_id_` that is already set. If not, global mode reads it as the mention's
        entity. What another linker of the pipeline has linked is always kept; its NIL is not.
    nil (float): Weight of the possibility that a mention means an entity that the knowledge base lacks, beside the
        priors of its candidates, whose sum is 1 if their types agree with the mention's label, and less otherwise. The
        mention gets NIL if that is more probable. For candidates of "knowledge", the re-ranker says how probable it is;
        0.1 is the threshold that was chosen for it, and a higher value gives more NIL. 0 to link every mention with
        candidates.
    use_facts (bool): Whether a candidate is preferred if the text names other entities that the knowledge base connects
        with it, such as the country of a city.
    reranker (Optional[str]): The model that ranks a mention's candidates by what the text says: a file that
        `Reranker.to_disk` wrote; "auto" for the one that comes with the package, if the knowledge base is "knowledge";
        None to rank by priors, labels and facts with fixed weights.
    similarity (bool): Whether the re-ranker compares the text with descriptions of the candidates. The encoder then
        reads texts with ambiguous mentions, and each description once.
    grow (str): Entities of the knowledge base that are added to an encoder whose vocabulary lacks them: "all",
        "candidates" (those of mentions in the examples of `initialize`), "none", or "auto": all, if the knowledge base
        has at most 20,000 entities, else none. Their embeddings are initialized from their names.
    add_gold (bool): Whether training adds the gold entity to a mention's candidates if it is not among them.
    scorer (Optional[Scorer]): The scorer.
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
        temperature: float = 1.0,
        max_candidates: int = 30,
        labels_discard: Sequence[str] = (),
        overwrite: bool = True,
        nil: float = 0.1,
        use_facts: bool = True,
        reranker: Optional[str] = "auto",
        similarity: bool = True,
        grow: str = "auto",
        add_gold: bool = False,
        scorer: Optional[Scorer] = None,
    ):
        check_names("labels_discard", labels_discard)
        options = {
            "mode": mode,
            "prior_weight": prior_weight,
            "threshold": threshold,
            "temperature": temperature,
            "max_candidates": max_candidates,
            "labels_discard": list(labels_discard),
            "overwrite": overwrite,
            "nil": nil,
            "use_facts": use_facts,
            "reranker": reranker,
            "similarity": similarity,
            "grow": grow,
            "add_gold": add_gold,
        }
        super().__init__(vocab, model, candidates, name, options, scorer)

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        check_choice("mode", options["mode"], MODES)
        check_number("prior_weight", options["prior_weight"])
        check_fraction("threshold", options["threshold"], optional=True)
        check_positive("temperature", options["temperature"])
        check_at_least("max_candidates", options["max_candidates"], 0)
        check_at_least("nil", options["nil"], 0, whole=False)
        check_names("labels_discard", options["labels_discard"])
        for option in ("overwrite", "add_gold"):
            check_flag(option, options[option])

    # --- predicting ---

    def mentions(self, docs: Sequence[Doc], *, rerank: bool = False) -> List[Mention]:
        """Return the mentions of documents with their candidates.

        docs (Sequence[Doc]): The documents.
        rerank (bool): Whether to use the model that ranks candidates by what the text says, if there is one.
        RETURNS (List[Mention]): Mentions of one document after the other. Mentions that always get NIL have no
            candidates.
        """
        spans = [(i, ent) for i, doc in enumerate(docs) for ent in doc.ents]
        linkers = [linkers_of(doc) for doc in docs]
        overwrite = self.cfg["overwrite"]
        linked = [is_kept(ent, self.name, linkers[i], overwrite=overwrite) for i, ent in spans]
        is_open = [
            not is_linked and not self._is_discarded(ent) for (_, ent), is_linked in zip(spans, linked, strict=True)
        ]
        rankings = iter(self.rank_candidates(docs, list(compress(spans, is_open)), rerank=rerank))
        compares_rows = not rerank or self.compares_rows
        found = []
        for (i, ent), is_linked, is_own in zip(spans, linked, is_open, strict=True):
            own: List[Match] = []
            support = 1.0
            visible = -1
            if is_own:
                ranking = next(rankings)
                own = ranking.matches[: self.cfg["max_candidates"] or None]
                support = ranking.support
            elif is_linked and ent.kb_id_ != NIL and self.cfg["mode"] == "global":
                visible = self.encoder_id(ent.kb_id_)[0]
            mention = self._mention(i, ent, own, visible, compares_rows=compares_rows)
            if own and self.cfg["nil"]:
                mention.nil = self.cfg["nil"] / (self.cfg["nil"] + support)
            found.append(mention)
        return found

    def _is_discarded(self, ent: Span) -> bool:
        return ent.label_ in self.cfg["labels_discard"]

    def _mention(self, doc: int, ent: Span, matches: List[Match], visible: int, *, compares_rows: bool) -> Mention:
        found = [self.encoder_id(match.id) if compares_rows else (-1, False) for match in matches]
        entity_ids = numpy.asarray([entity_id for entity_id, _ in found], dtype="int64")
        priors = numpy.asarray([match.prior for match in matches], dtype="float64")
        is_by_name = numpy.asarray([by_name for _, by_name in found], dtype=bool)
        for entity_id in numpy.unique(entity_ids[is_by_name]):
            # Several candidates may have the name of one entity of the vocabulary. A candidate that was found by its id
            # is that entity; otherwise the candidate with the highest prior, if it is the only one.
            rivals = numpy.flatnonzero((entity_ids == entity_id) & is_by_name)
            is_best = priors[rivals] == priors[rivals].max()
            is_free = len(rivals) == (entity_ids == entity_id).sum() and is_best.sum() == 1
            entity_ids[rivals] = numpy.where(is_best & is_free, entity_id, -1)
        ids, types = [match.id for match in matches], [match.type for match in matches]
        return Mention(doc, ent.start, ent.end, ids, priors, entity_ids, visible, types=types)

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Link the mentions of documents. The documents do not change.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): Links of each document, and counts for warnings.
        """
        self.load()
        docs = list(docs)
        mentions = self.mentions(docs, rerank=True)
        weight, threshold = self.cfg["prior_weight"], self.cfg["threshold"]
        unknown = sum(int((~mention.known).sum()) for mention in mentions)
        total = sum(len(mention.ids) for mention in mentions)
        if self.cfg["mode"] == "global":
            scores, counts = link_globally(self.model, docs, mentions, weight, threshold, self.cfg["temperature"])
        else:
            scores, counts = link_locally(self.model, docs, mentions, weight)
        counts.candidates, counts.unknown_candidates = total, unknown
        links = [Links() for _ in docs]
        for mention, own in zip(mentions, scores, strict=True):
            links[mention.doc].mentions.append(mention)
            links[mention.doc].scores.append(own)
        return links, counts

    def counts_of(self, prediction: Prediction) -> Counts:
        return prediction[1]

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Set `ent.kb_id_` and `span._.mluke_candidates`.

        docs (Iterable[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        """
        threshold, temperature = self.cfg["threshold"], self.cfg["temperature"]
        for doc, link in zip(docs, prediction[0], strict=True):
            found = link.decide(threshold, temperature)
            bounds, kb_ids = [own.bounds for own in found], [own.kb_id for own in found]
            ranked = [own.candidates for own in found]
            write_links(doc, bounds, kb_ids, ranked, overwrite=self.cfg["overwrite"], linker=self.name)
            linked = [own for own in found if own.kb_id != NIL]
            relabel(doc, {own.bounds: own.types for own in linked})
            classes = [self.candidates.classes(own.kb_id) for own in linked]
            if any(classes):
                write_known_types(doc, [own.bounds for own in linked], classes, linker=self.name)

    def warn(self, counts: Counts) -> None:
        super().warn(counts)
        # A re-ranker compares the text with what is known of a candidate, also of one that the vocabulary lacks.
        if counts.unknown_candidates and self.reranker is None:
            n, total = counts.unknown_candidates, counts.candidates
            warnings.warn(Warnings.ML186.format(n=n, total=total, name=self.name), stacklevel=3)

    # --- training ---

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        # spaCy evaluates these types in a namespace with the names of `typing` only.
        kb_loader: Optional[Callable] = None,
        store: Optional[str] = None,
    ) -> None:
        """Read the checkpoint, add the entities that `grow` selects, and initialize the head if there is none.

        get_examples (Callable[[], Iterable[Example]]): Examples whose reference entities have a `kb_id_`.
        nlp (Optional[Language]): The pipeline.
        kb_loader (Optional[Callable]): Makes the knowledge base, for instance `spacy.KBFromFile.v1`.
        store (Optional[str]): Path of an entity store to use as the knowledge base.
        RAISES (ValueError): ML077 if no example is annotated and the checkpoint has no head.
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
        """Compute the loss of a batch of examples, and add the gradients to the model's. Both are sums over mentions.

        Mentions whose gold entity is NIL, or not among their candidates, do not count.

        examples (List[Example]): Annotated examples.
        drop (float): Not used: the checkpoint's config sets the encoder's dropout.
        RETURNS (float): The loss.
        """
        self.load()
        self.cfg["trained"] = True
        docs = [eg.predicted for eg in examples]
        mentions = self.mentions(docs)
        targets, _ = self._targets(examples, mentions)
        mask_mentions(mentions, targets, show_some=self.cfg["mode"] == "global")
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
                    add_candidate(mention, kb_id, self.encoder_id(kb_id)[0])
        return find_targets(examples, mentions, nil=NIL, discard=self.cfg["labels_discard"])

    def _loss(
        self, mentions: List[Mention], targets: List[Optional[int]], output: EntityLogits
    ) -> Tuple[float, DeviceFloats1d]:
        loss, gradient = link_loss(mentions, targets, output, self.cfg["prior_weight"])
        return loss, self.model.ops.asarray1f(cast(Any, gradient))
