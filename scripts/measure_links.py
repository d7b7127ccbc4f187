"""Measure the links of `mluke_linker` with the bundled knowledge base on sentences that are linked to Wikidata.

python scripts/measure_links.py DATA reads DATA/relations (FewRel, KnowledgeNet: the held-out tenth of sentences and
entities), DATA/relx_distant (never trained on) and DATA/ner, and prints:
- coverage: how many gold entities the knowledge base has;
- links of gold mentions whose entity is in the base: by the highest prior, and by the linker, without labels and with
  right ones;
- how many mentions are not linked when their entity is hidden from the linker, and what the NIL decision costs;
- end to end, with the ready-made pipeline: how many of these mentions are found, and linked to the right entity; and of
  all gold mentions that are linked, also those whose entity is not in the base, how many are right;
- links inside no gold name, per 1,000 words.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, List, Tuple

import spacy
import typer
from spacy.tokens import Doc, Span
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import spacy_mluke
from scripts.linking.gold import (
    CORPORA,
    RELX,
    TEST,
    UNKNOWN,
    Gold,
    Sentence,
    make_docs,
    part_of,
    read_corpus,
    read_relx,
    sample,
)
from scripts.linking.pipelines import add_linker
from scripts.measure_knowledge import ner_files, read_sentences
from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.matching import Match

DATA = typer.Argument(..., help="Folder of relations, relx_distant and ner", exists=True, file_okay=False)
N = typer.Option(0, help="Maximum number of sentences of each corpus; 0 for all")
N_NER = typer.Option(2000, help="Sentences of data/ner")
ONLY = typer.Option("gold,pipeline,false", help="What is measured")
OUTPUT = typer.Option(Path("out/links.json"), help="Where to write the figures")
NIL = "NIL"
Own = Tuple[str, int]  # a text, and the first character of a mention in it


class HidingCandidates(StoreCandidates):
    """The bundled knowledge base, of which single entities can be hidden from single mentions."""

    hidden: Dict[Own, str]

    def __call__(self, mentions: Any) -> List[List[Match]]:
        found = super().__call__(mentions)
        for i, span in enumerate(mentions):
            entity_id = self.hidden.get((span.doc.text, span.start_char))
            if entity_id:
                kept = [match for match in found[i] if match.id != entity_id]
                total = sum(match.prior for match in kept) or 1.0
                found[i] = [match._replace(prior=match.prior / total) for match in kept]
        return found


def main(data: Path = DATA, n: int = N, n_ner: int = N_NER, only: str = ONLY, output: Path = OUTPUT) -> None:
    """Measure it."""
    figures: Dict[str, Any] = {}
    corpora = read_all(data, n)
    wanted = only.split(",")
    if "gold" in wanted:
        nlp = spacy.blank("xx")
        linker = add_linker(nlp, reranker="auto")
        candidates = HidingCandidates("knowledge")
        candidates.hidden = {}
        linker.set_candidates(candidates)
        for name, sentences in corpora.items():
            figures[name] = measure_gold(nlp, linker, sentences, name in CORPORA)
            write(output, figures)
    if "pipeline" in wanted or "false" in wanted:
        nlp = spacy_mluke.load(store="knowledge", relations=False)
        store = nlp.get_pipe("mluke_linker").candidates.store  # type: ignore[attr-defined]
        for name, sentences in corpora.items() if "pipeline" in wanted else ():
            figures.setdefault(name, {})["end to end"] = measure_pipeline(nlp, store, sentences, name in CORPORA)
            write(output, figures)
        if "false" in wanted:
            figures["false links"] = measure_false(nlp, data / "ner", n_ner)
            write(output, figures)
    msg.good(f"Figures: {output}", json.dumps(figures, indent=1, ensure_ascii=False))


def write(output: Path, figures: Dict[str, Any]) -> None:
    """Write the figures so far."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf8")


def read_all(data: Path, n: int) -> Dict[str, List[Sentence]]:
    """Return the sentences of each corpus that have mentions to measure."""
    found = {}
    for name in CORPORA:
        sentences = read_corpus(data / "relations" / f"{name}.jsonl")
        own = [each for each in sentences if any(part_of(each.text, gold) == TEST for gold in each.golds)]
        found[name] = sample(own, n, 0)
    for lang in RELX:
        found[f"RELX-distant {lang}"] = sample(read_relx(data / "relx_distant", lang), n, 0)
    return found


def measured(sentence: Sentence, *, is_split: bool) -> List[Gold]:
    """Return the mentions of a sentence that count: with a split, those of its test part."""
    return [gold for gold in sentence.golds if not is_split or part_of(sentence.text, gold) == TEST]


# --- gold mentions ---


def measure_gold(nlp: Any, linker: Any, sentences: List[Sentence], is_split: bool) -> Dict[str, Any]:
    """Link gold mentions, with their entity in the base and hidden."""
    source, lang = linker.candidates, sentences[0].lang
    source.lang = lang
    counts: Counter = Counter()
    kinds: Dict[Own, str] = {}
    ids: Dict[Own, str] = {}
    for sentence in sentences:
        for gold in measured(sentence, is_split=is_split):
            counts["gold"] += 1
            counts["with an id"] += bool(gold.qid)
            entity = source.get(gold.qid) if gold.qid else None
            if entity is not None:
                ids[sentence.text, gold.start], kinds[sentence.text, gold.start] = entity.id, entity.type
    counts["in the base"] = len(ids)
    found: Dict[str, Any] = {}
    for name, with_labels in (("no labels", False), ("right labels", True)):
        figures = found[name] = {}
        for run, hidden, nil in (("linked", {}, None), ("linked, nil = 0", {}, 0.0), ("hidden", ids, None)):
            source.hidden = hidden
            default = linker.cfg["nil"]
            linker.cfg["nil"] = default if nil is None else nil
            docs = label_docs(make_docs(nlp, sentences, _no_label), kinds if with_labels else {})
            own = link(linker, docs, ids)
            linker.cfg["nil"] = default
            if run == "hidden":
                figures["not linked if hidden"] = share(own[key].kb_id_ == NIL for key in own)
            else:
                figures[f"right, {run}"] = share(own[key].kb_id_ == ids[key] for key in own)
            if run == "linked":
                counts["measured"] = len(own)
                first = {key: _by_prior(source, span) for key, span in own.items()}
                found["right, by prior"] = share(first[key] == ids[key] for key in own)
    source.hidden = {}
    return {**counts, "gold mentions": found}


def label_docs(docs: List[Doc], kinds: Dict[Own, str]) -> List[Doc]:
    """Set the labels of mentions."""
    for doc in docs:
        doc.ents = [
            Span(doc, ent.start, ent.end, label=kinds.get((doc.text, ent.start_char), UNKNOWN)) for ent in doc.ents
        ]
    return docs


def link(linker: Any, docs: List[Doc], ids: Dict[Own, str]) -> Dict[Own, Span]:
    """Return the linked mentions whose entity is in the base."""
    found: Dict[Own, Span] = {}
    for doc in linker.pipe(docs, batch_size=32):
        found.update({(doc.text, ent.start_char): ent for ent in doc.ents if (doc.text, ent.start_char) in ids})
    return found


# --- end to end ---


def measure_pipeline(nlp: Any, store: Any, sentences: List[Sentence], is_split: bool) -> Dict[str, Any]:
    """Compare what the pipeline finds and links with gold mentions."""
    counts: Counter = Counter()
    for sentence, doc in zip(sentences, nlp.pipe([each.text for each in sentences], batch_size=16), strict=True):
        ents = {(ent.start_char, ent.end_char): ent.kb_id_ for ent in doc.ents}
        for gold in measured(sentence, is_split=is_split):
            entity = store.get(gold.qid) if gold.qid else None
            kind = "in the base" if entity else "out of the base" if gold.qid else "without an id"
            kb_id = ents.get((gold.start, gold.end))
            counts[kind] += 1
            counts[f"{kind}, found"] += kb_id is not None
            counts[f"{kind}, linked"] += kb_id not in (None, "", NIL)
            if entity is not None:
                counts["right"] += kb_id == entity.id
                is_near = any(a < gold.end and gold.start < b for a, b in ents)
                counts["in the base, found with other bounds"] += kb_id is None and is_near
    n_linked = counts["in the base, linked"] + counts["out of the base, linked"]
    return {
        **counts,
        "right of in-base mentions": round(100 * counts["right"] / max(counts["in the base"], 1), 1),
        "right of linked": round(100 * counts["right"] / max(n_linked, 1), 1),
        "right of linked, also without an id": round(
            100 * counts["right"] / max(n_linked + counts["without an id, linked"], 1), 1
        ),
    }


def measure_false(nlp: Any, folder: Path, n: int) -> Dict[str, Any]:
    """Count links that are inside no gold name."""
    files = ner_files(folder)
    counts: Counter = Counter()
    false: Dict[str, Counter] = defaultdict(Counter)
    start = time.process_time()
    for lang, path in files.items():
        sentences = list(read_sentences(path, lang))
        random.Random(0).shuffle(sentences)
        own = sentences[: n // len(files)]
        for (_, n_words, gold), doc in zip(
            own, nlp.pipe([own_text[0] for own_text in own], batch_size=16), strict=True
        ):
            counts.update(sentences=1, words=n_words, gold=len(gold))
            for ent in doc.ents:
                if ent.kb_id_ not in ("", NIL):
                    counts["links"] += 1
                    # The end may have the full stop of an abbreviation.
                    if not any(first <= ent.start_char and ent.end_char <= last + 1 for first, last in gold):
                        false[ent.label_][f"{lang} {ent.text}"] += 1
    n_false = sum(sum(own.values()) for own in false.values())
    return {
        **counts,
        "false": n_false,
        "false per 1,000 words": round(1000 * n_false / counts["words"], 2),
        "by label": {label: sum(own.values()) for label, own in false.items()},
        "CPU seconds": round(time.process_time() - start),
        "examples": [name for own in false.values() for name, _ in own.most_common(12)],
    }


def share(values: Any) -> float:
    """Return a percentage."""
    found = list(values)
    return round(100 * sum(found) / max(len(found), 1), 1)


def _no_label(gold: Gold) -> str:
    return UNKNOWN


def _by_prior(source: Any, span: Span) -> str:
    matches = source([span])[0]
    return matches[0].id if matches else NIL


if __name__ == "__main__":
    typer.run(main)
