"""`mluke_ner`: which negative candidates a training step uses."""

from __future__ import annotations

import numpy
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.pipeline.ner.gold_entities import UNKNOWN
from spacy_mluke.pipeline.ner.sampling import NEAR, NEGATIVE_SAMPLING, sample
from spacy_mluke.suggesters.candidates import CandidateSpans

NEGATIVE, ENTITY = 0, 1


def all_spans(lengths, longest=3):
    rows = [[(i, j) for i in range(n) for j in range(i + 1, min(n, i + longest) + 1)] for n in lengths]
    bounds = numpy.asarray([row for part in rows for row in part], dtype="int64").reshape((-1, 2))
    return CandidateSpans(bounds, numpy.asarray([len(part) for part in rows], dtype="int64"))


def how_often(class_ids, spans, lengths, n=400):
    numpy.random.seed(0)  # noqa: NPY002
    counts = numpy.zeros(len(class_ids), dtype="int64")
    for _ in range(n):
        counts[sample(class_ids, spans, lengths, NEGATIVE, 0.5, NEAR)] += 1
    return dict(zip(map(tuple, spans.bounds.tolist()), counts.tolist(), strict=True))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.data(), st.sampled_from(NEGATIVE_SAMPLING))
def test_a_sample_has_all_entities_and_the_quota_of_each_document(lengths, data, sampling):
    spans, n_tokens = all_spans(lengths), numpy.asarray(lengths)
    classes = st.sampled_from([NEGATIVE, NEGATIVE, ENTITY, UNKNOWN])
    drawn = data.draw(st.lists(classes, min_size=len(spans.bounds), max_size=len(spans.bounds)))
    class_ids = numpy.asarray(drawn, dtype="int64")
    chosen = sample(class_ids, spans, n_tokens, NEGATIVE, 0.5, sampling)
    assert (numpy.diff(chosen) > 0).all()
    assert set(numpy.flatnonzero(class_ids == ENTITY)) <= set(chosen) and UNKNOWN not in class_ids[chosen]
    n_negatives = numpy.bincount(spans.docs[class_ids == NEGATIVE], minlength=len(lengths))
    n_sampled = numpy.bincount(spans.docs[chosen[class_ids[chosen] == NEGATIVE]], minlength=len(lengths))
    assert n_sampled.tolist() == numpy.minimum(n_negatives, numpy.ceil(n_tokens * 0.5)).tolist()


def test_near_prefers_candidates_that_share_a_bound_with_an_entity_or_overlap_it():
    lengths = numpy.asarray([12])
    spans = all_spans(lengths)
    class_ids = numpy.where((spans.bounds == [4, 7]).all(axis=1), ENTITY, NEGATIVE)
    n_drawn = how_often(class_ids, spans, lengths)
    assert n_drawn[4, 7] == 400
    assert n_drawn[4, 6] > 1.5 * n_drawn[3, 5] > 1.5 * n_drawn[9, 11]


def test_near_prefers_short_candidates():
    lengths = numpy.asarray([12])
    spans = all_spans(lengths)
    n_drawn = how_often(numpy.zeros(len(spans.bounds), dtype="int64"), spans, lengths)
    by_length = [sum(n for (start, end), n in n_drawn.items() if end - start == size) for size in (1, 2, 3)]
    assert by_length[0] > 1.2 * by_length[1] > 1.2 * by_length[2]


def test_the_edges_of_one_document_are_not_those_of_the_next():
    lengths = numpy.asarray([2, 2])
    spans = all_spans(lengths)
    class_ids = numpy.where((spans.docs == 0) & (spans.bounds == [0, 2]).all(axis=1), ENTITY, NEGATIVE)
    numpy.random.seed(1)  # noqa: NPY002
    drawn = [sample(class_ids, spans, lengths, NEGATIVE, 0.5, NEAR) for _ in range(300)]
    # The second document has no entity: (0, 1) is not more probable than (1, 2).
    counts = numpy.bincount(numpy.concatenate(drawn), minlength=len(class_ids))[spans.docs == 1]
    assert abs(counts[0] - counts[2]) < 60
