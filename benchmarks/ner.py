"""Names: `mluke_ner` against a loop over the reference's classifier, same weights, same sentences, same candidates.

python -m benchmarks.ner --size base --n-texts 100
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from operator import itemgetter
from pathlib import Path
from typing import Any, Callable, Dict, List, Set, Tuple

import typer
from tqdm import tqdm
from wasabi import msg

from .checkpoints import with_head

LANGUAGES = ("en", "de", "es", "fr", "nl")
LABELS = ("NIL", "PER", "ORG", "LOC", "MISC")
MAX_SIZE = 16
DATA = typer.Option(Path("../shared/data/wikineural"), help="Folder with LANG.test.conllu")
CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Where checkpoints are kept")
SIZE = typer.Option("base", help='"base" or "small"')
N_TEXTS = typer.Option(100, help="Sentences, five languages in turn")
BATCH_SIZE = typer.Option(8, help="Sequences in a batch of the reference")
MAX_ENTITIES = typer.Option(0, help="Candidates of a pass, in even shares; 0: all of a sentence")
ROUNDS = typer.Option(3, help="Times each side runs, in turn")

Entities = Set[Tuple[int, int, str]]
Run = Callable[[List[Any]], List[Entities]]


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    size: str = SIZE,
    n_texts: int = N_TEXTS,
    batch_size: int = BATCH_SIZE,
    max_entities: int = MAX_ENTITIES,
    rounds: int = ROUNDS,
) -> None:
    """Measure both, and see that they find the same names.

    With `--max-entities 0` a sentence is one pass, as in the examples of transformers; with 128, and 32 passes in a
    batch, passes are those of the authors' evaluation script.
    """
    import spacy

    cache.mkdir(parents=True, exist_ok=True)
    path = with_head(size, cache, "LukeForEntitySpanClassification", LABELS)
    nlp = spacy.blank("xx")
    docs = read_sentences(nlp, data, n_texts)
    sides: Dict[str, Run] = {
        "ours": prepare_ours(path, max_entities),
        "reference": prepare_reference(path, batch_size, max_entities),
        "words": prepare_words(path),
    }
    seconds: Dict[str, List[float]] = {name: [] for name in sides}
    found: Dict[str, List[Entities]] = {}
    for run in sides.values():
        run(docs[:4])
    for _ in tqdm(range(rounds), disable=None):
        for name, run in sides.items():
            started = time.perf_counter()
            found[name] = run(docs)
            seconds[name].append(time.perf_counter() - started)
    for name, times in seconds.items():
        print(f"{name}: {len(docs) / statistics.median(times):.2f} sentences/s, {statistics.median(times):.2f} s")
    ratio = statistics.median(r / o for r, o in zip(seconds["reference"], seconds["ours"], strict=True))
    pairs = list(zip(found["ours"], found["reference"], strict=True))
    n_ours = sum(len(ours) for ours, _ in pairs)
    n_same = sum(len(ours & theirs) for ours, theirs in pairs)
    n_candidates = sum(len(candidates(doc)) for doc in docs)
    print(f"ratio: {ratio:.2f}; {n_candidates} candidates; same names: {n_same} of {n_ours}")
    if any(ours != theirs for ours, theirs in pairs):
        msg.warn("Predictions differ: where two labels, or two names that overlap, are nearly level.")


def read_sentences(nlp: Any, data: Path, n_texts: int) -> List[Any]:
    """Sentences of WikiNEuRal, languages in turn.

    RETURNS (List[Doc]): The documents, with the tokens of the data.
    """
    from spacy.tokens import Doc

    files = []
    for language in LANGUAGES:
        blocks = (data / f"{language}.test.conllu").read_text(encoding="utf8").split("\n\n")[:n_texts]
        files.append([[line.split("\t")[1] for line in block.splitlines()] for block in blocks if block.strip()])
    sentences = [words for group in zip(*files, strict=False) for words in group]
    return [Doc(nlp.vocab, words=words) for words in sentences[:n_texts]]


def candidates(doc: Any) -> List[Tuple[int, int]]:
    """Token bounds of all ranges of up to 16 tokens, as the authors enumerate them."""
    n = len(doc)
    return [(start, end) for start in range(n) for end in range(start + 1, min(start + MAX_SIZE, n) + 1)]


def prepare_ours(path: Path, max_entities: int) -> Run:
    """What finds names with the component."""
    import spacy

    nlp = spacy.blank("xx")
    pipe: Any = nlp.add_pipe(
        "mluke_ner", config={"model": {"encoder": {"name": str(path), "max_entities": max_entities}}}
    )

    def run(docs: List[Any]) -> List[Entities]:
        bare = [doc.copy() for doc in docs]
        return [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in pipe.pipe(iter(bare))]

    return run


def prepare_words(path: Path) -> Run:
    """A plain pass over the words, for scale."""
    import spacy

    nlp = spacy.blank("xx")
    pipe: Any = nlp.add_pipe("mluke", config={"model": {"name": str(path)}})

    def run(docs: List[Any]) -> List[Entities]:
        return [set() for _ in pipe.pipe(iter([doc.copy() for doc in docs]))]

    return run


def prepare_reference(path: Path, batch_size: int, max_entities: int) -> Run:
    """What finds names with the reference: batches in arrival order, padded by its own tokenizer, names chosen greedily
    by logit."""
    import torch
    from transformers import LukeForEntitySpanClassification, MLukeTokenizer

    tokenizer = MLukeTokenizer.from_pretrained(path, task="entity_span_classification")
    model = LukeForEntitySpanClassification.from_pretrained(path).eval()

    def run(docs: List[Any]) -> List[Entities]:
        passes: List[Dict[str, Any]] = []
        owners: List[Tuple[int, List[Tuple[int, int]]]] = []
        for number, doc in enumerate(docs):
            spans = candidates(doc)
            for share, item in _passes(tokenizer, doc, spans, max_entities or len(spans)):
                passes.append(item)
                owners.append((number, share))
        scored: List[List[Tuple[float, int, int, int]]] = [[] for _ in docs]
        for start in range(0, len(passes), batch_size):
            inputs = tokenizer.pad(passes[start : start + batch_size], return_tensors="pt")
            with torch.no_grad():
                logits = model(**inputs).logits
            tops, labels = logits.max(-1)
            for row, (number, share) in enumerate(owners[start : start + batch_size]):
                for (first, end), top, label in zip(share, tops[row].tolist(), labels[row].tolist(), strict=False):
                    if label:
                        scored[number].append((top, first, end, label))
        return [_greedy(rows, len(doc), model.config.id2label) for rows, doc in zip(scored, docs, strict=True)]

    return run


def _passes(tokenizer: Any, doc: Any, spans: List[Tuple[int, int]], max_entities: int) -> Any:
    """Inputs of one sentence: its candidates in even shares. The text is cut at all of them."""
    starts = [token.idx for token in doc]
    ends = [token.idx + len(token) for token in doc]
    item = tokenizer(doc.text, entity_spans=[(starts[start], ends[end - 1]) for start, end in spans])
    n_sequences = math.ceil(len(spans) / max_entities)
    size = math.ceil(len(spans) / n_sequences)
    for i in range(0, len(spans), size):
        taken = {key: value[i : i + size] for key, value in item.items() if key.startswith("entity_")}
        yield spans[i : i + size], {**item, **taken}


def _greedy(scored: List[Tuple[float, int, int, int]], n_tokens: int, names: Dict[int, str]) -> Entities:
    taken = [False] * n_tokens
    found: Entities = set()
    for _, start, end, label in sorted(scored, key=itemgetter(0), reverse=True):
        if not any(taken[start:end]):
            taken[start:end] = [True] * (end - start)
            found.add((start, end, names[label]))
    return found


if __name__ == "__main__":
    typer.run(bench)
