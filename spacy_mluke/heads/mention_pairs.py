"""Classify pairs of mentions from one forward pass over their text, however many pairs it has."""

from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
import torch
import torch.nn.functional as F
from thinc.api import Model, torch2xp, xp2torch
from torch import Tensor
from torch.func import functional_call

from ..align.boundaries import edge_pieces
from ..encoder.inputs import MarkedInput
from ..encoder.listener import EncoderListener
from ..encoder.passage import Backprop, StoredStates, read_passages
from ..encoder.request import EncoderModel
from ..errors import Errors, check_at_least, check_dropout, check_flag
from ..network.pair_features import BLOCK, PairFeatures, PassagePairs
from ..types import GroupLogits, Ints2d, PassageStates
from .group_classifier import GroupModel
from .linear import build_linear
from .mention_numbers import number_mentions

# Pairs whose representations are in memory together, in prediction.
MAX_PAIRS = 2_000


def build_mention_pair_classifier_v1(
    encoder: EncoderModel, size: int = 256, n_heads: int = 4, dropout: float = 0.1, distances: bool = False
) -> GroupModel:
    """Build a classifier of pairs of mentions that reads the text once, for all of its pairs. Registered as
    `spacy-mluke.MentionPairClassifier.v1`.

    A mention is represented by the states of its entity, its first and its last wordpiece; a pair, by the words that
    both mentions attend to, too; labels are scored by a bilinear product of head and tail, in blocks (Zhou et al.,
    2021, sections 3.1 and 3.3). `spacy-mluke.PairClassifier.v1` reads the text again for each pair, with markers around
    its two mentions.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`, or `spacy-mluke.PassageListener.v1`, which reads the states that
        `mluke_ner` has computed.
    size (int): Width of the representations: a multiple of 32 and of `n_heads`.
    n_heads (int): Heads of the attention of mentions to words.
    dropout (float): Dropout of the representations in training; spaCy's `dropout` overrides it.
    distances (bool): Whether a pair also has a learned vector for the distance from its head to its tail, in
        wordpieces. It tells which of several people belongs to which of several countries in a sentence.
    RETURNS (GroupModel): A Model[MarkedInput, GroupLogits].
    RAISES (ValueError): ML071, ML310 for values that are not allowed; ML385 for `spacy-mluke.EncoderListener.v1`.
    """
    check_dropout(dropout)
    check_at_least("n_heads", n_heads, 1)
    check_flag("distances", distances)
    if not isinstance(size, int) or size < BLOCK or size % BLOCK or size % n_heads:
        wanted = f"a multiple of {BLOCK} and of n_heads ({n_heads})"
        raise ValueError(Errors.ML310.format(option="size", value=size, wanted=wanted))
    if isinstance(encoder, EncoderListener):
        raise ValueError(Errors.ML385)
    features = PairFeaturesLayer(size, n_heads, dropout, distances=distances)
    linear = build_linear(has_bias=True)
    return Model(
        "mluke-mention-pairs", forward, init=init, layers=[encoder, features, linear],
        refs={"encoder": encoder, "features": features, "linear": linear},
        # `width`: columns of the linear layer's weight.
        attrs={"size": 2, "with_entities": False, "width": size * BLOCK, "stored": None},
    )  # fmt: skip


class PairFeaturesLayer(Model):
    """The thinc layer around PairFeatures: its weights are parameters of the layer.

    size (int): Width of the representations.
    n_heads (int): Heads of the attention to words.
    dropout (float): Dropout in training.
    distances (bool): Whether pairs have vectors of their distances.
    """

    def __init__(self, size: int, n_heads: int, dropout: float, *, distances: bool = False):
        names = dict(PairFeatures(1, size=size, n_heads=n_heads, distances=distances).named_parameters())
        attrs = {"size": size, "n_heads": n_heads, "dropout_rate": dropout, "distances": distances}
        super().__init__("mluke-pair-features", _no_forward, params=dict.fromkeys(names), attrs=attrs)

    def start_weights(self, width: int) -> None:
        """Initialize the weights at random.

        width (int): Width of the encoder's states.
        """
        # PyTorch's generator, which spaCy seeds.
        for name, values in self._module(width).named_parameters():
            self.set_param(name, cast(Any, self.ops.asarray(cast(Any, values.detach().numpy()))))

    def _module(self, width: int) -> PairFeatures:
        return PairFeatures(width, **{name: self.attrs[name] for name in ("size", "n_heads", "distances")})

    def run(
        self,
        passages: List[PassagePairs],
        *,
        is_train: bool,
        classify: Optional[Callable[[Tensor], Tensor]] = None,
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Compute the features of pairs.

        passages (List[PassagePairs]): The texts.
        is_train (bool): Whether a gradient is needed.
        classify (Optional[Callable]): As for `PairFeatures`.
        RETURNS (Tuple[Tensor, Dict[str, Tensor]]): Features, (n_pairs, 32 * size), or the output of `classify`; and the
            weights they depend on.
        """
        weights = {name: xp2torch(cast(Any, self.get_param(name))) for name in self.param_names}
        if is_train:
            weights = {name: values.detach().clone().requires_grad_() for name, values in weights.items()}
        with torch.device("meta"):
            module = self._module(weights["key.weight"].shape[1])
        dropout = self.attrs["dropout_rate"] if is_train else 0.0
        with torch.set_grad_enabled(is_train):
            return functional_call(module, weights, (passages, dropout, classify)), weights


def init(model: GroupModel, X: Optional[MarkedInput] = None, Y: Optional[GroupLogits] = None) -> None:
    """Read the encoder's checkpoint. The component initializes the weights, with the labels."""
    model.get_ref("encoder").initialize()


def forward(
    model: GroupModel, inputs: MarkedInput, is_train: bool
) -> Tuple[GroupLogits, Callable[[GroupLogits], MarkedInput]]:
    """Read each text once, and classify its pairs whose two mentions have a state."""
    if isinstance(inputs, list):
        inputs = MarkedInput(inputs, [numpy.zeros((0, 2, 2), dtype="int32")] * len(inputs), 2)
    numbered = [number_mentions(groups) for groups in inputs.groups]
    stored: Optional[StoredStates] = model.attrs["stored"]
    states, counts, backprop_states = read_passages(
        model.get_ref("encoder"),
        inputs.docs,
        [mentions for mentions, _ in numbered],
        is_train=is_train,
        stored=stored,
    )
    kept: List[Any] = [found.kept[pairs].all(axis=1) for found, (_, pairs) in zip(states, numbered, strict=True)]
    pairs = [rows[has_states] for (_, rows), has_states in zip(numbered, kept, strict=True)]
    lengths = numpy.asarray([len(rows) for rows in kept], dtype="int64")
    is_kept = numpy.concatenate([numpy.zeros(0, dtype=bool), *kept])
    if not is_train:
        logits = _predict(model, states, pairs)
        return GroupLogits(logits, is_kept, lengths, counts), _no_backprop
    logits, backprop_logits = _begin_update(model, states, pairs, backprop_states)

    def backprop(d_output: GroupLogits) -> MarkedInput:
        backprop_logits(d_output.logits)
        return inputs

    return GroupLogits(logits, is_kept, lengths, counts), backprop


def _passage(states: PassageStates, pieces: Tensor, entities: Tensor, pairs: Ints2d) -> PassagePairs:
    """One text for PairFeatures; `pieces` and `entities` are its states as tensors."""
    firsts, lasts = (torch.from_numpy(rows) for rows in edge_pieces(states))
    edges = [pieces[firsts], pieces[lasts]] if len(pieces) else [entities, entities]
    numbers, places = torch.from_numpy(pairs).to(pieces.device), firsts.to(pieces.device)
    return PassagePairs(pieces, torch.cat([entities, *edges], dim=1), numbers, places)


def _tensors(states: PassageStates) -> Tuple[Tensor, Tensor]:
    return xp2torch(cast(Any, states.piece_states)), xp2torch(cast(Any, states.entity_states))


def _predict(model: GroupModel, states: List[PassageStates], pairs: List[Ints2d]) -> Any:
    """Logits of all pairs, a limited number at a time."""
    features, linear = model.get_ref("features"), model.get_ref("linear")
    assert isinstance(features, PairFeaturesLayer)
    found: List[Any] = [model.ops.alloc2f(0, len(cast(Any, linear.get_param("b"))))]
    # torch multiplies large matrices faster than thinc.
    weight, bias = (xp2torch(cast(Any, linear.get_param(name))) for name in ("W", "b"))
    waiting: List[PassagePairs] = []

    def flush() -> None:
        if waiting:
            logits, _ = features.run(waiting, is_train=False, classify=partial(F.linear, weight=weight, bias=bias))
            found.append(torch2xp(logits))
            waiting.clear()

    for own, own_pairs in zip(states, pairs, strict=True):
        passage = _passage(own, *_tensors(own), own_pairs)
        for part in passage.pairs.split(MAX_PAIRS):
            if sum(len(other.pairs) for other in waiting) + len(part) > MAX_PAIRS:
                flush()
            waiting.append(passage._replace(pairs=part))
    flush()
    return model.ops.xp.concatenate(found)


def _begin_update(
    model: GroupModel, states: List[PassageStates], pairs: List[Ints2d], backprop_states: Optional[Backprop]
) -> Tuple[Any, Callable[[Any], None]]:
    features, linear = model.get_ref("features"), model.get_ref("linear")
    assert isinstance(features, PairFeaturesLayer)
    leaves = [tuple(values.detach().clone().requires_grad_() for values in _tensors(own)) for own in states]
    with torch.enable_grad():
        given = [
            _passage(own, pieces, entities, own_pairs)
            for own, (pieces, entities), own_pairs in zip(states, leaves, pairs, strict=True)
        ]
    values, weights = features.run(given, is_train=True)
    logits, backprop_linear = linear.begin_update(torch2xp(values.detach()))

    def backprop(d_logits: Any) -> None:
        d_values = backprop_linear(d_logits)
        if values.requires_grad and len(values):
            torch.autograd.backward(values, xp2torch(d_values))
        for name, weight in weights.items():
            if weight.grad is not None:
                features.inc_grad(name, cast(Any, torch2xp(weight.grad)))
        if backprop_states is not None:
            d_pieces, d_entities = ([_gradient(leaf[side]) for leaf in leaves] for side in (0, 1))
            backprop_states(d_pieces, d_entities)

    return logits, backprop


def _gradient(values: Tensor) -> Any:
    return torch2xp(torch.zeros_like(values) if values.grad is None else values.grad)


def _no_forward(model: Model, X: Any, is_train: bool) -> Any:
    raise NotImplementedError


def _no_backprop(d_output: GroupLogits) -> MarkedInput:
    raise NotImplementedError
