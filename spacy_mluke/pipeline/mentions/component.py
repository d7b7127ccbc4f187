"""The `mluke_mentions` component: finds the names of a knowledge base's entities in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

import numpy
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ...annotate.mentions import mention_span, split_tokens, token_edges, write_mentions
from ...errors import Errors, check_at_least, check_flag, check_names, did_you_mean
from ...kb.candidate_sources import CandidateSource
from ...kb.finders import Finders
from ...kb.mention_finder import MentionFinder
from ..base.serialization import Part, Serializable
from ..base.task import Scorer
from ..base.transient import TransientDict

NO_TYPE = "ENTITY"


class MentionRecognizer(Serializable, Pipe):
    """Finds names of a knowledge base's entities in text, and adds them to `doc.ents`. It needs no training.

    Case, accents and punctuation are ignored. Of overlapping names, the first is used, and of those that begin at the
    same character, the longest. If the knowledge base has names in the text's language, only these, and names without a
    language, are used.

    vocab (Vocab): The pipeline's vocabulary.
    candidates (CandidateSource): The knowledge base: `spacy-mluke.store_candidates.v1` or
        `spacy-mluke.kb_candidates.v1`.
    name (str): The component's name.
    types (Optional[List[str]]): Types of the entities to find; None for all.
    min_length (int): Minimum number of characters of a name.
    skip_parts (bool): Whether to skip a name of one word beside another capitalised word, since it is probably part of
        a longer name: "Paris Hilton", "Real Madrid".
    split_tokens (bool): Whether to split tokens in which a name begins or ends: in scripts without spaces, at
        apostrophes and dashes. If not, such names are skipped.
    overwrite (bool): Whether names replace existing entities in `doc.ents` that they overlap.
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """

    # `nlp.pipe_labels` and `nlp.meta` do not list the labels: a pipeline is made without opening the knowledge base.
    hide_labels = True

    def __init__(
        self,
        vocab: Vocab,
        candidates: CandidateSource,
        *,
        name: str = "mluke_mentions",
        types: Optional[List[str]] = None,
        min_length: int = 2,
        skip_parts: bool = True,
        split_tokens: bool = True,
        overwrite: bool = False,
        scorer: Optional[Scorer] = None,
    ):
        self.vocab = vocab
        self.name = name
        self.scorer = scorer
        options = {
            "types": types,
            "min_length": min_length,
            "skip_parts": skip_parts,
            "split_tokens": split_tokens,
            "overwrite": overwrite,
        }
        self.set_options(options)
        self.set_candidates(candidates)

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_names("types", options["types"], optional=True)
        check_at_least("min_length", options["min_length"], 1)
        for option in ("skip_parts", "split_tokens", "overwrite"):
            check_flag(option, options[option])

    def set_candidates(self, candidates: CandidateSource) -> None:
        """Replace the knowledge base.

        candidates (CandidateSource): The new knowledge base.
        """
        candidates.bind(self.vocab)
        self.candidates = candidates
        options = (self.cfg["types"], self.cfg["min_length"], self.cfg["skip_parts"])
        self._finders = Finders(candidates, *options)
        self._types: TransientDict[str, str] = TransientDict()

    @property
    def labels(self) -> Tuple[str, ...]:
        """Types of mentions: the option `types` if it is set, else those of the knowledge base, which is opened."""
        return tuple(self.cfg["types"] or sorted(kind or NO_TYPE for kind in self._finders.index.type_names))

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
        """Return the finder of names in text of a language. It is made at the first call.

        lang (str): The language; "xx" or "" for any.
        RETURNS (MentionFinder): The finder.
        RAISES (ValueError): ML311 if no entity has one of `types`.
        """
        if self.cfg["types"] is not None:
            self._check_types(self._finders.known_types)
        return self._finders(lang)

    def _check_types(self, known: List[str]) -> None:
        for kind in self.cfg["types"] or ():
            if kind not in known:
                choices, hint = ", ".join(known) or "none", did_you_mean(kind, known)
                raise ValueError(Errors.ML311.format(name=self.name, value=kind, choices=choices, hint=hint))

    def _labelled(self, spans: List[Span]) -> List[Span]:
        """Label mentions with the type of their most probable candidate."""
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
        """Do nothing: the component is not trained.

        get_examples (Callable[[], Iterable[Example]]): Not used.
        nlp (Optional[Language]): Not used.
        """

    # --- saving ---

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        return [*super().parts(exclude, place), Part.of("candidates", self.candidates)]

    def after_loading(self, skipped: Sequence[str]) -> None:
        super().after_loading(skipped)
        self.set_candidates(self.candidates)


def _edges(doc: Doc) -> Set[int]:
    """Return the characters at which tokens begin or end."""
    return set(numpy.concatenate(token_edges(doc)).tolist())
