"""What a process imports so that it can be forked: all that a pipeline needs, with the packages that spaCy imports when
the first Language is made."""

from __future__ import annotations

import spacy

from . import worker

__all__ = ["worker"]

spacy.blank("xx")
