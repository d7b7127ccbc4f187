"""Measure one system of `python -m benchmarks` in this process.

    python -m benchmarks.systems ours small ../shared/data/xquad /tmp/spacy_mluke_bench 84

Prints one line of JSON: seconds, number of wordpieces, peak memory, and figures of the system.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import typer

from .checkpoints import luke_directory, xlmr_directory
from .texts import CharSpans, read_texts
from .timing import take_turns, timed

Texts = List[Tuple[str, CharSpans]]


def measure(system: str, size: str, data: Path, cache: Path, n_texts: int, batch_size: int = 32) -> None:
    """Load a system, warm it up, encode all texts, and print its figures.

    system (str): "ours", "int8", "bfloat16", "arrival", "sorted", "xlmr", "floor", "align" or "tokenizer".
    size (str): "base" or "small".
    data (Path): Folder with xquad.LANG.json.
    cache (Path): Folder for checkpoints.
    n_texts (int): Number of texts.
    batch_size (int): Batch size of the reference.
    """
    texts = read_texts(data, n_texts)
    result = SYSTEMS[system](texts, size, cache, batch_size)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def run_int8(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure the component in int8."""
    return run_ours(texts, size, cache, batch_size, quantize="int8")


def run_bfloat16(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure the component in bfloat16."""
    return run_ours(texts, size, cache, batch_size, dtype="bfloat16")


def run_ours(texts: Texts, size: str, cache: Path, batch_size: int, **options: Any) -> Dict[str, Any]:
    """Measure the component in a pipeline: in total, the network alone, and spaCy's tokenizer."""
    import spacy

    from spacy_mluke.encoder.access import load_model

    nlp = spacy.blank("xx")
    name = "mluke-small" if size == "small" else str(luke_directory(size, cache))
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"}
    component: Any = nlp.add_pipe("mluke", config={"model": {"name": name, **options}, "suggester": suggester})
    network = load_model(component.model).network
    spent = {"network": 0.0, "pieces": 0, "entities": 0}
    forward = network.forward

    def timed_forward(piece_ids: Any, *args: Any, **kwargs: Any) -> Any:
        seconds, output = timed(lambda: forward(piece_ids, *args, **kwargs))
        spent["network"] += seconds
        spent["pieces"] += len(piece_ids)
        spent["entities"] += len(output[1])
        return output

    network.forward = timed_forward  # type: ignore[method-assign]
    list(nlp.pipe(_docs(nlp, texts[:2])))
    tokenizing, docs = timed(lambda: _docs(nlp, texts))
    spent.update(network=0.0, pieces=0, entities=0)
    seconds, docs = timed(lambda: list(nlp.pipe(docs)))
    assert all(doc._.mluke is not None for doc in docs)
    return {
        "seconds": seconds,
        "network_seconds": spent["network"],
        "spacy_tokenizer_seconds": tokenizing,
        "rows": spent["pieces"] + spent["entities"],
        "pieces": spent["pieces"],
    }


def run_arrival(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure the reference with texts in random order."""
    return _run_reference(texts, size, cache, batch_size, by_length=False)


def run_sorted(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure the reference with texts sorted by length."""
    return _run_reference(texts, size, cache, batch_size, by_length=True)


def _run_reference(texts: Texts, size: str, cache: Path, batch_size: int, *, by_length: bool) -> Dict[str, Any]:
    import torch
    from transformers import LukeModel, MLukeTokenizer

    path = luke_directory(size, cache)
    tokenizer = MLukeTokenizer.from_pretrained(path)
    model = LukeModel.from_pretrained(path).eval()

    def encode(batch: List[Dict[str, Any]]) -> int:
        inputs = _pad(batch)
        with torch.no_grad():
            model(**inputs)
        return sum(len(item["input_ids"]) for item in batch)

    def encode_all() -> int:
        items = [_tokenize(tokenizer, text, spans) for text, spans in texts]
        if by_length:
            items.sort(key=_n_pieces)
        return sum(encode(items[start : start + batch_size]) for start in range(0, len(items), batch_size))

    encode([_tokenize(tokenizer, text, spans) for text, spans in texts[:2]])
    seconds, pieces = timed(encode_all)
    return {"seconds": seconds, "pieces": pieces, "batch_size": batch_size}


def _tokenize(tokenizer: Any, text: str, spans: CharSpans) -> Dict[str, Any]:
    # One by one: for a batch, the reference's tokenizer takes the spans as text pairs.
    if not spans:
        return dict(tokenizer(text, truncation=True, max_length=512))
    return dict(tokenizer(text, entity_spans=spans, truncation=True, max_length=512, max_entity_length=128))


def _pad(batch: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Pad as the reference's `pad` does, with an explicit entity attention mask."""
    import torch

    longest = max(len(item["input_ids"]) for item in batch)
    most_entities = max(len(item.get("entity_ids", ())) for item in batch)
    inputs = {
        "input_ids": torch.tensor([i["input_ids"] + [1] * (longest - len(i["input_ids"])) for i in batch]),
        "attention_mask": torch.tensor(
            [[1] * len(i["input_ids"]) + [0] * (longest - len(i["input_ids"])) for i in batch]
        ),
    }
    if most_entities:
        entities = [i.get("entity_ids", []) for i in batch]
        positions = [i.get("entity_position_ids", []) for i in batch]
        padding = [-1] * 30
        inputs["entity_ids"] = torch.tensor([e + [0] * (most_entities - len(e)) for e in entities])
        inputs["entity_attention_mask"] = torch.tensor(
            [[1] * len(e) + [0] * (most_entities - len(e)) for e in entities]
        )
        inputs["entity_position_ids"] = torch.tensor([p + [padding] * (most_entities - len(p)) for p in positions])
    return inputs


def run_xlmr(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure a spacy-transformers pipeline with an XLM-R of the same size, which has no entities."""
    import spacy

    nlp = spacy.blank("xx")
    path = xlmr_directory(size, cache)
    nlp.add_pipe("transformer", config={"model": {"name": str(path)}})
    nlp.initialize()
    list(nlp.pipe([text for text, _ in texts[:2]]))
    docs = [nlp.make_doc(text) for text, _ in texts]
    seconds, docs = timed(lambda: list(nlp.pipe(docs)))
    pieces = sum(int(doc._.trf_data.wordpieces.attention_mask.sum()) for doc in docs)
    return {"seconds": seconds, "pieces": pieces}


def run_floor(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure the matrix products of the encoder's layers, for four seconds."""
    import torch
    from torch.nn.functional import linear

    from spacy_mluke.checkpoint.config_file import read_config

    config = read_config(luke_directory(size, cache))
    width, inner = config.hidden_size, config.intermediate_size
    shapes = [(3 * width, width), (width, width), (inner, width), (width, inner)]
    weights = [[torch.randn(shape) for shape in shapes] for _ in range(config.num_hidden_layers)]
    n_rows = 1024
    inputs = {n: torch.randn(n_rows, n) for n in (width, inner)}
    rows = 0
    with torch.no_grad():
        for _ in range(2):
            started = time.perf_counter()
            rows = 0
            while time.perf_counter() - started < 4:
                for layer in weights:
                    for weight in layer:
                        linear(inputs[weight.shape[1]], weight)
                rows += n_rows
            seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": rows, "rows_per_second": rows / seconds}


def run_align(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure tokenization and alignment of the component: everything before its first forward pass."""
    import spacy

    from spacy_mluke.encoder.access import load_model
    from spacy_mluke.encoder.inputs import EncoderInput

    nlp = spacy.blank("xx")
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"}
    component: Any = nlp.add_pipe("mluke", config={"suggester": suggester})
    # The wordpiece vocabulary is read when it is first used.
    assert load_model(component.model).wordpieces.mask_id
    docs = _docs(nlp, texts)

    def align_all() -> int:
        return len(EncoderInput(docs, component.suggester(docs)).align(component.model).piece_ids)

    return _repeat(align_all)


def run_tokenizer(texts: Texts, size: str, cache: Path, batch_size: int) -> Dict[str, Any]:
    """Measure the reference's tokenizer."""
    from transformers import MLukeTokenizer

    tokenizer = MLukeTokenizer.from_pretrained(luke_directory(size, cache))
    _tokenize(tokenizer, *texts[0])

    def tokenize_all() -> int:
        return sum(_n_pieces(_tokenize(tokenizer, text, spans)) for text, spans in texts)

    return _repeat(tokenize_all)


def _repeat(run: Callable[[], int]) -> Dict[str, Any]:
    """Run a function five times. The first time, when caches are filled, is also reported separately."""
    timings = take_turns({"": run}, 5)
    return {"seconds": timings.median(""), "first_seconds": timings.seconds[""][0], "pieces": timings.results[""]}


def _docs(nlp: Any, texts: Texts) -> List[Any]:
    docs = []
    for text, spans in texts:
        doc = nlp.make_doc(text)
        doc.spans["sc"] = [doc.char_span(start, end, alignment_mode="expand") for start, end in spans]
        docs.append(doc)
    return docs


def _n_pieces(item: Dict[str, Any]) -> int:
    return len(item["input_ids"])


SYSTEMS: Dict[str, Callable[[Texts, str, Path, int], Dict[str, Any]]] = {
    "ours": run_ours,
    "int8": run_int8,
    "bfloat16": run_bfloat16,
    "arrival": run_arrival,
    "sorted": run_sorted,
    "xlmr": run_xlmr,
    "floor": run_floor,
    "align": run_align,
    "tokenizer": run_tokenizer,
}

if __name__ == "__main__":
    typer.run(measure)
