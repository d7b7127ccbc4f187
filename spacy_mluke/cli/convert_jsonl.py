"""`convert-jsonl`: convert JSON lines to a corpus for `spacy train`, and the reverse."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

SOURCE = typer.Argument(..., help="A file of JSON lines, or a .spacy file", exists=True, dir_okay=False)
TARGET = typer.Argument(..., help="The .spacy file to write, or a .jsonl file")
LANG = typer.Option("xx", "--lang", "-l", help="Language of the tokenizer, for lines without tokens")
PIPELINE = typer.Option(
    None, "--pipeline", help="Pipeline whose tokenizer is used instead, such as xx_mluke_small: directory or package"
)
ALIGN = typer.Option(
    "strict", "--align", "-a", help="Spans that do not match token boundaries: strict (skip them), contract or expand"
)
SPANS_KEY = typer.Option("mluke_types", "--spans-key", help="Key of the types in doc.spans")


def convert_jsonl(
    source: Path = SOURCE,
    target: Path = TARGET,
    lang: str = LANG,
    pipeline: Optional[str] = PIPELINE,
    align: str = ALIGN,
    spans_key: str = SPANS_KEY,
) -> None:
    """Convert JSON lines to a corpus, or a corpus to JSON lines.

    A line is an object with "text" and any of: entities, relations, types, questions, cats.
    """
    from collections import Counter

    import spacy
    from spacy.tokens import DocBin
    from wasabi import msg

    from ..errors import Errors
    from ..pipeline.ready_made import load_saved
    from ..storage.files import writing
    from ..training.corpus_files import read_docbin
    from ..training.jsonl import read_jsonl, write_jsonl
    from ._common import warn_skipped

    nlp = load_saved(pipeline) if pipeline else spacy.blank(lang)
    skipped: Counter[str] = Counter()
    if (source.suffix == ".spacy") == (target.suffix == ".spacy"):
        raise ValueError(Errors.ML249.format(source=source, target=target))
    if target.suffix == ".spacy":
        docs = DocBin(store_user_data=True)
        for doc in read_jsonl(nlp, source, alignment=align, spans_key=spans_key, skipped=skipped):
            docs.add(doc)
        with writing(target) as aside:
            docs.to_disk(aside)
        n = len(docs)
    else:
        with writing(target) as aside:
            n = write_jsonl(read_docbin(source, nlp.vocab), aside, spans_key=spans_key)
    msg.good(f"Wrote {target}: {n:,} documents")
    warn_skipped(skipped)
    if any(number for kind, number in skipped.items() if kind.endswith(" not on tokens")):
        msg.info("--align expand moves spans to token boundaries; --pipeline takes the tokenizer of a pipeline")
