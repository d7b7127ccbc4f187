"""Open the wordpiece vocabulary of a checkpoint directory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Lock
from typing import Any, Mapping, Optional, Union
from weakref import WeakValueDictionary

from ..errors import Errors
from ..storage.untrusted import read_untrusted
from .byte_level import ByteLevelPieces
from .interface import Wordpieces
from .sentencepieces import SentencePieces
from .vocabulary_files import MERGES, SENTENCEPIECE, SETTINGS, VOCAB, read_json

_MAX_BYTES = 256 << 20  # of any of these files; XLM-R's vocabulary has 5 million
# Vocabularies in use, by the digests of their files.
_shared: WeakValueDictionary[Any, Wordpieces] = WeakValueDictionary()
_sharing = Lock()


def load_wordpieces(directory: Union[str, Path]) -> Wordpieces:
    """Open the wordpiece vocabulary of a checkpoint.

    directory (Union[str, Path]): A directory in Hugging Face format: with sentencepiece.bpe.model (mLUKE, Japanese
        LUKE), else with vocab.json and merges.txt (LUKE). Markers are looked up by name in added_tokens.json and
        tokenizer_config.json.
    RETURNS (Wordpieces): The vocabulary. Equal vocabularies in use are one object: parsing XLM-R's takes most of a
        second.
    RAISES (ValueError): ML005 if there is none; ML006 if a file is damaged (vocabularies are parsed at first use).
    """
    path = Path(directory)
    if (path / SENTENCEPIECE).is_file():
        names = [SENTENCEPIECE]
    elif (path / VOCAB).is_file() and (path / MERGES).is_file():
        names = [VOCAB, MERGES]
    else:
        raise ValueError(Errors.ML005.format(path=path))
    # lexists: a settings file that exists but cannot be read is an error, not a missing file.
    names += [name for name in SETTINGS if os.path.lexists(path / name)]
    files = {name: _read(path / name) for name in names}
    max_ids = None
    if (path / "config.json").is_file():
        found = read_json({"config.json": _read(path / "config.json")}, "config.json").get("vocab_size")
        max_ids = found if isinstance(found, int) else None
    return open_wordpieces(files, max_ids=max_ids)


def open_wordpieces(files: Mapping[str, bytes], *, max_ids: Optional[int] = None) -> Wordpieces:
    """Return the wordpiece vocabulary that some files hold. They are parsed at its first use.

    files (Mapping[str, bytes]): The vocabulary's files by name, as `Wordpieces.files` has them.
    max_ids (Optional[int]): Rows of the checkpoint's embedding table, if known.
    RETURNS (Wordpieces): The vocabulary. Equal vocabularies in use are one object.
    """
    digests = tuple((name, hashlib.sha256(data).digest()) for name, data in files.items())
    with _sharing:
        found_before = _shared.get((digests, max_ids))
        if found_before is not None:
            return found_before
        opened = _shared[digests, max_ids] = _open_vocabulary(files, max_ids)
        return opened


def _read(file: Path) -> bytes:
    try:
        return read_untrusted(file, most=_MAX_BYTES)
    except (OSError, ValueError) as err:
        raise ValueError(Errors.ML006.format(name=file, reason=err)) from err


def _open_vocabulary(files: Mapping[str, bytes], max_ids: Optional[int]) -> Wordpieces:
    if SENTENCEPIECE in files:
        return SentencePieces(files, max_ids=max_ids)
    return ByteLevelPieces(files, max_ids=max_ids)
