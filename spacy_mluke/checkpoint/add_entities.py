"""Entities of one's own: more rows for a checkpoint's table, and heads for one that has none."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import chain
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, cast

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import Warnings
from ..network.mapped_table import MappedEntityTable, device_of
from ..network.masked_heads import EntityHead, WordHead, start_entity_head, start_word_head
from ..types import Ints1d
from ..vocabulary.entity_names import NewEntity, free_names, key_of
from .directory import ADDED, OWN
from .load import LoadedEncoder

# From so many rows on, a table is taken for a trained one: new rows get the size of those that are there.
_TRAINED_ROWS = 1000
_SAMPLED = 4096
# Sequences that a fresh head is measured on, and their pieces.
_PROBES, _PROBE_PIECES = 64, 16


def add_entities(loaded: LoadedEncoder, entities: Sequence[NewEntity]) -> Ints1d:
    """Add entities to an encoder: to its vocabulary, its table and its head.

    A row starts from the words of the entity's names (see `name_rows`). What is there stays: special ids, rows, names.
    An entity whose key the vocabulary has keeps its id, and so does one of mLUKE's that has a new entity's titles: it
    gets the key as a further name. Optimizers that have stepped the encoder know the former sizes: take a new one.

    loaded (LoadedEncoder): The encoder, changed in place.
    entities (Sequence[NewEntity]): The entities.
    RETURNS (Ints1d): Their ids. Shape: (n_entities,), int64.
    """
    first = loaded.config.entity_vocab_size
    ids, names, new = _take_names(loaded, entities, first)
    if names:
        loaded.entities = loaded.entities.grown(names)
    if new:
        _grow_table(loaded, name_rows(loaded, new))
        _grow_head(loaded, len(new))
        own = {ADDED: first, **loaded.config.extra.get(OWN, {})}
        loaded.config = replace(
            loaded.config, entity_vocab_size=first + len(new), extra={**loaded.config.extra, OWN: own}
        )
        loaded.network.config = loaded.config
    return cast(Ints1d, numpy.asarray(ids, dtype="int64"))


def _take_names(
    loaded: LoadedEncoder, entities: Sequence[NewEntity], first: int
) -> Tuple[List[int], Dict[str, int], List[NewEntity]]:
    """Ids of entities, names that the vocabulary is to get, and the entities that need a row."""
    vocabulary = loaded.entities
    names: Dict[str, int] = {}
    ids: List[int] = []
    new: List[NewEntity] = []
    told_apart: List[str] = []
    taken: Set[int] = set()

    def owner(name: str) -> Optional[int]:
        return names[name] if name in names else vocabulary.get(name)

    for entity in entities:
        found = owner(entity.key)
        if found is None:
            found = _same_titles(loaded, entity, taken)
        if found is None:
            found = first + len(new)
            new.append(entity)
        ids.append(found)
        taken.add(found)
        free, doubled = free_names(entity, found, owner)
        names.update({name: found for name in free if owner(name) is None})
        told_apart += [doubled] if doubled else []
    if told_apart:
        total = sum(len(entity.titles) for entity in entities)
        warnings.warn(Warnings.ML182.format(n=len(told_apart), total=total, example=told_apart[0]), stacklevel=3)
    return ids, names, new


def _same_titles(loaded: LoadedEncoder, entity: NewEntity, taken: Set[int]) -> Optional[int]:
    """The entity of a published vocabulary that most titles of a new one name, if nobody has given it a key."""
    found = [loaded.entities.get(f"{lang}:{title}") for lang, title in entity.titles.items() if lang]
    known = [entity_id for entity_id in found if entity_id is not None and entity_id not in taken]
    if not known or 2 * len(known) <= sum(entity_id is not None for entity_id in found):
        return None
    best = max(set(known), key=known.count)
    return best if key_of(loaded.entities.names(best)) is None else None


def name_rows(loaded: LoadedEncoder, entities: Sequence[NewEntity]) -> Tensor:
    """Rows that entities start from: the words of their names, in the space of the entity table.

    A name is the mean of its wordpieces' embeddings, an entity the mean of its names over all languages. A mean of many
    is shorter than one of few, which would make entities with many names less probable from the start: so what tells it
    from the mean of all words gets the length that single words have (in a trained table: the length of the rows that
    are there). The projection that follows the table, if there is one, is undone.

    loaded (LoadedEncoder): The encoder.
    entities (Sequence[NewEntity]): The entities.
    RETURNS (Tensor): Shape: (n_entities, entity_emb_size), float32, on the CPU.
    """
    embeddings = loaded.network.embeddings.word_embeddings
    means, has_words = _name_means(loaded, entities, embeddings)
    centre, spread = _spread_of(embeddings)
    rows = means - centre
    if not has_words.all():
        missing = int((~has_words).sum())
        warnings.warn(Warnings.ML183.format(n=missing, total=len(entities)), stacklevel=3)
        rows[~has_words] = rows[has_words].mean(dim=0) if has_words.any() else 0.0
    rows = F.normalize(rows, dim=1) * spread + centre
    projection = loaded.network.entity_embeddings.entity_embedding_dense
    if projection is not None:
        rows = rows @ torch.linalg.pinv(projection.weight.detach().float().cpu()).T
    table = loaded.network.entity_embeddings.entity_embeddings
    if cast(Any, table).num_embeddings >= _TRAINED_ROWS:
        centre, spread = _spread_of(table)
        rows = F.normalize(rows - rows.mean(dim=0), dim=1) * spread + centre if len(rows) > 1 else rows
    return rows


def _name_means(loaded: LoadedEncoder, entities: Sequence[NewEntity], table: nn.Module) -> Tuple[Tensor, Tensor]:
    """Mean over names of the mean over pieces; and which entities have any."""
    names = [entity.all_names() for entity in entities]
    pieces = loaded.wordpieces.encode_ragged(list(chain.from_iterable(names)))
    is_word = numpy.diff(pieces.offsets, axis=1).ravel() > 0
    name_of = numpy.repeat(numpy.arange(len(pieces.lengths)), pieces.lengths)[is_word]
    entity_of = numpy.repeat(numpy.arange(len(names)), [len(own) for own in names])
    ids, places = numpy.unique(pieces.ids[is_word], return_inverse=True)
    # A piece counts by its share of its name, a name by its share of its entity: one sum over all pieces.
    per_name = numpy.bincount(name_of, minlength=len(pieces.lengths))
    filled = numpy.bincount(entity_of, weights=per_name > 0, minlength=len(names))
    shares = 1 / (per_name[name_of] * filled[entity_of[name_of]])
    sums = torch.zeros(len(names), cast(Any, table).embedding_dim)
    with torch.no_grad():
        rows = table(torch.from_numpy(ids.astype("int64")).to(device_of(table))).float().cpu()
        for start in range(0, len(places), 1 << 16):
            part = slice(start, start + (1 << 16))
            weighted = rows[torch.from_numpy(places[part])] * torch.from_numpy(shares[part]).float()[:, None]
            sums.index_add_(0, torch.from_numpy(entity_of[name_of[part]]), weighted)
    return sums, torch.from_numpy(filled > 0)


def _spread_of(table: nn.Module) -> Tuple[Tensor, Tensor]:
    """Mean of a table's rows, and their mean distance from it."""
    n_rows = cast(Any, table).num_embeddings
    with torch.no_grad():
        ids = torch.linspace(0, n_rows - 1, min(n_rows, _SAMPLED), dtype=torch.float64).long()
        rows = table(ids.to(device_of(table))).float().cpu()
    centre = rows.mean(dim=0)
    return centre, (rows - centre).norm(dim=1).mean()


def _grow_table(loaded: LoadedEncoder, rows: Tensor) -> None:
    embeddings = loaded.network.entity_embeddings
    table = embeddings.entity_embeddings
    if isinstance(table, MappedEntityTable):
        embeddings.entity_embeddings = table.grown(rows)
        return
    weight = cast(nn.Embedding, table).weight
    grown = torch.cat([weight.detach(), rows.to(weight.detach())])
    embeddings.entity_embeddings = nn.Embedding.from_pretrained(grown, freeze=not weight.requires_grad)


def _grow_head(loaded: LoadedEncoder, n_new: int) -> None:
    head = loaded.heads.entity_predictions
    if head is not None:
        bias = head.bias.detach()
        # Of entities that the head knows, one without a word for it: as probable as they are on average.
        grown = torch.cat([bias, bias.mean().expand(n_new)])
        head.bias = nn.Parameter(grown, requires_grad=head.bias.requires_grad)


def start_heads(
    loaded: LoadedEncoder, *, words: bool = False, entities: bool = True, states: Optional[Tensor] = None
) -> None:
    """Give an encoder the heads that it lacks, untrained; those that it has stay.

    loaded (LoadedEncoder): The encoder, changed in place.
    words (bool): Whether it is to have one for masked words.
    entities (bool): Whether it is to have one for masked entities.
    states (Optional[Tensor]): States of [MASK] that a head will see, for its scale. By default, those of a few
        meaningless texts. Shape: (n, width).
    """
    heads, network = loaded.heads, loaded.network
    parameter = next(network.parameters())
    words, entities = words and heads.lm_head is None, entities and heads.entity_predictions is None
    if not words and not entities:
        return
    states = (_probe(loaded) if states is None else states).to(parameter)
    if words:
        head: WordHead = start_word_head(loaded.config, states.cpu(), network.embeddings.word_embeddings)
        heads.lm_head = head.to(parameter).eval()
    if entities:
        layer = network.entity_embeddings
        found: EntityHead = start_entity_head(
            loaded.config, states.cpu(), layer.entity_embeddings, layer.entity_embedding_dense
        )
        heads.entity_predictions = found.to(parameter).eval()


def _probe(loaded: LoadedEncoder) -> Tensor:
    """States of [MASK] on <mask> among random pieces."""
    pieces = loaded.wordpieces
    rng = numpy.random.default_rng(0)
    ids = rng.integers(4, max(pieces.mask_id, 5), size=(_PROBES, _PROBE_PIECES))
    ids[:, 0], ids[:, -1], ids[:, _PROBE_PIECES // 2] = pieces.bos_id, pieces.eos_id, pieces.mask_id
    device = next(loaded.network.parameters()).device
    with torch.no_grad():
        _, states = loaded.network(
            torch.from_numpy(ids.ravel()).to(device),
            [_PROBE_PIECES] * _PROBES,
            torch.full((_PROBES,), loaded.entities.mask_id, device=device),
            torch.tensor([[_PROBE_PIECES // 2, _PROBE_PIECES // 2 + 1]] * _PROBES, device=device),
            [1] * _PROBES,
            max_mention_length=1,
        )
    return states
