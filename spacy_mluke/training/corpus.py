"""A corpus reader for components that need entities and do not find them."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Optional

from spacy.errors import Errors as SpacyErrors
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import check_at_least
from ..extensions import install_extensions
from .corpus_files import DocBinCorpus


def build_entity_corpus_v1(
    path: Optional[Path], max_length: int = 0, gold_preproc: bool = False, limit: int = 0
) -> Callable[[Language], Iterable[Example]]:
    """Read a corpus, and copy the gold entities to the predicted documents. Registered as
    `spacy-mluke.EntityCorpus.v1`.

    spaCy's corpus reader returns predicted documents without annotation. Components that need entities, but do not find
    them, would then have none, in training and in evaluation.

    path (Optional[Path]): A .spacy file, or a directory of them.
    max_length (int): As in `spacy.Corpus.v1`.
    gold_preproc (bool): As in `spacy.Corpus.v1`.
    limit (int): As in `spacy.Corpus.v1`.
    RETURNS (Callable): The reader.
    RAISES (ValueError): ML071 for negative numbers.
    """
    for option, value in (("max_length", max_length), ("limit", limit)):
        check_at_least(option, value, 0)
    install_extensions()
    return EntityCorpus(path, max_length=max_length, gold_preproc=gold_preproc, limit=limit)


class EntityCorpus:
    """Reads examples whose predicted documents have the gold entities."""

    def __init__(self, path: Optional[Path], *, max_length: int, gold_preproc: bool, limit: int):
        self._path = path
        self._options: Dict[str, Any] = {"max_length": max_length, "gold_preproc": gold_preproc, "limit": limit}

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the corpus.

        nlp (Language): Tokenizes the predicted documents.
        YIELDS (Example): The examples.
        RAISES (ValueError): E913 without a path, ML324 for a damaged file.
        """
        if self._path is None:
            raise ValueError(SpacyErrors.E913)
        for eg in DocBinCorpus(self._path, **self._options)(nlp):
            copy_entities(eg)
            yield eg


def copy_entities(eg: Example) -> None:
    """Copy the entities of an example's reference to its predicted document.

    eg (Example): The example. Entities that are not on tokens of the predicted document are skipped.
    """
    eg.predicted.ents = eg.get_aligned_spans_y2x(eg.reference.ents, allow_overlap=False)


def with_gold_tokens(gold: Doc) -> Example:
    """Return an example whose predicted document has the tokens of the reference, without its annotation.

    gold (Doc): The reference.
    RETURNS (Example): The example.
    """
    words, spaces = [token.text for token in gold], [bool(token.whitespace_) for token in gold]
    return Example(Doc(gold.vocab, words=words, spaces=spaces), gold)
