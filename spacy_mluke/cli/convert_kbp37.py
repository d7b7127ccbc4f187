"""`convert-kbp37`: convert KBP37 or RELX to a corpus for `spacy train`."""

from __future__ import annotations

from pathlib import Path

import typer

SOURCE = typer.Argument(..., help="A KBP37 or RELX file", exists=True, dir_okay=False)
TARGET = typer.Argument(..., help="The .spacy file to write")
LANG = typer.Option("en", "--lang", "-l", help="Language of the tokenizer")
SCORED = typer.Option(
    False,
    "--to-score",
    help="For a test set: split tokens at entity bounds, and keep sentences with unusable entities as misses",
)
LIMIT = typer.Option(0, "--limit", "-n", help="Maximum number of sentences; 0: all")


def convert_kbp37(
    source: Path = SOURCE, target: Path = TARGET, lang: str = LANG, to_score: bool = SCORED, limit: int = LIMIT
) -> None:
    """Convert a KBP37 or RELX file to a corpus with relations.

    Each sentence has two entities, and the relation between them.
    """
    from itertools import islice

    import spacy
    from spacy.tokens import DocBin
    from wasabi import msg

    from ..storage.files import writing
    from ..training.kbp37 import make_docs, read_kbp37

    sentences = list(islice(read_kbp37(source), limit or None))
    made = list(make_docs(spacy.blank(lang), sentences, keep_missed=to_score))
    docs = DocBin(docs=made, store_user_data=True)
    with writing(target) as aside:
        docs.to_disk(aside)
    n_odd = len(sentences) - sum(bool(doc.ents) for doc in made)
    what = "kept as misses" if to_score else "skipped"
    note = f"; {n_odd} {what}: their entities share a token or are empty" if n_odd else ""
    msg.good(f"Wrote {target}: {len(docs)} sentences{note}")
