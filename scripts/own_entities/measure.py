"""Measure how well a pipeline links one's own products beside the bundled entities.

    python -m spacy_mluke entities build projects/own_entities/products.csv products.sqlite
    python -m scripts.own_entities.measure products.sqlite projects/own_entities

Sentences are sentences.jsonl (made by templates) and by_hand.tsv. `links` is the accuracy of links of given mentions;
`found` the precision and recall of names that `mluke_mentions` finds and `mluke_linker` links.
"""

from __future__ import annotations

import argparse
import json
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from spacy.tokens import Span

import spacy_mluke
from spacy_mluke import load

_MARKED = re.compile(r"\[([^|\]]+)\|([^\]]+)\]")


class Sentence(NamedTuple):
    """A sentence with the bounds and the entity of each mention."""

    text: str
    lang: str
    kind: str
    links: List[Tuple[int, int, str]]


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and print the accuracies."""
    parser = argparse.ArgumentParser(description="Measure links of one's own products.")
    parser.add_argument("store", type=Path, help="the store of products.csv")
    parser.add_argument("sentences", type=Path, help="folder of sentences.jsonl and by_hand.tsv")
    parser.add_argument("--bundled", default="knowledge", help="the store beside it")
    parser.add_argument("--plain", action="store_true", help="without descriptions: rank by priors alone")
    given = parser.parse_args(args)
    warnings.filterwarnings("ignore", message=r"\[ML186\]")
    nlp: Any = load("mluke-small", store=[given.store, given.bundled], vectors=False)
    if given.plain:
        nlp.get_pipe("mluke_linker").cfg["reranker"] = None
    sentences = [*read_made(given.sentences / "sentences.jsonl"), *read_by_hand(given.sentences / "by_hand.tsv")]
    print(json.dumps(measure(nlp, sentences), indent=1))


def read_made(path: Path) -> Iterator[Sentence]:
    """Read the sentences that were made by templates."""
    for line in path.read_text(encoding="utf8").splitlines():
        record = json.loads(line)
        yield Sentence(record["text"], record["lang"], record["kind"], [tuple(link) for link in record["links"]])


def read_by_hand(path: Path) -> Iterator[Sentence]:
    """Read the sentences that were written by hand, in which mentions are marked: [Nova|phone-040]."""
    for line in path.read_text(encoding="utf8").splitlines():
        lang, marked = line.split("\t")
        links: List[Tuple[int, int, str]] = []
        text = ""
        last = 0
        for match in _MARKED.finditer(marked):
            text += marked[last : match.start()]
            links.append((len(text), len(text) + len(match[1]), match[2]))
            text += match[1]
            last = match.end()
        yield Sentence(text + marked[last:], lang, "by hand", links)


def measure(nlp: Any, sentences: List[Sentence]) -> Dict[str, Any]:
    """Return the accuracy of given mentions by kind, and precision and recall of found ones.

    nlp (Language): The pipeline.
    sentences (List[Sentence]): The sentences.
    RETURNS (Dict[str, Any]): The figures.
    """
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    found = Counter({"right": 0, "found": 0, "gold": 0})
    linker = nlp.get_pipe("mluke_linker")
    for sentence in sentences:
        doc = nlp.make_doc(sentence.text)
        spans = [doc.char_span(start, end, alignment_mode="expand") for start, end, _ in sentence.links]
        doc.ents = [Span(doc, span.start, span.end, label="X") for span in spans]
        for ent, (_, _, gold) in zip(linker(doc).ents, sentence.links, strict=True):
            total[sentence.kind] += 1
            right[sentence.kind] += ent.kb_id_ == gold
        own = {(ent.start_char, ent.end_char, ent.kb_id_) for ent in nlp(sentence.text).ents if ent.kb_id_ != "NIL"}
        found["right"] += len(own & set(sentence.links))
        found["found"] += len(own)
        found["gold"] += len(sentence.links)
    return {
        "version": spacy_mluke.__version__,
        "links": {kind: [right[kind], n, round(100 * right[kind] / n, 1)] for kind, n in total.items()},
        "found": dict(found),
    }


if __name__ == "__main__":
    main()
