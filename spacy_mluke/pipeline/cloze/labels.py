"""Base of the components whose labels are entities of the encoder's vocabulary."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy
from spacy.vocab import Vocab

from ...checkpoint.add_entities import add_entities
from ...checkpoint.load import LoadedEncoder
from ...encoder.access import load_model
from ...errors import Errors
from ...heads.masked_entities import MaskedModel
from ...types import Ints1d
from ...vocabulary.entity_names import NewEntity, split_name, title_of
from ..base.labels import check_classes, check_label_text
from ..base.task import Scorer, TaskPipe
from ..base.transient import TransientDict

Names = Mapping[str, Union[str, Sequence[str]]]  # language -> title, or title and aliases


class EntityLabelledPipe(TaskPipe):
    """Base of components whose labels are entities. Their head is part of the encoder.

    vocab (Vocab): The pipeline's vocabulary.
    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`.
    name (str): The component's name.
    lang (str): The pipeline's language.
    options (Dict[str, Any]): Options, as set in the config.
    scorer (Optional[Scorer]): Scores predictions.
    state (Optional[Dict[str, Any]]): State before training, in addition to "classes".
    """

    kind = "LukeForMaskedLM"
    model: MaskedModel

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        name: str,
        lang: str,
        options: Dict[str, Any],
        scorer: Optional[Scorer] = None,
        state: Optional[Dict[str, Any]] = None,
    ):
        super().__init__(vocab, model, name, options, scorer, {"classes": [], **(state or {})})
        self.lang = lang
        self._label_ids: TransientDict[str, Tuple[Any, int, Ints1d]] = TransientDict()

    def loaded_encoder(self) -> LoadedEncoder:
        """Return the component's encoder. The checkpoint is read at the first call."""
        return load_model(self.model.get_ref("encoder"))

    @property
    def classes(self) -> List[str]:
        """Keys of the entities that are labels."""
        return self.cfg["classes"]

    @property
    def labels(self) -> Tuple[str, ...]:
        """Keys of the entities that are labels."""
        return tuple(self.classes)

    @property
    def label_data(self) -> Dict[str, Dict[str, str]]:
        """Titles of the labels by key and language, as written by `spacy init labels` and accepted by `initialize`.
        spaCy requires a property; if there are labels, it reads the checkpoint."""
        data: Dict[str, Dict[str, str]] = {}
        if not self.classes:
            return data
        loaded = self.loaded_encoder()
        for label in self.classes:
            names = map(split_name, loaded.entities.names(loaded.entities[label]))
            data[label] = {lang: title_of(title, label) for lang, title in names if lang}
        return data

    def add_label(self, label: str) -> int:
        """Add an entity to the labels. If the vocabulary lacks it, it is added there, with the label as its name.

        label (str): The entity's key.
        RETURNS (int): 0 if the label exists, else 1.
        RAISES (ValueError): ML085 for a value that is not a label.
        """
        check_label_text(label)
        return self.add_entities({label: {self.lang: label}})

    def add_entities(self, entities: Mapping[str, Names]) -> int:
        """Add entities to the labels. Entities that the vocabulary lacks are added there; their embeddings are
        initialized from their names. Create a new optimizer afterwards.

        entities (Mapping[str, Names]): Names by key ("Q1490"): language -> title, or title and aliases.
        RETURNS (int): Number of new labels.
        RAISES (ValueError): ML226 for an entity without a name.
        """
        return self.take_entities([NewEntity(key, names) for key, names in entities.items()])

    def take_entities(self, entities: Sequence[NewEntity]) -> int:
        """Add entities to the labels, as `add_entities` does.

        entities (Sequence[NewEntity]): The entities.
        RETURNS (int): Number of new labels.
        """
        loaded = self.loaded_encoder()
        missing = [entity for entity in entities if entity.key not in loaded.entities]
        if missing:
            add_entities(loaded, missing)
        known = set(self.classes)
        new = list(dict.fromkeys(entity.key for entity in entities if entity.key not in known))
        self.classes.extend(new)
        self._add_strings(new)
        return len(new)

    def label_ids(self) -> Ints1d:
        """Return the ids of the labels in the encoder's vocabulary. The checkpoint is read at the first call.

        RETURNS (Ints1d): Shape: (n_labels,), int64.
        RAISES (ValueError): ML229 for a label that the vocabulary lacks.
        """
        vocabulary = self.loaded_encoder().entities
        held = self._label_ids.get("held")
        if held is None or held[0] is not vocabulary or held[1] != len(self.classes):
            ids = [vocabulary.get(label) for label in self.classes]
            if None in ids:
                raise ValueError(Errors.ML229.format(name=self.name, label=self.classes[ids.index(None)]))
            held = self._label_ids["held"] = (vocabulary, len(ids), numpy.asarray(ids, dtype="int64"))
        return held[2]

    # --- saving ---

    def check_state(self, state: Mapping[str, Any]) -> None:
        super().check_state(state)
        check_classes(self.name, state)

    def after_loading(self, skipped: Sequence[str]) -> None:
        super().after_loading(skipped)
        # The saved vocabulary may have been excluded.
        self._add_strings(self.classes)

    def _add_strings(self, labels: Sequence[str]) -> None:
        for label in labels:
            self.vocab.strings.add(label)
