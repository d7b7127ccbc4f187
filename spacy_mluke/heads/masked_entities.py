"""[MASK] entities -> logits of the entities that may stand there: masked-entity prediction."""

from typing import Any, Callable, Optional, Tuple, cast

import numpy
import torch
from thinc.api import Model, torch2xp, xp2torch
from torch import Tensor

from ..checkpoint.load import LoadedEncoder
from ..encoder.access import load_model
from ..encoder.inputs import MentionInput, no_spans
from ..encoder.listener import EncoderListener
from ..encoder.request import EncoderModel
from ..errors import Errors
from ..network.table_logits import candidate_logits, top_rows
from ..types import Bools1d, DeviceFloats2d, EncoderOutput, EntityLogits, Floats2d, Ints1d, Ints2d

MaskedModel = Model[MentionInput, EntityLogits]
# Rows of the entity table that are gathered at once where nothing is differentiated.
_GATHERED = 1 << 16


def build_masked_entity_v1(encoder: EncoderModel) -> MaskedModel:
    """Build the head that says which entity a mention stands for (Yamada et al., 2020, section 3.2). Registered as
    `spacy-mluke.MaskedEntity.v1`.

    Its weights are the encoder's `entity_predictions`, as in `LukeForMaskedLM`, and the encoder's own entity table:
    they are loaded, trained and saved with the encoder.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    RETURNS (MaskedModel): A Model[MentionInput, EntityLogits].
    RAISES (ValueError): ML224 for a listener.
    """
    if isinstance(encoder, EncoderListener):
        raise ValueError(Errors.ML224)
    return Model("mluke-masked-entities", forward, init=init, layers=[encoder], refs={"encoder": encoder})


def init(model: MaskedModel, X: Optional[MentionInput] = None, Y: Optional[EntityLogits] = None) -> None:
    """Read the encoder's checkpoint, with its head if it has one."""
    model.get_ref("encoder").initialize()


def forward(
    model: MaskedModel, inputs: MentionInput, is_train: bool
) -> Tuple[EntityLogits, Callable[[EntityLogits], MentionInput]]:
    """Encode, and compare [MASK] states with their candidates.

    RAISES (ValueError): ML007 for candidates that do not fit, ML221 if the encoder has no head.
    """
    encoder = model.layers[0]
    loaded = load_model(encoder)
    check_entity_head(loaded, model.name)
    if isinstance(inputs, list):
        inputs = MentionInput(inputs, no_spans(len(inputs)))
    output, backprop_states = encoder(inputs, is_train)
    rows = output.batch.span_rows
    ids, lengths = _candidates(inputs, len(rows), loaded.config.entity_vocab_size)
    owners = numpy.repeat(numpy.arange(len(rows)), lengths)
    asked = numpy.flatnonzero((rows >= 0) & (lengths > 0))
    picked = model.ops.asarray1i(cast(Any, rows[asked]))
    # Of candidates that all mentions share, one matrix product; of others, a row each.
    is_shared = inputs.candidate_lengths is None
    with torch.set_grad_enabled(is_train):
        states = xp2torch(output.entity_states[picked], requires_grad=is_train)
        if is_shared:
            found = entity_logits(loaded, states, inputs.candidates).reshape(-1)
            used = numpy.isin(owners, asked)
        else:
            used = rows[owners] >= 0
            found = entity_logits(loaded, states, ids[used], numpy.searchsorted(asked, owners[used]))
    logits = model.ops.alloc1f(len(owners))
    where: Any = model.ops.asarray1i(cast(Any, numpy.flatnonzero(used)))
    logits[where] = cast(Any, torch2xp(found.detach()))

    def backprop(d_output: EntityLogits) -> MentionInput:
        d_states = model.ops.alloc2f(*output.entity_states.shape)
        d_found = xp2torch(model.ops.asarray1f(d_output.logits[where]), device=found.device)
        # Gradients of the head and of the entity table are added to where the encoder's own will be.
        found.backward(d_found)
        if states.grad is not None:
            model.ops.scatter_add(d_states, picked, cast(Any, torch2xp(states.grad)))
        backprop_states(EncoderOutput(d_output.piece_states, d_states, output.batch))
        return inputs

    states_below = output.piece_states if inputs.with_all_pieces else None
    return EntityLogits(logits, lengths, rows >= 0, output.batch.counts, states_below, output.batch), backprop


def entity_logits(
    loaded: LoadedEncoder, states: Tensor, candidates: Optional[Ints1d], owners: Optional[Ints1d] = None
) -> Tensor:
    """Logits of entities for states of [MASK], differentiable.

    loaded (LoadedEncoder): An encoder with a head.
    states (Tensor): Shape: (n, width), float32.
    candidates (Optional[Ints1d]): Entity ids; None for all. Shape: (n_candidates,).
    owners (Optional[Ints1d]): The state of each candidate, if each has its own. Shape: (n_candidates,).
    RETURNS (Tensor): Shape: (n, n_candidates), with owners (n_candidates,); float32.
    """
    head = loaded.heads.entity_predictions
    assert head is not None
    table = loaded.network.entity_embeddings.entity_embeddings
    queries = head(states.to(device=head.bias.device, dtype=head.bias.dtype))
    if candidates is None:
        return candidate_logits(queries, table, head.bias, None).float()
    ids = torch.from_numpy(numpy.asarray(candidates, dtype="int64")).to(queries.device)
    if owners is None:
        return candidate_logits(queries, table, head.bias, ids).float()
    of = torch.from_numpy(numpy.asarray(owners, dtype="int64")).to(queries.device)
    if torch.is_grad_enabled() or len(ids) <= _GATHERED:
        return candidate_logits(queries, table, head.bias, ids, of).float()
    parts = [
        candidate_logits(queries, table, head.bias, part, part_of)
        for part, part_of in zip(ids.split(_GATHERED), of.split(_GATHERED), strict=True)
    ]
    return torch.cat(parts).float()


def rank_entities(
    model: MaskedModel, states: DeviceFloats2d, top_k: int, candidates: Optional[Ints1d] = None
) -> Tuple[Ints2d, Floats2d]:
    """The most probable entities for states of [MASK].

    model (MaskedModel): As from `build_masked_entity_v1`.
    states (DeviceFloats2d): Shape: (n, width).
    top_k (int): How many of each.
    candidates (Optional[Ints1d]): Entities to choose from, each once; the softmax is over them. None for the whole
        vocabulary, of which nothing but the best is kept in memory; special entities are never among the best.
    RETURNS (Tuple[Ints2d, Floats2d]): Ids, int64, best first, and log-probabilities, float32. Shapes: (n, k) each, k
        being smaller if there are fewer entities.
    RAISES (ValueError): ML221 if the encoder has no head.
    """
    loaded = load_model(model.get_ref("encoder"))
    check_entity_head(loaded, model.name)
    head = loaded.heads.entity_predictions
    assert head is not None
    with torch.no_grad():
        if candidates is not None:
            scores = entity_logits(loaded, xp2torch(states), candidates).log_softmax(dim=1).cpu()
            best, places = scores.topk(min(top_k, len(candidates)), dim=1)
            return numpy.asarray(candidates, dtype="int64")[places.numpy()], best.numpy()
        queries = head(xp2torch(states).to(device=head.bias.device, dtype=head.bias.dtype))
        table = loaded.network.entity_embeddings.entity_embeddings
        ids, best = top_rows(queries, table, head.bias, top_k, excluded=tuple(loaded.entities.special))
        return ids.cpu().numpy(), best.cpu().numpy()


def predict_top_entities(model: MaskedModel, inputs: MentionInput, top_k: int) -> Tuple[Ints2d, Floats2d, Bools1d]:
    """Encode mentions, and rank the entities that they may stand for.

    model (MaskedModel): As from `build_masked_entity_v1`.
    inputs (MentionInput): Mentions; of candidates, those that all mentions share.
    top_k (int): How many of each.
    RETURNS (Tuple[Ints2d, Floats2d, Bools1d]): Ids and log-probabilities as from `rank_entities`, a row for each
        mention, and whether it has a state: rows of others are -1 and -inf. Shapes: (n_spans, k), (n_spans, k),
        (n_spans,).
    """
    output = model.get_ref("encoder").predict(inputs)
    rows = output.batch.span_rows
    kept = rows >= 0
    picked = model.ops.asarray1i(cast(Any, rows[kept]))
    found, best = rank_entities(model, output.entity_states[picked], top_k, inputs.candidates)
    ids = numpy.full((len(rows), found.shape[1]), -1, dtype="int64")
    scores = numpy.full(ids.shape, -numpy.inf, dtype="float32")
    ids[kept], scores[kept] = found, best
    return ids, scores, kept


def check_entity_head(loaded: LoadedEncoder, name: str) -> None:
    """See that an encoder can predict entities.

    loaded (LoadedEncoder): The encoder.
    name (str): Who asks, for the message.
    RAISES (ValueError): ML221 if it has no head for them.
    """
    if loaded.heads.entity_predictions is None:
        raise ValueError(Errors.ML221.format(name=loaded.source, what="entities", head="entity_predictions", pipe=name))


def _candidates(inputs: MentionInput, n_spans: int, n_entities: int) -> Tuple[Ints1d, Ints1d]:
    """Candidates of each mention where they differ, and how many each has."""
    if inputs.candidate_lengths is None:
        asked = numpy.ones(n_spans, dtype=bool) if inputs.entity_ids is None else numpy.asarray(inputs.entity_ids) < 0
        n = n_entities if inputs.candidates is None else len(inputs.candidates)
        return numpy.zeros(0, dtype="int64"), asked * n
    ids = numpy.zeros(0, dtype="int64") if inputs.candidates is None else numpy.asarray(inputs.candidates)
    lengths = numpy.asarray(inputs.candidate_lengths, dtype="int64")
    if len(lengths) != n_spans:
        raise ValueError(
            Errors.ML007.format(what="Lengths of candidates", found=len(lengths), expected=n_spans, per="span")
        )
    if int(lengths.sum()) != len(ids):
        raise ValueError(
            Errors.ML007.format(what="Candidates", found=len(ids), expected=int(lengths.sum()), per="unit of lengths")
        )
    return ids, lengths
