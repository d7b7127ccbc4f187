"""Train the similarity and the re-ranker, and measure links on a few sentences, to test that the scripts work.

    python -m scripts.workflows.links out/links

The sentences say which country's capital a city is, in the formats of FewRel, KnowledgeNet, RELX-Distant and the
corpora of names.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import typer
from wasabi import msg

from scripts.linking.gold import CORPORA, RELX
from scripts.workflows.sample import CAPITALS, SENTENCES
from spacy_mluke.kb.bundled import KNOWLEDGE, open_store
from spacy_mluke.kb.reranker import Reranker
from spacy_mluke.storage.folders import remove_folder

TARGET = typer.Argument(Path("out/links"), help="Folder to work in; its content is deleted first")
REPO = Path(__file__).parents[2]
_BEFORE = ("", "Today, ", "As we know, ")
_LONG = ("Many people live in the city,", "and it is well known for its old streets and for its university.")
_QUESTIONS = 12


def main(target: Path = TARGET) -> None:
    """Write the sentences, and run the scripts."""
    remove_folder(target)
    records = [make_record(*pair, before) for before in _BEFORE for pair in CAPITALS]
    for name in ("relations", "relx_distant", "ner", "text"):
        (target / "data" / name).mkdir(parents=True)
    for name in CORPORA:
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (target / "data/relations" / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf8")
    for lang in RELX:
        content = [as_relx(record) for record in records[:2]]
        path = target / "data/relx_distant" / f"RELX_distant_{lang}.json"
        path.write_text(json.dumps(content), encoding="utf8")
    for lang in ("de", "en", "ja"):
        blocks = [as_iob2(SENTENCES[lang], *pair) for pair in CAPITALS]
        (target / "data/ner" / f"{lang}-made.dev.iob2").write_text("\n\n".join(blocks), encoding="utf8")
    passages = [{"lang": "en", "text": f"{record['text']} {' '.join(_LONG)}"} for record in records]
    with lzma.open(target / "data/text/en-made.jsonl.xz", "wt", encoding="utf8") as file:
        file.writelines(f"{json.dumps(passage)}\n" for passage in passages)
    run("train_similarity.py", target / "data", target / "similarity", "--n", 40)
    space = target / "similarity" / "space.json"
    run("train_reranker.py", target / "data", target / "reranker", "--space", space)
    found = Reranker.from_disk(target / "reranker" / "weights.json")
    if found.nil is None:
        msg.fail("The re-ranker has no weights for NIL", exits=1)
    run("measure_links.py", target / "data", "--n", 3, "--n-ner", 9, "--output", target / "links.json")
    run("measure_namesakes.py", "--n", _QUESTIONS, "--output", target / "namesakes.json")


def make_record(city: str, country: str, before: str) -> Dict[str, Any]:
    """Return a record in the format of FewRel: the city is the head, the country the tail."""
    text = before + SENTENCES["en"].replace("[Y]", city).replace("[X]", country)
    ends = {role: mention(text, name) for role, name in (("head", city), ("tail", country))}
    return {"text": text, **ends, "relation": "P1376", "lang": "en"}


def mention(text: str, name: str) -> Dict[str, Any]:
    """Return a mention with the id of the best-known entity of its name."""
    start = text.index(name)
    return {"start": start, "end": start + len(name), "name": name, "qid": best_known(name)}


def best_known(name: str) -> str:
    """Return the id of the best-known entity of an English name."""
    return open_store(KNOWLEDGE).candidates(name, "en")[0].id


def as_relx(record: Dict[str, Any]) -> Dict[str, Any]:
    """Return a record in the format of RELX-Distant."""
    ends = list(enumerate((record["head"], record["tail"]), 1))
    return {
        "sentence": record["text"],
        "relation": record["relation"],
        **{f"entity{i}": own["qid"] for i, own in ends},
        **{f"entity{i}_indices": [own["start"], own["end"]] for i, own in ends},
    }


def as_iob2(pattern: str, city: str, country: str) -> str:
    """Return a sentence in the IOB2 format."""
    rows: List[Tuple[str, str]] = []
    for word in pattern.split():
        name = {"[Y]": city, "[X]": country}.get(word)
        rows.append((word, "O") if name is None else (name, "B-LOC"))
    return "\n".join("\t".join(row) for row in rows)


def run(script: str, *arguments: object) -> None:
    """Run a script."""
    subprocess.run([sys.executable, str(REPO / "scripts" / script), *map(str, arguments)], check=True)


if __name__ == "__main__":
    typer.run(main)
