"""Make a saved pipeline a package that pip installs, in `models/xx_mluke_small`.

python -m scripts.xx_mluke_small.package_pipeline training/xx_mluke_small/compact models/xx_mluke_small
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import List, Optional

FILES = Path(__file__).with_name("package_files")
# As in pyproject.toml; and the versions of spaCy that spacy-mluke works with.
VERSION, SPACY = "0.1.0", ">=3.8.13,<4.0.0"
# Name of a file here, and in the package.
_NAMES = {"init.py.txt": "__init__.py", "pyproject.toml": "pyproject.toml"}


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the package."""
    parser = argparse.ArgumentParser(description="Make a saved pipeline a package that pip installs.")
    parser.add_argument("pipeline", type=Path, help="the saved pipeline")
    parser.add_argument("output", type=Path, help="folder of the package; it is replaced")
    given = parser.parse_args(args)
    package(given.pipeline, given.output)


def package(pipeline: Path, output: Path) -> None:
    """Write the package: the pipeline's files, and what pip needs.

    pipeline (Path): The saved pipeline.
    output (Path): The folder of the package. It is replaced.
    """
    if output.exists():
        shutil.rmtree(output)
    shutil.copytree(pipeline, output, ignore=shutil.ignore_patterns("relations.json"))
    for name, new_name in _NAMES.items():
        shutil.copy(FILES / name, output / new_name)
    # The vocabulary has the strings of all texts that were read since training began. Labels are enough.
    meta = json.loads((output / "meta.json").read_text(encoding="utf8"))
    meta.update(version=VERSION, spacy_version=SPACY)
    (output / "meta.json").write_text(json.dumps(meta, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
    strings = sorted({label for own in meta["labels"].values() for label in own})
    (output / "vocab" / "strings.json").write_text(json.dumps(strings, indent=0), encoding="utf8")


if __name__ == "__main__":
    main()
