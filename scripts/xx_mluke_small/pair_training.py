"""Train the classifier of relations on the states of `mluke_ner`'s encoder."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, cast

import numpy
import torch
from thinc.types import Ragged
from torch import Tensor, nn

from scripts.xx_mluke_small.relation_examples import RelationExample
from spacy_mluke.align.boundaries import boundary_rows
from spacy_mluke.encoder.inputs import EncoderInput
from spacy_mluke.encoder.optimizer import AdamW
from spacy_mluke.encoder.request import EncoderModel
from spacy_mluke.network.pair_features import BLOCK, PairFeatures, PassagePairs
from spacy_mluke.ragged import row_offsets
from spacy_mluke.types import EncoderOutput

# Sizes of the classifier. Few pairs have a relation, so its outputs start low.
SIZE, N_HEADS, DROPOUT = 256, 4, 0.1
_FIRST_BIAS, _FIRST_SCALE = -3.0, 0.3
_DECAY, _CLIP = 0.01, 1.0
_NEVER = -1e4  # lower than any logit


class PairScorer(nn.Module):
    """Scores the relations of pairs of mentions.

    width (int): Width of the encoder's states.
    n_labels (int): Number of relations.
    """

    def __init__(self, width: int, n_labels: int):
        super().__init__()
        self.features = PairFeatures(width, size=SIZE, n_heads=N_HEADS, distances=True)
        self.output = nn.Linear(SIZE * BLOCK, n_labels)
        with torch.no_grad():
            self.output.bias.fill_(_FIRST_BIAS)
            self.output.weight.mul_(_FIRST_SCALE)

    def forward(self, passages: List[PassagePairs]) -> Tensor:
        """Score pairs.

        passages (List[PassagePairs]): States and pairs of each text.
        RETURNS (Tensor): Logits. Shape: (n_pairs, n_labels).
        """
        return self.output(self.features(passages, DROPOUT if self.training else 0.0))


class PairTraining:
    """Trains the classifier and the encoder below it.

    encoder (EncoderModel): The encoder of `mluke_ner`.
    width (int): Width of its states.
    n_labels (int): Number of relations.
    rate (float): Learning rate of the classifier.
    """

    def __init__(self, encoder: EncoderModel, width: int, n_labels: int, rate: float):
        self.encoder = encoder
        self.rate = rate
        self.scorer = PairScorer(width, n_labels)
        self.optimizer = torch.optim.AdamW(self.scorer.parameters(), lr=rate, weight_decay=_DECAY)

    def learn(self, examples: Sequence[RelationExample], optimizer: AdamW, factor: float) -> Optional[float]:
        """Learn a batch.

        examples (Sequence[RelationExample]): The texts.
        optimizer (AdamW): Steps the encoder.
        factor (float): Factor of the classifier's learning rate.
        RETURNS (Optional[float]): Loss of a pair of entities. None, and nothing is learned, if a text takes more than
            one sequence of the encoder.
        """
        output, backprop = self.encoder.begin_update(encoder_input(examples))
        if output.batch.n_sequences != len(examples):
            return None
        pieces = torch.from_numpy(numpy.asarray(output.piece_states)).requires_grad_()
        entities = torch.from_numpy(numpy.asarray(output.entity_states)).requires_grad_()
        with torch.enable_grad():
            logits = pool_mentions(self.scorer(passages(examples, output, pieces, entities)), examples)
            # Two entities whose only mentions are the same tokens have no pair: their logits are constant.
            has_pair = logits[:, 0] > _NEVER
            loss = pair_loss(*(rows[has_pair] for rows in (logits, *label_masks(examples, logits))))
            loss.backward()
        nn.utils.clip_grad_norm_(self.scorer.parameters(), _CLIP)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        d_output = EncoderOutput(cast(Any, _gradient(pieces)), cast(Any, _gradient(entities)), output.batch)
        backprop(d_output)
        self.encoder.finish_update(optimizer)
        return float(loss.detach()) / max(1, int(has_pair.sum()))

    def distances(self) -> Dict[str, Tensor]:
        """Return the vectors of distances, by name."""
        return {name: tensor for name, tensor in self.scorer.state_dict().items() if name.endswith(".distance")}

    def tensors(self) -> Dict[str, Tensor]:
        """Return the weights and the optimizer's moments, by name."""
        found = {f"weights/{name}": tensor for name, tensor in self.scorer.state_dict().items()}
        for i, moments in self.optimizer.state_dict()["state"].items():
            found.update({f"moments/{i}/{name}": torch.as_tensor(value) for name, value in moments.items()})
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore weights and moments.

        tensors (Mapping[str, Tensor]): As from `tensors`.
        """
        weights = {name.removeprefix("weights/"): t for name, t in tensors.items() if name.startswith("weights/")}
        self.scorer.load_state_dict(weights)
        moments: Dict[int, Dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("moments/"):
                _, number, key = name.split("/")
                moments.setdefault(int(number), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})


def encoder_input(examples: Sequence[RelationExample]) -> EncoderInput:
    """Return a request for the states of all wordpieces and all mentions: one sequence for each text.

    examples (Sequence[RelationExample]): The texts.
    RETURNS (EncoderInput): The request.
    """
    bounds = numpy.asarray([span for item in examples for span in item.spans], dtype="int32").reshape((-1, 2))
    lengths = numpy.asarray([len(item.spans) for item in examples], dtype="int32")
    spans = Ragged(cast(Any, bounds), cast(Any, lengths))
    docs = [item.doc for item in examples]
    return EncoderInput(docs, spans, with_tokens=False, with_all_pieces=True, split_tokens=True)


def passages(
    examples: Sequence[RelationExample], output: EncoderOutput, pieces: Tensor, entities: Tensor
) -> List[PassagePairs]:
    """Return the states and the pairs of each text.

    examples (Sequence[RelationExample]): The texts.
    output (EncoderOutput): As the encoder returns it for `encoder_input`; one sequence for each text.
    pieces (Tensor): Its states of wordpieces. Shape: (n_pieces, width).
    entities (Tensor): Its states of mentions. Shape: (n_mentions, width).
    RETURNS (List[PassagePairs]): The texts.
    RAISES (ValueError): If a mention has no state.
    """
    batch = output.batch
    edges = torch.from_numpy(boundary_rows(batch))
    mentions = torch.cat([entities, pieces[edges[:, 0]], pieces[edges[:, 1]]], dim=1)
    piece_bounds = row_offsets(batch.piece_lengths).tolist()
    mention_bounds = row_offsets(batch.entity_lengths).tolist()
    span_bounds = row_offsets(numpy.asarray([len(item.spans) for item in examples])).tolist()
    found = []
    for i, item in enumerate(examples):
        rows = batch.span_rows[span_bounds[i] : span_bounds[i + 1]] - mention_bounds[i]
        if (rows < 0).any():
            raise ValueError(f"A mention has no wordpieces: {item.doc.text[:80]!r}.")
        pairs = rows[numpy.asarray(item.pairs, dtype="int64").reshape((-1, 2))]
        own = slice(mention_bounds[i], mention_bounds[i + 1])
        found.append(
            PassagePairs(
                pieces[piece_bounds[i] : piece_bounds[i + 1]],
                mentions[own],
                torch.from_numpy(numpy.asarray(pairs, dtype="int64")),
                edges[own, 0] - piece_bounds[i],
            )
        )
    return found


def pool_mentions(logits: Tensor, examples: Sequence[RelationExample]) -> Tensor:
    """Return the logits of pairs of entities: the maximum over the pairs of their mentions.

    logits (Tensor): Logits of pairs of mentions. Shape: (n_pairs, n_labels).
    examples (Sequence[RelationExample]): The texts.
    RETURNS (Tensor): Shape: (n_groups, n_labels).
    """
    groups: List[int] = []
    n_groups = 0
    for item in examples:
        groups.extend(group + n_groups for group in item.groups)
        n_groups += len(item.relations)
    index = torch.tensor(groups, dtype=torch.int64)[:, None].expand_as(logits)
    lowest = torch.full((n_groups, logits.shape[1]), _NEVER)
    return lowest.scatter_reduce(0, index, logits, "amax", include_self=False)


def label_masks(examples: Sequence[RelationExample], logits: Tensor) -> Tuple[Tensor, Tensor]:
    """Return which relations hold for each pair of entities, and which do not.

    examples (Sequence[RelationExample]): The texts.
    logits (Tensor): Logits of pairs of entities. Shape: (n_groups, n_labels).
    RETURNS (Tuple[Tensor, Tensor]): Boolean, in the shape of the logits. Unknown relations are in neither.
    """
    holds = torch.zeros_like(logits, dtype=torch.bool)
    is_unknown = torch.zeros_like(holds)
    row = 0
    for item in examples:
        for relations, unknown in zip(item.relations, item.unknown, strict=True):
            is_unknown[row, unknown] = True
            holds[row, relations] = True
            row += 1
    return holds, ~holds & ~is_unknown


def pair_loss(logits: Tensor, holds: Tensor, does_not_hold: Tensor) -> Tensor:
    """Return the loss of independent labels whose scores are compared with each other and with 0.

    Labels that hold are pushed above 0 and above all that do not (Su et al., 2022, "ZLPR").

    logits (Tensor): Shape: (n, n_labels).
    holds (Tensor): Labels that hold. The same shape, boolean.
    does_not_hold (Tensor): Labels that do not hold. The same shape, boolean.
    RETURNS (Tensor): The sum of the losses.
    """
    zeros = logits.new_zeros((len(logits), 1))
    wrong = torch.cat([zeros, logits.masked_fill(~does_not_hold, -1e9)], dim=1).logsumexp(dim=1)
    missed = torch.cat([zeros, (-logits).masked_fill(~holds, -1e9)], dim=1).logsumexp(dim=1)
    return (wrong + missed).sum()


def _gradient(states: Tensor) -> Any:
    return (torch.zeros_like(states) if states.grad is None else states.grad).numpy()
