"""Target `pipelines`: a damaged saved pipeline is refused, or gives the same results."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Tuple

import spacy
import srsly
import torch

from .cases import Broken, Case, Target
from .models import annotate, build_tiny_store, make_pipeline, own_files
from .mutations import HOSTILE, damage_bytes, damage_folder
from .tiny import save_checkpoint


@dataclass
class Shared:
    """A saved pipeline, another one with the same sizes, and the results of the first one."""

    folder: Path
    other: Path
    files: List[Path]  # of this package's components, relative
    rest: List[Path]  # spaCy's files
    config: Any  # to build a pipeline that loads bytes
    data: bytes
    result: Any


def prepare(folder: Path) -> Shared:
    """Save two pipelines."""
    torch.set_num_threads(1)
    store = build_tiny_store(folder / "store.sqlite")
    nlp = make_pipeline(save_checkpoint(folder / "own"), store)
    other = make_pipeline(save_checkpoint(folder / "other", seed=1), store)
    nlp.to_disk(folder / "nlp")
    other.to_disk(folder / "other_nlp")
    files = [path.relative_to(folder / "nlp") for path in own_files(folder / "nlp", nlp)]
    everything = (path.relative_to(folder / "nlp") for path in sorted((folder / "nlp").rglob("*")) if path.is_file())
    rest = [path for path in everything if path not in files]
    data = nlp.to_bytes()
    return Shared(folder / "nlp", folder / "other_nlp", files, rest, other.config, data, annotate(nlp))


def run(shared: Shared, case: Case) -> Tuple[str, int]:
    """Damage the files or the bytes of a pipeline, load it, use it."""
    rng = case.rng
    is_own = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if rng.random() < 0.25:
                nlp = spacy.util.load_model_from_config(shared.config, auto_fill=True)
                nlp.from_bytes(_damaged(shared, case))
                how = "bytes"
            else:
                is_own = rng.random() < 0.9
                copy = case.folder / "nlp"
                shutil.copytree(shared.folder, copy)
                files = shared.files if is_own else shared.rest
                others = [shared.other / path for path in files]
                present = [path for path, other in zip(files, others, strict=True) if other.is_file()]
                others = [shared.other / path for path in present]
                # spaCy would wait for input of a named pipe.
                how = damage_folder(rng, copy, [copy / path for path in present], others, with_special=is_own)
                nlp = spacy.load(copy)
            found = annotate(nlp)
        except Exception as error:
            if _is_ours(error):
                raise
            return "refused by spaCy", 0
    if found == shared.result:
        return "same results", 0
    if how != "bytes" and is_own:
        raise Broken(f"a saved pipeline with a file that is {how} gives other results, without a word")
    return f"other results ({'bytes' if how == 'bytes' else 'files of spaCy'})", 0


def _damaged(shared: Shared, case: Case) -> bytes:
    """Return the bytes of a pipeline with changed bytes, missing bytes, or a changed value."""
    if case.rng.random() < 0.4:
        return damage_bytes(case.rng, shared.data)[0]
    content = srsly.msgpack_loads(shared.data)
    part: Any = content
    for _ in range(case.rng.choice((1, 2, 2, 3))):
        if not isinstance(part, dict) or not part:
            break
        key = case.rng.choice(list(part))
        value = part[key]
        inner = _unpacked(value)
        if isinstance(inner, dict) and case.rng.random() < 0.8:
            part[key] = part = inner  # unpacked for now; packed again below
            continue
        kind = case.rng.random()
        if kind < 0.3:
            del part[key]
        elif kind < 0.6 and isinstance(value, bytes):
            part[key] = damage_bytes(case.rng, value)[0]
        elif kind < 0.8:
            part[case.rng.choice(("../x", "//tmp/x", "/x", "x"))] = value
        else:
            hostile = case.rng.choice(HOSTILE)
            is_plain = not isinstance(hostile, int) or abs(hostile) < 2**63
            part[key] = hostile if is_plain and hostile != "\ud800" else None
        break
    return srsly.msgpack_dumps(_packed(content, is_top=True))


def _unpacked(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return srsly.msgpack_loads(value)
    except Exception:
        return None


def _packed(content: Any, *, is_top: bool = False) -> Any:
    """Pack the unpacked maps again."""
    if not isinstance(content, dict):
        return content
    inner = {key: _packed(value) for key, value in content.items()}
    return inner if is_top else srsly.msgpack_dumps(inner)


def _is_ours(error: BaseException) -> bool:
    """Return whether the traceback of an error contains this package's code."""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "spacy_mluke" in name and "site-packages" not in name:
            return True
        trace = trace.tb_next
    return isinstance(error, Broken)


TARGET = Target("pipelines", prepare, run, seconds=30.0)
