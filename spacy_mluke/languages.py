"""Make blank pipelines, with errors that name missing packages."""

from __future__ import annotations

import pkgutil

import spacy
import spacy.lang
from spacy.language import Language
from spacy.util import find_matching_language, registry

from .errors import Errors, did_you_mean

# Packages that the tokenizers of these languages import, as listed in spaCy's documentation of its models.
PACKAGES = {
    "ja": "sudachipy sudachidict_core",
    "ko": "natto-py (which needs mecab-ko and mecab-ko-dic of the system)",
    "th": "pythainlp",
    "vi": "pyvi",
}


def make_blank(lang: str) -> Language:
    """Make a blank pipeline with the tokenizer of a language.

    lang (str): Language code; "xx" for any language.
    RETURNS (Language): The pipeline, without components.
    RAISES (ValueError): ML312 if packages for the language are missing, ML313 for an unknown language.
    """
    if not isinstance(lang, str) or not lang:
        raise ValueError(Errors.ML313.format(lang=lang, hint=""))
    try:
        return spacy.blank(lang)
    except ImportError as error:
        known = {module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg}
        # spaCy also accepts other codes of a language, such as "jpn".
        found = lang if lang in known else find_matching_language(lang)
        if found is None:
            hint = did_you_mean(lang.lower(), sorted({*known, *registry.languages.get_all()}))
            raise ValueError(Errors.ML313.format(lang=lang, hint=hint)) from error
        if found not in PACKAGES:
            raise
        raise ValueError(Errors.ML312.format(lang=lang, packages=PACKAGES[found])) from error
