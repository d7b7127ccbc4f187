"""Tiny pipelines with heads at random, and their exports. Skipped without the packages of the extra `onnx`."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc

from spacy_mluke.heads.candidate_selection import BIAS, FEATURES
from spacy_mluke.kb.entities import Entity, EntityName
from spacy_mluke.kb.known_names import N_FEATURES, KnownNames, NameEvidence
from spacy_mluke.onnx.texts import TokenizedText
from tests.checkpoint.checkpoints import FULL, make_checkpoint
from tests.conftest import SAMPLES

NGRAMS = {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 3}
LISTENER = {"@architectures": "spacy-mluke.PassageListener.v1", "upstream": "mluke_ner"}


def pytest_collection_modifyitems(items):
    missing = pytest.mark.skip(reason="needs the packages of the extra 'onnx': onnx, onnxruntime")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        for item in items:
            if "/onnx/" in item.path.as_posix():
                item.add_marker(missing)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, tiny_sentencepiece):
    """A LUKE with entity-aware attention and an entity table that is narrower than the states."""
    path = tmp_path_factory.mktemp("onnx") / "checkpoint"
    return make_checkpoint(path, tiny_sentencepiece, entities=FULL, use_entity_aware_attention=True)


def build_pipeline(checkpoint, **encoder):
    """A pipeline with every component that can be exported, joint encoders, and an isolated one with a listener."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("xx")
    own = {"name": str(checkpoint), "window": 40, "overlap": 8, **encoder}
    isolated = {**own, "visibility": "isolated", "max_entities": 0}
    nlp.add_pipe("mluke", config={"model": own})
    nlp.add_pipe("mluke_ner", config={"model": {"encoder": isolated}, "suggester": NGRAMS})
    nlp.add_pipe("mluke_relations", config={"model": {"encoder": own}})
    listening = {
        "@architectures": "spacy-mluke.MentionPairClassifier.v1",
        "encoder": LISTENER,
        "size": 64,
        "n_heads": 2,
        "distances": True,
    }
    nlp.add_pipe(
        "mluke_relations", name="listening", config={"model": {**listening, "n_heads": 2}, "multi_label": True}
    )
    nlp.add_pipe("mluke_typing", config={"model": {"encoder": own}, "threshold": 0.2})
    nlp.add_pipe("mluke_qa", config={"model": {"encoder": own}, "suggester": None, "null_threshold": 1.0, "top_k": 2})
    ner = nlp.get_pipe("mluke_ner")
    ner.initialize_labels(["LOC", "PER"])
    random = numpy.random.default_rng(0)
    for param, shape in (("W", (2, 16)), ("b", (2,)), ("L", (32,))):
        ner.model.get_ref("pruner").set_param(param, random.standard_normal(shape).astype("float32"))
    ner.max_candidates_per_piece = 0.7
    known = KnownNames.of([Entity("Q1", "LOC", 1.0, (EntityName("Tokyo"), EntityName("São Tomé")))])
    weights = random.standard_normal((N_FEATURES + 1, 3)).astype("float32")
    ner.evidence = NameEvidence(known, list(ner.classes), weights)
    ner.cfg["candidate_weights"] = {**dict.fromkeys(FEATURES, 0.2), BIAS: 2.0}
    for name in ("mluke_relations", "listening"):
        nlp.get_pipe(name).initialize_labels(["capital", "home"])
    features = nlp.get_pipe("listening").model.get_ref("features")
    shape = features.get_param("distance").shape
    features.set_param("distance", random.standard_normal(shape).astype("float32"))
    nlp.get_pipe("mluke_typing").initialize_labels(["CITY", "STATE"])
    nlp.get_pipe("mluke_qa").initialize_head()
    for name in nlp.pipe_names[1:]:
        linear = nlp.get_pipe(name).model.get_ref("linear")
        # Clear decisions, so that rounding changes none.
        linear.set_param("W", linear.get_param("W") * 30)
    return nlp


@pytest.fixture(scope="session")
def nlp(checkpoint):
    return build_pipeline(checkpoint)


@pytest.fixture(scope="session")
def exported(nlp, tmp_path_factory):
    from spacy_mluke import export_onnx

    return export_onnx(nlp, tmp_path_factory.mktemp("onnx") / "exported", entities="all")


@pytest.fixture(scope="session")
def pipeline(exported):
    from spacy_mluke import OnnxPipeline

    return OnnxPipeline(exported.path, threads=1)


# Several lengths in one batch, an empty text, and one of several windows.
TEXTS = [*SAMPLES.values(), "Tokyo", "Tokyo is the capital of Japan and Paris is the capital of France . " * 8]


def read(doc: Doc) -> TokenizedText:
    """The text of a Doc with its tokens."""
    return TokenizedText(doc.text, [(token.idx, token.idx + len(token)) for token in doc])


def mentions_of(doc: Doc):
    """Words of a text, with labels: those with four letters or more."""
    words = [token for token in doc if len(token) > 3][:4]
    return [(token.idx, token.idx + len(token), "LOC") for token in words]


def with_ents(doc: Doc) -> Doc:
    doc.ents = [doc.char_span(*mention) for mention in mentions_of(doc)]
    return doc


def close(found, expected):
    numpy.testing.assert_allclose(found, expected, atol=1e-4)
