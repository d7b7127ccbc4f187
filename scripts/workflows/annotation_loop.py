"""Run the annotation loop on a few sentences: export to every tool, corrections, import, two training steps.

    python -m scripts.workflows.annotation_loop out/annotation

A pipeline that finds cities by their names stands for the trained one. The correction is a new label.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import spacy
import typer
from wasabi import msg

from scripts.workflows.sample import CAPITALS, SENTENCES
from scripts.workflows.smoke import run_line
from spacy_mluke.annotation_tools.formats import FORMATS

TARGET = typer.Argument(Path("out/annotation"), help="Folder to work in; its content is deleted first")
ENCODER = typer.Option("mluke-small", help="The checkpoint")
GPU = typer.Option(-1, help="GPU id; -1: CPU")

REPO = Path(__file__).parents[2]
CONFIG = REPO / "configs" / "ner_wikineural.cfg"


def main(target: Path = TARGET, encoder: str = ENCODER, gpu_id: int = GPU) -> None:
    """Run the loop."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    nlp = spacy.blank("xx")
    patterns = [{"label": "PLACE", "pattern": name} for pair in CAPITALS for name in pair]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)  # type: ignore[attr-defined]
    nlp.to_disk(target / "pipeline")
    texts = [
        text.replace("[Y]", city).replace("[X]", country) for text in SENTENCES.values() for city, country in CAPITALS
    ]
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in texts[:24]]
    (target / "texts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    for format in FORMATS:
        if format == "xmi" and importlib.util.find_spec("cassis") is None:
            msg.warn("xmi is skipped: dkpro-cassis is not installed")
            continue
        tasks, corpus = f"tasks-{format}", f"{format}.spacy"
        suffix = {"label-studio": ".json", "prodigy": ".jsonl"}.get(format, "")
        _run(target, "export-annotations", "texts.jsonl", f"{tasks}{suffix}", "-f", format, "--pipeline", "pipeline")
        if format == "label-studio":
            _correct(target / f"{tasks}{suffix}")
        _run(target, "import-annotations", f"{tasks}{suffix}", corpus, "-f", format)
    paths = ["--paths.train", "label-studio.spacy", "--paths.dev", "label-studio.spacy", "--paths.checkpoint", encoder]
    steps = ["--training.max_steps", "2", "--training.eval_frequency", "2", "--gpu-id", str(gpu_id)]
    _run(target, "train", str(CONFIG), "trained", *paths, *steps)
    (label,) = spacy.load(target / "trained" / "model-last").get_pipe("mluke_ner").labels  # type: ignore[attr-defined]
    msg.good(f"A pipeline was trained on corrections, with the label {label}: {target / 'trained'}")


def _run(folder: Path, *words: str) -> None:
    run_line(["python", "-m", "spacy_mluke", *words], folder)


def _correct(path: Path) -> None:
    """Turn predictions into annotations, with another label."""
    tasks = json.loads(path.read_text(encoding="utf8"))
    for task in tasks:
        (prediction,) = task.pop("predictions")
        for result in prediction["result"]:
            result["value"]["labels"] = ["CITY_OR_COUNTRY"]
        task["annotations"] = [{"result": prediction["result"]}]
    path.write_text(json.dumps(tasks), encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
