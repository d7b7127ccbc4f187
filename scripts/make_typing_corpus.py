"""Make a corpus for `mluke_typing` from linked mentions: the types of a mention are those of its Wikidata entity.

    python -m scripts.make_typing_corpus ../shared/data train.spacy test.spacy

English sentences of FewRel and KnowledgeNet (relations/) become training documents, RELX-Distant's samples in four
languages (relx_distant/) test documents; entities/types.tsv.xz has the classes of entities.
"""

from __future__ import annotations

import argparse
import lzma
from collections import Counter, defaultdict
from pathlib import Path
from typing import Collection, Dict, Iterable, List, Optional, Sequence, Set

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from scripts.linking.gold import CORPORA, RELX, Sentence, make_docs, read_corpus, read_relx, sample

SPANS_KEY = "mluke_types"
# Types, each with the names of its classes. Wikidata gives an entity some of its classes only: a city may be a "big
# city" there and no "city". Frequent classes that say little ("superpowers", "colonial power") are not used.
CLASSES = {
    "person": ("human",),
    "city": (
        "city", "big city", "capital", "city of the United States", "city with millions of inhabitants", "county seat",
        "metropolis", "town", "urban municipality of Germany", "charter city",
    ),
    "country": ("country", "sovereign state"),
    "state or province": ("state of the United States", "province of Canada", "department of France", "federal state"),
    "river": ("river", "main stream", "transboundary river"),
    "sea": ("sea", "ocean", "marginal sea", "mediterranean sea"),
    "island": ("island",),
    "film": ("film",),
    "band": ("musical group", "rock band"),
    "company": ("business", "enterprise"),
    "university": (
        "university", "private university", "public university", "research university", "public research university",
        "land-grant university", "institute of technology",
    ),
    "political party": ("political party",),
    "international organization": ("international organization", "intergovernmental organization"),
    "language": ("language", "modern language", "natural language"),
    "sport": ("type of sport", "team sport", "ball game", "Olympic sport", "water sport"),
    "constellation": ("constellation",),
}  # fmt: skip


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Read the command line, and write both files.

    arguments (Optional[Sequence[str]]): Arguments; None for those of the process.
    """
    parser = argparse.ArgumentParser(description="Make a corpus of entity types from linked mentions.")
    parser.add_argument("data", type=Path, help="folder with relations/, relx_distant/ and entities/")
    parser.add_argument("train", type=Path, help="file to write: training documents (.spacy)")
    parser.add_argument("test", type=Path, help="file to write: test documents (.spacy)")
    given = parser.parse_args(arguments)
    types = read_types(given.data / "entities" / "types.tsv.xz")
    folder = given.data / "relations"
    train = keep_typed((s for name in CORPORA for s in read_corpus(folder / f"{name}.jsonl")), types)
    test = keep_typed((s for lang in RELX for s in read_relx(given.data / "relx_distant", lang)), types)
    nlp = spacy.blank("xx")
    for path, part in ((given.train, train), (given.test, test)):
        docs = [doc for doc in make_typed_docs(nlp, sample(part, 0, 0), types) if doc.ents]
        DocBin(docs=docs, store_user_data=True).to_disk(path)
        found = Counter(span.label_ for doc in docs for span in doc.spans[SPANS_KEY])
        print(f"{path}: {len(docs):,} sentences, {sum(len(doc.ents) for doc in docs):,} mentions")
        print(", ".join(f"{label} {n:,}" for label, n in found.most_common()))


def read_types(path: Path) -> Dict[str, Set[str]]:
    """Read the types of `CLASSES` that entities have.

    path (Path): Entity, class, name of the class, ...; separated by tabs, compressed with xz.
    RETURNS (Dict[str, Set[str]]): The types of each entity that has one.
    """
    types_of = {name: label for label, names in CLASSES.items() for name in names}
    found: Dict[str, Set[str]] = defaultdict(set)
    with lzma.open(path, "rt", encoding="utf8") as lines:
        for line in lines:
            qid, _, name, *_ = line.rstrip("\n").split("\t")
            if name in types_of:
                found[qid].add(types_of[name])
    return dict(found)


def keep_typed(sentences: Iterable[Sentence], types: Collection[str]) -> List[Sentence]:
    """Return the sentences that have a typed mention, without their other mentions.

    sentences (Iterable[Sentence]): The sentences.
    types (Collection[str]): The entities that have a type.
    RETURNS (List[Sentence]): Sentences with one mention or more.
    """
    typed = [s._replace(golds=[gold for gold in s.golds if gold.qid in types]) for s in sentences]
    return [sentence for sentence in typed if sentence.golds]


def make_typed_docs(nlp: Language, sentences: Sequence[Sentence], types: Dict[str, Set[str]]) -> List[Doc]:
    """Return documents whose entities are the mentions, with a span in `doc.spans["mluke_types"]` for each type.

    nlp (Language): Tokenizes.
    sentences (Sequence[Sentence]): The sentences.
    types (Dict[str, Set[str]]): The types of entities.
    RETURNS (List[Doc]): The documents.
    """
    docs = make_docs(nlp, sentences, lambda gold: "NAME")
    for doc, sentence in zip(docs, sentences, strict=True):
        qids = {gold.start: gold.qid for gold in sentence.golds}
        doc.spans[SPANS_KEY] = [
            Span(doc, ent.start, ent.end, label=label)
            for ent in doc.ents
            for label in sorted(types[qids[ent.start_char]])
        ]
    return docs


if __name__ == "__main__":
    main()
