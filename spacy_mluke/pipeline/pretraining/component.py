"""The `mluke_pretraining` component: teaches an encoder entities, by masking them in text that names them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import Any, Callable, ContextManager, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Optimizer
from thinc.util import to_numpy

from ...align.masked_docs import build_masked_docs
from ...annotate.fillers import MARKER
from ...checkpoint.add_entities import add_heads
from ...encoder.access import encoder_settings
from ...encoder.inputs import MentionInput
from ...encoder.layer import unloaded_copy
from ...encoder.request import EncoderModel
from ...errors import check_at_least, check_fraction
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource, StoreCandidates
from ...kb.matching import new_entity
from ...network.freezing import frozen_except
from ...types import Ints1d
from ..base.derived import Derived
from ..base.task import Scorer
from ..cloze.component import ClozeFiller
from ..cloze.filling import check_heads
from ..cloze.training import asked_logits
from .masked_words import WordSide

# Pieces that masked words are compared with, beside the right ones of their batch.
_DRAWN_PIECES = 4096
ENTITY_TABLE = "entity_embeddings.entity_embeddings."


@dataclass
class MaskedMentions:
    """Mentions of some documents: which of them are asked for, and how much of them is to be seen."""

    texts: List[str] = field(default_factory=list)
    places: List[List[Tuple[int, int]]] = field(default_factory=list)
    kb_ids: List[str] = field(default_factory=list)  # of each mention; "" for one that is shown
    shown: List[str] = field(default_factory=list)  # entities of those that are shown; "" for one that is asked for
    mask_lengths: List[int] = field(default_factory=list)


class EntityPretrainer(ClozeFiller):
    """Masked-entity prediction over running text (Yamada et al., 2020, section 3.2; Ri et al., 2022, section 2).

    Of a text's mentions some are asked for: their entity is [MASK], and of most of them the words are hidden, too. Of
    the others some show their entity, the rest are words like all words. The entities of a store, and those of the
    examples, are added to the encoder first; what they are called, where they start.

    As in the papers there are two stages: first only what is new is learnt, the rows of the entities and the head, then
    all of the encoder. What is asked of the words, `WordSide` says.

    vocab (Vocab): The pipeline's vocabulary.
    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`.
    candidates (Optional[CandidateSource]): The entities; None for those of the examples alone.
    name (str): The component's name.
    lang (str): The pipeline's language.
    asked (float): Share of mentions that are asked for; one of a text at least.
    hidden (float): Share of those whose words are hidden.
    shown (float): Share of the others whose entity is shown.
    entity_steps (int): Steps of the first stage.
    n_negatives (int): Entities that a step compares the right ones with; 0 for all.
    masked_words (float): Share of wordpieces that are to be predicted, too, with the encoder's head for words. One that
        has none gets one.
    keep_words (float): Weight of the squared distance of words' states from those of the checkpoint, a sum over
        wordpieces beside a sum over mentions; 0 lets them go.
    top_k (int): Entities that evaluation ranks.
    scorer (Optional[Scorer]): Scores predictions.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        candidates: Optional[CandidateSource] = None,
        *,
        name: str = "mluke_pretraining",
        lang: str = "xx",
        asked: float = 0.5,
        hidden: float = 0.7,
        shown: float = 0.5,
        entity_steps: int = 500,
        n_negatives: int = 0,
        masked_words: float = 0.0,
        keep_words: float = 0.0,
        top_k: int = 5,
        scorer: Optional[Scorer] = None,
    ):
        super().__init__(
            vocab, model, name=name, lang=lang, marker=MARKER, top_k=top_k, n_negatives=n_negatives, scorer=scorer
        )
        options = {
            **self._configured[0],
            "asked": asked,
            "hidden": hidden,
            "shown": shown,
            "masked_words": masked_words,
            "keep_words": keep_words,
            "entity_steps": entity_steps,
        }
        self.set_options(options, {"classes": [], "n_steps": 0})
        self._teachers: Derived[str, EncoderModel] = Derived()
        self.candidates = candidates
        if candidates is not None:
            candidates.bind(vocab)

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        # The parent's constructor checks its own options first.
        for option in ("asked", "hidden", "shown", "masked_words"):
            check_fraction(option, options.get(option, 0))
        check_at_least("entity_steps", options.get("entity_steps", 0), 0)
        check_at_least("keep_words", options.get("keep_words", 0), 0, whole=False)

    def check_state(self, state: Mapping[str, Any]) -> None:
        super().check_state(state)
        check_at_least("n_steps", state.get("n_steps", 0), 0)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Dict[str, Any]] = None,
    ) -> None:
        """Read the checkpoint, add the entities that it lacks, and start the head if it has none.

        get_examples (Callable[[], Iterable[Example]]): Examples whose references have entities with a kb_id.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[Dict[str, Names]]): Further entities, as `add_entities` takes them.
        RAISES (ValueError): ML077 if no example is annotated.
        """
        source = self.candidates
        if source is not None and not (isinstance(source, StoreCandidates) and source.path is None):
            self.take_entities([new_entity(entity) for entity in source.entities()])
        super().initialize(get_examples, nlp=nlp, labels=labels)
        if self.cfg["masked_words"]:
            add_heads(self.loaded_encoder(), words=True, entities=False)

    def needs_annotation(self) -> bool:
        """Always: there is no use for this component but training."""
        return True

    def learn(self, examples: List[Example], drop: float) -> float:
        """Learn from a batch of examples. Losses and gradients are sums over the mentions that are asked for.

        examples (List[Example]): Annotated examples; others are left out.
        drop (float): Of no effect: the encoder has dropout of its own.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for an entity that is no label.
        """
        check_heads(self.loaded_encoder(), "entity", self.name)
        mentions = self.choose([eg.reference for eg in examples])
        if not any(mentions.kb_ids):
            return 0.0
        gold, compared = self._targets(mentions.kb_ids)
        words = self._words()
        with self._stage():
            output, backprop = self.model.begin_update(self._input(mentions, compared, words))
            loss, d_output = self.get_loss_of(asked_logits(output), gold[output.lengths > 0])
            word_loss, d_words = words.loss(output) if words is not None else (0.0, None)
            backprop(replace(output, logits=d_output.logits, piece_states=d_words))
        return loss + word_loss

    def finish_update(self, sgd: Optimizer) -> None:
        """Let the optimizer step, and count the step.

        sgd (Optimizer): The optimizer.
        """
        super().finish_update(sgd)
        self.cfg["n_steps"] += 1

    def choose(self, docs: Sequence[Doc]) -> MaskedMentions:
        """Choose what is asked for, hidden and shown. Draws from the generator that spaCy seeds.

        docs (Sequence[Doc]): References. Entities without a kb_id are words like all words.
        RETURNS (MaskedMentions): Their mentions, less those that are neither asked for nor shown.
        """
        draw = self.model.ops.xp.random.random_sample
        chosen = MaskedMentions()
        for doc in docs:
            ents = [ent for ent in doc.ents if ent.kb_id]
            if not ents:
                continue
            first, second = to_numpy(draw((2, len(ents))))
            is_asked = first < self.cfg["asked"]
            is_asked[first.argmin()] = True
            places = []
            for ent, asked, drawn in zip(ents, is_asked, second, strict=True):
                if not asked and drawn >= self.cfg["shown"]:
                    continue
                places.append((ent.start_char, ent.end_char))
                chosen.kb_ids.append(ent.kb_id_ if asked else "")
                chosen.shown.append("" if asked else ent.kb_id_)
                chosen.mask_lengths.append(int(asked and drawn < self.cfg["hidden"]))
            chosen.texts.append(doc.text)
            chosen.places.append(places)
        return chosen

    def _words(self) -> Optional[WordSide]:
        """What this step asks of the words; None if nothing."""
        masked, kept = self.cfg["masked_words"], self.cfg["keep_words"]
        if not masked and not kept:
            return None
        teacher: Optional[EncoderModel] = None
        if kept:
            # From the checkpoint that the config names: a training that goes on has left it behind.
            encoder = self.model.get_ref("encoder")
            name = encoder_settings(encoder)["name"]
            teacher = self._teachers.get(name) or unloaded_copy(encoder)
            self._teachers[name] = teacher
        loaded = self.loaded_encoder()
        return WordSide(self.model.ops, loaded, teacher, masked=masked, kept=kept, n_negatives=_DRAWN_PIECES)

    def _input(self, mentions: MaskedMentions, compared: Ints1d, words: Optional[WordSide]) -> MentionInput:
        docs, spans = build_masked_docs(mentions.texts, mentions.places)
        vocabulary = self.loaded_encoder().entities
        shown = [vocabulary.get(kb_id) if kb_id else None for kb_id in mentions.shown]
        return MentionInput(
            docs,
            spans,
            entity_ids=numpy.asarray([-1 if i is None else i for i in shown], dtype="int64"),
            mask_lengths=numpy.asarray(mentions.mask_lengths, dtype="int64"),
            candidates=compared,
            with_all_pieces=words is not None,
            edit=None if words is None else words.hide,
        )

    def _stage(self) -> ContextManager[None]:
        """What may learn in this step: in the first stage, entities alone."""
        if self.cfg["n_steps"] >= self.cfg["entity_steps"]:
            return contextlib.nullcontext()
        return frozen_except(self.loaded_encoder().network, ENTITY_TABLE)
