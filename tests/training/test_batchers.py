"""Batches of bounded cost."""

from __future__ import annotations

import random
import warnings
from operator import attrgetter

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import load_config, registry

from spacy_mluke.suggesters.pairs import build_entity_pairs_v1
from spacy_mluke.training.batch_costs import Measure, PieceCounter
from spacy_mluke.training.batchers import PieceBatcher, build_batch_by_pieces_v1
from tests.conftest import REPO
from tests.pipeline.relation_docs import relation_examples


def batcher(costs, *, max_rows, size=None, buffer=0, discard_oversize=False):
    """Return a batcher of numbers, used instead of examples."""
    return PieceBatcher(
        lambda items: [costs[item] for item in items],
        max_rows=max_rows,
        size=size,
        buffer=buffer,
        discard_oversize=discard_oversize,
    )


@settings(max_examples=200, deadline=None)
@given(
    costs=st.lists(st.integers(1, 40), max_size=60),
    max_rows=st.integers(1, 50),
    size=st.none() | st.integers(1, 10),
    buffer=st.integers(0, 20),
    discard=st.booleans(),
)
def test_each_example_is_in_one_batch_and_no_batch_exceeds_the_limit(costs, max_rows, size, buffer, discard):
    make = batcher(costs, max_rows=max_rows, size=size, buffer=buffer, discard_oversize=discard)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = list(make(iter(range(len(costs)))))
    expected = [i for i, cost in enumerate(costs) if not discard or cost <= max_rows]
    found = [item for batch in batches for item in batch]
    assert sorted(found) == expected
    if not buffer:
        assert found == expected
    for batch in batches:
        assert batch
        assert len(batch) == 1 or sum(costs[item] for item in batch) <= max_rows
        assert size is None or len(batch) <= size


def test_batches_are_as_full_as_they_can_be():
    costs = [5] * 100
    assert [len(batch) for batch in batcher(costs, max_rows=50, buffer=32)(range(100))] == [10] * 10


def test_examples_of_similar_cost_are_batched_together():
    random.seed(0)
    costs = [random.randint(1, 100) for _ in range(256)]
    spreads = [
        max(costs[i] for i in batch) - min(costs[i] for i in batch)
        for batch in batcher(costs, max_rows=400, buffer=256)(range(256))
    ]
    assert sum(spreads) / len(spreads) < 20


def test_the_order_of_batches_depends_on_the_seed():
    costs = list(range(1, 41))
    orders = []
    for seed in (0, 0, 1):
        random.seed(seed)
        orders.append(list(batcher(costs, max_rows=60, buffer=40)(range(40))))
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(("discard", "code"), [(False, "ML190"), (True, "ML191")])
def test_large_examples_are_counted_in_one_warning_per_run(discard, code):
    make = batcher([3, 30, 40], max_rows=10, discard_oversize=discard)
    with pytest.warns(UserWarning, match=rf"\[{code}\] 2 of 3 examples"):
        list(make(range(3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(make(range(3)))


@pytest.mark.parametrize(
    ("options", "code"),
    [({"count": "doc"}, "ML070"), ({"max_rows": 0}, "ML071"), ({"size": 0}, "ML071"), ({"buffer": -1}, "ML071")],
)
def test_invalid_options_are_named(options, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        build_batch_by_pieces_v1(**options)


# --- counting ---


@pytest.fixture
def doc(tiny_checkpoint):
    found = Doc(spacy.blank("xx").vocab, words=["Tokyo", "and", "Paris", "and", "Japan"])
    found.ents = [Span(found, 0, 1, "A"), Span(found, 2, 3, "B"), Span(found, 4, 5, "C")]
    return found


def test_wordpieces_are_counted_token_by_token(tiny_checkpoint, doc):
    count = PieceCounter(str(tiny_checkpoint))
    (whole,) = count([doc])
    assert whole == sum(count.count_texts([token.text for token in doc]))
    assert count([doc, Doc(doc.vocab)]) == [whole, 0]


def test_the_vocabulary_is_read_only_when_something_is_counted():
    count = PieceCounter("no-such-checkpoint")
    assert count.count_texts([]) == []
    with pytest.raises(ValueError, match=r"\[ML04"):
        count.count_texts(["x"])


def measure(checkpoint, count, **options):
    return Measure(count, name=str(checkpoint), window=66, **options)


def test_each_component_is_measured_by_its_sequences(tiny_checkpoint, doc):
    (n,) = PieceCounter(str(tiny_checkpoint))([doc])
    assert measure(tiny_checkpoint, "docs")([doc]) == [n + 2 + 3]
    assert measure(tiny_checkpoint, "entities")([doc]) == [3 * (n + 4 + 1)]
    assert measure(tiny_checkpoint, "pairs")([doc]) == [6 * (n + 6 + 2)]
    assert measure(tiny_checkpoint, "ngrams")([doc]) == [n + 2 + 15]
    pairs = build_entity_pairs_v1(order="text", max_distance=1)
    assert measure(tiny_checkpoint, "pairs", proposes=pairs)([doc]) == [2 * (n + 6 + 2)]
    ngrams = registry.misc.get("spacy.ngram_suggester.v1")([1, 2])
    assert measure(tiny_checkpoint, "ngrams", proposes=ngrams)([doc]) == [n + 2 + 9]


def test_the_measured_cost_is_the_encoders_or_slightly_more(steady_checkpoint):
    from spacy_mluke.encoder.inputs import MarkedInput
    from tests.pipeline.relation_docs import task_pipeline

    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    pipe = nlp.get_pipe("mluke_relations")
    gold = relation_examples(nlp)
    docs = [eg.predicted for eg in gold]
    batch = MarkedInput(docs, pipe.propose(docs), 2).align(pipe.model.get_ref("encoder"))
    rows = len(batch.piece_ids) + len(batch.entity_ids)
    assert rows <= sum(measure(steady_checkpoint, "pairs")(gold)) <= 1.2 * rows


def test_a_long_document_is_measured_with_its_windows(tiny_checkpoint, doc):
    long = Doc.from_docs([doc] * 40)
    long.ents = []
    (n,) = PieceCounter(str(tiny_checkpoint))([long])
    (rows,) = measure(tiny_checkpoint, "docs")([long])
    assert n < rows < 3 * n
    assert rows % 66 == 0


def test_costs_follow_the_limits_of_the_encoder(tiny_checkpoint, doc):
    long = Doc.from_docs([doc] * 40)
    (n,) = PieceCounter(str(tiny_checkpoint))([long])
    n_ents = len(long.ents)
    (one,) = measure(tiny_checkpoint, "docs", overlap=0, max_entities=0)([long])
    n_windows = -(-n // 64)
    assert one == n_windows * 66 + n_ents
    # A step of half a window.
    (overlapping,) = measure(tiny_checkpoint, "docs", overlap=32, max_entities=0)([long])
    assert overlapping == (1 + -(-(n - 64) // 32)) * 66 + n_ents
    # Ten entities in a sequence: the words are read again for each further ten.
    (many,) = measure(tiny_checkpoint, "docs", overlap=0, max_entities=10)([long])
    assert many == -(-n_ents // 10) * n_windows * 66 + n_ents


def test_the_limits_of_the_encoder_are_options_of_the_batcher(tiny_checkpoint, doc):
    options = {"count": "docs", "name": str(tiny_checkpoint), "window": 66, "max_rows": 10**6}
    default = build_batch_by_pieces_v1(**options).measure
    changed = build_batch_by_pieces_v1(**options, overlap=0, max_entities=1).measure
    assert default([doc]) < changed([doc])
    for wrong in ({"overlap": -1}, {"max_entities": -1}):
        with pytest.raises(ValueError, match=r"\[ML071\]"):
            build_batch_by_pieces_v1(**wrong)


@pytest.mark.parametrize("path", sorted((REPO / "configs").glob("*.cfg")), ids=attrgetter("stem"))
def test_the_batcher_of_a_shipped_config_has_the_limits_of_its_encoder(path):
    config = load_config(path)
    batcher = config["training"]["batcher"]
    encoders = [
        block
        for component in config["components"].values()
        for block in (component.get("model", {}), component.get("model", {}).get("encoder", {}))
        if block.get("@architectures") == "spacy-mluke.Encoder.v1"
    ]
    assert len(encoders) == 1
    for option in ("window", "overlap", "max_entities"):
        assert batcher[option] == encoders[0][option]


def test_gold_entities_are_counted_if_none_are_predicted_yet(tiny_checkpoint, doc):
    bare = Example(Doc(doc.vocab, words=[token.text for token in doc]), doc)
    assert measure(tiny_checkpoint, "pairs")([bare]) == measure(tiny_checkpoint, "pairs")([doc])


def test_empty_documents_cost_something(tiny_checkpoint, doc):
    assert measure(tiny_checkpoint, "pairs")([Doc(doc.vocab)]) == [1]
    assert measure(tiny_checkpoint, "docs")([]) == []


def test_it_resolves_from_a_config(tiny_checkpoint, doc):
    config = {
        "batcher": {
            "@batchers": "spacy-mluke.batch_by_pieces.v1",
            "max_rows": 100,
            "count": "pairs",
            "name": str(tiny_checkpoint),
            "proposes": {"@misc": "spacy-mluke.entity_pairs.v1", "order": "text"},
        }
    }
    make = registry.resolve(config)["batcher"]
    batches = list(make([doc] * 10))
    assert sum(map(len, batches)) == 10
