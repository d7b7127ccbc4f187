"""Question answering: `mluke_qa` against a loop over the reference's model and tokenizer, same weights, same questions.

python -m benchmarks.qa --size base --n-questions 140
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
import unicodedata
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy
import typer
from tqdm import tqdm
from wasabi import msg

from .checkpoints import with_head
from .texts import LANGUAGES

DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Where checkpoints are kept")
SIZE = typer.Option("base", help='"base" or "small"')
N_QUESTIONS = typer.Option(140, help="Questions, seven languages, all questions of a paragraph together")
BATCH_SIZE = typer.Option(32, help="Windows in a batch of the reference")
ROUNDS = typer.Option(3, help="Times each side runs, in turn")
WINDOW, OVERLAP, MAX_PIECES = 512, 128, 30

Texts = List[Tuple[str, List[str]]]
Answers = List[str]


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    size: str = SIZE,
    n_questions: int = N_QUESTIONS,
    batch_size: int = BATCH_SIZE,
    rounds: int = ROUNDS,
) -> None:
    """Measure both, and see that they give the same answers."""
    cache.mkdir(parents=True, exist_ok=True)
    path = with_head(size, cache, "LukeForQuestionAnswering", [])
    texts = read_paragraphs(data, n_questions)
    n = sum(len(questions) for _, questions in texts)
    sides = {"ours": prepare_ours(path), "reference": prepare_reference(path, batch_size)}
    for run in sides.values():
        run(texts[:1])
    seconds: Dict[str, List[float]] = {name: [] for name in sides}
    found: Dict[str, Answers] = {}
    for _ in tqdm(range(rounds), disable=None):
        for name, run in sides.items():
            started = time.perf_counter()
            found[name] = run(texts)
            seconds[name].append(time.perf_counter() - started)
    same = sum(a == b for a, b in zip(found["ours"], found["reference"], strict=True))
    ratio = statistics.median(r / o for r, o in zip(seconds["reference"], seconds["ours"], strict=True))
    for name, times in seconds.items():
        print(f"{name}: {n / statistics.median(times):.2f} questions/s")
    print(f"ratio: {ratio:.2f}; same answers: {same} of {n}")
    if same != n:
        for ours, other in [pair for pair in zip(*found.values(), strict=True) if pair[0] != pair[1]][:5]:
            print(f"  {ours!r} / {other!r}")
        msg.warn("Answers differ: where two are nearly level, or windows overlap (the reference takes the best logit).")


def read_paragraphs(data: Path, n_questions: int) -> Texts:
    """Paragraphs of XQuAD with their questions, languages in turn.

    RETURNS (Texts): Texts and questions, in arrival order.
    """
    rng = random.Random(0)
    texts: Texts = []
    for language in LANGUAGES:
        articles = json.loads((data / f"xquad.{language}.json").read_text(encoding="utf8"))["data"]
        paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
        rng.shuffle(paragraphs)
        count = 0
        for paragraph in paragraphs:
            if count >= n_questions / len(LANGUAGES):
                break
            questions = [qa["question"] for qa in paragraph["qas"]]
            texts.append((paragraph["context"], questions))
            count += len(questions)
    rng.shuffle(texts)
    return texts


def prepare_ours(path: Path) -> Callable[[Texts], Answers]:
    """What answers with the component, documents made from texts included."""
    import spacy

    nlp = spacy.blank("xx")
    encoder = {"name": str(path), "window": WINDOW, "overlap": OVERLAP}
    nlp.add_pipe("mluke_qa", config={"model": {"encoder": encoder}, "null_threshold": None})

    def run(texts: Texts) -> Answers:
        docs = []
        for text, questions in texts:
            doc = nlp.make_doc(text)
            doc._.mluke_questions = questions
            docs.append(doc)
        return [plain(found[0].text) for doc in nlp.pipe(docs) for found in doc._.mluke_answers]

    return run


def prepare_reference(path: Path, batch_size: int) -> Callable[[Texts], Answers]:
    """What answers with the reference: windows in batches of arrival order, padded by its own tokenizer.

    The slow tokenizer cuts no windows of long texts, so the loop does, where ours have them.
    """
    import torch
    from transformers import LukeForQuestionAnswering, MLukeTokenizer

    from spacy_mluke.align.windows import window_starts

    tokenizer = MLukeTokenizer.from_pretrained(path)
    model = LukeForQuestionAnswering.from_pretrained(path).eval()

    def run(texts: Texts) -> Answers:
        windows: List[Dict[str, Any]] = []
        for number, (text, question) in enumerate((t, q) for t, questions in texts for q in questions):
            asked = tokenizer(question, add_special_tokens=False)["input_ids"]
            pieces = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            room = WINDOW - 4 - len(asked)
            for start in window_starts(len(pieces), room, OVERLAP).tolist():
                ids = tokenizer.build_inputs_with_special_tokens(asked, pieces[start : start + room])
                windows.append({"input_ids": ids, "number": number, "context": (len(asked) + 3, len(ids) - 1)})
        best: Dict[int, Tuple[float, str]] = {}
        for first in range(0, len(windows), batch_size):
            batch = windows[first : first + batch_size]
            inputs = tokenizer.pad([{"input_ids": item["input_ids"]} for item in batch], return_tensors="pt")
            with torch.no_grad():
                output = model(**inputs)
            for item, starts, ends in zip(batch, output.start_logits.numpy(), output.end_logits.numpy(), strict=True):
                own = slice(*item["context"])
                score, i, j = best_span(starts[own], ends[own])
                if score > best.get(item["number"], (-numpy.inf, ""))[0]:
                    ids = item["input_ids"][own][i : j + 1]
                    best[item["number"]] = score, plain(tokenizer.decode(ids))
        return [best[number][1] for number in sorted(best)]

    return run


def best_span(starts: Any, ends: Any) -> Tuple[float, int, int]:
    """The best answer of one window.

    RETURNS (Tuple[float, int, int]): Its logit, first and last piece.
    """
    scores = starts[:, None] + ends[None, :]
    allowed = numpy.triu(numpy.ones(scores.shape, dtype=bool)) & ~numpy.triu(
        numpy.ones(scores.shape, dtype=bool), MAX_PIECES
    )
    scores = numpy.where(allowed, scores, -numpy.inf)
    i, j = numpy.unravel_index(int(scores.argmax()), scores.shape)
    return float(scores[i, j]), int(i), int(j)


def plain(text: str) -> str:
    """A text without what tokenizing changes: spaces, and compatible forms of characters."""
    return "".join(unicodedata.normalize("NFKC", text).split())


if __name__ == "__main__":
    typer.run(bench)
