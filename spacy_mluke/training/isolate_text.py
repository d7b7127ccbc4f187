"""Tokens of a document in which a part of the text is one token."""

from __future__ import annotations

from typing import List, Optional, Tuple

from spacy.tokens import Doc

Words = Tuple[List[str], List[bool], Tuple[int, int]]  # words, spaces, and token bounds of the part


def isolate_text(doc: Doc, start_char: int, end_char: int, replacement: Optional[str] = None) -> Words:
    """Return the words of a document, with a part of its text as one word.

    doc (Doc): The document.
    start_char (int): First character of the part.
    end_char (int): End of the part.
    replacement (Optional[str]): Text that replaces the part; None to keep it.
    RETURNS (Words): Words, whether a space follows each, and token bounds of the part.
    """
    words: List[str] = []
    spaces: List[bool] = []
    first = end = 0
    middle = doc.text[start_char:end_char] if replacement is None else replacement
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
