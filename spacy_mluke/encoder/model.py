"""The thinc Model around the encoder."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ragged
from thinc.util import to_numpy

from ..align.batch import align, align_marked, align_questions
from ..align.boundaries import read_opening_markers
from ..align.segments import SEGMENTATIONS
from ..checkpoint.load import LoadedEncoder
from ..errors import Errors, check_at_least, check_choice, check_flag, check_text
from ..network.config import check_quantization
from ..network.freezing import check_parts
from ..network.transformer import VISIBILITIES
from ..types import AlignedBatch, Bools1d, EncoderOutput, Ints1d, Ints3d
from .access import EncoderModel, load_model
from .shim import EncoderShim, get_shim

DTYPES = ("float32", "bfloat16", "float16")
ENTITY_INPUTS = ("mask", "kb_id")


@dataclass
class EncoderInput:
    """What the encoder's thinc Model takes."""

    docs: List[Doc]
    spans: Ragged  # token bounds of the entities, int32, (n_spans, 2); a length for each document
    with_tokens: bool = True  # whether the states of the wordpieces are wanted
    # Whether those of all passes are, as they lie in the AlignedBatch: what stands around an entity in its own pass.
    with_all_pieces: bool = False
    split_tokens: bool = False  # whether text is cut at all tokens, if at all: wordpieces do not depend on the spans
    with_entities: bool = True  # whether spans are read as entities; if not, they only say where to look


@dataclass
class MarkedInput:
    """Groups of spans that are read together: one for typing, a head and a tail for relations.

    An encoder of its own gives each group a pass, a text with markers around its spans; a listener finds the spans
    among those of the shared pass.
    """

    docs: List[Doc]
    groups: Sequence[Ints3d]  # for each document, token bounds: (n_groups, size, 2)
    size: int  # spans of a group: 1 or 2
    # Whether spans are read as entities. If not, the markers that open them are: an encoder of its own gives their
    # states as piece_states, where it otherwise gives entity_states.
    with_entities: bool = True


@dataclass
class QuestionInput:
    """Questions and the documents that answer them: a pass for each question and each window of its document."""

    questions: List[Doc]
    docs: List[Doc]  # each once, however many questions there are about it
    owners: Ints1d  # (n_questions,): which document
    question_spans: Ragged  # token bounds of the entities of the questions, int32
    doc_spans: Ragged


@dataclass
class MentionInput(EncoderInput):
    """Mentions whose entity, and whose words if wanted, are hidden: what masked heads fill in.

    Mentions of one document are read together; hidden words of two must not overlap. Candidates are for the head.
    """

    with_tokens: bool = False
    # (n_spans,) int64: what stands for each mention; -1 for [MASK], which is asked for. None: all are [MASK].
    entity_ids: Optional[Ints1d] = None
    # (n_spans,): `<mask>` pieces in place of the mention's words; 0 leaves the words. None: all words stay.
    mask_lengths: Optional[Ints1d] = None
    # int64 ids of the entities that are compared. With lengths, (n_spans,), those of each mention, end to end; without,
    # the same for each [MASK]. None: all entities.
    candidates: Optional[Ints1d] = None
    candidate_lengths: Optional[Ints1d] = None
    # What is done to the aligned pieces before they are read, in place: words are hidden, for instance.
    edit: Optional[Callable[[AlignedBatch], None]] = None

    @property
    def wanted(self) -> Optional[Bools1d]:
        """Which mentions need a state: those that have candidates, by default each [MASK]. None: all. Shape:
        (n_spans,)."""
        if self.candidate_lengths is not None:
            return numpy.asarray(self.candidate_lengths) > 0
        return None if self.entity_ids is None else numpy.asarray(self.entity_ids) < 0


@dataclass
class AlignedInput:
    """Sequences that were aligned before."""

    batch: AlignedBatch


AnyInput = Union[EncoderInput, MarkedInput, QuestionInput, AlignedInput]


def build_encoder_v1(
    name: str = "mluke-small",
    visibility: str = "joint",
    segmentation: str = "auto",
    entity_input: str = "mask",
    window: int = 512,
    overlap: int = 128,
    max_entities: int = 128,
    max_mention_length: int = 30,
    batch_rows: int = 1024,
    dtype: str = "float32",
    frozen: Union[str, List[str], Tuple[str, ...]] = (),
    mixed_precision: bool = False,
    quantize: Optional[str] = None,
    revision: Optional[str] = None,
) -> EncoderModel:
    """Build the encoder: documents and entity spans in, contextual states of wordpieces and entities out.

    Building costs nothing: the checkpoint is read at first use, or by `initialize`.

    name (str): The bundled "mluke-small", a checkpoint directory, or a hub name such as "studio-ousia/mluke-base".
    visibility (str): Who sees whom. "joint": words and entities all see each other, as in the papers and published
        weights. "isolated": words see words, an entity sees the words and itself; its vector then does not depend on
        the company it is in.
    segmentation (str): How text is cut into wordpieces around entities. "published": cut at every span boundary, as
        published models were fine-tuned; "pretraining": cut without the extra "▁"; "plain": never cut, a span takes
        every wordpiece that it touches; "auto": "published" with joint visibility, "plain" with isolated.
    entity_input (str): What stands for an entity. "mask": the [MASK] entity; "kb_id": the entity that the vocabulary
        has under the span's `kb_id_` (e.g. "en:Tokyo"), [UNK] for a name it lacks, [MASK] where there is none.
    window (int): Wordpieces of a pass, with <s> and </s>. Longer documents are read in windows.
    overlap (int): Wordpieces that neighbouring windows share.
    max_entities (int): Entities of a pass; more go to further passes. 0 for no limit.
    max_mention_length (int): Wordpieces of a mention that its position embedding is the mean of, from the left.
    batch_rows (int): Wordpieces and entities that go through the network together.
    dtype (str): "float32", "bfloat16" or "float16".
    frozen (Union[str, List[str]]): Parts that training leaves as they are: "word_embeddings", "embeddings",
        "entity_embeddings", "layers:0-5" (from the bottom, the last one included), "all".
    mixed_precision (bool): Whether training multiplies matrices in bfloat16, weights and all else staying in `dtype`:
        quicker on processors that have units for it, on others slower.
    quantize (Optional[str]): "int8": predictions multiply matrices in eight bits, on the CPU. Weights in full are what
        is trained and saved. None for full precision.
    revision (Optional[str]): Branch, tag or commit of a hub name. None for the latest files. The commit that was read
        is saved with the pipeline.
    RETURNS (EncoderModel): A Model[EncoderInput, EncoderOutput].
    RAISES (ValueError): ML070 for an unknown choice, ML071, ML310 for values that are not allowed, ML072 if isolated
        visibility is asked for with a segmentation that depends on the entities, ML033 for eight bits made from another
        type than float32, ML252 for an unknown part to freeze.
    """
    check_text("name", name)
    check_choice("visibility", visibility, VISIBILITIES)
    check_choice("segmentation", segmentation, ("auto", *SEGMENTATIONS))
    check_choice("dtype", dtype, DTYPES)
    check_quantization(quantize, dtype)
    check_choice("entity_input", entity_input, ENTITY_INPUTS)
    for option, value, least in (
        ("window", window, 8),
        ("overlap", overlap, 0),
        ("max_entities", max_entities, 0),
        ("max_mention_length", max_mention_length, 1),
        ("batch_rows", batch_rows, 1),
    ):
        check_at_least(option, value, least)
    check_flag("mixed_precision", mixed_precision)
    if segmentation == "auto":
        segmentation = "plain" if visibility == "isolated" else "published"
    if visibility == "isolated" and segmentation != "plain":
        raise ValueError(Errors.ML072.format(segmentation=segmentation))
    attrs = {
        "segmentation": segmentation,
        "entity_input": entity_input,
        "window": window,
        "overlap": overlap,
        "max_entities": max_entities,
        "max_mention_length": max_mention_length,
    }
    shim = EncoderShim(
        name=name,
        visibility=visibility,
        dtype=dtype,
        batch_rows=batch_rows,
        frozen=check_parts(frozen),
        mixed_precision=mixed_precision,
        quantize=quantize,
        revision=revision,
    )
    return _build(attrs, shim)


def _build(attrs: Dict[str, Any], shim: EncoderShim) -> EncoderModel:
    return Model("mluke-encoder", forward, init=init, dims={"nO": None}, attrs=attrs, shims=[shim])


def init(model: EncoderModel, X: Optional[AnyInput] = None, Y: Optional[EncoderOutput] = None) -> None:
    """Read the checkpoint and set the width."""
    load_model(model)


def unloaded_copy(model: EncoderModel) -> EncoderModel:
    """Return an encoder with the same options whose checkpoint has not been read.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (EncoderModel): It reads the checkpoint that the config names, whatever has become of the given one.
    """
    return _build(dict(model.attrs), EncoderShim(**get_shim(model).cfg))


def forward(
    model: EncoderModel, inputs: AnyInput, is_train: bool
) -> Tuple[EncoderOutput, Callable[[EncoderOutput], AnyInput]]:
    """Align and encode.

    RETURNS (Tuple[EncoderOutput, Callable]): The states; the callback takes their gradients.
    """
    load_model(model)
    if isinstance(inputs, list):
        inputs = EncoderInput(inputs, no_spans(len(inputs)))
    batch = align_input(model, inputs)
    shim = get_shim(model)
    if not is_train:
        return shim.predict(batch), _no_backprop
    output, backprop_states = shim.begin_update(batch)

    def backprop(d_output: EncoderOutput) -> AnyInput:
        backprop_states(d_output)
        return inputs

    return output, backprop


def no_spans(n_docs: int) -> Ragged:
    """Spans of documents that have none: spaCy's tools pass plain lists of documents to any model.

    n_docs (int): How many documents.
    RETURNS (Ragged): Token bounds of no span, int32.
    """
    return Ragged(cast(Any, numpy.zeros((0, 2), dtype="int32")), cast(Any, numpy.zeros(n_docs, dtype="int32")))


def align_input(model: EncoderModel, inputs: AnyInput) -> AlignedBatch:
    """Place documents and spans as the encoder's options say.

    model (EncoderModel): As from `build_encoder_v1`; its checkpoint is read if it was not yet.
    inputs (AnyInput): Documents and spans: read together, or each group in a marked text of its own.
    RETURNS (AlignedBatch): What the network takes.
    RAISES (ValueError): ML315 for entities that the table has no row for, and what alignment raises.
    """
    if isinstance(inputs, AlignedInput):
        return inputs.batch
    loaded = load_model(model)
    attrs = model.attrs
    # A checkpoint with a shorter position table has shorter windows.
    window = min(attrs["window"], loaded.config.max_position_embeddings - 2)
    if isinstance(inputs, MarkedInput):
        marked = align_marked(
            inputs.docs,
            inputs.groups,
            loaded.wordpieces,
            marker_ids=[loaded.wordpieces.ent_id, loaded.wordpieces.ent2_id][: inputs.size],
            entity_ids=[loaded.entities.mask_id, loaded.entities.mask2_id][: inputs.size],
            segmentation=attrs["segmentation"],
            window=window,
            max_mention_length=attrs["max_mention_length"],
        )
        return marked if inputs.with_entities else read_opening_markers(marked)
    if isinstance(inputs, QuestionInput):
        by_name = attrs["entity_input"] == "kb_id"
        asked = EncoderInput(inputs.questions, inputs.question_spans)
        read = EncoderInput(inputs.docs, inputs.doc_spans)
        return align_questions(
            inputs.questions,
            inputs.docs,
            inputs.owners,
            loaded.wordpieces,
            default_entity_id=loaded.entities.mask_id,
            question_spans=inputs.question_spans,
            doc_spans=inputs.doc_spans,
            question_entity_ids=_named_entity_ids(model, asked) if by_name else None,
            doc_entity_ids=_named_entity_ids(model, read) if by_name else None,
            segmentation=attrs["segmentation"],
            window=window,
            overlap=attrs["overlap"],
            max_entities=attrs["max_entities"] or None,
            max_mention_length=attrs["max_mention_length"],
        )
    entity_ids = mask_lengths = wanted = None
    if isinstance(inputs, MentionInput):
        mask_lengths = inputs.mask_lengths
        wanted = inputs.wanted
        _check_ids(loaded, inputs.candidates)
        if inputs.entity_ids is not None:
            _check_ids(loaded, inputs.entity_ids)
            entity_ids = numpy.where(inputs.entity_ids < 0, loaded.entities.mask_id, inputs.entity_ids)
    elif attrs["entity_input"] == "kb_id":
        entity_ids = _named_entity_ids(model, inputs)
    batch = align(
        inputs.docs,
        inputs.spans,
        loaded.wordpieces,
        entity_ids=entity_ids,
        default_entity_id=loaded.entities.mask_id,
        segmentation=attrs["segmentation"],
        split_tokens=inputs.split_tokens,
        mask_lengths=mask_lengths,
        window=window,
        overlap=attrs["overlap"],
        # Spans that are not read need no further passes.
        max_entities=(attrs["max_entities"] or None) if inputs.with_entities else None,
        max_mention_length=attrs["max_mention_length"],
        with_tokens=inputs.with_tokens,
        with_all_pieces=inputs.with_all_pieces,
        wanted=wanted,
    )
    batch.with_entities = inputs.with_entities
    if isinstance(inputs, MentionInput) and inputs.edit is not None:
        inputs.edit(batch)
    return batch


def _check_ids(loaded: LoadedEncoder, ids: Optional[Ints1d]) -> None:
    """See that ids of entities have rows in the table; negative ones stand for [MASK].

    RAISES (ValueError): ML315 for others.
    """
    n_rows = loaded.config.entity_vocab_size
    if ids is not None and len(ids) and numpy.max(ids) >= n_rows:
        wrong = numpy.unique(ids[numpy.asarray(ids) >= n_rows])[:5].tolist()
        raise ValueError(Errors.ML315.format(ids=", ".join(map(str, wrong)), n=n_rows, last=n_rows - 1))


def _named_entity_ids(model: EncoderModel, inputs: EncoderInput) -> Ints1d:
    """Ids of the entities that the spans' kb_id_ name."""
    entities = load_model(model).entities
    bounds, lengths = to_numpy(inputs.spans.dataXd), to_numpy(inputs.spans.lengths)
    ids = numpy.full(len(bounds), entities.mask_id, dtype="int64")
    start = 0
    named: List[int] = []
    names: List[str] = []
    for doc, length in zip(inputs.docs, lengths, strict=True):
        known = {(ent.start, ent.end): ent.kb_id_ for ent in doc.ents if ent.kb_id}
        for row in range(start, start + int(length)):
            name = known.get((int(bounds[row, 0]), int(bounds[row, 1])))
            if name:
                named.append(row)
                names.append(name)
        start += int(length)
    if names:
        ids[named] = entities.ids(names)
        _check_ids(load_model(model), ids)
    return ids


def _no_backprop(d_output: EncoderOutput) -> AnyInput:
    raise NotImplementedError
