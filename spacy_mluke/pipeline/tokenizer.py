"""A tokenizer for scripts without spaces: it splits their words at the encoder's wordpieces."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Union

import numpy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer

from ..annotate.mentions import inside_tokens, split_tokens, token_edges
from ..checkpoint.base import find_wordpieces
from ..checkpoint.hub import BUNDLED
from ..errors import check_flag, check_text
from ..storage.files import read_parts
from ..tokenization.interface import Wordpieces
from ..tokenization.load import load_wordpieces, open_wordpieces
from ..tokenization.particles import find_elisions, find_full_stops
from ..tokenization.scripts_without_spaces import has_no_spaces, split_points
from ..tokenization.vocabulary_files import FILES

_BASE = "base"  # part of the serialized tokenizer


def build_piece_tokenizer_v1(
    base: Callable[[Language], Any],
    name: str = "mluke-small",
    revision: Optional[str] = None,
    split_particles: bool = False,
) -> "Callable[[Language], PieceTokenizer]":
    """Build a tokenizer for texts in any language. Registered as `spacy-mluke.PieceTokenizer.v1`.

    base (Callable): Creates the tokenizer whose tokens are split, `spacy.Tokenizer.v1` for instance.
    name (str): The checkpoint whose wordpieces are used: the bundled "mluke-small", a directory, or a hub name.
    revision (Optional[str]): Branch, tag or commit of a hub name.
    split_particles (bool): Whether particles inside wordpieces become tokens: Chinese 是, Japanese の, Korean 는;
        elided words before a capital: French l', Italian dell'; and the full stop after a word like GmbH.
    RETURNS (Callable): Creates the tokenizer of a pipeline.
    RAISES (ValueError): ML310 for an empty name, or if `split_particles` is neither true nor false.
    """
    check_text("name", name)
    check_flag("split_particles", split_particles)

    def create(nlp: Language) -> "PieceTokenizer":
        return PieceTokenizer(base(nlp), name, revision, split_particles=split_particles)

    return create


class PieceTokenizer(DummyTokenizer):
    """Splits tokens in scripts without spaces at the wordpieces of an encoder.

    spaCy's tokenizer for "xx" makes one token of a Chinese, Japanese or Thai clause, so no span can begin or end at a
    named entity inside it. Most bounds of named entities are bounds of wordpieces (docs/guides/ner.md has the figures).
    Text in other scripts keeps the tokens of `base`, but for elided words and full stops.

    base (Any): A tokenizer of spaCy's.
    name (str): The checkpoint whose wordpieces are used. Its vocabulary is read with the first text that needs it.
    revision (Optional[str]): Of a hub name.
    split_particles (bool): Whether particles inside wordpieces, elided words before a capital, and full stops after
        words become tokens.
    """

    def __init__(self, base: Any, name: str, revision: Optional[str] = None, *, split_particles: bool = False):
        self.base = base
        self.split_particles = split_particles
        self.name = name
        self.revision = revision
        self._wordpieces: Optional[Wordpieces] = None

    @property
    def vocab(self) -> Any:
        """The pipeline's vocabulary."""
        return self.base.vocab

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        text (str): The text.
        RETURNS (Doc): Its tokens: those of the base tokenizer, split where needed.
        """
        doc = self.base(text)
        points = numpy.zeros(0, dtype="int64")
        if self.split_particles:
            points = numpy.union1d(find_elisions(text), find_full_stops(text))
        if has_no_spaces(text):
            pieces = split_points(text, self.wordpieces(), split_particles=self.split_particles)
            points = numpy.union1d(points, pieces)
        if not len(points):
            return doc
        if doc.has_annotation("TAG"):
            # Some languages' tokenizers tag words, too. Splitting in place keeps that, but takes quadratic time.
            split_tokens(doc, points.tolist())
            return doc
        starts, ends = token_edges(doc)
        inside, _ = inside_tokens(starts, ends, points)
        firsts = numpy.union1d(starts, inside)
        lasts = numpy.union1d(ends, inside)
        words = [text[first:last] for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]
        spaces = numpy.isin(lasts, ends[[bool(token.whitespace_) for token in doc]]).tolist()
        return Doc(doc.vocab, words=words, spaces=spaces)

    def pipe(self, texts: Iterable[str], **kwargs: Any) -> Iterator[Doc]:
        """Tokenize a stream of texts, one at a time.

        texts (Iterable[str]): The texts.
        **kwargs (Any): Not used.
        YIELDS (Doc): The documents, in order.
        """
        for text in texts:
            yield self(text)

    def wordpieces(self) -> Wordpieces:
        """Return the wordpiece vocabulary. It is read at the first call."""
        if self._wordpieces is None:
            self._wordpieces = load_wordpieces(find_wordpieces(self.name, self.revision))
        return self._wordpieces

    def to_bytes(self, **kwargs: Any) -> bytes:
        """Serialize the tokenizer. The vocabulary is part of it, unless it is the bundled checkpoint's.

        **kwargs (Any): For the base tokenizer.
        RETURNS (bytes): The tokenizer.
        """
        files = {} if self.name in BUNDLED else self.wordpieces().files
        return srsly.msgpack_dumps({_BASE: self.base.to_bytes(**kwargs), **files})

    def from_bytes(self, data: bytes, **kwargs: Any) -> "PieceTokenizer":
        """Load the tokenizer.

        data (bytes): As from `to_bytes`.
        **kwargs (Any): For the base tokenizer.
        RETURNS (PieceTokenizer): This tokenizer.
        RAISES (ValueError): ML331 for bytes of another kind.
        """
        files: Dict[str, bytes] = {}
        readers: Dict[str, Callable[[bytes], Any]] = {name: partial(files.__setitem__, name) for name in FILES}
        read_parts(data, {_BASE: partial(self.base.from_bytes, **kwargs), **readers}, exclude=())
        if files:
            self._wordpieces = open_wordpieces(files)
        return self

    def to_disk(self, path: Union[str, Path], **kwargs: Any) -> None:
        """Save the tokenizer to a file.

        path (Union[str, Path]): The file.
        **kwargs (Any): For the base tokenizer.
        """
        Path(path).write_bytes(self.to_bytes(**kwargs))

    def from_disk(self, path: Union[str, Path], **kwargs: Any) -> "PieceTokenizer":
        """Load the tokenizer from a file.

        path (Union[str, Path]): The file.
        **kwargs (Any): For the base tokenizer.
        RETURNS (PieceTokenizer): This tokenizer.
        """
        return self.from_bytes(Path(path).read_bytes(), **kwargs)
