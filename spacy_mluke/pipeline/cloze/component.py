"""The `mluke_cloze` component: what may stand at the masks of a text."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union, overload

import numpy
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from ...annotate.fillers import MARKER, Chars, Filler, find_markers, set_fillers
from ...checkpoint.add_entities import add_entities
from ...checkpoint.load import LoadedEncoder
from ...encoder.access import load_model
from ...errors import Errors, Warnings, check_at_least, check_choice, check_flag, check_text
from ...heads.masked_entities import MaskedModel
from ...types import Counts, Ints1d
from ...vocabulary.entity_names import NewEntity, split_name, title_of
from ..base.derived import Derived
from ..base.task import Scorer, TaskPipe
from .filling import MODES, Choice, Filled, check_heads, fill_masks
from .masked_texts import MaskedText, find_entity
from .training import ClozeTraining, Names


@dataclass
class ClozePrediction:
    """Masks of some documents, and what may stand there."""

    places: List[List[Chars]]  # of each document
    filled: Filled


class ClozeFiller(ClozeTraining, TaskPipe, TrainablePipe):
    """Fills masks with entities, or with words.

    The place of a mask is one `<mask>` with a [MASK] entity over it. Training is masked-entity prediction (Yamada et
    al., 2020, section 3.2): it grows the encoder's vocabulary by the entities of the examples, if it lacks them. Those
    are the component's labels, and what it chooses from; without labels, it chooses from the whole vocabulary.

    vocab (Vocab): The pipeline's vocabulary.
    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`.
    name (str): The component's name.
    lang (str): The pipeline's language.
    marker (str): What stands for a mask in a text.
    mode (str): "entity", "word", or "both".
    top_k (int): Fillers of a mask at most.
    n_negatives (int): Entities that a step compares the right ones with, drawn from the labels; 0 for all labels.
    show_linked (bool): Whether the entities of a document's linked mentions are shown, the `[X] & [Y]` of Ri et al.
        (2022, section 5); if not, mentions are words alone.
    scorer (Optional[Scorer]): Scores predictions.
    RAISES (ValueError): ML070 for an unknown mode, ML071, ML310 for numbers that do not fit.
    """

    kind = "LukeForMaskedLM"
    left_out = ("head",)  # of the files: the head is the encoder's
    model: MaskedModel

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        *,
        name: str = "mluke_cloze",
        lang: str = "en",
        marker: str = MARKER,
        mode: str = "entity",
        top_k: int = 5,
        n_negatives: int = 0,
        show_linked: bool = True,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "marker": marker,
            "mode": mode,
            "top_k": top_k,
            "n_negatives": n_negatives,
            "show_linked": show_linked,
        }
        super().__init__(vocab, model, name, options, scorer)
        self.lang = lang
        self._label_ids: Derived[str, Tuple[Any, int, Ints1d]] = Derived()

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_text("marker", options["marker"])
        check_choice("mode", options["mode"], MODES)
        check_at_least("top_k", options["top_k"], 1)
        check_at_least("n_negatives", options["n_negatives"], 0)
        check_flag("show_linked", options["show_linked"])

    # --- labels: entities ---

    def loaded_encoder(self) -> LoadedEncoder:
        """Return the component's encoder. The checkpoint is read at the first call."""
        return load_model(self.model.get_ref("encoder"))

    @property
    def label_data(self) -> Dict[str, Dict[str, str]]:  # type: ignore[override]
        """What `spacy init labels` writes, and `initialize` takes: titles by language, by key."""
        data: Dict[str, Dict[str, str]] = {}
        if not self.classes:
            return data
        loaded = self.loaded_encoder()
        for label in self.classes:
            names = map(split_name, loaded.entities.names(loaded.entities[label]))
            data[label] = {lang: title_of(title, label) for lang, title in names if lang}
        return data

    def add_label(self, label: str) -> int:
        """Add an entity to choose from. One that the vocabulary lacks is added to that, the label being its name.

        label (str): Its key.
        RETURNS (int): 0 if it was there already, else 1.
        RAISES (ValueError): ML085 for what is no label.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(Errors.ML085.format(label=repr(label)))
        return self.add_entities({label: {self.lang: label}})

    def add_entities(self, entities: Mapping[str, Names]) -> int:
        """Add entities to choose from; the encoder's vocabulary grows by those that it lacks, each starting from its
        names. Take a new optimizer afterwards.

        entities (Mapping[str, Names]): Names by key ("Q1490"): language -> title, or title and aliases.
        RETURNS (int): How many were not among the labels before.
        RAISES (ValueError): ML226 for an entity without a name.
        """
        return self.take_entities([NewEntity(key, names) for key, names in entities.items()])

    def take_entities(self, entities: Sequence[NewEntity]) -> int:
        """As `add_entities`.

        entities (Sequence[NewEntity]): The entities.
        RETURNS (int): How many were not among the labels before.
        """
        loaded = self.loaded_encoder()
        missing = [entity for entity in entities if entity.key not in loaded.entities]
        if missing:
            add_entities(loaded, missing)
        known = set(self.classes)
        new = list(dict.fromkeys(entity.key for entity in entities if entity.key not in known))
        self.classes.extend(new)
        for label in new:
            self.vocab.strings.add(label)
        return len(new)

    @property
    def label_ids(self) -> Ints1d:
        """Ids of the labels in the encoder's vocabulary. Shape: (n_labels,), int64.

        RAISES (ValueError): ML229 for a label that it lacks.
        """
        vocabulary = self.loaded_encoder().entities
        held = self._label_ids.get("held")
        if held is None or held[0] is not vocabulary or held[1] != len(self.classes):
            ids = [vocabulary.get(label) for label in self.classes]
            if None in ids:
                raise ValueError(Errors.ML229.format(name=self.name, label=self.classes[ids.index(None)]))
            held = self._label_ids["held"] = (vocabulary, len(ids), numpy.asarray(ids, dtype="int64"))
        return held[2]

    # --- filling ---

    def head_params(self) -> Dict[str, Tuple[Model, str]]:
        """None: the head is the encoder's, and saved with it."""
        return {}

    @property
    def is_trained(self) -> bool:
        """Whether the encoder has the head for the component's mode."""
        try:
            check_heads(self.loaded_encoder(), self.cfg["mode"], self.name)
        except ValueError:
            return False
        return True

    def needs_annotation(self) -> bool:
        """Whether the encoder lacks the head for the component's mode."""
        return not self.is_trained

    def load(self) -> None:
        """Read the encoder's checkpoint, its heads with it.

        RAISES (ValueError): ML221 if it lacks one, ML222 if it knows no entities, ML229 if it lacks a label.
        """
        check_heads(self.loaded_encoder(), self.cfg["mode"], self.name)
        _ = self.label_ids

    @overload
    def fill(  # type: ignore[overload-overlap]
        self,
        text: Union[str, Doc],
        candidates: Optional[Sequence[str]] = None,
        top_k: Optional[int] = None,
        *,
        mode: Optional[str] = None,
        lang: Optional[str] = None,
    ) -> List[List[Filler]]: ...

    @overload
    def fill(
        self,
        text: Sequence[Union[str, Doc]],
        candidates: Optional[Sequence[str]] = None,
        top_k: Optional[int] = None,
        *,
        mode: Optional[str] = None,
        lang: Optional[str] = None,
    ) -> List[List[List[Filler]]]: ...

    def fill(
        self,
        text: Union[str, Doc, Sequence[Union[str, Doc]]],
        candidates: Optional[Sequence[str]] = None,
        top_k: Optional[int] = None,
        *,
        mode: Optional[str] = None,
        lang: Optional[str] = None,
    ) -> Union[List[List[Filler]], List[List[List[Filler]]]]:
        """Fill the masks of a text, or of many; documents stay as they are.

        text (Union[str, Doc, Sequence[Union[str, Doc]]]): The text; several are read together. Of a Doc, linked
            mentions are shown with their entities.
        candidates (Optional[Sequence[str]]): What to choose from. Of entities, names in the vocabulary ("de:Tokio"),
            titles in a language of the texts, or keys; of words, any text. By default, the labels, or without labels
            the whole vocabulary; of words, all single wordpieces.
        top_k (Optional[int]): Fillers of a mask at most. By default, as the component was made; with candidates, all.
        mode (Optional[str]): "entity", "word", or "both". By default, as the component was made.
        lang (Optional[str]): Language of the text, for the names of entities. By default, the document's, for a text
            the pipeline's.
        RETURNS (Union[List[List[Filler]], List[List[List[Filler]]]]): For each mask its fillers, best first; of several
            texts, a list of such.
        RAISES (ValueError): ML071 for a `top_k` below 1, ML221 if the encoder lacks a head, ML222 if it knows no
            entities, ML223 for a candidate that is no entity.
        """
        mode = self.cfg["mode"] if mode is None else mode
        check_choice("mode", mode, MODES)
        check_at_least("top_k", top_k, 1, optional=True)
        check_heads(self.loaded_encoder(), mode, self.name)
        texts: List[Any] = [text] if isinstance(text, (str, Doc)) else list(text)
        masked = [self.masked_text(one, lang) for one in texts]
        langs = list(dict.fromkeys(one.lang for one in masked)) or [self.lang]
        choice = self._choice(mode, top_k, candidates, langs)
        filled = fill_masks(self.model, masked, choice)
        self.warn(filled.counts)
        return filled.fillers[0] if isinstance(text, (str, Doc)) else filled.fillers

    def masked_text(self, text: Union[str, Doc], lang: Optional[str] = None) -> MaskedText:
        """Find the masks of a text, and of a document what is shown beside them.

        text (Union[str, Doc]): The text.
        lang (Optional[str]): Its language. By default, the document's, for a text the pipeline's.
        RETURNS (MaskedText): The text with its masks.
        """
        if isinstance(text, Doc):
            return self.masked_doc(text, find_markers(text.text, self.cfg["marker"]), lang)
        return MaskedText(text, find_markers(text, self.cfg["marker"]), lang or self.lang)

    def _choice(
        self, mode: str, top_k: Optional[int], candidates: Optional[Sequence[str]], langs: Sequence[str]
    ) -> Choice:
        ids: Optional[Ints1d] = self.label_ids if self.classes else None
        if candidates is not None:
            found = [find_entity(self.loaded_encoder(), candidate, langs) for candidate in candidates]
            if mode == "entity" and None in found:
                unknown = candidates[found.index(None)]
                hint = f" ({', '.join(filter(None, langs))})" if any(langs) else ""
                raise ValueError(Errors.ML223.format(name=self.loaded_encoder().source, candidate=unknown, lang=hint))
            known = [entity_id for entity_id in found if entity_id is not None]
            ids = numpy.unique(numpy.asarray(known, dtype="int64"))
        keys = dict(zip(self.label_ids.tolist(), self.classes, strict=True)) if self.classes else {}
        if top_k is None:
            # A candidate may be an entity and a word.
            top_k = self.cfg["top_k"] if candidates is None else max(2 * len(candidates), 1)
        words = None if candidates is None else list(dict.fromkeys(candidates))
        return Choice(mode, top_k, ids, words, keys)

    def predict(self, docs: Iterable[Doc]) -> ClozePrediction:
        """Fill the masks of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (ClozePrediction): Their masks, and what may stand there.
        """
        self.load()
        docs = list(docs)
        texts = [self.masked_text(doc) for doc in docs]
        choice = self._choice(self.cfg["mode"], None, None, ())
        return ClozePrediction([list(text.masks) for text in texts], fill_masks(self.model, texts, choice))

    def set_annotations(self, docs: Iterable[Doc], prediction: ClozePrediction) -> None:
        """Set `doc._.mluke_fillers`.

        docs (Iterable[Doc]): The documents.
        prediction (ClozePrediction): What `predict` returned for them.
        """
        for doc, places, fillers in zip(docs, prediction.places, prediction.filled.fillers, strict=True):
            set_fillers(doc, fillers, places)

    def counts_of(self, prediction: ClozePrediction) -> Counts:
        """Masks, and how many of them could not be filled."""
        return prediction.filled.counts

    def warn(self, counts: Counts) -> None:
        """Say once how many masks could not be filled.

        counts (Counts): Sums over a run.
        """
        if counts.blank_spans:
            warnings.warn(Warnings.ML180.format(n=counts.blank_spans, total=counts.spans, name=self.name), stacklevel=3)
