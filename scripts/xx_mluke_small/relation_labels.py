"""Labels of relations: the English name of the property, with its id."""

from __future__ import annotations

from typing import Dict, Mapping

from scripts.xx_mluke_small.training_files import PROPERTIES_FILE, RELATIONS, DataFolder


def property_names(data: DataFolder) -> Dict[str, str]:
    """Read the English names of Wikidata's properties.

    data (DataFolder): The data.
    RETURNS (Dict[str, str]): By property.
    """
    lines = data.path(f"{RELATIONS}/{PROPERTIES_FILE}").read_text(encoding="utf8").splitlines()[1:]
    return dict(line.split("\t")[:2] for line in lines)


def relation_label(label: str, names: Mapping[str, str]) -> str:
    """Return the label that users see, such as "place of birth (P19)".

    label (str): The property.
    names (Mapping[str, str]): English names.
    RETURNS (str): The property itself if it has no name.
    """
    return f"{names[label]} ({label})" if names.get(label, "None") != "None" else label


def property_of(label: str) -> str:
    """Return the Wikidata property of a label.

    label (str): A label of the pipeline, such as "place of birth (P19)", or a property.
    RETURNS (str): Such as "P19".
    """
    return label.rpartition(" (")[2].removesuffix(")")
