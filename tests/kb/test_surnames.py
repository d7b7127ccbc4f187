"""Last names in the bundled knowledge base."""

from __future__ import annotations

import pytest

from scripts.knowledge.cleaning import Cleaner
from scripts.knowledge.sources import Item
from scripts.knowledge.surnames import add_surnames, surname

WELL_KNOWN, LESS = 60.0, 45.0


def person(qid, name, prominence=WELL_KNOWN, lang="en"):
    return Item(qid, "PER", [], prominence, names=[(lang, name, True)])


def aliases(*items, citizenships=()):
    by_id = {item.id: item for item in items}
    add_surnames(by_id, citizenships)
    return {item.id: [name for _, name, is_label in item.names if not is_label] for item in items}


@pytest.mark.parametrize(
    ("name", "lang", "found"),
    [
        ("Angela Merkel", "en", "Merkel"),
        ("Vincent van Gogh", "nl", "van Gogh"),
        ("Владимир Путин", "ru", "Путин"),
        ("アンゲラ・メルケル", "ja", "メルケル"),
        ("Johann Sebastian Bach", "", "Bach"),
        ("Francis of Assisi", "en", None),
        ("Pope Francis", "en", None),
        ("Elizabeth II", "en", None),
        ("Robert Downey Jr.", "en", None),
        ("Orbán Viktor", "hu", None),
        ("Madonna", "en", None),
    ],
)
def test_the_last_name_is_the_last_word(name, lang, found):
    assert surname(name, lang, set()) == found


def test_citizens_of_spain_have_two_last_names():
    assert surname("Pedro Sánchez Castejón", "es", {"Q29"}) == "Sánchez Castejón"


def test_in_china_the_last_name_comes_first():
    assert surname("Xi Jinping", "en", {"Q148"}) is None


def test_a_well_known_person_gets_the_last_name_as_an_alias():
    assert aliases(person("Q567", "Angela Merkel")) == {"Q567": ["Merkel"]}


def test_a_person_who_is_less_known_gets_none():
    assert aliases(person("Q1", "Jane Merkel", 20.0)) == {"Q1": []}


def test_of_two_people_with_a_last_name_only_a_much_better_known_one_gets_it():
    assert aliases(person("Q1", "George Bush"), person("Q2", "Laura Bush", 59.0)) == {"Q1": [], "Q2": []}
    assert aliases(person("Q1", "George Bush", 80.0), person("Q2", "Laura Bush", LESS)) == {"Q1": ["Bush"], "Q2": []}


def test_common_last_names_are_none():
    others = [person(f"Q{n}", f"John{n} Smith", LESS - 5) for n in range(2, 9)]
    assert aliases(person("Q1", "Adam Smith", 80.0), *others)["Q1"] == []


def test_the_name_of_a_well_known_place_is_no_alias():
    city = Item("Q61", "LOC", [], WELL_KNOWN, names=[("en", "Washington", True)])
    assert aliases(person("Q23", "George Washington"), city)["Q23"] == []


def test_citizens_of_china_get_none():
    assert aliases(person("Q15031", "Xi Jinping"), citizenships=[("Q15031", "Q148")]) == {"Q15031": []}


def test_last_names_are_linked_but_never_searched():
    item = person("Q567", "أنغيلا ميركل", lang="ar")
    add_surnames({"Q567": item}, [])
    found = {name.name: name.is_weak for name in Cleaner({}).clean(item)}
    assert found == {"أنغيلا ميركل": False, "ميركل": True}
