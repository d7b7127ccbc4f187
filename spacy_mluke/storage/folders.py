"""Folders that are replaced as a whole: written beside the old one, and put in its place at once."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any, Collection, Iterator, List, Optional, Union

from ..errors import Errors

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NEW, OLD = ".new", ".old"
_MADE = ".empty"
# What a process leaves beside a folder when it dies.
LEFT = re.compile(r"\..+\.[0-9a-f]{8}\.(new|old|empty)", re.DOTALL)
_LONGEST = 200  # bytes of a name that gets more before and behind it; file systems take 255
_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux
_NOT_POSSIBLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV, errno.EPERM)
# What nobody can lock is taken for abandoned after a day.
_ABANDONED = 24 * 3600.0


@contextlib.contextmanager
def replacing_folder(
    path: Path, *, is_synced: bool = False, own: Optional[Collection[str]] = None, first: str = ""
) -> Iterator[Path]:
    """Write a folder under another name; it takes its place when it is whole, and goes if something fails.

    Whoever looks at the path finds the old folder or the new one, whole, also if this process is killed: on Linux the
    two change places in one step. Where a file system cannot do that, the old one is renamed first, and
    `recover_folder` brings it back. What earlier processes that died have left beside it is removed.

    path (Path): The folder; its parents are made if they are missing.
    is_synced (bool): Whether all is on the disk before the folder takes its place: against a loss of power.
    own (Optional[Collection[str]]): Names that may be replaced. A folder that holds others keeps them, and what is new
        is put into it one by one; None if nothing is kept.
    first (str): Of these names, the one that is put there first.
    YIELDS (Path): Where to write: an empty folder beside it.
    RAISES (ValueError): ML360 if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        recover_folder(target)
        _remove_abandoned(target)
        with _made_beside(target) as aside:
            try:
                yield aside
                if is_synced:
                    sync_folder(aside)
                if target.is_dir():
                    shutil.copymode(target, aside)
                if own is not None and _holds_others(target, own):
                    _put_into(aside, target, own, first)
                else:
                    _put_in_place(aside, target)
                if is_synced:
                    sync_file(target.parent)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except (OSError, sqlite3.OperationalError) as error:
        raise ValueError(Errors.ML360.format(path=path, reason=error)) from error


def recover_folder(path: Path) -> None:
    """Bring back a folder that was renamed by a process that died before it put the new one in its place.

    path (Path): The folder. If it is there, nothing happens.
    """
    if path.exists() or not path.parent.is_dir():
        return
    left = sorted(_beside(path, OLD), key=_changed_at)
    if left:
        left[-1].rename(path)


def remove_folder(path: Path) -> None:
    """Remove a folder so that nobody finds a part of it: it is renamed first.

    path (Path): The folder. If it is not there, only what earlier processes left of it is removed.
    """
    if not path.parent.is_dir():
        return
    with contextlib.suppress(FileNotFoundError):
        path.rename(_name_beside(path, NEW))
    _remove_abandoned(path)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file or folder another place, too: without copying, where the file system can.

    source (Path): What is there.
    target (Path): The other place.
    """
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=_link)
    else:
        _link(source, target)


def _link(source: Union[str, Path], target: Union[str, Path]) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def sync_folder(path: Path) -> None:
    """Wait until all files of a folder are on the disk.

    path (Path): The folder.
    """
    for folder, _, names in os.walk(path):
        for name in names:
            sync_file(Path(folder) / name)
        sync_file(Path(folder))


def sync_file(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk.

    path (Path): The file or folder.
    """
    # Folders cannot be opened on Windows.
    with contextlib.suppress(PermissionError):
        place = os.open(path, os.O_RDONLY)
        try:
            os.fsync(place)
        except OSError as error:
            if error.errno not in _NOT_POSSIBLE:
                raise
        finally:
            os.close(place)


def _stem(path: Path) -> str:
    name = path.name
    if len(os.fsencode(name)) > _LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


def _name_beside(path: Path, kind: str) -> Path:
    return path.with_name(f"{_stem(path)}{secrets.token_hex(4)}{kind}")


def _beside(path: Path, kind: str) -> List[Path]:
    stem = _stem(path)
    length = len(stem) + 8 + len(kind)
    return [
        other
        for other in path.parent.iterdir()
        if other.name.startswith(stem) and other.name.endswith(kind) and len(other.name) == length
    ]


@contextlib.contextmanager
def _made_beside(path: Path) -> Iterator[Path]:
    """A new folder that is locked. It gets its name when it is, so that nobody takes it for abandoned."""
    while True:
        aside = _name_beside(path, NEW)
        made = aside.with_suffix(_MADE)
        made.mkdir()
        with contextlib.ExitStack() as locks:
            try:
                locks.enter_context(_locked(made))
                made.rename(aside)
            except FileNotFoundError:
                # Another process came first, and took it for one whose process had died before it locked it.
                continue
            yield aside
            return


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def _remove_abandoned(path: Path) -> None:
    for other in [*_beside(path, NEW), *_beside(path, OLD), *_beside(path, _MADE)]:
        with contextlib.suppress(OSError):
            if _is_abandoned(other):
                shutil.rmtree(other, ignore_errors=True)


def has_leftovers(folder: Path) -> bool:
    """Whether a process is replacing a folder within this one, or died while it did.

    folder (Path): The folder.
    RETURNS (bool): Whether something of it is there.
    """
    return any(LEFT.fullmatch(other.name) for other in folder.iterdir())


def _is_abandoned(path: Path) -> bool:
    place = _lock(path)
    if place is None:
        return False
    if place >= 0:
        os.close(place)
        return True
    return time.time() - _changed_at(path) > _ABANDONED


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a folder, if it can have one. It goes with the process, however that ends."""
    place = _lock(path)
    try:
        yield
    finally:
        if place is not None and place >= 0:
            os.close(place)


def _lock(path: Path) -> Optional[int]:
    """Lock a folder: a number to close, -1 if there are no such locks here, None if another process has it."""
    if fcntl is None:
        return -1
    place = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(place)
        return None if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else -1
    return place


def _holds_others(target: Path, own: Collection[str]) -> bool:
    return target.is_dir() and any(entry.name not in own for entry in target.iterdir())


def _put_into(new: Path, target: Path, own: Collection[str], first: str) -> None:
    """Replace what is one's own in a folder that others use, too."""
    names = sorted((entry.name for entry in new.iterdir()), key=lambda name: (name != first, name))
    for name in names:
        place = target / name
        if place.is_dir() and not place.is_symlink():
            _put_in_place(new / name, place)
        else:
            (new / name).replace(place)
    for name in set(own) - set(names):
        if (target / name).is_dir():
            shutil.rmtree(target / name, ignore_errors=True)
        else:
            (target / name).unlink(missing_ok=True)


def _put_in_place(new: Path, target: Path) -> None:
    try:
        # An empty folder may be there, or none.
        new.rename(target)
        return
    except OSError as error:
        if not target.is_dir():
            raise
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES):
            raise
    if _exchange(new, target):
        return
    old = _name_beside(target, OLD)
    try:
        target.rename(old)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # A folder of a lower layer of a container's file system cannot be renamed.
        shutil.move(target, old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step. False where that is not possible."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    if not rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        return True
    code = ctypes.get_errno()
    if code in _NOT_POSSIBLE:
        return False
    raise OSError(code, os.strerror(code), str(other))
