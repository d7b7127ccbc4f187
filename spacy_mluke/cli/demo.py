"""`demo`: what the ready-made pipeline finds in many languages, masked entities, and vectors across languages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import typer

NAME = typer.Option("mluke-small", help="Checkpoint: mluke-small, a directory or a hub name")
OUTPUT = typer.Option(Path("out/demo.html"), help="HTML file to write")


def demo(name: str = NAME, output: Path = OUTPUT) -> None:
    """Find entities, relations and answers, complete facts, and compare entity vectors, in many languages.

    Writes an HTML page without external files, and prints the same results.
    """
    import numpy
    import spacy
    from wasabi import msg

    from ..pipeline.load import load
    from ..storage.files import writing
    from .demo_page import render_page
    from .demo_reading import annotate_texts, answer_questions, print_reading
    from .demo_tasks import complete_texts, link_texts, print_results
    from .demo_texts import read_texts
    from .demo_vectors import compare, print_report, token_means

    ready = load(questions=True)
    read, answered = annotate_texts(ready), answer_questions(ready)
    print_reading(read, answered)
    pipeline = load(name, cloze=True)
    linked = link_texts(pipeline)
    # A checkpoint without an entity prediction head cannot fill masks.
    cloze: Any = pipeline.get_pipe("mluke_cloze")
    completed = complete_texts(pipeline) if cloze.has_head() else []
    print_results(linked, completed)
    started = time.perf_counter()
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": name}})
    docs, mentions = read_texts(nlp)
    docs = list(nlp.pipe(docs))
    seconds = time.perf_counter() - started
    entities = list(dict.fromkeys(mention.entity for mention in mentions))
    comparisons = [
        compare("Entity vectors", numpy.concatenate([doc._.mluke.vectors for doc in docs]), mentions, entities),
        compare("Mean token vectors", token_means(docs), mentions, entities),
    ]
    print_report(comparisons, mentions, entities)
    page = render_page(name, docs, comparisons, mentions, entities, linked, completed, read, answered)
    with writing(output) as aside:
        aside.write_text(page, encoding="utf8")
    n_words = sum(len(doc) for doc in docs)
    msg.good(f"{len(mentions)} mentions in {len(docs)} texts ({n_words} tokens) in {seconds:.1f} s, including loading")
    msg.good(f"Page: {output}")
