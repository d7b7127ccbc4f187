"""Measure `mluke_qa` and the reference's model for question answering, on the same weights and questions.

    python -m benchmarks.qa --size base --n-questions 140

Prints questions a second of both, the ratio of their times, and how many answers are the same.
"""

from __future__ import annotations

import functools
import json
import random
import unicodedata
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy
import typer
from wasabi import msg

from .checkpoints import with_head
from .options import CACHE, ROUNDS, SIZE
from .texts import LANGUAGES
from .timing import take_turns

DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
N_QUESTIONS = typer.Option(
    140, help="Number of questions, in seven languages; all questions of a paragraph are asked together"
)
BATCH_SIZE = typer.Option(32, help="Batch size of the reference, in windows")
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
    """Measure both, and compare their answers."""
    cache.mkdir(parents=True, exist_ok=True)
    path = with_head(size, cache, "LukeForQuestionAnswering", [])
    texts = read_paragraphs(data, n_questions)
    n = sum(len(questions) for _, questions in texts)
    sides = {"ours": prepare_ours(path), "reference": prepare_reference(path, batch_size)}
    for run in sides.values():
        run(texts[:1])
    timings = take_turns({name: functools.partial(run, texts) for name, run in sides.items()}, rounds)
    pairs = list(zip(timings.results["ours"], timings.results["reference"], strict=True))
    different = [pair for pair in pairs if pair[0] != pair[1]]
    for name in sides:
        print(f"{name}: {n / timings.median(name):.2f} questions/s")
    print(f"ratio: {timings.ratio('reference', 'ours'):.2f}; same answers: {n - len(different)} of {n}")
    if different:
        for ours, other in different[:5]:
            print(f"  {ours!r} / {other!r}")
        msg.warn("Answers differ: nearly the same score, or overlapping windows (the reference takes the best logit).")


def read_paragraphs(data: Path, n_questions: int) -> Texts:
    """Read paragraphs of XQuAD with their questions, from every language.

    RETURNS (Texts): Texts and questions, in random order.
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
    """Return a function that answers with the component, including the tokenization by spaCy."""
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
    """Return a function that answers with the reference, in unsorted batches padded by its tokenizer.

    The slow tokenizer does not split long texts into windows, so the function makes the same windows as the component.
    """
    import torch
    from transformers import LukeForQuestionAnswering, MLukeTokenizer

    from spacy_mluke.align.windows import window_starts

    tokenizer = MLukeTokenizer.from_pretrained(path)
    model = LukeForQuestionAnswering.from_pretrained(path).eval()

    def run(texts: Texts) -> Answers:
        windows: List[Dict[str, Any]] = []
        for number, (text, question) in enumerate((t, q) for t, questions in texts for q in questions):
            question_ids = tokenizer(question, add_special_tokens=False)["input_ids"]
            pieces = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            size = WINDOW - 4 - len(question_ids)
            for start in window_starts(len(pieces), size, OVERLAP).tolist():
                ids = tokenizer.build_inputs_with_special_tokens(question_ids, pieces[start : start + size])
                windows.append({"input_ids": ids, "number": number, "context": (len(question_ids) + 3, len(ids) - 1)})
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
    """Return the best answer of one window.

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
    """Return a text without spaces, in NFKC: the tokenizer changes both."""
    return "".join(unicodedata.normalize("NFKC", text).split())


if __name__ == "__main__":
    typer.run(bench)
