"""`prune`: make `mluke_ner` faster by classifying fewer candidate spans."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, List, Optional, Tuple

import typer

PIPELINE = typer.Argument(..., help="A pipeline with mluke_ner: its directory, or the name of its package")
CORPUS = typer.Argument(
    ..., help="Training texts with named entities: a .spacy file, or a directory of them", exists=True
)
OUTPUT = typer.Argument(..., help="Directory for the pruned pipeline", file_okay=False)
MAX_CANDIDATES = typer.Option(
    0.5, "--max-candidates-per-piece", "-k", min=0.0, help="Maximum number of candidate spans for each wordpiece"
)
LEAST_LIKELIHOOD = typer.Option(
    0.0,
    min=0.0,
    max=1.0,
    help="Candidates that are less likely than this, by the words that they begin and end with, are not classified",
)
LOST = typer.Option(
    None,
    min=0.0,
    max=1.0,
    help="Learn which of these candidates need not be classified: fraction of the predicted entities that may be lost",
)
KEEP = typer.Option(None, "--keep", hidden=True)
DEV = typer.Option(None, "--dev", "-d", help="Texts with named entities, to measure recall, F and speed", exists=True)
LIMIT = typer.Option(0, "--limit", "-n", min=0, help="Maximum number of documents of each corpus; 0: all")
NAME = typer.Option("mluke_ner", "--component", help="The component")
_WEIGHTS_DOCS = 1000  # documents that weights of candidates are learned from


def prune(
    pipeline: str = PIPELINE,
    corpus: Path = CORPUS,
    output: Path = OUTPUT,
    max_candidates_per_piece: float = MAX_CANDIDATES,
    least_likelihood: float = LEAST_LIKELIHOOD,
    lost: Optional[float] = LOST,
    keep: Optional[float] = KEEP,
    dev: Optional[Path] = DEV,
    limit: int = LIMIT,
    component: str = NAME,
) -> None:
    """Make mluke_ner faster: learn where entities begin and end, and classify fewer candidate spans.

    Encoder and head do not change, so published models can be pruned as well. With --dev, prints the recall of
    candidates, F and speed for several maximum numbers of candidates.
    """
    from wasabi import msg

    from ..errors import Errors, did_you_mean
    from ..errors.renamed import take_renamed
    from ..pipeline.ready_made import load_saved
    from ..report.predict import read_examples
    from ..storage.pipelines import save

    limit_per_piece = take_renamed("prune", "--keep", "--max-candidates-per-piece", keep, max_candidates_per_piece)
    nlp = load_saved(pipeline)
    if component not in nlp.pipe_names:
        hint = did_you_mean(component, nlp.pipe_names)
        raise ValueError(Errors.ML251.format(name=component, names=", ".join(nlp.pipe_names), hint=hint))
    pipe: Any = nlp.get_pipe(component)
    if not hasattr(pipe, "learn_pruning"):
        raise ValueError(Errors.ML328.format(name=component, names=", ".join(nlp.pipe_names)))
    examples = read_examples(nlp, corpus, limit=limit, gold_entities=False)
    n_entities = pipe.learn_pruning(
        examples, max_candidates_per_piece=limit_per_piece, least_likelihood=least_likelihood
    )
    msg.good(f"Learned from {n_entities:,} entities")
    if lost is not None:
        docs = (eg.predicted for eg in read_examples(nlp, corpus, limit=limit, gold_entities=False))
        n_entities = pipe.learn_candidate_weights(islice(docs, _WEIGHTS_DOCS), lost=lost)
        msg.good(f"Learned weights of candidates from {n_entities:,} predicted entities")
    save(nlp, output)
    if dev is not None:
        rows: List[Tuple[str, ...]] = []
        for most in sorted({0.125, 0.25, 0.5, 1.0, limit_per_piece}):
            rows.append((f"{most:g}", *_measure(nlp, pipe, dev, limit, most)))
        rows.append(("all", *_measure(nlp, pipe, dev, limit, None)))
        header = ("candidates per wordpiece", "recall of candidates", "F", "words/s")
        msg.table(rows, header=header, aligns=tuple("rrrr"), divider=True)
    msg.good(f"Wrote {output}, with at most {limit_per_piece:g} candidate spans for each wordpiece")


def _measure(nlp: Any, pipe: Any, dev: Path, limit: int, most: Optional[float]) -> Tuple[str, str, str]:
    from ..pipeline.ner.pruning import pruning_recall
    from ..report.predict import read_examples

    pipe.max_candidates_per_piece = most
    recall = pruning_recall(pipe, read_examples(nlp, dev, limit=limit, gold_entities=False))
    scores = nlp.evaluate(list(read_examples(nlp, dev, limit=limit, gold_entities=False)))
    f = scores["ents_f"]
    return (
        "-" if recall is None else f"{100 * recall:.2f}",
        "-" if f is None else f"{100 * f:.2f}",
        f"{scores['speed']:,.0f}",
    )
