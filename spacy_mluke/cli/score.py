"""`score`: score a system on a corpus, with confidence intervals, and write the result for `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

MODEL = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
DATA = typer.Argument(..., help="A .spacy file, or a directory of them", exists=True)
OUTPUT = typer.Argument(..., help="JSON file to write", dir_okay=False)
TASK = typer.Option(..., "--task", "-t", help="relations, ner, qa, cloze or linking")
SYSTEM = typer.Option(..., "--system", help="Name of the system, such as mLUKE-E")
LANG = typer.Option(..., "--lang", "-l", help="Language of the documents")
SEED = typer.Option(0, "--seed", help="Seed of the training")
SAMPLES = typer.Option(1000, "--samples", min=0, help="Number of bootstrap samples for confidence intervals")
LIMIT = typer.Option(0, "--limit", "-n", min=0, help="Maximum number of documents; 0: all")
GOLD_ENTITIES = typer.Option(
    None,
    "--gold-entities/--predicted-entities",
    help="Entities in the input: the gold entities, or those that the pipeline predicts. Default: as for evaluate",
)
OWN_ENTITIES = typer.Option(None, "--own-entities", hidden=True)
TOKENS = typer.Option(
    False,
    "--gold-tokens",
    help="Use the tokens of the corpus. Otherwise, entities that do not match the pipeline's tokens are misses",
)
QUANTIZE = typer.Option(None, "--quantize", "-q", help="int8: predict in eight bits")


def score(
    model: str = MODEL,
    data: Path = DATA,
    output: Path = OUTPUT,
    task: str = TASK,
    system: str = SYSTEM,
    lang: str = LANG,
    seed: int = SEED,
    samples: int = SAMPLES,
    limit: int = LIMIT,
    gold_entities: Optional[bool] = GOLD_ENTITIES,
    own_entities: Optional[bool] = OWN_ENTITIES,
    gold_tokens: bool = TOKENS,
    quantize: Optional[str] = QUANTIZE,
) -> None:
    """Score a pipeline on a corpus, with bootstrap confidence intervals, for `report`.

    Relations are scored as in the papers of KBP37 and RELX, named entities by bounds and label, and answers as in
    SQuAD's script.
    """
    from wasabi import msg

    from ..errors import check_choice
    from ..errors.renamed import take_renamed
    from ..pipeline.quantize import quantize as quantize_encoders
    from ..pipeline.ready_made import load_saved
    from ..report.metrics import METRICS, TASKS
    from ..report.predict import predict_run

    check_choice("task", task, TASKS)
    if own_entities:
        gold_entities = take_renamed("score", "--own-entities", "--predicted-entities", False, gold_entities)
    nlp = load_saved(model)
    if quantize is not None:
        quantize_encoders(nlp, quantize)
    run = predict_run(
        nlp,
        data,
        task=task,
        system=system,
        lang=lang,
        seed=seed,
        n_samples=samples,
        limit=limit,
        gold_entities=gold_entities,
        gold_tokens=gold_tokens,
    )
    run.to_disk(output)
    name = next(iter(METRICS[task]))
    found = {key: 100 * value for key, value in run.metrics[name].items()}
    msg.good(
        f"{system}, {lang}: {name} {found['value']:.1f} ({found['low']:.1f} to {found['high']:.1f}) "
        f"on {run.data['documents']:,} documents. Wrote {output}"
    )
