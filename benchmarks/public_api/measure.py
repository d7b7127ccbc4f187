"""Run a task of `python -m benchmarks.compare` in this process: python measure.py TASK INPUTS

Imports nothing of this repository, so it measures other versions of the package as well. Prints a line of JSON when the
pipeline is ready. Then, for each line of the standard input, it runs the task and prints its seconds and its
results: a number or a string for each document or step.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

ENCODER = "mluke-small"
# Sentences of a training step, by component: mluke_ner classifies hundreds of candidate spans of each.
BATCH_SIZES = {"mluke_ner": 4, "mluke_relations": 16}

# A function that makes the input of a run, untimed; and the timed function, which returns results.
Task = Tuple[Callable[[], Any], Callable[[Any], List[Any]]]


def prepare_encoder(inputs: Path, **options: Any) -> Task:
    """Prepare encoding texts with spans by `mluke`."""
    import spacy

    nlp = spacy.blank("xx")
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"}
    nlp.add_pipe("mluke", config={"model": {"name": ENCODER, **options}, "suggester": suggester})
    texts = json.loads((inputs / "texts.json").read_text(encoding="utf8"))

    def make() -> List[Any]:
        docs = []
        for text, bounds in texts:
            doc = nlp.make_doc(text)
            spans = [doc.char_span(start, end, alignment_mode="expand") for start, end in bounds]
            doc.spans["sc"] = [span for span in spans if span is not None]
            docs.append(doc)
        return docs

    def run(docs: List[Any]) -> List[float]:
        return [float(abs(doc._.mluke.vectors).sum()) for doc in nlp.pipe(docs)]

    return make, run


def prepare_int8(inputs: Path) -> Task:
    """Prepare the same in eight bits."""
    return prepare_encoder(inputs, quantize="int8")


def make_ner(inputs: Path) -> Tuple[Any, List[Any]]:
    """Make a pipeline with `mluke_ner`, and sentences with gold entities."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_ner", config={"model": {"encoder": {"name": ENCODER}}})
    gold = []
    for sentence in json.loads((inputs / "sentences.json").read_text(encoding="utf8")):
        words, tags = zip(*sentence, strict=True)
        gold.append(Doc(nlp.vocab, words=list(words), ents=list(tags)))
    nlp.initialize(lambda: [Example(doc, doc) for doc in gold])
    return nlp, gold


def prepare_ner(inputs: Path) -> Task:
    """Prepare finding entities with `mluke_ner`, whose head is trained for a few steps."""
    nlp, gold = make_ner(inputs)
    make, update = training(nlp, gold)
    for _ in range(2):
        update(make())

    def run(docs: List[Any]) -> List[str]:
        return [str([(ent.start, ent.end, ent.label_) for ent in doc.ents]) for doc in nlp.pipe(docs)]

    return lambda: [without_annotation(doc) for doc in gold[:20]], run


def prepare_ner_training(inputs: Path) -> Task:
    """Prepare training steps of `mluke_ner`."""
    return training(*make_ner(inputs))


def make_relations(inputs: Path) -> Tuple[Any, List[Any]]:
    """Make a pipeline with `mluke_relations`, and sentences with gold relations."""
    import spacy
    from spacy.tokens import DocBin
    from spacy.training import Example

    nlp = spacy.blank("xx")
    encoder = {"name": ENCODER, "frozen": ["word_embeddings"]}
    nlp.add_pipe("mluke_relations", config={"model": {"encoder": encoder}})
    gold = list(DocBin().from_disk(inputs / "relations.spacy").get_docs(nlp.vocab))
    nlp.initialize(lambda: [Example(doc, doc) for doc in gold])
    return nlp, gold


def prepare_relations(inputs: Path) -> Task:
    """Prepare classifying relations with `mluke_relations`, whose head is trained for a few steps."""
    nlp, gold = make_relations(inputs)
    make, update = training(nlp, gold)
    for _ in range(4):
        update(make())

    def run(docs: List[Any]) -> List[str]:
        return [str([relation.label for relation in doc._.mluke_relations]) for doc in nlp.pipe(docs)]

    return lambda: [without_annotation(doc, keep_entities=True) for doc in gold[:64]], run


def prepare_training(inputs: Path) -> Task:
    """Prepare training steps of `mluke_relations`."""
    return training(*make_relations(inputs))


def training(nlp: Any, gold: List[Any]) -> Task:
    """Prepare training steps with AdamW.

    nlp (Language): An initialized pipeline with one component.
    gold (List[Doc]): The training data, which is read in order and again from the start.
    RETURNS (Task): A step; its result is the loss.
    """
    from spacy.training import Example
    from thinc.api import registry

    optimizer = registry.get("optimizers", "spacy-mluke.AdamW.v1")(1e-5)
    (name,) = nlp.pipe_names
    size, position = BATCH_SIZES[name], 0

    def make() -> List[Any]:
        nonlocal position
        docs = [gold[(position + i) % len(gold)] for i in range(size)]
        position += size
        return [Example(without_annotation(doc, keep_entities="relations" in name), doc) for doc in docs]

    def run(examples: List[Any]) -> List[float]:
        return [float(nlp.update(examples, drop=0.0, sgd=optimizer)[name])]

    return make, run


def without_annotation(doc: Any, *, keep_entities: bool = False) -> Any:
    """Copy the tokens of a document, and its entities if they are input of the component."""
    from spacy.tokens import Doc, Span

    copy = Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
    if keep_entities:
        copy.ents = [Span(copy, ent.start, ent.end, label=ent.label_ or "ENTITY") for ent in doc.ents]
    return copy


PREPARE: Dict[str, Callable[[Path], Task]] = {
    "encoder": prepare_encoder,
    "int8": prepare_int8,
    "ner": prepare_ner,
    "ner-training": prepare_ner_training,
    "relations": prepare_relations,
    "training": prepare_training,
}


def main(task: str, inputs: Path) -> None:
    """Prepare a task, and run it for each line of the standard input.

    task (str): A key of PREPARE.
    inputs (Path): Folder that `benchmarks.compare` has written.
    """
    import spacy_mluke

    # Libraries may print: figures go to the original standard output, everything else to the standard error.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(figures: Dict[str, Any]) -> None:
        output.write(json.dumps(figures) + "\n")
        output.flush()

    from spacy.util import fix_random_seed

    fix_random_seed(0)
    make, run = PREPARE[task](inputs)
    run(make())
    reply({"package": spacy_mluke.__file__})
    for _ in sys.stdin:
        prepared = make()
        started = time.perf_counter()
        result = run(prepared)
        seconds = time.perf_counter() - started
        reply({"seconds": seconds, "result": result})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
