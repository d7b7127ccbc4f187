"""Train the re-ranker of `mluke_linker` for the bundled knowledge base, and measure what each feature brings.

python scripts/train_reranker.py DATA OUT reads the linked mentions of DATA/relations (FewRel and KnowledgeNet), and
sentences of DATA/ner for what texts of a language have in common. It writes weights.json and figures.json to OUT. A
tenth of the sentences and a tenth of the entities are held out.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy
import spacy
import typer
from spacy.tokens import Doc, Span
from spacy.training import Example
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.measure_knowledge import read_sentences
from spacy_mluke.kb.reranker import FEATURES, Item, fit_reranker, fit_weights
from spacy_mluke.kb.vector_space import VectorSpace
from spacy_mluke.pipeline.linker.similarity import similarities

DATA = typer.Argument(..., help="Folder of relations and ner", exists=True, file_okay=False)
OUT = typer.Argument(..., help="Folder to write")
N = typer.Option(0, help="Maximum number of sentences; 0 for all")
N_TEXTS = typer.Option(40, help="Sentences of each language, for its mean vector")
SEED = typer.Option(0, help="Seed of the sampling and of the labels")

CORPORA = ("en-fewrel.val", "en-knowledgenet.train")
_LABELS = ("PER", "ORG", "LOC", "WORK", "EVENT", "OTHER")
# Mentions are labelled as by a recognizer: half of them not at all, the others with this accuracy.
_LABEL_RATE, _LABEL_ACCURACY = 0.5, 0.9
_SKIPPED = ("mobie", "kaznerd", "btc", "wnut17", "europeana")  # not running text, or of another century
_MIN_LENGTH = 40  # characters of a sentence
_PRONOUNS = {"he", "she", "it", "his", "her", "its", "they", "their", "who", "which", "that", "where", "him", "this"}


def main(data: Path = DATA, out: Path = OUT, n: int = N, n_texts: int = N_TEXTS, seed: int = SEED) -> None:
    """Train and measure it."""
    nlp, linker = make_linker()
    examples = read_examples(nlp, data / "relations", linker.candidates, seed)
    random.Random(seed).shuffle(examples)
    examples = examples[: n or None]
    texts = read_texts(nlp, data / "ner", n_texts, seed)
    space, items, held_out = compute(linker, examples, texts, out)
    train = [item for item, is_test in zip(items, held_out, strict=True) if not is_test]
    test = [item for item, is_test in zip(items, held_out, strict=True) if is_test]
    fit_reranker(train, "mluke-small", space).to_disk(out / "weights.json")
    figures = {"train": len(train), "held out": len(test), "seed": seed, "ablation": ablate(train, test)}
    (out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf8")
    msg.good(f"{out}", json.dumps(figures, indent=1))


def make_linker() -> Tuple[Any, Any]:
    """Return a pipeline with the linker that is trained."""
    nlp = spacy.blank("en")
    config = {"candidates": {"path": "knowledge"}, "reranker": None, "nil": 0.0}
    return nlp, nlp.add_pipe("mluke_linker", config=config)


def read_examples(nlp: Any, folder: Path, candidates: Any, seed: int) -> List[Example]:
    """Return a document for each sentence that has a mention with several candidates, one of which is the gold one."""
    rng = random.Random(seed)
    spans: Dict[str, Dict[Tuple[int, int], str]] = defaultdict(dict)
    for name in CORPORA:
        for line in (folder / f"{name}.jsonl").read_text(encoding="utf8").splitlines():
            record = json.loads(line)
            for role in ("head", "tail"):
                own = record[role]
                if own.get("qid") and own["name"].lower() not in _PRONOUNS:
                    spans[record["text"]][own["start"], own["end"]] = own["qid"]
    found = []
    for text, golds in spans.items():
        doc = nlp.make_doc(text)
        ents: List[Span] = []
        ids: List[str] = []
        for (start, end), qid in sorted(golds.items()):
            span = doc.char_span(start, end)
            types = {match.id: match.type for own in candidates([span] if span else []) for match in own}
            if span is None or len(types) < 2 or qid not in types or (ents and span.start < ents[-1].end):
                continue
            ents.append(Span(doc, span.start, span.end, label=label_of(types[qid], rng)))
            ids.append(qid)
        if ents:
            doc.ents = ents
            reference = Doc(nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc])
            reference.ents = [
                Span(reference, ent.start, ent.end, label=ent.label_, kb_id=qid)
                for ent, qid in zip(ents, ids, strict=True)
            ]
            found.append(Example(doc, reference))
    return found


def label_of(kind: str, rng: random.Random) -> str:
    """Return the label that a recognizer might give to a mention."""
    if rng.random() >= _LABEL_RATE:
        return "X"
    return kind if rng.random() < _LABEL_ACCURACY else rng.choice(_LABELS)


def read_texts(nlp: Any, folder: Path, n: int, seed: int) -> Dict[str, List[Doc]]:
    """Return sentences of each language but English."""
    found: Dict[str, List[Doc]] = defaultdict(list)
    for path in sorted(folder.glob("*.iob2")):
        lang, _, name = path.name.partition("-")
        if name.startswith(_SKIPPED) or lang == "en" or len(found[lang]) >= n:
            continue
        texts = [text for text, _, gold in read_sentences(path, lang) if gold and len(text) > _MIN_LENGTH]
        for text in random.Random(seed).sample(texts, min(n - len(found[lang]), len(texts))):
            found[lang].append(nlp.make_doc(text))
    return found


def compute(
    linker: Any, examples: Sequence[Example], texts: Dict[str, List[Doc]], out: Path
) -> Tuple[VectorSpace, List[Item], List[bool]]:
    """Compute the features of mentions, and choose those that are held out: by sentence and by entity."""
    linker.load()
    docs = [eg.predicted for eg in examples]
    questions, golds = linker.questions(examples)
    base = linker.fact_features(docs, questions, linker._names(docs))
    msg.info(f"{len(questions)} mentions")
    mentions, descriptions = linker.vectors(docs, questions)
    space = linker.fit_space(docs, questions, mentions, descriptions, texts)
    items, held_out, log = [], [], []
    for i, (question, gold) in enumerate(zip(questions, golds, strict=True)):
        own = similarities(space, mentions[i], "en", descriptions[i])
        items.append((numpy.hstack([base[i], own]), gold))
        ids = [match.id for match in question.ranking.matches]
        held_out.append(is_held_out(docs[question.doc].text) or is_held_out(ids[gold]))
        log.append({"text": docs[question.doc].text, "mention": question.ent.text, "ids": ids, "gold": gold})
    out.mkdir(parents=True, exist_ok=True)
    (out / "space.json").write_text(json.dumps(space.to_json()), encoding="utf8")
    (out / "mentions.json").write_text(json.dumps(log, ensure_ascii=False), encoding="utf8")
    lengths = [len(own) for own in base]
    numpy.savez(
        out / "vectors.npz",
        base=numpy.concatenate(base),
        lengths=lengths,
        golds=golds,
        held_out=held_out,
        mentions=mentions.astype("float16"),
        descriptions=numpy.concatenate(descriptions).astype("float16"),
    )
    return space, items, held_out


def is_held_out(key: str) -> bool:
    """Return whether a sentence or an entity belongs to the held-out tenth."""
    return int(hashlib.sha256(key.encode("utf8")).hexdigest()[:8], 16) % 10 == 0


def ablate(train: Sequence[Item], test: Sequence[Item]) -> Dict[str, Dict[str, float]]:
    """Return the accuracy on held-out mentions of models with some of the features."""
    everything = list(range(len(FEATURES)))
    sets = {"prior": [0], "prior and label": [0, 1]}
    sets.update({f"prior and {FEATURES[i]}": [0, i] for i in everything[2:]})
    sets["without the encoder"] = everything[:-1]
    sets["all"] = everything
    sets.update({f"all but {FEATURES[i]}": [j for j in everything if j != i] for i in everything[1:]})
    found = {}
    for name, columns in sets.items():
        weights = fit_weights([(own[:, columns], gold) for own, gold in train], l2=1.0)
        right = [int((own[:, columns] @ weights).argmax()) == gold for own, gold in test]
        wrong = [value for value, (own, gold) in zip(right, test, strict=True) if own[:, 0].argmax() != gold]
        found[name] = {
            "accuracy": round(float(numpy.mean(right)), 4),
            "prior wrong": round(float(numpy.mean(wrong)), 4),
        }
    return found


if __name__ == "__main__":
    typer.run(main)
