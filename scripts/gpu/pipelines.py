"""A small pipeline for each component, with examples, to compare two devices."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, cast

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config
from thinc.util import to_numpy

from spacy_mluke.annotate.answers import Answer
from spacy_mluke.annotate.relations import Relation
from spacy_mluke.encoder.access import is_encoder, load_model
from spacy_mluke.encoder.request import EncoderModel
from spacy_mluke.extensions import install_extensions
from spacy_mluke.kb.store_build import StoreRow, build_store

FACTS = [("Tokyo", "Q1490", "Japan", "Q17"), ("Paris", "Q90", "France", "Q142"), ("Berlin", "Q64", "Germany", "Q183")]
MORE = "It lies far away , and many people who came from other lands live there today ."


@dataclasses.dataclass
class Case:
    """A component to compare."""

    name: str
    nlp: Language
    examples: List[Example]

    @property
    def pipe(self) -> Any:
        return self.nlp.get_pipe(self.name)

    @property
    def encoder(self) -> EncoderModel:
        """Return the component's encoder."""
        return next(filter(is_encoder, self.pipe.model.walk()))


def make_case(name: str, encoder: str, folder: Path, **options: Any) -> Case:
    """Make a component with new weights, from the same seed each time.

    name (str): The factory: one of NAMES.
    encoder (str): A checkpoint.
    folder (Path): A folder for files.
    **options (Any): For `spacy-mluke.Encoder.v1`.
    RETURNS (Case): The pipeline, initialized on the current device.
    """
    install_extensions()
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    model = {"name": encoder, **options}
    nlp.add_pipe(name, config=_CONFIGS[name](model, folder))
    examples = _examples(nlp)
    if name == "mluke":
        pooling = {"@layers": "reduce_mean.v1"}
        listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": pooling}
        nlp.add_pipe("tagger", config={"model": {"tok2vec": listener}})
    nlp.initialize(lambda: examples)
    if name == "mluke":
        _start_tagger(nlp)
    case = Case(name, nlp, examples)
    without_dropout(case.encoder)
    return case


def copy_case(case: Case) -> Case:
    """Return a copy of a component, read from its bytes to the current device.

    case (Case): The component.
    RETURNS (Case): The copy.
    """
    nlp = load_model_from_config(case.nlp.config).from_bytes(case.nlp.to_bytes())
    copied = Case(case.name, nlp, _examples(nlp))
    without_dropout(copied.encoder)
    return copied


def without_dropout(encoder: EncoderModel) -> None:
    """Switch off randomness in training, so that steps can be compared.

    encoder (EncoderModel): An encoder.
    """
    modules: Iterable[Any] = load_model(encoder).network.modules()
    for module in modules:
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0


def _start_tagger(nlp: Language) -> None:
    """Initialize the tagger's weights, which are zero by default and would have zero gradients."""
    rng = numpy.random.default_rng(0)
    tagger: Any = nlp.get_pipe("tagger")
    for node in tagger.model.walk():
        for param in node.param_names:
            if node.name == "softmax" and node.has_param(param):
                values = rng.normal(scale=0.1, size=node.get_param(param).shape)
                node.set_param(param, node.ops.asarray_f(values.astype("float32")))


def _examples(nlp: Language) -> List[Example]:
    return [Example(_doc(nlp, fact, i, False), _doc(nlp, fact, i, True)) for i, fact in enumerate(FACTS * 2)]


def _doc(nlp: Language, fact: Tuple[str, str, str, str], n_more: int, is_gold: bool) -> Doc:
    """Return "Tokyo is the capital of Japan" with the annotation of a task."""
    city, city_id, country, country_id = fact
    is_cloze = "mluke_cloze" in nlp.pipe_names
    words = [city, "is", "the", "capital", "of", country, *(MORE.split() * n_more)]
    if is_cloze and not is_gold:
        words[0] = "[MASK]"
    doc = Doc(nlp.vocab, words=words)
    ids = (city_id, country_id) if is_gold else ("", "")
    if "mluke_ner" not in nlp.pipe_names or is_gold:
        doc.ents = [Span(doc, 0, 1, "CITY", kb_id=ids[0]), Span(doc, 5, 6, "COUNTRY", kb_id=ids[1])]
    if is_cloze:
        doc.ents = doc.ents[:1] if is_gold else []
    doc._.mluke_questions = ["Which city?"]
    if is_gold:
        for token in doc:
            token.tag_ = "NAME" if token.i in (0, 5) else "WORD"
        doc._.mluke_relations = [Relation(doc[0:1], doc[5:6], "capital")]
        doc.spans["mluke_types"] = [Span(doc, 0, 1, "CITY"), Span(doc, 5, 6, "LAND")]
        doc._.mluke_answers = [[Answer.at(doc, 0, len(city))]]
    return doc


def _store(folder: Path) -> str:
    path = folder / "store.sqlite"
    if not path.exists():
        rows = [StoreRow(city_id, "en", city, "city", 0.6) for city, city_id, _, _ in FACTS]
        rows += [StoreRow(country_id, "en", country, "country") for _, _, country, country_id in FACTS]
        rows += [StoreRow(f"Q90000{i}", "en", fact[0], "band", 0.4) for i, fact in enumerate(FACTS)]
        build_store(rows, path)
    return str(path)


def _with_encoder(model: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    return {"model": {"encoder": model, "dropout": 0.0}}


def _linker(model: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": _store(folder)}
    return {"model": {"encoder": model}, "candidates": source}


def _ner(model: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    few = {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 2}
    return {**_with_encoder(model, folder), "suggester": few}


_CONFIGS: Dict[str, Callable[[Dict[str, Any], Path], Dict[str, Any]]] = {
    "mluke": lambda model, folder: {"model": model},
    "mluke_ner": _ner,
    "mluke_relations": _with_encoder,
    "mluke_typing": _with_encoder,
    "mluke_qa": _with_encoder,
    "mluke_cloze": lambda model, folder: {"model": {"encoder": model}},
    "mluke_linker": _linker,
}
NAMES = tuple(_CONFIGS)


# --- what is compared ---


def predictions(case: Case) -> numpy.ndarray:
    """Return all numbers of a component's predictions, as one array.

    case (Case): The component.
    RETURNS (numpy.ndarray): Shape: (n,), float64.
    """
    found = case.pipe.predict([eg.predicted for eg in case.examples])
    flat = [numpy.asarray(to_numpy(part), dtype="float64").ravel() for part in _numbers(found)]
    return numpy.concatenate(flat) if flat else numpy.zeros(0)


def _numbers(found: Any) -> Iterator[Any]:
    """Yield floats and arrays of floats in dataclasses and containers."""
    if isinstance(found, float):
        yield numpy.asarray([found])
    elif hasattr(found, "dtype") and hasattr(found, "shape"):
        if found.dtype.kind == "f":
            yield found
    elif dataclasses.is_dataclass(found):
        for field in dataclasses.fields(found):
            yield from _numbers(getattr(found, field.name))
    elif isinstance(found, dict):
        yield from _numbers(list(found.values()))
    elif isinstance(found, (list, tuple)):
        for part in found:
            yield from _numbers(part)


def gradients(case: Case) -> Tuple[float, Dict[str, numpy.ndarray]]:
    """Return the loss of a training step and the gradients of all parameters, and clear the gradients.

    case (Case): The component.
    RETURNS (Tuple[float, Dict[str, numpy.ndarray]]): Loss, and gradients by name.
    """
    losses: Dict[str, float] = {}
    # sgd=False: spaCy does not update the weights.
    case.nlp.update(case.examples, sgd=cast(Any, False), losses=losses)
    found: Dict[str, numpy.ndarray] = {}
    for name, parameter in load_model(case.encoder).named_parameters():
        if parameter.grad is not None:
            found[name] = parameter.grad.float().cpu().numpy()
            parameter.grad = None
    return sum(losses.values()), found


def steps(case: Case, n: int, rate: float = 1e-4) -> List[float]:
    """Train for some steps with AdamW.

    case (Case): The component, which is changed.
    n (int): Number of steps.
    rate (float): Learning rate.
    RETURNS (List[float]): The loss of each step.
    """
    from spacy_mluke.encoder.optimizer import AdamW

    optimizer = AdamW(rate)
    history = []
    for _ in range(n):
        losses: Dict[str, float] = {}
        case.nlp.update(case.examples, sgd=optimizer, losses=losses)
        history.append(sum(losses.values()))
    return history


def weights(case: Case) -> torch.Tensor:
    """Return all trained weights of an encoder, on the CPU. Shape: (n,)."""
    parts: List[Optional[torch.Tensor]] = [
        parameter.detach().float().cpu().reshape(-1)
        for _, parameter in load_model(case.encoder).named_parameters()
        if parameter.requires_grad
    ]
    return torch.cat([part for part in parts if part is not None])
