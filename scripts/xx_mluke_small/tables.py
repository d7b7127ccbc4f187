"""Tables of scores in Markdown."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from spacy_mluke.publishing.markdown import render_table

Row = Mapping[str, Any]


def render_scores(found: Mapping[str, Any]) -> str:
    """Render the tables of all tasks.

    found (Mapping[str, Any]): As `evaluate` writes it.
    RETURNS (str): Markdown.
    """
    renderers: Dict[str, Callable[[Row], List[str]]] = {
        "names": render_names,
        "relations": render_relations,
        "questions": render_questions,
    }
    lines: List[str] = []
    for task, render in renderers.items():
        if task in found:
            lines += render(found[task])
    return "\n".join(lines) + "\n"


def render_names(found: Row) -> List[str]:
    """Render the scores of named entities.

    found (Row): As from `score_names`.
    RETURNS (List[str]): Lines.
    """
    header = ("set", "sentences", "names", "P", "R", "F1", "95 %", "PER", "ORG", "LOC")
    parts = (
        ("### Named entities", found["sets"], f"Mean F1, without sets of fewer than 50 names: {_mean(found['mean'])}."),
        ("### WikiNEuRal, for evaluation only", found["wikineural"], f"Mean F1: {_mean(found['wikineural_mean'])}."),
        ("### Letter case, on the same sentences of all sets", found["case"], ""),
    )
    lines: List[str] = []
    for title, rows, mean in parts:
        table = [
            (name, row["sentences"], row["names"], *_cells(row, "precision", "recall", "f"), _bounds(row["f"]),
             *(f"{row['labels'][label]:.1f}" for label in ("PER", "ORG", "LOC")))
            for name, row in rows.items()
        ]  # fmt: skip
        lines += [title, "", *render_table(header, table), "", *([mean, ""] if mean else [])]
    return lines


def render_relations(found: Row) -> List[str]:
    """Render the scores of relations.

    found (Row): The scores by set, as "sets"; and "citizenship", as from `score_citizenship`, if it was scored.
    RETURNS (List[str]): Lines.
    """
    sentences = [
        (name, row["sentences"], row["relations"], *_cells(row, "macro_f"), _bounds(row["macro_f"]),
         *_cells(row, "precision", "recall", "f"))
        for name, row in found["sets"].items() if "macro_f" in row
    ]  # fmt: skip
    documents = [
        (name, row["documents"], row["facts"], *_cells(row, "precision", "recall", "f"), _bounds(row["f"]),
         *_cells(row, "ign_f"))
        for name, row in found["sets"].items() if "ign_f" in row
    ]  # fmt: skip
    header = ("held-out sentences", "sentences", "relations", "macro F1", "95 %", "P", "R", "micro F1")
    document_header = ("documents, gold entities", "documents", "facts", "P", "R", "F1", "95 %", "Ign F1")
    lines = ["### Relations", "", *render_table(header, sentences), "", *render_table(document_header, documents), ""]
    exam = found.get("citizenship")
    if exam is not None:
        cells = (exam["sentences"], exam["facts"], *_cells(exam, "precision", "recall", "f"), _bounds(exam["f"]))
        exam_header = ("several people and countries in a sentence", "facts", "P", "R", "F1", "95 %")
        lines += ["Who is of which country (P27), with predicted names:", "", *render_table(exam_header, [cells]), ""]
    return lines


def render_questions(found: Row) -> List[str]:
    """Render the scores of answers.

    found (Row): As from `score_questions`.
    RETURNS (List[str]): Lines.
    """
    header = ("XQuAD", "questions", "F1", "95 %", "exact match", "F1 by characters")
    xquad = [_question_row(name, row) for name, row in found["xquad"].items()]
    other = ("set", *header[1:], "unanswerable", "of these, no answer", "area under null scores")
    sets = [
        (
            *_question_row(name, row),
            *(_optional(row.get(key)) for key in ("unanswerable", "no_answer", "null_score_area")),
        )
        for name, row in found["sets"].items()
    ]
    means = f"Mean F1 {_mean(found['xquad_mean'])}, mean exact match {_mean(found['xquad_mean_em'])}."
    return ["### Answers", "", *render_table(header, xquad), "", means, "", *render_table(other, sets), ""]


def _question_row(name: str, row: Row) -> Tuple[object, ...]:
    by_characters = row.get("f_by_characters", {}).get("value")
    return (
        name, row["questions"], *_cells(row, "f"), _bounds(row["f"]), *_cells(row, "em"), _optional(by_characters),
    )  # fmt: skip


def _cells(row: Row, *names: str) -> List[str]:
    return [f"{row[name]['value']:.1f}" for name in names]


def _bounds(score: Mapping[str, float]) -> str:
    return f"{score['low']:.1f} to {score['high']:.1f}"


def _optional(value: Optional[float]) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _mean(value: Optional[float]) -> str:
    return "none" if value is None else f"{value:.1f}"
