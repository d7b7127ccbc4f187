"""Fixtures that more than one part uses. Models are tiny and built on the spot; nothing is fetched."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import catalogue
import pytest

# Tiny models gain nothing from threads, and lose much when other work shares the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPO = Path(__file__).parent.parent

# Files that take long, first: a long one that starts last leaves the other processes of pytest-xdist without work.
LONG = (
    "test_docs.py",
    "training/test_resuming.py",
    "training/test_process_group.py",
    "xx_mluke_small/test_training.py",
)
# Files that run in the same process of pytest-xdist: what they share is made once.
TOGETHER = {
    # The server from which worker processes are forked.
    "forks": ("tests/bulk/", "tests/pipeline/test_saving.py", "tests/cli/test_annotate"),
    # Trained components.
    "cloze": ("tests/pipeline/test_cloze",),
    # transformers' MLukeTokenizer.
    "alignment": ("tests/align/", "tests/tokenization/"),
    "ner": ("tests/pipeline/test_ner", "tests/pipeline/test_calibrate", "tests/pipeline/test_find_threshold"),
}


def _cache_entry_points() -> None:
    """Look up the entry points of a group once. catalogue goes through those of all installed packages for every name,
    which takes a third of the time of `spacy.blank`."""
    groups: dict = {}
    look_up = catalogue.Registry._get_entry_points

    def cached(registry):
        key = (registry.entry_point_namespace, id(catalogue.AVAILABLE_ENTRY_POINTS))
        if key not in groups:
            groups[key] = list(look_up(registry))
        return groups[key]

    catalogue.Registry._get_entry_points = cached


_cache_entry_points()


def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        """Gives all tests of a file to one process, and those of the files in TOGETHER."""

        def _split_scope(self, nodeid):
            groups = (group for group, files in TOGETHER.items() if nodeid.startswith(files))
            return next(groups, super()._split_scope(nodeid))

    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection():
    # Modules and collected tests live until the end: the garbage collector need not go through them again and again.
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(7_000)  # of new objects; the default, 700, is reached with each step of a training
    gc.enable()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.path.as_posix().endswith(tuple(f"tests/{file}" for file in LONG)))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real evaluation data, not part of the repo: tests that read it skip where it is missing."""
    path = Path(os.environ.get("SPACY_MLUKE_DATA", REPO.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("no evaluation data here (set SPACY_MLUKE_DATA)")
    return path


@pytest.fixture(scope="session")
def xlmr_model_path() -> Path:
    """The bundled sentencepiece model: XLM-R's vocabulary, which mLUKE shares."""
    return REPO / "spacy_mluke" / "assets" / "mluke-small" / "sentencepiece.bpe.model"


@pytest.fixture(scope="session", autouse=True)
def bundled_vocabulary():
    """Keep the bundled wordpiece vocabulary open. Parsing takes most of a second."""
    from spacy_mluke.tokenization.load import load_wordpieces

    return load_wordpieces(REPO / "spacy_mluke" / "assets" / "mluke-small")


@pytest.fixture(scope="session")
def tiny_byte_level(tmp_path_factory) -> Path:
    """A directory with a byte-level BPE vocabulary of a few hundred pieces, as English LUKE has one."""
    from scripts.fuzzing.vocabularies import save_byte_level

    return save_byte_level(tmp_path_factory.mktemp("tiny_byte_level"), [text for text in SAMPLES.values() if text])


SAMPLES = {
    "latin": "Beyoncé lives in Los Angeles, and Tōkyō is far away.",
    "cyrillic": "Москва — столица России, а Київ — столиця України.",
    "greek": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.",
    "arabic_rtl": "القاهرة هي عاصمة مصر، وأكبر مدنها.",
    "hebrew_rtl": "ירושלים היא בירת ישראל.",
    "cjk_no_spaces": "東京は日本の首都である。",
    "chinese": "北京是中华人民共和国的首都。",
    "korean": "서울은 대한민국의 수도이다.",
    "thai": "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
    "devanagari": "नई दिल्ली भारत की राजधानी है।",
    "bengali": "ঢাকা বাংলাদেশের রাজধানী।",
    "telugu": "హైదరాబాద్ తెలంగాణ రాజధాని.",
    "sinhala_zwj": "ශ්\u200dරී ලංකාව දූපතකි.",
    "emoji_zwj": "I ♥ 👩\u200d👩\u200d👧 and 🇫🇷!",
    "combining": "Cafe\u0301 in Zu\u0308rich, A\u030angstro\u0308m",
    "whitespace": "  two  spaces\tand\nnew\u00a0lines\u3000here ",
    "empty_doc": "",
}


@pytest.fixture(params=sorted(SAMPLES))
def sample_text(request) -> str:
    return SAMPLES[request.param]


@pytest.fixture(scope="session")
def tiny_sentencepiece(tmp_path_factory) -> Path:
    """A sentencepiece model of a few hundred pieces, trained on SAMPLES: every character of theirs is a piece."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("tiny_sentencepiece")
    text = folder / "text.txt"
    lines = [*SAMPLES.values(), "Tokyo is the capital of Japan and Paris is the capital of France ."]
    text.write_text("\n".join(line.replace("\n", " ") for line in lines * 3), encoding="utf8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "sentencepiece.bpe"),
        vocab_size=600,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return folder / "sentencepiece.bpe.model"
