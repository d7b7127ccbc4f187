"""Train the projections of texts and descriptions, by mentions whose entity is known."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy
import torch
from torch.nn import functional

from spacy_mluke.kb.projections import DISTANCES, Projections
from spacy_mluke.kb.vector_space import VectorSpace
from spacy_mluke.types import Floats2d

_SCALE = 10.0  # factor of cosines at the start
_OTHERS_LESS = 2.0  # what is subtracted from the logits of other mentions' entities, beside those of namesakes
_LEAST_RATE = 0.02  # part of the learning rate at the end
_MAX_FOR_DIRECTIONS = 20_000  # vectors


class Item(NamedTuple):
    """A mention: the sums of the states around it, by distance, and descriptions of candidates."""

    lang: str
    qid: str
    sums: Any  # shape: (7, width), float16
    counts: Any  # number of wordpieces of each sum, shape: (7,)
    descriptions: Floats2d  # the entity's first, then those of its namesakes


class Options(NamedTuple):
    """How to train."""

    n_rows: int = 256
    epochs: int = 5
    batch: int = 64
    rate: float = 1e-3
    dropout: float = 0.5
    seed: int = 0


class Model(torch.nn.Module):
    """Cosines of texts and descriptions after their projections."""

    def __init__(self, directions: Any, dropout: float):
        super().__init__()
        self.text = torch.nn.Parameter(directions.clone())
        self.description = torch.nn.Parameter(directions.clone())
        self.nearness = torch.nn.Parameter(torch.zeros(len(DISTANCES)))
        self.scale = torch.nn.Parameter(torch.tensor(math.log(_SCALE)))
        self.dropout = dropout

    def texts(self, sums: Any, counts: Any, means: Any) -> Any:
        """Return vectors of texts, of length 1."""
        weights = torch.exp(self.nearness)
        total = (sums * weights[None, :, None]).sum(1)
        return self._project(total / (counts * weights).sum(1, keepdim=True).clamp(min=1e-6) - means, self.text)

    def descriptions(self, centred: Any) -> Any:
        """Return vectors of descriptions, of length 1."""
        return self._project(centred, self.description)

    def _project(self, centred: Any, matrix: Any) -> Any:
        found = functional.dropout(centred, self.dropout, self.training) @ matrix.T
        return found / found.norm(dim=1, keepdim=True).clamp(min=1e-6)


class Batch(NamedTuple):
    """Tensors of mentions."""

    sums: Any
    counts: Any
    means: Any  # of the texts of their languages
    descriptions: Any  # centred, mention after mention
    offsets: List[int]  # index of the entity of each mention among the descriptions
    qids: List[str]


def fit_projections(
    items: Sequence[Item], options: Options, texts: Optional[Mapping[str, Floats2d]] = None
) -> VectorSpace:
    """Train the projections.

    items (Sequence[Item]): The mentions.
    options (Options): How to train.
    texts (Optional[Mapping[str, Floats2d]]): Further mean states of texts by language, for the means of languages.
    RETURNS (VectorSpace): The space with its means and projections.
    """
    torch.manual_seed(options.seed)
    by_language: Dict[str, List[Any]] = {lang: list(own) for lang, own in (texts or {}).items()}
    for item in items:
        by_language.setdefault(item.lang, []).append(mean_of(item))
    descriptions = numpy.concatenate([item.descriptions for item in items])
    plain = VectorSpace.fit({lang: numpy.stack(own) for lang, own in by_language.items()}, descriptions)
    centred = [numpy.stack(own) - plain.texts[lang] for lang, own in by_language.items()]
    centred.append(descriptions[::2] - plain.descriptions)
    sample = numpy.random.default_rng(options.seed).permutation(numpy.concatenate(centred))[:_MAX_FOR_DIRECTIONS]
    _, _, directions = numpy.linalg.svd(sample, full_matrices=False)
    model = Model(torch.tensor(directions[1 : options.n_rows + 1], dtype=torch.float32), options.dropout)
    _train(model, items, plain, options)
    found = [own.detach().numpy() for own in (model.text, model.description, torch.exp(model.nearness))]
    return VectorSpace(plain.texts, plain.descriptions, plain.common, Projections(*found))


def _train(model: Model, items: Sequence[Item], space: VectorSpace, options: Options) -> None:
    maps, others = [model.text, model.description], [model.nearness, model.scale]
    groups = [{"params": maps, "lr": options.rate}, {"params": others, "lr": 10 * options.rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    per_epoch = max(1, len(items) // options.batch)
    rate = lambda step: max(_LEAST_RATE, 1 - step / (options.epochs * per_epoch))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    rng = numpy.random.default_rng(options.seed)
    for _ in range(options.epochs):
        order = rng.permutation(len(items))
        for step in range(per_epoch):
            chosen = [items[i] for i in order[step * options.batch : (step + 1) * options.batch]]
            optimizer.zero_grad()
            loss(model, make_batch(chosen, space)).backward()
            optimizer.step()
            schedule.step()


def make_batch(items: Sequence[Item], space: VectorSpace) -> Batch:
    """Return the tensors of mentions."""
    lengths = [len(item.descriptions) for item in items]
    descriptions = numpy.concatenate([item.descriptions for item in items]) - space.descriptions
    return Batch(
        torch.tensor(numpy.stack([item.sums for item in items]).astype("float32")),
        torch.tensor(numpy.stack([item.counts for item in items])),
        torch.tensor(numpy.stack([space.texts.get(item.lang, space.texts[""]) for item in items]).astype("float32")),
        torch.tensor(descriptions.astype("float32")),
        numpy.cumsum([0, *lengths]).tolist(),
        [item.qid for item in items],
    )


def loss(model: Model, batch: Batch) -> Any:
    """Return the cross-entropy of the entities of mentions, among their namesakes and the entities of the others."""
    texts = model.texts(batch.sums, batch.counts, batch.means)
    logits = torch.exp(model.scale) * texts @ model.descriptions(batch.descriptions).T
    mask = torch.full_like(logits, -1e4)
    for i, qid in enumerate(batch.qids):
        mask[i, batch.offsets[i] : batch.offsets[i + 1]] = 0.0
        for j, other in enumerate(batch.qids):
            if other != qid:
                mask[i, batch.offsets[j]] = -_OTHERS_LESS
    return functional.cross_entropy(logits + mask, torch.tensor(batch.offsets[:-1]))


def accuracy(items: Sequence[Item], space: VectorSpace) -> float:
    """Return how often the description of a mention's entity is nearer to its text than those of its namesakes, in
    percent of the mentions that have namesakes."""
    right = []
    for item in items:
        if len(item.descriptions) > 1:
            text = space.text(mean_of(item, space.projections)[None], item.lang)[0]
            right.append((space.description(item.descriptions) @ text).argmax() == 0)
    return round(100 * float(numpy.mean(right)), 1) if right else 0.0


def mean_of(item: Item, projections: Any = None) -> Any:
    """Return the mean state around a mention.

    item (Item): The mention.
    projections (Optional[Projections]): Has the weights of the distances; None if all wordpieces count alike.
    RETURNS (Floats1d): Shape: (width,).
    """
    weights = numpy.ones(len(DISTANCES)) if projections is None else projections.nearness
    total = (item.sums.astype("float32") * weights[:, None]).sum(axis=0)
    return total / max(float((item.counts * weights).sum()), 1e-6)
