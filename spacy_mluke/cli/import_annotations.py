"""`import-annotations`: convert the file of an annotation tool to a corpus for `spacy train`."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

SOURCE = typer.Argument(..., help="The file or folder that the tool exported", exists=True)
TARGET = typer.Argument(..., help="The .spacy file to write")
FORMAT = typer.Option(
    ..., "--format", "-f", help="label-studio, prodigy, brat, xmi or webanno-tsv (both for INCEpTION)"
)
ALIGN = typer.Option(
    "expand",
    "--align",
    "-a",
    help="Entities that do not match token boundaries: expand, contract, strict (skip them) or raise (an error)",
)
DOCS = typer.Option(
    None,
    "--docs",
    help="The .spacy file or folder that was exported: the corpus gets its texts and tokens",
    exists=True,
)
PIPELINE = typer.Option(
    None, "--pipeline", help="Pipeline with the tokenizer for documents without tokens: directory or package"
)
LANG = typer.Option("xx", "--lang", "-l", help="Language of the tokenizer, without --pipeline")
PREDICTIONS = typer.Option(False, "--predictions", help="Label Studio: read predictions instead of annotations")
SPANS_KEY = typer.Option("mluke_ner", "--spans-key", help="Key in doc.spans of overlapping entities")


def import_annotations(
    source: Path = SOURCE,
    target: Path = TARGET,
    format: str = FORMAT,
    align: str = ALIGN,
    docs: Optional[Path] = DOCS,
    pipeline: Optional[str] = PIPELINE,
    lang: str = LANG,
    predictions: bool = PREDICTIONS,
    spans_key: str = SPANS_KEY,
) -> None:
    """Convert corrections made with an annotation tool to a corpus for training.

    Entities, links and relations are read. What is changed or skipped is counted.
    """
    import spacy
    from spacy.tokens import DocBin
    from wasabi import msg

    from ..annotation_tools import formats
    from ..pipeline.ready_made import load_saved
    from ..storage.files import writing
    from ..training.corpus_files import read_docbins
    from ._common import describe, warnings_shown

    nlp = load_saved(pipeline) if pipeline else spacy.blank(lang)
    with warnings_shown():
        found = formats.import_annotations(
            nlp,
            source,
            format,
            alignment=align,
            references=list(read_docbins(docs, nlp.vocab)) if docs else None,
            predictions=predictions,
            spans_key=spans_key,
        )
    corpus = DocBin(docs=found, store_user_data=True)
    with writing(target) as aside:
        corpus.to_disk(aside)
    msg.good(f"Wrote {target}: {describe(found)}")
