"""Run an exported pipeline: names, relations, answers, types and states, without PyTorch and spaCy."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union, cast

import numpy

from ..align import align, align_questions
from ..annotate.selection import pick_flat, pick_nested
from ..errors import Errors
from ..heads.losses import sigmoid
from ..kb.known_names import NameEvidence
from ..pipeline.ner.decoding import rank_entities
from ..pipeline.qa.answer_ranges import answer_ranges
from ..pipeline.relations.decoding import agreeing_logits, decide
from ..pipeline.relations.limits import Found, keep_best
from ..suggesters.pair_spans import propose_pairs
from ..tokenization.interface import Wordpieces
from ..tokenization.load import open_wordpieces
from ..types import AnswerLogits
from .groups import GroupScorer
from .manifest import read_manifest
from .mentions import MentionLike, characters, label_of, span_table, token_bounds
from .names import SpanClassifier, candidate_spans, pruning_of
from .results import FoundAnswer, FoundName, FoundRelation, FoundStates, FoundTypes
from .sessions import Graph, OnnxEncoder
from .texts import Mention, TokenizedText

Text = Union[str, TokenizedText]


class OnnxPipeline:
    """An exported pipeline. It reads the graphs that a call needs at the first such call.

    Texts are strings, which are split into tokens by `TokenizedText.split`, or TokenizedTexts with tokens of the
    caller, such as those of a spaCy pipeline. With the same tokens, results are those of the exported pipeline.

    folder (Union[str, Path]): The export, as from `python -m spacy_mluke export-onnx`.
    threads (int): Number of threads of each graph; 0 for as many as onnxruntime chooses.
    verify (bool): Whether to compare the checksums of all files first, not only their sizes.
    RAISES (ValueError): ML484 if the export is incomplete or damaged.
    """

    def __init__(self, folder: Union[str, Path], *, threads: int = 0, verify: bool = False):
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder, verify=verify)
        self.threads = threads
        self._wordpieces: Dict[str, Wordpieces] = {}
        self._encoders: Dict[str, OnnxEncoder] = {}
        self._graphs: Dict[str, Graph] = {}
        self._evidences: Dict[str, NameEvidence] = {}

    @property
    def components(self) -> Dict[str, str]:
        """Names of the exported components, and what each one does: names, pairs, mention_pairs, answers, types or
        states."""
        return {name: found["task"] for name, found in self.manifest["components"].items()}

    def names(
        self,
        texts: Sequence[Text],
        *,
        component: Optional[str] = None,
        candidates: Optional[Sequence[Sequence[Tuple[int, int]]]] = None,
    ) -> List[List[FoundName]]:
        """Find named entities: what `mluke_ner` writes to `doc.ents`.

        texts (Sequence[Text]): The texts.
        component (Optional[str]): Name of the component; by default, the first one that finds names.
        candidates (Optional[Sequence[Sequence[Tuple[int, int]]]]): First character and end of the spans to classify,
            for each text; they are expanded to complete tokens. By default, all spans up to the length that the
            component was trained with.
        RETURNS (List[List[FoundName]]): Names of each text, in the order of the text.
        RAISES (ValueError): ML485 without such a component, ML486 for candidates outside the text.
        """
        settings, encoder = self._component(["names"], component)
        options = settings["options"]
        negative = settings["labels"].index(options["negative_label"])
        read = self._read(texts, encoder)
        spans = candidate_spans(read, settings["candidates"], candidates)
        pruner = settings.get("pruner")
        classifier = SpanClassifier(
            encoder,
            self._graph(settings["head"]),
            settings["labels"],
            with_entities=settings["with_entities"],
            pruner=None if pruner is None else self._graph(pruner["graph"]),
            lengths=None if pruner is None else numpy.asarray(pruner["lengths"], dtype="float32"),
            pruning=pruning_of(options, negative),
            evidence=self._evidence(settings),
        )
        logits = classifier.classify(read, spans)
        ranked = rank_entities(
            spans,
            logits,
            settings["labels"],
            negative=negative,
            threshold=options["threshold"],
            temperature=options["temperature"],
        )
        found = []
        for text, best in zip(read, ranked, strict=True):
            kept = pick_nested(best.bounds) if options["keep_nested"] else pick_flat(best.bounds, len(text), [])
            names = []
            for i in sorted(kept, key=best.bounds.__getitem__):
                start, end = characters(text, best.bounds[i])
                names.append(FoundName(start, end, text.text[start:end], best.labels[i], best.scores[i]))
            found.append(names)
        return found

    def relations(
        self,
        texts: Sequence[Text],
        mentions: Sequence[Sequence[MentionLike]],
        *,
        component: Optional[str] = None,
    ) -> List[List[FoundRelation]]:
        """Find relations between mentions: what `mluke_relations` writes to `doc._.mluke_relations`.

        texts (Sequence[Text]): The texts.
        mentions (Sequence[Sequence[MentionLike]]): Mentions of each text, such as its names. Labels are needed if the
            component knows which labels a relation allows.
        component (Optional[str]): Name of the component; by default, the first one that finds relations.
        RETURNS (List[List[FoundRelation]]): Relations of each text.
        RAISES (ValueError): ML485 without such a component, ML486 for mentions outside the text.
        """
        settings, encoder = self._component(["pairs", "mention_pairs"], component)
        read = self._with_mentions(self._read(texts, encoder), mentions)
        options = settings["options"]
        pairs = dict(settings["pairs"])
        allowed = pairs.pop("labels")
        groups = propose_pairs(
            cast(Any, read), **pairs, allowed=None if allowed is None else {tuple(pair) for pair in allowed}
        )
        logits, kept = GroupScorer(encoder, self._graph(settings["head"])).score(read, groups, settings["task"])
        found: List[List[FoundRelation]] = [[] for _ in read]
        if not len(kept):
            return found
        labels = settings["labels"]
        names: List[Dict[Tuple[int, ...], str]] = [
            {(own.start, own.end): own.label_ for own in text.ents} for text in read
        ]
        logits = agreeing_logits(logits, groups, kept, names, labels, options["inverses"], options["type_pairs"])
        rows, columns, scores = decide(logits, labels, options)
        places = [(n, pair) for n, own in enumerate(groups) for pair in own.tolist()]
        for row, column, score in zip(kept[rows].tolist(), columns.tolist(), scores.tolist(), strict=True):
            n, pair = places[row]
            head, tail = (characters(read[n], bounds) for bounds in pair)
            found[n].append(FoundRelation(head, tail, labels[column], score))
        return [_within_limits(text.text, own, options) for text, own in zip(read, found, strict=True)]

    def types(
        self, texts: Sequence[Text], mentions: Sequence[Sequence[MentionLike]], *, component: Optional[str] = None
    ) -> List[List[FoundTypes]]:
        """Find the types of mentions: what `mluke_typing` finds.

        texts (Sequence[Text]): The texts.
        mentions (Sequence[Sequence[MentionLike]]): Mentions of each text.
        component (Optional[str]): Name of the component; by default, the first one that finds types.
        RETURNS (List[List[FoundTypes]]): For each mention that has wordpieces, its types.
        RAISES (ValueError): ML485 without such a component, ML486 for mentions outside the text.
        """
        settings, encoder = self._component(["types"], component)
        read = self._with_mentions(self._read(texts, encoder), mentions)
        groups = [
            numpy.asarray([(own.start, own.end) for own in text.ents], dtype="int32").reshape((-1, 1, 2))
            for text in read
        ]
        logits, kept = GroupScorer(encoder, self._graph(settings["head"])).score(read, groups, settings["task"])
        scores = sigmoid(logits / settings["options"]["temperature"])
        places = [(n, bounds) for n, own in enumerate(groups) for (bounds,) in own.tolist()]
        found: List[List[FoundTypes]] = [[] for _ in read]
        for row, own in zip(kept.tolist(), scores, strict=True):
            n, bounds = places[row]
            best = [
                i for i in numpy.argsort(-own, kind="stable").tolist() if own[i] >= settings["options"]["threshold"]
            ]
            types = tuple((settings["labels"][i], float(own[i])) for i in best)
            found[n].append(FoundTypes(*characters(read[n], bounds), types))
        return found

    def answers(
        self,
        text: Text,
        questions: Sequence[str],
        *,
        component: Optional[str] = None,
        top_k: Optional[int] = None,
    ) -> List[List[FoundAnswer]]:
        """Answer questions about a text: what `mluke_qa` answers.

        text (Text): The text.
        questions (Sequence[str]): The questions.
        component (Optional[str]): Name of the component; by default, the first one that answers questions.
        top_k (Optional[int]): Maximum number of answers to a question. By default, the component's option.
        RETURNS (List[List[FoundAnswer]]): Answers to each question, best first. Empty if the text does not answer it.
        RAISES (ValueError): ML485 without such a component.
        """
        settings, encoder = self._component(["answers"], component)
        if not questions:
            return []
        asked = self._read(list(questions), encoder)
        (read,) = self._read([text], encoder)
        batch = align_questions(
            cast(Any, asked), cast(Any, [read]), numpy.zeros(len(asked), dtype="int64"), encoder.wordpieces,
            **encoder.alignment(),
        )  # fmt: skip
        states, _ = encoder.run(batch)
        (logits,) = self._graph(settings["head"])(states=states)
        options = settings["options"]
        found = answer_ranges(
            AnswerLogits(logits, batch),
            cast(Any, [read] * len(asked)),
            top_k=top_k or options["top_k"],
            max_pieces=options["max_answer_pieces"],
            **{name: options[name] for name in ("null_threshold", "threshold", "temperature")},
        )
        return [
            [FoundAnswer(a.start, a.end, read.text[a.start : a.end], a.score, a.null_score) for a in own]
            for own in found
        ]

    def states(
        self,
        texts: Sequence[Text],
        mentions: Optional[Sequence[Sequence[MentionLike]]] = None,
        *,
        component: Optional[str] = None,
        entity_ids: Optional[Sequence[int]] = None,
    ) -> List[FoundStates]:
        """Encode texts with mentions in them: the states that `mluke` has.

        A text that is longer than a window is read in several, and a wordpiece has its state from the window with the
        most context.

        texts (Sequence[Text]): The texts.
        mentions (Optional[Sequence[Sequence[MentionLike]]]): Mentions of each text; None for none.
        component (Optional[str]): The component whose encoder is used; by default, the first one.
        entity_ids (Optional[Sequence[int]]): The entity of each mention, mention after mention; by default, [MASK].
            Other entities need an export with all entities.
        RETURNS (List[FoundStates]): States of each text.
        RAISES (ValueError): ML485 without such a component, ML486 for mentions outside the text, ML487 for entities
            that were not exported.
        """
        _, encoder = self._component(None, component)
        read = self._with_mentions(self._read(texts, encoder), mentions or [[] for _ in texts])
        rows = encoder.settings["entities"]["rows"]
        if entity_ids is not None and len(entity_ids) and not 0 <= min(entity_ids) <= max(entity_ids) < rows:
            raise ValueError(Errors.ML487.format(found=max(entity_ids), rows=rows))
        given = None if entity_ids is None else numpy.asarray(entity_ids, dtype="int64")
        batch = align(cast(Any, read), span_table(read), encoder.wordpieces, entity_ids=given, **encoder.alignment())
        piece_states, entity_states = encoder.run(batch)
        found = []
        for doc in batch.docs:
            kept = numpy.flatnonzero(doc.span_rows >= 0)
            of_mentions = numpy.full((len(doc.span_rows), encoder.width), numpy.nan, dtype="float32")
            of_mentions[kept] = entity_states[doc.span_rows[kept]]
            pieces = encoder.wordpieces.pieces(batch.piece_ids[doc.piece_rows].tolist())
            found.append(FoundStates(tuple(pieces), doc.piece_offsets, piece_states[doc.piece_rows], of_mentions))
        return found

    def split(self, text: str, *, component: Optional[str] = None) -> TokenizedText:
        """Split a text into tokens, as the other methods do.

        text (str): The text.
        component (Optional[str]): The component whose wordpieces are used; by default, the first one.
        RETURNS (TokenizedText): The text with its tokens.
        """
        return self._split(text, self._component(None, component)[1])

    def _component(self, tasks: Optional[List[str]], name: Optional[str]) -> Tuple[Dict[str, Any], OnnxEncoder]:
        """Return the settings and the encoder of a component for one of some tasks."""
        components = self.manifest["components"]
        fitting = [key for key, found in components.items() if tasks is None or found["task"] in tasks]
        if name is None:
            name = next(iter(fitting), None)
        if name is None or name not in fitting:
            wanted = "for " + " or ".join(tasks or ["states"]) if name is None else f"'{name}' for this task"
            listed = ", ".join(f"{key} ({found['task']})" for key, found in components.items())
            raise ValueError(Errors.ML485.format(wanted=wanted, names=listed))
        owner = components[name]["encoder"]
        if owner not in self._encoders:
            settings = self.manifest["encoders"][owner]
            wordpieces = self._open_wordpieces(settings["wordpieces"])
            self._encoders[owner] = OnnxEncoder(self.folder, settings, wordpieces, threads=self.threads)
        return components[name], self._encoders[owner]

    def _open_wordpieces(self, name: str) -> Wordpieces:
        if name not in self._wordpieces:
            found = self.manifest["wordpieces"][name]
            files = {file: (self.folder / name / file).read_bytes() for file in found["files"]}
            self._wordpieces[name] = open_wordpieces(files, max_ids=found["max_ids"])
        return self._wordpieces[name]

    def _evidence(self, settings: Mapping[str, Any]) -> Optional[NameEvidence]:
        """Return what a component knows about names; None if it knows nothing."""
        if "known_names" not in settings:
            return None
        file = settings["known_names"]["file"]
        if file not in self._evidences:
            path = self.folder / file
            self._evidences[file] = NameEvidence.from_bytes(path.read_bytes(), f"'{path}'")
        return self._evidences[file]

    def _graph(self, settings: Mapping[str, Any]) -> Graph:
        name = settings["file"]
        if name not in self._graphs:
            self._graphs[name] = Graph(self.folder / name, self.threads)
        return self._graphs[name]

    def _read(self, texts: Sequence[Text], encoder: OnnxEncoder) -> List[TokenizedText]:
        return [self._split(text, encoder) if isinstance(text, str) else text for text in texts]

    def _split(self, text: str, encoder: OnnxEncoder) -> TokenizedText:
        return TokenizedText.split(text, encoder.wordpieces, **self.manifest["tokenizer"])

    def _with_mentions(
        self, texts: Sequence[TokenizedText], mentions: Sequence[Sequence[MentionLike]]
    ) -> List[TokenizedText]:
        found = []
        for n, (text, own) in enumerate(zip(texts, mentions, strict=True)):
            found.append(text.with_mentions([Mention(*token_bounds(text, n, given), label_of(given)) for given in own]))
        return found


def _within_limits(text: str, relations: List[FoundRelation], options: Mapping[str, Any]) -> List[FoundRelation]:
    found = [
        Found((*own.head, text[slice(*own.head)]), (*own.tail, text[slice(*own.tail)]), own.label, own.score)
        for own in relations
    ]
    return list(itertools.compress(relations, keep_best(found, options)))
