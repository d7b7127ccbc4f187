"""Base of `mluke_linker`: its knowledge base, and the knowledge base's entities in the encoder's vocabulary."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, TypeVar

from spacy import util
from spacy.kb import KnowledgeBase
from spacy.vocab import Vocab

from ...checkpoint.add_entities import add_entities, add_heads
from ...checkpoint.load import LoadedEncoder
from ...encoder.access import load_model
from ...errors import check_choice
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource, KBCandidates, Paths, StoreCandidates
from ...kb.finders import Finders
from ...kb.vocabulary_matching import find_entity, missing_entities
from ...storage.files import merge_nested_part
from ..base.published import load_encoder_model
from ..base.serialization import Part
from ..base.task import Scorer, TaskPipe
from ..base.transient import TransientDict

GROW = ("auto", "all", "candidates", "none")
# Maximum number of entities that "auto" adds: their rows take 30 MB with mluke-small.
_MAX_AUTO = 20_000
Self = TypeVar("Self", bound="KnowledgePipe")
_MAX_CACHED = 1 << 20  # encoder ids of entities
_GROWING = threading.Lock()


class KnowledgePipe(TaskPipe):
    """Base of linkers: holds the knowledge base, adds its entities to the encoder, and saves both.

    vocab (Vocab): The pipeline's vocabulary.
    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`.
    candidates (CandidateSource): The knowledge base, which returns the candidates of mentions.
    name (str): The component's name.
    options (Dict[str, Any]): Options, as set in the config; they include "grow".
    scorer (Optional[Scorer]): Scores predictions.
    """

    kind = "LukeForMaskedLM"

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        candidates: CandidateSource,
        name: str,
        options: Dict[str, Any],
        scorer: Optional[Scorer] = None,
    ):
        super().__init__(vocab, model, name, options, scorer, {"grown": False, "trained": False})
        self.set_candidates(candidates)

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_choice("grow", options["grow"], GROW)

    def set_candidates(self, candidates: CandidateSource) -> None:
        """Replace the knowledge base.

        candidates (CandidateSource): The new knowledge base.
        """
        candidates.bind(self.vocab)
        self.candidates = candidates
        self.cfg["grown"] = False
        self.forget()

    def forget(self) -> None:
        """Forget what was read from the knowledge base before: it has changed."""
        self._finders = Finders(self.candidates)
        self._encoder_ids: TransientDict[str, Tuple[int, bool]] = TransientDict()

    def set_store(self, path: Paths) -> None:
        """Replace the knowledge base by an entity store, or by several.

        path (Paths): The store; or a list of stores, the most important first.
        """
        own = self.candidates
        made = StoreCandidates(path)
        if isinstance(own, StoreCandidates):
            made.lang, made.match, made.same_ids = own.lang, own.match, own.same_ids
            made.inflections = own.inflections
        self.set_candidates(made)

    def set_kb(self, kb_loader: Callable[[Vocab], KnowledgeBase]) -> None:
        """Replace the knowledge base by one of spaCy's, as `set_kb` of spaCy's linker does.

        kb_loader (Callable[[Vocab], KnowledgeBase]): Makes the knowledge base.
        """
        own = self.candidates
        getters = (own.get_candidates, own.get_candidates_batch) if isinstance(own, KBCandidates) else (None, None)
        self.set_candidates(KBCandidates(kb_loader, *getters))

    def add_entities(self, ids: Optional[Iterable[str]] = None) -> int:
        """Add entities of the knowledge base to the encoder's vocabulary if it lacks them.

        ids (Optional[Iterable[str]]): Ids of the entities; by default, all.
        RETURNS (int): Number of new rows of the embedding table.
        """
        loaded = self.loaded_encoder()
        if ids is None:
            ids = self.candidates.ids()
        # The bundled vocabulary has those of the bundled store by their ids: reading their names would take a second.
        unknown = (own for own in ids if find_entity(loaded.entities, own, None) is None)
        entities = (found for found in map(self.candidates.get, unknown) if found is not None)
        before = loaded.config.entity_vocab_size
        with warnings.catch_warnings():
            # ML182 warns about names that several entities share: a linker disambiguates them.
            warnings.filterwarnings("ignore", message=r"\[ML182\]")
            add_entities(loaded, missing_entities(loaded.entities, entities))
        self._encoder_ids.clear()
        return loaded.config.entity_vocab_size - before

    def loaded_encoder(self) -> LoadedEncoder:
        """Return the component's encoder. The checkpoint is read at the first call."""
        return load_model(self.model.get_ref("encoder"))

    def needs_annotation(self) -> bool:
        """Return whether the encoder lacks the head for masked entities. Reads the checkpoint."""
        return self.loaded_encoder().heads.entity_predictions is None

    def load(self) -> None:
        """Read the encoder's checkpoint. Add the knowledge base's entities and a head if the encoder lacks them."""
        load_encoder_model(self.model)
        if self.cfg["grown"]:
            return
        with _GROWING:
            if not self.cfg["grown"]:
                is_small = self.cfg["grow"] == "auto" and len(self.candidates) <= _MAX_AUTO
                if is_small or self.cfg["grow"] == "all":
                    self.grow(None)
                add_heads(self.loaded_encoder())
                self.cfg["grown"] = True

    def grow(self, ids: Optional[Iterable[str]]) -> None:
        """Add entities to the encoder's vocabulary, and log their number.

        ids (Optional[Iterable[str]]): Ids of the entities; None for all.
        """
        n_new = self.add_entities(ids)
        if n_new:
            util.logger.info("%s: %s entities added to the encoder's vocabulary", self.name, f"{n_new:,}")

    def encoder_id(self, entity_id: str) -> Tuple[int, bool]:
        """Find an entity of the knowledge base in the encoder's vocabulary.

        entity_id (str): Its id in the knowledge base.
        RETURNS (Tuple[int, bool]): Its id in the encoder, -1 if the vocabulary lacks it; and whether it was found by
            name, so that another entity may have the same id.
        """
        found = self._encoder_ids.get(entity_id)
        if found is None:
            vocabulary = self.loaded_encoder().entities
            place = find_entity(vocabulary, entity_id, None)
            if place is None:
                place = find_entity(vocabulary, entity_id, self.candidates.get(entity_id))
            if len(self._encoder_ids) >= _MAX_CACHED:
                self._encoder_ids.clear()
            found = self._encoder_ids[entity_id] = (-1, False) if place is None else (place.id, place.by_name)
        return found

    # --- saving ---

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        return [*super().parts(exclude, place), Part.of("candidates", self.candidates)]

    def _take(self, saved: Mapping[str, Any]) -> None:
        # Earlier versions did not save whether the linker was trained.
        super()._take({"trained": True, **saved})

    def after_loading(self, skipped: Sequence[str]) -> None:
        super().after_loading(skipped)
        self.forget()

    def from_bytes(self: Self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        # Version 0.1.0 nested all parts but the candidates in one part.
        return super().from_bytes(merge_nested_part(bytes_data, "component"), exclude=exclude)
