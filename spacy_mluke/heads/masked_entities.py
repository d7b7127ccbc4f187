"""Masked-entity prediction: which entity a [MASK] is."""

from typing import Any, Callable, Optional, Tuple, cast

import numpy
import torch
from thinc.api import Model, torch2xp, xp2torch
from torch import Tensor

from ..checkpoint.load import LoadedEncoder
from ..encoder.access import load_model
from ..encoder.inputs import MentionInput, no_spans
from ..encoder.listener import Listener
from ..encoder.request import EncoderModel
from ..errors import Errors
from ..network.table_logits import candidate_logits, top_rows
from ..types import Bools1d, DeviceFloats2d, EncoderOutput, EntityLogits, Floats2d, Ints1d, Ints2d

MaskedModel = Model[MentionInput, EntityLogits]
# Maximum number of rows of the entity table to gather at once, without gradients.
_MAX_GATHERED = 1 << 16


def build_masked_entity_v1(encoder: EncoderModel) -> MaskedModel:
    """Build the head that predicts which entity a mention refers to (Yamada et al., 2020, section 3.3). Registered as
    `spacy-mluke.MaskedEntity.v1`.

    Its weights are the encoder's `entity_predictions`, as in `LukeForMaskedLM`, and the encoder's entity table. They
    are loaded, trained and saved with the encoder.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    RETURNS (MaskedModel): A Model[MentionInput, EntityLogits].
    RAISES (ValueError): ML224 for a listener.
    """
    if isinstance(encoder, Listener):
        raise ValueError(Errors.ML224)
    return Model("mluke-masked-entities", forward, init=init, layers=[encoder], refs={"encoder": encoder})


def init(model: MaskedModel, X: Optional[MentionInput] = None, Y: Optional[EntityLogits] = None) -> None:
    """Read the encoder's checkpoint, with its head if there is one."""
    model.get_ref("encoder").initialize()


def forward(
    model: MaskedModel, inputs: MentionInput, is_train: bool
) -> Tuple[EntityLogits, Callable[[EntityLogits], MentionInput]]:
    """Encode, and compare the state of each [MASK] with its candidates.

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
    scored = numpy.flatnonzero((rows >= 0) & (lengths > 0))
    picked = model.ops.asarray1i(cast(Any, rows[scored]))
    # Shared candidates take one matrix product; others take one row for each mention and candidate.
    is_shared = inputs.candidate_lengths is None
    with torch.set_grad_enabled(is_train):
        states = xp2torch(output.entity_states[picked], requires_grad=is_train)
        if is_shared:
            found = entity_logits(loaded, states, inputs.candidates).reshape(-1)
            used = numpy.isin(owners, scored)
        else:
            used = rows[owners] >= 0
            found = entity_logits(loaded, states, ids[used], numpy.searchsorted(scored, owners[used]))
    logits = model.ops.alloc1f(len(owners))
    where: Any = model.ops.asarray1i(cast(Any, numpy.flatnonzero(used)))
    logits[where] = cast(Any, torch2xp(found.detach()))

    def backprop(d_output: EntityLogits) -> MentionInput:
        d_states = model.ops.alloc2f(*output.entity_states.shape)
        d_found = xp2torch(model.ops.asarray1f(d_output.logits[where]), device=found.device)
        # Adds to the gradients of the head and of the entity table.
        found.backward(d_found)
        if states.grad is not None:
            model.ops.scatter_add(d_states, picked, cast(Any, torch2xp(states.grad)))
        backprop_states(EncoderOutput(d_output.piece_states, d_states, output.batch))
        return inputs

    piece_states = output.piece_states if inputs.with_all_pieces else None
    return EntityLogits(logits, lengths, rows >= 0, output.batch.counts, piece_states, output.batch), backprop


def entity_logits(
    loaded: LoadedEncoder, states: Tensor, candidates: Optional[Ints1d], owners: Optional[Ints1d] = None
) -> Tensor:
    """Return the logits of entities for states of [MASK]. They are differentiable.

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
    if torch.is_grad_enabled() or len(ids) <= _MAX_GATHERED:
        return candidate_logits(queries, table, head.bias, ids, of).float()
    parts = [
        candidate_logits(queries, table, head.bias, part, part_of)
        for part, part_of in zip(ids.split(_MAX_GATHERED), of.split(_MAX_GATHERED), strict=True)
    ]
    return torch.cat(parts).float()


def rank_entities(
    model: MaskedModel, states: DeviceFloats2d, top_k: int, candidates: Optional[Ints1d] = None
) -> Tuple[Ints2d, Floats2d]:
    """Return the most probable entities for states of [MASK].

    model (MaskedModel): As from `build_masked_entity_v1`.
    states (DeviceFloats2d): Shape: (n, width).
    top_k (int): Number of entities for each state.
    candidates (Optional[Ints1d]): Entities to choose from, each once; the softmax is over them. None for the whole
        vocabulary, of which only the best are kept in memory; special entities are never returned.
    RETURNS (Tuple[Ints2d, Floats2d]): Ids, int64, best first, and log-probabilities, float32. Shapes: (n, k) each; k is
        smaller than `top_k` if there are fewer entities.
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
    """Encode mentions, and return the entities that they most probably refer to.

    model (MaskedModel): As from `build_masked_entity_v1`.
    inputs (MentionInput): Mentions. Candidates must be the same for all mentions.
    top_k (int): Number of entities for each mention.
    RETURNS (Tuple[Ints2d, Floats2d, Bools1d]): Ids and log-probabilities as from `rank_entities`, a row for each
        mention, and whether the mention has a state; without, its rows are -1 and -inf. Shapes: (n_spans, k),
        (n_spans, k), (n_spans,).
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
    """Check that an encoder can predict entities.

    loaded (LoadedEncoder): The encoder.
    name (str): Name of the component, for the message.
    RAISES (ValueError): ML221 if it has no head for entities.
    """
    if loaded.heads.entity_predictions is None:
        raise ValueError(Errors.ML221.format(name=loaded.source, what="entities", head="entity_predictions", pipe=name))


def _candidates(inputs: MentionInput, n_spans: int, n_entities: int) -> Tuple[Ints1d, Ints1d]:
    """Return the candidates of all mentions, empty if they are shared, and the number for each mention."""
    if inputs.candidate_lengths is None:
        is_masked = (
            numpy.ones(n_spans, dtype=bool) if inputs.entity_ids is None else numpy.asarray(inputs.entity_ids) < 0
        )
        n = n_entities if inputs.candidates is None else len(inputs.candidates)
        return numpy.zeros(0, dtype="int64"), is_masked * n
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
