"""The files that `xx_mluke_small` is scored on. None of them is trained on."""

from __future__ import annotations

from scripts.xx_mluke_small.training_files import NAMES, QUESTIONS, RELATIONS

NAME_SETS = (
    "ceb-uner_gja.test.iob2",
    "da-uner_ddt.dev.iob2",
    "da-uner_ddt.test.iob2",
    "de-mobie.dev.iob2",
    "de-mobie.test.iob2",
    "en-btc.dev.iob2",
    "en-btc.test.iob2",
    "en-uner_ewt.test.iob2",
    "en-wnut17.dev.iob2",
    "en-wnut17.test.iob2",
    "fi-turku.dev.iob2",
    "hr-uner_set.dev.iob2",
    "hu-nerkor.dev.iob2",
    "hu-nerkor.test.iob2",
    "id-idner.dev.iob2",
    "id-idner.test.iob2",
    "ja-gsd.dev.iob2",
    "ja-gsd.test.iob2",
    "kk-kaznerd.test.iob2",
    "pt-uner_bosque.dev.iob2",
    "pt-uner_bosque.test.iob2",
    "ro-ronec.dev.iob2",
    "ru-factrueval.dev.iob2",
    "sk-uner_snk.dev.iob2",
    "sr-uner_set.dev.iob2",
    "sv-uner_talbanken.dev.iob2",
    "sv-webbnyheter.test.iob2",
    "tl-uner_trg.test.iob2",
    "tr-wikiner.dev.iob2",
    "tr-wikiner.test.iob2",
    "zh-uner_gsd.dev.iob2",
    "zh-uner_gsdsimp.dev.iob2",
)
# Fewer than 50 names: not part of means.
SMALL_NAME_SETS = frozenset({"ceb-uner_gja.test.iob2", "sv-uner_talbanken.dev.iob2", "tl-uner_trg.test.iob2"})
# WikiNEuRal may not be used commercially: it is for evaluation only.
WIKINEURAL_SETS = tuple(f"{lang}.test.conllu" for lang in ("de", "en", "es", "fr", "nl"))
XQUAD_SETS = tuple(f"xquad.{lang}.json" for lang in ("en", "de", "es", "ru", "zh", "ar", "el"))
QUESTION_SETS = (
    "ar-arcd.test.json",
    "en-afriqa.test.json",
    "en-qamr.test.json",
    "fr-afriqa.test.json",
    "he-heq.test.json",
    "ja-jaquad.dev.json",
    "nb-norquad.dev.json",
    "th-iapp.dev.json",
    "th-iapp.test.json",
    "zh-drcd.test.json",
)
DOCUMENT_SET = "en-redocred.test.docs.jsonl"
WIKINEURAL, XQUAD = "wikineural", "xquad"
EVALUATION_FILES = (
    *(f"{NAMES}/{file}" for file in NAME_SETS),
    *(f"{WIKINEURAL}/{file}" for file in WIKINEURAL_SETS),
    f"{RELATIONS}/{DOCUMENT_SET}",
    *(f"{XQUAD}/{file}" for file in XQUAD_SETS),
    *(f"{QUESTIONS}/{file}" for file in QUESTION_SETS),
)
# Files whose names calibrate probabilities: development sets, of which the pipeline learns a few numbers.
CALIBRATION_SETS = tuple(file for file in NAME_SETS if ".dev." in file)
