"""mLUKE for spaCy: contextual vectors for words and entities, and the tasks built on them.

Importing this package loads neither spaCy nor PyTorch: each public name is imported when it is first used. That matters
because spaCy imports the package whenever a `Language` is created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from .annotate.answers import Answer
    from .annotate.fillers import Filler
    from .annotate.links import Candidate
    from .annotate.relations import Relation
    from .annotate.states import EntityStates
    from .annotation_tools.formats import export_annotations, import_annotations
    from .annotation_tools.label_studio_config import label_studio_config
    from .attribution import attribute_bundled
    from .bulk.rows import doc_to_record
    from .extensions import install_extensions
    from .graph.build import GraphSummary, build_graph
    from .kb.store import EntityStore
    from .kb.store_build import build_store
    from .kb.store_rows import StoreRow
    from .onnx.export import OnnxExport, export_onnx
    from .onnx.runner import OnnxPipeline
    from .onnx.texts import TokenizedText
    from .pipeline.compact import CompactedEncoder, compact
    from .pipeline.load import load
    from .pipeline.quantize import quantize
    from .rendering.render import render
    from .report.calibrate import calibrate
    from .search.hits import EntityHit
    from .search.index import EntityIndex
    from .storage.pipelines import save
    from .training.jsonl import read_jsonl, write_jsonl

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Candidate",
    "CompactedEncoder",
    "EntityHit",
    "EntityIndex",
    "EntityStates",
    "EntityStore",
    "Filler",
    "GraphSummary",
    "OnnxExport",
    "OnnxPipeline",
    "Relation",
    "StoreRow",
    "TokenizedText",
    "attribute_bundled",
    "build_graph",
    "build_store",
    "calibrate",
    "compact",
    "doc_to_record",
    "export_annotations",
    "export_onnx",
    "import_annotations",
    "install_extensions",
    "label_studio_config",
    "load",
    "quantize",
    "read_jsonl",
    "render",
    "save",
    "write_jsonl",
]

# The module of each public name.
_MODULES = {
    "Answer": "annotate.answers",
    "Candidate": "annotate.links",
    "CompactedEncoder": "pipeline.compact",
    "EntityHit": "search.hits",
    "EntityIndex": "search.index",
    "EntityStates": "annotate.states",
    "EntityStore": "kb.store",
    "Filler": "annotate.fillers",
    "GraphSummary": "graph.build",
    "OnnxExport": "onnx.export",
    "OnnxPipeline": "onnx.runner",
    "Relation": "annotate.relations",
    "StoreRow": "kb.store_rows",
    "TokenizedText": "onnx.texts",
    "attribute_bundled": "attribution",
    "build_graph": "graph.build",
    "build_store": "kb.store_build",
    "calibrate": "report.calibrate",
    "compact": "pipeline.compact",
    "doc_to_record": "bulk.rows",
    "export_annotations": "annotation_tools.formats",
    "export_onnx": "onnx.export",
    "import_annotations": "annotation_tools.formats",
    "install_extensions": "extensions",
    "label_studio_config": "annotation_tools.label_studio_config",
    "load": "pipeline.load",
    "quantize": "pipeline.quantize",
    "read_jsonl": "training.jsonl",
    "render": "rendering.render",
    "save": "storage.pipelines",
    "write_jsonl": "training.jsonl",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
