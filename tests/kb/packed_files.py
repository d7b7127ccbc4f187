"""A small packed knowledge base, and its store as the general builder makes it, row by row."""

from __future__ import annotations

import lzma

from spacy_mluke.kb.packed import CLASSES, ENTITIES, FACTS, class_names, packed_lines, read_packed_facts
from spacy_mluke.kb.packed_cells import SEPARATOR, names_in
from spacy_mluke.kb.store_build import StoreRow, build_store


def write_packed(folder, lines, facts):
    (folder / ENTITIES).write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode()))
    (folder / FACTS).write_bytes(lzma.compress("".join(f"{line}\n" for line in facts).encode()))
    (folder / CLASSES).write_text("Q6256\tcountry\nQ515\tcity\nQ75135425\t\n", encoding="utf8")
    return folder


def read_packed(folder):
    for cells in packed_lines(folder / ENTITIES):
        entity_id, kind, weight = cells[0], cells[1], float(cells[2])
        for name, lang, form, own in names_in(SEPARATOR.join([cells[3], *cells[5:]]), weight):
            yield StoreRow(entity_id, lang, name, kind, own, form, weight)


def read_packed_classes(folder):
    names = class_names(folder)
    for cells in packed_lines(folder / ENTITIES):
        for place in cells[4].split():
            if names[int(place)]:
                yield cells[0], names[int(place)]


def build_by_rows(folder, target):
    facts, classes = read_packed_facts(folder), read_packed_classes(folder)
    return build_store(read_packed(folder), target, facts=facts, classes=classes)
