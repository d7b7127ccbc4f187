"""Scorer of answers: exact match and word F1, as defined by SQuAD and MLQA."""

import re
import string
import sys
import unicodedata
from collections import Counter
from functools import cache, partial
from typing import Any, Callable, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from spacy.training import Example

from ..annotate.answers import Answer, Question, get_question_answers

# Articles that MLQA's evaluation ignores (Lewis et al., 2020, section 5.1). Arabic has a prefix instead.
_ARTICLES: Dict[str, str] = {
    "en": "a an the",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "es": "un una unos unas el la los las",
    "vi": "của là cái chiếc những",
}
_ARABIC_PREFIX = "ال"
# Languages without spaces between words: each of these characters is a word. MLQA defines Chinese; kana are added here.
_SINGLE = {"zh": "\u4e00-\u9fa5", "ja": "\u3040-\u30ff\u4e00-\u9fa5"}


def build_qa_scorer_v1(lang: Optional[str] = None) -> Callable[..., Dict[str, Any]]:
    """Score `doc._.mluke_answers`. Registered as `spacy-mluke.qa_scorer.v1`.

    The exact text of the best predicted answer is compared with every gold answer, and the best comparison counts. A
    question that has no gold answer scores 1 if none was predicted. Questions without annotation are skipped. A
    question that is not among the predicted document's questions counts as unanswered.

    lang (Optional[str]): Normalize as MLQA does for this language; "auto" for the language of each document. None for
        SQuAD's normalization: lower case, without ASCII punctuation and the articles a, an, the.
    RETURNS (Callable): Examples -> qa_em and qa_f1; qa_has_answer_{em,f1}, the same over questions that have an answer;
        qa_no_answer, the fraction of the others for which no answer was predicted. None where there are no such
        questions.
    """
    return partial(score_answers, lang=lang)


def score_answers(examples: Iterable[Example], *, lang: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """Score answers; arguments as for `build_qa_scorer_v1`.

    examples (Iterable[Example]): Predicted and reference documents.
    RETURNS (Dict[str, Any]): The scores, from 0 to 1.
    """
    answered: List[Tuple[float, float]] = []
    unanswered: List[Tuple[float, float]] = []
    for eg in examples:
        for own in compare_answers(eg, lang):
            (answered if own.has_answer else unanswered).append((own.em, own.f1))
    found: Dict[str, Any] = dict(zip(("qa_em", "qa_f1"), _means(answered + unanswered), strict=True))
    found.update(zip(("qa_has_answer_em", "qa_has_answer_f1"), _means(answered), strict=True))
    found["qa_no_answer"] = _means(unanswered)[0]
    return found


class ComparedAnswer(NamedTuple):
    """A reference's question and the scores of its predicted answer."""

    question: Question
    gold: List[Answer]
    best: Optional[Answer]  # the best predicted answer, if there is one
    has_answer: bool  # whether a gold answer holds a word
    em: float
    f1: float


def compare_answers(eg: Example, lang: Optional[str] = None) -> Iterator[ComparedAnswer]:
    """Compare the best answer to each annotated question with the gold ones.

    eg (Example): Predicted and reference document.
    lang (Optional[str]): As for `build_qa_scorer_v1`.
    YIELDS (ComparedAnswer): The questions, in order.
    """
    predicted = {question.key: answers for question, answers in get_question_answers(eg.predicted)}
    code = eg.reference.lang_ if lang == "auto" else lang
    for question, gold in get_question_answers(eg.reference):
        if gold is None:
            continue
        best = next(iter(predicted.get(question.key) or []), None)
        # As in SQuAD 2.0, an answer of only articles and punctuation counts as no answer.
        texts = [answer.text for answer in gold if normalize(answer.text, code)]
        em, f1 = compare(best.text if best else "", texts or [""], code)
        yield ComparedAnswer(question, gold, best, bool(texts), em, f1)


def compare(answer: str, gold: Sequence[str], lang: Optional[str] = None) -> Tuple[float, float]:
    """Compare an answer with several gold ones.

    answer (str): The answer; "" for none.
    gold (Sequence[str]): Gold answers.
    lang (Optional[str]): As for `build_qa_scorer_v1`.
    RETURNS (Tuple[float, float]): Exact match and F1, each the best over the gold answers.
    """
    words = normalize(answer, lang)
    scores = [(float(words == other), f1_score(words, other)) for other in (normalize(text, lang) for text in gold)]
    return max(em for em, _ in scores), max(f1 for _, f1 in scores)


def f1_score(words: Sequence[str], gold: Sequence[str]) -> float:
    """Return the F1 of the words that two answers share, counting repetitions.

    words (Sequence[str]): One answer.
    gold (Sequence[str]): The other.
    RETURNS (float): F1; if either has no words, 1.0 if both have none, else 0.0.
    """
    if not words or not gold:
        return float(list(words) == list(gold))
    n_shared = sum((Counter(words) & Counter(gold)).values())
    return 2.0 * n_shared / (len(words) + len(gold))


def normalize(text: str, lang: Optional[str] = None) -> List[str]:
    """Return the normalized words of an answer.

    text (str): The answer.
    lang (Optional[str]): As for `build_qa_scorer_v1`, except "auto".
    RETURNS (List[str]): Words in lower case, without punctuation and articles.
    """
    ignored = _punctuation() if lang else frozenset(string.punctuation)
    text = "".join(char for char in text.lower() if char not in ignored)
    if lang == "ar":
        text = text.replace(_ARABIC_PREFIX, " ")
    articles = _article_pattern(lang or "en")
    if articles is not None:
        text = articles.sub(" ", text)
    if lang in _SINGLE:
        single = _SINGLE[lang]
        return re.findall(rf"[{single}]|[^\s{single}]+", text)
    return text.split()


@cache
def _article_pattern(lang: str) -> Optional[Any]:
    words = _ARTICLES.get(lang)
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b") if words else None


@cache
def _punctuation() -> FrozenSet[str]:
    """Unicode's punctuation and ASCII's symbols."""
    chars = map(chr, range(sys.maxunicode + 1))
    return frozenset(string.punctuation).union(char for char in chars if unicodedata.category(char).startswith("P"))


def _means(scores: Sequence[Tuple[float, float]]) -> Tuple[Optional[float], Optional[float]]:
    if not scores:
        return None, None
    return sum(em for em, _ in scores) / len(scores), sum(f1 for _, f1 in scores) / len(scores)
