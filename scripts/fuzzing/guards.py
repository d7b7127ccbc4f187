"""Limits for a case: no network, no other program, no pickle, no file outside its folder, no endless loop."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .cases import Broken, Hang

_FORBIDDEN = {
    "socket.connect": "opens a connection",
    "socket.getaddrinfo": "looks a host up",
    "socket.gethostbyname": "looks a host up",
    "subprocess.Popen": "starts a program",
    "os.system": "starts a program",
    "os.exec": "starts a program",
    "os.posix_spawn": "starts a program",
    "pickle.find_class": "reads a pickle with code",
    "marshal.loads": "reads marshalled code",
}
# Positions of paths in an event's arguments, and of the folder that each path is relative to.
_CHANGES: Dict[str, Tuple[Tuple[int, Optional[int]], ...]] = {
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, 1),),
    "shutil.copyfile": ((1, None),),
    "shutil.move": ((0, None), (1, None)),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HOME = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "SPACY_MLUKE_CACHE", "HF_HOME")


class _Watch:
    """The audit hook. Python cannot remove a hook, so there is one hook that is switched on and off."""

    def __init__(self) -> None:
        self.folder: Optional[str] = None
        self.parent = ""
        self.is_added = False
        self.seen: List[str] = []

    def hook(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self.check(path, "writes")
        elif event in _CHANGES:
            for place, folder in _CHANGES[event]:
                within = arguments[folder] if folder is not None and folder < len(arguments) else -1
                self.check(arguments[place], event, within)
        elif event == "sqlite3.connect":
            self.check_database(str(arguments[0]))
        elif event in _FORBIDDEN and not _imports(event):
            self.refuse(f"{_FORBIDDEN[event]}: {event} {str(arguments)[:200]}")

    def check(self, path: Any, what: str, within: Optional[int] = None) -> None:
        if isinstance(path, int) or path is None:
            return
        name = os.fsdecode(path)
        if within is not None and within >= 0:
            name = os.path.join(f"/proc/self/fd/{within}", name)  # noqa: PTH118
        # Making or removing a link changes the link's folder, not its target.
        parent, last = os.path.split(name)
        name = os.path.join(os.path.realpath(parent), last) if what != "writes" else os.path.realpath(name)  # noqa: PTH118
        if name == "/dev/null" or f"{name}{os.sep}".startswith(f"{self.folder}{os.sep}"):
            return
        # Finalizers may run for objects of an earlier case.
        if what in ("os.remove", "os.rmdir", "shutil.rmtree") and "/case-" in name.removeprefix(self.parent):
            return
        if name.endswith(".pyc") or "__pycache__" in name:
            return
        self.refuse(f"{what} outside its folder: {name}")

    def check_database(self, name: str) -> None:
        if name in ("", ":memory:") or "mode=ro" in name or "immutable=1" in name:
            return
        path = name.removeprefix("file://").removeprefix("file:").split("?", 1)[0]
        self.check(path, "opens a database to write")

    def refuse(self, what: str) -> None:
        self.seen.append(what)
        raise Broken(what)


def _imports(event: str) -> bool:
    """Return whether a module is being imported, which reads marshalled code."""
    if event != "marshal.loads":
        return False
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        if "importlib" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


_watch = _Watch()


@contextlib.contextmanager
def guarded(folder: Path, seconds: float) -> Iterator[None]:
    """Limit a case: it may only write to its folder, and has a time limit.

    folder (Path): The folder, also for temporary files, caches and the home directory.
    seconds (float): The time limit. Raises Hang.
    RAISES (Broken): If the case did something forbidden, even if the tested code caught the error.
    """
    if not _watch.is_added:
        sys.addaudithook(_watch.hook)
        _watch.is_added = True
    saved = {name: os.environ.get(name) for name in _HOME}
    os.environ.update({name: str(folder) for name in _HOME})
    tempdir, tempfile.tempdir = tempfile.tempdir, str(folder)
    _watch.seen = []
    _watch.parent = os.path.realpath(folder.parent)
    _watch.folder = os.path.realpath(folder)
    previous = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        _watch.folder = None
        tempfile.tempdir = tempdir
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        seen, _watch.seen = _watch.seen, []
    if seen:
        raise Broken(seen[0])


def _ring(number: int, frame: Optional[FrameType]) -> None:
    raise Hang("the time limit was exceeded")


def limit_memory(megabytes: int) -> None:
    """Limit the additional address space of this process.

    megabytes (int): The limit.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
