"""Target `inputs`: damaged corpora. Every record is annotated or written with its error; errors have codes."""

from __future__ import annotations

import contextlib
import io
import json
import random
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pyarrow
import pyarrow.parquet
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from spacy_mluke.bulk.job import Job
from spacy_mluke.bulk.local import run_here
from spacy_mluke.bulk.run import Run
from spacy_mluke.cli._app import load_command

from .cases import CODE, Broken, Case, Target
from .models import make_doc
from .mutations import HOSTILE, damage_bytes, damage_json, damage_text
from .texts import random_words

RECORD: Dict[str, Any] = {
    "id": "d1", "text": "Tokyo is the capital of Japan.", "lang": "en",
    "entities": [{"start": 0, "end": 5, "label": "LOC", "id": "Q1490"}, {"start": 24, "end": 29, "label": "LOC"}],
    "relations": [{"head": 0, "tail": 1, "label": "capital"}],
    "types": [{"start": 0, "end": 5, "label": "CITY"}],
    "questions": [{"text": "What is the capital?", "answers": [{"start": 0, "end": 5}]}],
    "cats": {"x": 1.0}, "note": {"by": "me"},
}  # fmt: skip
SQUAD: Dict[str, Any] = {
    "data": [
        {"title": "t", "paragraphs": [{"context": "Tokyo is big.", "qas": [
            {"id": "1", "question": "What is big?", "answers": [{"text": "Tokyo", "answer_start": 0}]},
            {"id": "2", "question": "Who?", "is_impossible": True, "answers": []},
        ]}]}
    ]
}  # fmt: skip
CONLL = "-DOCSTART- -X- O O\n\nTokyo NNP B-NP B-LOC\nis VBZ B-VP O\nbig JJ B-ADJP O\n\nAnna B-PER\nLee I-PER\n. O\n\n"
KBP37 = (
    '1\t" <e1> Tokyo </e1> is the capital of <e2> Japan </e2> . "\nper:capital(e1,e2)\n\n'
    '2\t" <e1> Anna </e1> lives in <e2> Paris </e2> . "\nno_relation\n\n'
)


@dataclass
class Shared:
    """A pipeline, and undamaged files."""

    pipeline: Path
    docbin: bytes


def prepare(folder: Path) -> Shared:
    """Save a pipeline that finds two named entities."""
    nlp = spacy.blank("xx")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": name} for name in ("Tokyo", "Paris")])
    nlp.to_disk(folder / "nlp")
    docs = [make_doc(nlp, gold=True), nlp.make_doc("Paris"), nlp.make_doc("")]
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    return Shared(folder / "nlp", data)


def run(shared: Shared, case: Case) -> Tuple[str, int]:
    """Write a damaged file, and run a command on it."""
    kinds: List[Callable[[Shared, random.Random, Path], str]] = [
        json_lines, json_lines, json_lines, parquet, parquet, docbin, docbin, text_lines, conll, kbp37, squad,
        converted_json_lines, corpus_to_json_lines,
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.rng.choice(kinds)(shared, case.rng, case.folder), 0


def json_lines(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `annotate` on JSON lines."""
    data = b"".join(_line(rng) for _ in range(rng.randint(1, 8)))
    if rng.random() < 0.2:
        data, _ = damage_bytes(rng, data)
    return _annotate_lines(shared, rng, folder / "in.jsonl", data)


def text_lines(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `annotate` on text."""
    lines = ["".join(random_words(rng, 20)).replace("\n", " ") for _ in range(rng.randint(1, 8))]
    data = "\n".join(lines).encode("utf8")
    if rng.random() < 0.5:
        data, _ = damage_bytes(rng, data)
    return _annotate_lines(shared, rng, folder / "in.txt", data)


def _annotate_lines(shared: Shared, rng: random.Random, path: Path, data: bytes) -> str:
    """Run `annotate` on a file whose records are its non-empty lines."""
    path.write_bytes(data)
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return _annotate(shared, rng, path, sum(bool(line.strip()) for line in lines))


def parquet(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `annotate` on Parquet with unusual types, invalid UTF-8 and damaged files."""
    n = rng.randint(1, 8)
    columns: Dict[str, Any] = {"text": pyarrow.array(["".join(random_words(rng, 12)) for _ in range(n)])}
    makers: Dict[str, Callable[[], Any]] = {
        "id": lambda: pyarrow.array(range(n)),
        "note": lambda: pyarrow.array([rng.choice(("x", None, "\x00"))] * n),
        "broken": lambda: pyarrow.Array.from_buffers(
            pyarrow.string(), n, [None, _buffer(range(0, 2 * n + 1, 2)), pyarrow.py_buffer(b"\xff\xfe" * n)]
        ),
        "date": lambda: pyarrow.array([2**62] * n, type=pyarrow.int64()).cast(pyarrow.timestamp("us")),
        "zone": lambda: pyarrow.array([1] * n, type=pyarrow.int64()).cast(pyarrow.timestamp("ns", tz="Nowhere/Land")),
        "day": lambda: pyarrow.array([10**9] * n, type=pyarrow.int32()).cast(pyarrow.date32()),
        "list": lambda: pyarrow.array([[1, None]] * n),
        "entities": lambda: pyarrow.array([rng.choice(([{"start": 0, "end": 1, "label": "X"}], None, []))] * n),
        "meta": lambda: pyarrow.array([rng.choice(('{"a": 1}', "{", None, '{"text": "other"}'))] * n),
        "binary": lambda: pyarrow.array([b"\xff\x00"] * n),
        "real": lambda: pyarrow.array([float("nan")] * n),
    }
    for name in rng.sample(sorted(makers), rng.randint(0, 4)):
        columns[name] = makers[name]()
    if rng.random() < 0.1:
        columns["text"] = rng.choice(
            (columns["text"].cast(pyarrow.binary()), pyarrow.array([1] * n), makers["broken"]())
        )
    path = folder / "in.parquet"
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, path, row_group_size=rng.choice((1, 3, 100)))
    is_damaged = rng.random() < 0.5
    if is_damaged:
        path.write_bytes(damage_bytes(rng, path.read_bytes())[0])
    return _annotate(shared, rng, path, None if is_damaged else n)


def docbin(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `annotate` on a DocBin."""
    path = folder / "in.spacy"
    data, how = _damage_docbin(rng, shared.docbin)
    path.write_bytes(data)
    return _annotate(shared, rng, path, 3 if how == "parts" else None)


def converted_json_lines(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `convert-jsonl` on JSON lines."""
    path = folder / "in.jsonl"
    path.write_bytes(b"".join(_line(rng) for _ in range(rng.randint(1, 4))))
    return _command("convert-jsonl", rng, path, folder / "out.spacy")


def corpus_to_json_lines(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `convert-jsonl` on a DocBin."""
    path = folder / "in.spacy"
    path.write_bytes(_damage_docbin(rng, shared.docbin)[0])
    return _command("convert-jsonl", rng, path, folder / "out.jsonl")


def conll(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `convert-conll` on CoNLL."""
    return _converted("convert-conll", rng, folder, CONLL.encode("utf8"))


def kbp37(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `convert-kbp37` on KBP37."""
    return _converted("convert-kbp37", rng, folder, KBP37.encode("utf8"))


def squad(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Run `convert-squad` on SQuAD."""
    path = folder / "in.json"
    if rng.random() < 0.7:
        path.write_bytes(damage_text(rng, SQUAD))
        return _command("convert-squad", rng, path, folder / "out.spacy")
    return _converted("convert-squad", rng, folder, json.dumps(SQUAD).encode("utf8"))


def _converted(name: str, rng: random.Random, folder: Path, data: bytes) -> str:
    path = folder / "in.txt"
    for _ in range(rng.choice((1, 1, 2, 4))):
        data, _ = damage_bytes(rng, data)
    path.write_bytes(data)
    return _command(name, rng, path, folder / "out.spacy")


def _line(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.05:
        return b"\n"
    if kind < 0.15:
        return damage_text(rng, RECORD).replace(b"\n", b" ") + b"\n"
    if kind < 0.2:
        return rng.randbytes(rng.randrange(1, 30)).replace(b"\n", b"") + b"\n"
    record = dict(RECORD)
    if kind < 0.85:
        record = damage_json(rng, record)
    if kind < 0.4 and isinstance(record, dict):
        record["text"] = "".join(random_words(rng, 20))
    if kind > 0.95 and isinstance(record, dict):
        record[rng.choice(("id", "text", "entities", "relations", "meta", "questions"))] = rng.choice(HOSTILE)
    return json.dumps(record, ensure_ascii=rng.random() < 0.7).encode("utf8", "surrogatepass") + b"\n"


def _buffer(offsets: Any) -> Any:
    return pyarrow.array(list(offsets), type=pyarrow.int32()).buffers()[1]


def _damage_docbin(rng: random.Random, data: bytes) -> Tuple[bytes, str]:
    """Return a DocBin with changed bytes or a changed value."""
    if rng.random() < 0.3:
        return damage_bytes(rng, data)[0], "bytes"
    import zlib

    content = srsly.msgpack_loads(zlib.decompress(data))
    key = rng.choice(sorted(content))
    value = content[key]
    how = "other"
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        value[at] = (
            damage_bytes(rng, value[at])[0] if isinstance(value[at], bytes) else rng.choice(("x", b"x", 1, None))
        )
        how = "parts" if key in ("user_data", "span_groups", "cats") else "other"
    elif isinstance(value, bytes) and value:
        content[key] = damage_bytes(rng, value)[0]
    else:
        content[key] = rng.choice((None, [], b"", 1, "x", {}))
    return zlib.compress(srsly.msgpack_dumps(content)), how


def _annotate(shared: Shared, rng: random.Random, path: Path, n_records: Optional[int]) -> str:
    """Annotate a file, and check that each record is written, with or without an error.

    n_records (Optional[int]): Number of records, if it is known.
    """
    out = path.parent / "out"
    job = Job(
        str(shared.pipeline), str(path), str(out), format=rng.choice(("parquet", "parquet", "docbin")),
        shard_size=rng.choice((1, 2, 3, 100)),
    )  # fmt: skip
    begun = Run.begin(job)
    results = list(begun.follow(run_here(job, begun.todo)))
    n_written = _count(out, job)
    begun.finish()
    bad = [
        json.loads(line)
        for one in job.metadata_folder.glob("part-*.bad.jsonl")
        for line in one.read_bytes().splitlines()
    ]
    if not all(isinstance(one["error"], str) and one["error"] for one in bad):
        raise Broken("a record was set aside without its error")
    n_bad = sum(one.get("n_records", 1) for one in bad)
    if n_records is not None and n_written + n_bad != n_records:
        raise Broken(f"{n_records} records were read, {n_written} written and {len(bad)} set aside")
    if sum(result.n_docs for result in results) != n_written:
        raise Broken(f"{n_written} documents are written, and the run says another number")
    if Run.begin(job).todo:
        raise Broken("the run is over, and its shards are not done")
    kind = path.suffix[1:]
    return f"annotate {kind}: all written" if not bad else f"annotate {kind}: set aside what is broken"


def _count(folder: Path, job: Job) -> int:
    """Return the number of written documents; all must be readable."""
    if job.format == "parquet":
        return sum(pyarrow.parquet.read_table(one).num_rows for one in folder.glob("part-*.parquet"))
    vocab = spacy.blank("xx").vocab
    docs: List[Doc] = []
    for one in folder.glob("part-*.spacy"):
        docs += DocBin().from_disk(one).get_docs(vocab)
    return len(docs)


def _command(name: str, rng: random.Random, source: Path, target: Path) -> str:
    """Run a converter: it must write a readable corpus, or end with a coded error."""
    out = io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = load_command(name).main([str(source), str(target)], standalone_mode=False)
        except SystemExit as error:
            code = error.code
    if code not in (0, None):
        found = CODE.search(out.getvalue())
        if found is None:
            raise Broken(f"{name} ends with {code} and says {out.getvalue()[:300]}")
        return f"{name}: refused {found.group(1)}"
    if target.suffix == ".spacy":
        list(DocBin().from_disk(target).get_docs(spacy.blank("xx").vocab))
    else:
        for line in target.read_text(encoding="utf8").splitlines():
            json.loads(line)
    return f"{name}: written"


TARGET = Target("inputs", prepare, run, seconds=20.0)
