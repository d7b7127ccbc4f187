"""Measure `mluke_ner` and the reference's span classifier, on the same weights, sentences and candidate spans.

    python -m benchmarks.ner --size base --n-texts 100

Prints sentences a second of both and of the encoder on words alone, the ratio of their times, the number of candidate
spans, and how many entities are the same.
"""

from __future__ import annotations

import functools
import math
from operator import itemgetter
from pathlib import Path
from typing import Any, Callable, Dict, List, Set, Tuple

import typer
from wasabi import msg

from .checkpoints import with_head
from .options import CACHE, ROUNDS, SIZE
from .timing import take_turns

LANGUAGES = ("en", "de", "es", "fr", "nl")
LABELS = ("NIL", "PER", "ORG", "LOC", "MISC")
MAX_SIZE = 16
DATA = typer.Option(Path("../shared/data/wikineural"), help="Folder with LANG.test.conllu")
N_TEXTS = typer.Option(100, help="Number of sentences, from five languages in turn")
BATCH_SIZE = typer.Option(8, help="Batch size of the reference, in sequences")
MAX_ENTITIES = typer.Option(0, help="Maximum number of candidate spans in a sequence; 0: all of a sentence")

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
    """Measure both, and compare their entities.

    With `--max-entities 0` a sentence is one sequence, as in the examples of transformers; with 128, and batches of 32,
    sequences are those of the authors' evaluation script.
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
    for run in sides.values():
        run(docs[:4])
    timings = take_turns({name: functools.partial(run, docs) for name, run in sides.items()}, rounds)
    for name in sides:
        print(f"{name}: {len(docs) / timings.median(name):.2f} sentences/s, {timings.median(name):.2f} s")
    ratio = timings.ratio("reference", "ours")
    pairs = list(zip(timings.results["ours"], timings.results["reference"], strict=True))
    n_ours = sum(len(ours) for ours, _ in pairs)
    n_same = sum(len(ours & theirs) for ours, theirs in pairs)
    n_candidates = sum(len(candidates(doc)) for doc in docs)
    print(f"ratio: {ratio:.2f}; {n_candidates} candidate spans; same entities: {n_same} of {n_ours}")
    if any(ours != theirs for ours, theirs in pairs):
        msg.warn("Entities differ: two labels, or two overlapping spans, with nearly the same score.")


def read_sentences(nlp: Any, data: Path, n_texts: int) -> List[Any]:
    """Read sentences of WikiNEuRal, from each language in turn.

    RETURNS (List[Doc]): The documents, with the tokens of the corpus.
    """
    from spacy.tokens import Doc

    files = []
    for language in LANGUAGES:
        blocks = (data / f"{language}.test.conllu").read_text(encoding="utf8").split("\n\n")[:n_texts]
        files.append([[line.split("\t")[1] for line in block.splitlines()] for block in blocks if block.strip()])
    sentences = [words for group in zip(*files, strict=False) for words in group]
    return [Doc(nlp.vocab, words=words) for words in sentences[:n_texts]]


def candidates(doc: Any) -> List[Tuple[int, int]]:
    """Return the token bounds of all spans of up to 16 tokens, in the authors' order."""
    n = len(doc)
    return [(start, end) for start in range(n) for end in range(start + 1, min(start + MAX_SIZE, n) + 1)]


def prepare_ours(path: Path, max_entities: int) -> Run:
    """Return a function that finds entities with the component."""
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
    """Return a function that encodes words only, for comparison."""
    import spacy

    nlp = spacy.blank("xx")
    pipe: Any = nlp.add_pipe("mluke", config={"model": {"name": str(path)}})

    def run(docs: List[Any]) -> List[Entities]:
        return [set() for _ in pipe.pipe(iter([doc.copy() for doc in docs]))]

    return run


def prepare_reference(path: Path, batch_size: int, max_entities: int) -> Run:
    """Return a function that finds entities with the reference: unsorted batches, padded by its tokenizer; entities are
    selected greedily by logit."""
    import torch
    from transformers import LukeForEntitySpanClassification, MLukeTokenizer

    tokenizer = MLukeTokenizer.from_pretrained(path, task="entity_span_classification")
    model = LukeForEntitySpanClassification.from_pretrained(path).eval()

    def run(docs: List[Any]) -> List[Entities]:
        sequences: List[Dict[str, Any]] = []
        owners: List[Tuple[int, List[Tuple[int, int]]]] = []
        for number, doc in enumerate(docs):
            spans = candidates(doc)
            for part, item in _sequences(tokenizer, doc, spans, max_entities or len(spans)):
                sequences.append(item)
                owners.append((number, part))
        scored: List[List[Tuple[float, int, int, int]]] = [[] for _ in docs]
        for start in range(0, len(sequences), batch_size):
            inputs = tokenizer.pad(sequences[start : start + batch_size], return_tensors="pt")
            with torch.no_grad():
                logits = model(**inputs).logits
            tops, labels = logits.max(-1)
            for row, (number, part) in enumerate(owners[start : start + batch_size]):
                for (first, end), top, label in zip(part, tops[row].tolist(), labels[row].tolist(), strict=False):
                    if label:
                        scored[number].append((top, first, end, label))
        return [_greedy(rows, len(doc), model.config.id2label) for rows, doc in zip(scored, docs, strict=True)]

    return run


def _sequences(tokenizer: Any, doc: Any, spans: List[Tuple[int, int]], max_entities: int) -> Any:
    """Yield the sequences of one sentence, each with an equal part of the candidates.

    The text is split at the bounds of every candidate.
    """
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
