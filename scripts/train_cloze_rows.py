"""Train rows of the entities of "knowledge" that facts have as their objects, for an encoder that stays as it is.

python scripts/train_cloze_rows.py DATA OUT states facts of DATA/entities with templates (scripts/cloze/templates.tsv:
en, de, es, fr): those of the best-known subjects, none of mLAMA, and of the others two thirds, which a hash selects. It
repeats facts that `mluke-small` was trained with by its own templates. OUT/rows.safetensors gets a row and a bias for
each object; the encoder's own rows do not change. OUT/manifest.json says what they were trained with. States are kept
in OUT/states: a run that was interrupted goes on. The rows of the package are those of the default options.

Prints P@1 of mLAMA's patterns before and after, and writes it to OUT/figures.json:
- of stated facts, in languages of the templates and in others, among the objects of the relation;
- of mLAMA's own facts, none of which were stated;
- of the facts that `mluke-small` was trained with, by the subject's words and with its entity.
"all entities" ranks all fillers: those of the encoder's vocabulary, too, of any relation.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any, Dict, Sequence

import torch
import typer
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.cloze.answers import Answerer, Rows
from scripts.cloze.checking import Checker, show_kinds
from scripts.cloze.questions import bundled_training, read_exam
from scripts.cloze.statements import (
    TEMPLATES,
    bundled_facts,
    first_facts,
    own_templates,
    read_training_facts,
    sample_facts,
)
from scripts.cloze.trainer import Trainer
from scripts.world.facts import read_facts
from spacy_mluke.heads.entity_rows import EntityRows
from spacy_mluke.kb.bundled import ASSETS, KNOWLEDGE, WORLD, open_store

DATA = typer.Argument(..., help="Folder of entities and mlama", exists=True, file_okay=False)
OUTPUT = typer.Argument(..., help="Folder for rows, states and figures")
N_FACTS = typer.Option(250, help="Facts of each relation to state")
N_SENTENCES = typer.Option(2, help="Sentences for each fact; every second one with the subject's entity")
N_BUNDLED = typer.Option(100_000, help="Facts of each relation of mluke-small to repeat")
N = typer.Option(4, help="Stated facts of each relation to ask for in each language")
EPOCHS = typer.Option(6, help="Times that each sentence is seen")
DECAY = typer.Option(1e-3, help="Weight of the squared distance of rows from where they start")
OFFSET = typer.Option(2.0, help="What is subtracted from trained biases, so that the encoder's own facts are found")
LANGUAGES = typer.Option("en,de,es,fr,ru,ja,zh-hans,ar,it,ko,nl,pt", help="Languages of the questions")

# Questions of each relation and language about facts that the encoder was trained with.
_N_TOLD = 12


def main(
    data: Path = DATA,
    output: Path = OUTPUT,
    n_facts: int = N_FACTS,
    n_sentences: int = N_SENTENCES,
    n_bundled: int = N_BUNDLED,
    n: int = N,
    epochs: int = EPOCHS,
    decay: float = DECAY,
    offset: float = OFFSET,
    languages: str = LANGUAGES,
) -> None:
    """Train and measure."""
    store = open_store(KNOWLEDGE)
    facts = read_training_facts(data / "entities" / "facts.tsv.xz", data / "mlama", store, own_templates())
    stated = first_facts(facts, n_facts)
    ids = sorted({fact.object for fact in stated})
    world = read_facts(ASSETS / WORLD / "facts.tsv.xz")
    repeated = bundled_facts(world, store)
    answerer = Answerer("mluke-small", [store[entity_id] for entity_id in ids])
    trainer = Trainer(answerer, store, output, ids)
    examples = trainer.examples(stated, facts, sample_facts(repeated, n_bundled), repeated, n_sentences)
    msg.info(f"{len(stated)} facts, {len(ids)} entities, {len(examples.queries)} sentences")
    rows = trainer.fit(examples, stated, epochs, decay)
    rows = Rows(rows.rows, rows.bias - offset)
    EntityRows.of(answerer.loaded, tuple(ids), rows.rows, rows.bias, torch.from_numpy(answerer.known)).to_disk(
        output / "rows.safetensors"
    )
    kept = EntityRows.from_disk(output / "rows.safetensors")
    checker = Checker(trainer, Rows(kept.rows, kept.bias))
    codes = languages.split(",")
    exam = read_exam(data / "mlama", store, bundled_training(world, store), _N_TOLD, languages=codes)
    figures = checker.compare_all(exam, stated, data / "mlama", codes, n)
    show_kinds(figures)
    (output / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf8")
    settings = {"epochs": epochs, "decay": decay, "offset": offset, "sentences of a fact": n_sentences}
    counts = {
        "entities": len(ids),
        "entities with a row in mluke-small": int((answerer.known >= 0).sum()),
        "sentences": len(examples.queries),
        "facts of mluke-small that were repeated": len(repeated),
        "facts": dict(sorted(Counter(fact.relation for fact in stated).items(), key=lambda own: int(own[0][1:]))),
    }
    write_manifest(output, counts, settings, [data / "entities" / "facts.tsv.xz", TEMPLATES])
    msg.good(f"Rows and figures: {output}")


def write_manifest(output: Path, counts: Dict[str, Any], settings: Dict[str, Any], inputs: Sequence[Path]) -> None:
    """Write what rows were trained with.

    output (Path): Folder of rows.safetensors.
    counts (Dict[str, Any]): Numbers of entities and facts.
    settings (Dict[str, Any]): Options of the training.
    inputs (Sequence[Path]): Files that the facts and sentences are from.
    """
    checksums = {path.name: sha256(path.read_bytes()).hexdigest() for path in (output / "rows.safetensors", *inputs)}
    content = {"counts": counts, "settings": settings, "sha256": checksums}
    (output / "manifest.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
