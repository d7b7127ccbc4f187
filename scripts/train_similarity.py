"""Train how `mluke_linker` compares a text with descriptions of entities, for the bundled knowledge base.

python scripts/train_similarity.py DATA OUT finds names that mean one entity, in texts of DATA (ner, text, relations,
qa), and trains two projections: of the states of `mluke-small` around such a mention, and of those of descriptions. The
text must be nearer to the description of its entity than to those of entities that share a name with it. It writes
space.json, which scripts/train_reranker.py reads, and figures.json to OUT.

A fifth of the entities is held out, for the figures.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy
import typer
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.linking.distant import Distant, files, find_mentions, namesakes, read_texts
from scripts.linking.gold import bucket
from scripts.linking.pipelines import add_linker
from scripts.linking.projections import Item, Options, accuracy, fit_projections
from scripts.xx_mluke_small.examples import make_blank
from spacy_mluke.encoder.passage import read_texts as read_states
from spacy_mluke.kb.projections import DISTANCES
from spacy_mluke.pipeline.linker.similarity import piece_distances, whole_texts
from spacy_mluke.types import Floats2d, PassageStates

DATA = typer.Argument(..., help="Folder of ner, text, relations and qa", exists=True, file_okay=False)
OUT = typer.Argument(..., help="Folder to write")
N = typer.Option(24_000, help="Maximum number of mentions")
SEED = typer.Option(0, help="Seed of the sampling and of the training")

_MAX_OF_ENTITY, _MAX_OF_TEXT = 6, 4  # mentions
_MAX_NAMESAKES = 4
_AROUND = 300  # characters on each side of a mention that are read
_BATCH = 64
_HELD_OUT = (0, 1)  # of ten parts
_FEW, _N_WHOLE = 50, 100  # a language with fewer mentions also has the mean of so many whole texts


def main(data: Path = DATA, out: Path = OUT, n: int = N, seed: int = SEED) -> None:
    """Train and measure them."""
    nlp = make_blank()
    linker = add_linker(nlp)
    linker.load()
    texts = read_texts(data, seed)
    mentions = choose(find_mentions(nlp, linker, texts), n, seed)
    items = encode(nlp, linker, mentions)
    train = [item for item in items if bucket(item.qid) not in _HELD_OUT]
    test = [item for item in items if bucket(item.qid) in _HELD_OUT]
    counts = Counter(item.lang for item in items)
    further = whole_texts_of(nlp, linker, {lang: own for lang, own in texts.items() if counts[lang] < _FEW})
    space = fit_projections(train, Options(seed=seed), further)
    figures = {
        "files": [str(path.relative_to(data)) for path in files(data)],
        "mentions": len(items),
        "entities": len({item.qid for item in items}),
        "languages": dict(counts),
        "held out": len(test),
        "accuracy among namesakes, held out": {
            "cosine": accuracy(test, space.plain),
            "projected": accuracy(test, space),
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "space.json").write_text(json.dumps(space.to_json()) + "\n", encoding="utf8")
    (out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf8")
    msg.good(f"{out}", json.dumps(figures, indent=1))


def whole_texts_of(nlp: Any, linker: Any, texts: Dict[str, List[str]]) -> Dict[str, Floats2d]:
    """Return the mean states of some texts of each language, for those with few mentions."""
    found = {}
    for lang, own in texts.items():
        docs = [nlp.make_doc(text) for text in own[:_N_WHOLE]]
        found[lang] = linker._similarity.texts(docs, whole_texts(docs))
    return found


def choose(mentions: Sequence[Distant], n: int, seed: int) -> List[Distant]:
    """Return some mentions, few of each entity and text."""
    of_entity: Counter = Counter()
    of_text: Counter = Counter()
    found: List[Distant] = []
    for mention in random.Random(seed).sample(list(mentions), len(mentions)):
        if of_entity[mention.qid] < _MAX_OF_ENTITY and of_text[mention.text] < _MAX_OF_TEXT and len(found) < n:
            of_entity[mention.qid] += 1
            of_text[mention.text] += 1
            found.append(mention)
    return found


def encode(nlp: Any, linker: Any, mentions: Sequence[Distant]) -> List[Item]:
    """Compute the states around mentions, and vectors of the descriptions of their entities and namesakes."""
    source = linker.candidates
    known = {qid: namesakes(source.store, qid)[:_MAX_NAMESAKES] for qid in {mention.qid for mention in mentions}}
    texts = [mention.text[max(0, mention.start - _AROUND) : mention.end + _AROUND] for mention in mentions]
    around = states_around(nlp, linker, texts, mentions)
    found = []
    for mention, (sums, counts) in zip(mentions, around, strict=True):
        entities = [source.get(qid) for qid in (mention.qid, *known[mention.qid])]
        described = linker._evidence.describe(entities, "en", source.classes, source.descriptions)
        vectors = linker._similarity.descriptions(described)
        found.append(Item(mention.lang, mention.qid, sums, counts, vectors))
    return found


def states_around(nlp: Any, linker: Any, texts: Sequence[str], mentions: Sequence[Distant]) -> List[Tuple[Any, Any]]:
    """Return the sums of the states around each mention by distance, and the numbers of wordpieces."""
    places: Dict[str, List[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        places[text].append(i)
    found: List[Any] = [None] * len(texts)
    distinct = sorted(places, key=len)
    for first in range(0, len(distinct), _BATCH):
        docs = [nlp.make_doc(text) for text in distinct[first : first + _BATCH]]
        for doc, states in zip(docs, read_states(linker.model.get_ref("encoder"), docs), strict=True):
            for i in places[doc.text]:
                start = mentions[i].start - max(0, mentions[i].start - _AROUND)
                end = start + mentions[i].end - mentions[i].start
                span = doc.char_span(start, end, alignment_mode="expand")
                found[i] = sums_by_distance(states, span.start, span.end)
    return found


def sums_by_distance(states: PassageStates, start: int, end: int) -> Tuple[Any, Any]:
    """Return the sums of the states of wordpieces around a mention.

    states (PassageStates): The states of a text.
    start (int): First token of the mention.
    end (int): Its end.
    RETURNS (Tuple[Floats2d, Floats1d]): Sums and numbers of wordpieces for each of `DISTANCES`. Shapes: (7, width),
        (7,).
    """
    distances = piece_distances(states, start, end)
    rows = numpy.flatnonzero((distances > 0) & (distances <= DISTANCES[-1]))
    places = numpy.searchsorted(DISTANCES, distances[rows])
    sums = numpy.zeros((len(DISTANCES), states.piece_states.shape[1]), dtype="float32")
    numpy.add.at(sums, places, states.piece_states[rows])
    return sums.astype("float16"), numpy.bincount(places, minlength=len(DISTANCES)).astype("float32")


if __name__ == "__main__":
    typer.run(main)
