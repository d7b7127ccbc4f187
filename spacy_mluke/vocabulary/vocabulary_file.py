"""Read and write entity_vocab.json, the file of an entity vocabulary in a checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Tuple

from ..errors import Errors
from ..storage.untrusted import parse_json

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_names(path: Path) -> Dict[str, Any]:
    """Read all names of an entity_vocab.json into memory.

    path (Path): The file.
    RETURNS (Dict[str, Any]): Name -> id. Ids are not checked.
    RAISES (ValueError): ML062 if it is not a JSON object, has a name twice, or a name that is not Unicode.
    """
    try:
        names = parse_json(path.read_bytes(), unique=True)
    except ValueError as err:
        raise ValueError(Errors.ML062.format(path=path, reason=f"not valid JSON ({err})")) from err
    except OSError as err:
        raise ValueError(Errors.ML062.format(path=path, reason=err)) from err
    if not isinstance(names, dict):
        raise ValueError(Errors.ML062.format(path=path, reason="not an object"))
    for name in names:
        if not name.isascii() and _SURROGATE.search(name):
            raise ValueError(Errors.ML062.format(path=path, reason=f"{name!a} is not Unicode"))
    return names


def dump_names(items: Iterable[Tuple[str, int]]) -> Iterator[str]:
    """Format names as `save_vocabulary` of the published tokenizers does.

    items (Iterable[Tuple[str, int]]): Names and ids.
    YIELDS (str): Parts of the file, in order.
    """
    quoted = json.JSONEncoder(ensure_ascii=False).encode
    yield "{\n"
    comma = ""
    for name, entity_id in items:
        yield f"{comma}  {quoted(name)}: {entity_id}"
        comma = ",\n"
    yield "\n}\n"
