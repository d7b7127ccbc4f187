"""Options whose names changed."""

from __future__ import annotations

import warnings

import pytest

from spacy_mluke.errors import renamed


@pytest.fixture(autouse=True)
def nothing_warned(monkeypatch):
    monkeypatch.setattr(renamed, "_warned", set())


def test_the_old_name_works_and_warns_once():
    with pytest.warns(FutureWarning, match=r"\[ML125\] Option 'old' of here is now called 'new'"):
        assert renamed.take_renamed("here", "old", "new", 3, 1) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert renamed.take_renamed("here", "old", "new", 4, 1) == 4


def test_without_the_old_name_the_new_value_is_used():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert renamed.take_renamed("here", "old", "new", None, 1) == 1
