"""The public names, and `spacy_mluke.load`: a pipeline that finds, encodes and links mentions, offline."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import spacy
import srsly

import spacy_mluke


@pytest.fixture(scope="module")
def nlp():
    return spacy_mluke.load("mluke-small", cloze=True)


def test_load_links_places_in_many_languages(nlp):
    texts = [
        "Токио — столица Японии.",
        "東京は日本の首都です。",
        "Tokio ist die Hauptstadt von Japan.",
        "طوكيو في اليابان",
    ]
    for doc in nlp.pipe(texts):
        assert [ent.kb_id_ for ent in doc.ents] == ["geonames:1850147", "iso3166:JP"], doc.text
        assert doc._.mluke.vectors.shape == (2, 384)


def test_cities_of_the_same_name_are_distinguished_by_their_context(nlp):
    docs = list(nlp.pipe(["Valencia es una ciudad de España.", "Valencia es una ciudad de Venezuela."]))
    assert [doc.ents[0].kb_id_ for doc in docs] == ["geonames:2509954", "geonames:3625549"]


def test_cloze_completes_facts(nlp):
    (fillers,) = nlp.get_pipe("mluke_cloze").fill("Tokyo est la capitale du [MASK].", lang="fr")
    assert (fillers[0].text, fillers[0].kb_id) == ("Japon", "iso3166:JP")


def test_the_entities_linked_in_a_document_help_to_fill_its_mask(nlp):
    texts = ["[MASK]의 수도는 서울이다.", "تقع القاهرة في [MASK]."]
    docs = nlp.pipe(texts)
    assert [doc._.mluke_fillers[0][0].kb_id for doc in docs] == ["iso3166:KR", "iso3166:EG"]


def test_an_entity_without_a_name_in_the_language_has_its_english_name(nlp):
    (fillers,) = nlp.get_pipe("mluke_cloze").fill("The capital of Japan is [MASK].", lang="sv")
    assert (fillers[0].text, fillers[0].kb_id) == ("Tokyo", "geonames:1850147")


def test_the_pipeline_is_saved_and_loaded_like_any_other(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    text = "Ankara, Türkiye'nin başkentidir."
    assert [ent.kb_id_ for ent in again(text).ents] == [ent.kb_id_ for ent in nlp(text).ents] != []
    # The encoder was not trained, so only the name of the bundled checkpoint is saved.
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 20e6
    assert not any(file.suffix == ".safetensors" for file in files)
    mask = "[MASK] ist die Hauptstadt von Japan."
    assert again(mask)._.mluke_fillers == nlp(mask)._.mluke_fillers
    numpy.testing.assert_array_equal(again(text)._.mluke.vectors, nlp(text)._.mluke.vectors)


def test_load_uses_the_given_language():
    assert spacy_mluke.load("mluke-small", lang="de").lang == "de"


def test_importing_the_package_imports_neither_spacy_nor_torch():
    code = "import sys, spacy_mluke; print(sorted({'spacy', 'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", spacy_mluke.__all__)
def test_every_public_name_is_imported_when_it_is_used(name):
    value = getattr(spacy_mluke, name)
    assert value.__name__ == name and value.__doc__
    assert name in dir(spacy_mluke)


def test_type_checkers_see_the_public_names_in_the_modules_that_define_them():
    tree = ast.parse(Path(spacy_mluke.__file__).read_text(encoding="utf8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    seen = {alias.name: f"spacy_mluke.{node.module}" for node in imports for alias in node.names}
    assert sorted(seen) == sorted(spacy_mluke.__all__)
    assert {name: getattr(spacy_mluke, name).__module__ for name in seen} == seen


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = spacy_mluke.nosuch


def test_a_package_of_the_pipeline_lists_licences_and_sources(nlp, tmp_path):
    from spacy.cli.package import generate_readme

    nlp.to_disk(tmp_path / "saved", exclude=nlp.component_names)
    readme = generate_readme(srsly.read_json(tmp_path / "saved" / "meta.json"))
    assert "`MIT AND Unicode-3.0 AND CC-BY-4.0`" in readme
    for text in ("geonames.org", "cldr.unicode.org", "multilingual-e5-small", "UNICODE LICENSE V3", "by/4.0"):
        assert text in readme


def test_a_pipeline_without_bundled_data_keeps_its_own_licence():
    nlp = spacy_mluke.load("some/checkpoint", store="some.sqlite")
    assert nlp.meta["license"] == ""


def test_the_error_for_missing_tokenizer_packages_says_what_to_install():
    for lang, package, module in (
        ("ja", "sudachipy", "sudachipy"),
        ("ko", "natto-py", "natto"),
        ("th", "pythainlp", "pythainlp"),
        ("vi", "pyvi", "pyvi"),
    ):
        if importlib.util.find_spec(module) is None:
            with pytest.raises(ValueError, match=rf"\[ML312\].*'{lang}'.*pip install {package}"):
                spacy_mluke.load("mluke-small", lang=lang)


@pytest.mark.parametrize(("lang", "hint"), [("nosuch", ""), ("", ""), ("enn", "mean 'nn'"), ("DE", "mean 'de'")])
def test_an_unknown_language_is_an_error_with_a_code(lang, hint):
    with pytest.raises(ValueError, match=rf"\[ML313\] '{lang}'.*{hint}.*xx"):
        spacy_mluke.load("mluke-small", lang=lang)


def test_masks_are_filled_with_the_ids_of_the_knowledge_base():
    pipe = spacy_mluke.load("mluke-small", store="knowledge", cloze=True).get_pipe("mluke_cloze")
    assert pipe.knowledge_base is not None and pipe.knowledge_base.has_knowledge
