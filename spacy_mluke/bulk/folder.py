"""The output folder: whether a run that it holds is this one, and that no other is writing to it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Dict, List, Optional

from ..errors import Errors
from .job import ASIDE, Job, sha256_of, stamp_of

MANIFEST = "run.json"
SCHEMA = 2
_OLD_MANIFEST = "_annotate.json"
# Files up to this size are compared by all their bytes, larger ones by as many blocks.
WHOLE = 64 << 20
_BLOCK = 1 << 20
# What may change from one time to the next.
_FREE = ("output", "batch_size", "threads", "gpu_id")
Settings = Dict[str, Any]


def find_pipeline(job: Job) -> Path:
    """Where a run's pipeline is.

    job (Job): The run.
    RETURNS (Path): Its directory, or that of its package.
    RAISES (ValueError): ML350 if there is none.
    """
    path = Path(job.pipeline)
    if path.is_dir():
        if not (path / "config.cfg").is_file():
            raise ValueError(Errors.ML350.format(pipeline=job.pipeline, reason="the directory has no config.cfg"))
        return path
    try:
        spec = importlib.util.find_spec(job.pipeline) if job.pipeline.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        reason = "there is no such directory or package"
        raise ValueError(Errors.ML350.format(pipeline=job.pipeline, reason=reason))
    return Path(spec.origin).parent


def read_settings(job: Job) -> Optional[Settings]:
    """What a folder's run was begun with.

    job (Job): The run.
    RETURNS (Optional[Settings]): As from `settings`; None if there is no run.
    RAISES (ValueError): ML281 if the folder holds anything else, or the file is damaged; ML356 if a version before
        this one wrote it.
    """
    folder = Path(job.output)
    manifest = job.aside / MANIFEST
    if (folder / _OLD_MANIFEST).exists():
        raise ValueError(Errors.ML356.format(path=folder, manifest=_OLD_MANIFEST))
    try:
        if not manifest.exists():
            others = [path for path in (folder.iterdir() if folder.exists() else ()) if path.name != ASIDE]
            if any(path.name[0] != "." for path in others) or any(job.aside.glob("part-*")):
                raise ValueError(Errors.ML281.format(path=folder, reason="it holds other files"))
            return None
        there = json.loads(manifest.read_text(encoding="utf8"))["settings"]
        if not isinstance(there, dict) or not isinstance(there.get("files"), dict):
            raise ValueError("it is no run's")
    except OSError as error:
        raise ValueError(Errors.ML351.format(path=folder, reason=error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if str(error).startswith("[ML"):
            raise
        reason = f"{ASIDE}/{MANIFEST} cannot be read ({error})"
        raise ValueError(Errors.ML281.format(path=folder, reason=reason)) from error
    return there


def check_settings(job: Job, own: Settings, there: Settings) -> None:
    """See that a run that was begun is this one.

    job (Job): The run.
    own (Settings): What it would begin with.
    there (Settings): What the folder's was begun with.
    RAISES (ValueError): ML281 if anything differs.
    """
    changed = sorted(key for key in {*own, *there} - {"files"} if own.get(key) != there.get(key))
    files, before = own["files"], there["files"]
    # A file that could not be read then may be there now.
    differ = [path for path in {**before, **files} if not (path in before and before[path] in (None, files.get(path)))]
    if differ:
        changed.append(f"input: {len(differ):,} files differ, among them {differ[0]}")
    if changed:
        reason = f"it was begun with another {', '.join(changed)}"
        raise ValueError(Errors.ML281.format(path=job.output, reason=reason))


def settings(job: Job, paths: List[Path], unread: List[str]) -> Settings:
    """What must be the same for a run to go on.

    job (Job): The run.
    paths (List[Path]): The files of its input that are read.
    unread (List[str]): Those that cannot be.
    RETURNS (Settings): The settings, as JSON has them; the pipeline and the input by the contents of their files.
    """
    own = {key: value for key, value in asdict(job).items() if key not in _FREE}
    return {
        **own,
        "schema": SCHEMA,
        "pipeline_files": _folder_hash(find_pipeline(job)),
        "files": {
            **{str(path): fingerprint(path) for path in paths},
            **dict.fromkeys(unread),
        },
    }


def fingerprint(path: Path) -> List[Any]:
    """What tells a file from another.

    path (Path): The file.
    RETURNS (List[Any]): Its size and SHA-256; for a large one also the time of its last change, and then the SHA-256
        is of blocks that are spread over it, the first and the last among them.
    """
    size, mtime_ns = stamp_of(path)
    if size <= WHOLE:
        return [size, sha256_of(path)]
    digest = hashlib.sha256()
    n_blocks = WHOLE // _BLOCK
    with path.open("rb") as file:
        for i in range(n_blocks):
            file.seek((size - _BLOCK) * i // (n_blocks - 1))
            digest.update(file.read(_BLOCK))
    return [size, mtime_ns, digest.hexdigest()]


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            digest.update(
                f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n".encode("utf8", "surrogateescape")
            )
    except OSError as error:
        raise ValueError(Errors.ML350.format(pipeline=folder, reason=error)) from error
    return digest.hexdigest()


def write_manifest(job: Job, settings: Settings, **totals: Any) -> None:
    """Write what a run is, and what it gave.

    job (Job): The run.
    settings (Settings): What must be the same for it to go on.
    **totals (Any): What it gave, once it is done.
    RAISES (ValueError): ML351 if the folder cannot be written to.
    """
    with job.writing(job.aside / MANIFEST) as aside:
        aside.write_text(json.dumps({"settings": settings, **totals}, indent=1, ensure_ascii=True), encoding="utf8")


def clear(job: Job) -> None:
    """Remove what an interruption left.

    job (Job): The run.
    RAISES (ValueError): ML351 if that cannot be done.
    """
    try:
        for path in (*job.aside.glob(".*.tmp"), *job.aside.glob("pieces/*")):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(Errors.ML351.format(path=job.output, reason=error)) from error


def lock(job: Job) -> Optional[IO[Any]]:
    """Take the output folder, which is made if it is missing, until the file that is returned is closed, or the process
    ends, however it does.

    job (Job): The run.
    RETURNS (Optional[IO[Any]]): An open file; None where files cannot be locked.
    RAISES (ValueError): ML354 if another run has it, ML351 if it cannot be written to.
    """
    try:
        job.aside.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(
            os.open(job.aside / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666), "r+"
        )
    except OSError as error:
        raise ValueError(Errors.ML351.format(path=job.output, reason=error)) from error
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ValueError(Errors.ML354.format(path=job.output)) from error
    except (ImportError, OSError):
        # Windows, or a file system that knows no locks: nothing is lost then, shards are only done twice.
        file.close()
        return None
    return file
