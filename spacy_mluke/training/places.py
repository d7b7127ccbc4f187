"""Documents with a place of their choice among the tokens."""

from __future__ import annotations

from typing import List, Optional, Tuple

from spacy.tokens import Doc

Words = Tuple[List[str], List[bool], Tuple[int, int]]  # words, spaces, and token bounds of the place


def split_words(doc: Doc, start_char: int, end_char: int, filler: Optional[str] = None) -> Words:
    """The tokens of a document, with a place of its text as one.

    doc (Doc): The document.
    start_char (int): First character of the place.
    end_char (int): Its end.
    filler (Optional[str]): What stands there instead.
    RETURNS (Words): Words, whether a space follows each, and token bounds of the place.
    """
    words: List[str] = []
    spaces: List[bool] = []
    first = end = 0
    middle = doc.text[start_char:end_char] if filler is None else filler
    for token in doc:
        token_end = token.idx + len(token)
        if token_end <= start_char or token.idx >= end_char:
            words.append(token.text)
            spaces.append(bool(token.whitespace_))
            continue
        if token.idx < start_char:
            words.append(token.text[: start_char - token.idx])
            spaces.append(False)
        if token.idx <= start_char < token_end:
            first, end = len(words), len(words) + 1
            words.append(middle)
            spaces.append(False)
        if token_end > end_char:
            words.append(token.text[end_char - token.idx :])
            spaces.append(bool(token.whitespace_))
        elif token_end == end_char:
            spaces[end - 1] = bool(token.whitespace_)
    return words, spaces, (first, end)
