"""Rows of a small entity store, and its candidates."""

from __future__ import annotations

from spacy_mluke.kb.store_build import StoreRow

ROWS = [
    StoreRow("Q90", "en", "Paris", "city", 0.9),
    StoreRow("Q90", "fr", "Paris", prior=0.95),
    StoreRow("Q90", "ja", "パリ"),
    StoreRow("Q90", "en", "City of Light"),
    StoreRow("Q167646", "en", "Paris", "hero", 0.1),
    StoreRow("Q30", "en", "US"),
    StoreRow("Q99", "en", "Us", "film"),
    StoreRow("Q2887", "es", "São Tomé"),
    StoreRow("Q2", "", "St. John’s"),
]


def candidates(store, *args, **kwargs):
    return [(match.id, round(match.prior, 3)) for match in store.candidates(*args, **kwargs)]
