"""`convert-conll`: convert CoNLL-2003 or WikiNEuRal to a corpus for `spacy train`."""

from __future__ import annotations

from pathlib import Path

import typer

SOURCE = typer.Argument(..., help="A file with a token and its tag on each line", exists=True, dir_okay=False)
TARGET = typer.Argument(..., help="The .spacy file to write")
LANG = typer.Option("xx", "--lang", "-l", help="Language of the documents' vocabulary")
N_SENTENCES = typer.Option(
    1, "--n-sents", min=0, help="Number of sentences in a document; 0: the documents of the corpus"
)
SPACES = typer.Option(
    "all", "--spaces", help="Spaces between tokens: all, punctuation (none before punctuation) or none"
)
LIMIT = typer.Option(0, "--limit", "-n", min=0, help="Maximum number of sentences; 0: all")


def convert_conll(
    source: Path = SOURCE,
    target: Path = TARGET,
    lang: str = LANG,
    n_sents: int = N_SENTENCES,
    spaces: str = SPACES,
    limit: int = LIMIT,
) -> None:
    """Convert a CoNLL-2003 or WikiNEuRal file to a corpus with named entities.

    Tags may be IOB1, IOB2 (BIO), BIOES or BILOU.
    """
    from collections import Counter
    from itertools import islice

    import spacy
    from spacy.tokens import DocBin
    from wasabi import msg

    from ..storage.files import writing
    from ..training.conll import group_sentences, make_conll_doc, read_conll

    nlp = spacy.blank(lang)
    docs = DocBin(store_user_data=True)
    labels: Counter[str] = Counter()
    n_read = 0
    for group in group_sentences(islice(read_conll(source), limit or None), n_sents):
        docs.add(make_conll_doc(nlp, group, spaces=spaces))
        labels.update(label for sentence in group for _, _, label in sentence.spans)
        n_read += len(group)
    with writing(target) as aside:
        docs.to_disk(aside)
    found = ", ".join(f"{label} {n:,}" for label, n in labels.most_common()) or "none"
    msg.good(f"Wrote {target}: {len(docs):,} documents, {n_read:,} sentences; entities: {found}")
