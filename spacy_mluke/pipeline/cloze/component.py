"""The `mluke_cloze` component: predicts fillers for the masks of a text."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Union, overload

import numpy
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...annotate.fillers import MARKER, Chars, Filler, find_markers, set_fillers
from ...errors import Errors, Warnings, check_at_least, check_choice, check_flag, check_text
from ...heads.masked_entities import MaskedModel
from ...kb.candidate_sources import CandidateSource
from ...types import Counts, Ints1d
from ..base.serialization import Part
from ..base.task import Scorer
from .filling import MODES, Choice, Filled, check_heads, fill_masks
from .masked_texts import MaskedText
from .training import ClozeTraining


@dataclass
class ClozePrediction:
    """The masks of some documents, and their fillers."""

    places: List[List[Chars]]  # of each document
    filled: Filled


class ClozeFiller(ClozeTraining, TrainablePipe):
    """Fills the masks of a text with entities or words.

    Fillers are in `doc._.mluke_fillers`; `fill` fills a single text. At a mask, the encoder reads a `<mask>` piece and
    a [MASK] entity. Training is masked-entity prediction (Yamada et al., 2020, section 3.3). Entities of the
    examples become the component's labels, and are added to the encoder's vocabulary if it lacks them. Predictions are
    chosen from the labels, or without labels from the whole vocabulary.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[MentionInput, EntityLogits]): `spacy-mluke.MaskedEntity.v1`.
    candidates (Optional[CandidateSource]): A knowledge base with other ids of the encoder's entities, such as that of
        `mluke_linker`: linked mentions and candidates are found by its ids, and fillers have its ids. None to use the
        ids of the encoder's vocabulary only.
    name (str): The component's name.
    lang (str): The pipeline's language.
    marker (str): The string that marks a mask in a text.
    mode (str): Kind of fillers: "entity", "word", or "both".
    top_k (int): Maximum number of fillers of a mask.
    n_negatives (int): Number of negative entities in a training step, sampled from the labels; 0 for all labels.
    show_linked (bool): Whether linked mentions of a document are read with their entities, the `[X] & [Y]` of Ri et al.
        (2022, section 5). If not, mentions are read as words only.
    entity_rows (Optional[str]): Rows of further entities of the knowledge base, trained for this encoder: "knowledge"
        for those that come with the package, or a file that `EntityRows.to_disk` wrote. They are fillers beside the
        entities of the vocabulary, unless the component has labels. A saved pipeline contains them, except "knowledge".
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML070 for an unknown mode, ML071, ML310 for numbers that are not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: MaskedModel,
        candidates: Optional[CandidateSource] = None,
        *,
        name: str = "mluke_cloze",
        lang: str = "en",
        marker: str = MARKER,
        mode: str = "entity",
        top_k: int = 5,
        n_negatives: int = 0,
        show_linked: bool = True,
        entity_rows: Optional[str] = None,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "marker": marker,
            "mode": mode,
            "top_k": top_k,
            "n_negatives": n_negatives,
            "show_linked": show_linked,
            "entity_rows": entity_rows,
        }
        super().__init__(vocab, model, name, lang, options, scorer)
        self.knowledge_base = candidates
        if candidates is not None:
            candidates.bind(vocab)

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        check_text("marker", options["marker"])
        check_choice("mode", options["mode"], MODES)
        check_at_least("top_k", options["top_k"], 1)
        check_at_least("n_negatives", options["n_negatives"], 0)
        check_flag("show_linked", options["show_linked"])

    # --- filling ---

    def has_head(self) -> bool:
        """Return whether the encoder has the head for the component's mode. Reads the checkpoint."""
        try:
            check_heads(self.loaded_encoder(), self.cfg["mode"], self.name)
        except ValueError:
            return False
        return True

    def load(self) -> None:
        """Read the encoder's checkpoint with its heads.

        RAISES (ValueError): ML221 if a head is missing, ML222 if the vocabulary has no entities, ML229 if it lacks a
            label.
        """
        check_heads(self.loaded_encoder(), self.cfg["mode"], self.name)
        self.label_ids()

    @overload
    def fill(  # type: ignore[overload-overlap]
        self,
        text: Union[str, Doc],
        candidates: Optional[Sequence[str]] = None,
        top_k: Optional[int] = None,
        *,
        mode: Optional[str] = None,
        lang: Optional[str] = None,
        types: Optional[Sequence[str]] = None,
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
        types: Optional[Sequence[str]] = None,
    ) -> List[List[List[Filler]]]: ...

    def fill(
        self,
        text: Union[str, Doc, Sequence[Union[str, Doc]]],
        candidates: Optional[Sequence[str]] = None,
        top_k: Optional[int] = None,
        *,
        mode: Optional[str] = None,
        lang: Optional[str] = None,
        types: Optional[Sequence[str]] = None,
    ) -> Union[List[List[Filler]], List[List[List[Filler]]]]:
        """Predict the fillers of the masks in a text, or in several texts. Documents do not change.

        text (Union[str, Doc, Sequence[Union[str, Doc]]]): The text; several texts are encoded together. Linked mentions
            of a Doc are read with their entities.
        candidates (Optional[Sequence[str]]): Fillers to choose from. Entities: names in the vocabulary ("de:Tokio"),
            titles in a language of the texts, keys, or ids of the knowledge base. Words: any text. By default, entities
            are chosen from the labels, or without labels from the whole vocabulary, and words from all single
            wordpieces.
        top_k (Optional[int]): Maximum number of fillers of a mask. By default, the component's option; with candidates,
            all.
        mode (Optional[str]): "entity", "word", or "both". By default, the component's option.
        lang (Optional[str]): Language of the text, for the names of entities. By default, the document's, and for a
            string the pipeline's.
        types (Optional[Sequence[str]]): Types that entities must have in the knowledge base, such as "PER" or "LOC".
        RETURNS (Union[List[List[Filler]], List[List[List[Filler]]]]): The fillers of each mask, best first; for several
            texts, a list of such lists.
        RAISES (ValueError): ML071 for a `top_k` below 1, ML221 if the encoder lacks a head, ML222 if its vocabulary has
            no entities, ML223 for a candidate that is not an entity, ML428 if no entity has one of the types.
        """
        mode = self.cfg["mode"] if mode is None else mode
        check_choice("mode", mode, MODES)
        check_at_least("top_k", top_k, 1, optional=True)
        check_heads(self.loaded_encoder(), mode, self.name)
        texts: List[Any] = [text] if isinstance(text, (str, Doc)) else list(text)
        masked = [self.masked_text(one, lang) for one in texts]
        langs = list(dict.fromkeys(one.lang for one in masked)) or [self.lang]
        choice = self._choice(mode, top_k, candidates, langs, types)
        filled = fill_masks(self.model, masked, choice)
        self.warn(filled.counts)
        return filled.fillers[0] if isinstance(text, (str, Doc)) else filled.fillers

    def masked_text(self, text: Union[str, Doc], lang: Optional[str] = None) -> MaskedText:
        """Find the masks of a text, and the linked mentions of a document.

        text (Union[str, Doc]): The text.
        lang (Optional[str]): Its language. By default, the document's, and for a string the pipeline's.
        RETURNS (MaskedText): The text with its masks.
        """
        if isinstance(text, Doc):
            return self.masked_doc(text, find_markers(text.text, self.cfg["marker"]), lang)
        return MaskedText(text, find_markers(text, self.cfg["marker"]), lang or self.lang)

    def _choice(
        self,
        mode: str,
        top_k: Optional[int],
        candidates: Optional[Sequence[str]],
        langs: Sequence[str],
        types: Optional[Sequence[str]] = None,
    ) -> Choice:
        ids: Optional[Ints1d] = self.label_ids() if self.classes else None
        if candidates is not None:
            loaded = self.loaded_encoder()
            found = [self.find_filler(loaded, candidate, langs) for candidate in candidates]
            if mode == "entity" and None in found:
                unknown = candidates[found.index(None)]
                hint = f" ({', '.join(filter(None, langs))})" if any(langs) else ""
                raise ValueError(Errors.ML223.format(name=loaded.source, candidate=unknown, lang=hint))
            known = [entity_id for entity_id in found if entity_id is not None]
            ids = numpy.unique(numpy.asarray(known, dtype="int64"))
        if types is not None:
            ids = self.of_types(ids, types)
        keys = dict(zip(self.label_ids().tolist(), self.classes, strict=True)) if self.classes else {}
        if top_k is None:
            # A candidate may be both an entity and a word.
            top_k = self.cfg["top_k"] if candidates is None else max(2 * len(candidates), 1)
        words = None if candidates is None else list(dict.fromkeys(candidates))
        return Choice(mode, top_k, ids, words, keys, self.knowledge_base, self.entity_rows)

    def predict(self, docs: Iterable[Doc]) -> ClozePrediction:
        """Predict the fillers of documents' masks. The documents do not change.

        docs (Iterable[Doc]): The documents.
        RETURNS (ClozePrediction): Their masks and fillers.
        """
        self.load()
        docs = list(docs)
        texts = [self.masked_text(doc) for doc in docs]
        choice = self._choice(self.cfg["mode"], None, None, ())
        return ClozePrediction([list(text.masks) for text in texts], fill_masks(self.model, texts, choice))

    def set_annotations(self, docs: Iterable[Doc], prediction: ClozePrediction) -> None:
        """Set `doc._.mluke_fillers`.

        docs (Iterable[Doc]): The documents.
        prediction (ClozePrediction): Their prediction, as returned by `predict`.
        """
        for doc, places, fillers in zip(docs, prediction.places, prediction.filled.fillers, strict=True):
            set_fillers(doc, fillers, places)

    def counts_of(self, prediction: ClozePrediction) -> Counts:
        return prediction.filled.counts

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        own = [] if self.knowledge_base is None else [Part.of("candidates", self.knowledge_base)]
        return [*super().parts(exclude, place), *own]

    def warn(self, counts: Counts) -> None:
        """Warn once about masks that could not be filled.

        counts (Counts): Sums over a stream.
        """
        if counts.blank_spans:
            warnings.warn(Warnings.ML180.format(n=counts.blank_spans, total=counts.spans, name=self.name), stacklevel=3)
