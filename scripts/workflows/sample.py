"""Write samples of every corpus, in the corpora's formats: taken from the real data, or generated.

Generated sentences say which country's capital a city is, for ten cities in every language. They only serve to test
that a workflow runs.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterable, List, Set, Tuple

N_PAIRS = 10
CAPITALS: Tuple[Tuple[str, str], ...] = (
    ("Tokyo", "Japan"),
    ("Paris", "France"),
    ("Cairo", "Egypt"),
    ("Lima", "Peru"),
    ("Oslo", "Norway"),
    ("Rome", "Italy"),
    ("Madrid", "Spain"),
    ("Nairobi", "Kenya"),
    ("Hanoi", "Vietnam"),
    ("Quito", "Ecuador"),
)
SENTENCES: Dict[str, str] = {
    "en": "[Y] is the capital of [X] .",
    "de": "[Y] ist die Hauptstadt von [X] .",
    "es": "[Y] es la capital de [X] .",
    "fr": "[Y] est la capitale de [X] .",
    "it": "[Y] è la capitale di [X] .",
    "nl": "[Y] is de hoofdstad van [X] .",
    "pt": "[Y] é a capital de [X] .",
    "ru": "[Y] — столица [X] .",
    "ja": "[Y] は [X] の 首都 です 。",
    "zh": "[Y] 是 [X] 的 首都 。",
    "ar": "[Y] هي عاصمة [X] .",
    "el": "[Y] είναι η πρωτεύουσα της χώρας [X] .",
}
RELATION = "org:city_of_headquarters"
# Files of the data folder, by corpus; mLAMA's are listed by language.
KBP37 = ("kbp37/train", "kbp37/dev", "kbp37/test", "relx/RELX_en", "relx/RELX_de", "relx/RELX_es", "relx/RELX_fr")
WIKINEURAL = ("en.val", "en.test", "de.test", "es.test", "fr.test", "nl.test")
XQUAD = ("en", "de", "es", "ru", "zh", "ar", "el")
MLAMA = ("en", "de", "es", "fr", "it", "nl", "pt", "ru", "ja")


def make_sample(data: Path, target: Path, *, n: int = 24) -> bool:
    """Write a sample of every corpus.

    data (Path): The data folder, which may be missing.
    target (Path): Folder to write, with the structure of `data`.
    n (int): Number of sentences, paragraphs or facts in each file.
    RETURNS (bool): Whether the samples are real data.
    """
    is_real = all((data / name).is_dir() for name in ("kbp37", "relx", "wikineural", "xquad", "mlama"))
    for name in ("kbp37", "relx", "wikineural", "xquad", "mlama"):
        (target / name).mkdir(parents=True, exist_ok=True)
    for name in KBP37:
        path = f"{name}.txt"
        _write(target / path, _lines(data / path, 4 * n) if is_real else _generate_relations(name.partition("_")[2], n))
    for name in WIKINEURAL:
        path = f"wikineural/{name}.conllu"
        _write(target / path, _sentences(data / path, n) if is_real else _generate_names(name[:2], n))
    for lang in XQUAD:
        path = f"xquad/xquad.{lang}.json"
        content = (
            json.loads((data / path).read_text(encoding="utf8")) if is_real else {"data": [_generate_article(lang, n)]}
        )
        _write(target / path, [json.dumps(_paragraphs(content, n), ensure_ascii=False)])
    if is_real:
        _sample_mlama(data / "mlama", target / "mlama", n)
    else:
        _generate_mlama(target / "mlama")
    return is_real


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")


def _lines(path: Path, n: int) -> List[str]:
    with path.open(encoding="utf8") as file:
        return [line.rstrip("\n") for line in islice(file, n)]


def _sentences(path: Path, n: int) -> List[str]:
    return "\n\n".join(path.read_text(encoding="utf8").split("\n\n")[:n]).split("\n") + [""]


def _paragraphs(content: Dict[str, Any], n: int) -> Dict[str, Any]:
    """Return the first paragraphs, with two questions each."""
    found = [paragraph for article in content["data"] for paragraph in article["paragraphs"]][:n]
    return {"data": [{"paragraphs": [{**paragraph, "qas": paragraph["qas"][:2]} for paragraph in found]}]}


def _sample_mlama(data: Path, target: Path, n: int) -> None:
    """Write facts about capitals, and facts whose object has an ambiguous name."""
    rows = [line.split("\t") for line in _lines(data / "triples.tsv", 1 << 30)]
    names = {lang: dict(line.split("\t") for line in _lines(data / f"labels.{lang}.tsv", 1 << 30)) for lang in MLAMA}
    by_name: Dict[str, Set[str]] = {}
    for qid, name in names["en"].items():
        by_name.setdefault(name.casefold(), set()).add(qid)
    shared = {qid for qids in by_name.values() if len(qids) > 1 for qid in qids}
    capitals = [row for row in rows if row[0] == "P36"][:n]
    ambiguous = [row for row in rows if row[2] in shared][: 4 * n]
    kept = {qid for row in (*capitals, *ambiguous) for qid in row[1:]} | shared
    _write(target / "triples.tsv", ("\t".join(row) for row in (*capitals, *ambiguous)))
    for lang in MLAMA:
        _write(target / f"labels.{lang}.tsv", (f"{q}\t{name}" for q, name in names[lang].items() if q in kept))
        _write(target / f"patterns.{lang}.jsonl", _lines(data / f"patterns.{lang}.jsonl", 1 << 30))


def _filled(lang: str, country: str, city: str) -> str:
    return SENTENCES[lang].replace("[X]", country).replace("[Y]", city)


def _pairs(n: int) -> List[Tuple[str, str]]:
    return [CAPITALS[i % N_PAIRS] for i in range(n)]


def _generate_relations(lang: str, n: int) -> Iterable[str]:
    for i, (city, country) in enumerate(_pairs(n)):
        text = _filled(lang or "en", f"<e2> {country} </e2>", f"<e1> {city} </e1>")
        label = "no_relation" if i % 3 == 2 else f"{RELATION}({'e1,e2' if i % 2 else 'e2,e1'})"
        # <e1> has to come first in the text.
        swapped = text.index("<e1>") > text.index("<e2>")
        yield f'{i}\t"{_swap(text) if swapped else text}"'
        yield from (label, "", "")


def _swap(text: str) -> str:
    for old, new in (("e1>", "e3>"), ("e2>", "e1>"), ("e3>", "e2>")):
        text = text.replace(old, new)
    return text


def _generate_names(lang: str, n: int) -> Iterable[str]:
    for pair in _pairs(n):
        for i, word in enumerate(_filled(lang, pair[1], pair[0]).split()):
            yield f"{i}\t{word}\t{'B-LOC' if word in pair else 'O'}"
        yield ""


def _generate_article(lang: str, n: int) -> Dict[str, Any]:
    paragraphs = []
    for i, (city, country) in enumerate(_pairs(n)):
        text = f"{_filled(lang, country, city)} {i}"
        answer = {"text": city, "answer_start": text.index(city)}
        question = {"id": str(i), "question": _filled(lang, country, "…"), "answers": [answer]}
        paragraphs.append({"context": text, "qas": [question]})
    return {"paragraphs": paragraphs}


def _generate_mlama(target: Path) -> None:
    """Write facts about capitals; each city has a second entity of the same name, so that linking has candidates."""
    triples, labels = [], []
    for i, (city, country) in enumerate(CAPITALS):
        labels += [f"Q{10 + i}\t{country}", f"Q{20 + i}\t{city}", f"Q{30 + i}\t{city}"]
        triples.append(f"P36\tQ{10 + i}\tQ{20 + i}")
    _write(target / "triples.tsv", triples)
    for lang in MLAMA:
        _write(target / f"labels.{lang}.tsv", labels)
        patterns = [SENTENCES[lang].rpartition(" ")[0] + end for end in (" .", " !", " ;", " ...")]
        _write(target / f"patterns.{lang}.jsonl", (json.dumps({"relation": "P36", "pattern": p}) for p in patterns))
