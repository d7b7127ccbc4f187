"""`prune`: a pipeline whose `mluke_ner` looks at few candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Optional, Tuple

import typer

PIPELINE = typer.Argument(..., help="A pipeline with mluke_ner: its directory, or the name of its package")
CORPUS = typer.Argument(..., help="Texts with names to learn from: a .spacy file, or a directory of them", exists=True)
OUTPUT = typer.Argument(..., help="Directory for the pipeline that looks at few candidates", file_okay=False)
KEEP = typer.Option(0.5, "--keep", "-k", min=0.0, help="Candidates to look at, for each wordpiece")
DEV = typer.Option(None, "--dev", "-d", help="Texts with names to measure on; without, none is measured", exists=True)
LIMIT = typer.Option(0, "--limit", "-n", min=0, help="Documents of each corpus at most; 0 for all")
NAME = typer.Option("mluke_ner", "--component", help="The component")


def prune(
    pipeline: str = PIPELINE,
    corpus: Path = CORPUS,
    output: Path = OUTPUT,
    keep: float = KEEP,
    dev: Optional[Path] = DEV,
    limit: int = LIMIT,
    component: str = NAME,
) -> None:
    """Teach mluke_ner which candidates are worth a look: those that begin and end where names do.

    Encoder and head stay as they are, so published models can be pruned, too. With --dev, shows how many names are
    among the candidates that are kept, F and speed, for several numbers of them.
    """
    import spacy
    from wasabi import msg

    from ..errors import Errors, did_you_mean
    from ..report.predict import read_examples
    from ..storage.pipelines import save

    nlp = spacy.load(pipeline)
    if component not in nlp.pipe_names:
        hint = did_you_mean(component, nlp.pipe_names)
        raise ValueError(Errors.ML251.format(name=component, names=", ".join(nlp.pipe_names), hint=hint))
    pipe: Any = nlp.get_pipe(component)
    if not hasattr(pipe, "learn_pruning"):
        raise ValueError(Errors.ML328.format(name=component, names=", ".join(nlp.pipe_names)))
    n_names = pipe.learn_pruning(read_examples(nlp, corpus, limit=limit, given=False), keep=keep)
    msg.good(f"Learnt from {n_names:,} names")
    save(nlp, output)
    if dev is not None:
        rows: List[Tuple[str, ...]] = []
        kept: Optional[float]
        for kept in sorted({0.125, 0.25, 0.5, 1.0, keep}):
            rows.append((f"{kept:g}", *_measure(nlp, pipe, dev, limit, kept)))
        rows.append(("all", *_measure(nlp, pipe, dev, limit, None)))
        header = ("candidates per wordpiece", "names among them", "F", "words/s")
        msg.table(rows, header=header, aligns=tuple("rrrr"), divider=True)
    msg.good(f"{output} looks at {keep:g} candidates for each wordpiece")


def _measure(nlp: Any, pipe: Any, dev: Path, limit: int, keep: Optional[float]) -> Tuple[str, str, str]:
    from ..pipeline.ner.pruning import pruning_recall
    from ..report.predict import read_examples

    pipe.keep = keep
    recall = pruning_recall(pipe, read_examples(nlp, dev, limit=limit, given=False))
    scores = nlp.evaluate(list(read_examples(nlp, dev, limit=limit, given=False)))
    f = scores["ents_f"]
    return (
        "-" if recall is None else f"{100 * recall:.2f}",
        "-" if f is None else f"{100 * f:.2f}",
        f"{scores['speed']:,.0f}",
    )
