"""SQuAD (1.1 and 2.0), XQuAD, MLQA and other data in this format: paragraphs with questions and answers."""

import warnings
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..annotate.answers import Answer, Question, get_question_answers
from ..errors import Errors, Warnings, check_at_least
from ..extensions import install_extensions
from .corpus_files import DocBinCorpus


@dataclass(frozen=True)
class SquadQuestion:
    """A question about a paragraph."""

    text: str
    id: str
    answers: List[Tuple[int, int]]  # characters in the paragraph; empty if it does not answer the question


@dataclass(frozen=True)
class Paragraph:
    """A text and the questions about it."""

    text: str
    questions: List[SquadQuestion]


@dataclass
class SquadCounts:
    """Numbers of questions and answers in the files, and of skipped ones."""

    questions: int = 0
    answers: int = 0
    misplaced: int = 0  # answers whose text is not at their position
    lost: int = 0  # questions whose answers are all misplaced
    first: str = ""  # the first misplaced answer, for the warning
    paths: List[str] = field(default_factory=list)

    def warn(self) -> None:
        """Warn once with the number of skipped answers."""
        if self.misplaced:
            message = Warnings.ML175.format(
                n=self.misplaced, total=self.answers, path=", ".join(self.paths), lost=self.lost, first=self.first
            )
            warnings.warn(message, stacklevel=3)


def read_squad(path: Union[str, Path], counts: Optional[SquadCounts] = None) -> Iterator[Paragraph]:
    """Read a file in SQuAD's format.

    path (Union[str, Path]): The JSON file.
    counts (Optional[SquadCounts]): Receives the numbers of skipped answers and questions.
    YIELDS (Paragraph): The paragraphs. Answers whose text is not at their position are skipped, and also questions that
        have no other answer.
    RAISES (ValueError): ML213 if the file is not in this format.
    """
    counts = counts if counts is not None else SquadCounts()
    counts.paths.append(Path(path).name)
    try:
        articles = srsly.read_json(path)["data"]
        for article in articles:
            for paragraph in article["paragraphs"]:
                text = paragraph["context"]
                found = (_read_question(text, record, counts) for record in paragraph["qas"])
                yield Paragraph(text, [question for question in found if question is not None])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Not the repr of the error: for an error in UTF-8, it contains the whole file.
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(Errors.ML213.format(path=path, reason=reason)) from error


def _read_question(text: str, record: Dict[str, Any], counts: SquadCounts) -> Optional[SquadQuestion]:
    counts.questions += 1
    # Only version 2.0 has impossible questions; it lists their plausible answers under another key.
    given = [] if record.get("is_impossible") else record.get("answers", [])
    places: List[Tuple[int, int]] = []
    for answer in given:
        counts.answers += 1
        start, words = answer["answer_start"], answer["text"]
        place = start, start + len(words)
        if not words or start < 0 or text[slice(*place)] != words:
            counts.misplaced += 1
            counts.first = counts.first or f"{words!r} of question {record.get('id', record['question'])!r}"
        elif place not in places:
            places.append(place)
    if given and not places:
        counts.lost += 1
        return None
    return SquadQuestion(record["question"], str(record.get("id", "")), places)


def make_doc(nlp: Language, paragraph: Paragraph) -> Doc:
    """Return a paragraph as a document with its questions and gold answers.

    nlp (Language): Its tokenizer is used.
    paragraph (Paragraph): The paragraph.
    RETURNS (Doc): The document. Answers keep their exact characters, also if these are parts of tokens.
    """
    install_extensions()
    doc = nlp.make_doc(paragraph.text)
    asked = [(question, [Answer.at(doc, *place) for place in question.answers]) for question in paragraph.questions]
    doc._.mluke_questions = [Question(question.text, question.id) for question, _ in asked]
    doc._.mluke_answers = [[answer for answer in answers if answer is not None] for _, answers in asked]
    return doc


def build_squad_corpus_v1(
    path: Optional[Path], one_question: bool = False, skip: int = 0, limit: int = 0
) -> Callable[[Language], Iterable[Example]]:
    """Read question answering data. Registered as `spacy-mluke.SquadCorpus.v1`.

    Predicted documents get the questions of their references, so that evaluation has answers to score.

    path (Optional[Path]): A JSON file in SQuAD's format (1.1 or 2.0), a .spacy file with questions, or a directory of
        such files. .jsonl files are not read.
    one_question (bool): Whether to make an example for each question, not for each paragraph: the batch size is then a
        number of questions.
    skip (int): Paragraphs (or documents) to skip at the start.
    limit (int): Paragraphs to read after them; 0 for all.
    RETURNS (Callable): The reader.
    RAISES (ValueError): ML071 for negative numbers.
    """
    for option, value in (("skip", skip), ("limit", limit)):
        check_at_least(option, value, 0)
    install_extensions()
    return SquadCorpus(path, one_question=one_question, skip=skip, limit=limit)


class SquadCorpus:
    """Reads examples with questions. Arguments as for `build_squad_corpus_v1`."""

    def __init__(self, path: Optional[Path], *, one_question: bool, skip: int, limit: int):
        self._path = path
        self._one_question = one_question
        self._bounds = skip, skip + limit if limit else None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the corpus.

        nlp (Language): Its tokenizer is used.
        YIELDS (Example): The examples.
        RAISES (ValueError): ML213 if a file is not in the format.
        """
        if self._path is None:
            return
        counts = SquadCounts()
        for reference in islice(self._references(nlp, Path(self._path), counts), *self._bounds):
            parts = _split_questions(reference) if self._one_question else [reference]
            for part in parts:
                predicted = _without_annotation(nlp, part)
                predicted._.mluke_questions = part._.mluke_questions
                yield Example(predicted, part)
        counts.warn()

    def _references(self, nlp: Language, path: Path, counts: SquadCounts) -> Iterator[Doc]:
        for file in squad_files(path):
            if file.suffix == ".spacy":
                for eg in DocBinCorpus(file)(nlp):
                    if get_question_answers(eg.reference):
                        yield eg.reference
            else:
                for paragraph in read_squad(file, counts):
                    yield make_doc(nlp, paragraph)


def squad_files(path: Path) -> List[Path]:
    """Return the JSON and .spacy files at a path.

    path (Path): A file, or a directory.
    RETURNS (List[Path]): The file, or the files in the directory, sorted.
    RAISES (ValueError): ML213 if there is none.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in (".json", ".spacy"))
    if not files:
        raise ValueError(Errors.ML213.format(path=path, reason="there is no .json or .spacy file"))
    return files


def _split_questions(doc: Doc) -> Iterator[Doc]:
    """Copies of a document, each with one of its questions."""
    for question, answers in get_question_answers(doc):
        single = doc.copy()
        single._.mluke_questions = [question]
        if answers is not None:
            spans = [Answer.at(single, *answer.chars) for answer in answers]
            single._.mluke_answers = [[answer for answer in spans if answer is not None]]
        yield single


def _without_annotation(nlp: Language, reference: Doc) -> Doc:
    """A document with the text of the reference, tokenized as in prediction."""
    if reference.has_unknown_spaces:
        return Doc(nlp.vocab, words=[token.text for token in reference])
    return nlp.make_doc(reference.text)
