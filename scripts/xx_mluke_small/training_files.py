"""The files that `xx_mluke_small` is trained on, with their weights, and the folder that they are read from."""

from __future__ import annotations

from pathlib import Path
from typing import Collection, Dict, List

NAMES, RELATIONS, QUESTIONS = "ner", "relations", "qa"  # folders of the data
# Names, facts and types of well-known entities.
NAMES_FILE, FACTS_FILE = "entities/names.tsv.xz", "entities/facts.tsv.xz"
TYPES_FILE = "entities/types.tsv.xz"
# A file of named entities is drawn with a probability proportional to the root of its number of sentences, times this.
# Languages are balanced by it; old newspapers, traffic notices and tweets count less, the sets of Universal NER more.
NAME_FILES: Dict[str, float] = {
    "da-uner_ddt.train.iob2": 1.4,
    "de-germeval.dev.iob2": 1.0,
    "de-germeval.test.iob2": 1.0,
    "de-mobie.train.iob2": 0.25,
    "de-europeana-lft.train.iob2": 0.2,
    "en-btc.train.iob2": 0.6,
    "en-wikigold.train.iob2": 1.5,
    "en-wnut17.train.iob2": 1.0,
    "en-uner_ewt.dev.iob2": 2.1,
    "et-estner.dev.iob2": 1.0,
    "fi-turku.train.iob2": 1.0,
    "fr-europeana-bnf.train.iob2": 0.5,
    "hi-hiner.dev.iob2": 0.8,
    "hr-uner_set.train.iob2": 1.54,
    "hu-nerkor.train.iob2": 1.0,
    "id-idner.train.iob2": 1.0,
    "ja-gsd.train.iob2": 1.4,
    "ja-stockmark.train.iob2": 1.4,
    "kk-kaznerd.dev.iob2": 1.0,
    "ko-klue.dev.iob2": 0.8,
    "nl-europeana-kb.train.iob2": 0.5,
    "pt-uner_bosque.train.iob2": 1.68,
    "ro-ronec.test.iob2": 0.7,
    "ru-factrueval.test.iob2": 1.0,
    "sk-uner_snk.train.iob2": 1.4,
    "sr-uner_set.train.iob2": 1.4,
    "sv-uner_talbanken.train.iob2": 1.4,
    "sv-webbnyheter.train.iob2": 1.0,
    "th-thainer.train.iob2": 1.0,
    "tr-wikiner.train.iob2": 1.0,
    "zh-uner_gsd.train.iob2": 1.96,
    "zh-uner_gsdsimp.train.iob2": 2.55,
}
# Documents with relations, whose entities are learned as named entities, too.
DOCUMENTS_FILE = "en-redocred.dev.docs.jsonl"
DOCUMENTS_WEIGHT = 2.0
# Sentences with relations are drawn with these weights; a document counts as DOCUMENT_SENTENCES sentences.
RELATION_FILES: Dict[str, float] = {
    "en-fewrel.val.jsonl": 1.6,
    "en-fewrel80.lower.jsonl": 1.3,
    "en-knowledgenet.train.jsonl": 0.8,
    "de-fewrelde.train.jsonl": 0.25,
    DOCUMENTS_FILE: 0.9,
}
DOCUMENT_SENTENCES = 8
# Sentences made of facts, and how many of the other cased sentences are joined with another one of their file.
FACT_SENTENCES_WEIGHT, JOINED = 2.0, 0.35
# A file of questions is drawn with a probability proportional to its number of questions, times this.
QUESTION_FILES: Dict[str, float] = {
    "en-squadshifts_wiki.test.json": 2.0,
    "en-qamr.dev.json": 0.4,
    "en-afriqa.train.json": 0.7,
    "en-afriqa.dev.json": 0.5,
    "fr-afriqa.train.json": 1.0,
    "fr-afriqa.dev.json": 0.5,
    "ar-arcd.train.json": 1.5,
    "he-heq.dev.json": 0.8,
    "ja-jaquad.train.json": 0.12,
    "nb-norquad.train.json": 0.8,
    "th-iapp.train.json": 0.3,
    "zh-cmrc2018.dev.json": 0.8,
    "zh-cmrc2018.trial.json": 0.8,
    "zh-drcd.dev.json": 0.6,
}
# Files of which only a part is trained on: the number of questions. The rest is held out.
QUESTIONS_TO_TRAIN_ON: Dict[str, int] = {"en-squadshifts_wiki.test.json": 7300}
PROPERTIES_FILE = "properties.tsv"  # English names of the relations
TRAINING_FILES = (
    *(f"{NAMES}/{file}" for file in NAME_FILES),
    *(f"{RELATIONS}/{file}" for file in RELATION_FILES),
    f"{RELATIONS}/{PROPERTIES_FILE}",
    NAMES_FILE,
    FACTS_FILE,
    TYPES_FILE,
    *(f"{QUESTIONS}/{file}" for file in QUESTION_FILES),
)


class DataFolder:
    """A folder of corpora. It refuses files that are not listed, and records the files that are read.

    root (Path): The folder, with ner, relations and qa in it.
    files (Collection[str]): Names of the files that may be read, relative to the folder.
    """

    def __init__(self, root: Path, files: Collection[str] = TRAINING_FILES):
        self.root = root
        self.files = frozenset(files)
        self._read: Dict[str, None] = {}

    def path(self, name: str) -> Path:
        """Return the path of a file that will be read.

        name (str): Its name, relative to the folder.
        RETURNS (Path): The path.
        RAISES (ValueError): If the file is not listed, or missing.
        """
        if name not in self.files:
            raise ValueError(f"'{name}' is not one of the listed files. Evaluation data is never trained on.")
        if not (self.root / name).is_file():
            raise ValueError(f"'{self.root / name}' is missing. manifest.json of the project says where it is from.")
        self._read[name] = None
        return self.root / name

    @property
    def files_read(self) -> List[str]:
        """Names of the files that were read, in the order of their first reading."""
        return list(self._read)
