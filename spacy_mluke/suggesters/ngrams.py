"""Suggest all ranges of tokens within sentences."""

from functools import partial
from typing import Iterable, Optional

from spacy.tokens import Doc
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged

from ..errors import check_at_least, check_flag
from .entities import Suggester
from .ngram_spans import ngram_spans


def build_sentence_ngrams_v1(min_size: int = 1, max_size: int = 16, skip_punctuation: bool = False) -> Suggester:
    """Suggest every range of tokens up to a length. Registered as `spacy-mluke.sentence_ngrams.v1`.

    Candidates do not cross sentence boundaries (in documents that have them), and do not start or end with whitespace.
    At most `max_size` candidates start with each token.

    min_size (int): Minimum number of tokens of a candidate.
    max_size (int): Maximum number of tokens of a candidate. The papers use 16 (Yamada et al., 2020, section 4.3).
    skip_punctuation (bool): Whether to leave out ranges of punctuation or particles alone, and those that begin or end
        with a comma, a dash, or one half of a pair of brackets or quotation marks.
        `spacy_mluke.suggesters.punctuation` says which.
    RETURNS (Suggester): Returns token bounds of documents, sorted by start and end. Shape of dataXd: (n_spans, 2),
        int32.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """
    for option, value, least in (("min_size", min_size, 1), ("max_size", max_size, min_size)):
        check_at_least(option, value, least)
    check_flag("skip_punctuation", skip_punctuation)
    return partial(suggest_ngrams, min_size=min_size, max_size=max_size, skip_punctuation=skip_punctuation)


def suggest_ngrams(
    docs: Iterable[Doc], *, min_size: int, max_size: int, skip_punctuation: bool, ops: Optional[Ops] = None
) -> Ragged:
    """Suggest n-grams. See `build_sentence_ngrams_v1`.

    docs (Iterable[Doc]): The documents.
    min_size (int): Minimum number of tokens of a candidate.
    max_size (int): Maximum number of tokens of a candidate.
    skip_punctuation (bool): Whether to leave out ranges that `are_names` refuses.
    ops (Optional[Ops]): The ops to allocate arrays with.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    ops = ops or get_current_ops()
    found = ngram_spans(list(docs), min_size=min_size, max_size=max_size, skip_punctuation=skip_punctuation).ragged
    return Ragged(ops.asarray(found.dataXd), ops.asarray1i(found.lengths))
