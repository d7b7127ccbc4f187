"""Blank pipelines of a language, with errors that say what to install."""

from __future__ import annotations

import pkgutil

import spacy
import spacy.lang
from spacy.language import Language
from spacy.util import find_matching_language, registry

from .errors import Errors, did_you_mean

# What the tokenizers of these languages import, as spaCy's documentation of its models names it.
PACKAGES = {
    "ja": "sudachipy sudachidict_core",
    "ko": "natto-py (which needs mecab-ko and mecab-ko-dic of the system)",
    "th": "pythainlp",
    "vi": "pyvi",
}


def make_blank(lang: str) -> Language:
    """Make a pipeline with the tokenizer of a language.

    lang (str): The language; "xx" for any.
    RETURNS (Language): The pipeline, without components.
    RAISES (ValueError): ML312 if packages for the language are missing, ML313 for an unknown language.
    """
    if not isinstance(lang, str) or not lang:
        raise ValueError(Errors.ML313.format(lang=lang, hint=""))
    try:
        return spacy.blank(lang)
    except ImportError as error:
        known = {module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg}
        # spaCy takes other codes of a language, too, such as "jpn".
        found = lang if lang in known else find_matching_language(lang)
        if found is None:
            hint = did_you_mean(lang, sorted({*known, *registry.languages.get_all()}))
            raise ValueError(Errors.ML313.format(lang=lang, hint=hint)) from error
        if found not in PACKAGES:
            raise
        raise ValueError(Errors.ML312.format(lang=lang, packages=PACKAGES[found])) from error
