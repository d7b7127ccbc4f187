"""The user's cache folders, in which databases are built once and kept."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
import uuid
from pathlib import Path
from typing import Iterator, List, Optional


def user_cache() -> Path:
    """Return the cache folder: `$SPACY_MLUKE_CACHE`, `$XDG_CACHE_HOME/spacy_mluke` or `~/.cache/spacy_mluke`.

    RETURNS (Path): The folder, which need not exist.
    """
    own = os.environ.get("SPACY_MLUKE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "spacy_mluke"


def temporary_cache() -> Optional[Path]:
    """Return the user's folder among the temporary files, used when the cache folder cannot be written.

    RETURNS (Optional[Path]): The folder, which need not exist; None if there is no folder for temporary files.
    """
    try:
        return Path(tempfile.gettempdir()) / f"spacy_mluke-{_user()}"
    except OSError:
        return None


def cache_folders() -> List[Path]:
    """Return the folders in which databases are searched and built, the preferred one first.

    RETURNS (List[Path]): The cache folder, and the user's folder among the temporary files.
    """
    temporary = temporary_cache()
    return [user_cache()] if temporary is None else [user_cache(), temporary]


def is_trusted(folder: Path) -> bool:
    """Check that only this user and the administrator can write to a folder.

    The cache folder must belong to the user or the administrator, and must not be world-writable. The temporary folder
    must belong to the user, be closed to all others, and not be a link, because any user can create its name first.

    folder (Path): One of `cache_folders`.
    RETURNS (bool): Whether files in it may be used. On Windows, whether it exists: both are in the user's profile.
    """
    try:
        found = folder.lstat() if folder == temporary_cache() else folder.stat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode) or os.name == "nt":
        return stat.S_ISDIR(found.st_mode)
    if folder == temporary_cache():
        return found.st_uid == _user() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return found.st_uid in (_user(), 0) and not found.st_mode & stat.S_IWOTH


def is_writable(folder: Path) -> bool:
    """Check whether files can be created in a folder.

    folder (Path): The folder; if it is missing, it is created, accessible to this user only.
    RETURNS (bool): Whether files can be created.
    """
    probe = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def build_lock(place: Path) -> Iterator[None]:
    """Lock a file while it is built, so that other processes and threads wait.

    Temporary files of builders that were killed are removed. Where locks do not exist, several processes may build at
    the same time, each its own temporary file; the last one to finish replaces the others' result.

    place (Path): The file to build. The lock is a file beside it; an existing lock file is used, and a link is not
        followed.
    """
    lock = place.with_name(f".{place.name}.lock")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            is_held = False
            while not is_held:
                opened = os.open(lock, flags, 0o600)
                stack.callback(os.close, opened)
                fcntl.flock(opened, fcntl.LOCK_EX)
                # The previous holder removes the lock file; a process that waited must then open the new one.
                is_held = lock.exists() and os.path.samestat(lock.lstat(), os.fstat(opened))
            stack.callback(lock.unlink, missing_ok=True)
            for left in place.parent.glob(f".{glob.escape(place.name)}.*.tmp"):
                left.unlink(missing_ok=True)
        yield


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
