"""Folders of the user's own, where databases are kept that are built once."""

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
    """The user's folder for databases: `$SPACY_MLUKE_CACHE`, `$XDG_CACHE_HOME/spacy_mluke` or `~/.cache/spacy_mluke`.

    RETURNS (Path): The folder; it need not exist.
    """
    own = os.environ.get("SPACY_MLUKE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "spacy_mluke"


def temporary_cache() -> Optional[Path]:
    """A folder of the user's among the temporary files, for when the cache cannot be written to.

    RETURNS (Optional[Path]): The folder; it need not exist. None if there is no place for temporary files.
    """
    try:
        return Path(tempfile.gettempdir()) / f"spacy_mluke-{_user()}"
    except OSError:
        return None


def own_folders() -> List[Path]:
    """Folders to look for databases in, and to build them in, the preferred one first.

    RETURNS (List[Path]): The user's cache, and the one among the temporary files.
    """
    temporary = temporary_cache()
    return [user_cache()] if temporary is None else [user_cache(), temporary]


def is_trusted(folder: Path) -> bool:
    """Whether nobody but this user and the administrator could have put a file into a folder.

    The cache is the user's or the administrator's, and not open for everybody to write to. The folder among the
    temporary files is the user's alone, and no link: anybody may have made one of its name there.

    folder (Path): One of `own_folders`.
    RETURNS (bool): Whether files in it may be used. On Windows, whether it is there: both are in the user's profile.
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
    """Whether files can be made in a folder.

    folder (Path): The folder; made if missing, for this user alone.
    RETURNS (bool): Whether they can.
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
def one_at_a_time(place: Path) -> Iterator[None]:
    """Let one process or thread build, the others wait. What builders that were killed have left beside the file goes.

    Where there are no such locks, several build, each its own file, and the last to finish leaves the one that stays.

    place (Path): The file that is to be built. The lock is a file beside it; one that is there is opened as it is, and
        a link in its place is not followed.
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
                # Who had it before has removed it: the next one would lock another file.
                is_held = lock.exists() and os.path.samestat(lock.lstat(), os.fstat(opened))
            stack.callback(lock.unlink, missing_ok=True)
            for left in place.parent.glob(f".{glob.escape(place.name)}.*.tmp"):
                left.unlink(missing_ok=True)
        yield


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
