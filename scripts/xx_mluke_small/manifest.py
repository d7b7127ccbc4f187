"""Write or check `manifest.json`: every file that the pipeline is made from, with its checksum, licence and source.

python -m scripts.xx_mluke_small.manifest ../shared/data projects/xx_mluke_small/manifest.json
python -m scripts.xx_mluke_small.manifest ../shared/data projects/xx_mluke_small/manifest.json --check
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from scripts.xx_mluke_small.evaluation_sets import CALIBRATION_SETS
from scripts.xx_mluke_small.fact_sentences import FactSentences
from scripts.xx_mluke_small.name_swaps import read_types
from scripts.xx_mluke_small.names import read_name_sources
from scripts.xx_mluke_small.questions import read_questions
from scripts.xx_mluke_small.relations import read_relations
from scripts.xx_mluke_small.sources import source_of
from scripts.xx_mluke_small.training_files import NAMES, PROPERTIES_FILE, RELATIONS, DataFolder

CHECKPOINT = Path(__file__).parents[2] / "spacy_mluke" / "assets" / "mluke-small"
# Files of the checkpoint that training starts from.
CHECKPOINT_FILES = (
    "config.json",
    "encoder.safetensors",
    "entity_vocab.json",
    "sentencepiece.bpe.model",
    "words.safetensors",
)
PARTS = ("files", "calibration", "checkpoint")
_BLOCK = 1 << 20


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write or check the manifest."""
    parser = argparse.ArgumentParser(description="List the files that xx_mluke_small is trained on.")
    parser.add_argument("data", type=Path, help="folder with ner, relations, qa and entities")
    parser.add_argument("manifest", type=Path, help="the JSON file")
    parser.add_argument("--check", action="store_true", help="compare the files with the manifest; write nothing")
    given = parser.parse_args(args)
    found = make_manifest(given.data)
    if given.check:
        check(found, json.loads(given.manifest.read_text(encoding="utf8")))
    else:
        given.manifest.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(f"{len(found['files'])} files, {sum(file['bytes'] for file in found['files']):,} bytes")


def make_manifest(root: Path) -> Dict[str, Any]:
    """Read all training data as the trainings do, and describe the files that were read.

    root (Path): Folder with ner, relations, qa and entities.
    RETURNS (Dict[str, Any]): "files", whose content enters the weights; "calibration", which probabilities are
        calibrated on; "checkpoint", which training starts from.
    """
    return {
        "name": "xx_mluke_small",
        "files": [describe(root, name) for name in files_read(root)],
        "calibration": [describe(root, f"{NAMES}/{name}") for name in CALIBRATION_SETS],
        "checkpoint": [{"path": name, **measure(CHECKPOINT / name)} for name in CHECKPOINT_FILES],
    }


def files_read(root: Path) -> List[str]:
    """Read all training data as the trainings do.

    root (Path): Folder with ner, relations, qa and entities.
    RETURNS (List[str]): Names of the files that were read, relative to the folder, sorted.
    """
    data = DataFolder(root)
    read_name_sources(data)
    read_relations(data)
    FactSentences(data)
    read_types(data)
    read_questions(data)
    data.path(f"{RELATIONS}/{PROPERTIES_FILE}")
    return sorted(data.files_read)


def describe(root: Path, name: str) -> Dict[str, Any]:
    """Describe a file.

    root (Path): The folder of the data.
    name (str): The file's name in it.
    RETURNS (Dict[str, Any]): "path", "bytes", "sha256", "source", "authors", "licence", "url".
    """
    source = source_of(name)
    about = {"source": source.name, "authors": source.authors, "licence": source.licence, "url": source.url}
    return {"path": name, **measure(root / name), **about}


def measure(path: Path) -> Dict[str, Any]:
    """Return the size and the checksum of a file.

    path (Path): The file.
    RETURNS (Dict[str, Any]): "bytes" and "sha256".
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def check(found: Dict[str, Any], manifest: Dict[str, Any]) -> None:
    """Compare the files with the manifest.

    found (Dict[str, Any]): As from `make_manifest`.
    manifest (Dict[str, Any]): The committed manifest.
    RAISES (ValueError): If a file is missing, was added, or differs.
    """
    for part in PARTS:
        here, there = ({file["path"]: file["sha256"] for file in content[part]} for content in (found, manifest))
        differing = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        if differing:
            raise ValueError(f"Not as in the manifest: {', '.join(differing)}. Other data gives another pipeline.")


if __name__ == "__main__":
    main()
