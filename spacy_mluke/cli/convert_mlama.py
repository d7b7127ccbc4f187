"""`convert-mlama`: convert facts and patterns of mLAMA to a corpus for `spacy train`."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

SOURCE = typer.Argument(..., help="Folder with triples.tsv, labels.LANG.tsv, patterns.LANG.jsonl", exists=True)
TARGET = typer.Argument(..., help="The .spacy file to write")
RELATIONS = typer.Option(None, "--relations", help="Relations, such as P36,P1376. Default: all")
LANGUAGES = typer.Option(None, "--languages", "-l", help="Languages, such as en,de. Default: all")
PATTERNS = typer.Option(
    None, "--patterns", "-p", help="Slice of the patterns of each relation and language: 0:4, 4:, ::2"
)
CHECKED = typer.Option(False, "--checked", help="Only manually checked patterns")
MASKED = typer.Option(False, "--masked", help="Write [MASK] instead of the object: for evaluation")
LIMIT = typer.Option(0, "--limit", "-n", help="Maximum number of texts, in random order; 0: all")
SEED = typer.Option(0, "--seed", help="Seed of the random order")


def convert_mlama(
    source: Path = SOURCE,
    target: Path = TARGET,
    relations: Optional[str] = RELATIONS,
    languages: Optional[str] = LANGUAGES,
    patterns: Optional[str] = PATTERNS,
    checked: bool = CHECKED,
    masked: bool = MASKED,
    limit: int = LIMIT,
    seed: int = SEED,
) -> None:
    """Convert mLAMA to a corpus for mluke_cloze.

    Each text is a pattern with a subject and an object; the object is an entity with its QID as kb_id. Training masks
    it; evaluation needs a corpus with --masked.
    """
    import random
    from collections import Counter

    import spacy
    from spacy.tokens import DocBin
    from wasabi import msg

    from ..extensions import install_extensions
    from ..storage.files import writing
    from ..training.mlama import make_cloze_docs, parse_patterns, read_mlama

    install_extensions()
    skipped: Counter = Counter()
    clozes = list(
        read_mlama(
            source,
            relations=_listed(relations),
            languages=_listed(languages),
            patterns=parse_patterns(patterns),
            checked=checked,
            skipped=skipped,
        )
    )
    random.Random(seed).shuffle(clozes)
    taken = clozes[: limit or None]
    docs = DocBin(docs=make_cloze_docs(spacy.blank("xx"), taken, masked=masked), store_user_data=True)
    with writing(target) as aside:
        docs.to_disk(aside)
    if skipped["patterns"]:
        msg.warn(f"{skipped['patterns']} patterns were skipped: they do not have exactly one [X] and one [Y]")
    n_objects = len({cloze.objects[0][0] for cloze in taken})
    msg.good(f"Wrote {target}: {len(taken)} texts, {n_objects} objects")
    if skipped["names"]:
        msg.info(f"{skipped['names']} facts were skipped in a language without a name for them")


def _listed(text: Optional[str]) -> Optional[list]:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]
