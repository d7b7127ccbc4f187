"""A corpus reader that masks linked entities."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ..annotate.fillers import MARKER, Filler, GoldMask, find_markers, gold_masks, set_fillers
from ..errors import check_at_least, check_text
from ..extensions import install_extensions
from .corpus_files import DocBinCorpus
from .isolate_text import isolate_text


def build_cloze_corpus_v1(
    path: Optional[Path], marker: str = MARKER, max_length: int = 0, gold_preproc: bool = False, limit: int = 0
) -> Callable[[Language], Iterable[Example]]:
    """Read a corpus, and mask its entities. Registered as `spacy-mluke.ClozeCorpus.v1`.

    Each entity with a kb_id becomes an example: the text with a mask in place of the entity, and the gold fillers of
    the mask. Documents that already have masks are not changed. Documents with neither are skipped.

    path (Optional[Path]): A .spacy file, or a directory of them.
    marker (str): Text of a mask.
    max_length (int): As in `spacy.Corpus.v1`.
    gold_preproc (bool): As in `spacy.Corpus.v1`.
    limit (int): As in `spacy.Corpus.v1`, of the documents.
    RETURNS (Callable): The reader.
    RAISES (ValueError): ML071 for negative numbers, ML310 for an empty marker.
    """
    for option, value in (("max_length", max_length), ("limit", limit)):
        check_at_least(option, value, 0)
    check_text("marker", marker)
    install_extensions()
    return ClozeCorpus(path, marker, max_length=max_length, gold_preproc=gold_preproc, limit=limit)


class ClozeCorpus:
    """Reads examples whose documents have masks; the references have their gold fillers."""

    def __init__(self, path: Optional[Path], marker: str, *, max_length: int, gold_preproc: bool, limit: int):
        self._path = path
        self._marker = marker
        self._options: Dict[str, Any] = {"max_length": max_length, "gold_preproc": gold_preproc, "limit": limit}

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the corpus.

        nlp (Language): Tokenizes the documents.
        YIELDS (Example): The examples.
        """
        if self._path is None:
            return
        for eg in DocBinCorpus(self._path, **self._options)(nlp):
            if find_markers(eg.reference.text, self._marker):
                yield eg
            else:
                yield from mask_example(nlp.vocab, eg.reference, self._marker)


def mask_example(vocab: Vocab, doc: Doc, marker: str) -> Iterator[Example]:
    """Return an example for each linked entity of a document, with this entity masked.

    vocab (Vocab): The pipeline's vocabulary.
    doc (Doc): The document.
    marker (str): Text of a mask.
    YIELDS (Example): One for each entity.
    """
    for mask in gold_masks(doc) or []:
        words, spaces, place = isolate_text(doc, mask.start_char, mask.end_char, marker)
        reference = Doc(vocab, words=words, spaces=spaces)
        span = Span(reference, *place, label="MASK", kb_id=mask.kb_ids[0] if mask.kb_ids else "")
        reference.ents = [span]
        set_fillers(reference, [_fillers(mask)], [(span.start_char, span.end_char)])
        yield Example(Doc(vocab, words=words, spaces=spaces), reference)


def _fillers(mask: GoldMask) -> List[Filler]:
    return list(mask.fillers) or [Filler(mask.text, kb_id=kb_id) for kb_id in mask.kb_ids]
