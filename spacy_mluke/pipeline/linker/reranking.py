"""Base of `mluke_linker`: ranks the candidates of mentions by what their text says."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example

from ...encoder.access import encoder_settings
from ...errors import Errors, check_flag, check_text
from ...kb.affixes import bare_name
from ...kb.candidate_sources import AUTO, CandidateSource
from ...kb.evidence import Evidence
from ...kb.keywords import name_words, words_around
from ...kb.nil import LEAST_SUPPORT, support_of
from ...kb.projections import Projections
from ...kb.ranking import Ranking, fitting, likely, rank
from ...kb.reranker import Reranker, bundled_reranker, fit_reranker, open_candidates
from ...kb.vector_space import VectorSpace
from ...types import Floats2d
from ..base.serialization import Part
from .knowledge_base import KnowledgePipe
from .questions import Name, Question, favoured, reorder
from .similarity import Similarity, similarities, whole_texts
from .training import gold_links

RERANKER = "reranker"
_MAX_RANKED = 10  # candidates of a mention that are compared with its text


class RerankingPipe(KnowledgePipe):
    """Base of `mluke_linker`: a small model ranks the candidates of mentions by features."""

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        if options["reranker"] is not None:
            check_text("reranker", options["reranker"])
        for option in ("use_facts", "similarity"):
            check_flag(option, options[option])

    def set_candidates(self, candidates: CandidateSource) -> None:
        super().set_candidates(candidates)
        self._reranker: Optional[Reranker] = None

    def forget(self) -> None:
        super().forget()
        own = self.candidates
        self._evidence = Evidence(own.facts, own.get, own.classes, own.keywords)
        self._similarity = Similarity(self.model.get_ref("encoder"), self.vocab)

    @property
    def reranker(self) -> Optional[Reranker]:
        """The model that ranks candidates; None if there is none.

        RAISES (ValueError): ML415 if the file that the option names cannot be read.
        """
        path = self.cfg["reranker"]
        if path is None:
            return None
        if self._reranker is None:
            if path == AUTO:
                return bundled_reranker() if self.candidates.is_described else None
            self._reranker = Reranker.from_disk(Path(path))
        return self._reranker

    @property
    def compares_rows(self) -> bool:
        """Whether the encoder compares its rows of the candidates. Those of an encoder that nobody trained to link to
        "knowledge" say less of them than the re-ranker, which was trained with this encoder."""
        reranker = self.reranker
        is_measured = reranker is not None and reranker.encoder == self._encoder_name
        return self.cfg["trained"] or not (is_measured and getattr(self.candidates, "has_knowledge", False))

    def fit_reranker(
        self,
        examples: Sequence[Example],
        *,
        texts: Optional[Mapping[str, Sequence[Doc]]] = None,
        l2: float = 1.0,
    ) -> Reranker:
        """Train the model that ranks candidates, on mentions whose gold entity is one of several candidates.

        examples (Sequence[Example]): Documents with entities, and their references, whose entities have a `kb_id_`.
        texts (Optional[Mapping[str, Sequence[Doc]]]): Further texts by language, which say what the vectors of a
            language have in common.
        l2 (float): Weight of the penalty of large weights.
        RETURNS (Reranker): The model, which is now the component's.
        RAISES (ValueError): ML416 if no mention has a gold entity among several candidates.
        """
        self.load()
        docs = [eg.predicted for eg in examples]
        questions, golds = self.questions(examples)
        if not questions:
            raise ValueError(Errors.ML416)
        features = self.fact_features(docs, questions)
        mentions, descriptions = self.vectors(docs, questions)
        space = self.fit_space(docs, questions, mentions, descriptions, texts or {})
        found = self._with_similarities(space, docs, questions, features, mentions, descriptions)
        self._reranker = fit_reranker(list(zip(found, golds, strict=True)), self._encoder_name, space, l2=l2)
        if self.cfg["reranker"] is None:
            self.cfg["reranker"] = AUTO
        return self._reranker

    def fit_space(
        self,
        docs: Sequence[Doc],
        questions: Sequence[Question],
        mentions: Floats2d,
        descriptions: Sequence[Floats2d],
        texts: Mapping[str, Sequence[Doc]],
    ) -> VectorSpace:
        """Return the space in which texts and descriptions are compared.

        docs (Sequence[Doc]): The documents.
        questions (Sequence[Question]): Mentions in them.
        mentions (Floats2d): Vectors of the texts around them.
        descriptions (Sequence[Floats2d]): Vectors of the descriptions of their candidates.
        texts (Mapping[str, Sequence[Doc]]): Further texts by language.
        RETURNS (VectorSpace): The space.
        """
        by_language: Dict[str, List[Any]] = defaultdict(list)
        for question, vectors in zip(questions, mentions, strict=True):
            by_language[self._lang(docs[question.doc])].append(vectors)
        for lang, own in texts.items():
            by_language[lang] += list(self._similarity.texts(own, whole_texts(own)))
        return VectorSpace.fit(
            {lang: numpy.stack(own) for lang, own in by_language.items() if own}, numpy.concatenate(descriptions)
        )

    def questions(self, examples: Sequence[Example]) -> Tuple[List[Question], List[int]]:
        """Return the mentions that `fit_reranker` learns from.

        examples (Sequence[Example]): As for `fit_reranker`.
        RETURNS (Tuple[List[Question], List[int]]): Mentions, and the index of the gold candidate of each.
        """
        questions, targets = [], []
        for i, eg in enumerate(examples):
            gold = gold_links(eg)[0]
            ents = list(eg.predicted.ents)
            for ent, matches in zip(ents, self.candidates(ents) if ents else (), strict=True):
                own = rank(fitting(matches, ent.label_, self.candidates.classes), ent.label_)
                ids = [match.id for match in own.matches[:_MAX_RANKED]]
                kb_id = gold.get((ent.start, ent.end))
                if len(ids) > 1 and kb_id in ids:
                    questions.append(Question(i, ent, own))
                    targets.append(ids.index(kb_id))
        return questions, targets

    def rank_candidates(self, docs: Sequence[Doc], ents: Sequence[Tuple[int, Span]], *, rerank: bool) -> List[Ranking]:
        """Return the ranked candidates of mentions.

        docs (Sequence[Doc]): The documents.
        ents (Sequence[Tuple[int, Span]]): Indices of documents, and mentions in them.
        rerank (bool): Whether to use the model that ranks candidates, if there is one.
        RETURNS (List[Ranking]): The candidates of each mention.
        """
        if not ents:
            return []
        classes_of = self.candidates.classes
        found = self.candidates([ent for _, ent in ents])
        found = [fitting(own, ent.label_, classes_of) for (_, ent), own in zip(ents, found, strict=True)]
        reranker = self.reranker if rerank else None
        if reranker is None:
            names = self._names(docs, {i for (i, _), own in zip(ents, found, strict=True) if len(own) > 1})
            context = {i: likely(name.matches for name in own) for i, own in names.items()}
            return [
                rank(own, ent.label_, context.get(i, ()), self.candidates.facts)
                for (i, ent), own in zip(ents, found, strict=True)
            ]
        rankings = [rank(own, ent.label_) for (_, ent), own in zip(ents, found, strict=True)]
        places = [place for place, own in enumerate(rankings) if len(own.matches) > 1]
        if places:
            self._reorder(reranker, docs, ents, rankings, places)
        self._decide_nil(reranker, docs, ents, rankings)
        return rankings

    def _reorder(
        self,
        reranker: Reranker,
        docs: Sequence[Doc],
        ents: Sequence[Tuple[int, Span]],
        rankings: List[Ranking],
        places: Sequence[int],
    ) -> None:
        """Rank the candidates of some mentions again, in place."""
        questions = [Question(*ents[place], rankings[place]) for place in places]
        names = self._names(docs, {question.doc for question in questions})
        features = self.fact_features(docs, questions, names)
        found = [
            favoured(reranker.probabilities(own), question, names.get(question.doc, ()))
            for own, question in zip(features, questions, strict=True)
        ]
        if self.cfg["similarity"] and reranker.space is not None and reranker.encoder == self._encoder_name:
            # The encoder reads nothing for a mention that priors, labels and facts decide.
            rows = [open_candidates(own) for own in found]
            unclear = [i for i, own in enumerate(rows) if len(own)]
            # The projections were trained on descriptions made of classes and facts, not on those that users write.
            described = [i for i in unclear if self._is_described(questions[i])]
            others = [i for i in unclear if i not in described]
            for space, some in ((reranker.space.plain, described), (reranker.space, others)):
                if some:
                    chosen = [questions[i].only(rows[i]) for i in some]
                    vectors = self.vectors(docs, chosen, space.projections)
                    base = [features[i][rows[i]] for i in some]
                    complete = self._with_similarities(space, docs, chosen, base, *vectors)
                    for i, own in zip(some, complete, strict=True):
                        found[i] = reranker.compared(found[i], rows[i], own)
        for place, probabilities in zip(places, found, strict=True):
            rankings[place] = reorder(rankings[place], probabilities, ents[place][1].label_)

    def _decide_nil(
        self, reranker: Reranker, docs: Sequence[Doc], ents: Sequence[Tuple[int, Span]], rankings: List[Ranking]
    ) -> None:
        """Set how well the best candidates support their mentions, in place, if the model says so."""
        if reranker.nil is None:
            return
        # "Barack" is Barack Obama in a text that has his whole name.
        longer = [(i, own) for (i, ent), own in zip(ents, rankings, strict=True) if own.matches and len(ent) > 1]
        named = {(i, own.matches[0].id) for i, own in longer}
        for place, ((i, ent), own) in enumerate(zip(ents, rankings, strict=True)):
            if not own.matches or own.matches[0].prominence is None:
                continue
            lang, is_named = self._lang(docs[i]), (i, own.matches[0].id) in named
            features = self._evidence.nil_features(
                bare_name(ent.text), ent.label_, lang, own.matches, reranker.first_names, is_named=is_named
            )
            support = LEAST_SUPPORT if features is None else support_of(reranker.nil, features)
            rankings[place] = own._replace(support=support)

    def _is_described(self, question: Question) -> bool:
        """Whether the knowledge base has a description of one of the candidates."""
        return any(self.candidates.descriptions(match.id) for match in question.ranking.matches[:_MAX_RANKED])

    def fact_features(
        self, docs: Sequence[Doc], questions: Sequence[Question], names: Optional[Dict[int, List[Name]]] = None
    ) -> List[Floats2d]:
        """Return the features of the first candidates of each mention that need no encoder.

        docs (Sequence[Doc]): The documents.
        questions (Sequence[Question]): The mentions.
        names (Optional[Dict[int, List[Name]]]): The names of each text; None to find them.
        RETURNS (List[Floats2d]): As from `Evidence.features`.
        """
        if names is None:
            names = self._names(docs, {question.doc for question in questions})
        found = []
        words: Dict[int, List[List[str]]] = {}  # of each token of a text
        for doc, ent, ranking in questions:
            first = ranking.matches[:_MAX_RANKED]
            others = [name.matches for name in names.get(doc, ())]
            if doc not in words:
                words[doc] = [name_words(token.text) for token in docs[doc]]
            around = words_around(words[doc], ent.start, ent.end)
            own = self._evidence.features(first, ent.label_, others, around, use_facts=self.cfg["use_facts"])
            # `rank` has multiplied the priors by the agreement with the label, which has a column of its own.
            own[:, 0] -= own[:, 1]
            found.append(own)
        return found

    def vectors(
        self, docs: Sequence[Doc], questions: Sequence[Question], projections: Optional[Projections] = None
    ) -> Tuple[Floats2d, List[Floats2d]]:
        """Return the vectors of the texts around mentions and of the descriptions of their first candidates.

        docs (Sequence[Doc]): The documents.
        questions (Sequence[Question]): The mentions.
        projections (Optional[Projections]): Learned maps that the vectors are for; None if there are none.
        RETURNS (Tuple[Floats2d, List[Floats2d]]): As from `Similarity.texts` and `Similarity.descriptions`.
        """
        parts = [(doc, ent.start, ent.end) for doc, ent, _ in questions]
        described = [
            self._evidence.describe(
                ranking.matches[:_MAX_RANKED],
                self._lang(docs[doc]),
                self.candidates.classes,
                self.candidates.descriptions,
            )
            for doc, _, ranking in questions
        ]
        vectors = self._similarity.descriptions([text for own in described for text in own])
        ends = numpy.cumsum([len(own) for own in described])[:-1]
        return self._similarity.texts(docs, parts, projections), numpy.split(vectors, ends)

    def _with_similarities(
        self,
        space: VectorSpace,
        docs: Sequence[Doc],
        questions: Sequence[Question],
        features: Sequence[Floats2d],
        mentions: Floats2d,
        descriptions: Sequence[Floats2d],
    ) -> List[Floats2d]:
        return [
            numpy.hstack([own, similarities(space, mention, self._lang(docs[question.doc]), vectors)])
            for question, own, mention, vectors in zip(questions, features, mentions, descriptions, strict=True)
        ]

    def _names(self, docs: Sequence[Doc], which: Collection[int]) -> Dict[int, List[Name]]:
        """All names of some texts with their candidates, also names that are no entities of `doc.ents`."""
        if not self.cfg["use_facts"] or not self.candidates.has_facts:
            return {}
        found = {}
        for i in which:
            doc = docs[i]
            bounds = self._finders(self._lang(doc)).find_longest(doc.text)
            spans = [span for span in (doc.char_span(*own, alignment_mode="expand") for own in bounds) if span]
            matches = self.candidates(spans) if spans else []
            found[i] = [Name(span.start, span.end, own) for span, own in zip(spans, matches, strict=True)]
        return found

    def _lang(self, doc: Doc) -> str:
        lang = getattr(self.candidates, "lang", AUTO)
        return doc.lang_ if lang in (AUTO, None) else str(lang)

    @property
    def _encoder_name(self) -> str:
        return str(encoder_settings(self.model.get_ref("encoder"))["name"])

    # --- saving ---

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        own = Part(RERANKER, self._write_reranker, self._read_reranker, self._reranker_bytes, self._reranker_from_bytes)
        return [*super().parts(exclude, place), own]

    def _write_reranker(self, path: Path) -> None:
        if self.reranker is not None:
            self.reranker.to_disk(path)

    def _read_reranker(self, path: Path) -> None:
        is_used = path.is_file() and RERANKER not in self.overridden
        self._reranker = Reranker.from_disk(path) if is_used else None

    def _reranker_bytes(self) -> bytes:
        return b"" if self.reranker is None else self.reranker.to_bytes()

    def _reranker_from_bytes(self, data: bytes) -> None:
        self._reranker = Reranker.from_bytes(data) if data else None
