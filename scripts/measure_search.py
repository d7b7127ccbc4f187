"""Measure search in annotated corpora: how often the same entity is found in other languages, time and memory.

    python scripts/measure_search.py recall DATA/relx_distant PIPELINE

annotates the sentences of RELX-Distant (two gold entities each, with QIDs) and searches for each mention, without its
gold id, among the mentions in other languages: by vectors, by the links that the pipeline predicts, by both, and by the
mention's text. PIPELINE has `mluke` and a linker, and finds no entities itself:

    nlp = spacy_mluke.load("mluke-small", store="knowledge")
    nlp.remove_pipe("mluke_mentions")
    spacy_mluke.save(nlp, PIPELINE)

    python scripts/measure_search.py speed --mentions 1000000

builds an index of random vectors, and measures building and searching in processor time.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Set, Tuple

import numpy
import spacy
import typer
from spacy.language import Language
from spacy.tokens import DocBin
from wasabi import msg

from spacy_mluke import EntityHit, EntityIndex
from spacy_mluke.search import build
from spacy_mluke.search.corpus import Block, Mention

app = typer.Typer(add_completion=False)
RELX = typer.Argument(..., help="Folder of RELX-Distant", exists=True, file_okay=False)
PIPELINE = typer.Argument(..., help="Directory of a pipeline that encodes and links given entities")
MENTIONS = typer.Option(1_000_000, "--mentions", help="Number of mentions")
WIDTH = typer.Option(384, "--width", help="Width of vectors")
QUERIES = typer.Option(5, "--queries", help="Number of queries")
LANGUAGES = ("en", "de", "es", "fr")
LIMIT = 10
_BLOCK = 256


class Gold(NamedTuple):
    """A mention with its gold entity."""

    lang: str
    qid: str
    text: str
    vector: numpy.ndarray
    predicted: str  # id, "" without a link


@app.command()
def recall(relx: Path = RELX, pipeline: Path = PIPELINE) -> None:
    """Measure how often the same entity is found in other languages."""
    nlp = spacy.load(pipeline)
    docs, golds = annotate(nlp, relx)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.spacy"
        DocBin(docs=docs, store_user_data=True).to_disk(path)
        index = EntityIndex.build(path)
    langs: Dict[str, Set[str]] = defaultdict(set)
    for gold in golds.values():
        langs[gold.qid].add(gold.lang)
    queries = [gold for gold in golds.values() if len(langs[gold.qid]) > 1]
    counts: Dict[Tuple[str, str], int] = defaultdict(int)
    for gold in golds.values():
        counts[gold.qid, gold.lang] += 1
    searches: Dict[str, Callable[[Gold, List[str]], List[EntityHit]]] = {
        "vectors": lambda gold, others: index.nearest(gold.vector, langs=others, limit=LIMIT),
        "predicted links": lambda gold, others: index.find(gold.predicted, langs=others, limit=LIMIT),
        "links, then vectors": lambda gold, others: index.nearest(
            gold.vector, kb_id=gold.predicted, langs=others, limit=LIMIT
        ),
    }
    rows = [("same text", *score_texts(queries, list(golds.values()), counts))]
    for name, search in searches.items():
        found = []
        for gold in queries:
            hits = search(gold, [lang for lang in LANGUAGES if lang != gold.lang])
            right = [golds[hit.doc_id, hit.start].qid == gold.qid for hit in hits]
            found.append((right, n_elsewhere(gold, counts)))
        rows.append((name, *means(found)))
    linked = sum(bool(gold.predicted) for gold in golds.values()) / len(golds)
    msg.info(f"{len(golds)} mentions, {linked:.1%} of them linked; {len(queries)} queries")
    msg.table(rows, header=("searched by", "hit@1", "hit@10", "recall@10"), divider=True)


def annotate(nlp: Language, relx: Path) -> Tuple[List[Any], Dict[Tuple[str, int], Gold]]:
    """Annotate the gold mentions of the sentences, whose gold ids the pipeline does not see. Mentions by document and
    first character."""
    docs: List[Any] = []
    golds: Dict[Tuple[str, int], Gold] = {}
    for lang in LANGUAGES:
        rows = json.loads((relx / f"RELX_distant_{lang}.json").read_text(encoding="utf8"))
        for number, row in enumerate(rows):
            doc = nlp.make_doc(row["sentence"])
            bounds = [(*row[f"entity{i}_indices"], row[f"entity{i}"]) for i in (1, 2)]
            spans = [(doc.char_span(s, e, label="ENTITY", alignment_mode="expand"), qid) for s, e, qid in bounds]
            kept = [(span, qid) for span, qid in spans if span is not None]
            if len(kept) == 2 and max(span.start for span, _ in kept) < min(span.end for span, _ in kept):
                continue  # they overlap
            doc.ents = [span for span, _ in kept]
            for _, pipe in nlp.pipeline:
                doc = pipe(doc)
            doc.user_data.update({"id": f"{lang}-{number}", "meta": {"lang": lang}})
            docs.append(doc)
            qids = {(span.start, span.end): qid for span, qid in kept}
            for ent in doc.ents:
                kb_id = "" if ent.kb_id_ == "NIL" else ent.kb_id_
                qid = qids[ent.start, ent.end]
                golds[f"{lang}-{number}", ent.start_char] = Gold(lang, qid, ent.text.lower(), ent._.mluke_vector, kb_id)
    return docs, golds


def n_elsewhere(gold: Gold, counts: Dict[Tuple[str, str], int]) -> int:
    """Number of mentions of an entity in other languages."""
    return sum(counts[gold.qid, lang] for lang in LANGUAGES if lang != gold.lang)


def score_texts(queries: List[Gold], golds: List[Gold], counts: Dict[Tuple[str, str], int]) -> Tuple[str, str, str]:
    """Scores of a search for mentions with the same text in any case."""
    found = []
    for gold in queries:
        same = [one.qid == gold.qid for one in golds if one.lang != gold.lang and one.text == gold.text]
        found.append((same[:LIMIT], n_elsewhere(gold, counts)))
    return means(found)


def means(found: List[Tuple[List[bool], int]]) -> Tuple[str, str, str]:
    """Mean of hit@1, hit@10 and recall@10 over queries."""
    first = [bool(right[:1]) and right[0] for right, _ in found]
    ratios = [sum(right) / min(LIMIT, n) for right, n in found]
    values = (numpy.mean(first), numpy.mean([any(right) for right, _ in found]), numpy.mean(ratios))
    return (f"{values[0]:.3f}", f"{values[1]:.3f}", f"{values[2]:.3f}")


@app.command()
def speed(mentions: int = MENTIONS, width: int = WIDTH, queries: int = QUERIES) -> None:
    """Measure time and memory of building and searching."""
    random = numpy.random.default_rng(0)
    rows: List[Tuple[str, str]] = []

    def blocks(path: Path, **_: Any) -> Iterator[Block]:
        for start in range(0, mentions, _BLOCK):
            n = min(_BLOCK, mentions - start)
            docs = [(f"d{start + i}", ("de", "ja")[i % 2], f"Text {start + i} of Tokyo.") for i in range(n)]
            own = [Mention(i, 0, 4, ("LOC", "city"), f"Q{(start + i) % 50_000}", 0.5, 0.5) for i in range(n)]
            yield Block(docs, own, random.standard_normal((n, width), dtype="float32"), width)

    def timed(name: str, action: Callable[[], Any], times: int = 1) -> Any:
        started = time.process_time()
        for _ in range(times):
            found = action()
        rows.append((name, f"{(time.process_time() - started) / times:.2f} s"))
        return found

    with tempfile.TemporaryDirectory() as folder:
        original, build.read_blocks = build.read_blocks, blocks
        corpus = Path(folder) / "corpus.parquet"
        corpus.touch()
        index = timed("build", lambda: EntityIndex.build(corpus, Path(folder) / "index"))
        build.read_blocks = original
        size = sum(path.stat().st_size for path in index.path.iterdir())
        query = random.standard_normal(width, dtype="float32")
        index.nearest(query)
        timed("nearest", lambda: index.nearest(query), queries)
        timed("nearest in one language", lambda: index.nearest(query, langs=["ja"]), queries)
        timed("find an id", lambda: index.find("Q7"), queries)
    rows.append(("size of the index", f"{size / 1e6:,.0f} MB"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(("peak memory, with mapped pages", f"{peak:,.0f} MB"))
    msg.table(rows)


if __name__ == "__main__":
    app()
