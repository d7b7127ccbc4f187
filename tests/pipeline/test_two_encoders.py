"""`mluke` and another transformer in one pipeline: each listener reads and trains the encoder that it names."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from spacy_transformers.layers import TransformerListener
from thinc.api import Model, Ragged
from transformers.modeling_outputs import ModelOutput

from spacy_mluke.annotate.trf_data import ReadFrom

WIDTH = 7


class OtherTransformer(TrainablePipe):
    """A component that provides states as spacy-transformers does, of another width than `mluke`'s."""

    def __init__(self, vocab, name):
        self.vocab, self.name, self.cfg = vocab, name, {}
        self.model = Model("other", lambda model, X, is_train: (X, lambda d: d), dims={"nO": WIDTH})
        self.listener_map: dict = {}
        self.gradients: list = []

    @property
    def listening_components(self):
        return list(self.listener_map)

    @property
    def listeners(self):
        return [layer for layers in self.listener_map.values() for layer in layers]

    def add_listener(self, listener, name):
        if not any(listener is layer for layer in self.listener_map.setdefault(name, [])):
            self.listener_map[name].append(listener)
        if listener.has_dim("nO") is None:
            listener.set_dim("nO", WIDTH)

    def remove_listener(self, listener, name):
        return False

    def find_listeners(self, component):
        for node in component.model.walk() if isinstance(getattr(component, "model", None), Model) else ():
            if isinstance(node, TransformerListener) and node.upstream_name in ("*", self.name):
                self.add_listener(node, component.name)

    def predict(self, docs):
        return [states(doc) for doc in docs]

    def set_annotations(self, docs, found):
        for doc, data in zip(docs, found, strict=True):
            doc._.trf_data = data

    def update(self, examples, *, drop=0.0, sgd=None, losses=None):
        docs = [eg.predicted for eg in examples]
        for listener in self.listeners:
            listener.receive(listener.get_batch_id(docs), self.predict(docs), self.gradients.append)
        return losses

    def initialize(self, get_examples, *, nlp=None):
        pass

    def finish_update(self, sgd):
        pass


def states(doc):
    n = len(doc)
    return TransformerData(
        wordpieces=WordpieceBatch.zeros([n]),
        model_output=ModelOutput(last_hidden_state=numpy.full((1, n, WIDTH), 0.5, dtype="float32")),
        align=Ragged(numpy.arange(n, dtype="int32"), numpy.ones(n, dtype="int32")),
    )


Language.factory("spacy_mluke_tests_other", func=lambda nlp, name: OtherTransformer(nlp.vocab, name))


def listening(upstream):
    tok2vec = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": upstream,
    }
    return {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}}


ORDERS = {
    "other_first": ["other", "tag_other", "mluke", "tag_mluke"],
    "mluke_first": ["mluke", "tag_mluke", "other", "tag_other"],
    "encoders_then_listeners": ["other", "mluke", "tag_other", "tag_mluke"],
    "mluke_then_other_then_listeners": ["mluke", "other", "tag_mluke", "tag_other"],
}


def pipeline(order, checkpoint):
    nlp = spacy.blank("xx")
    for name in order:
        if name == "mluke":
            nlp.add_pipe("mluke", config={"model": {"name": str(checkpoint)}})
        elif name == "other":
            nlp.add_pipe("spacy_mluke_tests_other", name="other")
        else:
            nlp.add_pipe("tagger", name=name, config=listening(name.removeprefix("tag_")))
    return nlp


def examples(nlp):
    return [
        Example(Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words, tags=["A", *["B"] * (len(words) - 1)]))
        for words in (["Tokyo", "is", "big"], ["Paris"])
    ]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_listeners_of_both_encoders_train_and_predict_in_any_order(steady_checkpoint, order):
    nlp = pipeline(order, steady_checkpoint)
    gold = examples(nlp)
    optimizer = nlp.initialize(lambda: gold)
    for _ in range(2):  # a new tagger has no gradient for the encoder in its first step
        losses = nlp.update(gold, sgd=optimizer)
    assert losses["tag_mluke"] > 0.0 and losses["tag_other"] > 0.0 and losses["mluke"] > 0.0
    _, gradient = nlp.get_pipe("other").gradients
    assert gradient[0].model_output.last_hidden_state.shape == (1, 3, WIDTH)
    for doc in nlp.pipe([nlp.make_doc("Tokyo is big"), nlp.make_doc("Paris"), nlp.make_doc("")]):
        assert all(token.tag_ for token in doc)


def test_a_saved_pipeline_with_both_encoders_predicts_the_same(steady_checkpoint, tmp_path):
    nlp = pipeline(ORDERS["encoders_then_listeners"], steady_checkpoint)
    nlp.initialize(lambda: examples(nlp))
    nlp.remove_pipe("other")
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    listener = loaded.get_pipe("tag_mluke").model.get_ref("tok2vec").get_ref("listener")
    assert isinstance(listener._func, ReadFrom) and not isinstance(listener._func.forward, ReadFrom)
    expected = nlp.get_pipe("tag_mluke").predict([nlp.get_pipe("mluke")(nlp.make_doc("Tokyo is big"))])
    found = loaded.get_pipe("tag_mluke").predict([loaded.get_pipe("mluke")(loaded.make_doc("Tokyo is big"))])
    numpy.testing.assert_array_equal(found[0], expected[0])


def test_the_states_are_those_of_the_last_encoder(tiny_checkpoint):
    for order, width in ((["other", "mluke"], 16), (["mluke", "other"], WIDTH)):
        doc = pipeline(order, tiny_checkpoint)("Tokyo is big")
        assert doc._.trf_data.width == width
        assert doc._.mluke.width == 16


def test_listeners_of_a_frozen_encoder_that_was_not_loaded_get_its_width(steady_checkpoint, tmp_path):
    nlp = pipeline(["mluke", "tag_mluke"], steady_checkpoint)
    nlp.add_pipe("mluke_typing", config={"model": {"encoder": {"@architectures": "spacy-mluke.EncoderListener.v1"}}})
    gold = examples(nlp)
    for eg in gold:
        eg.reference.spans["mluke_types"] = [eg.reference[0:1]]
        eg.reference.spans["mluke_types"][0].label_ = "CITY"
        eg.predicted.ents = [Span(eg.predicted, 0, 1, "CITY")]
    with nlp.select_pipes(disable=["mluke"]):
        nlp.initialize(lambda: gold)
    assert not nlp.get_pipe("mluke").is_loaded
    losses = nlp.update(gold, exclude=["mluke"], annotates=["mluke"])
    assert losses["tag_mluke"] > 0.0
    assert all(token.tag_ for token in nlp("Tokyo is big"))


def test_extra_annotations_are_set_as_spacy_transformers_does(tiny_checkpoint):
    found: list = []

    def annotate(docs, batch):
        for doc, data in zip(docs, batch.doc_data, strict=True):
            found.append((doc.text, doc._.trf_data is not None, data.width))

    spacy.registry.callbacks("spacy-mluke-tests.extra.v1", func=lambda: annotate)
    nlp = spacy.blank("xx")
    extra = {"@callbacks": "spacy-mluke-tests.extra.v1"}
    nlp.add_pipe("mluke", config={"model": {"name": str(tiny_checkpoint)}, "set_extra_annotations": extra})
    list(nlp.pipe(["Tokyo", "Paris"]))
    assert found == [("Tokyo", True, 16), ("Paris", True, 16)]
