"""The import graph: no circle, and every folder imports only from folders below it (docs/architecture.md)."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, Set

from tests.conftest import REPO

PACKAGE = "spacy_mluke"
# Each folder may import from those in the lines above it, and from itself. The package's own __init__ stands outside:
# it imports each public name when it is first used.
LAYERS = [
    ["types"],
    ["ragged", "errors"],
    ["storage"],
    ["network", "tokenization", "suggesters", "vocabulary"],
    ["align", "checkpoint"],
    ["encoder"],
    ["heads", "annotate", "kb"],
    ["extensions"],
    ["scorers", "languages", "attribution", "rendering"],
    ["pipeline"],
    ["training"],
    ["report", "bulk", "onnx", "publishing", "annotation_tools"],
    ["serve", "graph", "search"],
    ["cli"],
    ["__main__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def module_of(path: Path) -> str:
    parts = list(path.relative_to(REPO).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted((REPO / PACKAGE).rglob("*.py"))}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def statements(node: ast.AST) -> Iterator[ast.ImportFrom]:
    """Yield imports, also inside functions; those for type checkers only are left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            yield child
        elif is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield from statements(other)
        else:
            yield from statements(child)


def imports_of(module: str) -> Set[str]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf8"))):
        if node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            target = ".".join([*base, *([node.module] if node.module else [])])
        else:
            target = node.module or ""
        for alias in node.names:
            if alias.name != "__version__":
                found.add(f"{target}.{alias.name}" if f"{target}.{alias.name}" in MODULES else target)
    return {name for name in found if name in MODULES and name != module}


@lru_cache
def graph() -> Dict[str, Set[str]]:
    """Return the modules that each module imports. Every file is parsed once, and not by collecting the tests."""
    return {module: imports_of(module) for module in MODULES}


def circle() -> List[str]:
    """Return the modules of one circle; none if there is no circle."""
    done: Set[str] = set()

    def follow(module: str, path: List[str]) -> List[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for other in sorted(graph()[module]):
            found = follow(other, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    for module in sorted(graph()):
        found = follow(module, [])
        if found:
            return found
    return []


def folder_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_no_module_takes_part_in_an_import_circle():
    assert circle() == []


def test_every_folder_imports_only_from_those_below_it():
    wrong = [
        f"{module} imports {other}"
        for module, others in graph().items()
        for other in others
        if folder_of(module) and folder_of(other) != folder_of(module)
        and (not folder_of(other) or RANK[folder_of(other)] >= RANK[folder_of(module)])
    ]  # fmt: skip
    assert wrong == []


def test_the_network_imports_nothing_of_ours_but_errors_and_types():
    others = {folder_of(other) for module in graph() if folder_of(module) == "network" for other in graph()[module]}
    assert others <= {"network", "errors", "types", "ragged"}
