"""Write the corpora for pruning and calibration, as .spacy files.

    python -m scripts.xx_mluke_small.corpora ../shared/data training/xx_mluke_small/corpora

names-train.spacy        drawn as for training, to learn which candidate spans can be skipped
names-dev.spacy          sentences of the development sets, to calibrate probabilities of names
relations-dev.spacy      held-out documents with entities and relations
questions-dev.spacy      held-out questions, a part of them with a text that does not answer them
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from scripts.xx_mluke_small.evaluation_sets import CALIBRATION_SETS, EVALUATION_FILES
from scripts.xx_mluke_small.examples import make_blank, make_example
from scripts.xx_mluke_small.names import draw_names, read_name_sources
from scripts.xx_mluke_small.questions import QuestionReader, read_questions
from scripts.xx_mluke_small.relation_examples import token_bounds
from scripts.xx_mluke_small.relations import FactDocument, read_documents
from scripts.xx_mluke_small.sentences import NamedText, read_named_texts
from scripts.xx_mluke_small.sources import source_of
from scripts.xx_mluke_small.training_files import NAMES, DataFolder
from spacy_mluke.annotate.relations import Relation, set_relations
from spacy_mluke.training.squad import make_doc

# Numbers of sentences: to learn pruning, and of each development set.
N_TRAIN, N_DEV = 3000, 150
HELD_OUT_UNANSWERABLE = 0.33


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the corpora."""
    parser = argparse.ArgumentParser(description="Write the corpora for pruning and calibration.")
    parser.add_argument("data", type=Path, help="folder with ner, relations and qa")
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choices (default: %(default)s)")
    given = parser.parse_args(args)
    given.output.mkdir(parents=True, exist_ok=True)
    for name, n in write_corpora(given.data, given.output, given.seed).items():
        print(f"{n:>7,}  {name}")


def write_corpora(root: Path, output: Path, seed: int) -> Dict[str, int]:
    """Write the corpora.

    root (Path): Folder with ner, relations and qa.
    output (Path): The folder to write to.
    seed (int): Seed of the random choices.
    RETURNS (Dict[str, int]): Number of documents by file name.
    """
    nlp = make_blank()
    data = DataFolder(root)
    corpora = {
        "names-train": training_names(nlp, data, random.Random(seed)),
        "names-dev": development_names(nlp, DataFolder(root, EVALUATION_FILES), random.Random(seed)),
        "relations-dev": (document_with_facts(nlp, document) for document in read_documents(data).held_out),
        "questions-dev": held_out_questions(nlp, data, random.Random(seed)),
    }
    sizes = {}
    for name, docs in corpora.items():
        found = DocBin(store_user_data=True, docs=docs)
        found.to_disk(output / f"{name}.spacy")
        sizes[f"{name}.spacy"] = len(found)
    return sizes


def training_names(nlp: Language, data: DataFolder, rng: random.Random) -> Iterable[Doc]:
    """Return texts with named entities, drawn as for training.

    nlp (Language): Its tokenizer is used.
    data (DataFolder): The data.
    rng (random.Random): Random numbers.
    RETURNS (Iterable[Doc]): The documents.
    """
    stream = draw_names(nlp, read_name_sources(data), rng)
    return [next(stream).reference for _ in range(N_TRAIN)]


def development_names(nlp: Language, data: DataFolder, rng: random.Random) -> Iterator[Doc]:
    """Yield sentences of the development sets with named entities, and the labels that each set annotates.

    nlp (Language): Its tokenizer is used.
    data (DataFolder): The data.
    rng (random.Random): Random numbers.
    YIELDS (Doc): The documents.
    """
    for file in CALIBRATION_SETS:
        texts = [item for item in read_named_texts(data.path(f"{NAMES}/{file}")) if item.text.strip()]
        for item in rng.sample(texts, min(N_DEV, len(texts))):
            yield make_example(nlp, item, source_of(file).labels).reference


def document_with_facts(nlp: Language, document: FactDocument) -> Doc:
    """Return a document with its entities and the relations between all mentions of two entities.

    nlp (Language): Its tokenizer is used.
    document (FactDocument): The document.
    RETURNS (Doc): The document.
    """
    types = sorted(set(document.types))
    doc = make_example(nlp, NamedText(document.text, document.named_spans(types)), None).reference
    ents = {(ent.start, ent.end): ent for ent in doc.ents}
    mentions = [[ents.get(token_bounds(doc, bounds)) for bounds in entity] for entity in document.entities]
    set_relations(
        doc,
        [
            Relation(first, second, label)
            for head, tail, label in document.facts
            for first in mentions[head]
            for second in mentions[tail]
            if first is not None and second is not None and first != second
        ],
    )
    return doc


def held_out_questions(nlp: Language, data: DataFolder, rng: random.Random) -> Iterator[Doc]:
    """Yield held-out questions; a part of them is asked about a text that does not answer them.

    nlp (Language): Its tokenizer is used.
    data (DataFolder): The data.
    rng (random.Random): Random numbers.
    YIELDS (Doc): A document for each question.
    """
    questions = read_questions(data, held_out=True)
    reader = QuestionReader(questions, rng, unanswerable=HELD_OUT_UNANSWERABLE)
    for file, asked in questions.items():
        for number in range(len(asked)):
            paragraph = reader.make_paragraph(file, number)
            if paragraph is not None and paragraph.text.strip():
                yield make_doc(nlp, paragraph)


if __name__ == "__main__":
    main()
