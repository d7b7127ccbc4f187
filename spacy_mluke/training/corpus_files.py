"""Read the files of a corpus; errors name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator, Tuple, Union

from spacy.tokens import Doc, DocBin
from spacy.training import Corpus
from spacy.vocab import Vocab

from ..errors import Errors

DOCBIN = ".spacy"


def read_lines(path: Union[str, Path]) -> Iterator[Tuple[int, str]]:
    """Read the lines of a text file. A byte order mark at its start is skipped.

    path (Union[str, Path]): The file.
    YIELDS (Tuple[int, str]): Number (from 1) and text of each line, with its line end.
    RAISES (ValueError): ML321 if the file is not UTF-8.
    """
    number = 0
    with Path(path).open(encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                yield number, line
        except UnicodeDecodeError as error:
            reason = f"{error.reason} after line {number}"
            raise ValueError(Errors.ML321.format(what=f"'{path}'", reason=reason)) from error


def read_docbin(path: Union[str, Path], vocab: Vocab) -> Iterator[Doc]:
    """Read the documents of a DocBin file.

    path (Union[str, Path]): A file that `DocBin.to_disk` wrote.
    vocab (Vocab): The vocabulary of the documents.
    YIELDS (Doc): The documents.
    RAISES (ValueError): ML324 if the file is damaged or not a DocBin.
    """
    try:
        docs = DocBin().from_disk(path).get_docs(vocab)
    except OSError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error
    while True:
        # Only errors of reading are the file's: those of the caller's code, at `yield`, pass unchanged.
        try:
            doc = next(docs)
        except StopIteration:
            return
        except Exception as error:
            raise _damaged(path, error) from error
        for what in ("cats", "user_data"):
            if not isinstance(getattr(doc, what), dict):
                raise _damaged(path, TypeError(f"'{what}' of a document is not a dictionary"))
        yield doc


def read_docbins(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """Read the documents of a DocBin file, or of all in a folder, in the order of their names.

    path (Path): A file, or a folder with .spacy files at any depth.
    vocab (Vocab): The vocabulary of the documents.
    YIELDS (Doc): The documents.
    RAISES (ValueError): ML325 for a folder without such files, ML324 for a file that is damaged or not a DocBin.
    """
    files = sorted(path.rglob(f"*{DOCBIN}")) if path.is_dir() else [path]
    if not files:
        raise ValueError(Errors.ML325.format(path=path))
    for file in files:
        yield from read_docbin(file, vocab)


class DocBinCorpus(Corpus):
    """spaCy's corpus reader, with an error that names a damaged file. Arguments as for `spacy.training.Corpus`."""

    def read_docbin(self, vocab: Vocab, locs: Iterable[Union[str, Path]]) -> Iterator[Doc]:
        """Read documents; empty ones are skipped.

        vocab (Vocab): The vocabulary of the documents.
        locs (Iterable[Union[str, Path]]): Files; those that do not end in .spacy are skipped.
        YIELDS (Doc): The documents, at most `limit` if it is not 0.
        RAISES (ValueError): ML324 for a damaged file.
        """
        n = 0
        for path in locs:
            if not str(path).endswith(DOCBIN):
                continue
            for doc in read_docbin(path, vocab):
                if len(doc):
                    yield doc
                    n += 1
                    if n == self.limit:
                        return


def _damaged(path: Union[str, Path], error: Exception) -> ValueError:
    reason = str(error) or repr(error)
    return ValueError(Errors.ML324.format(path=path, reason=f"{type(error).__name__}: {reason}".rstrip(".")))
