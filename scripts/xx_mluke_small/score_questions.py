"""Score answers: XQuAD, and held-out questions of the training languages."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.training import Example

from scripts.xx_mluke_small.evaluation_sets import QUESTION_SETS, XQUAD, XQUAD_SETS
from scripts.xx_mluke_small.questions import AskedQuestion, read_questions
from scripts.xx_mluke_small.scoring import area_under_curve, choose, mean_f, score
from scripts.xx_mluke_small.sources import language_of
from scripts.xx_mluke_small.training_files import QUESTIONS, DataFolder
from spacy_mluke.annotate.answers import get_question_answers
from spacy_mluke.report.calibrate import changed_options
from spacy_mluke.report.metrics import N_ITEMS, exact_match, word_f1
from spacy_mluke.scorers.qa import ComparedAnswer, compare_answers
from spacy_mluke.training.squad import Paragraph, make_doc, read_squad

NAME = "mluke_qa"
METRICS = {"f": word_f1, "em": exact_match}
# Scores are SQuAD's in every language, as XQuAD's are published. For languages without spaces those by characters, as
# MLQA defines them, are given, too.
_BY_CHARACTERS = frozenset({"zh", "ja"})
_CHUNK = 8


def score_questions(
    nlp: Language, training: DataFolder, data: DataFolder, *, limit: int, n_samples: int
) -> Dict[str, Any]:
    """Score the answers of a pipeline.

    nlp (Language): A pipeline with `mluke_qa`.
    training (DataFolder): The training data, a part of which is held out.
    data (DataFolder): The evaluation data.
    limit (int): Maximum number of questions of each set; 0: all.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): "xquad" and "sets": scores by language and by set; and the means over XQuAD's languages.
        In XQuAD, an answer is always given; elsewhere, the pipeline decides whether there is one.
    """
    options: Dict[str, Any] = {"limit": limit, "n_samples": n_samples}
    # All of XQuAD's questions have an answer, and published systems always give one.
    pipe: Any = nlp.get_pipe(NAME)
    with changed_options(pipe.cfg, {"null_threshold": None}):
        xquad = {
            file.split(".")[1]: score_asked(nlp, read_asked(data, f"{XQUAD}/{file}"), file.split(".")[1], **options)
            for file in XQUAD_SETS
        }
    sets = {
        file.removesuffix(".json"): score_asked(
            nlp, read_asked(data, f"{QUESTIONS}/{file}"), language_of(file), **options
        )
        for file in QUESTION_SETS
    }
    for file, questions in read_questions(training, held_out=True).items():
        name = f"{file.removesuffix('.json')}, held out"
        sets[name] = score_asked(nlp, questions, language_of(file), **options)
    return {
        "xquad": xquad,
        "xquad_mean": mean_f(xquad.values()),
        "xquad_mean_em": mean_f(xquad.values(), "em"),
        "sets": sets,
    }


def read_asked(data: DataFolder, name: str) -> List[AskedQuestion]:
    """Read a file of questions to score on.

    data (DataFolder): The evaluation data.
    name (str): The file's name.
    RETURNS (List[AskedQuestion]): The questions with their texts.
    """
    paragraphs = read_squad(data.path(name))
    return [AskedQuestion(paragraph.text, question) for paragraph in paragraphs for question in paragraph.questions]


def score_asked(
    nlp: Language, asked: Sequence[AskedQuestion], lang: str, *, limit: int, n_samples: int
) -> Dict[str, Any]:
    """Score questions.

    nlp (Language): A pipeline with `mluke_qa`.
    asked (Sequence[AskedQuestion]): Questions with their texts.
    lang (str): The language.
    limit (int): Maximum number of questions; 0: all.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Numbers, F1 and exact match, over all questions; for Chinese and Japanese, also those by
        characters. For sets with unanswerable questions, also the fraction of these that got no answer, F1 of the
        others, and the area under the curve of null scores.
    """
    chosen = choose(asked, limit)
    examples = answer(nlp, chosen)
    compared = [next(compare_answers(eg)) for eg in examples]
    found: Dict[str, Any] = {"questions": len(chosen), **_score(compared, n_samples)}
    if lang in _BY_CHARACTERS:
        by_characters = _score([next(compare_answers(eg, lang)) for eg in examples], n_samples)
        found.update({f"{name}_by_characters": value for name, value in by_characters.items()})
    unanswerable = [own for own in compared if not own.has_answer]
    if unanswerable:
        answerable = [own.f1 for own in compared if own.has_answer]
        found["unanswerable"] = len(unanswerable)
        found["no_answer"] = round(100 * sum(own.em for own in unanswerable) / len(unanswerable), 2)
        found["answerable_f"] = round(100 * sum(answerable) / max(1, len(answerable)), 2)
        area = area_under_curve(numpy.asarray(null_scores(nlp, chosen)), [not own.has_answer for own in compared])
        found["null_score_area"] = None if area is None else round(100 * area, 2)
    return found


def answer(nlp: Language, asked: Iterable[AskedQuestion]) -> List[Example]:
    """Answer questions.

    nlp (Language): A pipeline with `mluke_qa`.
    asked (Iterable[AskedQuestion]): Questions with their texts.
    RETURNS (List[Example]): Predicted and reference documents.
    """
    pipe: Any = nlp.get_pipe(NAME)
    examples = []
    for item in asked:
        reference = make_doc(nlp, Paragraph(item.text, [item.question]))
        predicted = nlp.make_doc(item.text)
        predicted._.mluke_questions = reference._.mluke_questions
        examples.append(Example(predicted, reference))
    # Similar lengths together.
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].text))
    docs = pipe.pipe([examples[i].predicted for i in order], batch_size=_CHUNK)
    for i, doc in zip(order, docs, strict=True):
        examples[i].predicted = doc
    return examples


def null_scores(nlp: Language, asked: Sequence[AskedQuestion]) -> List[float]:
    """Return the probability of each question that its text does not answer it.

    nlp (Language): A pipeline with `mluke_qa`.
    asked (Sequence[AskedQuestion]): Questions with their texts.
    RETURNS (List[float]): The probabilities.
    """
    pipe: Any = nlp.get_pipe(NAME)
    threshold = pipe.cfg["null_threshold"]
    # Without the threshold, every question has an answer, and the answer has the null score.
    pipe.cfg["null_threshold"] = None
    try:
        return [_null_score(eg) for eg in answer(nlp, asked)]
    finally:
        pipe.cfg["null_threshold"] = threshold


def _null_score(eg: Example) -> float:
    pairs: List[Tuple[Any, Any]] = list(get_question_answers(eg.predicted))
    answers = pairs[0][1] if pairs else None
    return answers[0].null_score if answers else 1.0


def _score(compared: List[ComparedAnswer], n_samples: int) -> Dict[str, Any]:
    counts = numpy.asarray([(1, own.em, own.f1) for own in compared], dtype="float64").reshape((-1, 3))
    return {**score(counts, (N_ITEMS, "em", "f1"), METRICS, n_samples=n_samples)}
