"""Base of `mluke_cloze`: which entities can be fillers, also those that the encoder's vocabulary lacks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, cast

import numpy

from ...checkpoint.load import LoadedEncoder
from ...errors import Errors, check_text
from ...heads.entity_rows import EntityRows
from ...kb.bundled import ASSETS, is_knowledge_path
from ...kb.candidate_sources import CandidateSource
from ...types import Ints1d
from ...vocabulary.entity_names import key_of, name_in
from ..base.serialization import Part
from ..base.transient import TransientDict
from .labels import EntityLabelledPipe
from .masked_texts import find_entity

BUNDLED = ASSETS / "fillers" / "rows.safetensors"
_ENTITY_ROWS = "entity_rows"


class FillerPipe(EntityLabelledPipe):
    """Base of components that fill masks with entities of a vocabulary, and of a knowledge base."""

    knowledge_base: Optional[CandidateSource] = None  # a knowledge base with other ids of the encoder's entities

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._further: Optional[EntityRows] = None
        self._types: TransientDict[str, Tuple[Any, Any, Dict[int, str]]] = TransientDict()

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        if options[_ENTITY_ROWS] is not None:
            check_text(_ENTITY_ROWS, options[_ENTITY_ROWS])

    @property
    def entity_rows(self) -> Optional[EntityRows]:
        """Further entities, with the rows that the option `entity_rows` names. None if there are none, or if the
        component has labels, from which its fillers are chosen.

        RAISES (ValueError): ML426 if the file cannot be read, ML427 if there is no knowledge base with their names.
        """
        path = self.cfg[_ENTITY_ROWS]
        if path is None or self.classes:
            return None
        if self.knowledge_base is None:
            raise ValueError(Errors.ML427.format(name=self.name))
        if self._further is None:
            if is_knowledge_path(path):
                return bundled_rows()
            self._further = EntityRows.from_disk(Path(path))
        return self._further

    def find_filler(self, loaded: LoadedEncoder, candidate: str, langs: Sequence[str]) -> Optional[int]:
        """Look up an entity among the vocabulary's and the further ones.

        loaded (LoadedEncoder): The encoder.
        candidate (str): A name in the vocabulary, a title, or an id of the knowledge base.
        langs (Sequence[str]): Languages of the title.
        RETURNS (Optional[int]): Its id, as `EntityRows.filler_ids` names it; None if there is none.
        """
        found = find_entity(loaded, candidate, langs, self.knowledge_base)
        further = self.entity_rows
        if found is not None or further is None or self.knowledge_base is None:
            return found
        entity = self.knowledge_base.get(candidate)
        place = None if entity is None else further.places.get(entity.id)
        return None if place is None else int(further.filler_ids(loaded)[place])

    def of_types(self, ids: Optional[Ints1d], types: Sequence[str]) -> Ints1d:
        """Return the entities that have one of some types in the knowledge base.

        ids (Optional[Ints1d]): Entities to choose from; None for all. Shape: (n,), int64.
        types (Sequence[str]): The types, such as "PER".
        RETURNS (Ints1d): Their ids. Shape: (n_left,), int64.
        RAISES (ValueError): ML428 if there is no knowledge base, or if no entity has one of the types.
        """
        known = self._known_types()
        chosen = [own for own in (known if ids is None else ids.tolist()) if known.get(own) in types]
        if not chosen:
            listed = sorted({*known.values()} - {""})
            raise ValueError(Errors.ML428.format(name=self.name, types=list(types), known=", ".join(listed) or "none"))
        return cast(Ints1d, numpy.asarray(chosen, dtype="int64"))

    def _known_types(self) -> Dict[int, str]:
        """Return the type of each entity, read once."""
        loaded, further, source = self.loaded_encoder(), self.entity_rows, self.knowledge_base
        held = self._types.get("held")
        if held is None or held[0] is not loaded.entities or held[1] is not further:
            keys: Dict[int, str] = {}
            if source is not None:
                for entity_id in range(loaded.config.entity_vocab_size):
                    names = loaded.entities.names(entity_id)
                    keys[entity_id] = key_of(names) or name_in(names, "") if names else ""
                if further is not None:
                    keys.update(zip(further.filler_ids(loaded).tolist(), further.ids, strict=True))
            found = {own: source.type_of(key) for own, key in keys.items() if key and source is not None}
            types = {own: own_type for own, own_type in found.items() if own_type is not None}
            held = self._types["held"] = (loaded.entities, further, types)
        return held[2]

    # --- saving ---

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        own = Part(_ENTITY_ROWS, self._write_rows, self._read_rows, self._rows_bytes, self._rows_from_bytes)
        return [*super().parts(exclude, place), own]

    def _own_rows(self) -> Optional[EntityRows]:
        """The rows that are saved. The bundled ones are part of the package, as their knowledge base is."""
        path = self.cfg[_ENTITY_ROWS]
        is_bundled = path is None or (self._further is None and is_knowledge_path(path))
        return None if is_bundled or self.classes else self.entity_rows

    def _write_rows(self, path: Path) -> None:
        own = self._own_rows()
        if own is not None:
            own.to_disk(path)

    def _read_rows(self, path: Path) -> None:
        is_used = path.is_file() and _ENTITY_ROWS not in self.overridden
        self._further = EntityRows.from_disk(path) if is_used else None

    def _rows_bytes(self) -> bytes:
        own = self._own_rows()
        return b"" if own is None else own.to_bytes()

    def _rows_from_bytes(self, data: bytes) -> None:
        self._further = EntityRows.from_bytes(data) if data else None


@lru_cache(maxsize=1)
def bundled_rows() -> EntityRows:
    """Return the rows that come with the package, for the bundled checkpoint and knowledge base."""
    return EntityRows.from_disk(BUNDLED)
