"""Measure a knowledge base without an encoder: mentions found in text, and links by priors, types and facts alone.

python scripts/measure_knowledge.py DATA --store knowledge reads DATA/ner and DATA/relations, and prints:
- time and memory that opening the store and the index of its names take;
- false links: mentions that are inside no gold name, per 1,000 words of 2,000 sentences; and words per second;
- links of FewRel's and KnowledgeNet's gold mentions: how many gold entities the store has, and of these, how many are
  the most likely candidate.
"""

from __future__ import annotations

import json
import random
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import typer
from wasabi import msg

from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.finders import Finders
from spacy_mluke.kb.ranking import likely, rank

DATA = typer.Argument(..., help="Folder of ner and relations", exists=True, file_okay=False)
STORE = typer.Option("knowledge", help="A bundled store's name, or a store's file")
N = typer.Option(2000, help="Sentences, and mentions of each corpus")
LANGUAGE = typer.Option("own", help="Names that are searched: 'own' (of the sentence's language) or 'xx' (all)")
OUTPUT = typer.Option(Path("out/knowledge.json"), help="Where to write the figures")

_NAMES = {"PER", "ORG", "LOC", "MISC", "PRODUCT", "WORK", "EVENT", "NORP", "LANGUAGE", "LAW", "TITLE"}
_SKIPPED = ("mobie", "kaznerd")  # sources without common names
_UNSPACED = {"ja", "ko", "th", "zh"}
Sentence = Tuple[str, int, List[Tuple[int, int]]]  # text, number of words, bounds of gold names


def main(data: Path = DATA, store: str = STORE, n: int = N, language: str = LANGUAGE, output: Path = OUTPUT) -> None:
    """Measure it."""
    start, before = time.perf_counter(), memory()
    source = StoreCandidates(store)
    len(source)
    opened = time.perf_counter() - start
    finders = Finders(source, min_length=2, skip_parts=True)
    finders("xx")
    figures: Dict[str, Any] = {
        "seconds to open": round(opened, 1),
        "seconds with the index": round(time.perf_counter() - start, 1),
        "MB": round(memory() - before),
        "entities": len(source),
        "keys": len(finders("xx")),
    }
    figures["mentions"] = measure_mentions(data / "ner", finders, n, language)
    for name in ("en-fewrel.val", "en-knowledgenet.train"):
        figures[name] = measure_links(data / "relations" / f"{name}.jsonl", source, finders, n)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf8")
    msg.good(f"Figures: {output}", json.dumps(figures, indent=1, ensure_ascii=False))


def measure_mentions(folder: Path, finders: Finders, n: int, language: str) -> Dict[str, Any]:
    """Compare the mentions that are found with gold names."""
    by_language = ner_files(folder)
    counts: Counter = Counter()
    false: Counter = Counter()
    seconds = 0.0
    for lang, path in by_language.items():
        sentences = list(read_sentences(path, lang))
        random.Random(0).shuffle(sentences)
        finder = finders("xx" if language == "xx" else lang)
        finder.find_longest("The")  # reads the stop words
        for text, n_words, gold in sentences[: n // len(by_language)]:
            start = time.perf_counter()
            found = finder.find_longest(text)
            seconds += time.perf_counter() - start
            counts.update(words=n_words, gold=len(gold), found=len(found))
            for bounds in found:
                # The end may have the full stop of an abbreviation.
                is_inside = any(first <= bounds.start and bounds.end <= last + 1 for first, last in gold)
                counts["exact"] += (bounds.start, bounds.end) in gold
                if not is_inside:
                    false[f"{lang} {text[bounds.start : bounds.end]}"] += 1
    n_false = sum(false.values())
    return {
        **counts,
        "false": n_false,
        "false per 1,000 words": round(1000 * n_false / counts["words"], 2),
        "words per second": round(counts["words"] / seconds),
        "most frequent": dict(false.most_common(40)),
    }


def ner_files(folder: Path) -> Dict[str, Path]:
    """Return a file of each language that was not trained on.

    folder (Path): The folder of *.iob2.
    RETURNS (Dict[str, Path]): The files, sorted by language.
    """
    found: Dict[str, Path] = {}
    for path in sorted(folder.glob("*.iob2")):
        lang, _, name = path.name.partition("-")
        if not name.startswith(_SKIPPED) and ".train." not in name:
            found.setdefault(lang, path)
    return found


def read_sentences(path: Path, lang: str) -> Iterator[Sentence]:
    """Yield the sentences of a file in the IOB2 format."""
    space = "" if lang in _UNSPACED else " "
    for block in path.read_text(encoding="utf8").split("\n\n"):
        text, n_words = "", 0
        gold: List[Tuple[int, int]] = []
        for line in filter(None, block.split("\n")):
            word, _, tag = line.partition("\t")
            word = word.replace("▁", " ")
            text += space if text else ""
            start, kind = len(text), tag[2:]
            text += word
            n_words += 1
            if kind in _NAMES and tag[0] == "I" and gold:
                gold[-1] = (gold[-1][0], len(text))
            elif kind in _NAMES:
                gold.append((start, len(text)))
        if text:
            yield text, n_words, gold


def measure_links(path: Path, source: StoreCandidates, finders: Finders, n: int) -> Dict[str, Any]:
    """Compare the most likely candidates of gold mentions with their entities."""
    records = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    random.Random(0).shuffle(records)
    counts: Counter = Counter()
    store = source.store
    for record in records[: n // 2]:
        places = finders("en").find_longest(record["text"])
        context = likely([store.candidates(record["text"][a:b], "en") for a, b in places])
        for role in ("head", "tail"):
            qid, name = record[role].get("qid"), record[role]["name"]
            if not qid:
                continue
            counts["gold"] += 1
            matches = store.candidates(name, "en")
            if qid not in store:
                counts["not in the store"] += 1
                counts["not in the store, linked"] += bool(matches)
                continue
            counts["in the store"] += 1
            ids = [match.id for match in matches]
            counts["among the candidates"] += qid in ids
            counts["by prior"] += ids[:1] == [qid]
            counts["by prior and facts"] += [m.id for m in rank(matches, "", context, store.facts).matches[:1]] == [qid]
    return dict(counts)


def memory() -> float:
    """Return the process's peak memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    typer.run(main)
