"""`convert-squad`: convert SQuAD, XQuAD, MLQA... to a corpus for `spacy train`."""

from __future__ import annotations

from pathlib import Path

import typer

SOURCE = typer.Argument(..., help="A JSON file in SQuAD's format, 1.1 or 2.0", exists=True, dir_okay=False)
TARGET = typer.Argument(..., help="The .spacy file to write")
LANG = typer.Option("en", "--lang", "-l", help="Language of the tokenizer")
SKIP = typer.Option(0, "--skip", help="Number of paragraphs to skip at the start")
LIMIT = typer.Option(0, "--limit", "-n", help="Maximum number of paragraphs; 0: all")


def convert_squad(
    source: Path = SOURCE, target: Path = TARGET, lang: str = LANG, skip: int = SKIP, limit: int = LIMIT
) -> None:
    """Convert a file in SQuAD's format to a corpus with questions and answers.

    Each document is a paragraph with its questions and gold answers.
    """
    from itertools import islice

    import spacy
    from spacy.tokens import DocBin
    from wasabi import msg

    from ..storage.files import writing
    from ..training.squad import SquadCounts, make_doc, read_squad

    counts = SquadCounts()
    nlp = spacy.blank(lang)
    docs = DocBin(store_user_data=True)
    n_questions = 0
    for paragraph in islice(read_squad(source, counts), skip, skip + limit if limit else None):
        docs.add(make_doc(nlp, paragraph))
        n_questions += len(paragraph.questions)
    with writing(target) as aside:
        docs.to_disk(aside)
    msg.good(f"Wrote {target}: {len(docs)} paragraphs, {n_questions} questions")
    counts.warn()
