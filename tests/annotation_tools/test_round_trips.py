"""Documents that went through the file of a tool equal those that were exported."""

from __future__ import annotations

import warnings

from hypothesis import HealthCheck, given, settings

from spacy_mluke import export_annotations, import_annotations
from tests.annotation_tools.samples import NLP, documents, facts

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def check_round_trip(doc, path, format, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overlapping entities are counted
        export_annotations([doc], path, format)
        (found,) = import_annotations(NLP, path, format, **options)
    assert facts(found) == facts(doc)


@QUICK
@given(doc=documents())
def test_documents_survive_label_studio(doc, tmp_path):
    check_round_trip(doc, tmp_path / "tasks.json", "label-studio", references=[doc], predictions=True)


@QUICK
@given(doc=documents())
def test_documents_survive_prodigy_with_their_tokens(doc, tmp_path):
    check_round_trip(doc, tmp_path / "tasks.jsonl", "prodigy")
