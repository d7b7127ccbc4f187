"""Measure `mluke_relations` and the reference's relation classifier, on the same weights and sentences.

    python -m benchmarks.relations --size base --n-texts 200

Prints sentences a second of both, the ratio of their times, and how many predictions are the same.
"""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any, List

import typer
from wasabi import msg

from scripts.workflows.plain_loop import PlainLoop, Settings

from .checkpoints import with_head
from .options import CACHE, ROUNDS, SIZE
from .timing import take_turns

LANGUAGES = ("en", "de", "es", "fr")
DATA = typer.Option(Path("../shared/data/relx"), help="Folder with RELX_LANG.txt")
N_TEXTS = typer.Option(400, help="Number of sentences, from four languages in turn")
BATCH_SIZE = typer.Option(32, help="Batch size of the reference")
N_LABELS = 37


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    size: str = SIZE,
    n_texts: int = N_TEXTS,
    batch_size: int = BATCH_SIZE,
    rounds: int = ROUNDS,
) -> None:
    """Measure both, and compare their predictions."""
    import spacy

    cache.mkdir(parents=True, exist_ok=True)
    path = with_head(size, cache, "LukeForEntityPairClassification", labels_of(N_LABELS))
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_relations", config={"model": {"encoder": {"name": str(path)}}, "pairs": {"order": "text"}})
    texts = read_sentences(nlp, data, n_texts)
    ours, reference = prepare_ours(nlp), prepare_reference(path, batch_size)
    ours(texts[:4])
    reference(texts[:4])
    timings = take_turns({"ours": lambda: ours(texts), "reference": lambda: reference(texts)}, rounds)
    same = sum(a == b for a, b in zip(timings.results["ours"], timings.results["reference"], strict=True))
    for name in timings.seconds:
        print(f"{name}: {n_texts / timings.median(name):.1f} sentences/s")
    print(f"ratio: {timings.ratio('reference', 'ours'):.2f}; same predictions: {same} of {n_texts}")
    if same != n_texts:
        msg.warn("Predictions differ: two labels with nearly the same score, or truncated sentences.")


def labels_of(n: int) -> List[str]:
    """Return labels for a random head; the first one is the negative class."""
    return ["no_relation", *(f"relation_{i}" for i in range(1, n))]


def read_sentences(nlp: Any, data: Path, n_texts: int) -> List[Any]:
    """Read sentences of RELX with their two entities, from each language in turn.

    RETURNS (List[Doc]): The documents; entities are expanded to token boundaries.
    """
    from spacy_mluke.training.kbp37 import make_docs, read_kbp37

    files = [list(make_docs(nlp, read_kbp37(data / f"RELX_{language}.txt"))) for language in LANGUAGES]
    docs = [doc for row in zip_longest(*files) for doc in row if doc is not None]
    return docs[:n_texts]


def prepare_ours(nlp: Any) -> Any:
    """Return a function that predicts labels with the component."""

    def run(docs: List[Any]) -> List[str]:
        done = nlp.get_pipe("mluke_relations").pipe(iter(docs))
        return [doc._.mluke_relations[0].label if doc._.mluke_relations else "no_relation" for doc in done]

    return run


def prepare_reference(path: Path, batch_size: int) -> Any:
    """Return a function that predicts labels with the reference, in unsorted batches padded by its tokenizer."""
    no_training = Settings(
        rate=0.0, warmup=0, weight_decay=0.0, grad_clip=1.0, dropout=0.0, batch_size=batch_size, steps=1
    )
    loop = PlainLoop(path, labels_of(N_LABELS), no_training)
    return lambda docs: loop.predict(docs, batch_size)


if __name__ == "__main__":
    typer.run(bench)
