"""A folder with tiny files in the format of each source."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from scripts.xx_mluke_small.evaluation_sets import EVALUATION_FILES
from scripts.xx_mluke_small.sentences import separator_of
from scripts.xx_mluke_small.training_files import TRAINING_FILES

N_TEXTS = 12
PEOPLE = ("Ada Lovelace", "Marie Curie", "Kurt Gödel", "Emmy Noether")
PLACES = ("Paris", "Vienna", "Tokyo", "Brno")
COUNTRIES = ("Q145", "Q36", "Q40", "Q183")
RELATIONS = ("P26", "P22", "P40", "P131", "P800")


def write_data(root: Path) -> Path:
    """Write every file that is trained on or scored on.

    root (Path): The folder.
    RETURNS (Path): The folder.
    """
    for name in (*TRAINING_FILES, *EVALUATION_FILES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = make_file(path.name).encode("utf8")
        path.write_bytes(lzma.compress(content) if path.suffix == ".xz" else content)
    return root


def make_file(name: str) -> str:
    """Return the content of a file by the format that its name says."""
    if name.endswith(".iob2"):
        return iob2(name)
    if name.endswith(".xz"):
        return {"names": names_of_entities, "types": types_of_entities}.get(name[:5], facts_of_entities)()
    if name.endswith(".conllu"):
        return conllu()
    if name.endswith(".docs.jsonl"):
        return "".join(json.dumps(document(i)) + "\n" for i in range(N_TEXTS))
    if name.endswith(".jsonl"):
        return "".join(json.dumps(sentence(i, name)) + "\n" for i in range(4 * N_TEXTS))
    if name.endswith(".tsv"):
        return "property\tlabel\tdescription\n" + "".join(f"{label}\tname of {label}\t\n" for label in RELATIONS)
    return json.dumps(squad(name))


def tagged(i: int):
    first, last = PEOPLE[i % 4].split()
    return [(first, "B-PER"), (last, "I-PER"), ("saw", "O"), (PLACES[i % 4], "B-LOC"), (f"{i}", "O"), (".", "O")]


def iob2(name: str) -> str:
    space = [] if separator_of(name) else [("▁", "O")]
    return "".join(
        "".join(f"{token}\t{tag}\n" for token, tag in [*tagged(i)[:2], *space, *tagged(i)[2:]]) + "\n"
        for i in range(N_TEXTS)
    )


def conllu() -> str:
    return "".join(
        "".join(f"{n}\t{token}\t{tag}\n" for n, (token, tag) in enumerate(tagged(i))) + "\n" for i in range(N_TEXTS)
    )


def facts_of_entities() -> str:
    """People with a country each, and a city of each country, which one of them was born in."""
    rows = [f"P27\tQ{900 + i}\t{country}\tcodex" for i, country in enumerate(COUNTRIES)]
    rows += [f"P17\tQ{800 + i}\t{country}\tcodex" for i, country in enumerate(COUNTRIES)]
    rows += [f"P19\tQ900\tQ{800 + i}\tcodex" for i in range(4)]
    # An evaluation fact, which must not be told: it would give the first person a second country.
    return "\n".join([*rows, "P27\tQ900\tQ142\tcodex+mlama"]) + "\n"


def types_of_entities() -> str:
    rows = [(f"Q{900 + i}", "Q5", "human", "PER") for i in range(len(PEOPLE))]
    rows += [(f"Q{800 + i}", "Q515", "city", "LOC") for i in range(len(PLACES))]
    return "".join("\t".join(row) + "\n" for row in rows)


def names_of_entities() -> str:
    rows = [(f"Q{900 + i}", name) for i, name in enumerate(PEOPLE)]
    rows += [(f"Q{800 + i}", name) for i, name in enumerate(PLACES)]
    rows += [(own, f"country {own}") for own in COUNTRIES]
    return "".join(f"{own}\t{lang}\t{name}\tlabel\n" for own, name in rows for lang in ("en", "de"))


def mention(text: str, name: str) -> dict:
    start = text.index(name)
    return {"start": start, "end": start + len(name), "name": name}


def sentence(i: int, file: str) -> dict:
    head, tail = PEOPLE[i % 4], PLACES[i // 4 % 4]
    text = f"In {1900 + i}, {head} went to {tail}."
    is_cased = "lower" not in file
    relation = "OTHER" if file.startswith("de-") and i % 6 == 5 else RELATIONS[i % 5]
    found = {"text": text, "head": mention(text, head), "tail": mention(text, tail), "relation": relation}
    if not is_cased:
        found.update(text=text.lower(), cased=False)
    return found


def document(i: int) -> dict:
    head, tail = PEOPLE[i % 4], PLACES[i % 4]
    text = f"{head} ({i}) lived in {tail}. Later, {tail} remembered her."
    again = text.rindex(tail)
    entities = [
        {"type": "PER", "mentions": [mention(text, head)]},
        {"type": "LOC", "mentions": [mention(text, tail), {"start": again, "end": again + len(tail), "name": tail}]},
    ]
    facts = [{"head": 0, "tail": 1, "relation": "P551"}, {"head": 0, "tail": 1, "relation": "P19"}]
    return {"title": f"Title {i}", "text": text, "entities": entities, "relations": facts}


def squad(name: str) -> dict:
    paragraphs = []
    for i in range(N_TEXTS):
        filler = " ".join(f"Nothing happened on day {day} of year {i}." for day in range(40))
        text = f"{PEOPLE[i % 4]} lived in {PLACES[i % 4]}. {filler}"
        answer = {"text": PLACES[i % 4], "answer_start": text.index(PLACES[i % 4])}
        asked = {"question": f"Where did {PEOPLE[i % 4]} live?", "id": f"{name}-{i}", "answers": [answer]}
        nothing = {"question": "Who flew?", "id": f"{name}-{i}-no", "answers": [], "is_impossible": True}
        paragraphs.append({"context": text, "qas": [asked, nothing] if name.startswith("he-") else [asked]})
    return {"data": [{"title": name, "paragraphs": paragraphs}]}
