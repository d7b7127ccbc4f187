"""The factory of `mluke_qa`."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from spacy.language import Language
from thinc.api import Model

from ..base.defaults import ENCODER, Suggester

if TYPE_CHECKING:
    from .component import QuestionAnswerer

QA: Dict[str, Any] = {
    "model": {"@architectures": "spacy-mluke.AnswerExtractor.v1", "encoder": ENCODER, "dropout": 0.0},
    "suggester": None,
    "question_suggester": {"@misc": "spacy-mluke.ents_suggester.v1"},
    "top_k": 1,
    "max_answer_pieces": 30,
    "null_threshold": 0.0,
    "threshold": 0.0,
    "temperature": 1.0,
    "scorer": {"@scorers": "spacy-mluke.qa_scorer.v1", "lang": None},
}

QA_WEIGHTS: Dict[str, Optional[float]] = {
    "qa_em": 0.0,
    "qa_f1": 1.0,
    "qa_has_answer_em": None,
    "qa_has_answer_f1": None,
    "qa_no_answer": None,
}


@Language.factory(
    "mluke_qa",
    requires=["doc._.mluke_questions"],
    assigns=["doc._.mluke_answers"],
    default_config=QA,
    default_score_weights=QA_WEIGHTS,
)
def make_mluke_qa(
    nlp: Language,
    name: str,
    model: Model,
    suggester: Optional[Suggester],
    question_suggester: Optional[Suggester],
    top_k: int,
    max_answer_pieces: int,
    null_threshold: Optional[float],
    threshold: float,
    temperature: float,
    scorer: Optional[Callable],
) -> "QuestionAnswerer":
    """Make `mluke_qa`, with the pipeline's tokenizer. See `QuestionAnswerer` for the options."""
    from .component import QuestionAnswerer

    return QuestionAnswerer(
        nlp.vocab,
        model,
        nlp.tokenizer,
        suggester=suggester,
        question_suggester=question_suggester,
        name=name,
        top_k=top_k,
        max_answer_pieces=max_answer_pieces,
        null_threshold=null_threshold,
        threshold=threshold,
        temperature=temperature,
        scorer=scorer,
    )
