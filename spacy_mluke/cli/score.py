"""`score`: a system's scores on one corpus, with confidence intervals, as a file for `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

MODEL = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
DATA = typer.Argument(..., help="A .spacy file, or a directory of them", exists=True)
OUTPUT = typer.Argument(..., help="JSON file to write", dir_okay=False)
TASK = typer.Option(..., "--task", "-t", help="relations, ner, qa, cloze or linking")
SYSTEM = typer.Option(..., "--system", help="What the system is called: mLUKE-E, mLUKE-W...")
LANG = typer.Option(..., "--lang", "-l", help="Language of the documents")
SEED = typer.Option(0, "--seed", help="The seed that the system was trained with")
SAMPLES = typer.Option(1000, "--samples", min=0, help="How often documents are drawn again for the intervals")
LIMIT = typer.Option(0, "--limit", "-n", min=0, help="Documents at most; 0 for all")
GIVEN = typer.Option(
    None, "--gold-entities/--own-entities", help="Whether documents come with the gold entities; as for evaluate"
)
TOKENS = typer.Option(
    False, "--gold-tokens", help="Take the corpus's tokens; without, entities that the pipeline's tokens lack are lost"
)
QUANTIZE = typer.Option(None, "--quantize", "-q", help="int8 for encoders that predict in eight bits")


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
    gold_entities: Optional[bool] = GIVEN,
    gold_tokens: bool = TOKENS,
    quantize: Optional[str] = QUANTIZE,
) -> None:
    """Score a pipeline on a corpus, with bootstrap confidence intervals, for `report`.

    Relations are scored as KBP37 and RELX are published, names by bounds and label, questions as by SQuAD's script.
    """
    import spacy
    from wasabi import msg

    from ..errors import check_choice
    from ..pipeline.quantize import quantize as quantize_encoders
    from ..report.metrics import METRICS, TASKS
    from ..report.predict import predict_run

    check_choice("task", task, TASKS)
    nlp = spacy.load(model)
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
        given=gold_entities,
        gold_tokens=gold_tokens,
    )
    run.to_disk(output)
    name = next(iter(METRICS[task]))
    found = {key: 100 * value for key, value in run.metrics[name].items()}
    msg.good(
        f"{system}, {lang}: {name} {found['value']:.1f} ({found['low']:.1f} to {found['high']:.1f}) "
        f"on {run.data['documents']:,} documents. Wrote {output}"
    )
