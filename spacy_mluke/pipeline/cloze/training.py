"""Training of `mluke_cloze`: masked-entity prediction over its labels."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, cast

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import xp2torch
from thinc.util import to_numpy

from ...annotate.fillers import Chars, gold_masks
from ...checkpoint.add_entities import add_heads
from ...encoder.inputs import MentionInput
from ...errors import Errors, Warnings, did_you_mean
from ...heads.losses import cross_entropy
from ...types import EntityLogits, Floats2d, Ints1d
from .filling import check_heads
from .further import FillerPipe
from .gold import GoldClozes, collect_clozes, collect_entities
from .masked_texts import MaskedText, find_linked, mask_input

# Masks whose states initialize a fresh head.
_PROBES = 64


class ClozeTraining(FillerPipe):
    """Base of `ClozeFiller`: trains masked-entity prediction over the component's labels."""

    def masked_doc(self, doc: Doc, masks: Sequence[Chars], lang: Optional[str] = None) -> MaskedText:
        """Return the text of a document with masks and, if `show_linked` is set, its linked mentions.

        doc (Doc): The document.
        masks (Sequence[Chars]): Its masks.
        lang (Optional[str]): Language of the names of entities. By default, the document's.
        RETURNS (MaskedText): The text, the same in training and in prediction.
        """
        is_shown = self.cfg["show_linked"]
        linked = find_linked(doc, self.loaded_encoder(), masks, self.knowledge_base) if is_shown else []
        return MaskedText(doc.text, masks, lang or doc.lang_, linked)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Dict[str, Any]] = None,
    ) -> None:
        """Read the checkpoint, add entities that its vocabulary lacks, and initialize the head if there is none.

        get_examples (Callable[[], Iterable[Example]]): Annotated examples: references with entities that have a kb_id,
            or with `doc._.mluke_fillers`.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[Dict[str, Names]]): The entities, as for `add_entities`. By default, they are collected from
            the examples.
        RAISES (ValueError): ML077 if no example is annotated and the checkpoint has no head.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        examples = list(get_examples())
        if labels is None and all(gold_masks(eg.reference) is None for eg in examples):
            wanted = "set kb_id_ of entities in the reference documents, or doc._.mluke_fillers"
            self.check_annotation(len(examples), Errors.ML077.format(name=self.name, wanted=wanted))
            return
        if labels is None:
            self.take_entities(collect_entities(examples, self.lang))
        else:
            self.add_entities(labels)
        clozes = collect_clozes(examples, self.cfg["marker"])
        if clozes.n_missed:
            warnings.warn(Warnings.ML181.format(n=clozes.n_missed, total=clozes.n_gold, name=self.name), stacklevel=2)
        loaded = self.loaded_encoder()
        if loaded.heads.entity_predictions is None:
            output, _ = self.model.get_ref("encoder")(self._mentions(clozes, _PROBES), False)
            states = xp2torch(output.entity_states)
            add_heads(loaded, states=states if len(states) > 1 else None)

    def _mentions(self, clozes: GoldClozes, limit: Optional[int] = None, **candidates: Any) -> MentionInput:
        texts = [
            self.masked_doc(doc, masks) for doc, masks in zip(clozes.docs[:limit], clozes.places[:limit], strict=True)
        ]
        return mask_input(texts, [1 for text in texts for _ in text.masks], **candidates)

    def learn(self, examples: List[Example], drop: float) -> float:
        """Compute the loss of a batch of examples, and add the gradients to the model's. Both are sums over masks.

        examples (List[Example]): Annotated examples; others are skipped.
        drop (float): Not used: the checkpoint's config sets the encoder's dropout.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for an entity that is not a label, ML221 if the encoder has no head.
        """
        clozes = collect_clozes(examples, self.cfg["marker"])
        if not any(clozes.kb_ids):
            return 0.0
        check_heads(self.loaded_encoder(), "entity", self.name)
        gold, compared = self._targets(clozes.kb_ids)
        output, backprop = self.model.begin_update(self._mentions(clozes, candidates=compared))
        loss, d_output = self.get_loss_of(masked_logits(output), gold)
        backprop(replace(output, logits=d_output.logits))
        return loss

    def _targets(self, kb_ids: Sequence[str]) -> Tuple[Ints1d, Ints1d]:
        """Return the index of the gold candidate of each mask, -1 if it is not known; and the candidates' ids."""
        places = {label: i for i, label in enumerate(self.classes)}
        unknown = next((kb_id for kb_id in kb_ids if kb_id and kb_id not in places), None)
        if unknown is not None:
            hint = did_you_mean(unknown, self.classes)
            raise ValueError(Errors.ML076.format(label=unknown, name=self.name, hint=hint))
        gold = numpy.asarray([places[kb_id] if kb_id else -1 for kb_id in kb_ids], dtype="int64")
        n_labels, n_drawn = len(self.classes), self.cfg["n_negatives"]
        if not n_drawn or n_drawn >= n_labels:
            return gold, self.label_ids()
        # thinc's random generator, because spaCy seeds it.
        drawn = to_numpy(self.model.ops.xp.random.permutation(n_labels))[:n_drawn]
        kept = numpy.unique(numpy.concatenate([gold[gold >= 0], drawn]))
        return numpy.where(gold >= 0, numpy.searchsorted(kept, gold), -1), self.label_ids()[kept]

    def get_loss_of(self, output: EntityLogits, gold: Ints1d) -> Tuple[float, EntityLogits]:
        """Return the loss of the head's output and its gradient: cross entropy over the candidates.

        output (EntityLogits): Logits of the candidates, which are the same for all masks.
        gold (Ints1d): Index of the gold candidate of each mask; -1 if it is not known. Shape: (n_masks,).
        RETURNS (Tuple[float, EntityLogits]): The loss and its gradient.
        """
        logits: Floats2d = to_numpy(output.logits).reshape((len(gold), -1))
        counted = numpy.flatnonzero(output.kept & (gold >= 0))
        gradient = numpy.zeros_like(logits)
        loss, gradient[counted] = cross_entropy(logits[counted], gold[counted])
        d_logits = self.model.ops.asarray1f(cast(Any, gradient.ravel()))
        return loss, EntityLogits(d_logits, output.lengths, output.kept, output.counts)

    def get_loss(self, examples: Iterable[Example], scores: Any) -> Tuple[float, EntityLogits]:
        """Return the loss over all labels and its gradient.

        examples (Iterable[Example]): Annotated examples.
        scores (Any): Not used: a prediction contains only the best fillers.
        RETURNS (Tuple[float, EntityLogits]): The loss and its gradient.
        """
        clozes = collect_clozes(examples, self.cfg["marker"])
        places = {label: i for i, label in enumerate(self.classes)}
        gold = numpy.asarray([places[kb_id] if kb_id else -1 for kb_id in clozes.kb_ids], dtype="int64")
        output = self.model.predict(self._mentions(clozes, candidates=self.label_ids()))
        return self.get_loss_of(masked_logits(output), gold)


def masked_logits(output: EntityLogits) -> EntityLogits:
    """Select the masked mentions: visible mentions have no logits.

    output (EntityLogits): Output for all mentions.
    RETURNS (EntityLogits): Output for the masked mentions, without states of words.
    """
    masked = output.lengths > 0
    return EntityLogits(output.logits, output.lengths[masked], output.kept[masked], output.counts)
