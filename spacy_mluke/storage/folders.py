"""Replace whole folders atomically: write the new folder beside the old one, then exchange them."""

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
# Names of temporary folders that a killed process leaves behind.
LEFT = re.compile(r"\..+\.[0-9a-f]{8}\.(new|old|empty)", re.DOTALL)
_LONGEST = 200  # bytes of a name before a prefix and a suffix are added; file systems allow 255
_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux
_NOT_POSSIBLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV, errno.EPERM)
# Where folders cannot be locked, a temporary folder counts as abandoned after a day.
_ABANDONED = 24 * 3600.0


@contextlib.contextmanager
def replacing_folder(
    path: Path, *, is_synced: bool = False, own: Optional[Collection[str]] = None, first: str = ""
) -> Iterator[Path]:
    """Write a folder under a temporary name, and move it to its place when it is complete.

    The path always shows the complete old folder or the complete new one, even if this process is killed: on Linux
    they are exchanged in one step. Where the file system cannot do that, the old folder is renamed first, and
    `recover_folder` restores it after a crash. If an error occurs, the new folder is removed. Temporary folders that
    killed processes left behind are removed.

    path (Path): The folder; its parents are created if they are missing.
    is_synced (bool): Whether to flush all files to the disk before the move, in case of a power loss.
    own (Optional[Collection[str]]): Names that may be replaced. If the folder holds other files, they are kept, and the
        new files are moved into the folder one by one. None to keep nothing.
    first (str): The name in `own` that is moved first.
    YIELDS (Path): An empty temporary folder to write to.
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
    """Restore a folder that a process had renamed before it was killed, without moving the new folder to its place.

    path (Path): The folder. If it exists, nothing happens.
    """
    if path.exists() or not path.parent.is_dir():
        return
    left = sorted(_beside(path, OLD), key=_changed_at)
    if left:
        left[-1].rename(path)


def remove_folder(path: Path) -> None:
    """Remove a folder. It is renamed first, so that no process finds a part of it.

    path (Path): The folder. If it does not exist, only leftovers of earlier processes are removed.
    """
    if not path.parent.is_dir():
        return
    with contextlib.suppress(FileNotFoundError):
        path.rename(_name_beside(path, NEW))
    _remove_abandoned(path)


def link_or_copy(source: Path, target: Path) -> None:
    """Make a file or folder available at a second path: by hard links where the file system allows, else by copying.

    source (Path): The existing file or folder.
    target (Path): The second path.
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
    """Flush all files of a folder to the disk.

    path (Path): The folder.
    """
    for folder, _, names in os.walk(path):
        for name in names:
            sync_file(Path(folder) / name)
        sync_file(Path(folder))


def sync_file(path: Path) -> None:
    """Flush a file, or a folder's list of files, to the disk.

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
    """Make a new, locked temporary folder. It gets its final name only when it is locked, so that no other process
    removes it as abandoned."""
    while True:
        aside = _name_beside(path, NEW)
        made = aside.with_suffix(_MADE)
        made.mkdir()
        with contextlib.ExitStack() as locks:
            try:
                locks.enter_context(_locked(made))
                made.rename(aside)
            except FileNotFoundError:
                # Another process removed the folder as abandoned before it was locked.
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
    """Check whether a process is replacing a folder within this one, or was killed while it did so.

    folder (Path): The folder.
    RETURNS (bool): Whether the folder contains temporary folders.
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
    """Hold the lock of a folder, where locks exist. The lock is released when the process ends, also if it is
    killed."""
    place = _lock(path)
    try:
        yield
    finally:
        if place is not None and place >= 0:
            os.close(place)


def _lock(path: Path) -> Optional[int]:
    """Lock a folder. Return a file descriptor to close, -1 if locks do not exist here, None if another process holds
    the lock."""
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
    """Replace the files named in `own` in a folder that also holds other files."""
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
        # This works if the target is an empty folder or does not exist.
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
        # A folder in a lower layer of a container's file system cannot be renamed.
        shutil.move(target, old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step. Return False where that is not possible."""
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
