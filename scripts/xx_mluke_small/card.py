"""Write the model card of a pipeline, its licences, and the fields of meta.json that packages show.

    python -m scripts.xx_mluke_small.card PIPELINE metrics/xx_mluke_small.json \
        --trained training/xx_mluke_small/names --trained training/xx_mluke_small/questions
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

import spacy
from spacy.language import Language

from scripts.xx_mluke_small.evaluate import write
from scripts.xx_mluke_small.sources import Source, language_of, source_of
from scripts.xx_mluke_small.tables import render_scores
from scripts.xx_mluke_small.training_files import (
    DOCUMENTS_FILE,
    NAME_FILES,
    PROPERTIES_FILE,
    QUESTION_FILES,
    RELATION_FILES,
    TRAINING_FILES,
)
from spacy_mluke import __version__
from spacy_mluke.publishing.card import render_components, render_header
from spacy_mluke.publishing.markdown import render_table
from spacy_mluke.publishing.saved_pipeline import Component

TEMPLATE = Path(__file__).with_name("card.md")
LICENSE = "CC BY-SA 4.0"
NAME = "xx_mluke_small"
TAGS = ("token-classification", "relation-extraction", "question-answering")
DESCRIPTION = "Named entities, relations and answers to questions, in many languages. Runs on a CPU."
URL = "https://github.com/spacy-mluke/spacy-mluke"
BASE = Source("mluke-small", "the spacy_mluke developers; Microsoft Corporation (multilingual-e5-small)", "MIT", URL)
_LICENSE_TEXT = f"""\
The weights of this pipeline are licensed under the Creative Commons Attribution-ShareAlike 4.0 International licence:
https://creativecommons.org/licenses/by-sa/4.0/legalcode

Copyright (c) 2026 the spacy_mluke developers ({URL})

LICENSES_SOURCES names the works that they were trained on, with authors and licences.
"""
# Texts whose predictions the card shows, and a question about one of them.
EXAMPLES = (
    "Marie Curie was born in Warsaw and worked at the University of Paris.",
    "Angela Merkel traf Tim Cook am Montag in Berlin.",
    "O escritor José Saramago nasceu em Azinhaga, Portugal.",
    "Microsoft przejęło firmę GitHub w 2018 roku.",
    "Владимир Набоков родился в Санкт-Петербурге.",
    "孙中山出生于广东省香山县。",
    "大谷翔平はロサンゼルス・ドジャースに所属している。",
)
QUESTION = ("Where was Marie Curie born?", 0)
_LOWEST_THRESHOLD = 0.5


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the card."""
    parser = argparse.ArgumentParser(description="Write the model card and meta.json of a pipeline.")
    parser.add_argument("pipeline", type=Path, help="folder of the pipeline; README.md and meta.json are written in it")
    parser.add_argument("scores", type=Path, help="output of evaluate")
    parser.add_argument(
        "--calibration", type=Path, action="append", default=[], help="tables of `spacy_mluke calibrate --tables`"
    )
    parser.add_argument("--relations", type=Path, help="relations.json in the output folder of assemble")
    parser.add_argument("--trained", type=Path, action="append", default=[], help="output folder of a training")
    given = parser.parse_args(args)
    scores = read_json(given.scores)
    calibration = [table for path in given.calibration for table in read_json(path)]
    nlp = spacy.load(given.pipeline)
    write(given.pipeline / "README.md", render_card(nlp, scores, given.relations, calibration, given.trained))
    write(given.pipeline / "LICENSE", _LICENSE_TEXT)
    write(given.pipeline / "LICENSES_SOURCES", render_licenses())
    meta = read_json(given.pipeline / "meta.json")
    meta.update(make_meta(scores))
    write(given.pipeline / "meta.json", json.dumps(meta, indent=2, ensure_ascii=False) + "\n")


def render_card(
    nlp: Language,
    scores: Mapping[str, Any],
    relations: Optional[Path],
    calibration: List[Mapping[str, Any]],
    trained: Iterable[Path],
) -> str:
    """Render the model card.

    nlp (Language): The pipeline.
    scores (Mapping[str, Any]): Output of `evaluate`.
    relations (Optional[Path]): The table of relations that `assemble` writes.
    calibration (List[Mapping[str, Any]]): Tables of the calibration.
    trained (Iterable[Path]): Output folders of trainings.
    RETURNS (str): Markdown.
    """
    codes = sorted({lang for langs in languages().values() for lang in langs})
    parts = {
        "header": [render_header(name=NAME, langs=codes, licence=LICENSE, tags=TAGS).strip()],
        "components": render_components([Component(name, name, list(labels_of(pipe))) for name, pipe in nlp.pipeline]),
        "examples": render_examples(nlp),
        "scores": [render_scores(scores).strip()],
        "relations": render_known_relations(relations),
        "confidence": render_confidence(calibration),
        "languages": render_table(
            ("task", "languages"), [(task, ", ".join(langs)) for task, langs in languages().items()], is_text=True
        ),
        "trainings": render_trainings(trained),
        "sources": render_sources(),
    }
    card = TEMPLATE.read_text(encoding="utf8")
    for mark, lines in parts.items():
        text = "\n".join(lines)
        card = card.replace(f"<!-- {mark} -->\n", f"{text}\n" if text else "")
    return card


def languages() -> Dict[str, List[str]]:
    """Return the languages of the training data.

    RETURNS (Dict[str, List[str]]): Codes by task.
    """
    files = {
        "named entities": [*NAME_FILES, DOCUMENTS_FILE],
        "relations": list(RELATION_FILES),
        "answers": list(QUESTION_FILES),
    }
    return {task: sorted({language_of(name) for name in names}) for task, names in files.items()}


def labels_of(pipe: Any) -> Tuple[str, ...]:
    """Return the labels of a component.

    pipe (Any): The component.
    RETURNS (Tuple[str, ...]): Its labels; empty if it has none.
    """
    return getattr(pipe, "labels", ())


def render_examples(nlp: Language) -> List[str]:
    """Render predictions for the sample texts.

    nlp (Language): The pipeline.
    RETURNS (List[str]): Lines.
    """
    rows = []
    for doc in nlp.pipe(EXAMPLES):
        ents = ", ".join(f"{ent.text} ({ent.label_})" for ent in doc.ents)
        relations = "; ".join(
            f"{relation.head.text}, {relation.label}, {relation.tail.text}" for relation in doc._.mluke_relations
        )
        rows.append((doc.text, ents, relations))
    lines = render_table(("text", "named entities", "relations"), rows, is_text=True)
    if "mluke_qa" in nlp.pipe_names:
        question, number = QUESTION
        pipe: Any = nlp.get_pipe("mluke_qa")
        answers = pipe.answer(EXAMPLES[number], question)
        found = f'"{answers[0].text}"' if answers else "no answer"
        lines += ["", f'To the question "{question}" about the first text, it answers: {found}.']
    return lines


def render_known_relations(path: Optional[Path]) -> List[str]:
    """Render the relations that the pipeline knows, with their scores on held-out data.

    path (Optional[Path]): The table that `assemble` has written.
    RETURNS (List[str]): Lines; none without the table.
    """
    if path is None:
        return []
    table: Dict[str, Dict[str, Any]] = read_json(path)
    columns = list(next(iter(table.values()), {}))
    rows = [(label, *(row[column] for column in columns)) for label, row in table.items()]
    title = f"<details><summary>The {len(table)} relations that it knows, measured on held-out data</summary>"
    return [title, "", *render_table(("relation", *columns), rows), "", "</details>"]


def render_confidence(calibration: List[Mapping[str, Any]]) -> List[str]:
    """Render what the probabilities mean.

    calibration (List[Mapping[str, Any]]): Tables of the calibration.
    RETURNS (List[str]): Lines; none without tables.
    """
    if not calibration:
        return []
    errors = [
        (f"`{own['name']}`", own["n_items"], f"{own['temperature']:.2f}",
         *(f"{100 * own[when]['predicted']['error']:.1f}" for when in ("before", "after")))
        for own in calibration
    ]  # fmt: skip
    thresholds = [
        (f"`{own['name']}`", f"{row['threshold']:.1f}", row["predicted"],
         *(f"{100 * row[name]:.1f}" for name in ("precision", "recall", "f")))
        for own in calibration for row in own["thresholds"] if row["threshold"] >= _LOWEST_THRESHOLD
    ]  # fmt: skip
    header = ("component", "items", "temperature", "calibration error before", "after")
    return [
        "### Probabilities",
        "",
        "Probabilities were calibrated on development data. The calibration error is the mean difference between the",
        "probability of predictions and the percentage of them that is right.",
        "",
        *render_table(header, errors),
        "",
        "A minimum probability (the option `threshold`) raises precision, and lowers recall, on the same data:",
        "",
        *render_table(("component", "threshold", "predicted", "P", "R", "F1"), thresholds),
    ]


def render_trainings(trained: Iterable[Path]) -> List[str]:
    """Render how long the trainings took.

    trained (Iterable[Path]): Their output folders.
    RETURNS (List[str]): Lines; none without trainings.
    """
    rows = []
    for folder in trained:
        paths = [folder / name for name in ("relations.json", "training.json") if (folder / name).exists()]
        for path in paths:
            content = read_json(path)
            about = content.get("training", content)
            minutes = f"{about['seconds'] / 60:.0f}" if "seconds" in about else ""
            rows.append((folder.name, about["steps"], minutes))
    return render_table(("training", "steps", "minutes on one thread"), rows) if rows else []


def render_sources() -> List[str]:
    """Render the works that the weights were trained on.

    RETURNS (List[str]): Lines.
    """
    rows = [
        (f"[{source.authors}]({source.url})", ", ".join(langs), source.licence, source.notes)
        for source, langs in works()
    ]
    return render_table(("source", "languages", "licence", "notes"), rows, is_text=True)


def render_licenses() -> str:
    """Render the attribution of all works as text.

    RETURNS (str): The content of LICENSES_SOURCES.
    """
    blocks = [
        "\n".join(line for line in (source.authors, source.url, f"Licence: {source.licence}", source.notes) if line)
        for source, _ in [(BASE, []), *works()]
    ]
    return "\n\n".join(blocks) + "\n"


def works() -> List[Tuple[Source, List[str]]]:
    """Return the sources of all training files, with their languages, in the order of the files."""
    found: Dict[str, Tuple[Source, List[str]]] = {}
    for name in TRAINING_FILES:
        if name.endswith(PROPERTIES_FILE):
            continue
        source = source_of(name)
        langs = found.setdefault(source.name, (source, []))[1]
        if language_of(name) not in langs:
            langs.append(language_of(name))
    return list(found.values())


def make_meta(scores: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the fields of meta.json that packages show.

    scores (Mapping[str, Any]): Output of `evaluate`.
    RETURNS (Dict[str, Any]): The fields.
    """
    sources = [
        {"name": source.name, "author": source.authors, "url": source.url, "license": source.licence}
        for source in [BASE, *(source for source, _ in works())]
    ]
    return {
        "lang": "xx",
        "name": "mluke_small",
        "description": DESCRIPTION,
        "author": "the spacy_mluke developers",
        "url": URL,
        "license": LICENSE,
        "sources": sources,
        "performance": performance(scores),
        "requirements": [f"spacy-mluke>={__version__}"],
    }


def performance(scores: Mapping[str, Any]) -> Dict[str, float]:
    """Return the main scores, from 0 to 1.

    scores (Mapping[str, Any]): Output of `evaluate`.
    RETURNS (Dict[str, float]): By name.
    """
    found: Dict[str, Optional[float]] = {}
    names, questions = scores.get("names", {}), scores.get("questions", {})
    found["ents_f"] = names.get("mean")
    found["ents_f_wikineural"] = names.get("wikineural_mean")
    for name, row in names.get("sets", {}).items():
        found[f"ents_f_{name}"] = row["f"]["value"]
    for name, row in scores.get("relations", {}).get("sets", {}).items():
        metric = "ign_f" if "ign_f" in row else "macro_f"
        found[f"rel_{metric}_{name}"] = row[metric]["value"]
    found["qa_f1_xquad"] = questions.get("xquad_mean")
    found["qa_em_xquad"] = questions.get("xquad_mean_em")
    return {name: round(value / 100, 4) for name, value in found.items() if value is not None}


def read_json(path: Path) -> Any:
    """Read a JSON file.

    path (Path): The file.
    RETURNS (Any): Its content.
    """
    return json.loads(path.read_text(encoding="utf8"))


if __name__ == "__main__":
    main()
