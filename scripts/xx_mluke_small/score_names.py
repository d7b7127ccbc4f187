"""Score named entities: exact bounds and type, over PER, ORG and LOC."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from spacy.language import Language

from scripts.xx_mluke_small.evaluation_sets import NAME_SETS, SMALL_NAME_SETS, WIKINEURAL, WIKINEURAL_SETS
from scripts.xx_mluke_small.scoring import FactPair, choose, count_facts, mean_f, score
from scripts.xx_mluke_small.sentences import NamedText, read_named_texts
from scripts.xx_mluke_small.sources import ALWAYS, language_of
from scripts.xx_mluke_small.training_files import NAMES, DataFolder
from spacy_mluke.report.metrics import micro_f1, precision, recall

METRICS = {"f": micro_f1, "precision": precision, "recall": recall}
# Components that do not change entities.
OTHERS = ("mluke_relations", "mluke_qa", "mluke_cloze", "mluke_linker", "mluke_typing", "mluke")
# Sentences of each set that are scored in other letter case, and the scripts that have case.
N_RECASED = 100
CASES: Dict[str, Callable[[str], str]] = {"as written": str, "lower case": str.lower, "upper case": str.upper}
_WITHOUT_CASE = frozenset({"hi", "ja", "ko", "th", "zh"})


def score_names(
    nlp: Language, data: DataFolder, *, limit: int, wikineural_limit: int, n_samples: int
) -> Dict[str, Any]:
    """Score the named entities of a pipeline.

    nlp (Language): The pipeline.
    data (DataFolder): The evaluation data.
    limit (int): Maximum number of sentences of each set; 0: all.
    wikineural_limit (int): The same, of each language of WikiNEuRal.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): "sets", "wikineural" and "case": scores by name; and the means of F.
    """
    sets: Dict[str, Any] = {}
    recased: List[NamedText] = []
    with nlp.select_pipes(disable=[name for name in OTHERS if name in nlp.pipe_names]):
        for file in NAME_SETS:
            texts = read_evaluated(data, f"{NAMES}/{file}")
            sets[file.removesuffix(".iob2")] = score_texts(nlp, choose(texts, limit), n_samples)
            if language_of(file) not in _WITHOUT_CASE and file not in SMALL_NAME_SETS:
                recased.extend(choose(texts, N_RECASED))
        wikineural = {
            file.partition(".")[0]: score_texts(
                nlp, choose(read_evaluated(data, f"{WIKINEURAL}/{file}"), wikineural_limit), n_samples
            )
            for file in WIKINEURAL_SETS
        }
        case = score_cases(nlp, choose(recased, limit), n_samples)
    small = {file.removesuffix(".iob2") for file in SMALL_NAME_SETS}
    return {
        "sets": sets,
        "mean": mean_f(row for name, row in sets.items() if name not in small),
        "wikineural": wikineural,
        "wikineural_mean": mean_f(wikineural.values()),
        "case": case,
    }


def read_evaluated(data: DataFolder, name: str) -> List[NamedText]:
    """Read a file of named entities to score on.

    data (DataFolder): The evaluation data.
    name (str): The file's name.
    RETURNS (List[NamedText]): Its sentences with persons, organizations and places.
    """
    return [item for item in read_named_texts(data.path(name), ALWAYS) if item.text.strip()]


def score_cases(nlp: Language, texts: List[NamedText], n_samples: int) -> Dict[str, Any]:
    """Score the same sentences as they are, in lower case and in upper case.

    nlp (Language): The pipeline.
    texts (List[NamedText]): The sentences. Those whose length changes in upper or lower case are skipped.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Scores by case.
    """
    kept = [item for item in texts if all(len(change(item.text)) == len(item.text) for change in CASES.values())]
    return {
        name: score_texts(nlp, [NamedText(change(item.text), item.spans) for item in kept], n_samples)
        for name, change in CASES.items()
    }


def score_texts(nlp: Language, texts: List[NamedText], n_samples: int) -> Dict[str, Any]:
    """Score texts.

    nlp (Language): The pipeline.
    texts (List[NamedText]): Texts and gold entities.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Numbers of sentences and of gold entities; precision, recall and F; F by label; and
        "inside tokens", the number of gold entities that begin or end inside a token and cannot be found.
    """
    found: List[FactPair] = []
    n_inside = 0
    for doc, item in zip(nlp.pipe([item.text for item in texts]), texts, strict=True):
        predicted = {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents if ent.label_ in ALWAYS}
        n_inside += sum(doc.char_span(start, end) is None for start, end, _ in item.spans)
        found.append((predicted, set(item.spans)))
    counts, columns = count_facts(found, ALWAYS)
    totals = counts.sum(axis=0, keepdims=True)
    by_label = {
        label: round(100 * float(micro_f1(totals[:, 3 * i : 3 * i + 3], columns[3 * i : 3 * i + 3])[0]), 2)
        for i, label in enumerate(ALWAYS)
    }
    numbers = {"sentences": len(texts), "names": int(totals[0, 2::3].sum()), "inside tokens": n_inside}
    return {**numbers, **score(counts, columns, METRICS, n_samples=n_samples), "labels": by_label}
