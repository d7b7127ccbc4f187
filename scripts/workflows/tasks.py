"""The tasks of the workflows: languages, systems, and paths of their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Tuple

SOURCE = "en"  # the training language
MAJORITY = "majority"
PLAIN = "plain"  # the reference's classifier, trained by scripts.workflows.plain
MARKED = "marked"  # folder of sentences with markers around their entities
STORE = "entities.sqlite"
CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass(frozen=True)
class System:
    """A system to train and score."""

    title: str
    config: str  # in configs/
    has_encoder: bool = True
    reads_marked: bool = False  # whether it reads sentences with markers around their entities
    has_curve: bool = True  # whether its score in training is the task's score
    overrides: Dict[str, Any] = field(default_factory=dict)  # of the config
    is_extra: bool = False  # whether a separate training loop and workflow exist for it


@dataclass(frozen=True)
class Task:
    """A task of the workflows."""

    component: str  # the component of systems with an encoder
    langs: Tuple[str, ...]  # of the test sets
    systems: Dict[str, System]  # by folder name; the first one is compared with the others
    has_majority: bool = False  # whether the most frequent label of the training data is a baseline

    @property
    def usual(self) -> Tuple[str, ...]:
        """The systems that the task's main workflow trains."""
        return tuple(name for name, system in self.systems.items() if not system.is_extra)


def _words(component: str, architecture: str) -> Dict[str, Any]:
    return {f"components.{component}.model.@architectures": f"spacy-mluke.{architecture}.v1"}


TASKS: Dict[str, Task] = {
    "relations": Task(
        "mluke_relations",
        ("en", "de", "es", "fr", "en-kbp37"),
        {
            "mluke-e": System("mLUKE-E", "relations_kbp37.cfg"),
            "mluke-w": System(
                "mLUKE-W", "relations_kbp37.cfg", overrides=_words("mluke_relations", "MarkerClassifier")
            ),
            PLAIN: System("plain PyTorch", "relations_kbp37.cfg", is_extra=True),
            "tok2vec": System(
                "spaCy tok2vec",
                "baselines/relations_tok2vec.cfg",
                has_encoder=False,
                reads_marked=True,
                has_curve=False,
            ),
        },
        has_majority=True,
    ),
    "ner": Task(
        "mluke_ner",
        ("en", "de", "es", "fr", "nl"),
        {
            "mluke-e": System("mLUKE-E", "ner_wikineural.cfg"),
            "mluke-w": System("mLUKE-W", "ner_wikineural.cfg", overrides=_words("mluke_ner", "BoundaryClassifier")),
            "tok2vec": System("spaCy tok2vec", "baselines/ner_tok2vec.cfg", has_encoder=False),
        },
    ),
    # XQuAD has no entity annotation: mluke_qa reads question and text as words only.
    "qa": Task("mluke_qa", ("en", "de", "es", "ru", "zh", "ar", "el"), {"mluke-w": System("mLUKE-W", "qa_xquad.cfg")}),
    "cloze": Task(
        "mluke_cloze",
        ("en", "de", "es", "fr", "it", "nl", "pt", "ru", "ja"),
        {"mluke-e": System("mLUKE-E", "cloze_mlama.cfg")},
        has_majority=True,
    ),
    "linking": Task(
        "mluke_linker", ("en", "de", "es", "fr"), {"mluke-e": System("mLUKE-E", "linking.cfg")}, has_majority=True
    ),
}


def run_folder(system: str, seed: int) -> str:
    """Return the folder name of a system trained with one seed, and of its scores.

    system (str): A key of `Task.systems`, or MAJORITY.
    seed (int): The seed.
    RETURNS (str): The folder name.
    """
    return f"{system}-{seed}"


def find_runs(task: Task, metrics: Path) -> List[Path]:
    """Return every folder with scores, of any seed.

    task (Task): The task.
    metrics (Path): Folder with the scores of the task.
    RETURNS (List[Path]): Folders in the order of the task's systems.
    """
    names = [*task.systems, *([MAJORITY] if task.has_majority else [])]
    return [folder for name in names for folder in sorted(metrics.glob(f"{name}-*")) if any(folder.glob("*.json"))]
