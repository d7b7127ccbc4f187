"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import re
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping

import srsly

from ..errors import Errors

# Control characters, what Windows forbids in names or reads as a drive or a stream, and lone surrogates.
_NOT_PLAIN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|\ud800-\udfff]')
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.DOTALL)
_LONGEST = 200  # bytes: file systems take 255, and a name is longer while it is written


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name; it takes its place when it is whole, and goes if something fails.

    Whoever has the file that was there open, or mapped into memory, keeps it as it was.

    path (Path): The file.
    YIELDS (Path): Where to write.
    """
    with scratch(path) as aside:
        yield aside
        aside.replace(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """As `replacing`, in a folder that is made if it is missing, and with a coded error.

    path (Path): The file.
    YIELDS (Path): Where to write.
    RAISES (ValueError): ML360 if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside:
            yield aside
    except OSError as error:
        raise ValueError(Errors.ML360.format(path=path, reason=error)) from error


@contextlib.contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """A name beside a file for what is only needed while it is written.

    path (Path): The file.
    YIELDS (Path): Where to write; what is there afterwards goes.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def pack_files(folder: Path) -> bytes:
    """Put the files of a folder into bytes, for `unpack_files`.

    folder (Path): The folder.
    RETURNS (bytes): Their names, relative to the folder, and their contents.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return srsly.msgpack_dumps({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})


def unpack_files(data: bytes, folder: Path) -> None:
    """Write the files that `pack_files` put into bytes. The bytes may be a stranger's: see `write_files`.

    data (bytes): As from `pack_files`.
    folder (Path): The folder, made if it is missing.
    RAISES (ValueError): ML330 for a name that leads out of the folder, ML331 for bytes of another kind.
    """
    write_files(folder, _unpack(data, "files"))


def read_parts(data: bytes, readers: Mapping[str, Callable[[bytes], Any]], exclude: Iterable[str]) -> None:
    """Read the bytes of a component, as `spacy.util.from_bytes` does. They may be a stranger's.

    data (bytes): As from `spacy.util.to_bytes`.
    readers (Mapping[str, Callable[[bytes], Any]]): What reads each part. One that is missing is not read.
    exclude (Iterable[str]): Parts that are not read.
    RAISES (ValueError): ML331 for bytes of another kind.
    """
    parts = _unpack(data, "parts")
    skipped = set(exclude)
    for name, read in readers.items():
        if name.partition(".")[0] in skipped or name not in parts:
            continue
        # Versions before wrote the options as text.
        if not isinstance(parts[name], (bytes, str) if name == "cfg" else bytes):
            raise ValueError(Errors.ML331.format(reason=f"'{name}' holds {type(parts[name]).__name__}, not bytes"))
        read(parts[name])


def _unpack(data: bytes, what: str) -> Dict[Any, Any]:
    try:
        found = srsly.msgpack_loads(data)
    except Exception as err:  # msgpack raises errors of many kinds
        raise ValueError(Errors.ML331.format(reason=f"{type(err).__name__}: {err}")) from err
    if not isinstance(found, dict):
        raise ValueError(Errors.ML331.format(reason=f"they hold no {what}"))
    return found


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, and nowhere else. All names are checked before the first file is written.

    A file that is there is replaced, and so is a symbolic link: what it points to stays as it is.

    folder (Path): The folder, made if it is missing.
    files (Mapping[str, bytes]): Contents by name: relative, with parts between slashes.
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
    """Check the name of one file or folder, as `write_files` does.

    name (object): The name.
    RETURNS (str): The same.
    RAISES (ValueError): ML330 if it is not plain, or leads into a folder.
    """
    parts = _plain_parts(name)
    if len(parts) > 1:
        raise ValueError(Errors.ML330.format(name=ascii(name)[:200], reason="which leads into a folder"))
    return parts[0]


def _plain_parts(name: object) -> List[str]:
    """The parts of a relative name.

    RAISES (ValueError): ML330 if it is not plain on some operating system.
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
    # Windows takes these for other names: "a. " for "a", "nul.txt" for a device.
    elif any(part[-1] in ". " or _DEVICE.fullmatch(part) for part in parts):
        reason = "which means something else on Windows"
    if reason:
        raise ValueError(Errors.ML330.format(name=ascii(name)[:200], reason=reason))
    return parts
