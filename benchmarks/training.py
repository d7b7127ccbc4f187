"""Measure training steps of `mluke_relations` and of a plain PyTorch loop with the reference's classifier.

    python -m benchmarks.training --size small --n-steps 20

Both train on the same weights and batches, in turn, with AdamW, gradient clipping, dropout and frozen word embeddings.
Prints steps a second of both (of the reference also with its tokenizer), the ratios, the parts of a step of the
component, and the losses of the first and the last step. Writes the figures as JSON.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import typer
from wasabi import msg

from scripts.workflows.plain_loop import PlainLoop, Settings

from .checkpoints import with_head
from .options import CACHE
from .timing import Timings, median_ratio, take_turns, timed

DATA = typer.Option(Path("../shared/data/kbp37"), help="Folder with KBP37's train.txt")
OUTPUT = typer.Option(Path("out/training.json"), help="JSON file for the figures")
SIZE = typer.Option("small", help='"base" or "small"')
N_STEPS = typer.Option(20, help="Number of measured steps")
BATCH_SIZE = typer.Option(32, help="Number of sentences in a step")
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
    """Measure both, step by step in turn."""
    import spacy

    cache.mkdir(parents=True, exist_ok=True)
    examples = list(read_examples(spacy.blank("xx"), data, (n_steps + WARM_UP) * batch_size))
    labels = ["no_relation", *sorted({label for _, label in examples} - {"no_relation"})]
    path = with_head(size, cache, "LukeForEntityPairClassification", labels)
    batches = [examples[i : i + batch_size] for i in range(0, len(examples), batch_size)]
    parts: Dict[str, List[float]] = defaultdict(list)
    ours = prepare_ours(path, parts)
    reference = prepare_reference(path, labels, parts)
    losses: Dict[str, List[float]] = {"ours": [], "reference": []}

    def make_steps(step: Callable, losses: List[float]) -> Callable[[], None]:
        rest = iter(batches)
        return lambda: losses.append(step(next(rest)))

    steps = {"ours": make_steps(ours, losses["ours"]), "reference": make_steps(reference, losses["reference"])}
    timings = take_turns(steps, n_steps, warm_up=WARM_UP)
    report = summarise(timings, {part: spent[WARM_UP:] for part, spent in parts.items()}, losses)
    for name, figure in report["steps_per_second"].items():
        print(f"{name}: {figure:.2f} steps/s")
    print(f"ratio: {report['ratio']:.2f}, with the reference's tokenizer {report['ratio_tokenizing']:.2f}")
    print("our step: " + ", ".join(f"{part} {100 * fraction:.1f} %" for part, fraction in report["parts"].items()))
    print(f"loss per sentence, first and last step: {report['losses']}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}")


def read_examples(nlp: Any, data: Path, n: int) -> Iterator[Tuple[Any, str]]:
    """Yield sentences of KBP37 with their two entities, and their relation.

    nlp (Language): The pipeline whose tokenizer is used.
    data (Path): The folder.
    n (int): Maximum number of sentences.
    YIELDS (Tuple[Doc, str]): Document and label, in the order of the file.
    """
    from spacy_mluke.training.kbp37 import make_doc, read_kbp37

    for sentence in read_kbp37(data / "train.txt"):
        doc = make_doc(nlp, sentence)
        if doc is not None and n:
            n -= 1
            yield doc, sentence.label


def prepare_ours(path: Path, parts: Dict[str, List[float]]) -> Callable[[List[Tuple[Any, str]]], float]:
    """Return a function that trains the component on a batch with `nlp.update`.

    path (Path): The checkpoint, with its head.
    parts (Dict[str, List[float]]): The function appends the seconds of each part of a step to it.
    RETURNS (Callable): Takes a batch, and returns the loss per sentence.
    """
    import spacy
    from spacy.training import Example

    from spacy_mluke.encoder.access import load_model
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

    def measure(part: str, function: Callable) -> Callable:
        def run(*args: Any, **kwargs: Any) -> Any:
            seconds, result = timed(lambda: function(*args, **kwargs))
            parts[part].append(seconds)
            return result

        return run

    begin_update = measure("forward", shim.begin_update)
    encode = measure("encoder", model._func)

    def begin(*args: Any, **kwargs: Any) -> Tuple[Any, Callable]:
        output, backprop = begin_update(*args, **kwargs)
        return output, measure("backward", backprop)

    def call(*args: Any, **kwargs: Any) -> Any:
        result = encode(*args, **kwargs)
        # An encoder aligns its input, and then runs the network.
        parts["alignment"].append(parts["encoder"][-1] - parts["forward"][-1])
        return result

    shim.begin_update = begin
    shim.finish_update = measure("optimizer", shim.finish_update)
    model._func = call

    def update(batch: List[Tuple[Any, str]]) -> float:
        examples = [Example(doc.copy(), doc) for doc, _ in batch]
        return nlp.update(examples, drop=0.1, sgd=optimizer)["mluke_relations"] / len(batch)

    return measure("whole", update)


def prepare_reference(
    path: Path, labels: List[str], parts: Dict[str, List[float]]
) -> Callable[[List[Tuple[Any, str]]], float]:
    """Return a function that trains the reference on a batch with PyTorch's AdamW.

    path (Path): The checkpoint, with its head.
    labels (List[str]): The head's labels.
    parts (Dict[str, List[float]]): The function appends the seconds of the tokenizer to it, as "tokenizing".
    RETURNS (Callable): Takes a batch, and returns the loss per sentence.
    """
    steady = Settings(
        rate=RATE, warmup=0, weight_decay=0.01, grad_clip=1.0, dropout=0.1, batch_size=32, steps=1_000_000
    )
    loop = PlainLoop(path, labels, steady, fixed_words=True)

    def step(batch: List[Tuple[Any, str]]) -> float:
        seconds, inputs = timed(lambda: loop.read([doc for doc, _ in batch], gold=True))
        parts["tokenizing"].append(seconds)
        return loop.update(inputs, 0) / len(batch)

    return step


def summarise(timings: Timings, parts: Dict[str, List[float]], losses: Dict[str, List[float]]) -> Dict[str, Any]:
    """Compute medians, and ratios step by step.

    timings (Timings): Seconds of each step.
    parts (Dict[str, List[float]]): Seconds of each part of a step.
    losses (Dict[str, List[float]]): Loss of each step, by system.
    RETURNS (Dict[str, Any]): Figures by name.
    """
    ours, reference = timings.seconds["ours"], timings.seconds["reference"]
    training = [whole - tokenizing for whole, tokenizing in zip(reference, parts["tokenizing"], strict=True)]
    medians = {"ours": ours, "reference": training, "reference, tokenizing": reference}
    whole = sum(parts["whole"])
    fractions = {part: sum(parts[part]) / whole for part in ("alignment", "backward", "forward", "optimizer")}
    fractions["rest"] = 1.0 - sum(fractions.values())
    return {
        "steps_per_second": {name: 1.0 / statistics.median(seconds) for name, seconds in medians.items()},
        "ratio": median_ratio(training, ours),
        "ratio_tokenizing": median_ratio(reference, ours),
        "parts": fractions,
        "losses": {name: [round(found[0], 4), round(found[-1], 4)] for name, found in losses.items()},
    }


if __name__ == "__main__":
    typer.run(bench)
