"""Training steps: `mluke_relations` against a plain PyTorch loop over the reference's classifier.

Same weights, same batches in turn, AdamW, clipping and dropout on both sides, the word table frozen on both.

python -m benchmarks.training --size small --n-steps 20
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import typer
from tqdm import tqdm
from wasabi import msg

from scripts.workflows.plain_loop import PlainLoop, Settings

from .checkpoints import with_head

DATA = typer.Option(Path("../shared/data/kbp37"), help="Folder with KBP37's train.txt")
CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Where checkpoints are kept")
OUTPUT = typer.Option(Path("out/training.json"), help="Where to write the figures")
SIZE = typer.Option("small", help='"base" or "small"')
N_STEPS = typer.Option(20, help="Steps that are measured, on each side")
BATCH_SIZE = typer.Option(32, help="Sentences of a step")
RATE = 1e-5
WARM_UP = 2


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    output: Path = OUTPUT,
    size: str = SIZE,
    n_steps: int = N_STEPS,
    batch_size: int = BATCH_SIZE,
) -> None:
    """Measure both sides, step by step in turn."""
    import spacy

    cache.mkdir(parents=True, exist_ok=True)
    examples = list(read_examples(spacy.blank("xx"), data, (n_steps + WARM_UP) * batch_size))
    labels = ["no_relation", *sorted({label for _, label in examples} - {"no_relation"})]
    path = with_head(size, cache, "LukeForEntityPairClassification", labels)
    batches = [examples[i : i + batch_size] for i in range(0, len(examples), batch_size)]
    parts: Dict[str, List[float]] = defaultdict(list)
    ours = prepare_ours(path, parts)
    reference = prepare_reference(path, labels)
    seconds: Dict[str, List[float]] = defaultdict(list)
    losses: Dict[str, List[float]] = defaultdict(list)
    for n, batch in enumerate(tqdm(batches, disable=None)):
        if n == WARM_UP:
            seconds.clear()
            parts.clear()
        started = time.perf_counter()
        losses["ours"].append(ours(batch))
        seconds["ours"].append(time.perf_counter() - started)
        loss, tokenizing, total = reference(batch)
        losses["reference"].append(loss)
        seconds["reference"].append(total - tokenizing)
        seconds["reference, tokenizing"].append(total)
    report = summarise(seconds, parts, losses)
    for side, figure in report["steps_per_second"].items():
        print(f"{side}: {figure:.2f} steps/s")
    print(f"ratio: {report['ratio']:.2f}, with the reference's tokenizer {report['ratio_tokenizing']:.2f}")
    print("our step: " + ", ".join(f"{part} {100 * share:.1f} %" for part, share in report["parts"].items()))
    print(f"loss a sentence, first and last step: {report['losses']}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}")


def read_examples(nlp: Any, data: Path, n: int) -> Iterator[Tuple[Any, str]]:
    """Sentences of KBP37 with their two entities, and their relation.

    nlp (Language): Its tokenizer.
    data (Path): The folder.
    n (int): Sentences.
    YIELDS (Tuple[Doc, str]): In the order of the file.
    """
    from spacy_mluke.training.kbp37 import make_doc, read_kbp37

    for sentence in read_kbp37(data / "train.txt"):
        doc = make_doc(nlp, sentence)
        if doc is not None and n:
            n -= 1
            yield doc, sentence.label


def prepare_ours(path: Path, parts: Dict[str, List[float]]) -> Callable[[List[Tuple[Any, str]]], float]:
    """What makes a step with `nlp.update`: examples in, their loss out.

    path (Path): The checkpoint, with its head.
    parts (Dict[str, List[float]]): Gets the seconds of each part of a step.
    RETURNS (Callable): The step.
    """
    import spacy
    from spacy.training import Example

    from spacy_mluke.encoder.access import load_model
    from spacy_mluke.encoder.inputs import MarkedInput
    from spacy_mluke.encoder.optimizer import AdamW

    nlp = spacy.blank("xx")
    encoder = {"name": str(path), "frozen": ["word_embeddings"]}
    pipe: Any = nlp.add_pipe(
        "mluke_relations", config={"model": {"encoder": encoder, "dropout": 0.1}, "pairs": {"order": "text"}}
    )
    pipe.load()
    model = pipe.model.get_ref("encoder")
    load_model(model)
    shim: Any = model.shims[0]
    optimizer = AdamW(RATE)

    def timed(name: str, function: Callable) -> Callable:
        def run(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            result = function(*args, **kwargs)
            parts[name].append(time.perf_counter() - started)
            return result

        return run

    begin_update = timed("forward", shim.begin_update)

    def begin(*args: Any) -> Tuple[Any, Callable]:
        output, backprop = begin_update(*args)
        return output, timed("backward", backprop)

    shim.begin_update = begin
    aligner: Any = MarkedInput
    aligner.align = timed("alignment", MarkedInput.align)
    shim.finish_update = timed("optimizer", shim.finish_update)

    def step(batch: List[Tuple[Any, str]]) -> float:
        started = time.perf_counter()
        examples = [Example(doc.copy(), doc) for doc, _ in batch]
        losses = nlp.update(examples, drop=0.1, sgd=optimizer)
        parts["whole"].append(time.perf_counter() - started)
        return losses["mluke_relations"] / len(batch)

    return step


def prepare_reference(path: Path, labels: List[str]) -> Callable[[List[Tuple[Any, str]]], Tuple[float, float, float]]:
    """What makes a step with the reference and torch's AdamW.

    path (Path): The checkpoint, with its head.
    labels (List[str]): What the head's rows stand for.
    RETURNS (Callable): Examples -> their loss, seconds of the tokenizer, seconds of all.
    """
    steady = Settings(
        rate=RATE, warmup=0, weight_decay=0.01, grad_clip=1.0, dropout=0.1, batch_size=32, steps=1_000_000
    )
    loop = PlainLoop(path, labels, steady, fixed_words=True)

    def step(batch: List[Tuple[Any, str]]) -> Tuple[float, float, float]:
        started = time.perf_counter()
        inputs = loop.read([doc for doc, _ in batch], gold=True)
        tokenizing = time.perf_counter() - started
        loss = loop.update(inputs, 0) / len(batch)
        return loss, tokenizing, time.perf_counter() - started

    return step


def summarise(
    seconds: Dict[str, List[float]], parts: Dict[str, List[float]], losses: Dict[str, List[float]]
) -> Dict[str, Any]:
    """Medians, and ratios between the sides step by step.

    seconds (Dict[str, List[float]]): Of each step, by side.
    parts (Dict[str, List[float]]): Of each part of our steps.
    losses (Dict[str, List[float]]): Of each step, by side.
    RETURNS (Dict[str, Any]): Figures.
    """

    def ratio(slow: str) -> float:
        return statistics.median(s / o for s, o in zip(seconds[slow], seconds["ours"], strict=True))

    whole = sum(parts.pop("whole"))
    shares = {part: sum(spent) / whole for part, spent in sorted(parts.items())}
    shares["rest"] = 1.0 - sum(shares.values())
    return {
        "steps_per_second": {side: 1.0 / statistics.median(spent) for side, spent in seconds.items()},
        "ratio": ratio("reference"),
        "ratio_tokenizing": ratio("reference, tokenizing"),
        "parts": shares,
        "losses": {side: [round(found[0], 4), round(found[-1], 4)] for side, found in losses.items()},
    }


if __name__ == "__main__":
    typer.run(bench)
