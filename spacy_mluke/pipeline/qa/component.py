"""The `mluke_qa` component: answers questions with pieces of a document."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import NumpyOps, set_dropout_rate
from thinc.types import Ragged
from thinc.util import to_numpy

from ...annotate.answers import Answer, Question, QuestionAnswers, get_questions, set_answers, set_questions
from ...encoder.inputs import QuestionInput
from ...errors import Errors, Warnings, check_at_least, check_fraction, check_number, check_positive
from ...heads.answer_extractor import AnswerModel, sequence_loss
from ...suggesters.entities import Suggester
from ...types import AnswerLogits, Counts, QuestionBatch
from ..base.head import HeadPipe
from ..base.published import load_encoder_model, own_encoder
from ..base.stream import annotate
from ..base.task import Scorer
from .answer_classes import JudgedAnswers, QuestionPrediction
from .questions import (
    Targets,
    answer_chars,
    find_answers,
    find_targets,
    gold_question_answers,
    missing_questions,
    predicted_gold,
    question_doc,
)

CHUNK = 64  # documents whose gold answers are aligned together


class QuestionAnswerer(JudgedAnswers, HeadPipe, TrainablePipe):
    """Answers questions with pieces of a document, or predicts that the document does not answer them.

    Questions are in `doc._.mluke_questions`, answers in `doc._.mluke_answers`; `answer` answers a single question. The
    encoder reads question and document together, a long document in windows, and the best answer of all windows is
    selected (see `heads/answer_search.py`).

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[QuestionInput, AnswerLogits]): `spacy-mluke.AnswerExtractor.v1`.
    tokenizer (Optional[Callable[[str], Doc]]): Tokenizes questions, and texts passed to `answer`. By default, spaCy's
        tokenizer without rules.
    suggester (Optional[Suggester]): Suggests the entities of a document; None for no entities.
    question_suggester (Optional[Suggester]): Suggests the entities of a question; by default, those of the Question.
    name (str): The component's name.
    top_k (int): Maximum number of answers to a question.
    max_answer_pieces (int): Maximum number of wordpieces of an answer.
    null_threshold (Optional[float]): Predict "no answer" if the null score, a logit, exceeds the best answer's by more
        than this. None to always predict an answer.
    threshold (float): Minimum probability of an answer.
    temperature (float): Number that the logits are divided by before probabilities are computed: above 1 for lower
        probabilities, below 1 for higher ones. The best answer stays the best. `python -m spacy_mluke calibrate` fits
        it.
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML071, ML310 for numbers that are not allowed; ML214 for a model that listens to a shared
        encoder.
    """

    kind = "LukeForQuestionAnswering"
    head_name = "qa_outputs"
    model: AnswerModel

    def __init__(
        self,
        vocab: Vocab,
        model: AnswerModel,
        tokenizer: Optional[Callable[[str], Doc]] = None,
        *,
        suggester: Optional[Suggester] = None,
        question_suggester: Optional[Suggester] = None,
        name: str = "mluke_qa",
        top_k: int = 1,
        max_answer_pieces: int = 30,
        null_threshold: Optional[float] = 0.0,
        threshold: float = 0.0,
        temperature: float = 1.0,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "top_k": top_k,
            "max_answer_pieces": max_answer_pieces,
            "null_threshold": null_threshold,
            "threshold": threshold,
            "temperature": temperature,
        }
        super().__init__(vocab, model, name, options, scorer)
        if own_encoder(model) is None:
            raise ValueError(Errors.ML214.format(name=name))
        self.tokenizer = tokenizer or Tokenizer(vocab)
        self.suggester = suggester
        self.question_suggester = question_suggester

    def check_options(self, options: Mapping[str, Any]) -> None:
        for option in ("top_k", "max_answer_pieces"):
            check_at_least(option, options[option], 1)
        check_number("null_threshold", options["null_threshold"], optional=True)
        check_fraction("threshold", options["threshold"])
        check_positive("temperature", options["temperature"])

    # --- the head ---

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the head: one for the first piece of an answer, one for the last."""
        return 2

    def load(self) -> None:
        """Read the encoder's checkpoint, and its head if the component has none.

        RAISES (ValueError): ML212 if there is no head.
        """
        super().load()
        if not self.has_head() and not self.load_published_head():
            raise ValueError(Errors.ML212.format(name=self.name))

    # --- predicting ---

    def answer(
        self, doc: Union[Doc, str], question: Union[str, Question, Doc, Span], *, top_k: Optional[int] = None
    ) -> List[Answer]:
        """Answer a question about a document. The document does not change.

        doc (Union[Doc, str]): The document, or its text.
        question (Union[str, Question, Doc, Span]): The question; a Doc may have entities.
        top_k (Optional[int]): Maximum number of answers. By default, the component's option.
        RETURNS (List[Answer]): Answers, best first, without common tokens. Empty if the document does not answer the
            question.
        RAISES (ValueError): ML212 without a trained head; ML071, ML210 for arguments that are not allowed.
        """
        return self.answer_all([doc], [[question]], top_k=top_k)[0][0]

    def answer_all(
        self,
        docs: Sequence[Union[Doc, str]],
        questions: Sequence[Sequence[Union[str, Question, Doc, Span]]],
        *,
        top_k: Optional[int] = None,
    ) -> List[List[List[Answer]]]:
        """Answer the questions about several documents, which are encoded together. The documents do not change.

        docs (Sequence[Union[Doc, str]]): The documents, or their texts.
        questions (Sequence[Sequence[Union[str, Question, Doc, Span]]]): The questions about each document.
        top_k (Optional[int]): Maximum number of answers to a question. By default, the component's option.
        RETURNS (List[List[List[Answer]]]): For each document and question, what `answer` returns.
        RAISES (ValueError): ML212 without a trained head; ML071, ML210 for arguments that are not allowed.
        """
        wanted = self.cfg["top_k"] if top_k is None else top_k
        check_at_least("top_k", wanted, 1)
        self.load()
        read = [self.tokenizer(doc) if isinstance(doc, str) else doc for doc in docs]
        asked = [[Question.of(question) for question in own] for own in questions]
        output = self.model.predict(self._inputs(read, asked))
        self.warn(output.batch.counts)
        found = iter(self._find([doc for doc, own in zip(read, asked, strict=True) for _ in own], output, wanted))
        return [[next(found) for _ in own] for own in asked]

    def predict(self, docs: Iterable[Doc]) -> QuestionPrediction:
        """Compute the logits of answers to documents' questions. The documents do not change.

        docs (Iterable[Doc]): Documents with `doc._.mluke_questions`.
        RETURNS (QuestionPrediction): Questions and logits.
        """
        self.load()
        docs = list(docs)
        questions = [get_questions(doc) for doc in docs]
        return QuestionPrediction(questions, self.model.predict(self._inputs(docs, questions)))

    def set_annotations(self, docs: Iterable[Doc], prediction: QuestionPrediction) -> None:
        """Set `doc._.mluke_answers`.

        docs (Iterable[Doc]): The documents.
        prediction (QuestionPrediction): Their prediction, as returned by `predict`.
        """
        docs = list(docs)
        question_docs = [doc for doc, own in zip(docs, prediction.questions, strict=True) for _ in own]
        found = self._find(question_docs, prediction.output, self.cfg["top_k"])
        at = 0
        for doc, own in zip(docs, prediction.questions, strict=True):
            if own:
                set_answers(doc, found[at : at + len(own)])
            at += len(own)

    def counts_of(self, prediction: QuestionPrediction) -> Counts:
        return prediction.output.batch.counts

    def warn(self, counts: Counts) -> None:
        super().warn(counts)
        encoder = own_encoder(self.model)
        assert encoder is not None
        if counts.truncated_questions:
            limit = encoder.attrs["window"] // 2
            warnings.warn(
                Warnings.ML176.format(n=counts.truncated_questions, name=self.name, limit=limit), stacklevel=3
            )
        if counts.skipped_spans:
            limit = encoder.attrs["max_entities"]
            warnings.warn(Warnings.ML177.format(n=counts.skipped_spans, limit=limit), stacklevel=3)

    def _inputs(self, docs: Sequence[Doc], questions: Sequence[Sequence[Question]]) -> QuestionInput:
        """Make the model's input: the questions as documents, and each document that has a question."""
        texts = [question_doc(self.tokenizer, question) for own in questions for question in own]
        read = [doc for doc, own in zip(docs, questions, strict=True) if own]
        n_questions = [len(own) for own in questions if own]
        return QuestionInput(
            texts,
            read,
            numpy.repeat(numpy.arange(len(read)), n_questions),
            _suggest(self.question_suggester, texts),
            _suggest(self.suggester, read),
        )

    def _find(self, docs: Sequence[Doc], output: AnswerLogits, top_k: int) -> List[List[Answer]]:
        return find_answers(
            output,
            docs,
            top_k=top_k,
            max_pieces=self.cfg["max_answer_pieces"],
            null_threshold=self.cfg["null_threshold"],
            threshold=self.cfg["threshold"],
            temperature=self.cfg["temperature"],
        )

    # --- training ---

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Optional[Language] = None) -> None:
        """Read the checkpoint, and initialize the head unless the checkpoint was fine-tuned for question answering.

        get_examples (Callable[[], Iterable[Example]]): Annotated examples.
        nlp (Optional[Language]): The pipeline.
        RAISES (ValueError): ML077 if no example is annotated, and the component has no head.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        load_encoder_model(self.model)
        encoder = own_encoder(self.model)
        assert encoder is not None
        n_examples = n_annotated = n_answered = n_lost = 0
        # In batches: a corpus with one question per example contains each document many times.
        for examples in minibatch(get_examples(), CHUNK):
            n_examples += len(examples)
            inputs, gold = self._gold_inputs(examples)
            batch = inputs.align(encoder)
            targets = self._targets(batch, gold)
            n_annotated += len(gold)
            n_answered += targets.n_answered
            n_lost += targets.n_lost
        if not n_annotated:
            wanted = "set doc._.mluke_questions and doc._.mluke_answers of the reference documents"
            self.check_annotation(n_examples, Errors.ML077.format(name=self.name, wanted=wanted))
        if not self.has_head() and not self.load_published_head():
            self.initialize_head()
        if n_lost:
            limit = self.cfg["max_answer_pieces"]
            warnings.warn(Warnings.ML178.format(n=n_lost, total=n_answered, name=self.name, limit=limit), stacklevel=2)

    def learn(self, examples: List[Example], drop: float) -> float:
        """Compute the loss of a batch of examples, and add the gradients to the model's. Both are sums over windows.

        examples (List[Example]): Examples whose references have questions and answers. Questions without annotation
            are skipped.
        drop (float): Dropout of the states.
        RETURNS (float): The loss.
        """
        self.load()
        inputs, gold = self._gold_inputs(examples)
        if not gold:
            return 0.0
        set_dropout_rate(self.model, drop)
        output, backprop = self.model.begin_update(inputs)
        loss, d_output = self._loss(output, self._targets(output.batch, gold))
        backprop(d_output)
        return loss

    def get_loss(self, examples: Iterable[Example], scores: QuestionPrediction) -> Tuple[float, AnswerLogits]:
        """Return the loss of a prediction and its gradient.

        examples (Iterable[Example]): Examples with the gold answers to the questions.
        scores (QuestionPrediction): The prediction, as returned by `predict`.
        RETURNS (Tuple[float, AnswerLogits]): The loss and its gradient.
        """
        gold = predicted_gold(examples, scores.questions)
        return self._loss(scores.output, self._targets(scores.output.batch, gold))

    def _gold_inputs(self, examples: Sequence[Example]) -> Tuple[QuestionInput, List[QuestionAnswers]]:
        """Make the model's input from the annotated questions of examples, and return it with the gold answers."""
        pairs = [gold_question_answers(eg) for eg in examples]
        questions = [[question for question, _ in own] for own in pairs]
        return self._inputs([eg.predicted for eg in examples], questions), [pair for own in pairs for pair in own]

    def _targets(self, batch: QuestionBatch, gold: Sequence[QuestionAnswers]) -> Targets:
        return find_targets(batch, answer_chars(gold), self.cfg["max_answer_pieces"])

    def _loss(self, output: AnswerLogits, targets: Targets) -> Tuple[float, AnswerLogits]:
        logits = to_numpy(output.logits)
        loss, gradient = sequence_loss(logits, output.batch.piece_lengths, targets.pieces, targets.counted)
        return loss, AnswerLogits(self.model.ops.asarray2f(gradient), output.batch)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score answers. Questions that predicted documents lack are copied from the references, and answered first:
        readers such as that of `spacy evaluate` make predicted documents from text only.

        examples (Iterable[Example]): Predicted and reference documents.
        RETURNS (Dict[str, Any]): The scores.
        """
        examples = list(examples)
        missing = [(eg.predicted, missing_questions(eg.predicted, eg.reference)) for eg in examples]
        docs = [doc for doc, questions in missing if questions]
        if docs and self.scorer is not None:
            for doc, questions in missing:
                if questions:
                    set_questions(doc, [*get_questions(doc), *questions])
            counts = Counts()
            self.load()
            for start in range(0, len(docs), CHUNK):
                annotate(self, docs[start : start + CHUNK], counts)
            self.warn(counts)
        return super().score(examples, **kwargs)


def _suggest(suggester: Optional[Suggester], docs: Sequence[Doc]) -> Ragged:
    ops = NumpyOps()
    if suggester is None:
        return Ragged(ops.alloc2i(0, 2), ops.alloc1i(len(docs)))
    return suggester(docs, ops=ops)
