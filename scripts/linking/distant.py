"""Mentions whose names mean one entity, in texts that nobody has linked: what `train_similarity.py` learns from."""

from __future__ import annotations

import json
import lzma
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from spacy.tokens import Doc

from scripts.measure_knowledge import read_sentences
from scripts.xx_mluke_small.training_files import DOCUMENTS_FILE, NAME_FILES, QUESTION_FILES
from spacy_mluke.kb.ranking import rank

_SKIPPED = ("mobie", "kaznerd", "btc", "wnut17", "europeana")  # not running text, or of another century
_QUESTIONS = tuple(name for name in QUESTION_FILES if name.startswith(("en-", "fr-", "nb-", "ar-")))
_QUESTIONS_PART = 0.8  # of the paragraphs of a file: a part of one of the files is for evaluation
_PASSAGES = ".jsonl.xz"
_SHORTEST, _LONGEST = 60, 700  # characters of a text
_PARAGRAPH = 350  # characters after which a document is split at the end of a sentence
_MAX_TEXTS = {"en": 10_000}  # texts with mentions, of each language
_OTHERS = 4000
_LEAST_PRIOR = 0.93  # of an entity among those of its name
_MAX_MENTIONS = 12  # of an entity
_MOST_RANKED = 10
_NAME_LANGUAGES = ("en", "", "de", "fr", "es", "ru", "ja")  # whose names may be shared with namesakes
_MAX_NAMESAKES = 6
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u9fff]")


class Distant(NamedTuple):
    """A mention of an entity."""

    lang: str
    text: str
    start: int  # in characters
    end: int
    qid: str


def read_texts(data: Path, seed: int) -> Dict[str, List[str]]:
    """Return texts by language, in random order: sentences, paragraphs and passages. None is for evaluation.

    data (Path): Folder of ner, text, relations and qa. Of the files for training, those that are there are read.
    seed (int): Seed of the order.
    RETURNS (Dict[str, List[str]]): The texts.
    """
    found: Dict[str, List[str]] = defaultdict(list)
    for path in files(data):
        for lang, text in _read(path):
            if len(text) > _SHORTEST:
                found[lang].append(text[:_LONGEST])
    rng = random.Random(seed)
    return {
        lang: rng.sample(distinct, len(distinct)) for lang, distinct in ((k, sorted(set(v))) for k, v in found.items())
    }


def files(data: Path) -> List[Path]:
    """Return the files that are read.

    data (Path): Folder of ner, text, relations and qa.
    RETURNS (List[Path]): Those that are there.
    """
    names = [data / "ner" / name for name in NAME_FILES if not name.partition("-")[2].startswith(_SKIPPED)]
    names += sorted((data / "text").glob(f"*{_PASSAGES}"))
    names += [data / "relations" / DOCUMENTS_FILE, *(data / "qa" / name for name in _QUESTIONS)]
    return [path for path in names if path.is_file()]


def _read(path: Path) -> Iterator[Tuple[str, str]]:
    """The texts of a file, with their languages."""
    lang = path.name.partition("-")[0]
    if path.suffix == ".iob2":
        for text, _, gold in read_sentences(path, lang):
            if gold:
                yield lang, text
    elif path.name.endswith(_PASSAGES):
        with lzma.open(path, "rt", encoding="utf8") as file:
            for record in map(json.loads, file):
                yield record["lang"], " ".join(record["text"].split())
    elif path.name == DOCUMENTS_FILE:
        for line in path.read_text(encoding="utf8").splitlines():
            for paragraph in _paragraphs(json.loads(line)["text"]):
                yield lang, paragraph
    else:
        articles = json.loads(path.read_text(encoding="utf8"))["data"]
        contexts = [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]
        for context in contexts[: int(_QUESTIONS_PART * len(contexts))]:
            yield lang, " ".join(context.split())


def _paragraphs(text: str) -> Iterator[str]:
    current = ""
    for sentence in re.split(r"(?<=[.!?]) ", text):
        current = f"{current} {sentence}".strip()
        if len(current) > _PARAGRAPH:
            yield current
            current = ""


def find_mentions(nlp: Any, linker: Any, texts: Dict[str, List[str]]) -> List[Distant]:
    """Return the mentions of texts that mean one entity: by a name that no other well-known entity has.

    nlp (Language): Tokenizes.
    linker (MaskedEntityLinker): Has the knowledge base.
    texts (Dict[str, List[str]]): Texts by language.
    RETURNS (List[Distant]): The mentions.
    """
    found: List[Distant] = []
    counts: Counter = Counter()
    for lang, own in texts.items():
        linker.candidates.lang = lang
        n_texts = 0
        for text in own:
            if n_texts >= _MAX_TEXTS.get(lang, _OTHERS):
                break
            mentions = [each for each in _find(linker, lang, nlp.make_doc(text)) if counts[each.qid] < _MAX_MENTIONS]
            counts.update(each.qid for each in mentions)
            found += mentions
            n_texts += bool(mentions)
    return found


def _find(linker: Any, lang: str, doc: Doc) -> Iterator[Distant]:
    bounds = linker._finders(lang).find_longest(doc.text)
    spans = [span for span in (doc.char_span(*own) for own in bounds) if span is not None and _is_long(span.text)]
    for span, matches in zip(spans, linker.candidates(spans) if spans else (), strict=True):
        candidates = rank(matches[:_MOST_RANKED], "X").matches
        best = candidates[0] if candidates else None
        if best is None or (len(candidates) > 1 and best.prior < _LEAST_PRIOR):
            continue
        # People by one word are often namesakes that the knowledge base lacks.
        is_part = best.type == "PER" and len(span.text.split()) < 2 and not _UNSPACED.search(span.text)
        if not is_part and span.text in {own.name for own in linker.candidates.get(best.id).names}:
            yield Distant(lang, doc.text, span.start_char, span.end_char, best.id)


def _is_long(name: str) -> bool:
    return len(name) > 2 and not name.islower()


def namesakes(store: Any, qid: str) -> List[str]:
    """Return the entities that share most names with an entity.

    store (EntityStore): The knowledge base.
    qid (str): The entity.
    RETURNS (List[str]): At most six ids.
    """
    counts: Counter = Counter()
    for name in sorted({own.name for own in store.get(qid).names if own.lang in _NAME_LANGUAGES}):
        for match in store.candidates(name, None)[:8]:
            if match.id != qid:
                counts[match.id] += match.prior
    return [own for own, _ in counts.most_common(_MAX_NAMESAKES)]
