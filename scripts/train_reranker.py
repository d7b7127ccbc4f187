"""Train the re-ranker of `mluke_linker` for the bundled knowledge base, and measure what each feature brings.

python scripts/train_reranker.py DATA OUT reads the linked mentions of DATA/relations (FewRel and KnowledgeNet), and
compares texts and descriptions in the space that scripts/train_similarity.py has written (--space), or else in that of
the package. It writes weights.json, which is the package's spacy_mluke/assets/reranker/weights.json, and figures.json
to OUT.

A tenth of the sentences and of the entities is for the final figures, two tenths are to choose features and the NIL
threshold by, the others are for training.
"""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path
from typing import Any, Collection, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
import spacy
import typer
from spacy.tokens import Doc, Span
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.linking import nil
from scripts.linking.gold import CORPORA, DEVELOPMENT, TEST, TRAIN, UNKNOWN, Gold, part_of, read_corpus, sample
from scripts.linking.gold import make_docs as make_gold_docs
from scripts.linking.pipelines import add_linker
from spacy_mluke.kb.affixes import bare_name
from spacy_mluke.kb.nil import first_names_of
from spacy_mluke.kb.ranking import Ranking, agreement, rank
from spacy_mluke.kb.reranker import (
    FEATURES,
    Item,
    Reranker,
    bundled_reranker,
    fit_reranker,
    fit_weights,
    open_candidates,
)
from spacy_mluke.kb.vector_space import VectorSpace
from spacy_mluke.pipeline.linker.questions import Question
from spacy_mluke.pipeline.linker.similarity import similarities
from spacy_mluke.types import Floats2d

DATA = typer.Argument(..., help="Folder of relations and ner", exists=True, file_okay=False)
OUT = typer.Argument(..., help="Folder to write")
N = typer.Option(3000, help="Maximum number of sentences of each corpus; 0 for all")
SPACE = typer.Option(
    None, help="File of train_similarity.py; default: that of the package", exists=True, dir_okay=False
)
LOST = typer.Option(1.5, help="Points of accuracy that the NIL threshold may cost, on development data")
SEED = typer.Option(0, help="Seed of the sampling and of the labels")

_LABELS = ("PER", "ORG", "LOC", "WORK", "EVENT", "OTHER")
# Mentions are labelled as by a recognizer: some of them not at all, the others with this accuracy. `xx_mluke_small` has
# the right type for 96 % of the names whose bounds it finds (1,707 names of five development sets).
_LABEL_RATE, _LABEL_ACCURACY = 0.75, 0.94
NONE, MIXED, RIGHT = MODES = ("no labels", "some labels", "right labels")
# How much a mention counts whose entity is not the candidate with the highest prior: on running text they are few.
_PRIOR_WRONG = 1.75
_MAX_RANKED = 10  # candidates that the re-ranker compares


class Mention(NamedTuple):
    """A gold mention, with the features of its candidates."""

    part: str
    corpus: str
    ent: Span
    gold: Gold
    ranking: Ranking
    is_known: bool  # whether the store has its entity
    features: Floats2d  # columns FEATURES, for a mention without a label; of a single candidate, all are 0

    @property
    def place(self) -> int:
        """The index of its entity among its candidates; -1 if it is none of them."""
        ids = [match.id for match in self.ranking.matches]
        return ids.index(self.gold.qid) if self.gold.qid in ids else -1

    def label(self, mode: str, rng: random.Random) -> str:
        """Return the label that a recognizer might give to the mention."""
        kind = self.ranking.matches[self.place].type if self.place >= 0 else self.gold.kind
        if mode == NONE or (mode == MIXED and rng.random() >= _LABEL_RATE):
            return UNKNOWN
        return kind if mode == RIGHT or rng.random() < _LABEL_ACCURACY else rng.choice(_LABELS)

    def labelled(self, label: str) -> Floats2d:
        """Return the features of the candidates of the mention with a label."""
        found = self.features.copy()
        found[:, 1] = [math.log(agreement(label, match.type)) for match in self.ranking.matches]
        return found


def main(
    data: Path = DATA,
    out: Path = OUT,
    n: int = N,
    space: Optional[Path] = SPACE,
    lost: float = LOST,
    seed: int = SEED,
) -> None:
    """Train and measure it."""
    nlp = spacy.blank("en")
    linker = add_linker(nlp, nil=0.0)
    corpora = [(name, sample(read_corpus(data / "relations" / f"{name}.jsonl"), n, seed)) for name in CORPORA]
    linker.load()
    vectors = read_space(space)
    mentions = compute(nlp, linker, corpora, vectors)
    items = {part: ranked(mentions, part, MIXED, seed) for part in (TRAIN, DEVELOPMENT, TEST)}
    first_names = first_names_of(linker.candidates.entities())
    found = fit([item for mode in MODES for item in ranked(mentions, TRAIN, mode, seed)], vectors, first_names)
    cases = {mode: judge(linker, found, mentions, mode, seed) for mode in MODES}
    weights = nil.fit([case for own in cases.values() for case in own if case.part == TRAIN])
    parts = {mode: [[c for c in own if c.part == part] for part in (DEVELOPMENT, TEST)] for mode, own in cases.items()}
    threshold = nil.threshold_for(weights, parts[MIXED][0], lost)
    figures = {
        "mentions": {part: len(own) for part, own in items.items()},
        "seed": seed,
        "ablation": {part: ablate(items[TRAIN], items[part]) for part in (DEVELOPMENT, TEST)},
        "NIL": {
            mode: {
                "default": {
                    DEVELOPMENT: nil.measure(weights, dev, threshold),
                    TEST: nil.measure(weights, test, threshold),
                },
                "curve": nil.curve(weights, parts[MIXED][0], test),
            }
            for mode, (dev, test) in parts.items()
        },
    }
    weights["constant"] -= threshold
    # What ships is fitted on the development part, too.
    known = [i for mode in MODES for part in (TRAIN, DEVELOPMENT) for i in ranked(mentions, part, mode, seed)]
    found = fit(known, vectors, first_names)
    found.nil = {name: round(weight, 4) for name, weight in weights.items()}
    out.mkdir(parents=True, exist_ok=True)
    found.to_disk(out / "weights.json")
    (out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf8")
    msg.good(f"{out}", json.dumps(figures, indent=1))


def read_space(path: Optional[Path]) -> VectorSpace:
    """Return the space of a file, or that of the package's re-ranker."""
    if path is not None:
        return VectorSpace.from_json(json.loads(path.read_text(encoding="utf8")))
    space = bundled_reranker().space
    assert space is not None
    return space


def compute(nlp: Any, linker: Any, corpora: Sequence[Tuple[str, Any]], space: VectorSpace) -> List[Mention]:
    """Compute the features of all gold mentions that have candidates."""
    docs: List[Doc] = []
    found: List[Mention] = []
    questions: List[Question] = []
    for name, sentences in corpora:
        for doc, sentence in zip(make_gold_docs(nlp, sentences, _no_label), sentences, strict=True):
            golds = {(gold.start, gold.end): gold for gold in sentence.golds}
            for ent, matches in zip(doc.ents, linker.candidates(list(doc.ents)) if doc.ents else (), strict=True):
                gold = golds[ent.start_char, ent.end_char]
                ranking = rank(matches[:_MAX_RANKED], UNKNOWN)
                features = numpy.zeros((len(ranking.matches), len(FEATURES)))
                is_known = linker.candidates.get(gold.qid) is not None
                found.append(Mention(part_of(doc.text, gold), name, ent, gold, ranking, is_known, features))
                if len(ranking.matches) > 1:
                    questions.append(Question(len(docs), ent, ranking))
            docs.append(doc)
    base = iter(linker.fact_features(docs, questions))
    msg.info(f"{len(found)} mentions, {len(questions)} of them with several candidates")
    around, described = linker.vectors(docs, questions, space.projections)
    open_ = [mention for mention in found if len(mention.ranking.matches) > 1]
    for mention, vector, descriptions in zip(open_, around, described, strict=True):
        mention.features[:, :-1] = next(base)
        mention.features[:, -1:] = similarities(space, vector, "en", descriptions)
    return found


def fit(items: Sequence[Item], space: VectorSpace, first_names: Collection[str]) -> Reranker:
    """Train the re-ranker."""
    importance = [1.0 if own[:, 0].argmax() == gold else _PRIOR_WRONG for own, gold in items]
    found = fit_reranker(items, "mluke-small", space, importance=importance)
    found.first_names = frozenset(first_names)
    return found


def ranked(mentions: Sequence[Mention], part: str, mode: str, seed: int) -> List[Item]:
    """Return the mentions of a part whose entity is one of several candidates."""
    rng = random.Random(seed)
    used = [mention for mention in mentions if mention.place >= 0 and len(mention.ranking.matches) > 1]
    items = [(mention.part, (mention.labelled(mention.label(mode, rng)), mention.place)) for mention in used]
    return [item for own, item in items if own == part]


def judge(linker: Any, reranker: Reranker, mentions: Sequence[Mention], mode: str, seed: int) -> List[nil.Case]:
    """Return the best candidates of mentions, with and without their entity."""
    rng = random.Random(seed)
    found = []
    for mention in mentions:
        label, gold = mention.label(mode, rng), mention.place
        features, matches = mention.labelled(label), mention.ranking.matches
        everything = list(range(len(matches)))
        if gold >= 0:
            runs = [(nil.IN_BASE, everything), (nil.REMOVED, [i for i in everything if i != gold])]
        elif mention.gold.qid:
            runs = [(nil.IN_BASE if mention.is_known else nil.OUT_OF_BASE, everything)]
        else:
            runs = [(nil.UNLINKED, everything)]
        for kind, kept in runs:
            if not kept:
                found.append(nil.Case(mention.part, mention.corpus, kind, None, False))
                continue
            probabilities = reranker.probabilities(features[kept][:, :-1])
            rows = open_candidates(probabilities)
            if len(rows):
                probabilities = reranker.compared(probabilities, rows, features[kept][rows])
            place = int(probabilities.argmax())
            best = matches[kept[place]]._replace(prior=float(probabilities[place]))
            others = [matches[i] for i in kept if i != kept[place]]
            text, all_ranked = bare_name(mention.ent.text), [best, *others]
            own = linker._evidence.nil_features(text, label, "en", all_ranked, reranker.first_names)
            found.append(nil.Case(mention.part, mention.corpus, kind, own, kept[place] == gold))
    return found


def _no_label(gold: Gold) -> str:
    return UNKNOWN


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
