"""Write the model card of a saved pipeline: README.md, with a header that the Hugging Face hub reads."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence

from .markdown import render_table
from .saved_pipeline import Component, SavedPipeline
from .tasks import TASKS, Score, hub_task, scores_of, tags_of

# Identifiers of licences that the hub knows. Others are named in the header's `license_name`.
_LICENSES = (
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "gpl", "gpl-2.0", "gpl-3.0", "lgpl",
    "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "epl-2.0", "eupl-1.1", "unlicense", "zlib", "artistic-2.0",
    "wtfpl",
)  # fmt: skip
_MULTILINGUAL = "multilingual"
_MAX_LABELS = 40


def render_card(
    pipeline: SavedPipeline,
    *,
    langs: Sequence[str] = (),
    dataset: Optional[str] = None,
    repo: Optional[str] = None,
) -> str:
    """Render the model card of a pipeline from its meta data. What the meta data do not say is not in the card.

    pipeline (SavedPipeline): As from `read_pipeline`.
    langs (Sequence[str]): Codes of its languages. Default: that of the pipeline; "multilingual" for "xx".
    dataset (Optional[str]): Name of the data that the scores were measured on. Without it, the header has no scores.
    repo (Optional[str]): Its name on the hub, OWNER/NAME, for the example.
    RETURNS (str): Markdown, with the header.
    """
    meta = pipeline.meta
    scores = scores_of(meta.get("performance") or {})
    blocks = [
        [f"# {pipeline.name}"],
        [meta["description"]] if meta.get("description") else [],
        _usage(pipeline, repo),
        ["## Components", "", *render_components(pipeline.components)],
        _labels(pipeline.components),
        _scores(scores, meta.get("performance") or {}, dataset),
        _licence(meta),
        _about(meta),
    ]
    body = "\n\n".join("\n".join(block) for block in blocks if block)
    header = render_header(
        name=pipeline.name,
        langs=langs or [_MULTILINGUAL if meta["lang"] == "xx" else meta["lang"]],
        licence=meta.get("license") or "",
        tags=tags_of(pipeline.components),
        scores=scores if dataset else (),
        dataset=dataset or "",
    )
    return f"{header}\n{body}\n"


def render_header(
    *,
    name: str,
    langs: Sequence[str],
    licence: str,
    tags: Sequence[str],
    scores: Sequence[Score] = (),
    dataset: str = "",
) -> str:
    """Render the header that the hub reads.

    name (str): Name of the pipeline.
    langs (Sequence[str]): Codes of its languages.
    licence (str): Its licence, as in the meta data; "" for an unknown one.
    tags (Sequence[str]): Tags of its tasks.
    scores (Sequence[Score]): Scores for `model-index`.
    dataset (str): Name of the data of the scores.
    RETURNS (str): YAML between two lines of three hyphens.
    """
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type=score.task,
            task_name=score.title,
            dataset_type=re.sub(r"[^\w/.-]+", "-", dataset).strip("-").lower() or "data",
            dataset_name=dataset,
            metric_type=score.metric,
            metric_name=score.key,
            metric_value=round(score.value, 4),
        )
        for score in scores
    ]
    scored: Dict[str, Any] = {"model_name": name, "eval_results": results} if results else {}
    data = ModelCardData(
        language=list(langs),
        **_licence_fields(licence),
        library_name="spacy-mluke",
        pipeline_tag=hub_task(tags),
        tags=["spacy", *tags],
        **scored,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _licence_fields(licence: str) -> Dict[str, Any]:
    key = "-".join(licence.lower().split())
    if not key or key in _LICENSES:
        return {"license": key or None}
    return {"license": "other", "license_name": key}


def render_components(components: Sequence[Component]) -> List[str]:
    """Render what components predict.

    components (Sequence[Component]): The components.
    RETURNS (List[str]): A table.
    """
    rows = []
    for one in components:
        task = TASKS.get(one.factory)
        what, where = (task.predicts, task.where) if task else (one.factory, "")
        labels = ", ".join(one.labels) if len(one.labels) <= 10 else f"{len(one.labels)} labels"
        rows.append((f"`{one.name}`", what, where, labels))
    return render_table(("component", "predicts", "in", "labels"), rows, is_text=True)


def _usage(pipeline: SavedPipeline, repo: Optional[str]) -> List[str]:
    where = f'snapshot_download("{repo}")' if repo else '"path/to/this/folder"'
    return [
        "A pipeline for [spaCy](https://spacy.io) with components of",
        "[spacy-mluke](https://github.com/spacy-mluke/spacy-mluke), which must be installed.",
        "",
        "```py",
        *(["from huggingface_hub import snapshot_download"] if repo else []),
        "import spacy",
        "",
        f"nlp = spacy.load({where})",
        'doc = nlp("...")',
        "```",
    ]


def _labels(components: Sequence[Component]) -> List[str]:
    lines: List[str] = []
    for one in components:
        if len(one.labels) > 10:
            shown = ", ".join(f"`{label}`" for label in one.labels[:_MAX_LABELS])
            rest = len(one.labels) - _MAX_LABELS
            lines += [f"Labels of `{one.name}`: {shown}" + (f", and {rest:,} more." if rest > 0 else "."), ""]
    return lines[:-1]


def _scores(scores: Sequence[Score], performance: Dict[str, Any], dataset: Optional[str]) -> List[str]:
    if not scores:
        return []
    where = f"Measured on {dataset}." if dataset else "As the training measured them, on its development data."
    rows = [(score.title, f"`{score.key}`", f"{100 * score.value:.1f}") for score in scores]
    lines = ["## Scores", "", where, "", *render_table(("task", "score", "%"), rows)]
    for key, labels in performance.items():
        if key.endswith("_per_type") and isinstance(labels, dict) and labels:
            cells = [(label, *(_percent(own, part) for part in "prf")) for label, own in sorted(labels.items())]
            lines += ["", *render_table((f"`{key}`", "P", "R", "F1"), cells)]
    return lines


def _percent(row: Any, key: str) -> str:
    value = row.get(key) if isinstance(row, dict) else None
    return f"{100 * value:.1f}" if isinstance(value, (int, float)) else ""


def _licence(meta: Dict[str, Any]) -> List[str]:
    sources = [source for source in meta.get("sources") or () if isinstance(source, dict)]
    if not meta.get("license") and not sources:
        return []
    lines = ["## Licence", ""]
    if meta.get("license"):
        lines += [f"{meta['license']}.", ""]
    if sources:
        rows = [(_source_link(source), source.get("author", ""), source.get("license", "")) for source in sources]
        lines += ["It was made from:", "", *render_table(("source", "author", "licence"), rows, is_text=True), ""]
    return lines[:-1]


def _source_link(source: Dict[str, Any]) -> str:
    name, url = str(source.get("name", "")), str(source.get("url", ""))
    return f"[{name}]({url})" if url.startswith(("https://", "http://")) else name


def _about(meta: Dict[str, Any]) -> List[str]:
    rows = [
        ("version", meta["version"]),
        ("spaCy", f"`{meta['spacy_version']}`" if meta.get("spacy_version") else ""),
        ("requires", ", ".join(f"`{one}`" for one in meta.get("requirements") or ())),
        ("author", meta.get("author") or ""),
        ("address", meta.get("url") or ""),
    ]
    return ["## About", "", *render_table(("", ""), [row for row in rows if row[1]], is_text=True)]
