"""Measure one system of `python -m benchmarks.peers` in this process: python -m benchmarks.peer_models NAME ...

Models of other packages have random weights of the published sizes. They are made once, saved, and loaded as a user
loads them. A random model would find entities everywhere, and trained ones find few; so its output is biased towards
finding none.
"""

from __future__ import annotations

import resource
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import typer

from .checkpoints import sentencepiece_model, xlmr_directory
from .options import CACHE
from .texts import read_texts
from .timing import timed
from .worker import Figures, serve

DATA = typer.Option(..., help="Folder with xquad.LANG.json")
N_TEXTS = typer.Option(..., help="Number of texts")
PIPELINE = typer.Option("", help="Path or name of a pipeline of spacy_mluke")
LABELS = ("person", "organization", "location")
# mDeBERTa-v3 base.
MDEBERTA: Dict[str, Any] = {
    "model_type": "deberta-v2",
    "vocab_size": 251000,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
}
# Documents that the encoder's words are aligned for together.
_BATCH = 128

# Finds the entities of texts, and returns their number.
Run = Callable[[List[str]], int]
# With the number of the model's parameters, for models of the published sizes.
System = Tuple[Run, Optional[int]]


def measure(
    system: str, data: Path = DATA, cache: Path = CACHE, n_texts: int = N_TEXTS, pipeline: str = PIPELINE
) -> None:
    """Load a system and warm it up; then find the entities of all texts, once for each line of the standard input.

    system (str): A key of SYSTEMS.
    data (Path): Folder with xquad.LANG.json.
    cache (Path): Folder for models.
    n_texts (int): Number of texts.
    pipeline (str): Path or name of a pipeline with spacy_mluke's components; "" for `spacy_mluke.load()`.
    """

    def prepare() -> Tuple[Figures, Callable[[], Figures]]:
        texts = [text for text, _ in read_texts(data, n_texts)]
        find, n_parameters = SYSTEMS[system](cache, pipeline)
        find(texts[:4])

        def run() -> Figures:
            seconds, n_entities = timed(lambda: find(texts))
            return {"seconds": seconds, "entities": n_entities, "peak_mb": peak_mb()}

        return {"parameters": n_parameters, "loaded_mb": peak_mb()}, run

    serve(prepare)


def peak_mb() -> float:
    """Return the largest memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def n_words(texts: Sequence[str]) -> int:
    """Return the number of tokens of texts by spaCy's tokenizer for any language."""
    import spacy

    nlp = spacy.blank("xx")
    return sum(len(nlp.make_doc(text)) for text in texts)


# --- other packages ---


def load_gliner(cache: Path, pipeline: str) -> System:
    """Load GLiNER with the sizes of gliner_multi-v2.1: mDeBERTa-v3 base, an LSTM, spans of up to 12 words."""
    from gliner import GLiNER

    path = _make(cache / f"gliner-multi-{version('gliner')}", _make_gliner)
    model = GLiNER.from_pretrained(str(path), local_files_only=True)

    def find(texts: List[str]) -> int:
        # Random scores are near one half: a trained model's are near zero for almost every span.
        return sum(map(len, model.inference(texts, list(LABELS), threshold=0.99)))

    return find, _n_parameters(model.model)


def _make_gliner(path: Path) -> None:
    import torch
    from gliner import GLiNER, GLiNERConfig
    from transformers import DebertaV2TokenizerFast

    torch.manual_seed(0)
    # mDeBERTa's vocabulary cannot be downloaded: XLM-R's, which is as large, in the same class.
    DebertaV2TokenizerFast(vocab_file=str(sentencepiece_model())).save_pretrained(path / "tokenizer")
    config = GLiNERConfig(
        model_name=str(path / "tokenizer"),
        encoder_config=dict(MDEBERTA),
        hidden_size=MDEBERTA["hidden_size"],
        max_width=12,
        max_len=384,
        span_mode="markerV0",
        subtoken_pooling="first",
        words_splitter_type="whitespace",
        num_rnn_layers=1,
    )
    GLiNER.from_config(config, backbone_from_pretrained=False).save_pretrained(path, safe_serialization=True)


def load_span_marker(cache: Path, pipeline: str) -> System:
    """Load SpanMarker on XLM-R base, with the lengths of the published models: 256 wordpieces, 128 markers, 8 words."""
    import torch
    from span_marker import SpanMarkerModel

    torch.manual_seed(0)
    model = SpanMarkerModel.from_pretrained(
        str(xlmr_directory("base", cache)),
        labels=["O", *LABELS],
        model_max_length=256,
        marker_max_length=128,
        entity_max_length=8,
    ).eval()
    with torch.no_grad():
        model.classifier.bias[0] = 10.0

    def find(texts: List[str]) -> int:
        return sum(map(len, model.predict(texts)))

    return find, _n_parameters(model)


def load_spacy(cache: Path, pipeline: str) -> System:
    """Load spaCy's transformer and its named entity recognizer on XLM-R base, with the options of its quickstart."""
    import spacy

    from spacy_mluke.encoder.parameters import models_of, parameters_of

    def make(path: Path) -> None:
        _make_spacy(path, xlmr_directory("base", cache))

    nlp = spacy.load(_make(cache / f"spacy-transformer-{version('spacy-transformers')}", make))
    layers = [layer for _, model in models_of(nlp) for layer in model.walk()]
    shims = [shim for layer in layers for shim in layer.shims]
    return _find_with(nlp), sum(p.numel() for shim in shims for _, p in parameters_of(shim))


def _make_spacy(path: Path, encoder: Path) -> None:
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("xx")
    nlp.batch_size = 128
    spacy.util.fix_random_seed(0)
    windows = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}
    model = {"name": str(encoder), "tokenizer_config": {"use_fast": True}, "get_spans": windows}
    nlp.add_pipe("transformer", config={"model": {"@architectures": "spacy-transformers.TransformerModel.v3", **model}})
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": {"@layers": "reduce_mean.v1"}}
    parser = {"state_type": "ner", "hidden_width": 64, "maxout_pieces": 2, "use_upper": False, "tok2vec": listener}
    parser["@architectures"] = "spacy.TransitionBasedParser.v2"
    nlp.add_pipe("ner", config={"model": parser})
    doc = nlp.make_doc("Ada founded Acme in Oslo .")
    entities = [(0, 3, LABELS[0]), (12, 16, LABELS[1]), (20, 24, LABELS[2])]
    nlp.initialize(lambda: [Example.from_dict(doc, {"entities": entities})])
    nlp.to_disk(path)


def _make(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder, made once."""
    if not (path / "done").exists():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        make(path)
        (path / "done").touch()
    return path


# --- spacy_mluke ---


def load_words(cache: Path, pipeline: str) -> System:
    """Load the encoder of a pipeline, to read the words alone."""
    from spacy.util import minibatch

    from spacy_mluke.encoder.inputs import EncoderInput, no_spans
    from spacy_mluke.pipeline.quantize import encoders_of

    nlp = load_pipeline(pipeline)
    encoder = next(encoders_of(nlp))

    def find(texts: List[str]) -> int:
        for docs in minibatch(map(nlp.make_doc, texts), _BATCH):
            encoder.predict(EncoderInput(docs, no_spans(len(docs))))
        return 0

    return find, None


def load_names(cache: Path, pipeline: str) -> System:
    """Load a pipeline up to the last component that finds names."""
    nlp = load_pipeline(pipeline)
    finders = [i for i, name in enumerate(nlp.pipe_names) if "token.ent_iob" in nlp.get_pipe_meta(name).assigns]
    nlp.select_pipes(enable=nlp.pipe_names[: finders[-1] + 1])
    return _find_with(nlp), None


def load_all(cache: Path, pipeline: str) -> System:
    """Load a whole pipeline."""
    nlp = load_pipeline(pipeline)
    return _find_with(nlp), None


def load_separate(cache: Path, pipeline: str) -> System:
    """Load a whole pipeline, and forget the states that its components hand on: each reads the texts itself."""
    from spacy_mluke.annotate.passages import drop_passage

    nlp = load_pipeline(pipeline)

    def find(texts: List[str]) -> int:
        docs = list(map(nlp.make_doc, texts))
        for _, component in nlp.pipeline:
            docs = list(component.pipe(docs, batch_size=nlp.batch_size))
            for doc in docs:
                drop_passage(doc)
        return sum(len(doc.ents) for doc in docs)

    return find, None


def load_pipeline(pipeline: str) -> Any:
    """Load a pipeline.

    pipeline (str): Its path or name; "" for `spacy_mluke.load()`.
    RETURNS (Language): The pipeline.
    """
    import spacy

    import spacy_mluke

    return spacy.load(pipeline) if pipeline else spacy_mluke.load()


def _find_with(nlp: Any) -> Run:
    def find(texts: List[str]) -> int:
        return sum(len(doc.ents) for doc in nlp.pipe(texts))

    return find


def _n_parameters(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# --- all of them ---

SYSTEMS: Dict[str, Callable[[Path, str], System]] = {
    "gliner": load_gliner,
    "span_marker": load_span_marker,
    "spacy": load_spacy,
    "words": load_words,
    "names": load_names,
    "separate": load_separate,
    "all": load_all,
}

if __name__ == "__main__":
    typer.run(measure)
