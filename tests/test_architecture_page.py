"""What docs/architecture.md says is true: who imports whom, who writes to a Doc, who prints, and where things are."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPO
from tests.test_architecture import RANK, folder_of, graph

PACKAGE = REPO / "spacy_mluke"
PAGE = (REPO / "docs" / "architecture.md").read_text(encoding="utf8")
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTES = (REPO / "docs" / "background" / "design-notes.md").read_text(encoding="utf8")
BASE = ("types.py", "ragged.py", "errors/")
# Documents that these make themselves are theirs to annotate.
WRITERS = (
    "annotate/",
    "training/",
    "annotation_tools/docs.py",
    "bulk/output_files.py",
    "pipeline/qa/questions.py",
    "cli/demo_texts.py",
)
WRITES = re.compile(r"\.set_ents\(|\.retokenize\(|\.ents = |\.spans\[.*\] = |user_data\[.*\] = |\._\.\w+ = |\.cats = ")
PRINTS = re.compile(r"\bprint\(|\bmsg\.\w+\(")


def unit_of(folder):
    """Return a folder as the page writes it: `align/`; of a module at the top its file."""
    return f"{folder}/" if (PACKAGE / folder).is_dir() else f"{folder}.py"


def rows(title):
    """Return the rows of the first table under a heading."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def code_of(cell):
    return re.findall(r"`([^`]+)`", cell)


FOLDERS = {code_of(folder)[0]: set(code_of(imports)) for folder, _, imports in rows("Folders")}


def test_the_table_of_folders_says_what_each_imports():
    found = {unit: set() for unit in FOLDERS}
    for module, others in graph().items():
        unit = unit_of(folder_of(module))
        if unit in found:
            found[unit] |= {unit_of(folder_of(other)) for other in others} - {*BASE, unit}
    assert found == FOLDERS


def test_the_table_has_every_folder_and_imports_go_up():
    units = {unit_of(folder) for folder in RANK if folder != "__main__"}
    assert units - {"types.py", "ragged.py"} <= set(FOLDERS)
    above = set()
    for unit, imported in FOLDERS.items():
        assert imported <= above, unit
        above.add(unit)


def lines_with(pattern, *, outside):
    for path in MODULES:
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(outside):
            for line in path.read_text(encoding="utf8").splitlines():
                if pattern.search(line.split("#")[0]) and '"' not in line.split(".")[0]:
                    yield f"{name}: {line.strip()}"


def test_only_annotate_writes_to_the_documents_of_a_pipeline():
    assert list(lines_with(WRITES, outside=(*WRITERS, "errors/"))) == []


def test_only_the_command_line_prints():
    assert list(lines_with(PRINTS, outside=("cli/",))) == []


def test_only_the_encoder_touches_the_shim():
    assert list(lines_with(re.compile(r"get_shim|EncoderShim|\.shims\["), outside=("encoder/",))) == []


def test_torch_stays_in_the_folders_that_the_page_names():
    allowed = (
        *("network/", "checkpoint/", "encoder/", "heads/", "training/", "report/", "bulk/", "onnx/"),
        "pipeline/export.py",
    )
    assert list(lines_with(re.compile(r"^\s*(import|from) torch\b"), outside=allowed)) == []


def test_nothing_imports_transformers():
    assert list(lines_with(re.compile(r"^\s*(import|from) transformers\b"), outside=())) == []


# Names to fill in have capitals.
@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z0-9_/.]+(?:\.py|/))`", PAGE + NOTES))))
def test_every_file_on_the_pages_exists(path):
    assert any(
        (folder / path).exists() for folder in (PACKAGE, REPO, PACKAGE / "pipeline", PACKAGE / "pipeline" / "ner")
    )
