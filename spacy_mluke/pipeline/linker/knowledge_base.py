"""What a component that links mentions knows of entities: its knowledge base, the encoder's vocabulary, and which is
which."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple, TypeVar, Union

from spacy import util
from spacy.kb import KnowledgeBase
from spacy.vocab import Vocab
from thinc.api import Model

from ...checkpoint.add_entities import add_entities, add_heads
from ...checkpoint.load import LoadedEncoder
from ...encoder.access import load_model
from ...errors import check_choice
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource, KBCandidates, StoreCandidates
from ...kb.matching import find_entity, missing_entities
from ...storage.files import read_parts
from .derived import Derived
from .published import load_encoder_model
from .task import Scorer, TaskPipe

GROW = ("all", "candidates", "none")
Self = TypeVar("Self", bound="KnowledgePipe")
_HEAD, _CANDIDATES = "head", "candidates"
_REMEMBERED = 1 << 20  # places of entities
_GROWING = threading.Lock()


class KnowledgePipe(TaskPipe):
    """The part of a linker that holds its knowledge base, gives the encoder its entities, and saves both.

    vocab (Vocab): The pipeline's vocabulary.
    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`.
    candidates (CandidateSource): What a mention may mean.
    name (str): The component's name.
    options (Dict[str, Any]): Options, as the config sets them, "grow" among them.
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
        super().__init__(vocab, model, name, options, scorer, {"grown": False})
        self.set_candidates(candidates)

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_choice("grow", options["grow"], GROW)

    @property
    def label_data(self) -> None:
        """None: entities are not labels, so there is nothing that `spacy init labels` could write."""
        return None

    def set_candidates(self, candidates: CandidateSource) -> None:
        """Take candidates from elsewhere.

        candidates (CandidateSource): The source.
        """
        candidates.bind(self.vocab)
        self.candidates = candidates
        self.cfg["grown"] = False
        self._rows: Derived[str, Tuple[int, bool]] = Derived()

    def set_store(self, path: Union[str, Path]) -> None:
        """Take candidates from an entity store.

        path (Union[str, Path]): The store.
        """
        own = self.candidates
        made = StoreCandidates(path)
        if isinstance(own, StoreCandidates):
            made.lang, made.match = own.lang, own.match
        self.set_candidates(made)

    def set_kb(self, kb_loader: Callable[[Vocab], KnowledgeBase]) -> None:
        """Take candidates from a knowledge base of spaCy's, as its own linker's `set_kb` does.

        kb_loader (Callable[[Vocab], KnowledgeBase]): Makes it.
        """
        own = self.candidates
        getters = (own.get_candidates, own.get_candidates_batch) if isinstance(own, KBCandidates) else (None, None)
        self.set_candidates(KBCandidates(kb_loader, *getters))

    def add_entities(self, ids: Optional[Iterable[str]] = None) -> int:
        """Add entities of the knowledge base to the encoder, as far as it lacks them.

        ids (Optional[Iterable[str]]): Which; by default, all.
        RETURNS (int): How many rows its table has got.
        """
        if ids is None:
            entities = self.candidates.entities()
        else:
            entities = (found for found in map(self.candidates.get, ids) if found is not None)
        loaded = self.loaded_encoder()
        before = loaded.config.entity_vocab_size
        with warnings.catch_warnings():
            # That names are shared is what a linker is there for.
            warnings.filterwarnings("ignore", message=r"\[ML182\]")
            add_entities(loaded, missing_entities(loaded.entities, entities))
        self._rows.clear()
        return loaded.config.entity_vocab_size - before

    def loaded_encoder(self) -> LoadedEncoder:
        """Return the component's encoder. The checkpoint is read at the first call."""
        return load_model(self.model.get_ref("encoder"))

    def needs_annotation(self) -> bool:
        """Whether the encoder lacks the head for masked entities."""
        return self.loaded_encoder().heads.entity_predictions is None

    def head_params(self) -> Dict[str, Tuple[Model, str]]:
        """None of its own: the head is part of the encoder."""
        return {}

    def load(self) -> None:
        """Read the encoder's checkpoint; give it the knowledge base's entities and a head, if it lacks them."""
        load_encoder_model(self.model)
        if self.cfg["grown"]:
            return
        with _GROWING:
            if not self.cfg["grown"]:
                if self.cfg["grow"] == "all":
                    self.grow(None)
                add_heads(self.loaded_encoder())
                self.cfg["grown"] = True

    def grow(self, ids: Optional[Iterable[str]]) -> None:
        """Add entities, and note how many in the log.

        ids (Optional[Iterable[str]]): Which; None for all.
        """
        n_new = self.add_entities(ids)
        if n_new:
            util.logger.info("%s: %s entities added to the encoder's vocabulary", self.name, f"{n_new:,}")

    def row_of(self, entity_id: str) -> Tuple[int, bool]:
        """Find an entity in the encoder's vocabulary.

        entity_id (str): Its id in the knowledge base.
        RETURNS (Tuple[int, bool]): Its id in the encoder, -1 for none, and whether another one may be called the same.
        """
        found = self._rows.get(entity_id)
        if found is None:
            vocabulary = self.loaded_encoder().entities
            place = find_entity(vocabulary, entity_id, None)
            if place is None:
                place = find_entity(vocabulary, entity_id, self.candidates.get(entity_id))
            if len(self._rows) >= _REMEMBERED:
                self._rows.clear()
            found = self._rows[entity_id] = (-1, False) if place is None else (place.id, place.by_name)
        return found

    # --- saving ---

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component, with its knowledge base.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", "candidates", what to leave out.
        """
        super().to_disk(path, exclude=[*exclude, _HEAD])

    def extra_writers(self) -> Dict[str, Callable[[Path], None]]:
        return {_CANDIDATES: self.candidates.to_disk}

    def from_disk(self: Self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", "candidates", what to leave out.
        RETURNS (KnowledgePipe): This component.
        """
        super().from_disk(path, exclude=[*exclude, _HEAD])
        if _CANDIDATES not in exclude:
            self.candidates.from_disk(Path(path) / _CANDIDATES)
        self._rows.clear()
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes, with its knowledge base.

        exclude (Iterable[str]): Of "cfg", "vocab", "model", "candidates", what to leave out.
        RETURNS (bytes): The component.
        """
        own = super().to_bytes(exclude=[*exclude, _HEAD])
        return util.to_bytes({"component": lambda: own, _CANDIDATES: self.candidates.to_bytes}, exclude)

    def from_bytes(self: Self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from bytes.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", "candidates", what to leave out.
        RETURNS (KnowledgePipe): This component.
        """
        load_own = super().from_bytes

        def read(data: bytes) -> None:
            load_own(data, exclude=[*exclude, _HEAD])

        read_parts(bytes_data, {"component": read, _CANDIDATES: self.candidates.from_bytes}, exclude)
        self._rows.clear()
        return self
