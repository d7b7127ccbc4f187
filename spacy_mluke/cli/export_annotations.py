"""`export-annotations`: write annotated documents as tasks of an annotation tool."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

SOURCE = typer.Argument(..., help="A .spacy file, a folder of them, or JSON lines", exists=True)
TARGET = typer.Argument(..., help="The file or folder to write")
FORMAT = typer.Option(
    ..., "--format", "-f", help="label-studio, prodigy, brat, xmi or webanno-tsv (both for INCEpTION)"
)
PIPELINE = typer.Option(
    None, "--pipeline", help="Pipeline that annotates the documents first: its directory or package"
)
AS_ANNOTATIONS = typer.Option(
    False, "--as-annotations", help="Label Studio: write annotations, as if done by a person, not predictions"
)
SPANS_KEY = typer.Option("mluke_ner", "--spans-key", help="Key in doc.spans of nested entities and probabilities")
LANG = typer.Option("xx", "--lang", "-l", help="Language of the tokenizer, for JSON lines without tokens")


def export_annotations(
    source: Path = SOURCE,
    target: Path = TARGET,
    format: str = FORMAT,
    pipeline: Optional[str] = PIPELINE,
    as_annotations: bool = AS_ANNOTATIONS,
    spans_key: str = SPANS_KEY,
    lang: str = LANG,
) -> None:
    """Write predicted entities, links and relations as tasks of an annotation tool.

    People correct them there; `import-annotations` reads the result.
    """
    from collections import Counter

    import spacy
    from wasabi import msg

    from ..annotation_tools import formats
    from ..bulk.pipelines import load_pipeline
    from ..errors import check_choice
    from ..training.corpus_files import DOCBIN, read_docbins
    from ..training.jsonl import read_jsonl
    from ._common import describe, warn_skipped, warnings_shown

    check_choice("format", format, formats.FORMATS)
    nlp = load_pipeline(pipeline) if pipeline else spacy.blank(lang)
    skipped: Counter[str] = Counter()
    is_corpus = source.is_dir() or source.suffix == DOCBIN
    read = read_docbins(source, nlp.vocab) if is_corpus else read_jsonl(nlp, source, skipped=skipped)
    docs = list(nlp.pipe(read) if pipeline else read)
    version = f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}" if pipeline else ""
    with warnings_shown():
        formats.export_annotations(
            docs,
            target,
            format,
            spans_key=spans_key,
            as_annotations=as_annotations,
            model_version=version,
            nlp=nlp if pipeline else None,
        )
    msg.good(f"Wrote {target}: {describe(docs)}")
    warn_skipped(skipped)
