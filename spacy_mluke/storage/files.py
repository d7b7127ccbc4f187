"""Write files atomically, and read files and bytes that need not be trusted."""

from __future__ import annotations

import contextlib
import re
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping

from ..errors import Errors

# Control characters, characters that Windows forbids in names or reads as a drive or a stream, and lone surrogates.
_NOT_PLAIN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|\ud800-\udfff]')
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.DOTALL)
_LONGEST = 200  # bytes of a name: file systems allow 255, and the temporary name is longer


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name, and move it to its place when it is complete.

    If an error occurs, the temporary file is removed. Processes that have the old file open, or mapped into memory,
    keep the old content.

    path (Path): The file.
    YIELDS (Path): The temporary path to write to.
    """
    with temporary_path(path) as aside:
        yield aside
        aside.replace(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Write a file as `replacing` does; create its folder if it is missing, and raise a coded error on failure.

    path (Path): The file.
    YIELDS (Path): The temporary path to write to.
    RAISES (ValueError): ML360 if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside:
            yield aside
    except OSError as error:
        raise ValueError(Errors.ML360.format(path=path, reason=error)) from error


@contextlib.contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Provide a temporary path beside a file, and remove the file at that path afterwards.

    path (Path): The file.
    YIELDS (Path): The temporary path.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def pack_files(folder: Path) -> bytes:
    """Serialize the files of a folder to bytes that `unpack_files` reads.

    folder (Path): The folder.
    RETURNS (bytes): The files' names, relative to the folder, and contents.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return _msgpack().msgpack_dumps({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})


def unpack_files(data: bytes, folder: Path) -> None:
    """Write the files that `pack_files` serialized. The bytes need not be trusted: see `write_files`.

    data (bytes): Bytes as returned by `pack_files`.
    folder (Path): The folder, created if it is missing.
    RAISES (ValueError): ML330 for a name that leads out of the folder, ML331 for bytes of another kind.
    """
    write_files(folder, _unpack(data, "files"))


def read_parts(data: bytes, readers: Mapping[str, Callable[[bytes], Any]], exclude: Iterable[str]) -> None:
    """Read the bytes of a component, as `spacy.util.from_bytes` does. The bytes need not be trusted.

    data (bytes): Bytes as returned by `spacy.util.to_bytes`.
    readers (Mapping[str, Callable[[bytes], Any]]): The function that reads each part. Parts missing in the bytes are
        skipped.
    exclude (Iterable[str]): Parts to skip.
    RAISES (ValueError): ML331 for bytes of another kind.
    """
    parts = _unpack(data, "parts")
    skipped = set(exclude)
    for name, read in readers.items():
        if name.partition(".")[0] in skipped or name not in parts:
            continue
        # Earlier versions wrote the options as text.
        if not isinstance(parts[name], (bytes, str) if name == "cfg" else bytes):
            raise ValueError(Errors.ML331.format(reason=f"'{name}' holds {type(parts[name]).__name__}, not bytes"))
        read(parts[name])


def merge_nested_part(data: bytes, name: str) -> bytes:
    """Move parts that are nested in another part to the top level.

    data (bytes): Bytes of a component, as returned by `spacy.util.to_bytes`. They need not be trusted.
    name (str): The part that contains the others.
    RETURNS (bytes): The bytes; unchanged if there is no such part.
    RAISES (ValueError): ML331 for bytes of another kind.
    """
    parts = _unpack(data, "parts")
    nested = parts.pop(name, None)
    if nested is None:
        return data
    if not isinstance(nested, bytes):
        raise ValueError(Errors.ML331.format(reason=f"'{name}' holds {type(nested).__name__}, not bytes"))
    return _msgpack().msgpack_dumps({**_unpack(nested, "parts"), **parts})


def _msgpack() -> Any:
    # Exported models (onnx/) are run without spaCy's packages.
    import srsly

    return srsly


def _unpack(data: bytes, what: str) -> Dict[Any, Any]:
    try:
        found = _msgpack().msgpack_loads(data)
    except Exception as err:  # msgpack raises errors of many kinds
        raise ValueError(Errors.ML331.format(reason=f"{type(err).__name__}: {err}")) from err
    if not isinstance(found, dict):
        raise ValueError(Errors.ML331.format(reason=f"they hold no {what}"))
    return found


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, and never outside it. All names are checked before the first file is written.

    An existing file is replaced. A symbolic link is replaced too; its target does not change.

    folder (Path): The folder, created if it is missing.
    files (Mapping[str, bytes]): Contents by name. Names are relative, with slashes between parts.
    RAISES (ValueError): ML330 for a name that is not plain, or leads through a symbolic link; ML331 for contents that
        are not bytes.
    """
    parts = {name: _plain_parts(name) for name in files}
    for name, content in files.items():
        if not isinstance(content, bytes):
            raise ValueError(Errors.ML331.format(reason=f"'{name}' holds {type(content).__name__}, not bytes"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        try:
            place = folder
            for part in parts[name][:-1]:
                place = place / part
                place.mkdir(exist_ok=True)
                if place.is_symlink():
                    raise ValueError(Errors.ML330.format(name=ascii(name), reason="which leads through a link"))
            with replacing(place / parts[name][-1]) as aside:
                aside.write_bytes(content)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as err:
            reason = "which is a file and a folder at once"
            raise ValueError(Errors.ML330.format(name=ascii(name), reason=reason)) from err


def plain_name(name: object) -> str:
    """Check the name of a single file or folder by the rules of `write_files`, and return it.

    name (object): The name.
    RETURNS (str): The name.
    RAISES (ValueError): ML330 if it is not plain, or leads into a folder.
    """
    parts = _plain_parts(name)
    if len(parts) > 1:
        raise ValueError(Errors.ML330.format(name=ascii(name)[:200], reason="which leads into a folder"))
    return parts[0]


def _plain_parts(name: object) -> List[str]:
    """Split a relative name into its parts.

    RAISES (ValueError): ML330 if the name is not plain on every operating system.
    """
    reason = ""
    parts = name.split("/") if isinstance(name, str) else []
    if not isinstance(name, str):
        reason = "which is not text"
    elif any(part in ("", ".", "..") for part in parts):
        reason = "which is not relative, or has an empty part, '.' or '..'"
    elif _NOT_PLAIN.search(name):
        reason = "which holds a backslash, a colon or a character that no name can hold"
    elif any(len(part.encode("utf8")) > _LONGEST for part in parts):
        reason = f"which has a part of more than {_LONGEST} bytes"
    # Windows reads these as other names: "a. " as "a", "nul.txt" as a device.
    elif any(part[-1] in ". " or _DEVICE.fullmatch(part) for part in parts):
        reason = "which means something else on Windows"
    if reason:
        raise ValueError(Errors.ML330.format(name=ascii(name)[:200], reason=reason))
    return parts
