"""The `mluke_pretraining` component: trains an encoder's entity embeddings, by masking entities in linked text."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import Any, Callable, ClassVar, ContextManager, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

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
from ...errors.renamed import take_renamed
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource, StoreCandidates
from ...kb.vocabulary_matching import new_entity
from ...network.freezing import frozen_except
from ...types import Ints1d
from ..base.task import Scorer
from ..base.transient import TransientDict
from ..cloze.component import ClozeFiller
from ..cloze.filling import check_heads
from ..cloze.training import masked_logits
from .masked_words import WordObjective

# Number of sampled negative pieces for masked words, in addition to the gold pieces of the batch.
_N_NEGATIVE_PIECES = 4096
ENTITY_TABLE = "entity_embeddings.entity_embeddings."


@dataclass
class MaskedMentions:
    """The masked and the visible mentions of some documents."""

    texts: List[str] = field(default_factory=list)
    places: List[List[Tuple[int, int]]] = field(default_factory=list)
    kb_ids: List[str] = field(default_factory=list)  # entities of masked mentions; "" for visible ones
    visible: List[str] = field(default_factory=list)  # entities of visible mentions; "" for masked ones
    mask_lengths: List[int] = field(default_factory=list)  # `<mask>` pieces of each mention; 0 to keep its words


class EntityPretrainer(ClozeFiller):
    """Trains an encoder's entity embeddings by masked-entity prediction (Yamada et al., 2020, section 3.3; Ri et al.,
    2022, section 2).

    A fraction of each text's mentions is masked: their entity is [MASK], and for most of them the words are replaced by
    `<mask>`, too. A fraction of the other mentions is read with their entity, and the rest as words only. First, the
    entities of a knowledge base, and those of the examples, are added to the encoder's vocabulary; their embeddings are
    initialized from their names.

    As in the papers, training has two stages: first, only entity embeddings and the head are trained, then the whole
    encoder. With `masked_words` and `keep_words`, states of words are trained, too.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[MentionInput, EntityLogits]): `spacy-mluke.MaskedEntity.v1`.
    candidates (Optional[CandidateSource]): The entities, `spacy-mluke.store_candidates.v1`; None for only those of the
        examples.
    name (str): The component's name.
    lang (str): The pipeline's language.
    masked (float): Fraction of mentions that are masked; in each text, at least one.
    replaced (float): Fraction of masked mentions whose words are replaced by `<mask>`.
    visible (float): Fraction of the other mentions that are read with their entity.
    entity_steps (int): Number of steps in the first stage.
    n_negatives (int): Number of negative entities in a step; 0 for all.
    masked_words (float): Fraction of wordpieces that are masked and predicted, too, by the encoder's head for words.
        The head is added if the encoder has none.
    keep_words (float): Weight of the squared distance between the states of words and those of the checkpoint, a sum
        over wordpieces in addition to a sum over mentions. 0 for no such loss.
    top_k (int): Number of entities to rank in evaluation.
    scorer (Optional[Scorer]): The scorer.
    asked (Optional[float]): Deprecated name of `masked`.
    hidden (Optional[float]): Deprecated name of `replaced`.
    shown (Optional[float]): Deprecated name of `visible`.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """

    renamed_options: ClassVar[Mapping[str, str]] = {"asked": "masked", "hidden": "replaced", "shown": "visible"}

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        candidates: Optional[CandidateSource] = None,
        *,
        name: str = "mluke_pretraining",
        lang: str = "xx",
        masked: float = 0.5,
        replaced: float = 0.7,
        visible: float = 0.5,
        entity_steps: int = 500,
        n_negatives: int = 0,
        masked_words: float = 0.0,
        keep_words: float = 0.0,
        top_k: int = 5,
        scorer: Optional[Scorer] = None,
        asked: Optional[float] = None,
        hidden: Optional[float] = None,
        shown: Optional[float] = None,
    ):
        super().__init__(
            vocab, model, name=name, lang=lang, marker=MARKER, top_k=top_k, n_negatives=n_negatives, scorer=scorer
        )
        options = {
            **self._configured[0],
            "masked": take_renamed("mluke_pretraining", "asked", "masked", asked, masked),
            "replaced": take_renamed("mluke_pretraining", "hidden", "replaced", hidden, replaced),
            "visible": take_renamed("mluke_pretraining", "shown", "visible", shown, visible),
            "masked_words": masked_words,
            "keep_words": keep_words,
            "entity_steps": entity_steps,
        }
        self.set_options(options, {"classes": [], "n_steps": 0})
        self._teachers: TransientDict[str, EncoderModel] = TransientDict()
        self.candidates = candidates
        if candidates is not None:
            candidates.bind(vocab)

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        # The parent's constructor checks its own options first.
        for option in ("masked", "replaced", "visible", "masked_words"):
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
        """Read the checkpoint, add entities that its vocabulary lacks, and initialize the head if there is none.

        get_examples (Callable[[], Iterable[Example]]): Examples whose references have entities with a kb_id.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[Dict[str, Names]]): Further entities, as for `add_entities`.
        RAISES (ValueError): ML077 if no example is annotated.
        """
        source = self.candidates
        if source is not None and not (isinstance(source, StoreCandidates) and source.path is None):
            self.take_entities([new_entity(entity) for entity in source.entities()])
        super().initialize(get_examples, nlp=nlp, labels=labels)
        if self.cfg["masked_words"]:
            add_heads(self.loaded_encoder(), words=True, entities=False)

    def needs_annotation(self) -> bool:
        """Return True: the component is only used for training."""
        return True

    def learn(self, examples: List[Example], drop: float) -> float:
        """Compute the loss of a batch of examples, and add the gradients to the model's. Both are sums over masked
        mentions.

        examples (List[Example]): Annotated examples; others are skipped.
        drop (float): Not used: the checkpoint's config sets the encoder's dropout.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for an entity that is not a label.
        """
        check_heads(self.loaded_encoder(), "entity", self.name)
        mentions = self.choose([eg.reference for eg in examples])
        if not any(mentions.kb_ids):
            return 0.0
        gold, compared = self._targets(mentions.kb_ids)
        words = self._word_objective()
        with self._stage():
            output, backprop = self.model.begin_update(self._input(mentions, compared, words))
            loss, d_output = self.get_loss_of(masked_logits(output), gold[output.lengths > 0])
            word_loss, d_words = words.loss(output) if words is not None else (0.0, None)
            backprop(replace(output, logits=d_output.logits, piece_states=d_words))
        return loss + word_loss

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the weights of encoder and head, and count the step.

        sgd (Optimizer): The optimizer.
        """
        super().finish_update(sgd)
        self.cfg["n_steps"] += 1

    def choose(self, docs: Sequence[Doc]) -> MaskedMentions:
        """Choose the mentions to mask and to show, with the random generator that spaCy seeds.

        docs (Sequence[Doc]): References. Entities without a kb_id are read as words.
        RETURNS (MaskedMentions): The masked and the visible mentions; others are read as words.
        """
        draw = self.model.ops.xp.random.random_sample
        chosen = MaskedMentions()
        for doc in docs:
            ents = [ent for ent in doc.ents if ent.kb_id]
            if not ents:
                continue
            first, second = to_numpy(draw((2, len(ents))))
            is_masked = first < self.cfg["masked"]
            is_masked[first.argmin()] = True
            places = []
            for ent, masked, drawn in zip(ents, is_masked, second, strict=True):
                if not masked and drawn >= self.cfg["visible"]:
                    continue
                places.append((ent.start_char, ent.end_char))
                chosen.kb_ids.append(ent.kb_id_ if masked else "")
                chosen.visible.append("" if masked else ent.kb_id_)
                chosen.mask_lengths.append(int(masked and drawn < self.cfg["replaced"]))
            chosen.texts.append(doc.text)
            chosen.places.append(places)
        return chosen

    def _word_objective(self) -> Optional[WordObjective]:
        """Return the objective of words in this step; None if the options set none."""
        masked, kept = self.cfg["masked_words"], self.cfg["keep_words"]
        if not masked and not kept:
            return None
        teacher: Optional[EncoderModel] = None
        if kept:
            # The checkpoint that the config names: a resumed training starts from trained weights.
            encoder = self.model.get_ref("encoder")
            name = encoder_settings(encoder)["name"]
            teacher = self._teachers.get(name) or unloaded_copy(encoder)
            self._teachers[name] = teacher
        loaded = self.loaded_encoder()
        return WordObjective(self.model.ops, loaded, teacher, masked=masked, kept=kept, n_negatives=_N_NEGATIVE_PIECES)

    def _input(self, mentions: MaskedMentions, compared: Ints1d, words: Optional[WordObjective]) -> MentionInput:
        docs, spans = build_masked_docs(mentions.texts, mentions.places)
        vocabulary = self.loaded_encoder().entities
        visible = [vocabulary.get(kb_id) if kb_id else None for kb_id in mentions.visible]
        return MentionInput(
            docs,
            spans,
            entity_ids=numpy.asarray([-1 if i is None else i for i in visible], dtype="int64"),
            mask_lengths=numpy.asarray(mentions.mask_lengths, dtype="int64"),
            candidates=compared,
            with_all_pieces=words is not None,
            edit=None if words is None else words.mask,
        )

    def _stage(self) -> ContextManager[None]:
        """Return a context that freezes all weights but entity embeddings and head in the first stage."""
        if self.cfg["n_steps"] >= self.cfg["entity_steps"]:
            return contextlib.nullcontext()
        return frozen_except(self.loaded_encoder().network, ENTITY_TABLE)
