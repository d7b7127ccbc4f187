"""The output folder of a run: its settings, whether a run in it can be resumed, and its lock."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Dict, List, Optional

from ..errors import Errors
from ..pipeline.ready_made import NAME, ready_made_path
from .job import METADATA_FOLDER, Job, sha256_of, stamp_of

MANIFEST = "run.json"
SCHEMA = 2
_OLD_MANIFEST = "_annotate.json"
# Files up to this size are compared by a hash of all bytes, larger ones by a hash of blocks with this total size.
MAX_HASHED_SIZE = 64 << 20
_BLOCK = 1 << 20
_FREE_SETTINGS = ("output", "batch_size", "threads", "gpu_id")  # may change when a run is resumed
Settings = Dict[str, Any]


def find_pipeline(job: Job) -> Path:
    """Return the directory of a run's pipeline.

    job (Job): The run.
    RETURNS (Path): The directory of the pipeline, or of its package.
    RAISES (ValueError): ML318 if the ready-made pipeline is not installed, ML350 if there is no other one.
    """
    path = Path(job.pipeline)
    if path.is_dir():
        if not (path / "config.cfg").is_file():
            raise ValueError(Errors.ML350.format(pipeline=job.pipeline, reason="the directory has no config.cfg"))
        return path
    if job.pipeline == NAME:
        return ready_made_path()
    try:
        spec = importlib.util.find_spec(job.pipeline) if job.pipeline.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        reason = "there is no such directory or package"
        raise ValueError(Errors.ML350.format(pipeline=job.pipeline, reason=reason))
    return Path(spec.origin).parent


def read_settings(job: Job) -> Optional[Settings]:
    """Read the settings of the run in the output folder.

    job (Job): The run.
    RETURNS (Optional[Settings]): As from `settings`; None if there is no run.
    RAISES (ValueError): ML281 if the folder has other files, or the manifest is damaged; ML356 if an earlier version
        wrote the folder.
    """
    folder = Path(job.output)
    manifest = job.metadata_folder / MANIFEST
    if (folder / _OLD_MANIFEST).exists():
        raise ValueError(Errors.ML356.format(path=folder, manifest=_OLD_MANIFEST))
    try:
        if not manifest.exists():
            others = [path for path in (folder.iterdir() if folder.exists() else ()) if path.name != METADATA_FOLDER]
            if any(path.name[0] != "." for path in others) or any(job.metadata_folder.glob("part-*")):
                raise ValueError(Errors.ML281.format(path=folder, reason="it has other files"))
            return None
        saved = json.loads(manifest.read_text(encoding="utf8"))["settings"]
        if not isinstance(saved, dict) or not isinstance(saved.get("files"), dict):
            raise ValueError("it has no settings of a run")
    except OSError as error:
        raise ValueError(Errors.ML351.format(path=folder, reason=error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if str(error).startswith("[ML"):
            raise
        reason = f"{METADATA_FOLDER}/{MANIFEST} cannot be read ({error})"
        raise ValueError(Errors.ML281.format(path=folder, reason=reason)) from error
    return saved


def check_settings(job: Job, current: Settings, saved: Settings) -> None:
    """Check that the run in the output folder has the same settings and files.

    job (Job): The run.
    current (Settings): Its settings now.
    saved (Settings): The settings of the run in the folder.
    RAISES (ValueError): ML281 if they differ.
    """
    changed = sorted(key for key in {*current, *saved} - {"files"} if current.get(key) != saved.get(key))
    files, before = current["files"], saved["files"]
    # A file that could not be read before (None) may be readable now.
    differ = [path for path in {**before, **files} if not (path in before and before[path] in (None, files.get(path)))]
    if differ:
        changed.append(f"input: {len(differ):,} files differ, among them {differ[0]}")
    if changed:
        reason = f"its run was started with another {', '.join(changed)}"
        raise ValueError(Errors.ML281.format(path=job.output, reason=reason))


def settings(job: Job, paths: List[Path], unread: List[str]) -> Settings:
    """Return the settings that must be the same when a run is resumed.

    job (Job): The run.
    paths (List[Path]): The files of its input that are read.
    unread (List[str]): Files of its input that cannot be read.
    RETURNS (Settings): The settings, for JSON, with hashes of the files of pipeline and input.
    """
    own = {key: value for key, value in asdict(job).items() if key not in _FREE_SETTINGS}
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
    """Return values that identify the content of a file.

    path (Path): The file.
    RETURNS (List[Any]): Its size and SHA-256. For a large file: its size, the time of its last change, and the SHA-256
        of blocks spread over it, including the first and the last.
    """
    size, mtime_ns = stamp_of(path)
    if size <= MAX_HASHED_SIZE:
        return [size, sha256_of(path)]
    digest = hashlib.sha256()
    n_blocks = MAX_HASHED_SIZE // _BLOCK
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
    """Write the settings of a run, and its totals.

    job (Job): The run.
    settings (Settings): As from `settings`.
    **totals (Any): The counts of a finished run.
    RAISES (ValueError): ML351 if the folder cannot be written to.
    """
    with job.writing(job.metadata_folder / MANIFEST) as aside:
        aside.write_text(json.dumps({"settings": settings, **totals}, indent=1, ensure_ascii=True), encoding="utf8")


def clear(job: Job) -> None:
    """Delete temporary files of an interrupted run.

    job (Job): The run.
    RAISES (ValueError): ML351 if they cannot be deleted.
    """
    try:
        for path in (*job.metadata_folder.glob(".*.tmp"), *job.metadata_folder.glob("pieces/*")):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(Errors.ML351.format(path=job.output, reason=error)) from error


def lock(job: Job) -> Optional[IO[Any]]:
    """Lock the output folder, which is created if missing.

    job (Job): The run.
    RETURNS (Optional[IO[Any]]): An open file; the lock is released when it is closed or the process ends. None where
        files cannot be locked.
    RAISES (ValueError): ML354 if another run has the lock, ML351 if the folder cannot be written to.
    """
    try:
        job.metadata_folder.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(
            os.open(job.metadata_folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666), "r+"
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
        # Windows, or a file system without locks. Two runs would annotate shards twice, but lose nothing.
        file.close()
        return None
    return file
