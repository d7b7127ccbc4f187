"""The work of the server's thread: loads the pipeline, and runs it on batches."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import Doc

from ..annotate.fillers import Filler
from ..bulk.pipelines import load_pipeline
from ..kb.store_union import AnyStore
from ..pipeline.cloze.component import ClozeFiller
from ..pipeline.mluke.component import MLuke
from ..pipeline.qa.component import QuestionAnswerer
from ..pipeline.typing.component import EntityTyper
from .documents import make_document
from .entities import Entities, find_store
from .jobs import Annotate, Answer, Fill, Key, Text
from .problems import Problem
from .settings import Settings

# The first text in a language makes the finder of its mentions, which takes seconds.
WARM_UP = "Tokyo is the capital of Japan."


class Worker:
    """Runs a pipeline. Only one thread may use it.

    nlp (Language): The pipeline.
    """

    def __init__(self, nlp: Language):
        self.nlp = nlp
        self.qa: Optional[QuestionAnswerer] = _first(nlp, QuestionAnswerer)
        self.cloze: Optional[ClozeFiller] = _first(nlp, ClozeFiller)
        self.vectors: Optional[MLuke] = next((pipe for _, pipe in nlp.components if isinstance(pipe, MLuke)), None)
        self.store: Optional[AnyStore] = find_store(nlp)
        self.entities = None if self.store is None else Entities(self.store)
        typer: Optional[EntityTyper] = _first(nlp, EntityTyper)
        self.type_threshold: float = 0.5 if typer is None else typer.cfg["threshold"]
        self._by_kind: Dict[type, Callable[[Any, List[Any]], List[Any]]] = {
            Annotate: self._annotate,
            Answer: self._answer,
            Fill: self._fill,
        }

    def warm_up(self) -> None:
        """Read the checkpoints, and fail now if a component cannot predict.

        This runs outside a memory zone: strings of what is loaded at the first use stay in the vocabulary.
        """
        doc = self.nlp(WARM_UP)
        if self.vectors is not None:
            self.vectors(doc)

    def run(self, key: Key, payloads: List[Any]) -> List[Any]:
        """Process a batch.

        key (Key): What to do.
        payloads (List[Any]): A `Text` for each text to annotate; text and questions; or a text with masks.
        RETURNS (List[Any]): A document, answers or fillers for each of them.
        """
        # Words and strings that the batch adds to the vocabulary are freed after it.
        with self.nlp.memory_zone():
            return self._by_kind[type(key)](key, payloads)

    def _annotate(self, key: Annotate, texts: Sequence[Text]) -> List[Dict[str, Any]]:
        docs = list(self.nlp.pipe([text.text for text in texts], batch_size=len(texts), disable=list(key.disabled)))
        self._add_vectors([doc for doc, text in zip(docs, texts, strict=True) if text.with_vectors])
        return [
            make_document(
                doc,
                self.entities,
                lang=text.lang,
                type_threshold=self.type_threshold,
                with_vectors=text.with_vectors,
            )
            for doc, text in zip(docs, texts, strict=True)
        ]

    def _add_vectors(self, docs: List[Doc]) -> None:
        """Run `mluke` on documents whose vectors were requested, unless it was one of their components."""
        if self.vectors is not None:
            for _ in self.vectors.pipe([doc for doc in docs if doc._.mluke is None], batch_size=max(1, len(docs))):
                pass

    def _answer(self, key: Answer, asked: Sequence[Tuple[str, List[str]]]) -> List[List[List[Dict[str, Any]]]]:
        assert self.qa is not None
        texts, questions = [text for text, _ in asked], [own for _, own in asked]
        found = self.qa.answer_all(texts, questions, top_k=key.top_k)
        return [[[answer.to_dict() for answer in answers] for answers in own] for own in found]

    def _fill(self, key: Fill, texts: Sequence[str]) -> List[List[List[Dict[str, Any]]]]:
        assert self.cloze is not None
        try:
            found: List[List[List[Filler]]] = self.cloze.fill(
                list(texts), key.candidates, key.top_k, mode=key.mode, lang=key.lang
            )
        except ValueError as error:
            # ML221 to ML223: a head that the checkpoint lacks, or a candidate that is not an entity.
            if str(error).startswith("[ML22"):
                raise Problem(422, str(error)) from error
            raise
        return [[[filler.to_dict() for filler in fillers] for fillers in own] for own in found]


def make_worker(settings: Settings) -> Worker:
    """Load the pipeline.

    settings (Settings): The settings.
    RETURNS (Worker): Runs the pipeline.
    RAISES (ValueError): ML350 if a pipeline cannot be loaded.
    """
    nlp = load_pipeline(
        settings.pipeline, gpu_id=settings.gpu_id, threads=settings.threads, quantization=settings.quantize
    )
    worker = Worker(nlp)
    worker.warm_up()
    return worker


def _first(nlp: Language, kind: type) -> Any:
    return next((pipe for _, pipe in nlp.pipeline if isinstance(pipe, kind)), None)
