"""Names of checkpoints: the bundled one, directories, names on the Hugging Face hub."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Union

from ..errors import Errors, did_you_mean

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUNDLED = ("mluke-small",)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.sqlite"]
_WEIGHTS = (["*.safetensors"], ["pytorch_model*.bin"])


def resolve(name: Union[str, Path]) -> Path:
    """Find the directory of a checkpoint; fetch it, or what is missing of it, if it has a hub name.

    name (Union[str, Path]): "mluke-small", which comes with the package; a directory; or a hub name, such as
        "studio-ousia/mluke-base".
    RETURNS (Path): The directory.
    RAISES (ValueError): ML040 if there is no such directory, ML041 if the hub has no such checkpoint, ML042
        if the hub cannot be reached.
    """
    if isinstance(name, str) and name in BUNDLED:
        return ASSETS / name
    path = Path(name)
    # Names that no file system can have, or that say a home which is not there, are not there.
    note = ""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = path.expanduser()
        if path.is_dir() and name != "":
            return path
        note = ": it is a file" if path.exists() else ""
    if isinstance(name, Path) or not _HUB_NAME.fullmatch(name):
        hint = did_you_mean(name, BUNDLED)
        raise ValueError(Errors.ML040.format(name=name, note=note, hint=hint))
    return _fetch(name)


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        for pattern in _WEIGHTS:
            # Most checkpoints have their weights in both forms, 2 GB each; the second is fetched if need be.
            path = Path(snapshot_download(name, allow_patterns=_SMALL_FILES + pattern))
            if any(path.glob(pattern[0])):
                break
    except RepositoryNotFoundError as err:
        raise ValueError(Errors.ML041.format(name=name)) from err
    except (LocalEntryNotFoundError, OSError, ValueError) as err:
        raise ValueError(Errors.ML042.format(name=name, reason=str(err).partition("\n")[0])) from err
    return path
