"""The README.md of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

_TEXT = """# {title}

Exported by {made_by} as ONNX graphs ({precision}).

| component | task | reads the states of |
|---|---|---|
{rows}

`manifest.json` has the inputs and outputs of each graph with types and shapes, labels, thresholds, ids of special
pieces and entities, and the checksums of all files. `weights.bin` has the weights of all graphs: keep it beside them.

Licence of the weights: {licence}.

To run it in Python, without PyTorch and spaCy:

```python
from spacy_mluke import OnnxPipeline

pipeline = OnnxPipeline("{folder}")
```
"""


def write_readme(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the README.md of an export.

    folder (Path): The export.
    manifest (Mapping[str, Any]): Its manifest.
    """
    pipeline = manifest["pipeline"]
    rows = [f"| {name} | {found['task']} | {found['encoder']} |" for name, found in manifest["components"].items()]
    text = _TEXT.format(
        title=f"{pipeline.get('lang', 'xx')}_{pipeline.get('name', 'pipeline')} {pipeline.get('version', '')}".strip(),
        made_by=manifest["made_by"],
        precision=manifest["precision"],
        rows="\n".join(rows),
        licence=pipeline.get("license") or "not given by the pipeline",
        folder="this folder",
    )
    (folder / "README.md").write_text(text, encoding="utf8")
