"""Add entities to an encoder, and masked-LM heads to an encoder that has none."""

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
from ..network.initialize_heads import initialize_entity_head, initialize_word_head
from ..network.mapped_table import MappedEntityTable
from ..network.masked_heads import EntityHead, WordHead
from ..network.tables import row_spread, table_device
from ..types import Ints1d
from ..vocabulary.entity_names import NewEntity, free_names, key_of
from .load import LoadedEncoder
from .own_section import ADDED, OWN

# A table with this many rows counts as trained: new rows get the length of the existing rows.
_TRAINED_ROWS = 1000
# Number of random sequences for the initialization of a head, and their pieces.
_N_SEQUENCES, _N_PIECES = 64, 16
_WORDS_AT_ONCE = 1 << 16


def add_entities(loaded: LoadedEncoder, entities: Sequence[NewEntity]) -> Ints1d:
    """Add entities to the vocabulary, the table and the head of an encoder.

    New rows are initialized from the words of the entities' names (see `name_rows`). Existing ids, rows and names do
    not change. An entity whose key is in the vocabulary keeps its id. An entity of mLUKE's vocabulary with the titles
    of a new entity keeps its id too, and gets the key as a further name. An optimizer that has already updated the
    encoder has states of the old sizes: use a new optimizer.

    loaded (LoadedEncoder): The encoder; changed in place.
    entities (Sequence[NewEntity]): The entities.
    RETURNS (Ints1d): Their ids. Shape: (n_entities,), int64.
    """
    first = loaded.config.entity_vocab_size
    ids, names, new = _assign_ids(loaded, entities, first)
    if names:
        loaded.entities = loaded.entities.grown(names)
    if new:
        _extend_table(loaded, name_rows(loaded, new))
        _extend_head(loaded, len(new))
        own = {ADDED: first, **loaded.config.extra.get(OWN, {})}
        loaded.config = replace(
            loaded.config, entity_vocab_size=first + len(new), extra={**loaded.config.extra, OWN: own}
        )
        loaded.network.config = loaded.config
    return cast(Ints1d, numpy.asarray(ids, dtype="int64"))


def _assign_ids(
    loaded: LoadedEncoder, entities: Sequence[NewEntity], first: int
) -> Tuple[List[int], Dict[str, int], List[NewEntity]]:
    """Return the ids of entities, new names of the vocabulary with their ids, and the entities that need a row."""
    vocabulary = loaded.entities
    names: Dict[str, int] = {}
    ids: List[int] = []
    new: List[NewEntity] = []
    renamed: List[str] = []
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
        renamed += [doubled] if doubled else []
    if renamed:
        total = sum(len(entity.titles) for entity in entities)
        warnings.warn(Warnings.ML182.format(n=len(renamed), total=total, example=renamed[0]), stacklevel=3)
    return ids, names, new


def _same_titles(loaded: LoadedEncoder, entity: NewEntity, taken: Set[int]) -> Optional[int]:
    """Return the entity of a published vocabulary that most titles of a new entity name, if it has no key yet."""
    found = [loaded.entities.get(f"{lang}:{title}") for lang, title in entity.titles.items() if lang]
    known = [entity_id for entity_id in found if entity_id is not None and entity_id not in taken]
    if not known or 2 * len(known) <= sum(entity_id is not None for entity_id in found):
        return None
    best = max(set(known), key=known.count)
    return best if key_of(loaded.entities.names(best)) is None else None


def name_rows(loaded: LoadedEncoder, entities: Sequence[NewEntity]) -> Tensor:
    """Return the initial rows of entities: the mean embeddings of the words of their names.

    The vector of a name is the mean of its wordpieces' embeddings, that of an entity the mean of its names in all
    languages. A mean of many vectors is shorter than a mean of few, which would make entities with many names less
    probable. So the difference from the mean of all words gets the length that it has for single words (in a trained
    table: for the existing rows). If a projection follows the table, its inverse is applied.

    loaded (LoadedEncoder): The encoder.
    entities (Sequence[NewEntity]): The entities.
    RETURNS (Tensor): Shape: (n_entities, entity_emb_size), float32, on the CPU.
    """
    embeddings = loaded.network.embeddings.word_embeddings
    means, has_words = _name_means(loaded, entities, embeddings)
    centre, distance = row_spread(embeddings)
    rows = means - centre
    if not has_words.all():
        missing = int((~has_words).sum())
        warnings.warn(Warnings.ML183.format(n=missing, total=len(entities)), stacklevel=3)
        rows[~has_words] = rows[has_words].mean(dim=0) if has_words.any() else 0.0
    rows = F.normalize(rows, dim=1) * distance + centre
    projection = loaded.network.entity_embeddings.entity_embedding_dense
    if projection is not None:
        rows = rows @ torch.linalg.pinv(projection.weight.detach().float().cpu()).T
    table = loaded.network.entity_embeddings.entity_embeddings
    if cast(Any, table).num_embeddings >= _TRAINED_ROWS:
        centre, distance = row_spread(table)
        rows = F.normalize(rows - rows.mean(dim=0), dim=1) * distance + centre if len(rows) > 1 else rows
    return rows


def _name_means(loaded: LoadedEncoder, entities: Sequence[NewEntity], table: nn.Module) -> Tuple[Tensor, Tensor]:
    """Return the mean over names of the mean over pieces, and which entities have names with pieces."""
    names = [entity.all_names() for entity in entities]
    pieces = loaded.wordpieces.encode_ragged(list(chain.from_iterable(names)))
    is_word = numpy.diff(pieces.offsets, axis=1).ravel() > 0
    name_of = numpy.repeat(numpy.arange(len(pieces.lengths)), pieces.lengths)[is_word]
    entity_of = numpy.repeat(numpy.arange(len(names)), [len(own) for own in names])
    ids, places = numpy.unique(pieces.ids[is_word], return_inverse=True)
    # Both means in one sum over all pieces: the weight of a piece is 1 / (pieces of the name * names of the entity).
    per_name = numpy.bincount(name_of, minlength=len(pieces.lengths))
    n_names = numpy.bincount(entity_of, weights=per_name > 0, minlength=len(names))
    weights = 1 / (per_name[name_of] * n_names[entity_of[name_of]])
    sums = torch.zeros(len(names), cast(Any, table).embedding_dim)
    with torch.no_grad():
        rows = table(torch.from_numpy(ids.astype("int64")).to(table_device(table))).float().cpu()
        for start in range(0, len(places), _WORDS_AT_ONCE):
            part = slice(start, start + _WORDS_AT_ONCE)
            weighted = rows[torch.from_numpy(places[part])] * torch.from_numpy(weights[part]).float()[:, None]
            sums.index_add_(0, torch.from_numpy(entity_of[name_of[part]]), weighted)
    return sums, torch.from_numpy(n_names > 0)


def _extend_table(loaded: LoadedEncoder, rows: Tensor) -> None:
    embeddings = loaded.network.entity_embeddings
    table = embeddings.entity_embeddings
    if isinstance(table, MappedEntityTable):
        embeddings.entity_embeddings = table.extended(rows)
        return
    weight = cast(nn.Embedding, table).weight
    extended = torch.cat([weight.detach(), rows.to(weight.detach())])
    embeddings.entity_embeddings = nn.Embedding.from_pretrained(extended, freeze=not weight.requires_grad)


def _extend_head(loaded: LoadedEncoder, n_new: int) -> None:
    head = loaded.heads.entity_predictions
    if head is not None:
        bias = head.bias.detach()
        # The mean bias: a new entity is as probable as the others are on average.
        extended = torch.cat([bias, bias.mean().expand(n_new)])
        head.bias = nn.Parameter(extended, requires_grad=head.bias.requires_grad)


def add_heads(
    loaded: LoadedEncoder, *, words: bool = False, entities: bool = True, states: Optional[Tensor] = None
) -> None:
    """Add untrained masked-LM heads to an encoder. Heads that it has do not change.

    loaded (LoadedEncoder): The encoder; changed in place.
    words (bool): Whether to add a head for masked words.
    entities (bool): Whether to add a head for masked entities.
    states (Optional[Tensor]): States of [MASK] entities, from which the scale of the head is computed. By default,
        those of random wordpieces. Shape: (n, width).
    """
    heads, network = loaded.heads, loaded.network
    parameter = next(network.parameters())
    words, entities = words and heads.lm_head is None, entities and heads.entity_predictions is None
    if not words and not entities:
        return
    states = (_mask_states(loaded) if states is None else states).to(parameter)
    if words:
        head: WordHead = initialize_word_head(loaded.config, states.cpu(), network.embeddings.word_embeddings)
        heads.lm_head = head.to(parameter).eval()
    if entities:
        layer = network.entity_embeddings
        found: EntityHead = initialize_entity_head(
            loaded.config, states.cpu(), layer.entity_embeddings, layer.entity_embedding_dense
        )
        heads.entity_predictions = found.to(parameter).eval()


def _mask_states(loaded: LoadedEncoder) -> Tensor:
    """Return the states of [MASK] on a <mask> among random pieces."""
    pieces = loaded.wordpieces
    rng = numpy.random.default_rng(0)
    ids = rng.integers(4, max(pieces.mask_id, 5), size=(_N_SEQUENCES, _N_PIECES))
    ids[:, 0], ids[:, -1], ids[:, _N_PIECES // 2] = pieces.bos_id, pieces.eos_id, pieces.mask_id
    device = next(loaded.network.parameters()).device
    with torch.no_grad():
        _, states = loaded.network(
            torch.from_numpy(ids.ravel()).to(device),
            [_N_PIECES] * _N_SEQUENCES,
            torch.full((_N_SEQUENCES,), loaded.entities.mask_id, device=device),
            torch.tensor([[_N_PIECES // 2, _N_PIECES // 2 + 1]] * _N_SEQUENCES, device=device),
            [1] * _N_SEQUENCES,
            max_mention_length=1,
        )
    return states
