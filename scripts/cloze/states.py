"""States of questions, computed once: a run that was interrupted goes on where it was."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import List, Sequence

import numpy
import torch
from torch import Tensor

from scripts.cloze.answers import Answerer
from scripts.cloze.questions import Question
from spacy_mluke.storage.files import replacing

# Questions of a file.
_BLOCK = 1024


class StateFiles:
    """States at the masks of questions, in files of a folder.

    answerer (Answerer): The encoder.
    folder (Path): The folder. Files have the names of what they hold, so that another encoder needs another folder.
    """

    def __init__(self, answerer: Answerer, folder: Path):
        self.answerer = answerer
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def queries(self, questions: Sequence[Question], subjects: Sequence[int]) -> Tensor:
        """Return what the head compares with rows of entities.

        questions (Sequence[Question]): The questions.
        subjects (Sequence[int]): Row of each question's subject that is read beside its words; -1 for words only.
        RETURNS (Tensor): Shape: (n_questions, entity_emb_size), float32.
        """
        found: List[Tensor] = []
        for start in range(0, len(questions), _BLOCK):
            part = slice(start, start + _BLOCK)
            found.append(self._block(questions[part], subjects[part]))
        return self.answerer.queries(torch.cat(found))

    def _block(self, questions: Sequence[Question], subjects: Sequence[int]) -> Tensor:
        lines = [f"{own.text}\t{own.mask}\t{own.place}\t{row}\n" for own, row in zip(questions, subjects, strict=True)]
        path = self.folder / f"{hashlib.sha256(''.join(lines).encode('utf8')).hexdigest()[:24]}.npy"
        if not path.is_file():
            states = self.answerer.states(questions, subjects).numpy().astype("float16")
            with replacing(path) as aside, aside.open("wb") as file:
                numpy.save(file, states)
        return torch.from_numpy(numpy.load(path)).float()
