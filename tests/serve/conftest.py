"""A server with a small pipeline: names by rules, links, relations, questions and masks with tiny random encoders."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import Any, Callable, Iterator, List

import pytest
import spacy
from spacy.language import Language
from spacy.util import fix_random_seed
from transformers import LukeForMaskedLM

from spacy_mluke.kb.store_build import build_store
from spacy_mluke.kb.store_rows import StoreDescription, StoreRow
from spacy_mluke.pipeline.base.published import load_encoder_model
from tests.checkpoint.checkpoints import FULL, make_checkpoint
from tests.pipeline.link_docs import ROWS
from tests.pipeline.relation_docs import own_model

TOKYO = [
    StoreRow("Q1490", "", "geonames:1850147", kind="xref"),
    StoreDescription("Q1490", "en", "capital of Japan"),
]
FACTS = [("Q1490", "P47", "Q90"), ("Q1490", "P47", "Q11"), ("Q1490", "P99999", "Q142"), ("Q1490", "P1376", "Q17")]
NEEDED = ("fastapi", "uvicorn", "prometheus_client", "httpx")


@pytest.fixture(scope="session")
def packages() -> None:
    """Skip tests whose packages are not installed."""
    for name in NEEDED:
        pytest.importorskip(name, reason=f"the server needs {name}: pip install fastapi uvicorn prometheus-client")


@pytest.fixture(scope="session")
def served_nlp(tmp_path_factory, tiny_sentencepiece) -> Language:
    """A pipeline with all components that the server uses. Its encoders have random weights. Tests must not change
    it."""
    fix_random_seed(0)
    folder = tmp_path_factory.mktemp("served")
    rows = [*ROWS, *TOKYO]
    store = build_store(rows, folder / "store.sqlite", facts=FACTS, classes=[("Q1490", "big city")])
    options = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    path = make_checkpoint(folder / "checkpoint", tiny_sentencepiece, entities=FULL, model=LukeForMaskedLM, **options)
    encoder = {"model": {"encoder": {"name": str(path)}}}
    nlp = spacy.blank("xx")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": name} for name in ("Tokyo", "Paris", "Japan", "東京")])
    nlp.add_pipe("mluke", config={"model": {"name": str(path)}})
    linker = {**encoder, "candidates": {"path": str(store.path)}, "grow": "none"}
    nlp.add_pipe("mluke_linker", config=linker)
    relations: Any = nlp.add_pipe("mluke_relations", config={"model": own_model(path)})
    for label in ("P36", "capital"):
        relations.add_label(label)
    nlp.add_pipe("mluke_cloze", config=encoder)
    answerer: Any = nlp.add_pipe("mluke_qa", config={"model": own_model(path), "null_threshold": None})
    for pipe in (relations, answerer):
        load_encoder_model(pipe.model)
        pipe.initialize_head()
    return nlp


@pytest.fixture(scope="session")
def make_client(packages) -> Callable[..., Any]:
    """Return a function that starts a server with a pipeline, inside this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    from spacy_mluke.serve.app import make_app
    from spacy_mluke.serve.settings import Settings
    from spacy_mluke.serve.worker import Worker

    @contextlib.contextmanager
    def make(nlp: Language, worker: Callable[[Language], Worker] = Worker, **settings: Any) -> Iterator[Any]:
        def load(_: Settings) -> Worker:
            return worker(nlp)

        with TestClient(make_app(Settings(**settings), load)) as client:
            yield client

    return make


@pytest.fixture(scope="session")
def client(make_client, served_nlp) -> Iterator[Any]:
    with make_client(served_nlp) as found:
        yield found


class Gate:
    """Makes a worker that waits before each batch until it is opened, and records the batches."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()
        self.batches: List[List[str]] = []

    def __call__(self, nlp: Language) -> Any:
        from spacy_mluke.serve.worker import Worker

        worker = Worker(nlp)
        run = worker.run

        def wait_and_run(key: Any, payloads: List[Any]) -> List[Any]:
            self.batches.append([payload.text for payload in payloads])
            self.entered.set()
            assert self.opened.wait(10)
            return run(key, payloads)

        worker.run = wait_and_run  # type: ignore[method-assign]
        return worker


@pytest.fixture
def gate() -> Iterator[Gate]:
    found = Gate()
    yield found
    found.opened.set()
