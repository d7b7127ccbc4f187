"""Read small files and JSON that need not be trusted."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Dict, List, Tuple, Union

_MAX_DEPTH = 500  # levels of JSON


def read_untrusted(path: Path, *, most: int) -> bytes:
    """Return the content of a file. Pipes and devices are not opened, because reading them might never end.

    path (Path): The file.
    most (int): Largest size allowed, in bytes.
    RETURNS (bytes): Its content.
    RAISES (OSError): If the file cannot be read.
    RAISES (ValueError): If it is not a regular file, or is too large.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    if found.st_size > most:
        raise ValueError(f"it has {found.st_size:,} bytes; such a file can have {most:,} at most")
    return path.read_bytes()


def parse_json(data: Union[str, bytes], *, unique: bool = False) -> Any:
    """Parse JSON that need not be trusted.

    data (Union[str, bytes]): The text; bytes are UTF-8.
    unique (bool): Whether a key that occurs twice in an object is an error.
    RETURNS (Any): The parsed value.
    RAISES (ValueError): If the text is not JSON, is nested too deeply, or has a key twice.
    """
    text = data.decode("utf8") if isinstance(data, bytes) else data
    try:
        found = json.loads(text, object_pairs_hook=_unique if unique else None)
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err
    # Python 3.12 and newer parse thousands of levels, which other functions cannot traverse or write.
    if text.count("[") + text.count("{") > _MAX_DEPTH and _is_deep(found):
        raise ValueError("it is nested too deeply")
    return found


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        inside = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, (dict, list)))
        level = [value for values in inside for value in values]
        if not level:
            return False
    return True


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"it has '{name}' twice")
    return found
