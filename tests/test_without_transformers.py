"""Everything except listeners of spacy-transformers works without transformers and spacy-transformers."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPO
from tests.pipeline.conftest import steady_checkpoint, tiny_checkpoint  # noqa: F401

PACKAGE = REPO / "spacy_mluke"
BRIDGE = PACKAGE / "encoder" / "trf_data.py"

REFUSE = """
import sys
from importlib.metadata import Distribution

MISSING = ("transformers", "spacy-transformers", "spacy-alignments")
discover = Distribution.discover
# spaCy imports the entry points of all packages that are installed.
Distribution.discover = lambda **options: (d for d in discover(**options) if d.metadata["Name"] not in MISSING)

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].replace("_", "-") in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Refuse())
"""

CODE = """
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

import spacy_mluke
from spacy_mluke.checkpoint.load import load_encoder

checkpoint = sys.argv[1]
load_encoder(checkpoint)
encoder = {"model": {"encoder": {"name": checkpoint}}}
nlp = spacy.blank("xx")
nlp.add_pipe("mluke", config={"model": {"name": checkpoint}})
listener = {"@architectures": "spacy-mluke.EncoderListener.v1"}
nlp.add_pipe("mluke_typing", name="listening", config={"model": {"encoder": listener}})
for name in ("mluke_relations", "mluke_typing", "mluke_qa", "mluke_cloze", "mluke_ner"):
    nlp.add_pipe(name, config=encoder)
words = ["Tokyo", "is", "in", "Japan"]
gold = Doc(nlp.vocab, words=words)
gold.ents = [Span(gold, 0, 1, "CITY", kb_id="Q1490"), Span(gold, 3, 4, "COUNTRY", kb_id="Q17")]
gold._.mluke_relations = [spacy_mluke.annotate.relations.Relation(gold[0:1], gold[3:4], "capital")]
gold._.mluke_questions = ["Where is Tokyo?"]
gold._.mluke_answers = [[gold[3:4]]]
predicted = Doc(nlp.vocab, words=words)
predicted.ents = [Span(predicted, ent.start, ent.end, ent.label_) for ent in gold.ents]
predicted._.mluke_questions = ["Where is Tokyo?"]
examples = [Example(predicted, gold)]
optimizer = nlp.initialize(lambda: examples)
losses = nlp.update(examples, sgd=optimizer)
assert all(losses[name] > 0.0 for name in nlp.pipe_names if name != "mluke"), losses
doc = nlp(predicted.copy())
assert len(doc._.mluke) and doc._.mluke.token_vectors is not None
try:
    doc._.trf_data
except ImportError as error:
    assert str(error).startswith("[ML327]"), error
else:
    raise AssertionError("doc._.trf_data needs spacy-transformers")
assert not [name for name in sys.modules if name.partition(".")[0] in ("transformers", "spacy_transformers")]
print("done")
"""


def test_components_train_and_predict_without_transformers(steady_checkpoint):  # noqa: F811
    command = [sys.executable, "-W", "ignore", "-c", REFUSE + CODE, str(steady_checkpoint)]
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.stdout.strip().endswith("done"), result.stderr[-2000:]


def test_one_module_imports_spacy_transformers_and_none_transformers():
    for path in PACKAGE.rglob("*.py"):
        for name in imported(path):
            assert name.partition(".")[0] != "transformers", path
            assert name.partition(".")[0] != "spacy_transformers" or path == BRIDGE, path


def imported(path: Path):
    """Yield the modules that a file imports at run time, without those for type checkers only. A file that does not
    contain the word imports none of them, and is not parsed."""
    text = path.read_text(encoding="utf8")
    tree = ast.parse(text if "transformers" in text else "")
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
