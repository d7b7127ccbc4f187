"""Convert the corpora of a task: train.spacy and dev.spacy in English, test/LANG.spacy in every language.

python -m scripts.workflows.convert relations ../shared/data corpus/relations
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from wasabi import msg

from scripts.workflows.tasks import MARKED, SOURCE, STORE, TASKS
from spacy_mluke.errors import check_choice
from spacy_mluke.extensions import install_extensions
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.training import kbp37, mlama, squad
from spacy_mluke.training.conll import group_sentences, make_conll_doc, read_conll

TASK = typer.Argument(..., help="relations, ner, qa, cloze or linking")
DATA = typer.Argument(..., help="Folder with kbp37, relx, xquad, wikineural and mlama", exists=True)
TARGET = typer.Argument(..., help="Folder to write")
LIMIT = typer.Option(0, help="Maximum number of documents in each test set; 0: the task's default")
TRAIN_LIMIT = typer.Option(0, help="Maximum number of training documents; 0: all")
RELATIONS = typer.Option("P36", help="Relations of mLAMA, such as P36,P1376, or all")

N_DEV = 1000  # size of the development sets of ner, cloze and linking
N_FACTS = 1000  # maximum size of the test sets of cloze and linking
# XQuAD has the same paragraphs in every language: no paragraph is both in the training and in a test set.
DEV_START, TEST_START = 7 / 12, 8 / 12
TRAIN_PATTERNS, DEV_PATTERNS, TEST_PATTERNS = slice(0, None, 2), slice(1, None, 4), slice(3, None, 4)
LINK_PATTERNS = slice(0, 2)


def main(
    task: str = TASK,
    data: Path = DATA,
    target: Path = TARGET,
    limit: int = LIMIT,
    train_limit: int = TRAIN_LIMIT,
    relations: str = RELATIONS,
) -> None:
    """Convert the corpora of a task."""
    check_choice("task", task, tuple(TASKS))
    install_extensions()
    options: Dict[str, Any] = {"limit": limit or None, "train_limit": train_limit or None}
    if task in ("cloze", "linking"):
        options["relations"] = None if relations == "all" else relations.split(",")
    _CONVERTERS[task](data, target, **options)


def convert_relations(data: Path, target: Path, *, limit: Optional[int], train_limit: Optional[int]) -> None:
    """Convert KBP37 to train on and RELX to test on. Test sentences without two entities count as misses."""
    files = {"train": "kbp37/train", "dev": "kbp37/dev", "test/en-kbp37": "kbp37/test"}
    files.update({f"test/{lang}": f"relx/RELX_{lang}" for lang in TASKS["relations"].langs if lang != "en-kbp37"})
    nlp = spacy.blank("xx")
    for name, file in files.items():
        sentences = list(islice(kbp37.read_kbp37(data / f"{file}.txt"), train_limit if name == "train" else limit))
        docs = list(kbp37.make_docs(nlp, sentences, keep_missed="/" in name))
        write(docs, target / f"{name}.spacy")
        write([mark_entities(doc) for doc in docs], target / MARKED / f"{name}.spacy")


def mark_entities(doc: Doc) -> Doc:
    """Copy a document with markers around its entities, and with its relation as a category: for text classifiers.

    doc (Doc): A document with two entities, or none.
    RETURNS (Doc): Its words, with the markers <e1> </e1> <e2> </e2>.
    """
    opens = {ent.start: f"<e{i}>" for i, ent in enumerate(doc.ents, 1)}
    closes = {ent.end: f"</e{i}>" for i, ent in enumerate(doc.ents, 1)}
    words: List[str] = []
    for i in range(len(doc) + 1):
        words += [marks[i] for marks in (closes, opens) if i in marks]
        words += [doc[i].text] if i < len(doc) else []
    marked = Doc(doc.vocab, words=words)
    labels = [relation.label for relation in doc._.mluke_relations]
    marked.cats = dict.fromkeys(labels or [kbp37.NO_RELATION], 1.0)
    return marked


def convert_ner(data: Path, target: Path, *, limit: Optional[int], train_limit: Optional[int]) -> None:
    """Convert WikiNEuRal: the English validation set for training, its end for development, and the test sets."""
    folder = data / "wikineural"
    nlp = spacy.blank("xx")
    docs = list(_sentences(nlp, folder / "en.val.conllu"))
    n_dev = min(N_DEV, len(docs) // 10)
    write(docs[: len(docs) - n_dev][:train_limit], target / "train.spacy")
    write(docs[len(docs) - n_dev :][:limit], target / "dev.spacy")
    for lang in TASKS["ner"].langs:
        write(islice(_sentences(nlp, folder / f"{lang}.test.conllu"), limit), target / "test" / f"{lang}.spacy")


def _sentences(nlp: Language, path: Path) -> Iterator[Doc]:
    for group in group_sentences(read_conll(path), 1):
        yield make_conll_doc(nlp, group, spaces="all")


def convert_qa(data: Path, target: Path, *, limit: Optional[int], train_limit: Optional[int]) -> None:
    """Convert XQuAD: the first paragraphs in English for training, the last ones in every language for testing."""
    for lang in TASKS["qa"].langs:
        counts = squad.SquadCounts()
        paragraphs = list(squad.read_squad(data / "xquad" / f"xquad.{lang}.json", counts))
        nlp = spacy.blank(lang)
        docs = [squad.make_doc(nlp, paragraph) for paragraph in paragraphs]
        dev, test = (int(len(docs) * start) for start in (DEV_START, TEST_START))
        if lang == SOURCE:
            write(docs[:dev][:train_limit], target / "train.spacy")
            write(docs[dev:test][:limit], target / "dev.spacy")
        write(docs[test:][:limit], target / "test" / f"{lang}.spacy")
        counts.warn()


def convert_cloze(
    data: Path,
    target: Path,
    *,
    limit: Optional[int],
    train_limit: Optional[int],
    relations: Optional[Sequence[str]],
) -> None:
    """Convert mLAMA: English patterns for training, other patterns of the same facts in every language for testing."""
    folder, nlp = data / "mlama", spacy.blank("xx")

    def facts(lang: str, patterns: slice, limit: Optional[int], masked: bool) -> List[Doc]:
        found = list(mlama.read_mlama(folder, relations=relations, languages=[lang], patterns=patterns))
        random.Random(0).shuffle(found)
        return list(mlama.make_cloze_docs(nlp, found[:limit], masked=masked))

    write(facts(SOURCE, TRAIN_PATTERNS, train_limit, False), target / "train.spacy")
    write(facts(SOURCE, DEV_PATTERNS, limit or N_DEV, True), target / "dev.spacy")
    for lang in TASKS["cloze"].langs:
        write(facts(lang, TEST_PATTERNS, limit or N_FACTS, True), target / "test" / f"{lang}.spacy")


def convert_linking(
    data: Path,
    target: Path,
    *,
    limit: Optional[int],
    train_limit: Optional[int],
    relations: Optional[Sequence[str]],
) -> None:
    """Convert mLAMA's facts whose object has an ambiguous name to sentences for linking. The entity store has the names
    of every language. No fact is both in the training and in a test set."""
    folder, nlp = data / "mlama", spacy.blank("xx")
    langs = TASKS["linking"].langs
    names = {lang: mlama.read_labels(folder / f"labels.{lang}.tsv") for lang in langs}
    store = target / STORE
    store.parent.mkdir(parents=True, exist_ok=True)
    build_store((StoreRow(qid, lang, name) for lang in langs for qid, name in names[lang].items()), store)
    for lang in langs:
        frequent = Counter(name.casefold() for name in names[lang].values())
        shared: Set[str] = {name for name, n in frequent.items() if n > 1}
        found = [
            cloze
            for cloze in mlama.read_mlama(folder, relations=relations, languages=[lang], patterns=LINK_PATTERNS)
            if cloze.objects[0][1].casefold() in shared
        ]
        random.Random(0).shuffle(found)
        # Split by the subject, so that a fact is in the same part in every language.
        parts: List[List[mlama.Cloze]] = [[], [], []]
        for cloze in found:
            parts[_part(cloze.subject[0])].append(cloze)
        if lang == SOURCE:
            write(mlama.make_cloze_docs(nlp, parts[0][:train_limit]), target / "train.spacy")
            write(mlama.make_cloze_docs(nlp, parts[1][: limit or N_DEV]), target / "dev.spacy")
        write(mlama.make_cloze_docs(nlp, parts[2][: limit or N_FACTS]), target / "test" / f"{lang}.spacy")


def _part(qid: str) -> int:
    """Return 0 for training, 1 for development, 2 for test."""
    return min(max(int(qid.lstrip("Q")) % 10 - 5, 0), 2)


_CONVERTERS: Dict[str, Callable[..., None]] = {
    "relations": convert_relations,
    "ner": convert_ner,
    "qa": convert_qa,
    "cloze": convert_cloze,
    "linking": convert_linking,
}


def write(docs: Iterable[Doc], path: Path) -> None:
    """Write a corpus.

    docs (Iterable[Doc]): The documents.
    path (Path): The file.
    """
    found = DocBin(docs=docs, store_user_data=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    found.to_disk(path)
    msg.good(f"Wrote {path}: {len(found):,} documents")


if __name__ == "__main__":
    typer.run(main)
