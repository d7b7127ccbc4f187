"""Relations: `mluke_relations` against a loop over the reference's classifier, same weights, same sentences.

python -m benchmarks.relations --size base --n-texts 200
"""

from __future__ import annotations

import statistics
import tempfile
import time
from itertools import zip_longest
from pathlib import Path
from typing import Any, Dict, List

import typer
from tqdm import tqdm
from wasabi import msg

from scripts.workflows.plain_loop import PlainLoop, Settings

from .checkpoints import with_head

LANGUAGES = ("en", "de", "es", "fr")
DATA = typer.Option(Path("../shared/data/relx"), help="Folder with RELX_LANG.txt")
CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Where checkpoints are kept")
SIZE = typer.Option("base", help='"base" or "small"')
N_TEXTS = typer.Option(400, help="Sentences, four languages in turn")
BATCH_SIZE = typer.Option(32, help="Sentences in a batch of the reference")
ROUNDS = typer.Option(3, help="Times each side runs, in turn")
N_LABELS = 37


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    size: str = SIZE,
    n_texts: int = N_TEXTS,
    batch_size: int = BATCH_SIZE,
    rounds: int = ROUNDS,
) -> None:
    """Measure both, and see that they predict the same."""
    import spacy

    cache.mkdir(parents=True, exist_ok=True)
    path = with_head(size, cache, "LukeForEntityPairClassification", labels_of(N_LABELS))
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_relations", config={"model": {"encoder": {"name": str(path)}}, "pairs": {"order": "text"}})
    texts = read_sentences(nlp, data, n_texts)
    ours, reference = prepare_ours(nlp), prepare_reference(path, batch_size)
    ours(texts[:4])
    reference(texts[:4])
    seconds: Dict[str, List[float]] = {"ours": [], "reference": []}
    found: Dict[str, Any] = {}
    for _ in tqdm(range(rounds), disable=None):
        for name, run in (("ours", ours), ("reference", reference)):
            started = time.perf_counter()
            found[name] = run(texts)
            seconds[name].append(time.perf_counter() - started)
    same = sum(a == b for a, b in zip(found["ours"], found["reference"], strict=True))
    ratio = statistics.median(r / o for r, o in zip(seconds["reference"], seconds["ours"], strict=True))
    for name, times in seconds.items():
        print(f"{name}: {n_texts / statistics.median(times):.1f} sentences/s")
    print(f"ratio: {ratio:.2f}; same predictions: {same} of {n_texts}")
    if same != n_texts:
        msg.warn("Predictions differ: where two labels are nearly level, or sentences were cut.")


def labels_of(n: int) -> List[str]:
    """Names for a random head; the first is the absence of a relation."""
    return ["no_relation", *(f"relation_{i}" for i in range(1, n))]


def read_sentences(nlp: Any, data: Path, n_texts: int) -> List[Any]:
    """Sentences of RELX with their two entities, languages in turn.

    RETURNS (List[Doc]): The documents; an entity that starts or ends inside a token is widened to it.
    """
    from spacy_mluke.training.kbp37 import make_docs, read_kbp37

    files = [list(make_docs(nlp, read_kbp37(data / f"RELX_{language}.txt"))) for language in LANGUAGES]
    docs = [doc for row in zip_longest(*files) for doc in row if doc is not None]
    return docs[:n_texts]


def prepare_ours(nlp: Any) -> Any:
    """What predicts with the component: documents in, labels out."""

    def run(docs: List[Any]) -> List[str]:
        done = nlp.get_pipe("mluke_relations").pipe(iter(docs))
        return [doc._.mluke_relations[0].label if doc._.mluke_relations else "no_relation" for doc in done]

    return run


def prepare_reference(path: Path, batch_size: int) -> Any:
    """What predicts with the reference, in batches of arrival order, padded by its own tokenizer."""
    still = Settings(rate=0.0, warmup=0, weight_decay=0.0, grad_clip=1.0, dropout=0.0, batch_size=batch_size, steps=1)
    loop = PlainLoop(path, labels_of(N_LABELS), still)
    return lambda docs: loop.predict(docs, batch_size)


if __name__ == "__main__":
    typer.run(bench)
