"""The `mluke_mentions` component: names of a knowledge base in running text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set, Tuple, Union

import numpy
from spacy import util
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ...annotate.mentions import mention_span, split_tokens, token_edges, write_mentions
from ...errors import Errors, check_at_least, check_flag, check_names, did_you_mean
from ...kb.candidate_sources import CandidateSource
from ...kb.mention_finder import MentionFinder
from ...kb.store_format import STEM
from ...storage.files import read_parts
from ..base.component_files import check_component, saving_component
from ..base.derived import Derived
from ..base.options import Options
from ..base.task import Scorer

_CANDIDATES = "candidates"
NO_TYPE = "ENTITY"


class MentionRecognizer(Options, Pipe):
    """Finds the names of a knowledge base's entities, and makes them `doc.ents`: for pipelines without a recognizer.

    Names are compared but for case, accents and punctuation; of overlapping ones, the longest that begins first is
    taken. In text whose language is known, names of that language and of none count. It needs no training.

    vocab (Vocab): The pipeline's vocabulary.
    candidates (CandidateSource): The knowledge base, and what a mention may mean.
    name (str): The component's name.
    types (Optional[List[str]]): Types of entities whose names are looked for; None for all.
    min_length (int): Characters of a name at least.
    split_tokens (bool): Whether tokens are split where a name begins or ends inside them: in scripts without spaces, at
        apostrophes and dashes. If not, such names are left out.
    overwrite (bool): Whether entities that stand in `doc.ents` give way to names that overlap them.
    scorer (Optional[Scorer]): Scores predictions.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        candidates: CandidateSource,
        *,
        name: str = "mluke_mentions",
        types: Optional[List[str]] = None,
        min_length: int = 2,
        split_tokens: bool = True,
        overwrite: bool = False,
        scorer: Optional[Scorer] = None,
    ):
        self.vocab = vocab
        self.name = name
        self.scorer = scorer
        options = {"types": types, "min_length": min_length, "split_tokens": split_tokens, "overwrite": overwrite}
        self.set_options(options)
        self.set_candidates(candidates)

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_names("types", options["types"], optional=True)
        check_at_least("min_length", options["min_length"], 1)
        for option in ("split_tokens", "overwrite"):
            check_flag(option, options[option])

    def set_candidates(self, candidates: CandidateSource) -> None:
        """Take names from elsewhere.

        candidates (CandidateSource): The source.
        """
        candidates.bind(self.vocab)
        self.candidates = candidates
        self._finders: Derived[str, MentionFinder] = Derived()
        self._types: Derived[str, str] = Derived()

    @property
    def labels(self) -> Tuple[str, ...]:
        """Types that mentions can have: those that were asked for, else those seen so far."""
        return tuple(self.cfg["types"] or sorted({kind or NO_TYPE for kind in self._types.values()}))

    def __call__(self, doc: Doc) -> Doc:
        """Find names in a document.

        doc (Doc): The document, changed in place.
        RETURNS (Doc): The same document.
        """
        split = self.cfg["split_tokens"]
        places = self.finder(doc.lang_).find_longest(doc.text, None if split else _edges(doc))
        if places and split:
            cuts = {char for place in places for char in place} - _edges(doc)
            if cuts:
                split_tokens(doc, cuts)
        spans = [span for span in (mention_span(doc, place) for place in places) if span is not None]
        write_mentions(doc, self._labelled(spans), overwrite=self.cfg["overwrite"])
        return doc

    def finder(self, lang: str) -> MentionFinder:
        """What finds names in text of a language; made at first use.

        lang (str): The language; "xx" or "" for any.
        RETURNS (MentionFinder): The finder.
        RAISES (ValueError): ML311 for one of `types` that no entity has.
        """
        if lang not in self._finders:
            names, stems = self._names(None if lang in ("xx", "") else lang)
            self._finders[lang] = MentionFinder(names, stems)
        return self._finders[lang]

    def _names(self, lang: Optional[str]) -> Tuple[List[str], List[str]]:
        names: List[str] = []
        stems: List[str] = []
        known = set()
        for entity in self.candidates.entities():
            self._types[entity.id] = entity.type
            known.add(entity.type)
            if self.cfg["types"] is not None and entity.type not in self.cfg["types"]:
                continue
            for name in entity.names:
                if len(name.name) >= self.cfg["min_length"] and (lang is None or name.lang in (lang, "")):
                    (stems if name.kind == STEM else names).append(name.name)
        self._check_types(sorted(known - {""}))
        return names, stems

    def _check_types(self, known: List[str]) -> None:
        for kind in self.cfg["types"] or ():
            if kind not in known:
                choices, hint = ", ".join(known) or "none", did_you_mean(kind, known)
                raise ValueError(Errors.ML311.format(name=self.name, value=kind, choices=choices, hint=hint))

    def _labelled(self, spans: List[Span]) -> List[Span]:
        """Give mentions the type of what they mean most likely."""
        labelled = []
        for span, matches in zip(spans, self.candidates(spans) if spans else (), strict=True):
            types = [self._type_of(match.id) for match in matches]
            wanted = [kind for kind in types if self.cfg["types"] is None or kind in self.cfg["types"]]
            labelled.append(Span(span.doc, span.start, span.end, label=(wanted or [""])[0] or NO_TYPE))
        return labelled

    def _type_of(self, entity_id: str) -> str:
        if entity_id not in self._types:
            entity = self.candidates.get(entity_id)
            self._types[entity_id] = "" if entity is None else entity.type
        return self._types[entity_id]

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Optional[Language] = None) -> None:
        """Nothing: names are not learnt.

        get_examples (Callable[[], Iterable[Example]]): Not used.
        nlp (Optional[Language]): Not used.
        """

    # --- saving ---

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component, with its knowledge base.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "candidates", what to leave out.
        RAISES (ValueError): ML360 if it cannot be written: then the directory is as it was.
        """
        writers: Dict[str, Callable] = {"cfg": self.cfg_to_disk, _CANDIDATES: self.candidates.to_disk}
        with saving_component(path, exclude) as folder:
            util.to_disk(folder, writers, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> MentionRecognizer:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "candidates", what to leave out.
        RETURNS (MentionRecognizer): This component.
        RAISES (ValueError): ML363, ML364 for a directory that is not whole.
        """
        check_component(path)
        readers: Dict[str, Callable] = {"cfg": self.cfg_from_disk, _CANDIDATES: self.candidates.from_disk}
        util.from_disk(util.ensure_path(path), readers, exclude)
        self.set_candidates(self.candidates)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes, with its knowledge base.

        exclude (Iterable[str]): Of "cfg", "candidates", what to leave out.
        RETURNS (bytes): The component.
        """
        writers: Dict[str, Callable] = {"cfg": self.cfg_to_bytes, _CANDIDATES: self.candidates.to_bytes}
        return util.to_bytes(writers, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> MentionRecognizer:
        """Load the component from bytes.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Of "cfg", "candidates", what to leave out.
        RETURNS (MentionRecognizer): This component.
        """
        readers: Dict[str, Callable] = {"cfg": self.cfg_from_bytes, _CANDIDATES: self.candidates.from_bytes}
        read_parts(bytes_data, readers, exclude)
        self.set_candidates(self.candidates)
        return self


def _edges(doc: Doc) -> Set[int]:
    """Characters where tokens begin or end."""
    return set(numpy.concatenate(token_edges(doc)).tolist())
