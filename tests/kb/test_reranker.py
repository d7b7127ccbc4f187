"""The model that ranks candidates: training, probabilities, files."""

from __future__ import annotations

import json

import numpy
import pytest

from spacy_mluke.kb.evidence import FACT_FEATURES
from spacy_mluke.kb.nil import NIL_FEATURES
from spacy_mluke.kb.reranker import BUNDLED, FEATURES, Reranker, fit_reranker, fit_weights
from spacy_mluke.kb.vector_space import VectorSpace

TEXTS = {"en": numpy.array([[1.0, 0.0, 0.2], [1.0, 0.4, 0.0]]), "de": numpy.array([[3.0, 0.0, 0.1]])}


@pytest.fixture
def space():
    return VectorSpace.fit(TEXTS, numpy.array([[0.0, 5.0, 0.0], [0.0, 5.0, 1.0]]))


def items(n=40):
    rng = numpy.random.default_rng(0)
    found = []
    for i in range(n):
        features = rng.normal(size=(3, len(FEATURES)))
        # The gold candidate has the largest third feature, most of the time.
        features[i % 3, 2] += 3.0
        found.append((features, i % 3))
    return found


def reranker(space=None):
    nil = dict.fromkeys(NIL_FEATURES, -1.0)
    facts = dict.fromkeys(FACT_FEATURES, 2.0)
    return Reranker(dict.fromkeys(FEATURES, 0.5), facts, "e5", space, nil, {"maría"})


def test_training_finds_the_feature_that_decides(space):
    found = fit_reranker(items(), "e5", space)
    assert max(found.weights, key=found.weights.get) == FEATURES[2]
    assert numpy.mean([found.probabilities(x).argmax() == gold for x, gold in items()]) > 0.9
    assert found.encoder == "e5" and found.space is space


def test_training_ends_where_the_gradient_is_0():
    data = items()
    weights = fit_weights(data, l2=1.0)
    gradient = -weights
    for features, gold in data:
        p = numpy.exp(features @ weights)
        gradient = gradient + features[gold] - (p / p.sum()) @ features
    assert numpy.abs(gradient).max() < 1e-6


def test_an_important_mention_counts_as_several():
    data = items(4)
    repeated = fit_weights([*data, data[0]], l2=1.0)
    assert fit_weights(data, l2=1.0, importance=[2.0, 1.0, 1.0, 1.0]) == pytest.approx(repeated)


def test_without_features_of_the_encoder_other_weights_are_used():
    features = numpy.zeros((2, len(FEATURES)))
    features[0, 0] = 1.0
    assert reranker().probabilities(features)[0] == pytest.approx(1 / (1 + numpy.exp(-0.5)))
    assert reranker().probabilities(features[:, :-1])[0] == pytest.approx(1 / (1 + numpy.exp(-2.0)))


def test_training_without_mentions_is_an_error(space):
    with pytest.raises(ValueError, match="ML416"):
        fit_reranker([], "e5", space)


def test_it_is_saved_and_read(tmp_path, space):
    own = reranker(space)
    own.to_disk(tmp_path / "weights.json")
    found = Reranker.from_disk(tmp_path / "weights.json")
    assert found.to_bytes() == own.to_bytes() and found.nil == own.nil
    assert found.first_names == {"maría"}
    assert found.space.texts["de"] == pytest.approx([3.0, 0.0, 0.1])


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {}},
        {"weights": dict.fromkeys(FEATURES, "1")},
        {"without_encoder": dict.fromkeys(FACT_FEATURES, float("nan"))},
        {"space": {"texts": {"": [1.0]}, "descriptions": [1.0, 2.0], "common": [1.0]}},
        {"space": {"texts": {"en": [1.0]}, "descriptions": [1.0], "common": [1.0]}},
        {"space": 1},
        {"nil": {"constant": 1.0}},
    ],
)
def test_a_file_that_does_not_fit_is_an_error(change):
    content = {**json.loads(reranker().to_bytes()), **change}
    with pytest.raises(ValueError, match="ML415"):
        Reranker.from_bytes(json.dumps(content).encode())


def test_files_without_weights_for_nil_are_read():
    content = json.loads(reranker().to_bytes())
    del content["nil"]
    assert Reranker.from_bytes(json.dumps(content).encode()).nil is None


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="ML415"):
        Reranker.from_disk(tmp_path / "weights.json")


def test_a_space_removes_what_texts_of_a_language_have_in_common(space):
    found = space.text(numpy.array([[1.0, 0.4, 0.0]]), "en")
    assert numpy.linalg.norm(found) == pytest.approx(1.0)
    assert found @ space.common == pytest.approx([0.0], abs=1e-3)
    assert space.text(TEXTS["de"], "de") == pytest.approx(numpy.zeros((1, 3)), abs=1e-9)


def test_an_unknown_language_has_the_mean_of_all(space):
    assert space.text(space.texts[""][None], "xx") == pytest.approx(numpy.zeros((1, 3)), abs=1e-9)


def test_the_bundled_one_is_for_the_bundled_checkpoint():
    found = Reranker.from_disk(BUNDLED)
    assert found.encoder == "mluke-small" and found.space.common.shape == (384,)
    assert min(found.weights.values()) > 0.0
